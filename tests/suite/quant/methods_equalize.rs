//! Cross-layer equalization, what BatchNorms tell, and pipelines as texts.

use fewbit_graph::op::{Op, Unary};
use fewbit_graph::{Graph, Model, Source, Tensor, WireId};
use fewbit_quant::methods::expected::clipped_normal;
use fewbit_quant::methods::{ALL, Fact, Finding, Place, Stage, find};
use fewbit_quant::{Network, Pipeline, Prepared};
use fewbit_tests::Rng;

use crate::gallery;
use crate::methods_correct::{both, network, run};
use crate::nets::{batch_of, conv, gemm, prepare, random, residual, tensor};

/// x [N, 3, 6, 6] → expand (BatchNorm, ReLU6 or ReLU) → depthwise (BatchNorm, the same) → project (BatchNorm) → fc.
fn separable(seed: u64, relu: Unary) -> Model {
    let mut rng = Rng::new(seed);
    let mut graph = Graph::new();
    let mut wire = graph.input("x", batch_of(&[3, 6, 6]));
    let layers = [
        ("expand", [8, 3, 1, 1], conv(1, 0, 1), true),
        ("depthwise", [8, 1, 3, 3], conv(1, 1, 8), true),
        ("project", [4, 8, 1, 1], conv(1, 0, 1), false),
    ];
    for (name, shape, op, active) in layers {
        let channels = shape[0];
        let mut weights = rng.floats(shape.iter().product());
        let row = weights.len() / channels;
        // Channels whose weights are far apart.
        weights.iter_mut().enumerate().for_each(|(i, w)| *w *= 4.0f32.powi((i / row % 5) as i32 - 2));
        let weight = graph.parameter(format!("{name}.weight"), tensor(&shape, weights));
        let y = graph.node(name, op, &[wire, weight]);
        let mut norm = vec![y];
        for what in ["weight", "bias", "mean"] {
            norm.push(graph.parameter(format!("{name}.bn.{what}"), random(&mut rng, &[channels])));
        }
        let variance = (0..channels).map(|_| rng.float(0.5, 2.0)).collect();
        norm.push(graph.parameter(format!("{name}.bn.variance"), tensor(&[channels], variance)));
        wire = graph.node(format!("{name}.bn"), Op::BatchNorm { epsilon: 1e-5 }, &norm);
        if active {
            wire = graph.node(format!("{name}.relu"), Op::Unary(relu), &[wire]);
        }
    }
    let flatten = Op::Reshape(fewbit_graph::op::Reshape::Flatten { axis: 1 });
    let flat = graph.node("flatten", flatten, &[wire]);
    let weight = graph.parameter("fc.weight", random(&mut rng, &[5, 4 * 36]));
    let bias = graph.parameter("fc.bias", random(&mut rng, &[5]));
    let logits = graph.node("fc", gemm(), &[flat, weight, bias]);
    graph.outputs.push(logits);
    Model { graph, metadata: Default::default() }
}

fn images(n: usize) -> Tensor {
    random(&mut Rng::new(7), &[n, 3, 6, 6])
}

/// The largest difference of two tensors, against the largest magnitude of the first.
fn difference(a: &Tensor, b: &Tensor) -> f64 {
    let (a, b) = (a.as_f32().unwrap(), b.as_f32().unwrap());
    let max = a.iter().fold(0.0f32, |max, x| max.max(x.abs()));
    let error = a.iter().zip(b).fold(0.0f32, |max, (x, y)| max.max((x - y).abs()));
    f64::from(error / max)
}

/// The float answers of a prepared model.
fn answers(prepared: &Prepared, samples: &Tensor) -> Tensor {
    let face = prepared.face().unwrap();
    let network = Network::nearest(prepared.clone(), Vec::new(), None).unwrap();
    let [float, _] = both(&network, samples, Place::Wire(face.output));
    float
}

