//! Convolutions.

use fewbit_graph::Op;
use fewbit_graph::op::Conv;

use crate::array::{Array, indices};
use crate::problem::{Builder, Problem};
use crate::tolerance::Tolerance;

/// Two-dimensional, with any groups, strides, dilations and padding.
pub fn conv(seed: u64) -> Problem {
    let mut b = Builder::new("conv", seed, Tolerance::Relative(2e-5));
    let groups = b.rng.pick(&[1, 1, 1, 2, 3]);
    let (inputs, outputs) = (groups * b.rng.between(1, 5), groups * b.rng.between(1, 9));
    let kernel = vec![b.rng.between(1, 4), b.rng.between(1, 4)];
    windowed(b, groups, inputs, outputs, kernel)
}

/// One-dimensional.
pub fn conv_1d(seed: u64) -> Problem {
    let mut b = Builder::new("conv_1d", seed, Tolerance::Relative(2e-5));
    let groups = b.rng.pick(&[1, 1, 2]);
    let (inputs, outputs) = (groups * b.rng.between(1, 5), groups * b.rng.between(1, 6));
    let kernel = vec![b.rng.between(1, 5)];
    windowed(b, groups, inputs, outputs, kernel)
}

/// As many groups as input channels; now and then with several outputs for each.
pub fn conv_depthwise(seed: u64) -> Problem {
    let mut b = Builder::new("conv_depthwise", seed, Tolerance::Relative(2e-5));
    let channels = b.rng.between(1, 7);
    let outputs = channels * b.rng.pick(&[1, 1, 1, 2]);
    let kernel = match b.rng.pick(&[1, 2, 2, 2]) {
        1 => vec![b.rng.between(1, 5)],
        _ => vec![b.rng.pick(&[3, 3, 5, 1]), b.rng.pick(&[3, 3, 5, 2])],
    };
    windowed(b, channels, channels, outputs, kernel)
}

/// 1×1 kernels, most of them with stride 1 and no padding.
pub fn conv_pointwise(seed: u64) -> Problem {
    let mut b = Builder::new("conv_pointwise", seed, Tolerance::Relative(2e-5));
    let n = b.batch();
    let (inputs, outputs) = (b.rng.between(1, 20), b.rng.between(1, 20));
    let size = [b.rng.between(1, 9), b.rng.between(1, 9)];
    let stride = b.rng.pick(&[1, 1, 1, 2]);
    let op = Conv {
        groups: 1,
        strides: vec![stride; 2],
        dilations: vec![1; 2],
        pads_begin: vec![0; 2],
        pads_end: vec![0; 2],
    };
    solve(b, op, &[n, inputs, size[0], size[1]], &[outputs, inputs, 1, 1])
}

fn windowed(mut b: Builder, groups: usize, inputs: usize, outputs: usize, kernel: Vec<usize>) -> Problem {
    let (op, x, w) = window(&mut b, groups, inputs, outputs, kernel);
    solve(b, op, &x, &w)
}

/// Draws strides, dilations, padding and sizes; with the shapes of x and w.
pub(super) fn window(
    b: &mut Builder,
    groups: usize,
    inputs: usize,
    outputs: usize,
    kernel: Vec<usize>,
) -> (Conv, Vec<usize>, Vec<usize>) {
    let axes = kernel.len();
    let mut draw = |choices: &[usize]| -> Vec<usize> { (0..axes).map(|_| b.rng.pick(choices)).collect() };
    let op = Conv {
        groups,
        strides: draw(&[1, 1, 1, 2, 3]),
        dilations: draw(&[1, 1, 1, 2]),
        pads_begin: draw(&[0, 1, 1, 2]),
        pads_end: draw(&[0, 1, 1, 2]),
    };
    let n = b.batch();
    let spatial = (0..axes).map(|axis| {
        let reach = op.dilations[axis] * (kernel[axis] - 1) + 1;
        let needed = reach.saturating_sub(op.pads_begin[axis] + op.pads_end[axis]).max(1);
        needed + b.rng.between(0, 9)
    });
    let x = [vec![n, inputs], spatial.collect()].concat();
    let w = [vec![outputs, inputs / groups], kernel].concat();
    (op, x, w)
}

fn solve(mut b: Builder, op: Conv, x: &[usize], w: &[usize]) -> Problem {
    let (x_wire, x) = b.input("x", x);
    let (w_wire, w) = b.parameter("w", w);
    let mut inputs = vec![x_wire, w_wire];
    let bias = (!b.rng.one_in(3)).then(|| b.parameter("bias", &w.shape[..1]));
    inputs.extend(bias.as_ref().map(|(wire, _)| *wire));
    let y = oracle(&op, &x, &w, bias.as_ref().map(|(_, array)| array));
    let wire = b.node("y", Op::Conv(op), &inputs);
    b.expect(wire, y);
    b.build()
}

/// y[n, o, p…] = bias[o] + Σ_c,k… w[o, c, k…]·x[n, group(o)·C/g + c, p·stride + k·dilation − pad …].
pub(crate) fn oracle(op: &Conv, x: &Array, w: &Array, bias: Option<&Array>) -> Array {
    let (spatial, kernel) = (&x.shape[2..], &w.shape[2..]);
    let out = (0..spatial.len()).map(|a| {
        let padded = spatial[a] + op.pads_begin[a] + op.pads_end[a];
        (padded - (op.dilations[a] * (kernel[a] - 1) + 1)) / op.strides[a] + 1
    });
    let shape = [vec![x.shape[0], w.shape[0]], out.collect()].concat();
    let outputs_per_group = w.shape[0] / op.groups;
    let taps = indices(&w.shape[1..]);
    Array::from_fn(&shape, |index| {
        let (n, o, place) = (index[0], index[1], &index[2..]);
        let first = o / outputs_per_group * w.shape[1];
        let products = taps.iter().map(|tap| {
            let (c, k) = (tap[0], &tap[1..]);
            let at = (0..k.len()).map(|a| {
                (place[a] * op.strides[a] + k[a] * op.dilations[a]) as i64 - op.pads_begin[a] as i64
            });
            let from: Vec<i64> = [n as i64, (first + c) as i64].into_iter().chain(at).collect();
            w.at(&[&[o], tap.as_slice()].concat()) * x.get(&from, 0.0)
        });
        products.sum::<f64>() + bias.map_or(0.0, |bias| bias.at(&[o]))
    })
}
