//! Writing the quantized model out.

mod gguf;
mod interop;
mod onnx;
mod page;
mod weights;

use fewbit_quant::Recipe;
use fewbit_quant::report::{Evaluation, LayerReport, ModelFacts, Size};
use serde::Serialize;

pub(super) use gguf::gguf;
pub(super) use interop::file;
pub(super) use onnx::onnx;
pub(super) use page::page;
pub(super) use weights::weights;

use super::Bench;
use crate::failure::{Code, Failure};

/// The report of one recipe, as a file.
#[derive(Serialize)]
struct Report<'a> {
    model: &'a ModelFacts,
    recipe: &'a Recipe,
    /// What was learned; none for rounding to nearest.
    run: Option<&'static str>,
    size: Size,
    evaluation: Option<Evaluation>,
    layers: Vec<LayerReport>,
    layer_samples: u32,
}

/// The report as JSON.
pub(super) fn report(bench: &Bench, recipe: &Recipe) -> Result<Vec<u8>, Failure> {
    let report = Report {
        model: &bench.prepared.facts,
        recipe: &as_applied(bench, recipe),
        run: run(bench),
        size: bench.size(),
        evaluation: bench.evaluation(),
        layers: bench.reports(),
        layer_samples: bench.layer_samples(),
    };
    serde_json::to_vec_pretty(&report).map_err(|error| Failure::new(Code::Engine, error))
}

/// The recipe of what is on the bench: its pipeline only if it was run.
fn as_applied(bench: &Bench, recipe: &Recipe) -> Recipe {
    let pipeline = bench.run().map(|_| recipe.pipeline.clone()).unwrap_or_default();
    Recipe { pipeline, ..recipe.clone() }
}

/// Whether the run on the bench came to its end; none if there is no run.
fn run(bench: &Bench) -> Option<&'static str> {
    bench.adopted.as_ref().map(|run| if run.complete { "complete" } else { "stopped early" })
}
