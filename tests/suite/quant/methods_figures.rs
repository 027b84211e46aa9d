//! What methods reach on the models that ship with Fewbit, on all test images. Figures for whoever asks:
//! `cargo test --release -p fewbit-tests --test quant figures -- --ignored --nocapture`.

use std::time::Instant;

use fewbit_formats::{Dataset, Limits};
use fewbit_graph::Tensor;
use fewbit_quant::{Evaluator, EvaluatorOptions, Network, Observations, Prepared, Recipe};
use fewbit_runtime::cpu::Cpu;
use pollster::block_on;

use crate::gallery::{asset, model};
use crate::methods_correct::run;
use crate::nets::{choice, observe, with_control};

/// Calibration images.
const IMAGES: usize = 256;

/// A model of the gallery with its data.
struct Gallery {
    prepared: Prepared,
    images: Tensor,
    seen: Observations,
    test: Dataset,
    evaluator: Evaluator,
}

impl Gallery {
    fn new(name: &str) -> Self {
        let (prepared, images) = model(name, IMAGES);
        let test = Dataset::read(&asset("data/fashion-test.npz"), &Limits::default()).unwrap();
        let seen = observe(&prepared, &images);
        let evaluator = evaluator(&prepared, &test);
        Self { prepared, images, seen, test, evaluator }
    }

    /// Prints what a pipeline reaches.
    #[expect(clippy::print_stdout, reason = "figures for whoever asks for them")]
    fn measure(&mut self, recipe: &Recipe, pipeline: &str) {
        let choices = recipe.resolve(&self.prepared.layer_names()).unwrap();
        let mut network = Network::nearest(self.prepared.clone(), choices, Some(self.seen.clone())).unwrap();
        let start = Instant::now();
        if !pipeline.is_empty() {
            run(pipeline, &mut network, &self.images);
        }
        let seconds = start.elapsed().as_secs_f64();
        let mut rewritten = network.is_rewritten().then(|| evaluator(network.prepared(), &self.test));
        let evaluator = rewritten.as_mut().unwrap_or(&mut self.evaluator);
        for (i, layer) in network.layers().iter().enumerate() {
            evaluator.set_layer(i, layer).unwrap();
        }
        let (found, _) = with_control(|control| block_on(evaluator.run(control, &mut |_| ()))).unwrap();
        let percent = |count: u32| 100.0 * f64::from(count) / f64::from(found.n);
        println!(
            "{} {} {} [{pipeline}]: {:.2} % (float {:.2} %), agreement {:.2} %, {seconds:.1} s",
            self.prepared.facts.name,
            recipe.weights,
            recipe.activations,
            percent(found.correct.unwrap()),
            percent(found.float_correct.unwrap()),
            percent(found.agree),
        );
    }
}

fn evaluator(prepared: &Prepared, test: &Dataset) -> Evaluator {
    let options = EvaluatorOptions { live_memory: 0, ..EvaluatorOptions::default() };
    let labels = test.y.as_deref();
    with_control(|control| {
        let mut quiet = |_, _| ();
        block_on(Evaluator::prepare(&Cpu::new(), prepared, &test.x, labels, options, control, &mut quiet))
    })
    .unwrap()
}

fn recipe(weights: &str, activations: &str) -> Recipe {
    Recipe { weights: choice(weights), activations: choice(activations), ..Recipe::default() }
}

#[test]
#[ignore = "minutes; prints figures"]
fn figures_of_equalization_and_bias_correction_on_fashion_mobilenet() {
    let mut gallery = Gallery::new("fashion-mobilenet");
    for pipeline in [
        "",
        "equalize(relu6=1),bias-correct",
        "equalize(relu6=1)",
        "bias-correct",
        "equalize(relu6=1),bias-correct-analytic",
        "reestimate",
        "equalize(relu6=1,absorb=1),bias-correct",
    ] {
        gallery.measure(&recipe("int8@tensor", "float"), pipeline);
    }
    for pipeline in ["", "equalize(relu6=1),bias-correct", "equalize(relu6=1,absorb=1),bias-correct"] {
        gallery.measure(&recipe("int8@tensor", "uint8@tensor"), pipeline);
    }
    gallery.measure(&recipe("int8@channel", "uint8@tensor"), "");
}

#[test]
#[ignore = "minutes; prints figures"]
fn figures_of_rounding_at_2_bits_on_fashion_resnet() {
    let mut gallery = Gallery::new("fashion-resnet");
    for activations in ["float", "uint4@tensor", "uint2@tensor"] {
        let edges = Some("int8".parse().unwrap());
        let recipe = Recipe { edges, ..recipe("int2-asym@channel", activations) };
        for pipeline in [
            "",
            "bias-correct",
            "gptq",
            "gptq,bias-correct",
            "squant",
            "squant,bias-correct",
            "seqmse",
            "seqmse,bias-correct",
            "seqmse,gptq,bias-correct",
            "reestimate",
            "gptq,reestimate",
            "gptq(act-order=1,passes=5),bias-correct",
        ] {
            gallery.measure(&recipe, pipeline);
        }
    }
}

#[test]
#[ignore = "minutes; prints figures"]
fn figures_of_zero_points_at_2_bits_on_fashion_resnet() {
    let mut gallery = Gallery::new("fashion-resnet");
    let edges = Some("int8".parse().unwrap());
    for weights in ["int2-asym@channel", "int2-asym@group32", "int2@channel:mse2.4"] {
        let recipe = Recipe { edges, ..recipe(weights, "float") };
        for pipeline in ["", "bias-correct", "hqq", "hqq,bias-correct", "gptq", "gptq,bias-correct"] {
            gallery.measure(&recipe, pipeline);
        }
    }
}
