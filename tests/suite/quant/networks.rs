//! Whole networks: observing, the quantized graph, the twin, evaluation, sensitivity.

use std::collections::BTreeMap;

use fewbit_graph::op::{Binary, Op, Opaque, Reshape};
use fewbit_graph::{Dim, Graph, Model, Tensor};
use fewbit_numeric::{Affine, Range};
use fewbit_quant::answers::softmax;
use fewbit_quant::report::{Evaluation, Sensitivity, Unsupported};
use fewbit_quant::{
    Analysis, AnalysisOptions, Evaluator, EvaluatorOptions, LayerErrors, Observations, Predictor, Prepared,
    QuantError, QuantizedLayer, Sweep, observation,
};
use fewbit_runtime::cpu::Cpu;
use fewbit_runtime::{Cancel, Control, NeverPause, RunError, RunReport};
use fewbit_tests::Rng;
use pollster::block_on;

use crate::nets::{
    batch_of, gemm, observe, perceptron, prepare, quantize, random, residual, tensor, with_control,
};

fn analysis(prepared: &Prepared, samples: &Tensor) -> Analysis {
    let options = AnalysisOptions { samples: 1000, ..AnalysisOptions::default() };
    block_on(Analysis::prepare(&Cpu::new(), prepared, samples, options)).unwrap()
}

fn errors(analysis: &mut Analysis, layers: &[QuantizedLayer]) -> (Vec<LayerErrors>, RunReport) {
    for (i, layer) in layers.iter().enumerate() {
        analysis.set_layer(i, layer).unwrap();
    }
    with_control(|control| block_on(analysis.run(control))).unwrap()
}

fn evaluator(
    prepared: &Prepared,
    samples: &Tensor,
    labels: Option<&[i64]>,
    options: EvaluatorOptions,
) -> Evaluator {
    let mut quiet = |_, _| ();
    with_control(|control| {
        block_on(Evaluator::prepare(&Cpu::new(), prepared, samples, labels, options, control, &mut quiet))
    })
    .unwrap()
}

fn answers(evaluator: &mut Evaluator, layers: &[QuantizedLayer]) -> (Evaluation, RunReport) {
    for (i, layer) in layers.iter().enumerate() {
        evaluator.set_layer(i, layer).unwrap();
    }
    with_control(|control| block_on(evaluator.run(control, &mut |_| ()))).unwrap()
}

#[test]
fn a_prepared_model_tells_what_it_is() {
    let prepared = prepare(&residual(1));
    let facts = &prepared.facts;
    assert_eq!(facts.rewrites, ["folded BatchNorm bn1 into conv1"]);
    assert_eq!(prepared.layer_names(), ["conv1", "conv2", "shortcut", "fc"]);
    assert_eq!(facts.inputs, [("x".to_owned(), "N×2×6×6".to_owned())]);
    assert_eq!(facts.outputs, [("fc".to_owned(), "N×5".to_owned())]);
    // As read: weights, BatchNorm with its statistics, biases. Then the BatchNorm is a bias of 4.
    assert_eq!(facts.parameters, 72 + 16 + 144 + 4 + 16 + 20 + 5);
    assert_eq!(facts.float_bytes, 4 * (72 + 4 + 144 + 4 + 16 + 20 + 5));
    assert_eq!(
        facts.layers.iter().map(|layer| layer.macs).collect::<Vec<_>>(),
        [72 * 36, 144 * 9, 16 * 9, 20]
    );
    assert_eq!(facts.macs, 72 * 36 + 144 * 9 + 16 * 9 + 20);
    assert_eq!(facts.layers[1].strides, [2, 2]);
    assert_eq!(facts.layers[0].parameters, 76);
    let conv2 = facts.nodes.iter().find(|node| node.name == "conv2").unwrap();
    assert_eq!((conv2.layer, conv2.shape.as_str()), (Some(1), "4×3×3"));
    assert_eq!(facts.nodes[conv2.inputs[0] as usize].name, "relu1");
}

