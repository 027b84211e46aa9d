//! Methods that correct means, and what networks they are tried on.

use fewbit_graph::Tensor;
use fewbit_quant::methods::capture::MEMORY;
use fewbit_quant::methods::{Advance, Calibration, Capture, Fact, Finding, Place, Scene, pipeline};
use fewbit_quant::{Network, Prepared};
use fewbit_runtime::cpu::Cpu;
use fewbit_tests::Rng;
use pollster::block_on;

use crate::nets::{choice, observe, perceptron, prepare, random, residual, with_control};

/// A prepared model rounded to nearest.
pub(crate) fn network(prepared: &Prepared, samples: &Tensor, weights: &str, activations: &str) -> Network {
    let wanted = fewbit_quant::LayerChoice { weights: choice(weights), activations: choice(activations) };
    let seen = observe(prepared, samples);
    Network::nearest(prepared.clone(), vec![wanted; prepared.layers.len()], Some(seen)).unwrap()
}

/// Runs a pipeline on a network, and gives what it found out.
pub(crate) fn run(text: &str, network: &mut Network, samples: &Tensor) -> Vec<Finding> {
    advances(text, network, samples).into_iter().flat_map(|advance| advance.findings).collect()
}

/// Runs a pipeline on a network, and gives what it told after each unit.
pub(crate) fn advances(text: &str, network: &mut Network, samples: &Tensor) -> Vec<Advance> {
    let cpu = Cpu::new();
    let calibration = Calibration { samples: samples.clone(), labels: None };
    let mut advances = Vec::new();
    with_control(|control| {
        let control = *control;
        let mut scene =
            Scene { backend: &cpu, cpu: &cpu, network, calibration: &calibration, seed: 1, control };
        let mut told = |_: usize, advance: &Advance| advances.push(advance.clone());
        block_on(pipeline::run(&text.parse().unwrap(), &mut scene, &mut told)).unwrap();
    });
    advances
}

/// The values at a place in float and in the quantized network.
pub(crate) fn both(network: &Network, samples: &Tensor, place: Place) -> [Tensor; 2] {
    let cpu = Cpu::new();
    with_control(|control| {
        block_on(async {
            let mut float = Capture::float(&cpu, network.prepared(), samples, MEMORY).await.unwrap();
            let mut quantized = Capture::quantized(&cpu, network, samples, MEMORY).await.unwrap();
            let at = async |capture: &mut Capture| capture.all(&[place], control).await.unwrap().remove(0);
            [at(&mut float).await, at(&mut quantized).await]
        })
    })
}

/// Mean and standard deviation of each channel, by hand; channels lie on axis 1.
pub(crate) fn moments(values: &Tensor) -> Vec<(f64, f64)> {
    let channels = values.shape()[1];
    let inner: usize = values.shape()[2..].iter().product();
    let of = |channel: usize| {
        let own = values.as_f32().unwrap().iter().enumerate();
        let own: Vec<f64> =
            own.filter(|(i, _)| i / inner % channels == channel).map(|(_, &x)| f64::from(x)).collect();
        let mean = own.iter().sum::<f64>() / own.len() as f64;
        let variance = own.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / own.len() as f64;
        (mean, variance.sqrt())
    };
    (0..channels).map(of).collect()
}

fn images(n: usize) -> Tensor {
    random(&mut Rng::new(7), &[n, 2, 6, 6])
}

#[test]
fn a_capture_sees_the_same_whether_its_batches_share_a_plan_or_not() {
    let prepared = prepare(&residual(3));
    let samples = images(75);
    let network = network(&prepared, &samples, "int3@channel", "uint4@tensor");
    let face = prepared.face().unwrap();
    let places = [Place::Wire(face.input), Place::Input(1), Place::Output(1), Place::Wire(face.output)];
    let cpu = Cpu::new();
    with_control(|control| {
        block_on(async {
            let mut rich = Capture::quantized(&cpu, &network, &samples, MEMORY).await.unwrap();
            let mut poor = Capture::quantized(&cpu, &network, &samples, 10_000).await.unwrap();
            assert!(poor.batches() > rich.batches());
            let seen = rich.all(&places, control).await.unwrap();
            assert_eq!(seen, poor.all(&places, control).await.unwrap());
            assert_eq!(seen[0], samples);
            assert_eq!(seen[2].shape(), [75, 4, 3, 3]);
            let codes: std::collections::BTreeSet<u32> =
                seen[1].as_f32().unwrap().iter().map(|x| x.to_bits()).collect();
            assert!(codes.len() <= 16, "{} levels in 4 bits", codes.len());
        });
    });
}

