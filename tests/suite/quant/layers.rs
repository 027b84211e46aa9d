//! Single layers: codes, what was asked and done, size, and how they are shown.

use fewbit_graph::Tensor;
use fewbit_numeric::{BlockLayout, Granularity, Quantized};
use fewbit_quant::report::TensorView;
use fewbit_quant::view::layer_view;
use fewbit_quant::{
    Choice, LayerChoice, Observation, QuantError, QuantizedLayer, activations, size, weights,
};
use fewbit_tests::Rng;

use crate::golden;
use crate::nets::{choice, observe, perceptron, prepare, quantize, random, residual};

#[test]
fn round_to_nearest_is_that_of_onnx_to_the_bit() {
    for case in golden::cases("round_to_nearest") {
        let values = golden::floats(&case["values"]);
        let shape: Vec<usize> = golden::integers(&case["shape"]).iter().map(|&n| n as usize).collect();
        let axis = case["axis"].as_u64().unwrap() as usize;
        let asked = choice(golden::text(&case["choice"]));
        let (found, applied) = weights::quantize("layer", &values, &shape, axis, asked).unwrap();
        let found = found.unwrap();
        assert_eq!(applied.done, asked);
        assert_eq!(applied.reason, None);
        let scales: Vec<f32> = found.grids.iter().map(|grid| grid.scale).collect();
        assert_eq!(scales, golden::floats(&case["scales"]), "{asked}");
        let codes: Vec<i64> = found.codes.iter().map(|&code| i64::from(code)).collect();
        assert_eq!(codes, golden::integers(&case["codes"]), "{asked}");
        assert_eq!(found.dequantize(), golden::floats(&case["dequantized"]), "{asked}");
    }
}

#[test]
fn a_group_larger_than_a_channel_becomes_the_channel_and_says_so() {
    let values = Rng::new(1).floats(4 * 9);
    let asked = choice("int4@group32");
    let (found, applied) = weights::quantize("layer", &values, &[4, 1, 3, 3], 0, asked).unwrap();
    assert_eq!(applied.done, choice("int4@channel"));
    assert!(applied.reason.unwrap().contains("larger than the 9 weights"));
    assert_eq!(found.unwrap().grids.len(), 4);
}

#[test]
fn weights_that_are_not_finite_stay_in_float_and_say_so() {
    let (found, applied) =
        weights::quantize("layer", &[1.0, f32::NAN, f32::INFINITY], &[3], 0, choice("int8")).unwrap();
    assert_eq!((found, applied.done), (None, Choice::Float));
    assert_eq!(applied.reason.unwrap(), "2 of 3 weights are not finite");
}

#[test]
fn weights_that_do_not_fill_the_shape_are_refused() {
    let refused = weights::quantize("fc", &[1.0; 5], &[2, 3], 0, choice("int8"));
    assert_eq!(refused.unwrap_err().to_string(), "layer `fc` has 6 weights, but 5 values were given");
}

#[test]
fn zeros_stay_zeros_but_in_the_binary_format_where_they_become_as_small_as_can_be() {
    for text in ["int8@channel", "uint4@channel", "int2@tensor", "int8@group2:mse", "int3-asym@channel"] {
        let (found, _) = weights::quantize("layer", &[0.0; 8], &[2, 4], 0, choice(text)).unwrap();
        assert_eq!(found.unwrap().dequantize(), [0.0; 8], "{text}");
    }
    let (found, _) = weights::quantize("layer", &[0.0; 8], &[2, 4], 0, choice("int1@channel")).unwrap();
    assert!(found.unwrap().dequantize().iter().all(|x| x.abs() == f32::MIN_POSITIVE));
}

#[test]
fn binary_weights_are_signs_times_the_mean_magnitude() {
    let values = [0.5, -1.5, 0.25, -0.75, 1.0, 1.0, -1.0, -1.0];
    let (found, _) = weights::quantize("layer", &values, &[2, 4], 0, choice("int1@channel:mse")).unwrap();
    assert_eq!(found.unwrap().dequantize(), [0.75, -0.75, 0.75, -0.75, 1.0, 1.0, -1.0, -1.0]);
}

