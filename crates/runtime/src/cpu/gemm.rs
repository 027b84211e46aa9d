//! The product of a few rows with a panel of columns, in registers: the core of `conv` and `matmul`.
//!
//! The left matrix is packed in blocks of [`ROWS`] rows (for each term k the rows' elements), the right one in panels
//! of as many columns as two vectors hold (for each k the columns' elements). One tile of the product then stays in
//! registers while k runs, in ascending order, with one multiplication and one addition for each term.

use crate::cpu::simd::{Level, Simd, SimdBase, dispatch};

/// Rows of a tile.
pub(crate) const ROWS: usize = 4;

/// Vectors in a row of a tile.
const VECTORS: usize = 2;

/// More columns than a panel has anywhere.
pub(crate) const MAX_COLUMNS: usize = 32;

/// A tile of the product.
pub(crate) type Tile<S> = [[<S as Simd>::f32s; VECTORS]; ROWS];

/// Columns of a panel.
#[inline(always)]
pub(crate) fn columns_of<S: Simd>(_: S) -> usize {
    VECTORS * S::f32s::LEN
}

/// Columns of a panel.
pub(crate) fn columns(level: Level) -> usize {
    dispatch!(level, simd => columns_of(simd))
}

/// Appends the left matrix of `rows` rows and `terms` columns, whose element is `at(row, term)`, to `packed`. The last
/// block is filled up with zeros.
pub(crate) fn pack_rows(rows: usize, terms: usize, packed: &mut Vec<f32>, at: impl Fn(usize, usize) -> f32) {
    packed.reserve(rows.next_multiple_of(ROWS) * terms);
    for block in (0..rows).step_by(ROWS) {
        for term in 0..terms {
            packed.extend((block..block + ROWS).map(|row| if row < rows { at(row, term) } else { 0.0 }));
        }
    }
}

/// The product of one packed block of rows and one panel.
#[inline(always)]
pub(crate) fn tile<S: Simd>(simd: S, rows: &[f32], panel: &[f32]) -> Tile<S> {
    let width = S::f32s::LEN;
    let mut tile = [[S::f32s::splat(simd, 0.0); VECTORS]; ROWS];
    for (a, b) in rows.chunks_exact(ROWS).zip(panel.chunks_exact(VECTORS * width)) {
        let b = [S::f32s::from_slice(simd, &b[..width]), S::f32s::from_slice(simd, &b[width..])];
        for (row, &a) in tile.iter_mut().zip(a) {
            let a = S::f32s::splat(simd, a);
            for (sum, &b) in row.iter_mut().zip(&b) {
                *sum += a * b;
            }
        }
    }
    tile
}

/// Writes the first elements of a row of a tile, as many as `out` takes.
#[inline(always)]
pub(crate) fn store<S: Simd>(row: [S::f32s; VECTORS], out: &mut [f32]) {
    let width = S::f32s::LEN;
    if out.len() == VECTORS * width {
        row[0].store_slice(&mut out[..width]);
        row[1].store_slice(&mut out[width..]);
    } else {
        let mut all = [0.0; MAX_COLUMNS];
        row[0].store_slice(&mut all[..width]);
        row[1].store_slice(&mut all[width..2 * width]);
        out.copy_from_slice(&all[..out.len()]);
    }
}
