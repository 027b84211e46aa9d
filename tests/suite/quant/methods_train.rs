//! Training of whole networks.

use fewbit_graph::Tensor;
use fewbit_quant::Network;
use fewbit_quant::methods::{Advance, Calibration, Fact, Frame, Place, Progression, Scene, pipeline};
use fewbit_runtime::cpu::Cpu;
use fewbit_runtime::{Cancel, Control, NeverPause};
use fewbit_tests::Rng;
use pollster::block_on;

use crate::methods_correct::{both, moments, network};
use crate::nets::{perceptron, prepare, random, residual};

struct Trained {
    network: Network,
    advances: Vec<Advance>,
}

/// Trains with labels, step by step; before step `stop` somebody asks to stop once.
fn train(text: &str, mut network: Network, samples: &Tensor, seed: u64, stop: Option<usize>) -> Trained {
    let cpu = Cpu::new();
    let n = samples.shape()[0];
    let calibration =
        Calibration { samples: samples.clone(), labels: Some((0..n as i64).map(|i| i % 2).collect()) };
    let mut progression = Progression::new(text.parse().unwrap());
    let mut advances = Vec::new();
    loop {
        let cancel = Cancel::default();
        if stop == Some(advances.len()) {
            cancel.cancel();
            let control = Control { cancel: &cancel, pace: &NeverPause };
            let mut scene = Scene {
                backend: &cpu,
                cpu: &cpu,
                network: &mut network,
                calibration: &calibration,
                seed,
                control,
            };
            assert!(block_on(progression.advance(&mut scene)).is_err(), "it stops");
        }
        let control = Control { cancel: &Cancel::default(), pace: &NeverPause };
        let mut scene = Scene {
            backend: &cpu,
            cpu: &cpu,
            network: &mut network,
            calibration: &calibration,
            seed,
            control,
        };
        match block_on(progression.advance(&mut scene)).unwrap() {
            Some(advance) => advances.push(advance),
            None => return Trained { network, advances },
        }
    }
}

fn losses(trained: &Trained) -> Vec<f64> {
    let frames = trained.advances.iter().flat_map(|advance| &advance.frames);
    frames
        .filter_map(|frame| match frame {
            Frame::Training { loss, .. } => Some(*loss),
            _ => None,
        })
        .collect()
}

fn small() -> (Network, Tensor) {
    let prepared = prepare(&residual(5));
    let samples = random(&mut Rng::new(8), &[32, 2, 6, 6]);
    (network(&prepared, &samples, "int3@channel", "uint4@tensor"), samples)
}

#[test]
fn every_kind_of_training_comes_nearer_to_the_float_model() {
    for method in ["ste", "pact", "lsq", "lsq-plus", "ewgs", "dsq"] {
        let (network, samples) = small();
        let text = format!("{method}(steps=40,batch=16,shift=0,rate=0.01)");
        let trained = train(&text, network, &samples, 1, None);
        let losses = losses(&trained);
        let (first, last) = (losses[0], losses[losses.len() - 1]);
        assert!(last < 0.7 * first, "{method}: {first} → {last}");
    }
}

#[test]
fn narrow_formats_and_all_layouts_of_scales_learn() {
    for weights in ["int1@channel", "int2@tensor", "int4-asym@group8", "int2-full@channel", "int4@group5"] {
        let prepared = prepare(&residual(5));
        let samples = random(&mut Rng::new(8), &[32, 2, 6, 6]);
        for method in ["lsq", "ste"] {
            let network = network(&prepared, &samples, weights, "uint8@tensor");
            let text = format!("{method}(steps=30,batch=16,shift=0,rate=0.01)");
            let trained = train(&text, network, &samples, 1, None);
            let losses = losses(&trained);
            // Batches are small and differ: their mean over a quarter of the steps. Without learned scales a range that
            // follows its weights leaps at so few codes.
            let mean = |part: &[f64]| part.iter().sum::<f64>() / part.len() as f64;
            let quarter = losses.len() / 4;
            let (first, last) = (mean(&losses[..quarter]), mean(&losses[losses.len() - quarter..]));
            assert!(method == "ste" || last < first, "{weights}: {losses:?}");
            for layer in trained.network.layers() {
                let codes = layer.codes.as_ref().unwrap();
                let (low, high) = codes.format.code_range();
                assert!(codes.codes.iter().all(|code| (low..=high).contains(code)), "{weights} {method}");
                assert!(codes.grids.iter().all(|grid| grid.scale > 0.0), "{weights} {method}");
            }
        }
    }
}