/// An input of 2 channels, 3 samples of 2 values for each channel.
fn seen_input() -> Observation {
    Observation {
        channels: 2,
        inner: 2,
        n: 12,
        not_finite: 0,
        batch_ranges: [[-1.0, 1.0], [0.0, 8.0], [-3.0, 2.0], [0.0, 4.0]]
            .map(|[min, max]| fewbit_numeric::Range { min, max })
            .to_vec(),
        magnitudes: None,
        sample: Vec::new(),
        seed: 0,
    }
}

#[test]
fn inputs_get_the_grids_of_the_ranges_that_were_seen() {
    let scales = |text: &str| {
        let (grids, applied) = activations::quantize("layer", &seen_input(), choice(text)).unwrap();
        assert_eq!(applied.done, choice(text));
        grids.unwrap().iter().map(|grid| grid.scale).collect::<Vec<_>>()
    };
    assert_eq!(scales("uint8@tensor"), [11.0 / 255.0]);
    assert_eq!(scales("uint8@channel"), [5.0 / 255.0, 8.0 / 255.0]);
    // Batches [-1, 8], then [-3, 4].
    assert_eq!(scales("uint8@tensor:ema0.5"), [8.0 / 255.0]);
    assert_eq!(scales("uint8@channel:ema0.5"), [3.5 / 255.0, 6.0 / 255.0]);
}

#[test]
fn what_an_input_cannot_do_is_said() {
    let apply = |text: &str, seen: &Observation| activations::quantize("fc", seen, choice(text));
    let (_, applied) = apply("uint8@group32", &seen_input()).unwrap();
    assert_eq!(applied.done, choice("uint8@tensor"));
    assert!(applied.reason.is_some());
    let (_, applied) = apply("uint8@channel:mse", &seen_input()).unwrap();
    assert_eq!(applied.done, choice("uint8@channel"));
    assert!(applied.reason.is_some());
    let (grids, applied) = apply("uint8", &Observation { not_finite: 3, ..seen_input() }).unwrap();
    assert_eq!((grids, applied.done), (None, Choice::Float));
    assert_eq!(applied.reason.unwrap(), "3 of 12 values are not finite");
    let error = apply("uint8@tensor:entropy", &seen_input()).unwrap_err();
    assert!(
        error.to_string().starts_with("the entropy range of the input of `fc` needs a histogram"),
        "{error}"
    );
}

#[test]
fn an_input_that_nobody_observed_cannot_be_quantized() {
    let prepared = prepare(&perceptron(1, true));
    let wanted = LayerChoice { weights: Choice::Float, activations: choice("uint8") };
    let error = QuantizedLayer::new(&prepared, 0, wanted, None).unwrap_err();
    assert_eq!(error, QuantError::NotObserved { layer: "fc1".into() });
}

#[test]
fn the_size_is_what_a_pencil_finds() {
    let prepared = prepare(&perceptron(2, true));
    // fc1: 12 weights, 4 biases; fc2: 8 weights, 2 biases.
    assert_eq!(prepared.facts.parameters, 26);
    assert_eq!(prepared.facts.macs, 20);
    let seen = observe(&prepared, &random(&mut Rng::new(3), &[5, 3]));
    let sized = |weights: &str, activations: &str| {
        size::size(&prepared, &quantize(&prepared, &seen, weights, activations))
    };
    let float = sized("float", "float");
    assert_eq!((float.bytes, float.float_bytes, float.effective_bits), (104, 104, 32.0));
    assert_eq!(float.bit_operations, 20 * 32 * 32);
    // 20 codes of 3 bits, 6 scales, 6 biases.
    let channels = sized("int3@channel", "uint8@tensor");
    assert_eq!(channels.bytes, (20u64 * 3 + 6 * 32 + 6 * 32).div_ceil(8));
    assert_eq!(channels.effective_bits, (20.0 * 3.0 + 6.0 * 32.0) / 20.0);
    assert_eq!(channels.bit_operations, 20 * 3 * 8);
    // Groups of 2 in channels of 3 and 4: 2 blocks each, with 4-bit zero points.
    let groups = sized("uint4@group2", "float");
    assert_eq!(groups.bytes, (20u64 * 4 + 12 * (32 + 4) + 6 * 32).div_ceil(8));
}