#[test]
fn a_model_that_cannot_run_is_prepared_to_be_looked_at() {
    let mut model = perceptron(1, true);
    let last = model.graph.outputs[0];
    let opaque = Opaque { domain: String::new(), name: "GridSample".into(), encoded: Vec::new() };
    let odd = model.graph.node("odd", Op::Opaque(opaque), &[last]);
    model.graph.outputs = vec![odd];
    let unsupported = vec![Unsupported {
        node: "odd".into(),
        operator: "GridSample".into(),
        reason: "it is none of ours".into(),
    }];
    let prepared = Prepared::new("net", &model, BTreeMap::new(), unsupported, &Cpu::new()).unwrap();
    assert_eq!(prepared.facts.layers.len(), 2);
    assert_eq!(prepared.facts.parameters, 26);
    let error = prepared.face().unwrap_err().to_string();
    assert_eq!(error, "`net` cannot run: GridSample `odd` (it is none of ours)");
}

#[test]
fn a_free_image_size_is_refused_by_name() {
    let mut model = residual(1);
    let mut graph = Graph::new();
    let x = graph
        .input("x", vec![Dim::Symbol("N".into()), Dim::Known(2), Dim::Symbol("H".into()), Dim::Known(6)]);
    let wires = graph.splice(&model.graph, "", &mut |id, _| (id == model.graph.inputs[0]).then_some(x));
    graph.outputs = model.graph.outputs.iter().map(|id| wires[id.0 as usize]).collect();
    model.graph = graph;
    let error = prepare(&model).face().unwrap_err().to_string();
    assert!(error.contains("its input is N×2×H×6, and only the batch may be free"), "{error}");
}

#[test]
fn a_fixed_batch_is_set_free_where_the_answers_follow_it() {
    let mut graph = Graph::new();
    let x = graph.input("x", vec![Dim::Known(1), Dim::Known(3)]);
    let w = graph.parameter("fc.weight", random(&mut Rng::new(1), &[2, 3]));
    let y = graph.node("fc", gemm(), &[x, w]);
    graph.outputs.push(y);
    let prepared = prepare(&Model { graph: graph.clone(), metadata: BTreeMap::new() });
    assert_eq!(prepared.facts.rewrites, ["let the batch vary, which the file fixes at 1"]);
    assert_eq!(prepared.face().unwrap().batch(64), 64);

    // A reshape to a fixed shape cannot follow: one sample at a time then.
    let fixed = graph.node("reshape", Op::Reshape(Reshape::To(vec![1, 2])), &[y]);
    graph.outputs = vec![fixed];
    let prepared = prepare(&Model { graph, metadata: BTreeMap::new() });
    assert_eq!(prepared.face().unwrap().batch(64), 1);
    let samples = random(&mut Rng::new(2), &[5, 3]);
    let seen = observe(&prepared, &samples);
    let layers = quantize(&prepared, &seen, "int8@channel", "uint8@tensor");
    let mut evaluator = evaluator(&prepared, &samples, None, EvaluatorOptions::default());
    let (evaluation, _) = answers(&mut evaluator, &layers);
    assert_eq!((evaluation.n, evaluation.of), (5, 5));
    assert!(evaluation.logits.sqnr_db > 20.0);
}

#[test]
fn layers_that_share_a_weight_can_be_quantized_each_by_itself() {
    let mut graph = Graph::new();
    let x = graph.input("x", batch_of(&[3]));
    let w = graph.parameter("tied.weight", random(&mut Rng::new(1), &[3, 3]));
    let y = graph.node("first", gemm(), &[x, w]);
    let z = graph.node("second", gemm(), &[y, w]);
    graph.outputs.push(z);
    let prepared = prepare(&Model { graph, metadata: BTreeMap::new() });
    assert_eq!(prepared.layers.len(), 2);
    assert_ne!(prepared.layers[0].weight, prepared.layers[1].weight);
    assert_ne!(prepared.layers[0].name, prepared.layers[1].name);
}

#[test]
fn samples_of_another_shape_are_refused() {
    let prepared = prepare(&residual(1));
    let error = prepared.check_samples(&random(&mut Rng::new(1), &[4, 2, 6, 7])).unwrap_err();
    assert_eq!(error.to_string(), "`x` takes samples of N×2×6×6, but these are f32[4×2×6×7]");
}

