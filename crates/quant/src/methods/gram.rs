//! Gram matrices of what a layer reads: how its inputs vary together.
//!
//! With the layer's input unfolded into rows x, one for each sample and place of the output, H = 2/N·Σ x·xᵀ is the Hessian of
//! the mean squared output error in the weights of any output channel: an error δ of its weights costs ½·δᵀHδ. Sums are in
//! f64 and in a fixed order: codes follow from them.

use fewbit_graph::op::Conv;
use fewbit_graph::{Op, Tensor};
use fewbit_runtime::Control;

use crate::error::QuantError;
use crate::methods::{Capture, Place};
use crate::prepare::Prepared;

/// How many rows are added at once.
const ROWS: usize = 4;

/// The Gram matrices of a layer's input: one for each group of a convolution, one otherwise.
#[derive(Clone, Debug, PartialEq)]
pub struct Gram {
    /// The number of columns of the layer's weights.
    pub columns: usize,
    /// For each group H, row-major `columns` × `columns`.
    pub matrices: Vec<Vec<f64>>,
}

impl Gram {
    /// The Gram matrices of what layer `index` reads over all samples of `capture`; the reason if it cannot be unfolded.
    ///
    /// # Errors
    /// Those of [`Capture::batch`].
    pub async fn of_input(
        capture: &mut Capture,
        prepared: &Prepared,
        index: usize,
        control: &Control<'_>,
    ) -> Result<Result<Self, String>, QuantError> {
        let op = &prepared.graph.node_of(prepared.layer(index)?.node).op;
        let weights = prepared.weights(index)?.shape();
        let mut sums: Option<Sums> = None;
        for batch in 0..capture.batches() {
            for values in capture.batch(batch, &[Place::Input(index)], control).await? {
                let Some(unfolding) = Unfolding::new(op, weights, values.shape()) else {
                    let reason = format!("an input of {} cannot be unfolded for it", values.fact());
                    return Ok(Err(reason));
                };
                let sums = sums.get_or_insert_with(|| Sums::new(&unfolding));
                let samples = values.as_f32()?;
                for sample in 0..unfolding.samples {
                    sums.add(&unfolding, samples, sample);
                    control.step().await?;
                }
            }
        }
        Ok(sums.map(Sums::finish).ok_or_else(|| "there are no samples".to_owned()))
    }

    /// The Gram matrix of `rows`, each of `columns` values.
    pub fn of_rows(rows: &Tensor) -> Option<Self> {
        let &[n, columns] = rows.shape() else { return None };
        let unfolding = Unfolding::rows(n, columns, 1);
        let mut sums = Sums::new(&unfolding);
        (0..n).for_each(|sample| sums.add(&unfolding, rows.as_f32().unwrap_or_default(), sample));
        Some(sums.finish())
    }

    /// The matrix for an output channel, one of `rows`.
    pub fn of_row(&self, row: usize, rows: usize) -> &[f64] {
        let each = rows.div_ceil(self.matrices.len().max(1)).max(1);
        self.matrices.get(row / each).map_or(&[], Vec::as_slice)
    }
}

/// δᵀHδ.
pub(crate) fn quadratic(hessian: &[f64], delta: &[f64]) -> f64 {
    let row = |(row, d): (&[f64], &f64)| d * row.iter().zip(delta).map(|(h, d)| h * d).sum::<f64>();
    hessian.chunks_exact(delta.len().max(1)).zip(delta).map(row).sum()
}

/// How an input becomes rows.
struct Unfolding {
    samples: usize,
    groups: usize,
    /// Channels of one group.
    channels: usize,
    /// The input's, the kernel's and the output's height and width.
    input: [usize; 2],
    kernel: [usize; 2],
    output: [usize; 2],
    strides: [usize; 2],
    dilations: [usize; 2],
    pads: [usize; 2],
    /// Whether values of one sample lie `samples` apart (a transposed input of Gemm).
    transposed: bool,
}

impl Unfolding {
    fn new(op: &Op, weights: &[usize], input: &[usize]) -> Option<Self> {
        match op {
            Op::Conv(conv) => Self::conv(conv, weights, input),
            Op::Gemm(gemm) if gemm.trans_a => {
                let &[columns, n] = input else { return None };
                Some(Self { transposed: true, ..Self::rows(n, columns, 1) })
            }
            Op::Gemm(_) | Op::MatMul => {
                let (&columns, before) = input.split_last()?;
                let (&n, places) = before.split_first().unwrap_or((&1, &[]));
                Some(Self::rows(n, columns, places.iter().product()))
            }
            _ => None,
        }
    }

    /// `places` rows of `columns` values for each of `samples`.
    fn rows(samples: usize, columns: usize, places: usize) -> Self {
        // Channels lie before places in an image, after them here: a kernel as wide as the row.
        Self {
            samples,
            groups: 1,
            channels: 1,
            input: [places, columns],
            kernel: [1, columns],
            output: [places, 1],
            strides: [1; 2],
            dilations: [1; 2],
            pads: [0; 2],
            transposed: false,
        }
    }