#[test]
fn a_layer_reports_its_bits_with_the_bias() {
    let prepared = prepare(&perceptron(2, true));
    let seen = observe(&prepared, &random(&mut Rng::new(3), &[5, 3]));
    let layers = quantize(&prepared, &seen, "int8@tensor", "float");
    let report = layers[0].report(prepared.facts.layers[0].parameters);
    assert_eq!(report.bits, 12 * 8 + 32 + 4 * 32);
    assert!(report.weight.unwrap().sqnr_db > 30.0);
    assert_eq!((report.local, report.cumulative), (None, None));
}

/// What holds of every view.
fn check(view: &TensorView, bins: usize) {
    assert!(view.float_bins.len() <= bins);
    assert_eq!(view.float_bins.len(), view.quantized_bins.len());
    assert_eq!(view.float_bins.iter().sum::<u64>(), view.n, "no float value is dropped");
    assert_eq!(view.outside, [0, 0]);
    assert!(view.bins_range.min <= view.range.min && view.range.max <= view.bins_range.max);
    if !view.levels.is_empty() {
        assert_eq!(view.levels.iter().map(|level| level.count).sum::<u64>(), view.n);
    }
    let split = view.rounding_mse + view.clipping_mse;
    assert!(
        (split - view.errors.mse).abs() <= 1e-9 * view.errors.mse.max(1e-30),
        "{split} {}",
        view.errors.mse
    );
}

#[test]
fn views_of_weights_drop_nothing() {
    let prepared = prepare(&residual(5));
    let seen = observe(&prepared, &random(&mut Rng::new(3), &[40, 2, 6, 6]));
    let texts = [
        "float",
        "int1@tensor",
        "int2@channel",
        "int3@tensor:mse*0.8",
        "uint4@group8",
        "int8@tensor",
        "int16@tensor",
    ];
    for text in texts {
        let layers = quantize(&prepared, &seen, text, "float");
        for (i, layer) in layers.iter().enumerate() {
            let n = prepared.weights(i).unwrap().len() as u64;
            let whole = layer_view(&prepared, i, None, 96, layer, None).unwrap();
            check(&whole.weights, 96);
            assert_eq!(whole.weights.n, n);
            assert_eq!(whole.weights.quantized_bins.iter().sum::<u64>(), n, "{text}");
            let channels = prepared.facts.layers[i].weight_shape[0];
            assert_eq!(whole.channels.len(), channels);
            let narrow = layer_view(&prepared, i, Some(1), 96, layer, None).unwrap();
            check(&narrow.weights, 96);
            assert_eq!(narrow.weights.n, n / channels as u64);
            assert_eq!(narrow.channel_weights.values.len() as u64, n / channels as u64);
        }
    }
}

#[test]
fn single_weights_are_their_codes_on_their_grids() {
    let prepared = prepare(&residual(5));
    let seen = observe(&prepared, &random(&mut Rng::new(3), &[8, 2, 6, 6]));
    for text in ["int3@tensor", "int3@channel", "uint3@group8"] {
        let layers = quantize(&prepared, &seen, text, "float");
        let weights = prepared.weights(1).unwrap();
        for channel in 0..4 {
            let view = layer_view(&prepared, 1, Some(channel), 64, &layers[1], None).unwrap();
            let single = view.channel_weights;
            assert_eq!(single.shape, [4, 3, 3]);
            assert_eq!(single.values, weights.as_f32().unwrap()[channel * 36..(channel + 1) * 36]);
            assert_eq!(single.grids.len(), 36usize.div_ceil(single.group_len));
            let whole = &layers[1].weights.as_f32().unwrap()[channel * 36..(channel + 1) * 36];
            for (i, &code) in single.codes.iter().enumerate() {
                assert_eq!(single.grids[i / single.group_len].value(code as f32), whole[i], "{text}");
            }
        }
    }
}

