//! Where the windows of an image lie in memory.

use fewbit_graph::op;

use crate::cpu::conv::rows;
use crate::cpu::simd::{Level, Simd, dispatch};

/// The floats behind a padded copy that may be read, so that whole vectors can be.
pub(super) const SLACK: usize = 64;

/// The most floats of a padded image.
const LARGEST: usize = 1 << 28;

/// The windows over an image, and the memory layout in which they are cut out of it.
///
/// Unpadded images with stride 1 along rows are used as they are. Of others a padded copy is made in which a row is
/// split into *phases*: columns 0, s, 2s, …, then 1, s + 1, … for stride s. So the inputs of neighbouring windows at
/// one tap follow one another for every stride, and the input of window (row, column) at a tap is found at
/// row·[`row_step`](Self::row_step) + column + [`taps`](Self::taps)\[tap\].
#[derive(Clone, Debug)]
pub(super) struct Windows {
    input: [usize; 2],
    output: [usize; 2],
    stride: usize,
    /// Whether images are used as they are.
    direct: bool,
    /// The rows of the padded copy that are read and hold more than padding: where each begins, and where it does in
    /// the image.
    rows: Vec<[usize; 2]>,
    /// The phases of a row that are read.
    phases: Vec<Phase>,
    row_step: usize,
    plane: usize,
    taps: Vec<usize>,
}

/// What of a row of an image lies in one phase.
#[derive(Clone, Copy, Debug)]
struct Phase {
    /// Where it begins in a row of the padded copy, behind the padding.
    to: usize,
    /// Its first element in a row of the image.
    from: usize,
    len: usize,
}

impl Windows {
    /// For one or two spatial axes of these lengths, and as many taps as a kernel has over `channels` channels. With
    /// `pad_always` there is always a copy. `None` if a padded image is absurdly large.
    pub(super) fn new(
        op: &op::Conv,
        input: &[usize],
        kernel: &[usize],
        output: &[usize],
        channels: usize,
        pad_always: bool,
    ) -> Option<Self> {
        let (mut input, kernel, mut output) = (pair(input, 1), pair(kernel, 1), pair(output, 1));
        let (stride, dilation) = (pair(&op.strides, 1), pair(&op.dilations, 1));
        let (pad, pad_end) = (pair(&op.pads_begin, 0), pair(&op.pads_end, 0));
        let unpadded = pad == [0, 0] && pad_end == [0, 0] && !pad_always;
        if unpadded && kernel == [1, 1] && stride == [1, 1] {
            (input, output) = ([1, input[0] * input[1]], [1, output[0] * output[1]]);
        }
        let direct = unpadded && stride[1] == 1;
        let reach = |axis: usize| (output[axis] - 1) * stride[axis] + (kernel[axis] - 1) * dilation[axis] + 1;
        let stride_x = stride[1];
        let phase = if direct { input[1] } else { reach(1).div_ceil(stride_x) };
        let phases = if direct { 1 } else { stride_x };
        let (row, rows) = (phases * phase, if direct { input[0] } else { reach(0) });
        let plane = rows.checked_mul(row)?;
        plane.checked_mul(channels).filter(|&floats| floats <= LARGEST)?;
        let column = |x: usize| x % phases * phase + x / phases;
        let mut used = [vec![false; rows], vec![false; phases]];
        let mut taps = Vec::with_capacity(channels * kernel[0] * kernel[1]);
        for channel in 0..channels {
            for y in (0..kernel[0]).map(|k| k * dilation[0]) {
                (0..output[0]).for_each(|row| used[0][row * stride[0] + y] = true);
                for x in (0..kernel[1]).map(|k| k * dilation[1]) {
                    used[1][x % phases] = true;
                    taps.push(channel * plane + y * row + column(x));
                }
            }
        }
        let [used_rows, used_phases] = used;
        let rows = used_rows.iter().enumerate().skip(pad[0]).take(input[0]).filter(|(_, used)| **used);
        let rows = rows.map(|(i, _)| [i * row, (i - pad[0]) * input[1]]).collect();
        let phases = used_phases.iter().enumerate().filter(|(_, used)| **used).filter_map(|(i, _)| {
            // Place k of the phase is column k·stride + i of the padded row.
            let first = pad[1].saturating_sub(i).div_ceil(stride_x);
            let from = first * stride_x + i - pad[1];
            let (room, there) = (phase.checked_sub(first)?, input[1].checked_sub(from)?);
            Some(Phase { to: i * phase + first, from, len: room.min(there.div_ceil(stride_x)) })
        });
        let phases = phases.collect();
        Some(Self {
            input,
            output,
            stride: stride_x,
            direct,
            rows,
            phases,
            row_step: stride[0] * row,
            plane,
            taps,
        })
    }

