//! Small networks: several operators, every intermediate value expected.

use fewbit_graph::op::{Binary, Conv, Gemm, Pool, PoolKind, Reduce, Reducer, Reshape, Unary};
use fewbit_graph::{Op, WireId};

use super::{conv, elementwise, linear, pool, quantize, reduce};
use crate::array::Array;
use crate::problem::{Builder, Problem};
use crate::tolerance::Tolerance;

/// A residual network: convolution, batch normalization, ReLU, a block with a skip path, pooling, a linear layer.
pub fn network(seed: u64) -> Problem {
    let mut b = Builder::new("network", seed, Tolerance::Relative(1e-4));
    let (batch, channels, size) = (b.rng.between(1, 3), b.rng.between(1, 6), b.rng.between(4, 9));
    let x = b.input("x", &[batch, 2, size, size]);
    let stem = convolve(&mut b, "stem", &x, channels, 3, 1);
    let stem = normalize(&mut b, "stem_bn", &stem);
    let stem = apply(&mut b, "stem_relu", Unary::Relu, &stem);
    let body = convolve(&mut b, "body", &stem, channels, 3, 2);
    let body = apply(&mut b, "body_swish", Unary::HardSwish, &body);
    let skip = convolve(&mut b, "skip", &stem, channels, 1, 2);
    let sum = (
        b.node("sum", Op::Binary(Binary::Add), &[body.0, skip.0]),
        elementwise::binary_oracle(Binary::Add, &body.1, &skip.1),
    );
    let sum = apply(&mut b, "sum_relu6", Unary::Clip { min: 0.0, max: 6.0 }, &sum);
    let mean = Reduce { kind: Reducer::Mean, axes: vec![2, 3], keep_dims: false };
    let features = reduce::reduce_oracle(&mean, &sum.1);
    let features = (b.node("features", Op::Reduce(mean), &[sum.0]), features);
    let logits = classify(&mut b, &features);
    for (wire, array) in [logits, stem, sum, features] {
        b.expect(wire, array);
    }
    b.build()
}

/// Convolution, ReLU, fake quantization, max-pooling, flatten, a linear layer.
///
/// Nothing after the quantizer is compared with the oracle, whose codes may differ at a tie: the quantizer's scale
/// is a power of two, and weights and inputs lie on a coarse grid, so that all sums before it are exact.
pub fn quantized_network(seed: u64) -> Problem {
    let mut b = Builder::new("quantized_network", seed, Tolerance::Relative(1e-5));
    let (batch, channels, size) = (b.rng.between(1, 3), b.rng.between(1, 9), 2 * b.rng.between(2, 5));
    let coarse = |values: Vec<f32>| values.iter().map(|x| (x * 16.0).round() / 16.0).collect::<Vec<_>>();
    let values = coarse(b.rng.floats(batch * size * size));
    let x = b.input_of("x", &[batch, 1, size, size], values);
    let weights = coarse(b.rng.floats(channels * 9));
    let w = b.parameter_of("conv.weight", &[channels, 1, 3, 3], weights);
    let op = same(3, 1);
    let y = conv::oracle(&op, &x.1, &w.1, None);
    let y = (b.node("conv", Op::Conv(op), &[x.0, w.0]), y);
    let y = apply(&mut b, "relu", Unary::Relu, &y);
    let (scale, _) = b.parameter_of("scale", &[1], vec![0.125]);
    let (zero, _) = b.parameter_of("zero_point", &[1], vec![3.0]);
    let (bounds, _) = b.parameter_of("bounds", &[2], vec![0.0, 63.0]);
    let quantized = y.1.map(|x| quantize::oracle(x, 0.125, 3.0, [0.0, 63.0]));
    let y = (b.node("quantizer", Op::fake_quantize(0), &[y.0, scale, zero, bounds]), quantized);
    let halve = Pool {
        kind: PoolKind::Max,
        kernel: vec![2, 2],
        strides: vec![2, 2],
        dilations: vec![1, 1],
        pads_begin: vec![0, 0],
        pads_end: vec![0, 0],
        ceil_mode: false,
    };
    let pooled = pool::oracle(&halve, &y.1);
    let y = (b.node("pool", Op::Pool(halve), &[y.0]), pooled);
    let flat = Array { shape: vec![batch, channels * size * size / 4], values: y.1.values.clone() };
    let y = (b.node("flatten", Op::Reshape(Reshape::Flatten { axis: 1 }), &[y.0]), flat);
    let logits = classify(&mut b, &y);
    b.expect(logits.0, logits.1);
    b.build()
}

type Value = (WireId, Array);

fn same(kernel: usize, stride: usize) -> Conv {
    let pads = vec![kernel / 2; 2];
    Conv {
        groups: 1,
        strides: vec![stride; 2],
        dilations: vec![1; 2],
        pads_begin: pads.clone(),
        pads_end: pads,
    }
}

fn convolve(b: &mut Builder, name: &str, x: &Value, outputs: usize, kernel: usize, stride: usize) -> Value {
    let (w_wire, w) = b.parameter(&format!("{name}.weight"), &[outputs, x.1.shape[1], kernel, kernel]);
    let (bias_wire, bias) = b.parameter(&format!("{name}.bias"), &[outputs]);
    let op = same(kernel, stride);
    let y = conv::oracle(&op, &x.1, &w, Some(&bias));
    (b.node(name, Op::Conv(op), &[x.0, w_wire, bias_wire]), y)
}

fn normalize(b: &mut Builder, name: &str, x: &Value) -> Value {
    let channels = x.1.shape[1];
    let [scale, bias, mean] =
        ["scale", "bias", "mean"].map(|part| b.parameter(&format!("{name}.{part}"), &[channels]));
    let values = (0..channels).map(|_| b.rng.float(0.5, 2.0)).collect();
    let variance = b.parameter_of(&format!("{name}.variance"), &[channels], values);
    let y = elementwise::batch_norm_oracle(1e-5, &x.1, &scale.1, &bias.1, &mean.1, &variance.1);
    let inputs = [x.0, scale.0, bias.0, mean.0, variance.0];
    (b.node(name, Op::BatchNorm { epsilon: 1e-5 }, &inputs), y)
}

fn apply(b: &mut Builder, name: &str, unary: Unary, x: &Value) -> Value {
    let y = x.1.map(|x| elementwise::unary_oracle(unary, x));
    (b.node(name, Op::Unary(unary), &[x.0]), y)
}

fn classify(b: &mut Builder, x: &Value) -> Value {
    let op = Gemm { alpha: 1.0, beta: 1.0, trans_a: false, trans_b: true };
    let (w_wire, w) = b.parameter("head.weight", &[10, x.1.shape[1]]);
    let (bias_wire, bias) = b.parameter("head.bias", &[10]);
    let y = linear::gemm_oracle(&op, &x.1, &w, Some(&bias));
    (b.node("head", Op::Gemm(op), &[x.0, w_wire, bias_wire]), y)
}
