//! Checkpoints as models of one's own: a graph is built of their tensors, and handed to the bench as ONNX.

use std::collections::BTreeMap;
use std::io::Read;

use fewbit_experiment::Failure;
use fewbit_experiment::failure::Code;
use fewbit_formats::checkpoint::{self, Weights};
use fewbit_formats::onnx::write::{Export, Layers, write};
use fewbit_formats::{Kind, Limits, ReadError, TensorFile};

use super::protocol::Runs;
use super::worker::{read, unreadable};
use crate::platform::blob::BlobReader;
use crate::platform::file::{File, MOST_READ};

/// The most that the weights may take as 32-bit floats. The bench has them some six times while it works: as they came, as a
/// graph, as codes, as what the codes stand for, and as the engine lays them out; a page has 4 GB.
const MOST_FLOAT_BYTES: u64 = 512 << 20;

/// Whether this says how the model is built.
fn is_config(file: &File) -> bool {
    file.name().to_lowercase() == "config.json"
}

/// Whether the files can be tried as a model.
pub(super) fn runs(given: &[File], kind: Option<Kind>) -> Runs {
    match kind {
        Some(Kind::Gguf) => Runs::Yes,
        Some(Kind::Safetensors) if given.iter().any(is_config) => Runs::Yes,
        Some(Kind::Safetensors) => Runs::WithConfig,
        Some(Kind::Onnx) if given.iter().any(|file| file.size() as u64 > MOST_READ) => Runs::TooLarge,
        _ => Runs::No,
    }
}

/// The model's file.
///
/// # Errors
/// What is in the way: an architecture that is not known, a tensor that is missing, more weights than fit.
pub(super) fn build(given: &[File]) -> Result<Vec<u8>, Failure> {
    let refused = |why: &ReadError| {
        unreadable(why).hint(format!(
            "a page runs models of up to {} million parameters; larger ones run from a terminal: fewbit eval",
            MOST_FLOAT_BYTES / 4_000_000
        ))
    };
    let config = given.iter().find(|file| is_config(file)).map(text).transpose()?;
    let mut files: Vec<TensorFile<BlobReader>> = Vec::new();
    for file in given.iter().filter(|file| !file.name().to_lowercase().ends_with(".json")) {
        let reader = BlobReader::new(file.clone().into()).map_err(|why| broken(file, &why))?;
        files.push(read(reader, &file.name()).map_err(|why| refused(&why))?);
    }
    let mut weights = Weights::new(files).map_err(|why| refused(&why))?;
    let limits = Limits { file_bytes: MOST_FLOAT_BYTES, ..Limits::default() };
    let import = checkpoint::read(&mut weights, config.as_deref(), &BTreeMap::new(), &limits)
        .map_err(|why| refused(&why))?;
    drop(weights);
    let export = Export {
        graph: &import.model.graph,
        codes: BTreeMap::new(),
        layers: Layers::Float { integer_biases: false },
        metadata: import.model.metadata.clone(),
    };
    let written = write(&export).map_err(|why| Failure::new(Code::UnsupportedModel, why))?;
    Ok(written.bytes)
}

fn text(file: &File) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    let reader = BlobReader::new(file.clone().into());
    reader.and_then(|mut reader| reader.read_to_end(&mut bytes)).map_err(|why| broken(file, &why))?;
    Ok(bytes)
}

fn broken(file: &File, why: &std::io::Error) -> Failure {
    Failure::new(Code::Fetch, why.to_string()).at(file.name())
}