    /// The number of windows.
    pub(super) fn pixels(&self) -> usize {
        self.output[0] * self.output[1]
    }

    /// The number of rows of windows.
    pub(super) fn rows(&self) -> usize {
        self.output[0]
    }

    /// The number of windows in a row.
    pub(super) fn columns(&self) -> usize {
        self.output[1]
    }

    /// The length of a channel.
    pub(super) fn plane(&self) -> usize {
        self.plane
    }

    /// The distance of two rows of windows.
    pub(super) fn row_step(&self) -> usize {
        self.row_step
    }

    /// The distance of each tap from the first one, channel by channel, row by row.
    pub(super) fn taps(&self) -> &[usize] {
        &self.taps
    }

    /// The distance of two images of which `channels` of `all` channels are used.
    pub(super) fn image_stride(&self, channels: usize, all: usize) -> usize {
        self.plane * if self.direct { all } else { channels }
    }

    /// The memory in which windows are cut out: `channels` planes of each of `count` images, the first of which
    /// is plane `first` of `x` and each next one `stride` planes on.
    pub(super) fn source<'a>(
        &self,
        x: &'a [f32],
        (first, count, stride): (usize, usize, usize),
        channels: usize,
        padded: &'a mut Vec<f32>,
    ) -> &'a [f32] {
        let pixels = self.input[0] * self.input[1];
        if self.direct {
            return &x[first * pixels..];
        }
        padded.clear();
        padded.resize(count * channels * self.plane + SLACK, 0.0);
        // Every machine has the vectors that this takes.
        dispatch!(Level::baseline(), simd => {
            for (i, copy) in padded.chunks_exact_mut(self.plane).take(count * channels).enumerate() {
                let plane = first + i / channels * stride + i % channels;
                self.pad(simd, &x[plane * pixels..][..pixels], copy);
            }
        });
        padded
    }

    /// Lays out one channel; `copy` holds zeros.
    #[inline(always)]
    fn pad<S: Simd>(&self, simd: S, x: &[f32], copy: &mut [f32]) {
        for &[to, from] in &self.rows {
            let x = &x[from..from + self.input[1]];
            for phase in &self.phases {
                let (x, own) = (&x[phase.from..], &mut copy[to + phase.to..][..phase.len]);
                match self.stride {
                    1 => rows::copy(simd, x, own),
                    2 => rows::copy_every_other(simd, x, own),
                    stride => own.iter_mut().zip(x.iter().step_by(stride)).for_each(|(own, &x)| *own = x),
                }
            }
        }
    }
}

/// The two entries of a list for two spatial axes; one axis is the second, and the first is `missing`.
pub(super) fn pair(list: &[usize], missing: usize) -> [usize; 2] {
    match *list {
        [y, x] => [y, x],
        [x] => [missing, x],
        _ => [missing; 2],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn padding_splits_rows_into_phases() {
        let op = op::Conv {
            groups: 1,
            strides: vec![2],
            dilations: vec![1],
            pads_begin: vec![1],
            pads_end: vec![1],
        };
        // Padded: 0 1 2 3 4 5 0; windows of three taps at 0, 2, 4.
        let windows = Windows::new(&op, &[5], &[3], &[3], 1, false).unwrap();
        let mut padded = Vec::new();
        let x = [1.0, 2.0, 3.0, 4.0, 5.0];
        let source = windows.source(&x, (0, 1, 1), 1, &mut padded);
        assert_eq!(source[..8], [0.0, 2.0, 4.0, 0.0, 1.0, 3.0, 5.0, 0.0]);
        assert_eq!(windows.taps(), [0, 4, 1]);
    }

    #[test]
    fn images_without_padding_are_used_as_they_are() {
        let op = op::Conv {
            groups: 1,
            strides: vec![2, 1],
            dilations: vec![1, 2],
            pads_begin: vec![0, 0],
            pads_end: vec![0, 0],
        };
        let windows = Windows::new(&op, &[5, 4], &[2, 2], &[2, 2], 1, false).unwrap();
        assert_eq!(windows.taps(), [0, 2, 4, 6]);
        assert_eq!(windows.row_step(), 8);
        let x: Vec<f32> = (0..40).map(|i| i as f32).collect();
        assert_eq!(windows.source(&x, (1, 1, 1), 1, &mut Vec::new()), &x[20..]);
    }
}
