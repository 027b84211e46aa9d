//! Matrix products.

use fewbit_graph::Op;
use fewbit_graph::op::Gemm;

use crate::array::{Array, broadcast_shape};
use crate::problem::{Builder, Problem};
use crate::tolerance::Tolerance;

/// Products of matrices or of batches of them, one side broadcast.
pub fn matmul(seed: u64) -> Problem {
    let mut b = Builder::new("matmul", seed, Tolerance::Relative(2e-5));
    let (m, k, n) = (b.rng.between(1, 20), b.rng.between(1, 30), b.rng.between(1, 40));
    let batch = b.batch();
    let (left, right): (Vec<usize>, Vec<usize>) = match b.rng.between(0, 4) {
        0 => (vec![], vec![]),
        1 => (vec![batch], vec![]),
        2 => (vec![batch], vec![batch]),
        3 => (vec![2, 1], vec![3]),
        _ => (vec![1], vec![3]),
    };
    let (a_wire, a) = b.input("a", &[left, vec![m, k]].concat());
    let right = [right, vec![k, n]].concat();
    let (b_wire, c) = if b.rng.one_in(2) { b.parameter("b", &right) } else { b.input("b", &right) };
    let y = matmul_oracle(&a, &c);
    let wire = b.node("y", Op::MatMul, &[a_wire, b_wire]);
    b.expect(wire, y);
    b.build()
}

/// Gemm with all its attributes; the addend absent, a vector, a column or a matrix.
pub fn gemm(seed: u64) -> Problem {
    let mut b = Builder::new("gemm", seed, Tolerance::Relative(2e-5));
    let (m, k, n) = (b.batch() * b.rng.pick(&[1, 5]), b.rng.between(1, 40), b.rng.between(1, 40));
    let op = Gemm {
        alpha: b.rng.pick(&[1.0, 1.0, 0.5]),
        beta: b.rng.pick(&[1.0, 1.0, -2.0]),
        trans_a: b.rng.one_in(4),
        trans_b: b.rng.one_in(2),
    };
    let (x_wire, x) = b.input("x", &if op.trans_a { [k, m] } else { [m, k] });
    let (w_wire, w) = b.parameter("w", &if op.trans_b { [n, k] } else { [k, n] });
    let mut inputs = vec![x_wire, w_wire];
    let addend = match b.rng.between(0, 5) {
        0 => None,
        1 => Some(b.parameter("c", &[m, n])),
        2 => Some(b.parameter("c", &[m, 1])),
        3 => Some(b.parameter("c", &[])),
        _ => Some(b.parameter("c", &[n])),
    };
    inputs.extend(addend.as_ref().map(|(wire, _)| *wire));
    let y = gemm_oracle(&op, &x, &w, addend.as_ref().map(|(_, array)| array));
    let wire = b.node("y", Op::Gemm(op), &inputs);
    b.expect(wire, y);
    b.build()
}

pub(crate) fn matmul_oracle(a: &Array, b: &Array) -> Array {
    let (rows, terms) = (a.shape[a.shape.len() - 2], a.shape[a.shape.len() - 1]);
    let columns = b.shape[b.shape.len() - 1];
    let batch = broadcast_shape(&a.shape[..a.shape.len() - 2], &b.shape[..b.shape.len() - 2]);
    Array::from_fn(&[batch, vec![rows, columns]].concat(), |index| {
        let (batch, place) = index.split_at(index.len() - 2);
        let product = |k| {
            let left = a.broadcast_head(batch, &[place[0], k]);
            left * b.broadcast_head(batch, &[k, place[1]])
        };
        (0..terms).map(product).sum()
    })
}

/// α·A′·B′ + β·C.
pub(crate) fn gemm_oracle(op: &Gemm, x: &Array, w: &Array, addend: Option<&Array>) -> Array {
    let rows = x.shape[usize::from(op.trans_a)];
    let terms = x.shape[usize::from(!op.trans_a)];
    let columns = w.shape[usize::from(!op.trans_b)];
    Array::from_fn(&[rows, columns], |index| {
        let product = |k| {
            let left = x.at(&if op.trans_a { [k, index[0]] } else { [index[0], k] });
            left * w.at(&if op.trans_b { [index[1], k] } else { [k, index[1]] })
        };
        let sum: f64 = (0..terms).map(product).sum();
        f64::from(op.alpha) * sum + addend.map_or(0.0, |c| f64::from(op.beta) * c.broadcast(index))
    })
}
