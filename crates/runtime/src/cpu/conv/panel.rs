//! The columns of a convolution's product: windows, gathered and multiplied a panel at a time.

use std::ops::Range;

use crate::cpu::conv::window::Windows;
use crate::cpu::gemm::{self, MAX_COLUMNS, ROWS};
use crate::cpu::simd::{Simd, SimdBase};

/// One group of a convolution over a few images.
pub(super) struct Columns<'a> {
    pub(super) windows: &'a Windows,
    /// The images, as [`Windows::source`] lays them out.
    pub(super) source: &'a [f32],
    /// The distance of two images in `source`.
    pub(super) image: usize,
    /// How many images there are.
    pub(super) images: usize,
    /// The group's weights in blocks of rows.
    pub(super) rows: &'a [f32],
    /// A bias for each of the group's outputs.
    pub(super) bias: &'a [f32],
    /// The group's first output channel.
    pub(super) first_output: usize,
    /// Output channels of all groups.
    pub(super) outputs: usize,
}

/// Columns of a panel whose windows are neighbours in a row of an image.
#[derive(Clone, Copy, Default)]
struct Stretch {
    /// The first column.
    column: usize,
    /// How many there are.
    len: usize,
    /// Where the first window's first tap lies in the source.
    from: usize,
}

impl Columns<'_> {
    /// Computes the columns of these panels and writes them to `y`, the images' outputs.
    #[inline(always)]
    pub(super) fn compute<S: Simd>(&self, simd: S, panels: Range<usize>, panel: &mut [f32], y: &mut [f32]) {
        let width = gemm::columns_of(simd);
        let (terms, pixels) = (self.windows.taps().len(), self.windows.pixels());
        let all = self.images * pixels;
        for first in panels.map(|i| i * width) {
            let len = width.min(all - first);
            let (image, pixel) = (first / pixels, first % pixels);
            self.gather(simd, image, pixel, len, panel);
            let panel = &panel[..terms * width];
            let start = (image * self.outputs + self.first_output) * pixels + pixel;
            for (block, rows) in self.rows.chunks_exact(ROWS * terms).enumerate() {
                let tile = gemm::tile(simd, rows, panel);
                let bias = self.bias[block * ROWS..].iter().take(ROWS);
                for (i, (row, &bias)) in tile.into_iter().zip(bias).enumerate() {
                    let bias = S::f32s::splat(simd, bias);
                    let row = row.map(|sums| sums + bias);
                    let at = start + (block * ROWS + i) * pixels;
                    if pixel + len <= pixels {
                        gemm::store::<S>(row, &mut y[at..at + len]);
                    } else {
                        let mut values = [0.0; MAX_COLUMNS];
                        gemm::store::<S>(row, &mut values[..width]);
                        self.scatter(&values[..len], pixel, &mut y[at - pixel..]);
                    }
                }
            }
        }
    }

    /// Writes the values of one output channel from window `pixel` on to `y`, which begins with that channel of the
    /// image; the values may reach over several images.
    fn scatter(&self, mut values: &[f32], mut pixel: usize, y: &mut [f32]) {
        let pixels = self.windows.pixels();
        let mut at = pixel;
        while !values.is_empty() {
            let (own, rest) = values.split_at(values.len().min(pixels - pixel));
            y[at..at + own.len()].copy_from_slice(own);
            at += self.outputs * pixels - pixel;
            (values, pixel) = (rest, 0);
        }
    }

    /// Fills the panel whose first column is window `pixel` of an image: for each tap, the windows' inputs.
    ///
    /// As many columns as a panel has are copied for each stretch, however short it is: what lies beyond its end is
    /// written again by the next stretch, or by the next row of the panel, or belongs to columns that nobody reads.
    #[inline(always)]
    fn gather<S: Simd>(&self, simd: S, image: usize, pixel: usize, len: usize, panel: &mut [f32]) {
        let width = gemm::columns_of(simd);
        let mut stretches = [Stretch::default(); MAX_COLUMNS];
        let count = self.stretches(image, pixel, len, &mut stretches);
        let stretches = &stretches[..count];
        let last = self.windows.taps().last().map_or(0, |tap| tap + width);
        if stretches.iter().any(|stretch| stretch.from + last > self.source.len()) {
            return self.gather_at_the_end(stretches, width, panel);
        }
        let taps = self.windows.taps().iter().zip((0..).step_by(width));
        match *stretches {
            [Stretch { from, .. }] => {
                for (&tap, row) in taps {
                    copy(simd, &self.source[from + tap..], &mut panel[row..]);
                }
            }
            [Stretch { from, .. }, Stretch { from: second, column, .. }] => {
                for (&tap, row) in taps {
                    let row = &mut panel[row..row + 2 * width];
                    copy(simd, &self.source[from + tap..], row);
                    copy(simd, &self.source[second + tap..], &mut row[column..]);
                }
            }
            _ => {
                for (&tap, row) in taps {
                    let row = &mut panel[row..row + 2 * width];
                    for stretch in stretches {
                        copy(simd, &self.source[stretch.from + tap..], &mut row[stretch.column..]);
                    }
                }
            }
        }
    }

    /// [`gather`](Self::gather) where nothing may be read beyond a stretch.
    fn gather_at_the_end(&self, stretches: &[Stretch], width: usize, panel: &mut [f32]) {
        for (&tap, row) in self.windows.taps().iter().zip(panel.chunks_exact_mut(width)) {
            for stretch in stretches {
                let values = &self.source[stretch.from + tap..][..stretch.len];
                row[stretch.column..][..stretch.len].copy_from_slice(values);
            }
        }
    }

    /// Cuts `len` windows from `pixel` of an image on into stretches; returns how many there are.
    fn stretches(&self, mut image: usize, pixel: usize, len: usize, stretches: &mut [Stretch]) -> usize {
        let columns = self.windows.columns();
        let (mut row, mut place) = (pixel / columns, pixel % columns);
        let (mut column, mut count) = (0, 0);
        while column < len {
            let from = image * self.image + row * self.windows.row_step() + place;
            let stretch = Stretch { column, len: (columns - place).min(len - column), from };
            stretches[count] = stretch;
            column += stretch.len;
            count += 1;
            (row, place) = (row + 1, 0);
            if row == self.windows.rows() {
                (image, row) = (image + 1, 0);
            }
        }
        count
    }
}

/// Copies the first columns of a panel's row.
#[inline(always)]
fn copy<S: Simd>(simd: S, source: &[f32], target: &mut [f32]) {
    let lanes = S::f32s::LEN;
    let (source, target) = (&source[..2 * lanes], &mut target[..2 * lanes]);
    S::f32s::from_slice(simd, &source[..lanes]).store_slice(&mut target[..lanes]);
    S::f32s::from_slice(simd, &source[lanes..]).store_slice(&mut target[lanes..]);
}
