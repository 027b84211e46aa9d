//! The gradients of convolutions.

use fewbit_graph::Op;
use fewbit_graph::infer::output_shape;
use fewbit_graph::op::{Conv, ConvInputGrad, ConvWeightGrad};

use crate::array::{Array, indices};
use crate::problem::{Builder, Problem};
use crate::problems::conv::window;
use crate::tolerance::Tolerance;

/// Along what the gradient is taken.
#[derive(Clone, Copy)]
enum Along {
    Input,
    Weight,
}

/// Along x: two-dimensional, with any groups, strides, dilations and padding; now and then with a 1×1 kernel.
pub fn conv_input_grad(seed: u64) -> Problem {
    plane("conv_input_grad", seed, Along::Input)
}

/// Along x: one-dimensional.
pub fn conv_input_grad_1d(seed: u64) -> Problem {
    line("conv_input_grad_1d", seed, Along::Input)
}

/// Along x: as many groups as input channels.
pub fn conv_input_grad_depthwise(seed: u64) -> Problem {
    depthwise("conv_input_grad_depthwise", seed, Along::Input)
}

/// Along w: two-dimensional, with any groups, strides, dilations and padding; now and then with a 1×1 kernel.
pub fn conv_weight_grad(seed: u64) -> Problem {
    plane("conv_weight_grad", seed, Along::Weight)
}

/// Along w: one-dimensional.
pub fn conv_weight_grad_1d(seed: u64) -> Problem {
    line("conv_weight_grad_1d", seed, Along::Weight)
}

/// Along w: as many groups as input channels.
pub fn conv_weight_grad_depthwise(seed: u64) -> Problem {
    depthwise("conv_weight_grad_depthwise", seed, Along::Weight)
}

fn plane(name: &str, seed: u64, along: Along) -> Problem {
    let mut b = Builder::new(name, seed, Tolerance::Relative(2e-5));
    let groups = b.rng.pick(&[1, 1, 1, 2, 3]);
    let (inputs, outputs) = (groups * b.rng.between(1, 11), groups * b.rng.between(1, 19));
    let kernel = if b.rng.one_in(4) { vec![1, 1] } else { vec![b.rng.between(1, 4), b.rng.between(1, 4)] };
    let (mut op, x, w) = window(&mut b, groups, inputs, outputs, kernel);
    if w[2..] == [1, 1] && b.rng.one_in(2) {
        (op.strides, op.pads_begin, op.pads_end) = (vec![1; 2], vec![0; 2], vec![0; 2]);
    }
    solve(b, op, &x, &w, along)
}

fn line(name: &str, seed: u64, along: Along) -> Problem {
    let mut b = Builder::new(name, seed, Tolerance::Relative(2e-5));
    let groups = b.rng.pick(&[1, 1, 2]);
    let (inputs, outputs) = (groups * b.rng.between(1, 5), groups * b.rng.between(1, 6));
    let kernel = vec![b.rng.between(1, 5)];
    let (op, x, w) = window(&mut b, groups, inputs, outputs, kernel);
    solve(b, op, &x, &w, along)
}

fn depthwise(name: &str, seed: u64, along: Along) -> Problem {
    let mut b = Builder::new(name, seed, Tolerance::Relative(2e-5));
    let channels = b.rng.between(1, 7);
    let outputs = channels * b.rng.pick(&[1, 1, 1, 2, 3]);
    let kernel = match b.rng.pick(&[1, 2, 2, 2]) {
        1 => vec![b.rng.between(1, 5)],
        _ => vec![b.rng.pick(&[3, 3, 5, 1]), b.rng.pick(&[3, 3, 5, 2])],
    };
    let (op, x, w) = window(&mut b, channels, channels, outputs, kernel);
    solve(b, op, &x, &w, along)
}

fn solve(mut b: Builder, op: Conv, x: &[usize], w: &[usize], along: Along) -> Problem {
    let g = output_shape(&Op::Conv(op.clone()), &[x, w]).expect("a kernel that fits");
    let (g_wire, g) = b.input("g", &g);
    let (grad, other, y) = match along {
        Along::Input => {
            let (w_wire, w) = b.parameter("w", w);
            let y = oracle(&op, &g, (x, &w.shape), |_, at_w| w.at(at_w), along);
            let grad = ConvInputGrad { conv: op, spatial: x[2..].to_vec() };
            (Op::ConvInputGrad(grad), w_wire, y)
        }
        Along::Weight => {
            let (x_wire, x) = b.input("x", x);
            let y = oracle(&op, &g, (&x.shape, w), |at_x, _| x.at(at_x), along);
            let grad = ConvWeightGrad { conv: op, kernel: w[2..].to_vec() };
            (Op::ConvWeightGrad(grad), x_wire, y)
        }
    };
    let wire = b.node("y", grad, &[g_wire, other]);
    b.expect(wire, y);
    b.build()
}

/// Every product of the convolution, gone through backwards: y\[n, o, p\] held w\[o, c, k\]·x\[n, c, i\], so g times the one
/// factor goes to the other.
fn oracle(
    op: &Conv,
    g: &Array,
    (x, w): (&[usize], &[usize]),
    other: impl Fn(&[usize], &[usize]) -> f64,
    along: Along,
) -> Array {
    let shape = if let Along::Input = along { x } else { w };
    let mut y = Array::from_fn(shape, |_| 0.0);
    let outputs_per_group = w[0] / op.groups;
    let taps = indices(&w[1..]);
    for index in indices(&g.shape) {
        let (n, o, place) = (index[0], index[1], &index[2..]);
        for tap in &taps {
            let (c, k) = (tap[0], &tap[1..]);
            let at = (0..k.len())
                .map(|a| (place[a] * op.strides[a] + k[a] * op.dilations[a]).checked_sub(op.pads_begin[a]));
            let Some(at) = at.collect::<Option<Vec<usize>>>() else { continue };
            if at.iter().zip(&x[2..]).any(|(i, n)| i >= n) {
                continue;
            }
            let at_x = [&[n, o / outputs_per_group * w[1] + c], at.as_slice()].concat();
            let at_w = [&[o], tap.as_slice()].concat();
            let own = if let Along::Input = along { &at_x } else { &at_w };
            let position = own.iter().zip(shape).fold(0, |place, (&i, &n)| place * n + i);
            y.values[position] += g.at(&index) * other(&at_x, &at_w);
        }
    }
    y
}