#[test]
fn ternary_weights_have_the_thresholds_and_levels_of_their_paper() {
    let prepared = prepare(&residual(5));
    let samples = random(&mut Rng::new(8), &[32, 2, 6, 6]);
    for weights in ["int2@channel", "int2@tensor", "int2@group5"] {
        // A rate of 0 leaves the latent weights where they are: the float ones.
        let text = "twn(steps=2,batch=16,shift=0,rate=0,scale-rate=0)";
        let trained = train(text, network(&prepared, &samples, weights, "uint8@tensor"), &samples, 1, None);
        for (i, layer) in trained.network.layers().iter().enumerate() {
            let float = prepared.weights(i).unwrap().as_f32().unwrap();
            let codes = layer.codes.as_ref().unwrap();
            for block in 0..codes.layout.block_count() {
                let row: Vec<f64> = codes.layout.indices(block).map(|at| f64::from(float[at])).collect();
                let threshold = 0.7 * row.iter().map(|w| w.abs()).sum::<f64>() / row.len() as f64;
                let large: Vec<f64> = row.iter().map(|w| w.abs()).filter(|&w| w > threshold).collect();
                let level = large.iter().sum::<f64>() / large.len() as f64;
                assert!((f64::from(codes.grids[block].scale) / level - 1.0).abs() < 1e-5, "{weights}");
                for (w, at) in row.iter().zip(codes.layout.indices(block)) {
                    let expected = if w.abs() > threshold { w.signum() as i32 } else { 0 };
                    assert_eq!(codes.codes[at], expected, "{weights}");
                }
            }
        }
    }
    let losses = losses(&train(
        "twn(steps=40,batch=16,shift=0,rate=0.01)",
        network(&prepared, &samples, "int2@channel", "uint8@tensor"),
        &samples,
        1,
        None,
    ));
    assert!(losses[losses.len() - 1] < losses[0], "{losses:?}");
}

#[test]
fn balanced_binary_weights_are_signs_around_their_mean_times_a_power_of_two() {
    let prepared = prepare(&residual(5));
    let samples = random(&mut Rng::new(8), &[32, 2, 6, 6]);
    let start = || network(&prepared, &samples, "int1@channel", "uint8@tensor");
    let trained = train("ir-net(steps=2,batch=16,shift=0,rate=0)", start(), &samples, 1, None);
    for (i, layer) in trained.network.layers().iter().enumerate() {
        let float = prepared.weights(i).unwrap().as_f32().unwrap();
        let codes = layer.codes.as_ref().unwrap();
        for block in 0..codes.layout.block_count() {
            let row: Vec<f64> = codes.layout.indices(block).map(|at| f64::from(float[at])).collect();
            let mean = row.iter().sum::<f64>() / row.len() as f64;
            let magnitude = row.iter().map(|w| (w - mean).abs()).sum::<f64>() / row.len() as f64;
            assert_eq!(f64::from(codes.grids[block].scale), 2.0 * magnitude.log2().round().exp2());
            for (w, at) in row.iter().zip(codes.layout.indices(block)) {
                assert_eq!(codes.codes[at], i32::from(*w >= mean));
            }
        }
    }
    let text = "ir-net(steps=60,batch=16,shift=0,rate=0.02,batch-norm=1)";
    let losses = losses(&train(text, start(), &samples, 1, None));
    assert!(losses[losses.len() - 1] < losses[0], "{losses:?}");
}

#[test]
fn a_batch_norm_that_learns_folds_into_scales_and_biases() {
    let prepared = prepare(&residual(5));
    let samples = random(&mut Rng::new(8), &[64, 2, 6, 6]);
    // Nothing learns at a rate of 0; what batches say brings the mean and the deviation of the float network back.
    let text = "ste(steps=80,batch=64,shift=0,rate=0,batch-norm=1)";
    for (weights, refusals) in [("int4@channel", 3), ("int3@group4", 3), ("float", 3), ("int4@tensor", 4)] {
        let before = network(&prepared, &samples, weights, "uint8@tensor");
        let trained = train(text, before.clone(), &samples, 1, None);
        let findings = &trained.advances.last().unwrap().findings;
        let refused = findings.iter().filter(|f| matches!(f.what, Fact::NotApplied { .. })).count();
        assert_eq!(refused, refusals, "{weights}: one layer has a BatchNorm, with a scale for each channel");
        for (old, new) in before.layers().iter().zip(trained.network.layers()) {
            assert_eq!(
                old.codes.as_ref().map(|c| &c.codes),
                new.codes.as_ref().map(|c| &c.codes),
                "{weights}"
            );
        }
        if refusals > 3 {
            continue;
        }
        let told = prepared.statistics[0].as_ref().unwrap();
        let [_, output] = both(&trained.network, &samples, Place::Output(0));
        for (channel, (mean, deviation)) in moments(&output).into_iter().enumerate() {
            assert!((mean - told.mean[channel]).abs() < 1e-2, "{weights}: {mean} for {told:?}");
            assert!(
                (deviation / told.deviation[channel] - 1.0).abs() < 1e-2,
                "{weights}: {deviation} for {told:?}"
            );
        }
    }
    let trained = train(
        "lsq(steps=40,batch=16,shift=0,rate=0.01,batch-norm=1)",
        network(&prepared, &samples, "int3@channel", "uint4@tensor"),
        &samples,
        1,
        None,
    );
    let losses = losses(&trained);
    assert!(losses[losses.len() - 1] < 0.7 * losses[0], "{losses:?}");
}

