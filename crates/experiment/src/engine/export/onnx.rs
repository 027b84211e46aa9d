//! The quantized model as ONNX, for any runtime of ONNX.

use std::collections::BTreeMap;

use fewbit_formats::onnx::write::{self, Export, Layers, Written};
use fewbit_quant::{Deployed, Recipe};

use super::{as_applied, report, run};
use crate::engine::{Bench, failure_of};
use crate::failure::{Code, Failure};

/// What the importer says of a file's fields. They are of the file that was read, not of the one that is written.
const OF_THE_FILE: [&str; 5] = ["producer_version", "domain", "graph", "opset", "ir_version"];

/// The quantized model as ONNX; see [`write`]. Recipe and report are in its metadata.
pub(in crate::engine) fn onnx(bench: &Bench, recipe: &Recipe, layers: Layers) -> Result<Written, Failure> {
    let failed = |error: &dyn ToString| Failure::new(Code::Engine, error.to_string());
    let deployed = Deployed::new(&bench.prepared, bench.layers()).map_err(|error| failure_of(&error))?;
    let facts = &bench.prepared.facts;
    let is_of_the_file = |key: &str| OF_THE_FILE.contains(&key) || key.starts_with("opset.");
    let told = facts.metadata.iter().filter(|(key, _)| !is_of_the_file(key));
    let mut metadata: BTreeMap<String, String> =
        told.map(|(key, text)| (key.clone(), text.clone())).collect();
    if let Some(producer) = metadata.remove("producer_name") {
        metadata.insert("fewbit.source".to_owned(), producer);
    }
    let applied = serde_json::to_string(&as_applied(bench, recipe)).map_err(|error| failed(&error))?;
    let report = String::from_utf8(report(bench, recipe)?).map_err(|error| failed(&error))?;
    let own = [("model", facts.id.clone()), ("recipe", applied), ("report", report)];
    metadata.extend(own.map(|(key, text)| (format!("fewbit.{key}"), text)));
    if let Some(run) = run(bench) {
        metadata.insert("fewbit.run".to_owned(), run.to_owned());
    }
    let export = Export { graph: &deployed.graph, codes: deployed.codes, layers, metadata };
    write::write(&export).map_err(|error| failed(&error))
}
