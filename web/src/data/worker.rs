//! The worker: finds out how data are to be read, and reads them, a picture at a time.

use std::collections::BTreeMap;
use std::io;

use fewbit_data::{Asked, DataError, Files, How, Kind, Plan, Samples, Stream, Wanted, Work, is_companion};
use fewbit_experiment::Failure;
use fewbit_experiment::failure::Code;
use js_sys::Uint8Array;
use web_sys::File;

use super::protocol::{Ask, Found, Planned, Purpose, Told};
use crate::platform::blob::BlobReader;
use crate::platform::scope::{self, now_millis};
use crate::platform::service::Service;

/// Progress is told of no sooner than after so many milliseconds.
const TOLD_EVERY: f64 = 60.0;

fn post(told: &Told) {
    scope::post(told, &[]);
}

/// Files by their paths.
#[derive(Default)]
struct Given(BTreeMap<String, File>);

impl Files for Given {
    fn open(&self, path: &str) -> io::Result<Box<dyn Stream>> {
        let found = self.0.get(path);
        let file = found.ok_or_else(|| io::Error::other("it is not among the files that were given"))?;
        Ok(Box::new(BlobReader::new(file.clone().into())?))
    }
}

impl Given {
    fn paths(&self) -> Vec<String> {
        self.0.keys().cloned().collect()
    }

    fn found(&self) -> Found {
        let paths = self.paths();
        let is_tokenizer = |path: &&String| {
            let path = path.to_lowercase();
            path.ends_with(".gguf") || path.ends_with(".json") && !path.ends_with("preprocessor_config.json")
        };
        let tokenizers = paths.iter().filter(is_tokenizer).cloned();
        Found {
            kind: Kind::of(&paths),
            name: name_of(&paths),
            files: paths.len(),
            bytes: self.0.values().map(|file| file.size() as u64).sum(),
            tokenizers: tokenizers.collect(),
        }
    }
}

/// The folder that all files lie in, or else the first that is no companion.
fn name_of(paths: &[String]) -> String {
    let folder = |path: &String| path.split_once('/').map(|(folder, _)| folder.to_owned());
    let first = paths.first().and_then(folder);
    let shared = first.filter(|first| paths.iter().all(|path| folder(path).as_ref() == Some(first)));
    let own = || paths.iter().find(|path| !is_companion(path)).or(paths.first()).cloned();
    shared.or_else(own).unwrap_or_default()
}

/// What was given, how it is read, and what is being read.
#[derive(Default)]
pub struct Desk {
    given: Given,
    plan: Option<Plan>,
    reading: Option<Reading>,
}

struct Reading {
    work: Work,
    purpose: Purpose,
    told: f64,
}

impl Service for Desk {
    type Ask = Ask;
    type Told = Told;

    fn died(failure: Failure) -> Told {
        Told::Died(failure)
    }

    fn is_overtaken(waiting: &Ask, newer: &Ask) -> bool {
        matches!((waiting, newer), (Ask::Plan { .. }, Ask::Plan { .. }))
    }

    fn is_busy(&self) -> bool {
        self.reading.is_some()
    }

    fn hear(&mut self, ask: Ask, files: Vec<File>) {
        match ask {
            Ask::Open { paths, beside } => {
                let stays = beside || paths.iter().all(|path| is_companion(path));
                let mut given = if stays { std::mem::take(&mut self.given.0) } else { BTreeMap::new() };
                given.extend(paths.into_iter().zip(files));
                *self = Self { given: Given(given), ..Self::default() };
                post(&Told::Opened(self.given.found()));
            }
            Ask::Plan { id, wanted, asked } => {
                let plan = self.plan(&wanted, &asked).map(Box::new).map_err(|why| failed(&why));
                let columns = match plan.as_ref().map(|planned| &planned.how) {
                    Ok(How::Table(reading)) => reading.columns.clone(),
                    Ok(_) => Vec::new(),
                    // To choose among, so that it can be read.
                    Err(_) => Plan::columns(&self.given.paths(), &asked, &self.given),
                };
                post(&Told::Planned { id, plan, columns });
            }
            Ask::Read { purpose } => match self.plan.clone().map(Plan::begin) {
                Some(Ok(work)) => self.reading = Some(Reading { work, purpose, told: now_millis() }),
                Some(Err(why)) => post(&Told::Failed(failed(&why))),
                None => post(&Told::Cancelled),
            },
            Ask::Cancel => {
                self.reading = None;
                post(&Told::Cancelled);
            }
        }
    }

    /// Reads the next piece.
    fn advance(&mut self) {
        let Some(mut reading) = self.reading.take() else { return };
        match reading.work.step(&self.given) {
            Ok(true) => {
                let samples = reading.work.finish();
                if let Err(why) = samples.and_then(|samples| hand_over(&samples, reading.purpose)) {
                    post(&Told::Failed(failed(&why)));
                }
            }
            Ok(false) => {
                let now = now_millis();
                if now - reading.told > TOLD_EVERY {
                    reading.told = now;
                    post(&Told::Progress(reading.work.progress()));
                }
                self.reading = Some(reading);
            }
            Err(why) => post(&Told::Failed(failed(&why))),
        }
    }
}

impl Desk {
    fn plan(&mut self, wanted: &Wanted, asked: &Asked) -> Result<Planned, DataError> {
        let started = now_millis();
        self.plan = None;
        self.reading = None;
        let plan = Plan::of(&self.given.paths(), wanted, asked, &self.given)?;
        let preview = plan.preview(&self.given)?;
        let (how, notes) = (plan.how(), plan.notes.clone());
        self.plan = Some(plan);
        Ok(Planned { how, notes, preview, millis: now_millis() - started })
    }
}

fn hand_over(samples: &Samples, purpose: Purpose) -> Result<(), DataError> {
    let bytes = samples.to_npz(purpose == Purpose::Save)?;
    let told = Told::Read { purpose, classes: samples.classes.clone() };
    scope::post(&told, &[Uint8Array::from(bytes.as_slice())]);
    Ok(())
}

fn failed(why: &DataError) -> Failure {
    match why {
        DataError::File { file, why } => Failure::new(Code::UnreadableData, why).at(file),
        why => Failure::new(Code::UnreadableData, why),
    }
}
