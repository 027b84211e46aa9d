//! `fewbit bench`.

use std::time::Instant;

use anyhow::Context;
use fewbit_experiment::engine::{self, Timing};
use fewbit_runtime::cpu::Cpu;
use fewbit_runtime::{Cancel, Control, NeverPause};
use serde_json::json;

use crate::args::{Data, Engine};
use crate::bench::{backend, backend_name};
use crate::output::Answer;
use crate::source::Source;

/// Times a model in float, its BatchNorms folded, on random inputs.
pub(crate) async fn bench(engine: Engine, model: &str, batch: u32, runs: u32) -> anyhow::Result<Answer> {
    let source = Source::open(model, &Data::default())?;
    let read = engine::Bench::read(&source.name, &source.model, None, None, Vec::new(), &Cpu::new())?;
    let backend = backend(engine).await?;
    let cancel = Cancel::default();
    let control = Control { cancel: &cancel, pace: &NeverPause };
    let start = Instant::now();
    let now = || start.elapsed().as_secs_f64() * 1e3;
    let mut timing = Timing::new(&read.prepared, batch as usize)?;
    for _ in 0..=runs {
        timing.run(&*backend, &read.prepared, &now, &control).await?;
    }
    let (first, median, least) = timing.summary().context("one run after the first is needed at least")?;
    let rate = 2.0 * read.prepared.facts.macs as f64 * f64::from(batch) / (median * 1e6);
    let backend = backend_name(&*backend);
    let json = json!({
        "model": model, "batch": batch, "first_ms": first, "median_ms": median, "min_ms": least, "runs": runs,
        "gflops": rate, "backend": backend,
    });
    let text = format!(
        "{model}, batch {batch}, {backend}: first {first:.1} ms, median {median:.2} ms, least {least:.2} ms of {runs} runs ({rate:.1} GFLOP/s)"
    );
    Ok(Answer::new(json, text))
}
