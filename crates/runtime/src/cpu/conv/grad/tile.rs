//! A few taps times a few vectors of output channels, in registers, over all places of an image.

use std::ops::Range;

use crate::cpu::simd::{Simd, SimdBase};

/// Vectors of a tile: so many taps of one vector each, or half as many of two.
pub(super) const VECTORS: usize = 8;

/// More output channels than a chunk has anywhere.
const MAX_ROOM: usize = 32;

/// The windows of an image: the input of window (row, column) at a tap is row·`row_step` + column + `taps`\[tap\].
#[derive(Clone, Copy)]
pub(super) struct Image<'a> {
    pub(super) source: &'a [f32],
    pub(super) taps: &'a [usize],
    /// How many windows there are.
    pub(super) pixels: usize,
    /// How many of them are in a row.
    pub(super) columns: usize,
    pub(super) row_step: usize,
}

/// Output channels that are worked on together.
#[derive(Clone, Copy, Debug)]
pub(super) struct Chunk {
    /// The first output channel.
    first: usize,
    /// How many there are.
    len: usize,
    /// Room for them: one vector or two.
    pub(super) room: usize,
    /// Vectors of the room.
    vectors: usize,
}

impl Chunk {
    /// Cuts `outputs` channels into chunks of two vectors of `lanes`; the last one may be of one vector.
    pub(super) fn cut(outputs: usize, lanes: usize) -> Vec<Self> {
        let firsts = (0..outputs).step_by(2 * lanes);
        let chunks = firsts.map(|first| {
            let len = (outputs - first).min(2 * lanes);
            let vectors = len.div_ceil(lanes);
            Self { first, len, room: vectors * lanes, vectors }
        });
        chunks.collect()
    }

    /// Copies the gradients of an image to the chunk's part of the panel: for each pixel the channels, then zeros.
    pub(super) fn turn(&self, g: &[f32], pixels: usize, panel: &mut [f32]) {
        let mut rows = [&g[..pixels]; MAX_ROOM];
        for (row, channel) in rows.iter_mut().zip(g.chunks_exact(pixels).skip(self.first)) {
            *row = channel;
        }
        let rows = &rows[..self.len];
        let panel = panel[self.first * pixels..][..pixels * self.room].chunks_exact_mut(self.room);
        for (pixel, panel) in (0..pixels).zip(panel) {
            let (own, rest) = panel.split_at_mut(rows.len());
            own.iter_mut().zip(rows).for_each(|(own, row)| *own = row[pixel]);
            rest.fill(0.0);
        }
    }

    /// Adds an image's sums for these taps to `sums`, in which each tap of the chunk has its room.
    #[inline(always)]
    pub(super) fn add<S: Simd>(
        &self,
        simd: S,
        image: Image<'_>,
        taps: Range<usize>,
        panel: &[f32],
        sums: &mut [f32],
    ) {
        let panel = &panel[self.first * image.pixels..][..image.pixels * self.room];
        let sums = &mut sums[self.first * image.taps.len()..][..image.taps.len() * self.room];
        let together = VECTORS / self.vectors;
        let sums = sums[taps.start * self.room..taps.end * self.room].chunks_mut(together * self.room);
        for (taps, sums) in image.taps[taps].chunks(together).zip(sums) {
            let product = Product { simd, image, panel, taps };
            match (self.vectors, taps.len()) {
                (1, 1) => product.add::<1, 1>(sums),
                (1, 2) => product.add::<2, 1>(sums),
                (1, 3) => product.add::<3, 1>(sums),
                (1, 4) => product.add::<4, 1>(sums),
                (1, 5) => product.add::<5, 1>(sums),
                (1, 6) => product.add::<6, 1>(sums),
                (1, 7) => product.add::<7, 1>(sums),
                (1, _) => product.add::<8, 1>(sums),
                (_, 1) => product.add::<1, 2>(sums),
                (_, 2) => product.add::<2, 2>(sums),
                (_, 3) => product.add::<3, 2>(sums),
                (_, _) => product.add::<4, 2>(sums),
            }
        }
    }

    /// Copies the sums of all `terms` taps to the gradient of the group's weights.
    pub(super) fn write(&self, sums: &[f32], terms: usize, y: &mut [f32]) {
        let sums = &sums[self.first * terms..][..terms * self.room];
        for (lane, y) in y.chunks_exact_mut(terms).skip(self.first).take(self.len).enumerate() {
            y.iter_mut().zip(sums.iter().skip(lane).step_by(self.room)).for_each(|(y, &sum)| *y = sum);
        }
    }
}

struct Product<'a, S> {
    simd: S,
    image: Image<'a>,
    panel: &'a [f32],
    taps: &'a [usize],
}

impl<S: Simd> Product<'_, S> {
    /// Adds the sums of `ROWS` taps, each of `VECTORS` vectors, to `sums`.
    #[inline(always)]
    fn add<const ROWS: usize, const VECTORS: usize>(&self, sums: &mut [f32]) {
        let (Image { source, columns, row_step, .. }, lanes) = (self.image, S::f32s::LEN);
        // An array, so that the loops below are unrolled.
        let Some(taps) = self.taps.first_chunk::<ROWS>() else { return };
        let zero = S::f32s::splat(self.simd, 0.0);
        let mut tile = [[zero; VECTORS]; ROWS];
        for (i, panel) in self.panel.chunks_exact(columns * VECTORS * lanes).enumerate() {
            let source = &source[i * row_step..];
            let rows = taps.map(|tap| &source[tap..][..columns]);
            for (column, panel) in (0..columns).zip(panel.chunks_exact(VECTORS * lanes)) {
                let mut g = [zero; VECTORS];
                for (g, panel) in g.iter_mut().zip(panel.chunks_exact(lanes)) {
                    *g = S::f32s::from_slice(self.simd, panel);
                }
                for (sums, row) in tile.iter_mut().zip(&rows) {
                    let x = S::f32s::splat(self.simd, row[column]);
                    for (sum, &g) in sums.iter_mut().zip(&g) {
                        *sum += x * g;
                    }
                }
            }
        }
        for (sum, target) in tile.into_iter().flatten().zip(sums.chunks_exact_mut(lanes)) {
            (S::f32s::from_slice(self.simd, target) + sum).store_slice(target);
        }
    }
}