#[test]
fn observers_see_the_ranges_that_a_pencil_finds() {
    let prepared = prepare(&perceptron(1, true));
    let samples = random(&mut Rng::new(9), &[100, 3]);
    let seen = observe(&prepared, &samples);
    let values = samples.as_f32().unwrap();
    let first = seen.layer(0).unwrap();
    assert_eq!((first.channels, first.inner, first.n, first.not_finite), (3, 1, 300, 0));
    assert_eq!(first.range(), Range::of(values.iter().copied()));
    for channel in 0..3 {
        let column = values.iter().skip(channel).step_by(3).copied();
        assert_eq!(first.channel_range(channel), Range::of(column));
    }
    // 100 samples are three batches of 32 and one of 4.
    let batches: Vec<Range> = first.batches().collect();
    assert_eq!(batches.len(), 4);
    assert_eq!(batches[3], Range::of(values[96 * 3..].iter().copied()));
    assert_eq!(first.magnitudes.as_ref().unwrap().total(), 300);
    let column = |channel| values.iter().skip(channel).step_by(3).copied().collect::<Vec<f32>>();
    assert_eq!(first.sample, [column(0), column(1), column(2)], "few values are all kept");
    let second = seen.layer(1).unwrap();
    assert_eq!((second.channels, second.range().min), (4, 0.0), "behind a ReLU");
}

#[test]
fn kept_values_are_spread_over_all_and_know_their_channels() {
    let prepared = prepare(&residual(1));
    let n = 1000;
    let seen = observe(&prepared, &random(&mut Rng::new(9), &[n, 2, 6, 6]));
    let first = seen.layer(0).unwrap();
    assert_eq!(first.n, n as u64 * 72);
    assert_eq!(first.sample.iter().map(Vec::len).sum::<usize>(), observation::SAMPLE_LEN);
    let ones = first.sample[1].len();
    assert!((ones as f64 / observation::SAMPLE_LEN as f64 - 0.5).abs() < 0.02);
    let places: Vec<u64> = observation::positions(first.n, first.seed).collect();
    assert!(places.windows(2).all(|pair| pair[0] < pair[1]) && places[places.len() - 1] < first.n);
}

#[test]
fn two_layers_behind_one_wire_see_the_same() {
    let prepared = prepare(&residual(1));
    let seen = observe(&prepared, &random(&mut Rng::new(9), &[10, 2, 6, 6]));
    assert!(std::ptr::eq(seen.layer(1).unwrap(), seen.layer(2).unwrap()));
    assert!(seen.layer(4).is_none());
}

#[test]
fn with_everything_kept_in_float_the_quantized_network_is_the_float_one_to_the_bit() {
    for model in [perceptron(3, true), residual(3)] {
        let prepared = prepare(&model);
        let shape = &prepared.face().unwrap().sample_shape;
        let shape: Vec<usize> = std::iter::once(50).chain(shape.iter().copied()).collect();
        let samples = random(&mut Rng::new(4), &shape);
        let mut evaluator = evaluator(&prepared, &samples, None, EvaluatorOptions::default());
        let (evaluation, _) = answers(&mut evaluator, &[]);
        assert_eq!((evaluation.logits.max_abs, evaluation.kl, evaluation.agree), (0.0, 0.0, 50));
        let mut analysis = analysis(&prepared, &samples);
        for layer in errors(&mut analysis, &[]).0 {
            assert_eq!((layer.local.max_abs, layer.cumulative.max_abs), (0.0, 0.0));
        }
    }
}

#[test]
fn the_first_layers_local_error_is_its_cumulative_error() {
    let prepared = prepare(&residual(6));
    let samples = random(&mut Rng::new(7), &[20, 2, 6, 6]);
    let layers = quantize(&prepared, &observe(&prepared, &samples), "int4@channel", "uint4@tensor");
    let (found, _) = errors(&mut analysis(&prepared, &samples), &layers);
    assert_eq!(found[0].local, found[0].cumulative);
    assert!(found[0].local.mse > 0.0);
    assert_ne!(found[1].local, found[1].cumulative);
}

#[test]
fn local_errors_do_not_depend_on_other_layers() {
    let prepared = prepare(&residual(6));
    let samples = random(&mut Rng::new(7), &[20, 2, 6, 6]);
    let seen = observe(&prepared, &samples);
    let layers = quantize(&prepared, &seen, "int4@channel", "uint4@tensor");
    let (all, _) = errors(&mut analysis(&prepared, &samples), &layers);
    let mut alone = quantize(&prepared, &seen, "float", "float");
    alone[1] = layers[1].clone();
    let (one, _) = errors(&mut analysis(&prepared, &samples), &alone);
    assert_eq!(all[1].local, one[1].local);
    assert_eq!(one[1].local, one[1].cumulative, "with nothing else quantized both are one");
    assert_eq!(one[0].cumulative.max_abs, 0.0, "nothing flows upstream");
}