    fn conv(conv: &Conv, weights: &[usize], input: &[usize]) -> Option<Self> {
        let (&[samples, _], image) = input.split_at_checked(2)? else { return None };
        let (&[_, channels], kernel) = weights.split_at_checked(2)? else { return None };
        // One spatial axis is an image of height 1.
        let pair = |values: &[usize], one: usize| match *values {
            [x] => Some([one, x]),
            [y, x] => Some([y, x]),
            _ => None,
        };
        let (input, kernel) = (pair(image, 1)?, pair(kernel, 1)?);
        let (strides, dilations) = (pair(&conv.strides, 1)?, pair(&conv.dilations, 1)?);
        let (pads, after) = (pair(&conv.pads_begin, 0)?, pair(&conv.pads_end, 0)?);
        let length = |axis: usize| {
            let window = dilations[axis] * (kernel[axis].checked_sub(1)?) + 1;
            Some((input[axis] + pads[axis] + after[axis]).checked_sub(window)? / strides[axis].max(1) + 1)
        };
        let output = [length(0)?, length(1)?];
        let groups = conv.groups;
        let transposed = false;
        Some(Self { samples, groups, channels, input, kernel, output, strides, dilations, pads, transposed })
    }

    fn columns(&self) -> usize {
        self.channels * self.kernel[0] * self.kernel[1]
    }

    /// Writes the row of `group` at the place (`y`, `x`) of `sample`'s output.
    fn row(&self, values: &[f32], sample: usize, group: usize, place: [usize; 2], row: &mut [f64]) {
        if self.transposed {
            for (k, value) in row.iter_mut().enumerate() {
                *value = values.get(k * self.samples + sample).copied().map_or(0.0, f64::from);
            }
            return;
        }
        let [height, width] = self.input;
        let mut row = row.iter_mut();
        for channel in 0..self.channels {
            let image = ((sample * self.groups + group) * self.channels + channel) * height * width;
            for ky in 0..self.kernel[0] {
                let y = (place[0] * self.strides[0] + ky * self.dilations[0]).checked_sub(self.pads[0]);
                for (kx, value) in (0..self.kernel[1]).zip(&mut row) {
                    let x = (place[1] * self.strides[1] + kx * self.dilations[1]).checked_sub(self.pads[1]);
                    *value = match (y, x) {
                        (Some(y), Some(x)) if y < height && x < width => {
                            values.get(image + y * width + x).copied().map_or(0.0, f64::from)
                        }
                        _ => 0.0,
                    };
                }
            }
        }
    }
}

/// Upper triangles on their way.
struct Sums {
    columns: usize,
    matrices: Vec<Vec<f64>>,
    rows: Vec<f64>,
    n: f64,
}

impl Sums {
    fn new(unfolding: &Unfolding) -> Self {
        let columns = unfolding.columns();
        Self {
            columns,
            matrices: vec![vec![0.0; columns * columns]; unfolding.groups],
            rows: vec![0.0; ROWS * columns],
            n: 0.0,
        }
    }

    /// Adds all rows of one sample.
    fn add(&mut self, unfolding: &Unfolding, values: &[f32], sample: usize) {
        let [height, width] = unfolding.output;
        let places = height * width;
        for (group, matrix) in self.matrices.iter_mut().enumerate() {
            for first in (0..places).step_by(ROWS) {
                for (i, row) in self.rows.chunks_exact_mut(self.columns.max(1)).enumerate() {
                    match first + i {
                        place if place < places => {
                            unfolding.row(values, sample, group, [place / width, place % width], row);
                        }
                        _ => row.fill(0.0),
                    }
                }
                add_products(matrix, &self.rows, self.columns);
            }
        }
        self.n += places as f64;
    }

    fn finish(mut self) -> Gram {
        let (factor, columns) = (2.0 / self.n.max(1.0), self.columns);
        for matrix in &mut self.matrices {
            for i in 0..columns {
                for j in i..columns {
                    let h = matrix[i * columns + j] * factor;
                    matrix[i * columns + j] = h;
                    matrix[j * columns + i] = h;
                }
            }
        }
        Gram { columns, matrices: self.matrices }
    }
}

/// Adds the products of [`ROWS`] rows to the upper triangle, one row after another.
fn add_products(matrix: &mut [f64], rows: &[f64], columns: usize) {
    let (a, rest) = rows.split_at(columns);
    let (b, rest) = rest.split_at(columns);
    let (c, d) = rest.split_at(columns);
    for (i, sums) in matrix.chunks_exact_mut(columns.max(1)).enumerate() {
        let factors = [a[i], b[i], c[i], d[i]];
        if factors == [0.0; ROWS] {
            continue;
        }
        let terms = a[i..].iter().zip(&b[i..]).zip(&c[i..]).zip(&d[i..]);
        for (sum, (((a, b), c), d)) in sums[i..].iter_mut().zip(terms) {
            *sum = *sum + factors[0] * a + factors[1] * b + factors[2] * c + factors[3] * d;
        }
    }
}