fn reasons(findings: &[Finding]) -> Vec<String> {
    let reason = |finding: &Finding| match &finding.what {
        Fact::NotApplied { reason } => Some(reason.clone()),
        _ => None,
    };
    findings.iter().filter_map(reason).collect()
}

#[test]
fn equalization_makes_ranges_equal_and_keeps_the_answers() {
    let prepared = prepare(&separable(1, Unary::Relu));
    let samples = images(40);
    let mut network = network(&prepared, &samples, "int4@tensor", "uint8@tensor");
    let seen = network.observations().cloned().unwrap();
    let findings = run("equalize", &mut network, &samples);
    let equal = network.prepared();
    assert!(difference(&answers(&prepared, &samples), &answers(equal, &samples)) < 1e-5);
    // The observers have seen the new model.
    assert!(network.observations().unwrap().have_distributions());
    assert_ne!(network.observations(), Some(&seen));
    // Every channel has one range in all layers of its chain.
    let max = |layer: usize, of: &dyn Fn(usize) -> bool| {
        let weights = equal.weights(layer).unwrap().as_f32().unwrap();
        weights.iter().enumerate().filter(|(i, _)| of(*i)).fold(0.0f32, |max, (_, w)| max.max(w.abs()))
    };
    for channel in 0..8 {
        let ranges =
            [max(0, &|i| i / 3 == channel), max(1, &|i| i / 9 == channel), max(2, &|i| i % 8 == channel)];
        assert!(ranges.iter().all(|r| (r / ranges[0] - 1.0).abs() < 1e-5), "channel {channel}: {ranges:?}");
    }
    for channel in 0..4 {
        let ranges = [max(2, &|i| i / 8 == channel), max(3, &|i| i % 144 / 36 == channel)];
        assert!((ranges[0] / ranges[1] - 1.0).abs() < 1e-5, "channel {channel}: {ranges:?}");
    }
    assert_eq!(findings.iter().filter(|f| matches!(f.what, Fact::Scaled { .. })).count(), 3);
    assert_eq!(reasons(&findings), ["its channels are read in several places: the model's output"]);
    assert!(equal.facts.rewrites.contains(&"equalized 2 chains of layers".to_owned()));
}

#[test]
fn relu6_is_in_the_way_until_somebody_lets_it_become_relu() {
    let relu6 = Unary::Clip { min: 0.0, max: 6.0 };
    let prepared = prepare(&separable(2, relu6));
    let samples = images(16);
    let mut refused = network(&prepared, &samples, "int8@tensor", "float");
    let findings = run("equalize", &mut refused, &samples);
    let said = reasons(&findings);
    assert_eq!(said[0], "expand.relu bounds its channels; equalize(relu6=1) makes it a Relu");
    assert!(difference(&answers(&prepared, &samples), &answers(refused.prepared(), &samples)) < 1e-5);

    let mut replaced = network(&prepared, &samples, "int8@tensor", "float");
    run("equalize(relu6=1)", &mut replaced, &samples);
    let relu = prepare(&separable(2, Unary::Relu));
    assert!(difference(&answers(&relu, &samples), &answers(replaced.prepared(), &samples)) < 1e-5);
    assert!(replaced.prepared().facts.rewrites.contains(&"put Relu in place of expand.relu".to_owned()));
}

