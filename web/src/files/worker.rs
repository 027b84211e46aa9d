//! The worker: opens files where they lie, and looks into one tensor at a time, some of its values at a time.

use std::io::Read;

use fewbit_experiment::Failure;
use fewbit_experiment::failure::Code;
use fewbit_experiment::inspect::{InspectError, Inspection, Surveyed, Target};
use fewbit_formats::tensors::Metadata;
use fewbit_formats::{Kind, Limits, ReadError, TensorFile};
use js_sys::Uint8Array;
use web_sys::File;

use super::build;
use super::protocol::{Ask, FileFacts, TensorFacts, Told};
use crate::platform::blob::BlobReader;
use crate::platform::scope::{self, memory_bytes, now_millis};
use crate::platform::service::Service;

/// Progress is told of no sooner than after so many milliseconds.
const TOLD_EVERY: f64 = 60.0;

fn post(told: &Told) {
    scope::post(told, &[]);
}

/// What is open, and what is looked at.
#[derive(Default)]
pub struct Desk {
    /// The files that are open, as they were given.
    given: Vec<File>,
    files: Vec<TensorFile<BlobReader>>,
    look: Option<Look>,
    /// What was found of the tensor that was looked at last: its file, its place there, and it.
    known: Option<(usize, usize, Surveyed)>,
}

/// A look under way.
struct Look {
    id: u64,
    file: usize,
    tensor: usize,
    inspection: Inspection,
    started: f64,
    told: f64,
}

impl Service for Desk {
    type Ask = Ask;
    type Told = Told;

    fn died(failure: Failure) -> Told {
        Told::Died(failure)
    }

    fn hear(&mut self, ask: Ask, files: Vec<File>) {
        match ask {
            Ask::Open => {
                let started = now_millis();
                match open(&files) {
                    Ok((opened, facts)) => {
                        *self = Self { given: files, files: opened, ..Self::default() };
                        let facts =
                            FileFacts { millis: now_millis() - started, memory: memory_bytes(), ..facts };
                        post(&Told::Opened(Box::new(facts)));
                    }
                    Err(failure) => post(&Told::Refused(failure)),
                }
            }
            Ask::Look { id, tensor, target } => {
                if let Err(failure) = self.begin(id, tensor as usize, target) {
                    post(&Told::Failed { id, failure });
                }
            }
            Ask::Cancel => {
                self.look = None;
                post(&Told::Cancelled);
            }
            Ask::Build => match build::build(&self.given) {
                Ok(bytes) => scope::post(&Told::Built, &[Uint8Array::from(bytes.as_slice())]),
                Err(failure) => post(&Told::Unbuilt(failure)),
            },
        }
    }

    fn is_busy(&self) -> bool {
        self.look.is_some()
    }

    /// Reads the next piece of what is looked at.
    fn advance(&mut self) {
        let Some(mut look) = self.look.take() else { return };
        let Some(file) = self.files.get_mut(look.file) else { return };
        let (id, now) = (look.id, now_millis());
        match look.inspection.step(file) {
            Ok(Some((surveyed, inspected))) => {
                self.known = Some((look.file, look.tensor, surveyed));
                let (millis, memory) = (now_millis() - look.started, memory_bytes());
                post(&Told::Looked { id, inspected: Box::new(inspected), millis, memory });
            }
            Ok(None) => {
                if now - look.told > TOLD_EVERY {
                    look.told = now;
                    post(&Told::Progress { id, share: look.inspection.progress() });
                }
                self.look = Some(look);
            }
            Err(error) => post(&Told::Failed { id, failure: failed(&error) }),
        }
    }
}

impl Desk {
    fn begin(&mut self, id: u64, mut tensor: usize, target: Target) -> Result<(), Failure> {
        self.look = None;
        for (file, open) in self.files.iter().enumerate() {
            let Some(entry) = open.tensors.get(tensor) else {
                tensor -= open.tensors.len();
                continue;
            };
            let known = self.known.as_ref().filter(|(of, at, _)| (*of, *at) == (file, tensor));
            let known = known.map(|(_, _, surveyed)| surveyed.clone());
            let inspection = Inspection::new(entry, target, known).map_err(|why| failed(&why))?;
            let now = now_millis();
            self.look = Some(Look { id, file, tensor, inspection, started: now, told: now });
            return Ok(());
        }
        Err(Failure::new(Code::UnreadableData, "there is no such tensor"))
    }
}

fn failed(error: &InspectError) -> Failure {
    match error {
        InspectError::Read(error) => unreadable(error),
        error => Failure::new(Code::UnreadableData, error),
    }
}

pub(super) fn unreadable(error: &ReadError) -> Failure {
    Failure::new(Code::UnreadableData, &error.problem).at(&error.place)
}

/// Whether this has no tensors, but says something about them.
pub(super) fn is_text(file: &File) -> bool {
    file.name().to_lowercase().ends_with(".json")
}

/// Opens files: their headers are read.
fn open(given: &[File]) -> Result<(Vec<TensorFile<BlobReader>>, FileFacts), Failure> {
    let mut facts = FileFacts::default();
    let mut files = Vec::new();
    for file in given.iter().filter(|file| !is_text(file)) {
        let name = file.name();
        let refused = |why: &ReadError| {
            let Failure { place, message, .. } = unreadable(why);
            Failure::new(Code::UnreadableData, message).at(format!("{name}, {}", place.unwrap_or_default()))
        };
        facts.bytes += file.size() as u64;
        let reader = BlobReader::new(file.clone().into())
            .map_err(|why| Failure::new(Code::Fetch, why.to_string()).at(&name))?;
        let file = read(reader, &name).map_err(|why| refused(&why))?;
        facts.format = file.kind.name().to_owned();
        facts.metadata.extend(metadata(&file.metadata));
        facts.tensors.extend(file.tensors.iter().map(|tensor| TensorFacts {
            name: tensor.name.clone(),
            shape: tensor.shape.clone(),
            element: tensor.element.clone(),
            values: tensor.len(),
            bytes: tensor.bytes,
            is_readable: tensor.blocks.is_some(),
        }));
        facts.names.push(name);
        files.push(file);
    }
    if files.is_empty() {
        return Err(Failure::new(
            Code::UnreadableModel,
            "this says how a model is built, without its weights",
        )
        .hint("open it together with the model's .safetensors files"));
    }
    facts.runs = build::runs(given, files.first().map(|file| file.kind));
    Ok((files, facts))
}

/// Opens a file as what its first bytes, or else its name, say that it is.
pub(super) fn read(mut reader: BlobReader, name: &str) -> Result<TensorFile<BlobReader>, ReadError> {
    let (mut front, limits) = ([0; 9], Limits::default());
    let found = reader.read(&mut front).unwrap_or_default();
    match Kind::of(front.get(..found).unwrap_or_default(), name) {
        Kind::Onnx => TensorFile::of_model(reader, &limits),
        _ => TensorFile::open(reader, &limits),
    }
}

fn metadata(metadata: &Metadata) -> Vec<(String, String)> {
    match metadata {
        Metadata::Gguf(entries) => {
            entries.iter().map(|(name, value)| (name.clone(), value.to_string())).collect()
        }
        Metadata::Texts(texts) => texts.iter().map(|(name, text)| (name.clone(), text.clone())).collect(),
    }
}