#[test]
fn bias_correction_takes_the_mean_error_of_every_channel_away() {
    let prepared = prepare(&residual(3));
    let samples = images(64);
    let mut network = network(&prepared, &samples, "int2@channel", "uint4@tensor");
    let before = both(&network, &samples, Place::Output(1));
    let findings = run("bias-correct", &mut network, &samples);
    assert!(findings.iter().all(|finding| matches!(finding.what, Fact::Bias { .. })), "{findings:?}");
    assert_eq!(findings.len(), 4);
    for layer in 0..4 {
        let [float, quantized] =
            both(&network, &samples, Place::Output(layer)).map(|tensor| moments(&tensor));
        for (float, quantized) in float.iter().zip(&quantized) {
            assert!((float.0 - quantized.0).abs() < 1e-5, "layer {layer}: {} {}", float.0, quantized.0);
        }
    }
    let [float, quantized] = before.map(|tensor| moments(&tensor));
    assert!(float.iter().zip(&quantized).any(|(float, quantized)| (float.0 - quantized.0).abs() > 1e-2));
}

#[test]
fn layers_without_a_bias_get_one() {
    let prepared = prepare(&perceptron(5, false));
    let samples = random(&mut Rng::new(8), &[40, 3]);
    let mut network = network(&prepared, &samples, "int2@channel", "float");
    let codes = network.layers()[0].codes.clone();
    run("bias-correct(samples=32)", &mut network, &samples);
    assert_eq!(network.layers()[0].codes, codes);
    assert_eq!(network.prepared().facts.rewrites, ["gave fc1 a bias", "gave fc2 a bias"]);
    let [float, quantized] = both(&network, &samples.rows(0, 32), Place::Output(1)).map(|t| moments(&t));
    for (float, quantized) in float.iter().zip(&quantized) {
        assert!((float.0 - quantized.0).abs() < 1e-6);
    }
}

#[test]
fn reestimation_gives_every_channel_its_mean_and_deviation_back() {
    let prepared = prepare(&residual(3));
    let samples = images(64);
    let mut network = network(&prepared, &samples, "int2@channel", "uint4@tensor");
    let findings = run("reestimate", &mut network, &samples);
    assert!(findings.iter().any(|finding| matches!(finding.what, Fact::Scaled { max, .. } if max != 1.0)));
    for layer in 0..4 {
        let [float, quantized] =
            both(&network, &samples, Place::Output(layer)).map(|tensor| moments(&tensor));
        for (float, quantized) in float.iter().zip(&quantized) {
            assert!((float.0 - quantized.0).abs() < 1e-5, "layer {layer}: {float:?} {quantized:?}");
            assert!((float.1 - quantized.1).abs() < 1e-5, "layer {layer}: {float:?} {quantized:?}");
        }
    }
}

#[test]
fn with_one_scale_for_the_tensor_reestimation_matches_means_and_says_so() {
    let prepared = prepare(&residual(3));
    let samples = images(64);
    let mut network = network(&prepared, &samples, "int3@tensor", "float");
    let scale = network.layers()[1].codes.as_ref().unwrap().grids.clone();
    let findings = run("reestimate", &mut network, &samples);
    assert_eq!(network.layers()[1].codes.as_ref().unwrap().grids, scale);
    let said = |finding: &Finding| matches!(&finding.what, Fact::NotApplied { reason } if reason.contains("one scale for all channels"));
    assert_eq!(findings.iter().filter(|finding| said(finding)).count(), 4);
    let [float, quantized] = both(&network, &samples, Place::Output(3)).map(|tensor| moments(&tensor));
    for (float, quantized) in float.iter().zip(&quantized) {
        assert!((float.0 - quantized.0).abs() < 1e-5);
    }
}
