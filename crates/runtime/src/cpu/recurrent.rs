//! Recurrent layers: one step after the other.

use fewbit_graph::op;
use fewbit_graph::op::{Cell, Unary};

use crate::backend::RunError;
use crate::control::Control;
use crate::cpu::pieces::{self, in_pieces};
use crate::cpu::simd::{Level, dispatch};
use crate::cpu::stage::unary;
use crate::cpu::values::Scratch;

/// Columns of a panel of Rᵀ: sums that stay in registers.
const WIDTH: usize = 32;

/// A recurrent layer, made ready.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Recurrent {
    op: op::Recurrent,
    steps: usize,
    batch: usize,
    hidden: usize,
}

/// One direction of a layer: Rᵀ in panels, gate by gate, and its bias.
struct Weights<'a> {
    hidden: usize,
    panels: &'a [f32],
    bias: &'a [f32],
}

impl Recurrent {
    /// Of gates and R of these shapes.
    pub(crate) fn new(op: op::Recurrent, x: &[usize], r: &[usize]) -> Self {
        Self { op, steps: x[0], batch: x[1], hidden: r[2] }
    }

    /// Takes all steps, first those of one direction and then those of the other. A state that is not given is 0.
    pub(crate) async fn run(
        &self,
        [x, r, bias]: [&[f32]; 3],
        [first_h, first_c]: [&[f32]; 2],
        y: &mut [f32],
        scratch: &mut Scratch,
        level: Level,
        control: &Control<'_>,
    ) -> Result<(), RunError> {
        let Self { op, steps, batch, hidden } = *self;
        let (directions, rows, state) = (op.direction.count(), op.cell.gates() * hidden, batch * hidden);
        let Scratch { panel, rows: gates, padded: h, image: c, .. } = scratch;
        gates.resize(rows + hidden, 0.0);
        for direction in 0..directions {
            pack(&r[direction * rows * hidden..][..rows * hidden], hidden, panel);
            let weights = Weights { hidden, panels: panel, bias: &bias[direction * rows..][..rows] };
            for (now, first) in [(&mut *h, first_h), (&mut *c, first_c)] {
                now.clear();
                now.extend(first.iter().skip(direction * state).take(state));
                now.resize(state, 0.0);
            }
            let cost = state * (op.cell.gates() * hidden + 4 * pieces::FUNCTION);
            in_pieces(steps, cost, control, |part| {
                for step in part {
                    let at = if op.direction.is_reverse(direction) { steps - 1 - step } else { step };
                    for row in 0..batch {
                        let own = &x[((at * batch + row) * directions + direction) * rows..][..rows];
                        let states = row * hidden..(row + 1) * hidden;
                        let (h, c) = (&mut h[states.clone()], &mut c[states]);
                        weights.step(op.cell, level, own, gates, h, c);
                    }
                    y[(at * directions + direction) * state..][..state].copy_from_slice(h);
                }
                Ok(())
            })
            .await?;
            if op.with_cell {
                y[(steps * directions + direction) * state..][..state].copy_from_slice(c);
            }
        }
        Ok(())
    }
}

/// Lays out R, gate by gate: its rows become columns of panels, filled up with zeros.
fn pack(r: &[f32], hidden: usize, panels: &mut Vec<f32>) {
    panels.clear();
    for gate in r.chunks_exact(hidden * hidden) {
        for first in (0..hidden).step_by(WIDTH) {
            for k in 0..hidden {
                let row = |j: usize| gate.get(j * hidden + k).copied().unwrap_or(0.0);
                panels.extend((first..first + WIDTH).map(|j| if j < hidden { row(j) } else { 0.0 }));
            }
        }
    }
}

impl Weights<'_> {
    /// One step of one sequence: the states become those after it. `gates` is room for all gates and one more.
    fn step(&self, cell: Cell, level: Level, own: &[f32], gates: &mut [f32], h: &mut [f32], c: &mut [f32]) {
        let hidden = self.hidden;
        let (gates, reset) = gates.split_at_mut(own.len());
        let add = |gates: &mut [f32], own: &[f32]| gates.iter_mut().zip(own).for_each(|(g, x)| *g += x);
        match cell {
            Cell::Rnn { relu } => {
                self.product(level, 0, h, gates);
                add(gates, own);
                unary::apply(level, if relu { Unary::Relu } else { Unary::Tanh }, gates);
                h.copy_from_slice(gates);
            }
            Cell::Lstm => {
                self.product(level, 0, h, gates);
                add(gates, own);
                let (sigmoids, candidate) = gates.split_at_mut(3 * hidden);
                unary::apply(level, Unary::Sigmoid, sigmoids);
                unary::apply(level, Unary::Tanh, candidate);
                for (j, c) in c.iter_mut().enumerate() {
                    *c = sigmoids[2 * hidden + j] * *c + sigmoids[j] * candidate[j];
                }
                h.copy_from_slice(c);
                unary::apply(level, Unary::Tanh, h);
                h.iter_mut().zip(&sigmoids[hidden..]).for_each(|(h, o)| *h *= o);
            }
            Cell::Gru { linear_before_reset } => {
                let (first, candidate) = gates.split_at_mut(2 * hidden);
                self.product(level, 0, h, first);
                add(first, own);
                unary::apply(level, Unary::Sigmoid, first);
                let (update, r) = first.split_at(hidden);
                if linear_before_reset {
                    self.product(level, 2, h, candidate);
                    candidate.iter_mut().zip(r).for_each(|(n, r)| *n *= r);
                } else {
                    std::iter::zip(&mut *reset, std::iter::zip(r, &*h)).for_each(|(to, (r, h))| *to = r * h);
                    self.product(level, 2, reset, candidate);
                }
                add(candidate, &own[2 * hidden..]);
                unary::apply(level, Unary::Tanh, candidate);
                for (h, (&z, &n)) in h.iter_mut().zip(update.iter().zip(&*candidate)) {
                    *h = (1.0 - z) * n + z * *h;
                }
            }
        }
    }

    /// Rᵀ·v + bias for as many gates, from number `gate` on, as `out` holds.
    fn product(&self, level: Level, gate: usize, v: &[f32], out: &mut [f32]) {
        let hidden = self.hidden;
        let blocks = hidden.div_ceil(WIDTH);
        let panels = self.panels.chunks_exact(hidden * WIDTH).skip(gate * blocks);
        dispatch!(level, _simd => {
            let targets = out.chunks_exact_mut(hidden).flat_map(|gate| gate.chunks_mut(WIDTH));
            for (panel, target) in panels.zip(targets) {
                let mut sums = [0.0f32; WIDTH];
                for (&v, row) in v.iter().zip(panel.chunks_exact(WIDTH)) {
                    sums.iter_mut().zip(row).for_each(|(sum, r)| *sum += v * r);
                }
                target.copy_from_slice(&sums[..target.len()]);
            }
        });
        out.iter_mut().zip(&self.bias[gate * hidden..]).for_each(|(y, bias)| *y += bias);
    }
}
