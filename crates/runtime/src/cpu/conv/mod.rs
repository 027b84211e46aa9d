//! Convolution as a product: weights times a matrix whose columns are the windows (*im2col*), made panel by panel
//! and never as a whole. The columns of a panel run on from one image to the next, so small images fill it as well.

mod direct;
pub(crate) mod grad;
mod panel;
mod rows;
mod window;

use fewbit_graph::op;

use crate::backend::RunError;
use crate::control::Control;
use crate::cpu::gemm::{self, ROWS};
use crate::cpu::pieces::in_pieces;
use crate::cpu::simd::dispatch;
use crate::cpu::stage::Finish;
use crate::cpu::values::Scratch;

use panel::Columns;
use window::Windows;

/// A convolution, made ready.
#[derive(Clone, Debug)]
pub(crate) struct Conv {
    images: usize,
    groups: usize,
    /// Input channels of a group.
    channels: usize,
    /// Output channels of a group.
    outputs: usize,
    is_direct: bool,
    windows: Windows,
    /// Images that are worked on together.
    block: usize,
}

/// The floats of a block of images: as many as stay in the second-level cache.
const BLOCK: usize = 1 << 16;

/// Up to so many outputs of a group are computed without a product.
const FEW_OUTPUTS: usize = 2;

/// The multiply-adds of one call of `direct::rows`, where there are so many.
const ROWS_OF_WORK: usize = 1 << 20;

impl Conv {
    /// For x, w and y of these shapes, with one or two spatial axes. `None` if a padded image is absurdly large.
    pub(crate) fn new(op: &op::Conv, x: &[usize], w: &[usize], y: &[usize]) -> Option<Self> {
        let (images, groups) = (x[0], op.groups.max(1));
        let (channels, outputs) = (w[1], w[0] / groups);
        let is_direct = outputs <= FEW_OUTPUTS;
        let windows = Windows::new(op, &x[2..], &w[2..], &y[2..], channels, is_direct)?;
        let of_image = (x[1] * windows.plane()).max(w[0] * windows.pixels());
        let block = (BLOCK / of_image.max(1)).clamp(1, images.max(1));
        Some(Self { images, groups, channels, outputs, is_direct, windows, block })
    }

    /// y = w ∗ x + bias, each block of images handed to `finish` when it is complete.
    pub(crate) async fn run(
        &self,
        [x, w]: [&[f32]; 2],
        bias: Option<&[f32]>,
        y: &mut [f32],
        scratch: &mut Scratch,
        finish: Finish<'_>,
        control: &Control<'_>,
    ) -> Result<(), RunError> {
        self.fill_bias(bias, &mut scratch.bias);
        if !self.is_direct {
            self.pack_weights(w, &mut scratch.rows);
        }
        let of_image = self.groups * self.outputs * self.windows.pixels();
        for first in (0..self.images).step_by(self.block) {
            let count = self.block.min(self.images - first);
            let block = first * of_image..(first + count) * of_image;
            if self.is_direct {
                self.direct(first, count, [x, w], &mut y[block.clone()], scratch, &finish, control).await?;
            } else {
                self.product(first, count, x, &mut y[block.clone()], scratch, &finish, control).await?;
            }
            finish.apply(&mut y[block.clone()], block.start)?;
        }
        Ok(())
    }

    #[expect(clippy::too_many_arguments, reason = "a private half of `run`")]
    async fn product(
        &self,
        first: usize,
        count: usize,
        x: &[f32],
        y: &mut [f32],
        scratch: &mut Scratch,
        finish: &Finish<'_>,
        control: &Control<'_>,
    ) -> Result<(), RunError> {
        let level = finish.level;
        let Scratch { rows, panel, padded, bias, .. } = scratch;
        let terms = self.windows.taps().len();
        let columns = gemm::columns(level);
        // Behind the last row lies room for a copy that begins in it.
        panel.resize((terms + 1) * columns, 0.0);
        let packed = self.outputs.next_multiple_of(ROWS) * terms;
        for group in 0..self.groups {
            let lanes = self.groups * self.channels;
            let planes = (first * lanes + group * self.channels, count, lanes);
            let source = self.windows.source(x, planes, self.channels, padded);
            let rows = &rows[group * packed..(group + 1) * packed];
            let bias = &bias[group * self.outputs.next_multiple_of(ROWS)..][..self.outputs];
            let product = Columns {
                windows: &self.windows,
                source,
                image: self.windows.image_stride(self.channels, lanes),
                images: count,
                rows,
                bias,
                first_output: group * self.outputs,
                outputs: self.groups * self.outputs,
            };
            let panels = (count * self.windows.pixels()).div_ceil(columns);
            let cost = columns * packed;
            in_pieces(panels, cost, control, |part| {
                dispatch!(level, simd => product.compute(simd, part, panel, y));
                Ok(())
            })
            .await?;
        }
        Ok(())
    }

    #[expect(clippy::too_many_arguments, reason = "a private half of `run`")]
    async fn direct(
        &self,
        first: usize,
        count: usize,
        [x, w]: [&[f32]; 2],
        y: &mut [f32],
        scratch: &mut Scratch,
        finish: &Finish<'_>,
        control: &Control<'_>,
    ) -> Result<(), RunError> {
        let level = finish.level;
        let Scratch { padded, bias, .. } = scratch;
        let lanes = self.groups * self.channels;
        let source = self.windows.source(x, (first * lanes, count, lanes), lanes, padded);
        let (pixels, terms) = (self.windows.pixels(), self.windows.taps().len());
        let outputs = self.groups * self.outputs;
        let work = self.windows.columns() * terms;
        let height = (ROWS_OF_WORK / work.max(1)).clamp(1, self.windows.rows());
        let parts = self.windows.rows().div_ceil(height);
        // Rows of windows are narrower than panels: twice the work of a product's element.
        in_pieces(count * outputs * parts, 2 * height * work, control, |part| {
            dispatch!(level, simd => {
                for part in part {
                    let (plane, first) = (part / parts, part % parts * height);
                    let height = height.min(self.windows.rows() - first);
                    let (image, output) = (plane / outputs, plane % outputs);
                    let channel = image * lanes + output / self.outputs * self.channels;
                    direct::rows(
                        simd,
                        &self.windows,
                        &source[channel * self.windows.plane() + first * self.windows.row_step()..],
                        &w[output * terms..][..terms],
                        bias[output / self.outputs * self.outputs.next_multiple_of(ROWS) + output % self.outputs],
                        &mut y[plane * pixels + first * self.windows.columns()..][..height * self.windows.columns()],
                    );
                }
            });
            Ok(())
        })
        .await
    }

    /// The weights of each group in blocks of rows.
    fn pack_weights(&self, w: &[f32], packed: &mut Vec<f32>) {
        let terms = self.windows.taps().len();
        packed.clear();
        for group in w.chunks_exact(self.outputs * terms) {
            gemm::pack_rows(self.outputs, terms, packed, |output, term| group[output * terms + term]);
        }
    }

    /// The bias of each group, filled up to whole blocks of rows; zeros if there is none.
    fn fill_bias(&self, bias: Option<&[f32]>, filled: &mut Vec<f32>) {
        let room = self.outputs.next_multiple_of(ROWS);
        filled.clear();
        filled.resize(self.groups * room, 0.0);
        for (own, room) in
            bias.unwrap_or_default().chunks_exact(self.outputs).zip(filled.chunks_exact_mut(room))
        {
            room[..own.len()].copy_from_slice(own);
        }
    }
}
