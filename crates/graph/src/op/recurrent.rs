//! Recurrent layers, as ONNX defines LSTM, GRU and RNN.

use serde::{Deserialize, Serialize};

/// Attributes of [`crate::Op::Recurrent`]: what is done at each step, and in which order the steps are taken.
///
/// Inputs: gates [T, B, D·G·H], R [D, G·H, H], bias [D, G·H], h₀? [D, B, H], c₀? [D, B, H] (an LSTM's alone), with T steps,
/// B sequences, D directions, G gates ([`Cell::gates`]) and H hidden units. Where h₀ or c₀ is absent it is 0.
///
/// The gates' own part x·Wᵀ + b_W comes from a matrix product before this node, one for all steps and directions, so that
/// W is a layer like any other: column (d·G + g)·H + j belongs to direction d, gate g and unit j. The products h·Rᵀ are
/// summed in ascending order from 0; then the bias is added, then the gate's own part.
///
/// The output [T, D, B, H] has the hidden state after each step, at the step's place in the sequence: the last state of a
/// forward direction is at T − 1, that of a reverse one at 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recurrent {
    /// What is done at a step.
    pub cell: Cell,
    /// The order of the steps.
    pub direction: Direction,
    /// Whether an LSTM's last cell state follows its hidden states, as one more step: [T + 1, D, B, H].
    pub with_cell: bool,
}

/// What a step makes of the gates' own parts x and the states before it. With R·h for a gate's h·Rᵀ + bias, σ the sigmoid and
/// ⊙ the product of elements:
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Cell {
    /// Gates i, o, f, c: c′ = σ(x_f + R_f·h)⊙c + σ(x_i + R_i·h)⊙tanh(x_c + R_c·h), h′ = σ(x_o + R_o·h)⊙tanh(c′).
    Lstm,
    /// Gates z, r, n (ONNX calls the last one h): h′ = (1 − z)⊙n + z⊙h with z = σ(x_z + R_z·h), r = σ(x_r + R_r·h).
    Gru {
        /// Whether n = tanh(x_n + r⊙(R_n·h)), as PyTorch has it; else n = tanh(x_n + R_n·(r⊙h)).
        linear_before_reset: bool,
    },
    /// One gate: h′ = tanh(x + R·h).
    Rnn {
        /// Whether h′ = max(x + R·h, 0).
        relu: bool,
    },
}

/// In which order the steps are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Direction {
    /// From the first to the last.
    Forward,
    /// From the last to the first.
    Reverse,
    /// Both: direction 0 forward, direction 1 in reverse.
    Bidirectional,
}

impl Recurrent {
    /// The ordinary name.
    pub fn name(self) -> &'static str {
        match self.cell {
            Cell::Lstm => "LSTM",
            Cell::Gru { .. } => "GRU",
            Cell::Rnn { .. } => "RNN",
        }
    }
}

impl Cell {
    /// The number of gates G.
    pub fn gates(self) -> usize {
        match self {
            Self::Lstm => 4,
            Self::Gru { .. } => 3,
            Self::Rnn { .. } => 1,
        }
    }
}

impl Direction {
    /// The number of directions D.
    pub fn count(self) -> usize {
        if self == Self::Bidirectional { 2 } else { 1 }
    }

    /// Whether direction number `i` takes the steps from the last to the first.
    pub fn is_reverse(self, i: usize) -> bool {
        self == Self::Reverse || i == 1
    }
}
