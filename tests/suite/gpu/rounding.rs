//! Learned roundings of a real network: what the GPU decides against what the CPU engine does.

use std::collections::BTreeMap;
use std::fs;

use fewbit_formats::{Dataset, Limits, onnx};
use fewbit_graph::Tensor;
use fewbit_quant::methods::{Calibration, Scene, pipeline};
use fewbit_quant::{LayerChoice, Network, Observations, Prepared};
use fewbit_runtime::cpu::Cpu;
use fewbit_runtime::{Backend, Cancel, Control, NeverPause};
use pollster::block_on;

use crate::common::gpu;

/// The share of weights that two engines may round differently: sums that are taken in another order move a V that ends next to
/// h(V) = ½ to its other side, and a layer that differs gives the next ones other inputs to learn from.
const MAY_DIFFER: f64 = 0.01;

fn asset(path: &str) -> Vec<u8> {
    fs::read(format!("{}/../assets/{path}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

/// The codes of all layers of fashion-lenet after a pipeline on `backend`.
fn codes(backend: &dyn Backend, text: &str) -> Vec<Vec<i32>> {
    let (limits, cpu) = (Limits::default(), Cpu::new());
    let (model, _) = onnx::read(&asset("models/fashion-lenet.onnx"), &limits).unwrap();
    let prepared = Prepared::new("fashion-lenet", &model, BTreeMap::new(), Vec::new(), &cpu).unwrap();
    let samples: Tensor =
        Dataset::read(&asset("data/fashion-calibration.npz"), &limits).unwrap().x.rows(0, 32);
    let control = Control { cancel: &Cancel::default(), pace: &NeverPause };
    let choice = LayerChoice {
        weights: "int3@channel".parse().unwrap(),
        activations: "uint8@tensor".parse().unwrap(),
    };
    let mut quiet = |_, _| ();
    let seen = block_on(Observations::ranges(&cpu, &prepared, &samples, 0, &control, &mut quiet)).unwrap();
    let choices = vec![choice; prepared.layers.len()];
    let mut network = Network::nearest(prepared, choices, Some(seen)).unwrap();
    let calibration = Calibration { samples, labels: None };
    let mut scene =
        Scene { backend, cpu: &cpu, network: &mut network, calibration: &calibration, seed: 7, control };
    block_on(pipeline::run(&text.parse().unwrap(), &mut scene, &mut |_, _| ())).unwrap();
    network.layers().iter().map(|layer| layer.codes.as_ref().unwrap().codes.clone()).collect()
}

#[test]
fn adaround_decides_as_on_the_cpu_but_for_a_hundredth_of_the_weights() {
    let Some(gpu) = gpu() else { return };
    let text = "adaround(iterations=40,batch=16)";
    let (here, there, nearest) = (codes(&Cpu::new(), text), codes(&gpu, text), codes(&Cpu::new(), ""));
    let differ = |a: &[i32], b: &[i32]| std::iter::zip(a, b).filter(|(a, b)| a != b).count();
    let [mut differs, mut moved, mut all] = [0; 3];
    for (layer, (here, (there, nearest))) in here.iter().zip(there.iter().zip(&nearest)).enumerate() {
        let [d, m] = [differ(here, there), differ(here, nearest)];
        println!(
            "layer {layer}: of {} weights {m} are not rounded to nearest, {d} differ on the GPU",
            here.len()
        );
        (differs, moved, all) = (differs + d, moved + m, all + here.len());
    }
    assert!(differs as f64 <= MAY_DIFFER * all as f64, "{differs} of {all}");
    assert!(moved > 2 * differs, "only {moved} moved: nothing was compared");
}
