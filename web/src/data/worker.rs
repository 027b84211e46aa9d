//! The worker: finds out how data are to be read, and reads them, a picture at a time.

use std::collections::BTreeMap;
use std::io;
use std::rc::Rc;

use fewbit_data::{Asked, DataError, Files, Kind, Plan, Samples, Stream, Wanted, Work};
use fewbit_experiment::Failure;
use fewbit_experiment::failure::Code;
use fewbit_runtime::Pace;
use js_sys::Uint8Array;
use web_sys::File;

use super::protocol::{Ask, Found, Planned, Purpose, Told};
use crate::platform::blob::BlobReader;
use crate::platform::inbox::Inbox;
use crate::platform::message;
use crate::platform::scope::{self, Breath, now_millis};

/// Progress is told of no sooner than after so many milliseconds.
const TOLD_EVERY: f64 = 60.0;
/// What only says how other files are read.
const COMPANIONS: [&str; 5] =
    ["tokenizer.json", "preprocessor_config.json", "labels.csv", "labels.txt", "classes.txt"];

fn post(told: &Told) {
    scope::post(told, &[]);
}

/// Runs the worker, for as long as its screen keeps it.
pub fn run() {
    let inbox = Rc::new(Inbox::default());
    wasm_bindgen_futures::spawn_local(serve(Rc::clone(&inbox)));
    scope::listen(
        move |data| match message::unpack(data) {
            Ok((ask, _)) => {
                if matches!(ask, Ask::Plan { .. }) {
                    inbox.retain(|(older, _)| !matches!(older, Ask::Plan { .. }));
                }
                inbox.put((ask, message::files(data)));
            }
            Err(failure) => post(&Told::Died(failure)),
        },
        |panic| {
            let why = format!("the worker that reads data died: {panic}");
            post(&Told::Died(Failure::new(Code::WorkerLost, why)));
        },
    );
}

async fn serve(inbox: Rc<Inbox<(Ask, Vec<File>)>>) {
    let breath = Breath::default();
    let mut desk = Desk::default();
    loop {
        while let Some((ask, files)) = inbox.take() {
            desk.hear(ask, files);
        }
        if desk.reading.is_some() {
            while desk.reading.is_some() && !breath.is_due() {
                desk.advance();
            }
            breath.breathe().await;
        } else {
            inbox.wait().await;
        }
    }
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

fn is_companion(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path).to_lowercase();
    COMPANIONS.contains(&name.as_str())
}

/// What was given, how it is read, and what is being read.
#[derive(Default)]
struct Desk {
    given: Given,
    plan: Option<Plan>,
    reading: Option<Reading>,
}

struct Reading {
    work: Work,
    purpose: Purpose,
    told: f64,
}

impl Desk {
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
                let columns = Plan::columns(&self.given.paths(), &asked, &self.given);
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

    fn plan(&mut self, wanted: &Wanted, asked: &Asked) -> Result<Planned, DataError> {
        let started = now_millis();
        self.plan = None;
        self.reading = None;
        let plan = Plan::of(&self.given.paths(), wanted, asked, &self.given)?;
        let preview = plan.preview(&self.given)?;
        let (how, notes) = (plan.how.clone(), plan.notes.clone());
        self.plan = Some(plan);
        Ok(Planned { how, notes, preview, millis: now_millis() - started })
    }

    /// Reads the next piece.
    fn advance(&mut self) {
        let Some(mut reading) = self.reading.take() else { return };
        match reading.work.step(&self.given) {
            Ok(Some(samples)) => match hand_over(&samples, reading.purpose) {
                Ok(()) => {}
                Err(why) => post(&Told::Failed(failed(&why))),
            },
            Ok(None) => {
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
