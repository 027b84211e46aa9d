//! The gradient along w: for each image the product of its gradients with its windows, and the images added up.
//!
//! Vectors lie across output channels, so the gradients are turned into a panel with the channels of a pixel side by
//! side; the windows are read where they lie. An element is the sum over the images, in order, of the sums over an
//! image's places, in order.

use fewbit_graph::op;

use crate::backend::RunError;
use crate::control::Control;
use crate::cpu::conv::FEW_OUTPUTS;
use crate::cpu::conv::grad::depthwise;
use crate::cpu::conv::grad::flat::Flat;
use crate::cpu::conv::grad::tile::{Chunk, Image, VECTORS};
use crate::cpu::conv::window::Windows;
use crate::cpu::gemm;
use crate::cpu::pieces::in_pieces;
use crate::cpu::simd::{Level, dispatch};
use crate::cpu::values::Scratch;

/// The gradient of a convolution along w, made ready.
#[derive(Clone, Debug)]
pub(crate) struct ConvWeightGrad {
    images: usize,
    groups: usize,
    /// Input channels of a group.
    channels: usize,
    /// Output channels of a group.
    outputs: usize,
    is_depthwise: bool,
    windows: Windows,
    flat: Option<Flat>,
}

impl ConvWeightGrad {
    /// For g, x and w of these shapes, with one or two spatial axes. `None` if a padded image is absurdly large.
    pub(crate) fn new(op: &op::Conv, g: &[usize], x: &[usize], w: &[usize]) -> Option<Self> {
        let groups = op.groups.max(1);
        let (channels, outputs) = (w[1], w[0] / groups);
        let is_depthwise = channels == 1 && outputs <= FEW_OUTPUTS;
        let windows = Windows::new(op, &x[2..], &w[2..], &g[2..], channels, is_depthwise)?;
        let flat = Flat::new(op, &w[2..], &windows).filter(|_| !is_depthwise);
        Some(Self { images: x[0], groups, channels, outputs, is_depthwise, windows, flat })
    }

    /// The gradient along w.
    pub(crate) async fn run(
        &self,
        factors: [&[f32]; 2],
        y: &mut [f32],
        scratch: &mut Scratch,
        level: Level,
        control: &Control<'_>,
    ) -> Result<(), RunError> {
        if self.is_depthwise {
            return self.depthwise(factors, y, scratch, level, control).await;
        }
        let terms = self.windows.taps().len();
        for (group, y) in y.chunks_exact_mut(self.outputs * terms).enumerate() {
            self.product(group, factors, y, scratch, level, control).await?;
        }
        Ok(())
    }

    /// One group.
    async fn product(
        &self,
        group: usize,
        [g, x]: [&[f32]; 2],
        y: &mut [f32],
        scratch: &mut Scratch,
        level: Level,
        control: &Control<'_>,
    ) -> Result<(), RunError> {
        let Scratch { panel, padded, weights: sums, image: copy, .. } = scratch;
        let (pixels, taps) = (self.windows.pixels(), self.windows.taps());
        let chunks = Chunk::cut(self.outputs, gemm::columns(level) / 2);
        let room: usize = chunks.iter().map(|chunk| chunk.room).sum();
        sums.clear();
        sums.resize(taps.len() * room, 0.0);
        panel.resize(pixels * room, 0.0);
        for image in 0..self.images {
            let first = (image * self.groups + group) * self.outputs * pixels;
            let g = &g[first..first + self.outputs * pixels];
            chunks.iter().for_each(|chunk| chunk.turn(g, pixels, panel));
            let lanes = self.groups * self.channels;
            let planes = (image * lanes + group * self.channels, 1, lanes);
            let source = self.windows.source(x, planes, self.channels, padded);
            let image = match &self.flat {
                Some(flat) => {
                    flat.lay(source, copy);
                    Image { source: copy, taps: flat.taps(), pixels, columns: pixels, row_step: pixels }
                }
                None => {
                    let (columns, row_step) = (self.windows.columns(), self.windows.row_step());
                    Image { source, taps, pixels, columns, row_step }
                }
            };
            in_pieces(taps.len().div_ceil(VECTORS), VECTORS * pixels * room, control, |blocks| {
                let part = blocks.start * VECTORS..(blocks.end * VECTORS).min(taps.len());
                dispatch!(level, simd => {
                    for chunk in &chunks {
                        chunk.add(simd, image, part.clone(), panel, sums);
                    }
                });
                Ok(())
            })
            .await?;
        }
        for chunk in &chunks {
            chunk.write(sums, taps.len(), y);
        }
        Ok(())
    }

    async fn depthwise(
        &self,
        [g, x]: [&[f32]; 2],
        y: &mut [f32],
        scratch: &mut Scratch,
        level: Level,
        control: &Control<'_>,
    ) -> Result<(), RunError> {
        let (pixels, terms) = (self.windows.pixels(), self.windows.taps().len());
        y.fill(0.0);
        let outputs = self.groups * self.outputs;
        for (image, g) in g.chunks_exact(outputs * pixels).enumerate() {
            let planes = (image * self.groups, 1, self.groups);
            let source = self.windows.source(x, planes, self.groups, &mut scratch.padded);
            in_pieces(outputs, 2 * pixels * terms, control, |part| {
                dispatch!(level, simd => {
                    for output in part {
                        let source = &source[output / self.outputs * self.windows.plane()..];
                        let (g, y) = (&g[output * pixels..][..pixels], &mut y[output * terms..][..terms]);
                        depthwise::add(simd, &self.windows, g, source, y);
                    }
                });
                Ok(())
            })
            .await?;
        }
        Ok(())
    }
}