#[test]
fn the_same_seed_gives_the_same_bits_also_if_it_was_stopped_in_between() {
    let text = "lsq(steps=12,batch=16,distill=0.5,shift=1)";
    let run = |seed, stop| {
        let (network, samples) = small();
        train(text, network, &samples, seed, stop)
    };
    let (first, again, stopped, other) = (run(3, None), run(3, None), run(3, Some(5)), run(4, None));
    assert_eq!(first.network.layers(), again.network.layers());
    assert_eq!(losses(&first), losses(&again));
    assert_eq!(first.network.layers(), stopped.network.layers());
    assert_ne!(losses(&first), losses(&other));
}

#[test]
fn frozen_weights_stay_and_dampened_ones_lie_in_the_middle_of_their_codes() {
    let distance = |text: &str| {
        let (network, samples) = small();
        let trained = train(text, network, &samples, 2, None);
        let frames = trained.advances.iter().flat_map(|advance| &advance.frames);
        let Some(Frame::Training { latent, .. }) = frames.last() else { panic!("no frame") };
        // Twelve bins for each code: the middle two are 5 and 6.
        let all = latent.iter().flatten().enumerate();
        let (mut sum, mut count) = (0.0, 0u32);
        for (bin, &n) in all {
            sum += f64::from(n) * ((bin % 12) as f64 - 5.5).abs();
            count += n;
        }
        sum / f64::from(count)
    };
    let plain = distance("lsq(steps=60,batch=16,shift=0,rate=0.02)");
    let dampened = distance("lsq(steps=60,batch=16,shift=0,rate=0.02,dampening=1)");
    assert!(dampened < plain, "{dampened} against {plain}");
    let frozen = distance("lsq(steps=60,batch=16,shift=0,rate=0.02,freeze=0.005)");
    assert!(frozen <= plain, "{frozen} against {plain}");
}

#[test]
fn what_cannot_be_trained_says_why() {
    let prepared = prepare(&perceptron(1, true));
    let samples = random(&mut Rng::new(1), &[8, 3]);
    let cpu = Cpu::new();
    let fails = |weights: &str, text: &str, calibration: Calibration| {
        let mut network = network(&prepared, &samples, weights, "float");
        let control = Control { cancel: &Cancel::default(), pace: &NeverPause };
        let mut scene = Scene {
            backend: &cpu,
            cpu: &cpu,
            network: &mut network,
            calibration: &calibration,
            seed: 0,
            control,
        };
        let result = block_on(pipeline::run(&text.parse().unwrap(), &mut scene, &mut |_, _| ()));
        result.unwrap_err().to_string()
    };
    let unlabelled = Calibration { samples: samples.clone(), labels: None };
    assert!(fails("float", "lsq", unlabelled.clone()).contains("nothing is quantized"));
    assert!(fails("int4@channel", "lsq(distill=0)", unlabelled.clone()).contains("no labels"));
    assert!(fails("int4@channel", "twn", unlabelled.clone()).contains("int2"));
    assert!(fails("int4@channel", "ir-net", unlabelled).contains("int1"));
}

#[test]
fn findings_tell_flips_and_scales() {
    let (network, samples) = small();
    let trained = train("lsq(steps=5,batch=16)", network, &samples, 1, None);
    let last = trained.advances.last().unwrap();
    let flips = last.findings.iter().filter(|f| matches!(f.what, Fact::Flipped { .. })).count();
    let scales = last.findings.iter().filter(|f| matches!(f.what, Fact::Grid { .. })).count();
    assert_eq!((flips, scales), (4, 4), "one each for four layers");
}
