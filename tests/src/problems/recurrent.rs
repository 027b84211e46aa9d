//! Recurrent layers.

use fewbit_graph::Op;
use fewbit_graph::op::{Cell, Direction, Recurrent};

use crate::naive;
use crate::problem::{Builder, Problem};
use crate::tolerance::Tolerance;

const CELLS: [Cell; 5] = [
    Cell::Lstm,
    Cell::Gru { linear_before_reset: false },
    Cell::Gru { linear_before_reset: true },
    Cell::Rnn { relu: false },
    Cell::Rnn { relu: true },
];

const DIRECTIONS: [Direction; 3] = [Direction::Forward, Direction::Reverse, Direction::Bidirectional];

/// Every cell in every direction, in turn; with and without states before the first step.
pub fn recurrent(seed: u64) -> Problem {
    let mut b = Builder::new("recurrent", seed, Tolerance::Relative(5e-6));
    let cell = CELLS[seed as usize % CELLS.len()];
    let direction = DIRECTIONS[seed as usize / CELLS.len() % DIRECTIONS.len()];
    let (steps, batch) = (b.rng.between(1, 6), b.batch());
    let hidden = if b.rng.one_in(4) { 70 } else { b.rng.between(1, 9) };
    let (directions, rows) = (direction.count(), cell.gates() * hidden);
    let x = b.input("x", &[steps, batch, directions * rows]);
    // So small that the states of a layer without a limit stay near 1.
    let reach = 1.0 / hidden as f32;
    let values = (0..directions * rows * hidden).map(|_| b.rng.float(-reach, reach)).collect();
    let r = b.parameter_of("r", &[directions, rows, hidden], values);
    let bias = b.parameter("bias", &[directions, rows]);
    let most = if cell == Cell::Lstm { 2 } else { 1 };
    let mut inputs = vec![x, r, bias];
    for state in 0..b.rng.between(0, most) {
        inputs.push(b.input(["h", "c"][state], &[directions, batch, hidden]));
    }
    let with_cell = cell == Cell::Lstm && b.rng.one_in(2);
    let op = Op::Recurrent(Recurrent { cell, direction, with_cell });
    let y = naive::apply(&op, &inputs.iter().map(|(_, array)| array).collect::<Vec<_>>());
    let wire = b.node("y", op, &inputs.iter().map(|(wire, _)| *wire).collect::<Vec<_>>());
    b.expect(wire, y);
    b.build()
}