#[test]
fn absorbing_high_biases_moves_them_into_the_next_layer() {
    let mut model = separable(3, Unary::Relu);
    // The depthwise layer's outputs have mean 50 and deviation ½, and really lie within three of them.
    let values = [("bias", 50.0), ("weight", 0.5), ("variance", 1e8)];
    model.graph = filled(&model.graph, &values.map(|(what, value)| (format!("depthwise.bn.{what}"), value)));
    let prepared = prepare(&model);
    let samples = images(16);
    let mut network = network(&prepared, &samples, "int8@tensor", "float");
    let findings = run("equalize(absorb=1)", &mut network, &samples);
    let moved = findings.iter().find(|f| f.layer == 1 && matches!(f.what, Fact::Bias { .. }));
    assert!(moved.is_some(), "{findings:?}");
    // Where no value is below what was absorbed, nothing changes.
    assert!(difference(&answers(&prepared, &samples), &answers(network.prepared(), &samples)) < 1e-4);
    let lower = network.prepared().statistics[1].clone().unwrap();
    let ratio = lower.mean.iter().zip(&lower.deviation).map(|(mean, deviation)| mean / deviation);
    assert!(ratio.clone().all(|ratio| (ratio - 3.0).abs() < 1e-6), "{:?}", ratio.collect::<Vec<_>>());
    // A padded layer would see zeros where the constant should be.
    assert!(reasons(&findings).iter().any(|reason| reason.contains("pads")));
}

/// The graph with these parameters full of one number.
fn filled(graph: &Graph, values: &[(String, f32)]) -> Graph {
    let mut changed = Graph::new();
    let copies = {
        let mut new = Vec::new();
        for (id, wire) in graph.wires() {
            if let Some((name, value)) = values.iter().find(|(name, _)| *name == wire.name) {
                let shape = graph.value(id).unwrap().shape().to_vec();
                let full = vec![*value; shape.iter().product()];
                new.push((id, changed.parameter(name.clone(), tensor(&shape, full))));
            }
        }
        changed.splice(graph, "", &mut |id, _| new.iter().find(|(old, _)| *old == id).map(|(_, new)| *new))
    };
    changed.outputs = graph.outputs.iter().map(|wire| copies[wire.0 as usize]).collect();
    changed
}

#[test]
fn statistics_of_batch_norms_stay_known_and_scale_with_their_layers() {
    let model = separable(1, Unary::Relu);
    let prepared = prepare(&model);
    let beta = model.graph.value(model.graph.find("expand.bn.bias").unwrap()).unwrap().as_f32().unwrap();
    let known = prepared.statistics[0].clone().unwrap();
    assert!(known.mean.iter().zip(beta).all(|(mean, &beta)| *mean == f64::from(beta)));
    assert!(prepared.statistics[3].is_none());
    let samples = images(4);
    let mut network = network(&prepared, &samples, "int4@channel", "float");
    run("equalize", &mut network, &samples);
    let scaled = network.prepared().statistics[0].clone().unwrap();
    let (old, new) = (prepared.bias(0).unwrap().unwrap(), network.prepared().bias(0).unwrap().unwrap());
    for channel in 0..8 {
        let factor = f64::from(new.as_f32().unwrap()[channel]) / f64::from(old.as_f32().unwrap()[channel]);
        assert!((scaled.mean[channel] / known.mean[channel] / factor - 1.0).abs() < 1e-5);
        assert!((scaled.deviation[channel] / known.deviation[channel] / factor - 1.0).abs() < 1e-5);
    }
}

#[test]
fn a_clipped_normal_has_the_moments_of_its_integral() {
    for (mean, deviation, low, high) in [
        (0.0, 1.0, 0.0, f64::INFINITY),
        (-1.5, 0.7, 0.0, f64::INFINITY),
        (2.0, 3.0, 0.0, 6.0),
        (-4.0, 1.0, 0.0, 6.0),
        (1.0, 0.0, 0.0, 6.0),
    ] {
        let steps = 200_000;
        let (mut sum, mut square, mut mass) = (0.0, 0.0, 0.0);
        for i in 0..steps {
            let z = -10.0 + 20.0 * (f64::from(i) + 0.5) / f64::from(steps);
            let weight = (-0.5 * z * z).exp();
            let x = f64::min(f64::max(mean + deviation * z, low), high);
            sum += weight * x;
            square += weight * x * x;
            mass += weight;
        }
        let expected = (sum / mass, (square / mass - (sum / mass).powi(2)).max(0.0).sqrt());
        let found = clipped_normal(mean, deviation, low, high);
        assert!((found.0 - expected.0).abs() < 1e-6, "{found:?} {expected:?}");
        assert!((found.1 - expected.1).abs() < 1e-5, "{found:?} {expected:?}");
    }
}

