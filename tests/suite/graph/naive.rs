//! Runs small graphs in f64, straight from the formulas.

use std::collections::BTreeMap;

use fewbit_graph::op::{Binary, Conv, Op, Reshape, Unary};
use fewbit_graph::{Graph, Node, Source, WireId};
use fewbit_tests::Array;

/// The values of the outputs, when the inputs have these values.
pub(crate) fn run(graph: &Graph, inputs: &[(WireId, Array)]) -> Vec<Array> {
    let mut values: BTreeMap<WireId, Array> = inputs.iter().cloned().collect();
    for (id, wire) in graph.wires() {
        if let Source::Parameter(tensor) = &wire.source {
            values.insert(id, Array::of(tensor));
        }
    }
    for (_, node) in graph.nodes() {
        let inputs: Vec<&Array> = node.inputs.iter().map(|wire| &values[wire]).collect();
        let value = node_value(node, &inputs);
        values.insert(node.output, value);
    }
    graph.outputs.iter().map(|wire| values[wire].clone()).collect()
}

fn node_value(node: &Node, inputs: &[&Array]) -> Array {
    let x = inputs[0];
    match &node.op {
        Op::Conv(conv) => conv2d(conv, x, inputs[1], inputs.get(2).copied()),
        Op::BatchNorm { epsilon } => {
            let part = |i: usize, channel: usize| inputs[i].values[channel];
            Array::from_fn(&x.shape, |index| {
                let c = index[1];
                part(1, c) * (x.at(index) - part(3, c)) / (part(4, c) + f64::from(*epsilon)).sqrt()
                    + part(2, c)
            })
        }
        Op::Gemm(gemm) => {
            let (b, c) = (inputs[1], inputs.get(2));
            let (m, k) = if gemm.trans_a { (x.shape[1], x.shape[0]) } else { (x.shape[0], x.shape[1]) };
            let n = b.shape[usize::from(!gemm.trans_b)];
            Array::from_fn(&[m, n], |index| {
                let (i, j) = (index[0], index[1]);
                let a_at = |l: usize| if gemm.trans_a { x.at(&[l, i]) } else { x.at(&[i, l]) };
                let b_at = |l: usize| if gemm.trans_b { b.at(&[j, l]) } else { b.at(&[l, j]) };
                let product: f64 = (0..k).map(|l| a_at(l) * b_at(l)).sum();
                let added = c.map_or(0.0, |c| c.broadcast(index));
                f64::from(gemm.alpha) * product + f64::from(gemm.beta) * added
            })
        }
        Op::Unary(Unary::Relu) => x.map(|x| x.max(0.0)),
        Op::Unary(Unary::Neg) => x.map(|x| -x),
        Op::Unary(Unary::Tanh) => x.map(f64::tanh),
        Op::Binary(Binary::Add) => Array::from_fn(&x.shape, |index| x.at(index) + inputs[1].at(index)),
        Op::Binary(Binary::Sub) => Array::from_fn(&x.shape, |index| x.at(index) - inputs[1].at(index)),
        Op::Reshape(Reshape::Flatten { axis: 1 }) => {
            let shape = vec![x.shape[0], x.shape[1..].iter().product()];
            Array { shape, values: x.values.clone() }
        }
        Op::Transpose { perm } if perm == &[1, 0] => {
            Array::from_fn(&[x.shape[1], x.shape[0]], |index| x.at(&[index[1], index[0]]))
        }
        op => panic!("{} is not among the naive operators", op.name()),
    }
}

fn conv2d(conv: &Conv, x: &Array, w: &Array, bias: Option<&Array>) -> Array {
    let &[batch, channels, height, width] = x.shape.as_slice() else { panic!("{:?}", x.shape) };
    let &[outputs, per_group, kernel_h, kernel_w] = w.shape.as_slice() else { panic!("{:?}", w.shape) };
    assert_eq!(channels, per_group * conv.groups);
    let length = |input: usize, kernel: usize, axis: usize| {
        let padded = input + conv.pads_begin[axis] + conv.pads_end[axis];
        (padded - (kernel - 1) * conv.dilations[axis] - 1) / conv.strides[axis] + 1
    };
    let shape = [batch, outputs, length(height, kernel_h, 0), length(width, kernel_w, 1)];
    Array::from_fn(&shape, |index| {
        let &[n, o, row, column] = index else { panic!("{index:?}") };
        let first = o / (outputs / conv.groups) * per_group;
        let place = |axis: usize, output: usize, tap: usize| {
            (output * conv.strides[axis] + tap * conv.dilations[axis]) as i64 - conv.pads_begin[axis] as i64
        };
        let mut sum = bias.map_or(0.0, |bias| bias.values[o]);
        for c in 0..per_group {
            for i in 0..kernel_h {
                for j in 0..kernel_w {
                    let from = [n as i64, (first + c) as i64, place(0, row, i), place(1, column, j)];
                    sum += x.get(&from, 0.0) * w.at(&[o, c, i, j]);
                }
            }
        }
        sum
    })
}
