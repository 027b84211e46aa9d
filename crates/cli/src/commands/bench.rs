//! `fewbit bench`.

use serde_json::json;

use crate::args::{Data, Engine, Model};
use crate::bench::{Bench, backend, backend_name};
use crate::output::Answer;
use crate::source::Source;

/// Times a model in float, its BatchNorms folded, on random inputs.
pub(crate) async fn bench(engine: Engine, model: &Model, batch: u32, runs: u32) -> anyhow::Result<Answer> {
    let source = Source { test: None, calibration: None, ..Source::open(model, &Data::default())? };
    let backend = backend(engine).await?;
    let name = backend_name(&*backend);
    let mut bench = Bench::load(backend, source).await?;
    let (first, median, least) = bench.time(batch, runs).await?;
    let macs = bench.engine.bench().map_or(0, |bench| bench.prepared.facts.macs);
    let rate = 2.0 * macs as f64 * f64::from(batch) / (median * 1e6);
    let json = json!({
        "model": model.name, "batch": batch, "first_ms": first, "median_ms": median, "min_ms": least, "runs": runs,
        "gflops": rate, "backend": name,
    });
    let text = format!(
        "{}, batch {batch}, {name}: first {first:.1} ms, median {median:.2} ms, least {least:.2} ms of {runs} runs ({rate:.1} GFLOP/s)",
        model.name
    );
    Ok(Answer::new(json, text))
}
