//! The gradient along x, made of convolutions: g ∗ the weights, turned round and with inputs and outputs exchanged.
//!
//! For a stride s the elements of x fall into s *phases* along an axis: element r + s·j of phase r is reached by the taps
//! k with r + pad − k·dilation a multiple of s, from place j + (r + pad − k·dilation)/s of g. So each phase is a
//! convolution of stride 1 with those taps alone, and nothing is multiplied by zeros in between.

use fewbit_graph::op;

use crate::backend::RunError;
use crate::control::Control;
use crate::cpu::conv::Conv;
use crate::cpu::conv::window::pair;
use crate::cpu::stage::Finish;
use crate::cpu::values::Scratch;

/// The gradient of a convolution along x, made ready.
#[derive(Clone, Debug)]
pub(crate) struct ConvInputGrad {
    groups: usize,
    /// Input channels of a group.
    channels: usize,
    /// Output channels of a group.
    outputs: usize,
    kernel: [usize; 2],
    stride: [usize; 2],
    /// The spatial axes of x.
    size: [usize; 2],
    parts: Vec<Part>,
}

/// What one phase of rows and one of columns have in common.
#[derive(Clone, Debug)]
struct Part {
    axes: [Phase; 2],
    conv: Conv,
}

/// One phase of an axis.
#[derive(Clone, Debug)]
struct Phase {
    /// The first element of x.
    first: usize,
    /// The number of elements.
    count: usize,
    /// The taps, in the order of the places in g.
    taps: Vec<usize>,
    /// The distance of neighbouring taps in g.
    dilation: usize,
    /// Zeros before and after g.
    pads: [usize; 2],
    /// Windows before the first element's.
    skip: usize,
    /// All windows: the first few and the last few may belong to no element.
    windows: usize,
}

impl Phase {
    /// Phase `first` of an axis with `x` elements, of which the convolution made `g`; `None` if no tap reaches it.
    fn new(
        first: usize,
        [x, g]: [usize; 2],
        kernel: usize,
        [stride, dilation, pad]: [usize; 3],
    ) -> Option<Self> {
        let [step, at] = [stride, first + pad].map(|n| n as i64);
        let place = |tap: usize| at - (tap * dilation) as i64;
        let taps: Vec<usize> = (0..kernel).rev().filter(|&tap| place(tap) % step == 0).collect();
        let from = |tap: &usize| place(*tap) / step;
        let (low, high) = (taps.first().map(from)?, taps.last().map(from)?);
        let dilation = taps.get(1).map_or(1, |second| from(second) - low);
        let (skip, before) = (low.max(0), (-low).max(0));
        let count = (x - first).div_ceil(stride);
        let unpadded = g as i64 + before - (high - low);
        let after = (skip + count as i64 - unpadded).max(0);
        let [skip, before, after, windows] = [skip, before, after, unpadded + after].map(|n| n as usize);
        Some(Self { first, count, taps, dilation: dilation as usize, pads: [before, after], skip, windows })
    }

    /// Whether each window is an element of x, in order.
    fn is_all(&self, x: usize) -> bool {
        self.skip == 0 && self.windows == x && self.count == x
    }
}

