//! Windows whose rows are short, laid out so that at each tap the inputs of all windows of an image follow one another.

use fewbit_graph::op;

use crate::cpu::conv::window::{SLACK, Windows, pair};

/// Floats that are copied together.
const BLOCK: usize = 8;

/// Rows of so many windows are long enough to be read where they lie.
const LONG: usize = 24;

/// The most floats of a copy.
const LARGEST: usize = 1 << 22;

/// The copy: for each channel and each tap along a row the rows of the padded image, so shifted, without gaps. For a
/// stride s between rows, rows 0, s, 2s, … come first, then 1, s + 1, …
#[derive(Clone, Debug)]
pub(super) struct Flat {
    columns: usize,
    /// Where each row begins in the source.
    rows: Vec<usize>,
    /// Where the inputs of the first window lie at each tap.
    taps: Vec<usize>,
}

impl Flat {
    /// For windows with a kernel of this shape; `None` if they need no copy, or a huge one.
    pub(super) fn new(op: &op::Conv, kernel: &[usize], windows: &Windows) -> Option<Self> {
        let columns = windows.columns();
        if windows.rows() == 1 || columns >= LONG {
            return None;
        }
        let ([stride, _], [dilation, _]) = (pair(&op.strides, 1), pair(&op.dilations, 1));
        let kernel = pair(kernel, 1);
        let reach = (windows.rows() - 1) * stride + (kernel[0] - 1) * dilation + 1;
        let channels = windows.taps().len() / (kernel[0] * kernel[1]);
        if (channels * kernel[1] * columns).saturating_mul(reach) > LARGEST {
            return None;
        }
        let order: Vec<usize> = (0..stride).flat_map(|phase| (phase..reach).step_by(stride)).collect();
        let mut place = vec![0; reach];
        order.iter().enumerate().for_each(|(i, &row)| place[row] = i);
        let (mut rows, mut taps) = (Vec::new(), Vec::new());
        for channel in windows.taps().chunks_exact(kernel[0] * kernel[1]) {
            let first = rows.len();
            for &column in &channel[..kernel[1]] {
                rows.extend(order.iter().map(|row| column + row * (windows.row_step() / stride)));
            }
            for tap in 0..kernel[0] * kernel[1] {
                let (row, column) = (tap / kernel[1], tap % kernel[1]);
                taps.push((first + column * reach + place[row * dilation]) * columns);
            }
        }
        Some(Self { columns, rows, taps })
    }

    /// Where the inputs of the first window lie at each tap.
    pub(super) fn taps(&self) -> &[usize] {
        &self.taps
    }

    /// Makes the copy.
    pub(super) fn lay(&self, source: &[f32], flat: &mut Vec<f32>) {
        flat.resize(self.rows.len() * self.columns + SLACK, 0.0);
        let whole = self.columns.next_multiple_of(BLOCK);
        for (&from, at) in self.rows.iter().zip((0..).step_by(self.columns)) {
            // What lies behind a row is overwritten by the next one.
            if let Some(row) = source.get(from..from + whole) {
                let blocks = flat[at..at + whole].as_chunks_mut::<BLOCK>().0.iter_mut();
                blocks.zip(row.as_chunks::<BLOCK>().0).for_each(|(own, row)| *own = *row);
            } else {
                flat[at..at + self.columns].copy_from_slice(&source[from..from + self.columns]);
            }
        }
    }
}
