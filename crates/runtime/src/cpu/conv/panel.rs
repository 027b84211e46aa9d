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
            self.gather(simd, first, len, panel);
            let panel = &panel[..terms * width];
            for (block, rows) in self.rows.chunks_exact(ROWS * terms).enumerate() {
                let tile = gemm::tile(simd, rows, panel);
                let bias = self.bias[block * ROWS..].iter().take(ROWS);
                for (i, (row, &bias)) in tile.into_iter().zip(bias).enumerate() {
                    let bias = S::f32s::splat(simd, bias);
                    let row = row.map(|sums| sums + bias);
                    let output = self.first_output + block * ROWS + i;
                    let (image, pixel) = (first / pixels, first % pixels);
                    let at = (image * self.outputs + output) * pixels + pixel;
                    if pixel + len <= pixels {
                        gemm::store::<S>(row, &mut y[at..at + len]);
                    } else {
                        let mut lanes = [0.0; MAX_COLUMNS];
                        gemm::store::<S>(row, &mut lanes[..width]);
                        self.scatter(output, first, &lanes[..len], y);
                    }
                }
            }
        }
    }

    /// Writes the values of one output channel from window `first` on, which may reach over several images.
    fn scatter(&self, output: usize, first: usize, mut values: &[f32], y: &mut [f32]) {
        let pixels = self.windows.pixels();
        let (mut image, mut pixel) = (first / pixels, first % pixels);
        while !values.is_empty() {
            let (own, rest) = values.split_at(values.len().min(pixels - pixel));
            y[(image * self.outputs + output) * pixels + pixel..][..own.len()].copy_from_slice(own);
            (values, image, pixel) = (rest, image + 1, 0);
        }
    }

    /// Fills the panel whose first column is window `first`: for each tap, the windows' inputs.
    ///
    /// Whole vectors are copied even where a stretch is shorter: what lies beyond its end is written again by the next
    /// stretch, or by the next row of the panel, or belongs to columns that nobody reads.
    #[inline(always)]
    fn gather<S: Simd>(&self, simd: S, first: usize, len: usize, panel: &mut [f32]) {
        let width = gemm::columns_of(simd);
        let lanes = S::f32s::LEN;
        let mut stretches = [Stretch::default(); MAX_COLUMNS];
        let count = self.stretches(first, len, &mut stretches);
        if let [Stretch { from, .. }] = stretches[..count] {
            for (row, &tap) in panel.chunks_exact_mut(width).zip(self.windows.taps()) {
                copy(simd, self.source, from + tap, row, 0);
                copy(simd, self.source, from + tap + lanes, row, lanes);
            }
            return;
        }
        for (i, &tap) in self.windows.taps().iter().enumerate() {
            for stretch in &stretches[..count] {
                for part in (0..stretch.len).step_by(lanes) {
                    copy(
                        simd,
                        self.source,
                        stretch.from + tap + part,
                        panel,
                        i * width + stretch.column + part,
                    );
                }
            }
        }
    }

    /// Cuts `len` windows from `first` on into stretches; returns how many there are.
    fn stretches(&self, first: usize, len: usize, stretches: &mut [Stretch]) -> usize {
        let (pixels, columns) = (self.windows.pixels(), self.windows.columns());
        let (mut column, mut count) = (0, 0);
        while column < len {
            let window = first + column;
            let (image, pixel) = (window / pixels, window % pixels);
            let (row, place) = (pixel / columns, pixel % columns);
            let stretch = Stretch {
                column,
                len: (columns - place).min(len - column),
                from: image * self.image + row * self.windows.row_step() + place,
            };
            stretches[count] = stretch;
            column += stretch.len;
            count += 1;
        }
        count
    }
}

/// Copies one vector, or what there is of it at the end of the source.
#[inline(always)]
fn copy<S: Simd>(simd: S, source: &[f32], from: usize, target: &mut [f32], to: usize) {
    let lanes = S::f32s::LEN;
    if let Some(values) = source.get(from..from + lanes) {
        S::f32s::from_slice(simd, values).store_slice(&mut target[to..to + lanes]);
    } else {
        let values = source.get(from..).unwrap_or_default();
        target[to..to + values.len()].copy_from_slice(values);
    }
}