impl ConvInputGrad {
    /// For g, w and x of these shapes, with one or two spatial axes. `None` if a padded image is absurdly large.
    pub(crate) fn new(op: &op::Conv, g: &[usize], w: &[usize], x: &[usize]) -> Option<Self> {
        let groups = op.groups.max(1);
        let (kernel, size, g_size) = (pair(&w[2..], 1), pair(&x[2..], 1), pair(&g[2..], 1));
        let (stride, dilation) = (pair(&op.strides, 1), pair(&op.dilations, 1));
        let pad = pair(&op.pads_begin, 0);
        let phases = |axis: usize| {
            (0..stride[axis].min(size[axis])).filter_map(move |first| {
                let window = [stride[axis], dilation[axis], pad[axis]];
                Phase::new(first, [size[axis], g_size[axis]], kernel[axis], window)
            })
        };
        let mut parts = Vec::new();
        for row in phases(0) {
            for column in phases(1) {
                let axes = [row.clone(), column];
                let of = |value: fn(&Phase) -> usize| axes.iter().map(value).collect::<Vec<_>>();
                let conv = op::Conv {
                    groups,
                    strides: vec![1; 2],
                    dilations: of(|phase| phase.dilation),
                    pads_begin: of(|phase| phase.pads[0]),
                    pads_end: of(|phase| phase.pads[1]),
                };
                let g = [&g[..2], &g_size].concat();
                let w = [&[x[1], w[0] / groups], &of(|phase| phase.taps.len())[..]].concat();
                let y = [&x[..2], &of(|phase| phase.windows)].concat();
                let conv = Conv::new(&conv, &g, &w, &y)?;
                parts.push(Part { axes, conv });
            }
        }
        Some(Self { groups, channels: w[1], outputs: w[0] / groups, kernel, stride, size, parts })
    }

    /// The gradient along x, handed to `finish`.
    pub(crate) async fn run(
        &self,
        [g, w]: [&[f32]; 2],
        y: &mut [f32],
        scratch: &mut Scratch,
        finish: Finish<'_>,
        control: &Control<'_>,
    ) -> Result<(), RunError> {
        let mut weights = std::mem::take(&mut scratch.weights);
        let mut image = std::mem::take(&mut scratch.image);
        if let [part] = self.parts.as_slice()
            && part.axes.iter().zip(self.size).all(|(phase, x)| phase.is_all(x))
        {
            self.turn(part, w, &mut weights);
            part.conv.run([g, &weights], None, y, scratch, finish, control).await?;
        } else {
            if self.parts.len() < self.stride[0] * self.stride[1] {
                y.fill(0.0);
            }
            let bare = Finish { stages: &[], ..finish };
            for part in &self.parts {
                self.turn(part, w, &mut weights);
                let [rows, columns] = &part.axes;
                let planes = y.len() / (self.size[0] * self.size[1]);
                image.resize(planes * rows.windows * columns.windows, 0.0);
                part.conv.run([g, &weights], None, &mut image, scratch, bare, control).await?;
                self.spread(part, &image, y);
            }
            finish.apply_all(y, control).await?;
        }
        (scratch.weights, scratch.image) = (weights, image);
        Ok(())
    }

    /// The weights of a part's convolution: for each input channel those of its group's output channels.
    fn turn(&self, part: &Part, w: &[f32], weights: &mut Vec<f32>) {
        let [rows, columns] = &part.axes;
        let plane = self.kernel[0] * self.kernel[1];
        weights.clear();
        for group in w.chunks_exact(self.outputs * self.channels * plane).take(self.groups) {
            for channel in 0..self.channels {
                for w in group.chunks_exact(self.channels * plane) {
                    let w = &w[channel * plane..][..plane];
                    let taps = rows.taps.iter().flat_map(|row| {
                        columns.taps.iter().map(move |column| w[row * self.kernel[1] + column])
                    });
                    weights.extend(taps);
                }
            }
        }
    }

    /// Writes a part's windows to their elements.
    fn spread(&self, part: &Part, image: &[f32], y: &mut [f32]) {
        let [rows, columns] = &part.axes;
        let planes = y.chunks_exact_mut(self.size[0] * self.size[1]);
        for (y, image) in planes.zip(image.chunks_exact(rows.windows * columns.windows)) {
            let targets = y.chunks_exact_mut(self.size[1]).skip(rows.first).step_by(self.stride[0]);
            for (target, windows) in targets.zip(image.chunks_exact(columns.windows).skip(rows.skip)) {
                let target = target[columns.first..].iter_mut().step_by(self.stride[1]);
                target.zip(&windows[columns.skip..]).for_each(|(y, &sum)| *y = sum);
            }
        }
    }
}
