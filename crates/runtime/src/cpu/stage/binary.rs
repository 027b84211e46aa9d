//! Functions of two elements.

use fewbit_graph::op::Binary;

use crate::cpu::broadcast::Run;
use crate::cpu::simd::{Level, dispatch, rewritten};
use crate::cpu::stage::unary::one_if;

/// Replaces each element x of `data` by f(x, y), or by f(y, x) if `swapped`, with y the element of `operand` under it.
pub(super) fn apply(
    level: Level,
    binary: Binary,
    swapped: bool,
    data: &mut [f32],
    operand: &[f32],
    runs: impl Iterator<Item = Run>,
) {
    match (binary, swapped) {
        (Binary::Add, _) => zip(level, data, operand, runs, |x, y| x + y),
        (Binary::Mul, _) => zip(level, data, operand, runs, |x, y| x * y),
        (Binary::Sub, false) => zip(level, data, operand, runs, |x, y| x - y),
        (Binary::Sub, true) => zip(level, data, operand, runs, |x, y| y - x),
        (Binary::Div, false) => zip(level, data, operand, runs, |x, y| x / y),
        (Binary::Div, true) => zip(level, data, operand, runs, |x, y| y / x),
        (Binary::Pow, false) => zip(level, data, operand, runs, libm::powf),
        (Binary::Pow, true) => zip(level, data, operand, runs, |x, y| libm::powf(y, x)),
        (Binary::Max, false) => zip(level, data, operand, runs, max),
        (Binary::Max, true) => zip(level, data, operand, runs, |x, y| max(y, x)),
        (Binary::Min, false) => zip(level, data, operand, runs, min),
        (Binary::Min, true) => zip(level, data, operand, runs, |x, y| min(y, x)),
        (Binary::Mod, false) => zip(level, data, operand, runs, modulo),
        (Binary::Mod, true) => zip(level, data, operand, runs, |x, y| modulo(y, x)),
        (Binary::Fmod, false) => zip(level, data, operand, runs, |x, y| x % y),
        (Binary::Fmod, true) => zip(level, data, operand, runs, |x, y| y % x),
        (Binary::Equal, _) => zip(level, data, operand, runs, |x, y| one_if(x == y)),
        (Binary::Less, false) => zip(level, data, operand, runs, |x, y| one_if(x < y)),
        (Binary::Less, true) => zip(level, data, operand, runs, |x, y| one_if(y < x)),
        (Binary::LessOrEqual, false) => zip(level, data, operand, runs, |x, y| one_if(x <= y)),
        (Binary::LessOrEqual, true) => zip(level, data, operand, runs, |x, y| one_if(y <= x)),
        (Binary::And, _) => zip(level, data, operand, runs, |x, y| one_if(x != 0.0 && y != 0.0)),
        (Binary::Or, _) => zip(level, data, operand, runs, |x, y| one_if(x != 0.0 || y != 0.0)),
        (Binary::Xor, _) => zip(level, data, operand, runs, |x, y| one_if((x != 0.0) != (y != 0.0))),
    }
}

#[inline(always)]
fn zip(
    level: Level,
    data: &mut [f32],
    operand: &[f32],
    runs: impl Iterator<Item = Run>,
    f: impl Fn(f32, f32) -> f32,
) {
    dispatch!(level, _simd => {
        for Run { at, len, from, stride } in runs {
            let part = &mut data[at..at + len];
            if stride == 0 {
                let y = operand[from];
                part.iter_mut().for_each(|x| *x = f(*x, y));
            } else {
                part.iter_mut().zip(&operand[from..from + len]).for_each(|(x, &y)| *x = f(*x, y));
            }
        }
    });
}

/// The larger; NaN if one is.
#[inline(always)]
pub(in crate::cpu) fn max(x: f32, y: f32) -> f32 {
    if x > y || x.is_nan() { rewritten(x) } else { rewritten(y) }
}

/// The smaller; NaN if one is.
#[inline(always)]
pub(in crate::cpu) fn min(x: f32, y: f32) -> f32 {
    if x < y || x.is_nan() { rewritten(x) } else { rewritten(y) }
}

/// x − y·⌊x/y⌋.
fn modulo(x: f32, y: f32) -> f32 {
    let rest = x % y;
    if rest != 0.0 && (rest < 0.0) != (y < 0.0) { rest + y } else { rest }
}