/// Where inputs are what the BatchNorm says, the analytic correction is the empirical one.
#[test]
fn analytic_bias_correction_foretells_the_mean_error() {
    let mut rng = Rng::new(5);
    let mut graph = Graph::new();
    let x = graph.input("x", batch_of(&[16]));
    let identity = (0..256).map(|i| if i % 17 == 0 { 1.0 } else { 0.0 }).collect();
    let weight = graph.parameter("fc1.weight", tensor(&[16, 16], identity));
    let y = graph.node("fc1", gemm(), &[x, weight]);
    let norms =
        [random(&mut rng, &[16]), random(&mut rng, &[16]), Tensor::zeros([16]), tensor(&[16], vec![1.0; 16])];
    let mut norm = vec![y];
    norm.extend(
        norms
            .into_iter()
            .zip(["weight", "bias", "mean", "variance"])
            .map(|(value, name)| graph.parameter(format!("bn.{name}"), value)),
    );
    let y = graph.node("bn", Op::BatchNorm { epsilon: 0.0 }, &norm);
    let y = graph.node("relu", Op::Unary(Unary::Relu), &[y]);
    let weight = graph.parameter("fc2.weight", random(&mut rng, &[4, 16]));
    let y = graph.node("fc2", gemm(), &[y, weight]);
    graph.outputs.push(y);
    let prepared = prepare(&Model { graph, metadata: Default::default() });
    // Normal samples by the sum of 12 uniform ones.
    let n = 4000;
    let values = (0..16 * n).map(|_| (0..12).map(|_| rng.float(-0.5, 0.5)).sum()).collect();
    let samples = tensor(&[n, 16], values);
    let shifts = |text: &str| {
        let mut network = network(&prepared, &samples, "int2@channel", "float");
        run(text, &mut network, &samples);
        network.layers()[1].bias.clone().unwrap()
    };
    let (foretold, measured) = (shifts("bias-correct-analytic"), shifts("bias-correct(samples=4000)"));
    assert!(difference(&measured, &foretold) < 0.05, "{measured:?} {foretold:?}");
    // Nothing is known of the samples themselves.
    let mut network = network(&prepared, &samples, "int2@channel", "float");
    let findings = run("bias-correct-analytic", &mut network, &samples);
    assert_eq!(reasons(&findings).len(), 1);
}

#[test]
fn pipelines_are_read_and_printed_and_refused_out_of_order() {
    let text = "equalize(relu6=1),seqmse,gptq(act-order=1,damping=0.05),bias-correct,reestimate(samples=64)";
    let pipeline: Pipeline = text.parse().unwrap();
    assert_eq!(pipeline.to_string(), text);
    assert_eq!(
        " hqq( iterations = 20 ) , bias-correct".parse::<Pipeline>().unwrap().to_string(),
        "hqq,bias-correct"
    );
    let refused = |text: &str| text.parse::<Pipeline>().unwrap_err().to_string();
    assert!(refused("bias-correct,gptq").contains("gptq cannot come after bias-correct"));
    assert!(refused("gptq,squant").contains("each finds the codes anew"));
    assert!(refused("gptq(dampin=1)").contains("it has samples, damping, act-order, static-groups, passes"));
    assert!(refused("gptq(passes=1.5)").contains("a whole number from 0 to 100"));
    assert!(refused("gpt").contains("gptq"));
}

#[test]
fn methods_are_listed_by_stage_and_found_by_name() {
    let stages: Vec<Stage> = ALL.iter().map(|method| method.spec().stage).collect();
    assert!(stages.is_sorted(), "{stages:?}");
    for method in ALL {
        assert_eq!(find(method.spec().name).unwrap().spec(), method.spec());
        for parameter in method.spec().parameters {
            let [low, high] = parameter.range;
            assert!((low..=high).contains(&parameter.default), "{}", parameter.name);
        }
    }
}