#[test]
fn from_8_bits_to_3_and_back_gives_the_same_bits() {
    let prepared = prepare(&residual(8));
    let samples = random(&mut Rng::new(7), &[30, 2, 6, 6]);
    let seen = observe(&prepared, &samples);
    let eight = quantize(&prepared, &seen, "int8@channel", "uint8@tensor");
    let three = quantize(&prepared, &seen, "int3@channel", "uint3@tensor");
    let (mut analysis, mut evaluator) =
        (analysis(&prepared, &samples), evaluator(&prepared, &samples, None, EvaluatorOptions::default()));
    let first = (errors(&mut analysis, &eight).0, answers(&mut evaluator, &eight).0);
    let other = (errors(&mut analysis, &three).0, answers(&mut evaluator, &three).0);
    let again = (errors(&mut analysis, &eight).0, answers(&mut evaluator, &eight).0);
    assert_eq!(first, again);
    assert_ne!(first, other);
}

#[test]
fn only_what_lies_behind_a_change_runs_again() {
    let prepared = prepare(&residual(8));
    let samples = random(&mut Rng::new(7), &[30, 2, 6, 6]);
    let seen = observe(&prepared, &samples);
    let mut layers = quantize(&prepared, &seen, "int8@channel", "uint8@tensor");
    let three = quantize(&prepared, &seen, "int3@channel", "uint8@tensor");
    let mut analysis = analysis(&prepared, &samples);
    let mut evaluator = evaluator(&prepared, &samples, None, EvaluatorOptions::default());
    let (_, everything) = errors(&mut analysis, &layers);
    assert_eq!(everything.ran, everything.needed);
    answers(&mut evaluator, &layers);
    assert_eq!(errors(&mut analysis, &layers).1.ran, 0, "nothing has changed");
    assert_eq!(answers(&mut evaluator, &layers).1.ran, 0);
    layers[3] = three[3].clone();
    // Locally and in the quantized network: the layer and the comparison of its output.
    assert_eq!(errors(&mut analysis, &layers).1.ran, 4);
    assert_eq!(answers(&mut evaluator, &layers).1.ran, 1);
    layers[0] = three[0].clone();
    let (_, first) = errors(&mut analysis, &layers);
    assert!(4 < first.ran && first.ran < everything.ran, "{first:?} of {everything:?}");
}

