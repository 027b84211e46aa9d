//! Dense products: MatMul and Gemm on [`gemm`](super::gemm).

use fewbit_graph::WireId;
use fewbit_graph::infer::broadcast_shapes;
use fewbit_graph::op::Gemm;

use crate::kernels::gemm::{
    Batched, Bias, Images, Matrices, Output, Product, Taps, Tiling, packed_len, padded_units,
};
use crate::kernels::strided::{Axis, broadcast_strides, collapse};
use crate::kernels::window::Window;
use crate::step::{Operand, Recording, Site, word};

/// One side of a product: `batches` matrices, each of K rows and `len` columns once transposed as asked.
#[derive(Clone, Copy)]
struct Side {
    wire: WireId,
    len: usize,
    /// The stride of k, and of the other axis.
    strides: (usize, usize),
    batches: usize,
}

/// A dense product: y[i, j] = alpha·Σ a[i, k]·b[k, j] + beta·c[i, j].
struct Dense {
    a: Side,
    b: Side,
    depth: usize,
    /// The strides of c along i and j; none without c.
    c: Option<(WireId, usize, usize)>,
    alpha: f32,
    beta: f32,
    /// The strides of a's, b's matrix for each leading axis.
    batches: Vec<Axis>,
}

/// Records a MatMul.
pub(crate) fn lower_matmul(site: &Site<'_>, recording: &mut Recording) -> Result<(), String> {
    let (&[ref a_batch @ .., m, k], &[ref b_batch @ .., _, n]) = (site.shape(0)?, site.shape(1)?) else {
        return Err("a matrix product needs two axes".to_owned());
    };
    let batch = broadcast_shapes(a_batch, b_batch).ok_or("the leading axes do not fit")?;
    let firsts = broadcast_strides(a_batch, &batch);
    let seconds = broadcast_strides(b_batch, &batch);
    let batches: Vec<Axis> = batch
        .iter()
        .zip(firsts.into_iter().zip(seconds))
        .map(|(&length, (first, second))| Axis { length, first, second })
        .collect();
    let side = |i: usize, len, strides, batch: &[usize]| -> Result<Side, String> {
        Ok(Side { wire: site.input(i)?, len, strides, batches: batch.iter().product() })
    };
    let dense = Dense {
        a: side(0, m, (1, k), a_batch)?,
        b: side(1, n, (n, 1), b_batch)?,
        depth: k,
        c: None,
        alpha: 1.0,
        beta: 0.0,
        batches: collapse(&batches),
    };
    dense.lower(site, recording)
}

/// Records a Gemm.
pub(crate) fn lower_gemm(gemm: &Gemm, site: &Site<'_>, recording: &mut Recording) -> Result<(), String> {
    let (&[a_rows, a_columns], &[b_rows, b_columns], &[m, n]) =
        (site.shape(0)?, site.shape(1)?, site.output_shape())
    else {
        return Err("a Gemm is of matrices".to_owned());
    };
    let (depth, a_strides) =
        if gemm.trans_a { (a_rows, (a_columns, 1)) } else { (a_columns, (1, a_columns)) };
    let b_strides = if gemm.trans_b { (1, b_columns) } else { (b_columns, 1) };
    debug_assert_eq!(depth, if gemm.trans_b { b_columns } else { b_rows }, "inference grants it");
    let c = match site.inputs.get(2) {
        None => None,
        Some(&wire) => match *broadcast_strides(site.facts.shape(wire), &[m, n]) {
            [row, column] => Some((wire, row as usize, column as usize)),
            _ => return Err("the addend has more than two axes".to_owned()),
        },
    };
    let dense = Dense {
        a: Side { wire: site.input(0)?, len: m, strides: a_strides, batches: 1 },
        b: Side { wire: site.input(1)?, len: n, strides: b_strides, batches: 1 },
        depth,
        c,
        alpha: gemm.alpha,
        beta: if c.is_some() { gemm.beta } else { 0.0 },
        batches: Vec::new(),
    };
    dense.lower(site, recording)
}

/// Products that no single stride leads through are recorded one by one; more than these are refused.
const MOST_STEPS: usize = 1024;