#[test]
fn clipping_is_what_lies_half_a_step_beyond_the_last_level() {
    let prepared = prepare(&perceptron(2, false));
    let values = [-2.0, -0.5, 0.0, 0.4, 0.9, 1.1, 1.4, 1.6, 2.0, -1.4, -1.6, 0.1];
    let layout = BlockLayout::new(&[4, 3], 0, Granularity::Tensor);
    let grid = fewbit_numeric::Affine { scale: 1.0, zero_point: 0.0, min_code: -1.0, max_code: 1.0 };
    let codes = Quantized::nearest("int2".parse().unwrap(), layout, vec![grid], &values);
    let mut prepared = prepared;
    let mut patch = fewbit_graph::Patch::new(&prepared.graph, "values to look at");
    let weight = patch.parameter("fc1.weight", Tensor::f32(vec![4, 3], values.to_vec()).unwrap());
    patch.replace(prepared.layers[0].weight, weight);
    prepared.graph = patch.apply(&prepared.graph).unwrap().graph;
    prepared.layers = fewbit_graph::model::layers(&prepared.graph);
    let wanted = LayerChoice { weights: Choice::Float, activations: Choice::Float };
    let mut layer = QuantizedLayer::new(&prepared, 0, wanted, None).unwrap();
    layer.weights = Tensor::f32(vec![4, 3], codes.dequantize()).unwrap();
    layer.codes = Some(codes);
    let view = layer_view(&prepared, 0, None, 10, &layer, None).unwrap().weights;
    assert_eq!(view.clip.map(|clip| (clip.min, clip.max)), Some((-1.5, 1.5)));
    assert_eq!(view.clipped, [2, 2]);
    let clipping = (1.0f64 + 1.0 + f64::from(1.6f32 - 1.0).powi(2) * 2.0) / 12.0;
    assert!((view.clipping_mse - clipping).abs() < 1e-7);
    assert_eq!(view.levels.iter().map(|level| level.count).collect::<Vec<_>>(), [3, 4, 5]);
}

#[test]
fn views_of_inputs_count_all_values_seen() {
    let prepared = prepare(&residual(5));
    let samples = random(&mut Rng::new(3), &[40, 2, 6, 6]);
    let seen = observe(&prepared, &samples);
    for text in ["float", "uint8@tensor", "int3@tensor:mse", "uint2@tensor:percentile99", "uint4@channel"] {
        let layers = quantize(&prepared, &seen, "float", text);
        for (i, layer) in layers.iter().enumerate() {
            let view = layer_view(&prepared, i, None, 96, layer, seen.layer(i)).unwrap();
            let input = view.input.unwrap();
            check(&input, 96);
            assert_eq!(input.n, seen.layer(i).unwrap().n);
            assert_eq!(input.quantized_bins.iter().sum::<u64>(), input.n, "{text}");
            assert_eq!(input.errors.n, input.n, "so few values are all kept");
        }
    }
}

#[test]
fn a_channel_that_is_not_there_is_refused() {
    let prepared = prepare(&perceptron(2, true));
    let seen = observe(&prepared, &random(&mut Rng::new(3), &[5, 3]));
    let layers = quantize(&prepared, &seen, "int8", "float");
    let error = layer_view(&prepared, 0, Some(4), 64, &layers[0], None).unwrap_err();
    assert_eq!(error, QuantError::Channel { index: 4, count: 4 });
    assert!(matches!(prepared.layer(7), Err(QuantError::Layer { index: 7, count: 2 })));
}
