//! `fewbit bench`.

use std::time::Instant;

use fewbit_experiment::engine;
use fewbit_graph::Tensor;
use fewbit_numeric::Philox;
use fewbit_runtime::cpu::Cpu;
use fewbit_runtime::{Cancel, Control, Keep, NeverPause};
use serde_json::json;

use crate::args::{Data, Engine};
use crate::bench::{backend, backend_name};
use crate::output::Answer;
use crate::source::Source;

/// Times a model in float, its BatchNorms folded, on random inputs.
pub(crate) async fn bench(engine: Engine, model: &str, batch: u32, runs: u32) -> anyhow::Result<Answer> {
    let source = Source::open(model, &Data::default())?;
    let read = engine::Bench::read(&source.name, &source.model, None, None, Vec::new(), &Cpu::new())?;
    let face = read.prepared.face()?;
    let samples = batch as usize;
    let mut shape = vec![samples];
    shape.extend(&face.sample_shape);
    let len = shape.iter().product();
    let input = Tensor::f32(shape, Philox::new(0).uniforms(0).take(len).collect::<Vec<f32>>())?;
    let backend = backend(engine).await?;
    let cancel = Cancel::default();
    let control = Control { cancel: &cancel, pace: &NeverPause };
    let mut millis = Vec::new();
    let start = Instant::now();
    let mut plan = backend.prepare(&read.prepared.graph, &face.bindings(samples), Keep::Outputs).await?;
    for run in 0..=runs {
        let start = if run == 0 { start } else { Instant::now() };
        // Another value in front, so that nothing is up to date.
        let mut values = input.as_f32()?.to_vec();
        if let Some(first) = values.first_mut() {
            *first = run as f32;
        }
        plan.set(face.input, &Tensor::f32(input.shape(), values)?)?;
        plan.run(&[], &control).await?;
        plan.read(&[face.output]).await?;
        millis.push(start.elapsed().as_secs_f64() * 1e3);
    }
    let first = millis.remove(0);
    millis.sort_by(f64::total_cmp);
    let at = |i: usize| millis.get(i).copied().unwrap_or(first);
    let median = 0.5 * (at((millis.len().saturating_sub(1)) / 2) + at(millis.len() / 2));
    let least = at(0);
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