impl Dense {
    fn lower(&self, site: &Site<'_>, recording: &mut Recording) -> Result<(), String> {
        // Lanes run along rows or columns of y: whichever costs less, with what has to be packed for it.
        let along_columns = self.cost(&self.b, &self.a);
        let along_rows = self.cost(&self.a, &self.b);
        let columns = along_columns <= along_rows;
        let (lanes, units) = if columns { (&self.b, &self.a) } else { (&self.a, &self.b) };

        let padded = padded_units(units.len);
        let w = units.matrices(self.depth).pack(units.wire, padded, recording)?;
        let w_matrix = packed_len(1, self.depth, units.len);
        let (x, x_channel) = match lanes.strides {
            (k, 1) => (Operand::Wire(lanes.wire), k),
            _ => (lanes.matrices(self.depth).pack(lanes.wire, lanes.len, recording)?, lanes.len),
        };
        let x_matrix = self.depth * lanes.len;

        let n = self.b.len;
        let (y_lane, y_unit) = if columns { (1, n) } else { (n, 1) };
        let bias = self.c.map_or(Bias::NONE, |(wire, row, column)| {
            let (lane, unit) = if columns { (column, row) } else { (row, column) };
            Bias { operand: Operand::Wire(wire), batch: 0, lane, unit }
        });

        // The innermost leading axis is the kernel's batch; those before it, if there are any, are walked here.
        let (outer, inner) = match self.batches.split_last() {
            Some((inner, outer)) => (outer, *inner),
            None => (&[][..], Axis { length: 1, first: 0, second: 0 }),
        };
        let steps: usize = outer.iter().map(|axis| axis.length).product();
        if steps > MOST_STEPS {
            return Err(format!("{steps} products broadcast in a pattern that has to be run one by one"));
        }
        let matrix = self.a.len * n;
        for step in 0..steps {
            let (a, b) = offsets(outer, step);
            let place = |a: usize, b: usize| if columns { (b, a) } else { (a, b) };
            let (lanes_at, units_at) = place(a, b);
            let (lanes_step, units_step) = place(inner.first as usize, inner.second as usize);
            let product = Product {
                window: Window::row(word(lanes.len)?),
                batches: inner.length,
                lanes: lanes.len,
                units: units.len,
                channels: self.depth,
                x: Images {
                    operand: x,
                    offset: lanes_at * x_matrix,
                    channel: x_channel,
                    image: 0,
                    batch: lanes_step * x_matrix,
                },
                w: Batched { operand: w, offset: units_at * w_matrix, batch: units_step * w_matrix },
                y: Output {
                    offset: step * inner.length * matrix,
                    batch: matrix,
                    image: 0,
                    row: 0,
                    lane: y_lane,
                    unit: y_unit,
                },
                bias,
                alpha: self.alpha,
                beta: self.beta,
            };
            recording.steps.push(product.step(site)?);
        }
        Ok(())
    }

    /// What a product with these lanes and units costs, in multiply-adds.
    fn cost(&self, lanes: &Side, units: &Side) -> usize {
        let batches: usize = self.batches.iter().map(|axis| axis.length).product();
        let product = batches * Tiling::of(lanes.len, units.len).groups() * 64 * 64 * self.depth;
        let packed = if lanes.strides.1 == 1 { 0 } else { lanes.batches * lanes.len * self.depth };
        product + 8 * (packed + packed_len(units.batches, self.depth, units.len))
    }
}

impl Side {
    fn matrices(&self, depth: usize) -> Matrices {
        Matrices {
            batches: (self.batches, depth * self.len),
            taps: Taps::ONE,
            inner: (depth, self.strides.0),
            columns: (self.len, self.strides.1),
        }
    }
}

/// The matrices of a and b that belong to step `i` of the space of `axes`.
fn offsets(axes: &[Axis], mut i: usize) -> (usize, usize) {
    let mut offsets = (0, 0);
    for axis in axes.iter().rev() {
        let index = i % axis.length;
        i /= axis.length;
        offsets = (offsets.0 + index * axis.first as usize, offsets.1 + index * axis.second as usize);
    }
    offsets
}