/// ŷ = Ŵ·x̂ + b and its errors, in f64.
#[test]
fn the_errors_of_a_linear_network_are_those_of_the_algebra() {
    let mut rng = Rng::new(11);
    let (w1, w2) = (random(&mut rng, &[3, 4]), random(&mut rng, &[2, 3]));
    let bias = random(&mut rng, &[3]);
    let mut graph = Graph::new();
    let x = graph.input("x", batch_of(&[4]));
    let (p1, p2) = (graph.parameter("a.weight", w1.clone()), graph.parameter("b.weight", w2.clone()));
    let b1 = graph.parameter("a.bias", bias.clone());
    let y = graph.node("a", gemm(), &[x, p1, b1]);
    let z = graph.node("b", gemm(), &[y, p2]);
    graph.outputs.push(z);
    let prepared = prepare(&Model { graph, metadata: BTreeMap::new() });
    let samples = random(&mut rng, &[9, 4]);
    let layers = quantize(&prepared, &observe(&prepared, &samples), "int4@tensor", "uint5@tensor");
    let (found, _) = errors(&mut analysis(&prepared, &samples), &layers);

    let product = |rows: &[Vec<f64>], weights: &Tensor, bias: Option<&Tensor>| -> Vec<Vec<f64>> {
        let columns = weights.shape()[1];
        rows.iter()
            .map(|row| {
                weights
                    .as_f32()
                    .unwrap()
                    .chunks(columns)
                    .enumerate()
                    .map(|(o, w)| {
                        let sum: f64 = w.iter().zip(row).map(|(&w, x)| f64::from(w) * x).sum();
                        sum + bias.map_or(0.0, |bias| f64::from(bias.as_f32().unwrap()[o]))
                    })
                    .collect()
            })
            .collect()
    };
    let quantized = |rows: &[Vec<f64>], layer: &QuantizedLayer| -> Vec<Vec<f64>> {
        let grid = layer.input.as_ref().unwrap()[0];
        rows.iter().map(|row| row.iter().map(|&x| f64::from(grid.fake(x as f32))).collect()).collect()
    };
    let input: Vec<Vec<f64>> =
        samples.as_f32().unwrap().chunks(4).map(|row| row.iter().map(|&x| f64::from(x)).collect()).collect();
    let float = product(&input, &w1, Some(&bias));
    let first = product(&quantized(&input, &layers[0]), &layers[0].weights, Some(&bias));
    let reference = product(&float, &w2, None);
    let local = product(&quantized(&float, &layers[1]), &layers[1].weights, None);
    let cumulative = product(&quantized(&first, &layers[1]), &layers[1].weights, None);
    let mse = |a: &[Vec<f64>], b: &[Vec<f64>]| {
        let pairs = a.iter().flatten().zip(b.iter().flatten());
        pairs.map(|(a, b)| (a - b).powi(2)).sum::<f64>() / (a.len() * a[0].len()) as f64
    };
    let close = |found: f64, expected: f64| {
        assert!((found - expected).abs() < 1e-4 * expected, "{found}, not {expected}");
    };
    close(found[0].local.mse, mse(&float, &first));
    close(found[1].local.mse, mse(&reference, &local));
    close(found[1].cumulative.mse, mse(&reference, &cumulative));
    // The share that a shift of each output takes away.
    let mut shift = 0.0;
    for o in 0..2 {
        let mean: f64 = local.iter().zip(&reference).map(|(b, a)| b[o] - a[o]).sum::<f64>() / 9.0;
        shift += mean * mean / 2.0;
    }
    close(found[1].local.mean_shift, shift / mse(&reference, &local));
    let signal = reference.iter().flatten().map(|a| a * a).sum::<f64>() / 18.0;
    close(found[1].local.sqnr_db, 10.0 * (signal / mse(&reference, &local)).log10());
}

/// ONNX's arithmetic, a value at a time: x̂, then Σ x̂·ŵ in order, then the bias.
#[test]
fn the_quantized_network_is_the_plain_composition_of_its_quantizers_to_the_bit() {
    let prepared = prepare(&perceptron(13, true));
    let samples = random(&mut Rng::new(14), &[20, 3]);
    let seen = observe(&prepared, &samples);
    for (weights, activations) in
        [("int8@channel", "uint8@tensor"), ("int3@group2", "int5@tensor"), ("uint2@tensor", "uint4@channel")]
    {
        let layers = quantize(&prepared, &seen, weights, activations);
        let mut predictor = block_on(Predictor::prepare(&Cpu::new(), &prepared)).unwrap();
        for (i, layer) in layers.iter().enumerate() {
            predictor.set_layer(i, layer).unwrap();
        }
        let apply = |index: usize, input: &[f32]| -> Vec<f32> {
            let layer = &layers[index];
            let grids = layer.input.as_ref().unwrap();
            let grid = |channel: usize| grids.get(channel).unwrap_or(&grids[0]);
            let input: Vec<f32> = input.iter().enumerate().map(|(c, &x)| grid(c).fake(x)).collect();
            let node = prepared.graph.node_of(prepared.layers[index].node);
            let bias = prepared.graph.value(node.inputs[2]).unwrap().as_f32().unwrap();
            let codes = layer.codes.as_ref().unwrap().dequantize();
            let rows = codes.chunks(input.len()).zip(bias);
            rows.map(|(row, bias)| row.iter().zip(&input).fold(0.0, |sum, (w, x)| sum + w * x) + bias)
                .collect()
        };
        for (i, sample) in samples.as_f32().unwrap().chunks(3).enumerate() {
            let hidden: Vec<f32> = apply(0, sample).iter().map(|x| x.max(0.0)).collect();
            let expected = softmax(&apply(1, &hidden));
            let [_, found] =
                with_control(|control| block_on(predictor.predict(&samples.rows(i, i + 1), control)))
                    .unwrap();
            assert_eq!(found, expected, "{weights} {activations}");
        }
    }
}

