//! Rotary positions (Su et al. 2021, arXiv 2104.09864) as two tables and a permutation.
//!
//! Each pair of numbers of a head is turned by position·frequency: y = x·cos + x′·(±sin), where x′ has the two of each pair
//! exchanged. Which numbers are a pair is all that the layouts differ in.

use std::f64::consts::PI;

use fewbit_graph::op::Binary;
use fewbit_graph::{Op, Tensor, WireId};

use super::builder::Builder;
use crate::error::ReadError;

/// Which numbers of a head are a pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pairs {
    /// i and i + half, as Hugging Face's models have it.
    Halves,
    /// 2i and 2i + 1, as the paper and llama.cpp have it.
    Neighbours,
}

/// What makes frequencies lower than θ^(−2i/d).
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Scaling {
    /// Nothing.
    None,
    /// Divided by a factor (Chen et al. 2023, arXiv 2306.15595).
    Linear(f64),
    /// Llama 3.1: those of waves longer than the context that it was trained with are divided, short ones stay, and what lies
    /// between goes from one to the other.
    Llama3 { factor: f64, low: f64, high: f64, context: f64 },
    /// A divisor for each frequency, as GGUF has them.
    Factors(Vec<f32>),
}

/// Rotary positions.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Rope {
    pub(super) theta: f64,
    pub(super) scaling: Scaling,
    /// How many numbers of a head are turned, the first ones; even.
    pub(super) turned: usize,
    pub(super) pairs: Pairs,
}

impl Rope {
    /// The angle from one position to the next, of pair i.
    pub(super) fn frequency(&self, i: usize) -> f64 {
        let plain = libm::pow(self.theta, -2.0 * i as f64 / self.turned as f64);
        match &self.scaling {
            Scaling::None => plain,
            Scaling::Linear(factor) => plain / factor,
            Scaling::Factors(factors) => plain / factors.get(i).map_or(1.0, |&factor| f64::from(factor)),
            Scaling::Llama3 { factor, low, high, context } => {
                let waves = context * plain / (2.0 * PI);
                let share = ((waves - low) / (high - low)).clamp(0.0, 1.0);
                (1.0 - share) * plain / factor + share * plain
            }
        }
    }

    /// For each number of a head: its partner, and the sign of the partner's sine; none if it is not turned.
    fn partner(&self, i: usize) -> Option<(usize, f64)> {
        let half = self.turned / 2;
        match self.pairs {
            _ if i >= self.turned => None,
            Pairs::Halves if i < half => Some((i + half, -1.0)),
            Pairs::Halves => Some((i - half, 1.0)),
            Pairs::Neighbours => Some((i ^ 1, if i.is_multiple_of(2) { -1.0 } else { 1.0 })),
        }
    }

    fn pair(&self, i: usize) -> usize {
        match self.pairs {
            Pairs::Halves => i % (self.turned / 2).max(1),
            Pairs::Neighbours => i / 2,
        }
    }
}

/// The tables of a [`Rope`] in a graph.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tables {
    cos: WireId,
    sin: WireId,
    partners: WireId,
}

impl Tables {
    /// Tables for `length` positions of heads of `depth` numbers.
    pub(super) fn new(
        builder: &mut Builder<'_>,
        rope: &Rope,
        length: usize,
        depth: usize,
    ) -> Result<Self, ReadError> {
        builder.fill(&[length, depth])?;
        let frequencies: Vec<f64> = (0..depth).map(|i| rope.frequency(rope.pair(i))).collect();
        let partners: Vec<_> = (0..depth).map(|i| rope.partner(i)).collect();
        let (mut cos, mut sin) = (Vec::new(), Vec::new());
        for position in 0..length {
            for (frequency, partner) in frequencies.iter().zip(&partners) {
                let angle = position as f64 * frequency;
                cos.push(if partner.is_some() { libm::cos(angle) as f32 } else { 1.0 });
                sin.push(partner.map_or(0.0, |(_, sign)| (sign * libm::sin(angle)) as f32));
            }
        }
        let places = partners.iter().enumerate().map(|(i, partner)| partner.map_or(i, |(at, _)| at) as f32);
        let partners = Tensor::vector(places.collect::<Vec<f32>>());
        let shape = [length, 1, depth];
        Ok(Self {
            cos: builder.constant("rope.cos", &shape, cos)?,
            sin: builder.constant("rope.sin", &shape, sin)?,
            partners: builder.graph.parameter("rope.partners", partners),
        })
    }

    /// `x` [N, T, heads, depth] with each position turned by its angles.
    pub(super) fn turn(self, builder: &mut Builder<'_>, module: &str, x: WireId) -> WireId {
        let partner = builder.node(module, "Gather", Op::Gather { axis: 3 }, &[x, self.partners]);
        let real = builder.binary(module, Binary::Mul, x, self.cos);
        let imaginary = builder.binary(module, Binary::Mul, partner, self.sin);
        builder.binary(module, Binary::Add, real, imaginary)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn llama3_leaves_short_waves_and_divides_long_ones() {
        let scaling = Scaling::Llama3 { factor: 8.0, low: 1.0, high: 4.0, context: 8192.0 };
        let scaled = Rope { theta: 500_000.0, scaling, turned: 128, pairs: Pairs::Halves };
        let plain = Rope { scaling: Scaling::None, ..scaled.clone() };
        assert_eq!(scaled.frequency(0), plain.frequency(0));
        assert_eq!(scaled.frequency(63), plain.frequency(63) / 8.0);
        let between = (0..64).filter(|&i| {
            let ratio = plain.frequency(i) / scaled.frequency(i);
            ratio > 1.0 && ratio < 8.0
        });
        assert!(between.count() > 0);
    }
}
