//! Short rows in vectors.
//!
//! Rows of images are often shorter than a call of the platform's copy takes to begin. They are copied in vectors of
//! four, the last of which begins early enough to end with the row.

use crate::cpu::simd::{Simd, SimdBase, f32x4};

/// Lanes of a vector. Wider ones would rarely fit.
const LANES: usize = 4;

/// The elements of a row that a vector needs to take every other one.
const TWICE: usize = 2 * LANES;

/// Where vectors begin so that they cover `len` elements, which are a vector's at least.
#[inline(always)]
fn starts(len: usize) -> impl Iterator<Item = usize> {
    (0..len).step_by(LANES).map(move |at| at.min(len - LANES))
}

/// Elements `from`, `from` + 2, `from` + 4 and `from` + 6 of a row of [`TWICE`] elements at least.
#[inline(always)]
fn every_other<S: Simd>(simd: S, row: &[f32], from: usize) -> f32x4<S> {
    // Where nothing follows the last of them, the vectors begin one before the first.
    let at = from.min(row.len() - TWICE);
    let row = &row[at..at + TWICE];
    let (even, odd) =
        f32x4::from_slice(simd, &row[..LANES]).deinterleave(f32x4::from_slice(simd, &row[LANES..]));
    if at == from { even } else { odd }
}

/// Copies as many elements as both have.
#[inline(always)]
pub(super) fn copy<S: Simd>(simd: S, row: &[f32], own: &mut [f32]) {
    let len = own.len().min(row.len());
    let (row, own) = (&row[..len], &mut own[..len]);
    if len < LANES {
        return own.iter_mut().zip(row).for_each(|(own, &x)| *own = x);
    }
    for at in starts(len) {
        f32x4::from_slice(simd, &row[at..at + LANES]).store_slice(&mut own[at..at + LANES]);
    }
}

/// Copies elements 0, 2, 4, …, as many as there are and `own` takes.
#[inline(always)]
pub(super) fn copy_every_other<S: Simd>(simd: S, row: &[f32], own: &mut [f32]) {
    let len = own.len().min(row.len().div_ceil(2));
    let own = &mut own[..len];
    if len < LANES || row.len() < TWICE {
        return own.iter_mut().zip(row.iter().step_by(2)).for_each(|(own, &x)| *own = x);
    }
    for at in starts(len) {
        every_other(simd, row, 2 * at).store_slice(&mut own[at..at + LANES]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cpu::simd::{Level, dispatch};

    #[test]
    fn rows_are_copied_whole_and_halved_at_every_length() {
        let x: Vec<f32> = (0..40).map(|i| i as f32).collect();
        for (len, room) in (0..40).flat_map(|len| (0..24).map(move |room| (len, room))) {
            let (mut whole, mut halved) = (vec![-1.0; room], vec![-1.0; room]);
            dispatch!(Level::new(), simd => {
                copy(simd, &x[..len], &mut whole);
                copy_every_other(simd, &x[..len], &mut halved);
            });
            let expected = |i: usize, step: usize| if i * step < len { (i * step) as f32 } else { -1.0 };
            assert!(whole.iter().enumerate().all(|(i, &x)| x == expected(i, 1)), "{len} into {room}");
            assert!(halved.iter().enumerate().all(|(i, &x)| x == expected(i, 2)), "{len} into {room}");
        }
    }
}