#[test]
fn accuracy_agreement_and_divergence_are_those_of_a_pencil() {
    // The identity on two classes: the logits are the samples.
    let mut graph = Graph::new();
    let x = graph.input("x", batch_of(&[2]));
    let w = graph.parameter("fc.weight", tensor(&[2, 2], vec![1.0, 0.0, 0.0, 1.0]));
    let y = graph.node("fc", gemm(), &[x, w]);
    graph.outputs.push(y);
    let prepared = prepare(&Model { graph, metadata: BTreeMap::new() });
    let samples = tensor(&[4, 2], vec![1.0, 0.0, 0.0, 1.0, 0.6, 0.4, 0.4, 0.6]);
    let labels = [0, 1, 0, 0];
    let mut evaluator = evaluator(&prepared, &samples, Some(&labels), EvaluatorOptions::default());
    // Weights that turn class 0 of the third sample into class 1: logits (0.5·x₀, x₁).
    evaluator.set_weights(0, &tensor(&[2, 2], vec![0.5, 0.0, 0.0, 1.0])).unwrap();
    let (found, _) = answers(&mut evaluator, &[]);
    assert_eq!((found.n, found.of, found.classifies), (4, 4, true));
    assert_eq!((found.float_correct, found.correct, found.agree), (Some(3), Some(2), 3));
    let probability = |a: f64, b: f64| 1.0 / (1.0 + (b - a).exp());
    let divergence = |float: [f64; 2], quantized: [f64; 2]| {
        let (p, q) = (probability(float[0], float[1]), probability(quantized[0], quantized[1]));
        p * (p / q).ln() + (1.0 - p) * ((1.0 - p) / (1.0 - q)).ln()
    };
    let expected = (divergence([1.0, 0.0], [0.5, 0.0])
        + divergence([0.6, 0.4], [0.3, 0.4])
        + divergence([0.4, 0.6], [0.2, 0.6]))
        / 4.0;
    assert!((found.kl - expected).abs() < 1e-7, "{} {expected}", found.kl);
    // Wilson's interval of 2 in 4.
    let [low, high] = found.interval.unwrap();
    assert!((low - 0.1500).abs() < 1e-4 && (high - 0.8500).abs() < 1e-4);
    let third = evaluator.predictions().nth(2).unwrap();
    assert_eq!((third.label, third.float.class, third.quantized.class), (Some(0), 0, 1));
    assert!((f64::from(third.float.probability) - probability(0.6, 0.4)).abs() < 1e-6);
    assert!((f64::from(third.quantized.margin) - (2.0 * probability(0.4, 0.3) - 1.0)).abs() < 1e-6);
}

#[test]
fn chunks_and_memory_change_no_answer() {
    let prepared = prepare(&residual(8));
    let samples = random(&mut Rng::new(7), &[50, 2, 6, 6]);
    let labels: Vec<i64> = (0..50).map(|i| i % 5).collect();
    let layers = quantize(&prepared, &observe(&prepared, &samples), "int3@channel", "uint4@tensor");
    let mut found = Vec::new();
    for (chunk, live_memory) in [(64, 1 << 30), (16, 1 << 30), (16, 0), (7, 60_000), (1, 0)] {
        let options = EvaluatorOptions { chunk, live_memory };
        let mut evaluator = evaluator(&prepared, &samples, Some(&labels), options);
        let expected_live = if live_memory > 1 << 20 { 50 } else { evaluator.live_samples() };
        assert_eq!(evaluator.live_samples(), expected_live);
        assert!(live_memory != 60_000 || (1..50).contains(&evaluator.live_samples()));
        let (evaluation, _) = answers(&mut evaluator, &layers);
        found.push((
            evaluation.correct,
            evaluation.agree,
            evaluator.predictions().copied().collect::<Vec<_>>(),
        ));
    }
    assert!(found.windows(2).all(|pair| pair[0] == pair[1]));
}

