//! Recurrent layers, straight from ONNX's equations of LSTM, GRU and RNN.

use fewbit_graph::op::{Cell, Recurrent};

use crate::array::Array;

pub(super) fn recurrent(layer: Recurrent, inputs: &[&Array]) -> Array {
    let (x, r, bias) = (inputs[0], inputs[1], inputs[2]);
    let (steps, batch, hidden) = (x.shape[0], x.shape[1], r.shape[2]);
    let directions = layer.direction.count();
    let shape = [steps + usize::from(layer.with_cell), directions, batch, hidden];
    let mut y = Array::from_fn(&shape, |_| 0.0);
    for d in 0..directions {
        for b in 0..batch {
            let first = |input: usize| -> Vec<f64> {
                (0..hidden).map(|j| inputs.get(input).map_or(0.0, |state| state.at(&[d, b, j]))).collect()
            };
            let (mut h, mut c) = (first(3), first(4));
            for step in 0..steps {
                let t = if layer.direction.is_reverse(d) { steps - 1 - step } else { step };
                let own = |gate: usize, j: usize| x.at(&[t, b, (d * layer.cell.gates() + gate) * hidden + j]);
                let product = |gate: usize, j: usize, h: &[f64]| {
                    let row = gate * hidden + j;
                    let sum: f64 = (0..hidden).map(|k| r.at(&[d, row, k]) * h[k]).sum();
                    sum + bias.at(&[d, row])
                };
                (h, c) = cell(layer.cell, &own, &product, &h, &c);
                (0..hidden).for_each(|j| *y.at_mut(&[t, d, b, j]) = h[j]);
            }
            if layer.with_cell {
                (0..hidden).for_each(|j| *y.at_mut(&[steps, d, b, j]) = c[j]);
            }
        }
    }
    y
}

/// The states after a step.
fn cell(
    cell: Cell,
    own: &dyn Fn(usize, usize) -> f64,
    product: &dyn Fn(usize, usize, &[f64]) -> f64,
    h: &[f64],
    c: &[f64],
) -> (Vec<f64>, Vec<f64>) {
    let units = 0..h.len();
    let sigmoid = |gate: usize, j: usize| 1.0 / (1.0 + (-own(gate, j) - product(gate, j, h)).exp());
    match cell {
        Cell::Rnn { relu } => {
            let sum = |j| own(0, j) + product(0, j, h);
            (units.map(|j| if relu { sum(j).max(0.0) } else { sum(j).tanh() }).collect(), c.to_vec())
        }
        Cell::Lstm => {
            let next = |j: usize| {
                let candidate = (own(3, j) + product(3, j, h)).tanh();
                sigmoid(2, j) * c[j] + sigmoid(0, j) * candidate
            };
            let c: Vec<f64> = units.clone().map(next).collect();
            (units.map(|j| sigmoid(1, j) * c[j].tanh()).collect(), c)
        }
        Cell::Gru { linear_before_reset } => {
            let reset: Vec<f64> = units.clone().map(|j| sigmoid(1, j) * h[j]).collect();
            let candidate = |j: usize| {
                let past = if linear_before_reset {
                    sigmoid(1, j) * product(2, j, h)
                } else {
                    product(2, j, &reset)
                };
                (own(2, j) + past).tanh()
            };
            let next = |j: usize| (1.0 - sigmoid(0, j)) * candidate(j) + sigmoid(0, j) * h[j];
            (units.map(next).collect(), c.to_vec())
        }
    }
}
