//! How a rate changes while something is learned.

use serde::{Deserialize, Serialize};

/// A number for each step: a linear rise to `start`, a while at it, and then a way to `end`.
///
/// A learning rate with warm-up, and AdaRound's β (from 20 to 2 after a fifth of the steps) are both of this kind.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Schedule {
    /// The value after the rise.
    pub start: f64,
    /// The value at the end.
    pub end: f64,
    /// The way from one to the other.
    pub curve: Curve,
    /// Steps of the rise: step t of them has start·(t + 1)/`warm_up`.
    pub warm_up: u32,
    /// Steps at `start`, after the rise.
    pub hold: u32,
    /// All steps. Later ones have the value at the end.
    pub steps: u32,
}

/// The way from the start to the end of a [`Schedule`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Curve {
    /// It stays at the start.
    Constant,
    /// A straight line.
    Linear,
    /// Half a cosine wave: slow, fast, slow.
    Cosine,
}

impl Schedule {
    /// The same value at every step.
    pub const fn constant(value: f64) -> Self {
        Self { start: value, end: value, curve: Curve::Constant, warm_up: 0, hold: 0, steps: 0 }
    }

    /// From `start` to 0 in this many steps.
    pub const fn falling(start: f64, curve: Curve, steps: u32) -> Self {
        Self { start, end: 0.0, curve, warm_up: 0, hold: 0, steps }
    }

    /// The value at `step`, counted from 0. The same on every machine.
    pub fn at(&self, step: u32) -> f64 {
        if step < self.warm_up {
            return self.start * (f64::from(step) + 1.0) / f64::from(self.warm_up);
        }
        let first = f64::from(self.warm_up) + f64::from(self.hold);
        let progress = (f64::from(step) - first) / (f64::from(self.steps) - first).max(1.0);
        let progress = progress.clamp(0.0, 1.0);
        let left = match self.curve {
            Curve::Constant => 1.0,
            Curve::Linear => 1.0 - progress,
            Curve::Cosine => 0.5 * (1.0 + libm::cos(std::f64::consts::PI * progress)),
        };
        self.end + (self.start - self.end) * left
    }
}