#[test]
fn partial_results_grow_to_the_whole() {
    let prepared = prepare(&residual(8));
    let samples = random(&mut Rng::new(7), &[50, 2, 6, 6]);
    let options = EvaluatorOptions { chunk: 16, live_memory: 0 };
    let mut evaluator = evaluator(&prepared, &samples, None, options);
    let mut seen = Vec::new();
    let (last, _) =
        with_control(|control| block_on(evaluator.run(control, &mut |partial| seen.push(partial.clone()))))
            .unwrap();
    assert_eq!(seen.iter().map(|partial| partial.n).collect::<Vec<_>>(), [16, 32, 48, 50]);
    assert!(seen.iter().all(|partial| partial.of == 50 && partial.correct.is_none()));
    assert_eq!(seen[3], last);
}

#[test]
fn work_that_is_stopped_can_go_on() {
    let prepared = prepare(&residual(8));
    let samples = random(&mut Rng::new(7), &[50, 2, 6, 6]);
    let layers = quantize(&prepared, &observe(&prepared, &samples), "int3@channel", "uint4@tensor");
    let options = EvaluatorOptions { chunk: 16, live_memory: 1 << 30 };
    let mut stopped = evaluator(&prepared, &samples, None, options);
    let cancel = Cancel::default();
    let control = Control { cancel: &cancel, pace: &NeverPause };
    for (i, layer) in layers.iter().enumerate() {
        stopped.set_layer(i, layer).unwrap();
    }
    let result = block_on(stopped.run(&control, &mut |_| cancel.cancel()));
    assert_eq!(result.unwrap_err(), QuantError::Run(RunError::Cancelled));
    assert_eq!(stopped.evaluation().n, 16, "what was heard stays");
    let whole = answers(&mut evaluator(&prepared, &samples, None, options), &layers).0;
    assert_eq!(answers(&mut stopped, &layers).0, whole);
    let stopped =
        block_on(Observations::ranges(&Cpu::new(), &prepared, &samples, 0, &control, &mut |_, _| ()));
    assert_eq!(stopped.unwrap_err(), QuantError::Run(RunError::Cancelled));
}

#[test]
fn labels_must_be_as_many_as_samples() {
    let prepared = prepare(&perceptron(1, true));
    let samples = random(&mut Rng::new(7), &[5, 3]);
    let result = with_control(|control| {
        let (cpu, options, mut quiet) = (Cpu::new(), EvaluatorOptions::default(), |_, _| ());
        let evaluator =
            Evaluator::prepare(&cpu, &prepared, &samples, Some(&[1, 2]), options, control, &mut quiet);
        block_on(evaluator).err()
    });
    assert_eq!(result, Some(QuantError::Labels { labels: 2, samples: 5 }));
}

#[test]
fn outputs_that_are_no_classes_are_compared_as_values() {
    let mut model = residual(8);
    let sum = model.graph.find("relu2").unwrap();
    model.graph.outputs = vec![sum];
    let prepared = prepare(&model);
    let samples = random(&mut Rng::new(7), &[12, 2, 6, 6]);
    let layers = quantize(&prepared, &observe(&prepared, &samples), "int4@channel", "uint4@tensor");
    let mut evaluator = evaluator(&prepared, &samples, None, EvaluatorOptions::default());
    let (found, _) = answers(&mut evaluator, &layers);
    assert_eq!((evaluator.classifies(), found.classifies, found.n), (false, false, 12));
    assert_eq!(found.logits.n, 12 * 4 * 9);
    assert!(found.logits.mse > 0.0);
    assert_eq!(evaluator.predictions().count(), 0);
}

#[test]
fn a_softmax_at_the_end_changes_no_verdict() {
    let mut plain = residual(8);
    let (wide, factor) = (plain.graph.outputs[0], plain.graph.parameter("temperature", Tensor::scalar(0.01)));
    let logits = plain.graph.node("logits", Op::Binary(Binary::Mul), &[wide, factor]);
    plain.graph.outputs = vec![logits];
    let mut model = plain.clone();
    model.graph.outputs = vec![model.graph.node("softmax", Op::Softmax { axis: 1 }, &[logits])];
    let samples = random(&mut Rng::new(7), &[30, 2, 6, 6]);
    let mut found = Vec::new();
    for model in [plain, model] {
        let prepared = prepare(&model);
        let layers = quantize(&prepared, &observe(&prepared, &samples), "int3@channel", "uint4@tensor");
        let mut evaluator = evaluator(&prepared, &samples, None, EvaluatorOptions::default());
        found.push(answers(&mut evaluator, &layers).0);
    }
    assert_eq!(found[0].agree, found[1].agree);
    assert!((found[0].kl - found[1].kl).abs() < 1e-4 * found[0].kl, "{} {}", found[0].kl, found[1].kl);
}

