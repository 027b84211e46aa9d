//! The models that ship with Fewbit, on some of the images that ship with them.

use std::collections::BTreeMap;
use std::fs;

use fewbit_formats::{Dataset, Limits, onnx};
use fewbit_graph::Tensor;
use fewbit_quant::{Evaluator, EvaluatorOptions, Observations, Prepared, QuantizedLayer};
use fewbit_runtime::cpu::Cpu;
use pollster::block_on;

use crate::nets::{quantize, with_control};

pub(crate) fn asset(path: &str) -> Vec<u8> {
    fs::read(format!("{}/../assets/{path}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

/// A model, and `n` calibration images.
pub(crate) fn model(name: &str, n: usize) -> (Prepared, Tensor) {
    let limits = Limits::default();
    let (model, _) = onnx::read(&asset(&format!("models/{name}.onnx")), &limits).unwrap();
    let prepared = Prepared::new(name, &model, BTreeMap::new(), Vec::new(), &Cpu::new()).unwrap();
    let calibration = Dataset::read(&asset("data/fashion-calibration.npz"), &limits).unwrap();
    (prepared, calibration.x.rows(0, n))
}

struct Bench {
    prepared: Prepared,
    seen: Observations,
    evaluator: Evaluator,
}

/// A model with 64 calibration and `n` test images.
fn bench(name: &str, n: usize) -> Bench {
    let limits = Limits::default();
    let (model, diagnostics) = onnx::read(&asset(&format!("models/{name}.onnx")), &limits).unwrap();
    assert!(diagnostics.is_empty(), "{diagnostics:?}");
    let prepared = Prepared::new(name, &model, BTreeMap::new(), Vec::new(), &Cpu::new()).unwrap();
    let calibration = Dataset::read(&asset("data/fashion-calibration.npz"), &limits).unwrap();
    let test = Dataset::read(&asset("data/fashion-test.npz"), &limits).unwrap();
    let mut quiet = |_, _| ();
    with_control(|control| {
        block_on(async {
            let cpu = Cpu::new();
            let images = calibration.x.rows(0, 64);
            let seen = Observations::ranges(&cpu, &prepared, &images, 0, control, &mut quiet).await.unwrap();
            let (images, labels) = (test.x.rows(0, n), test.y.as_deref().map(|y| &y[..n]));
            let options = EvaluatorOptions::default();
            let evaluator =
                Evaluator::prepare(&cpu, &prepared, &images, labels, options, control, &mut quiet)
                    .await
                    .unwrap();
            Bench { prepared, seen, evaluator }
        })
    })
}

impl Bench {
    /// Agreement with float, and right answers, in percent.
    #[expect(clippy::print_stdout, reason = "figures for whoever asks for them")]
    fn measure(&mut self, weights: &str, activations: &str) -> (f64, f64) {
        let layers: Vec<QuantizedLayer> = quantize(&self.prepared, &self.seen, weights, activations);
        for (i, layer) in layers.iter().enumerate() {
            self.evaluator.set_layer(i, layer).unwrap();
        }
        let (found, _) = with_control(|control| block_on(self.evaluator.run(control, &mut |_| ()))).unwrap();
        let percent = |count: u32| 100.0 * f64::from(count) / f64::from(found.n);
        let measured = (percent(found.agree), percent(found.correct.unwrap()));
        println!(
            "{} {weights} {activations}: agreement {:.2} %, accuracy {:.2} %",
            self.prepared.facts.name, measured.0, measured.1
        );
        measured
    }
}

#[test]
fn fashion_lenet_at_8_bits_answers_as_in_float() {
    let mut bench = bench("fashion-lenet", 1000);
    let (agreement, _) = bench.measure("int8@channel", "uint8@tensor");
    assert!(agreement >= 99.0, "{agreement} %");
    let (two_bits, _) = bench.measure("int2@channel", "uint8@tensor");
    assert!(two_bits < agreement, "{two_bits} %");
}

#[test]
fn fashion_resnet_at_8_bits_answers_as_in_float() {
    let mut bench = bench("fashion-resnet", 256);
    let (agreement, _) = bench.measure("int8@channel", "uint8@tensor");
    assert!(agreement >= 98.0, "{agreement} %");
}

/// Depthwise filters have ranges far apart: one scale for all is too coarse for most (Nagel et al. 2019, arXiv 1906.04721).
#[test]
fn fashion_mobilenet_needs_a_scale_for_each_channel() {
    let mut bench = bench("fashion-mobilenet", 256);
    let (channel, _) = bench.measure("int8@channel", "float");
    let (tensor, _) = bench.measure("int8@tensor", "float");
    bench.measure("int8@channel", "uint8@tensor");
    bench.measure("int4@channel", "float");
    assert!(channel >= 98.0 && tensor <= channel, "per channel {channel} %, per tensor {tensor} %");
}
