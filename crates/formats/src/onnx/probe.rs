//! Symbolic shapes, told by trying: every symbol is bound to two numbers, and shapes are inferred for both.
//!
//! A length that comes out twice the same is a constant; one that differs depends on a symbol. So integer arithmetic
//! on shapes needs no algebra: it is done twice, and a target shape is then written with 0 and −1 where it differs.

use std::collections::BTreeMap;

use fewbit_graph::infer::{MAX_ELEMENTS, output_shape};
use fewbit_graph::op::Reshape;
use fewbit_graph::{Dim, Op};

/// A thing under each of the two bindings.
pub(super) type Both<T> = [T; 2];

/// The numbers that each symbol is bound to.
#[derive(Default)]
pub(super) struct Probes {
    bindings: BTreeMap<String, Both<usize>>,
    primes: Primes,
}

/// Image sizes are multiples of this, so that networks which halve an image five times find no remainder.
const IMAGE_STEP: usize = 32;

impl Probes {
    /// The shape of an input with these dimensions. Different symbols get different primes, at most some hundred; on
    /// axes from 2 on, where images have their height and width, [`IMAGE_STEP`] times as much.
    pub(super) fn shape(&mut self, dims: &[Dim]) -> Both<Vec<usize>> {
        let mut shapes = [Vec::new(), Vec::new()];
        for (axis, dim) in dims.iter().enumerate() {
            let lengths = match dim {
                Dim::Known(n) => [*n, *n],
                Dim::Symbol(name) => *self.bindings.entry(name.clone()).or_insert_with(|| {
                    let step = if axis >= 2 { IMAGE_STEP } else { 1 };
                    [self.primes.next() * step, self.primes.next() * step]
                }),
            };
            for (shape, length) in shapes.iter_mut().zip(lengths) {
                shape.push(length);
            }
        }
        shapes
    }
}

/// The primes from 5 on.
struct Primes(usize);

impl Default for Primes {
    fn default() -> Self {
        Self(3)
    }
}

impl Primes {
    fn next(&mut self) -> usize {
        loop {
            self.0 += 2;
            let n = self.0;
            if (3..n).take_while(|d| d * d <= n).all(|d| !n.is_multiple_of(d)) {
                return n;
            }
        }
    }
}

/// The shape of `op`'s output under both bindings.
///
/// # Errors
/// Why the shapes do not fit.
pub(super) fn infer(op: &Op, inputs: &Both<Vec<&[usize]>>) -> Result<Both<Vec<usize>>, String> {
    let shape = |inputs: &Vec<&[usize]>| {
        inputs.iter().try_for_each(|shape| check_size(shape))?;
        let shape = output_shape(op, inputs)?;
        check_size(&shape).map(|()| shape)
    };
    let [first, second] = inputs;
    Ok([shape(first)?, shape(second)?])
}

fn check_size(shape: &[usize]) -> Result<(), String> {
    match shape.iter().try_fold(1usize, |product, &n| product.checked_mul(n)) {
        Some(1..=MAX_ELEMENTS) => Ok(()),
        _ => Err(format!("a tensor of shape {shape:?} has no elements, or too many")),
    }
}

/// The lengths for [`Reshape::To`] that make `targets` of inputs of these shapes, under both bindings.
///
/// Where the two targets agree, so does the result, with the meaning that 0 and −1 have there. Where they differ, it is
/// 0 if the input has the same length at that place, and else −1, at most once.
pub(super) fn express(inputs: &Both<Vec<usize>>, targets: &Both<Vec<i64>>) -> Option<Vec<i64>> {
    let [target, other] = targets;
    if target.len() != other.len() {
        return None;
    }
    let [input, other_input] = inputs;
    let copies = |i: usize, a: i64, b: i64| {
        let length = |shape: &Vec<usize>| shape.get(i).and_then(|&n| i64::try_from(n).ok());
        length(input) == Some(a) && length(other_input) == Some(b)
    };
    let lengths: Vec<i64> = (target.iter().zip(other).enumerate())
        .map(|(i, (&a, &b))| match () {
            () if a == b => a,
            () if copies(i, a, b) => 0,
            () => -1,
        })
        .collect();
    let op = |lengths: &[i64]| Op::Reshape(Reshape::To(lengths.to_vec()));
    let made = infer(&op(&lengths), &[vec![input], vec![other_input]]).ok()?;
    let wanted = [output_shape(&op(target), &[input]).ok()?, output_shape(&op(other), &[other_input]).ok()?];
    (made == wanted).then_some(lengths)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_that_varies_is_written_with_zero_and_minus_one() {
        let inputs = [vec![5, 16, 4, 4], vec![7, 16, 4, 4]];
        assert_eq!(express(&inputs, &[vec![5, -1], vec![7, -1]]), Some(vec![0, -1]));
        assert_eq!(express(&inputs, &[vec![16, 5, 16], vec![16, 7, 16]]), Some(vec![16, -1, 16]));
        assert_eq!(express(&inputs, &[vec![5, 256], vec![7, 256]]), Some(vec![0, 256]));
        assert_eq!(
            express(&inputs, &[vec![80, -1], vec![112, -1]]),
            None,
            "two lengths cannot both be left open"
        );
    }

    #[test]
    fn symbols_are_bound_to_different_primes() {
        let mut probes = Probes::default();
        let symbol = |name: &str| Dim::Symbol(name.to_owned());
        let shape = probes.shape(&[symbol("N"), Dim::Known(3), symbol("H"), symbol("H")]);
        assert_eq!(shape, [vec![5, 3, 32 * 11, 32 * 11], vec![7, 3, 32 * 13, 32 * 13]]);
    }
}