#[test]
fn sensitivities_are_the_evaluations_of_the_mixed_models() {
    let prepared = prepare(&residual(8));
    let samples = random(&mut Rng::new(7), &[40, 2, 6, 6]);
    let seen = observe(&prepared, &samples);
    let layers = quantize(&prepared, &seen, "int3@channel", "uint4@tensor");
    let float = quantize(&prepared, &seen, "float", "float");
    let options = EvaluatorOptions::default();
    let rows: Vec<Sensitivity> = with_control(|control| {
        block_on(async {
            let cpu = Cpu::new();
            let mut sweep = Sweep::prepare(&cpu, &prepared, &samples, None, options, control).await.unwrap();
            let mut rows = Vec::new();
            for i in 0..layers.len() {
                rows.push(sweep.row(&prepared, &layers, i, control).await.unwrap());
            }
            assert!(sweep.row(&prepared, &layers, 4, control).await.is_err());
            rows
        })
    });
    for (i, row) in rows.iter().enumerate() {
        let (mut only, mut all_but) = (float.clone(), layers.clone());
        only[i] = layers[i].clone();
        all_but[i] = float[i].clone();
        let mut fresh = evaluator(&prepared, &samples, None, options);
        assert_eq!((row.layer, row.n), (i as u32, 40));
        assert_eq!(row.only, answers(&mut fresh, &only).0);
        assert_eq!(row.all_but, answers(&mut fresh, &all_but).0);
    }
}

#[test]
fn one_sample_alone_is_answered_as_among_others() {
    let prepared = prepare(&residual(8));
    let samples = random(&mut Rng::new(7), &[10, 2, 6, 6]);
    let layers = quantize(&prepared, &observe(&prepared, &samples), "int4@channel", "uint4@channel");
    let mut evaluator = evaluator(&prepared, &samples, None, EvaluatorOptions::default());
    answers(&mut evaluator, &layers);
    let mut predictor = block_on(Predictor::prepare(&Cpu::new(), &prepared)).unwrap();
    for (i, layer) in layers.iter().enumerate() {
        predictor.set_layer(i, layer).unwrap();
    }
    for (i, expected) in evaluator.predictions().enumerate() {
        let [float, quantized] =
            with_control(|control| block_on(predictor.predict(&samples.rows(i, i + 1), control))).unwrap();
        assert_eq!(float[expected.float.class as usize], expected.float.probability);
        assert_eq!(quantized[expected.quantized.class as usize], expected.quantized.probability);
        assert!((quantized.iter().sum::<f32>() - 1.0).abs() < 1e-5);
    }
}

#[test]
fn one_scale_for_the_tensor_is_the_same_scale_for_each_channel() {
    let prepared = prepare(&residual(8));
    let samples = random(&mut Rng::new(7), &[10, 2, 6, 6]);
    let mut layers = quantize(&prepared, &observe(&prepared, &samples), "int8@channel", "uint6@tensor");
    let mut evaluator = evaluator(&prepared, &samples, None, EvaluatorOptions::default());
    let tensor = answers(&mut evaluator, &layers).0;
    for (layer, wires) in layers.iter_mut().zip(&prepared.face().unwrap().layers) {
        let grid: Affine = layer.input.as_ref().unwrap()[0];
        layer.input = Some(vec![grid; wires.input_channels]);
    }
    assert_eq!(answers(&mut evaluator, &layers).0, tensor);
}

#[test]
fn an_analysis_takes_no_more_samples_than_its_memory_holds() {
    let prepared = prepare(&residual(8));
    let samples = random(&mut Rng::new(7), &[50, 2, 6, 6]);
    let options = AnalysisOptions { samples: 64, memory: 100_000 };
    let small = block_on(Analysis::prepare(&Cpu::new(), &prepared, &samples, options)).unwrap();
    assert!((1..50).contains(&small.samples()));
    let least = AnalysisOptions { samples: 64, memory: 0 };
    let one = block_on(Analysis::prepare(&Cpu::new(), &prepared, &samples, least)).unwrap();
    assert_eq!(one.samples(), 1);
}