/// The graph with ReLU in place of each ReLU6 that `rewrites` say was replaced.
fn without_bounds(graph: &Graph, rewrites: &[String]) -> Graph {
    let mut changed = Graph::new();
    let mut wires = std::collections::BTreeMap::new();
    for (id, wire) in graph.wires() {
        match &wire.source {
            Source::Input(dims) => wires.insert(id, changed.input(wire.name.clone(), dims.clone())),
            Source::Parameter(value) => wires.insert(id, changed.parameter(wire.name.clone(), value.clone())),
            Source::Node(_) => None,
        };
    }
    for (_, node) in graph.nodes() {
        let op = match &node.op {
            _ if rewrites.contains(&format!("put Relu in place of {}", node.name)) => Op::Unary(Unary::Relu),
            op => op.clone(),
        };
        let inputs: Vec<WireId> = node.inputs.iter().map(|wire| wires[wire]).collect();
        wires.insert(node.output, changed.node(node.name.clone(), op, &inputs));
    }
    changed.outputs = graph.outputs.iter().map(|wire| wires[wire]).collect();
    changed
}

#[test]
fn the_gallery_keeps_its_answers_when_it_is_equalized() {
    for (name, text, chains) in
        [("fashion-mobilenet", "equalize(relu6=1)", 8), ("fashion-resnet", "equalize", 3)]
    {
        let (prepared, images) = gallery::model(name, 16);
        let mut equal = network(&prepared, &images, "int8@tensor", "float");
        let findings = run(text, &mut equal, &images);
        let scaled = findings.iter().filter(|f| matches!(f.what, Fact::Scaled { .. })).count();
        assert!(scaled >= chains, "{name}: {findings:?}");
        let rewrites = &equal.prepared().facts.rewrites;
        // Without ReLU6, which this method was allowed to replace, nothing else changes.
        let unbounded =
            Model { graph: without_bounds(&prepared.graph, rewrites), metadata: Default::default() };
        let reference = if text == "equalize" { prepared } else { prepare(&unbounded) };
        let found = difference(&answers(&reference, &images), &answers(equal.prepared(), &images));
        assert!(found < 1e-4, "{name}: {found}");
    }
}

#[test]
fn a_stopped_method_does_its_unit_again() {
    use fewbit_quant::methods::{Calibration, Progression, Scene};
    use fewbit_runtime::cpu::Cpu;
    use fewbit_runtime::{Cancel, Control, NeverPause};

    let prepared = prepare(&residual(3));
    let samples = random(&mut Rng::new(7), &[40, 2, 6, 6]);
    let mut through = network(&prepared, &samples, "int2@channel", "uint4@tensor");
    run("gptq,bias-correct", &mut through, &samples);
    let mut stopped = network(&prepared, &samples, "int2@channel", "uint4@tensor");
    let calibration = Calibration { samples: samples.clone(), labels: None };
    let mut progression = Progression::new("gptq,bias-correct".parse().unwrap());
    let cpu = Cpu::new();
    for turn in 0.. {
        let cancel = Cancel::default();
        if turn % 2 == 0 {
            cancel.cancel();
        }
        let control = Control { cancel: &cancel, pace: &NeverPause };
        let mut scene = Scene {
            backend: &cpu,
            cpu: &cpu,
            network: &mut stopped,
            calibration: &calibration,
            seed: 1,
            control,
        };
        let advance = pollster::block_on(progression.advance(&mut scene));
        assert_eq!(advance.is_err(), turn % 2 == 0 && !progression.is_finished());
        if progression.is_finished() {
            break;
        }
    }
    assert_eq!(stopped.layers(), through.layers());
}
