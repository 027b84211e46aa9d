//! What methods reach on the models that ship with Fewbit, on all test images. Figures for whoever asks:
//! `cargo test --release -p fewbit-tests --test quant figures -- --ignored --nocapture`.

use std::time::Instant;

use fewbit_formats::{Dataset, Limits};
use fewbit_quant::{Evaluator, EvaluatorOptions, Recipe};
use fewbit_runtime::cpu::Cpu;
use pollster::block_on;

use crate::gallery::{asset, model};
use crate::methods_correct::run;
use crate::nets::{choice, observe, with_control};

/// Calibration images.
const IMAGES: usize = 256;

/// Accuracy in percent, and the mean KL divergence from float.
#[expect(clippy::print_stdout, reason = "figures for whoever asks for them")]
fn measure(name: &str, weights: &str, activations: &str, edges: Option<&str>, pipeline: &str) -> f64 {
    let (prepared, images) = model(name, IMAGES);
    let test = Dataset::read(&asset("data/fashion-test.npz"), &Limits::default()).unwrap();
    let recipe = Recipe {
        weights: choice(weights),
        activations: choice(activations),
        edges: edges.map(|format| format.parse().unwrap()),
        ..Recipe::default()
    };
    let choices = recipe.resolve(&prepared.layer_names()).unwrap();
    let seen = observe(&prepared, &images);
    let mut network = fewbit_quant::Network::nearest(prepared, choices, Some(seen)).unwrap();
    let start = Instant::now();
    if !pipeline.is_empty() {
        run(pipeline, &mut network, &images);
    }
    let seconds = start.elapsed().as_secs_f64();
    let options = EvaluatorOptions { live_memory: 0, ..EvaluatorOptions::default() };
    let (found, _) = with_control(|control| {
        block_on(async {
            let mut quiet = |_, _| ();
            let (cpu, labels) = (Cpu::new(), test.y.as_deref());
            let prepared = network.prepared();
            let mut evaluator =
                Evaluator::prepare(&cpu, prepared, &test.x, labels, options, control, &mut quiet)
                    .await
                    .unwrap();
            for (i, layer) in network.layers().iter().enumerate() {
                evaluator.set_layer(i, layer).unwrap();
            }
            evaluator.run(control, &mut |_| ()).await.unwrap()
        })
    });
    let accuracy = 100.0 * f64::from(found.correct.unwrap()) / f64::from(found.n);
    let agreement = 100.0 * f64::from(found.agree) / f64::from(found.n);
    println!(
        "{name} {weights} {activations} [{pipeline}]: {accuracy:.2} %, agreement {agreement:.2} %, {seconds:.1} s"
    );
    accuracy
}

#[test]
#[ignore = "minutes; prints figures"]
fn figures_of_equalization_and_bias_correction_on_fashion_mobilenet() {
    for (weights, activations) in [("int8@tensor", "float"), ("int8@tensor", "uint8@tensor")] {
        for pipeline in [
            "",
            "equalize",
            "equalize(relu6=1)",
            "equalize(absorb=1)",
            "bias-correct",
            "bias-correct-analytic",
            "reestimate",
            "equalize,bias-correct-analytic",
            "equalize,bias-correct",
            "equalize(relu6=1),bias-correct",
        ] {
            measure("fashion-mobilenet", weights, activations, None, pipeline);
        }
    }
    measure("fashion-mobilenet", "int8@channel", "uint8@tensor", None, "");
}

#[test]
#[ignore = "minutes; prints figures"]
fn figures_of_rounding_at_2_bits_on_fashion_resnet() {
    for range in ["", ":mse2.4"] {
        for activations in ["float", "uint4@tensor", "uint2@tensor"] {
            for pipeline in [
                "",
                "bias-correct",
                "bias-correct-analytic",
                "reestimate",
                "bias-correct,reestimate",
                "squant",
                "squant,bias-correct",
                "seqmse",
                "seqmse,bias-correct",
                "gptq",
                "gptq(act-order=1)",
                "gptq(passes=5)",
                "gptq,bias-correct",
                "gptq,reestimate",
                "seqmse,gptq,bias-correct",
            ] {
                let weights = format!("int2@channel{range}");
                measure("fashion-resnet", &weights, activations, Some("int8"), pipeline);
            }
        }
    }
}

#[test]
#[ignore = "minutes; prints figures"]
fn figures_of_zero_points_at_2_bits_on_fashion_resnet() {
    for pipeline in ["", "hqq", "bias-correct", "hqq,bias-correct", "gptq", "gptq,bias-correct"] {
        for weights in ["int2-asym@channel", "int2-asym@group32"] {
            measure("fashion-resnet", weights, "float", Some("int8"), pipeline);
        }
    }
}
