//! Matrix products: MatMul and Gemm.

use std::ops::Range;

use fewbit_graph::infer::broadcast_shapes;
use fewbit_graph::op::Gemm;

use crate::backend::RunError;
use crate::control::Control;
use crate::cpu::broadcast::Broadcast;
use crate::cpu::gemm::{self, ROWS};
use crate::cpu::pieces::in_pieces;
use crate::cpu::simd::{Level, Simd, dispatch};
use crate::cpu::values::Scratch;

/// A product, made ready: for each matrix of the batch y = α·a·b, and at last β·c added to all.
#[derive(Clone, Debug)]
pub(crate) struct MatMul {
    rows: usize,
    terms: usize,
    columns: usize,
    a: Matrix,
    b: Matrix,
    /// How many matrices there are in y.
    count: usize,
    alpha: f32,
    beta: f32,
    /// How c lies over y.
    addend: Option<Broadcast>,
}

/// How a factor lies in memory.
#[derive(Clone, Debug)]
struct Matrix {
    /// Whether it is stored the other way round.
    transposed: bool,
    /// Elements of a matrix.
    len: usize,
    /// Which matrix of the factor belongs to each of y.
    batch: Broadcast,
}

impl MatMul {
    /// MatMul of factors of these shapes.
    pub(crate) fn new(a: &[usize], b: &[usize]) -> Self {
        let ((a_batch, a), (b_batch, b)) = (a.split_at(a.len() - 2), b.split_at(b.len() - 2));
        let (terms, columns) = (b[0], b[1]);
        let batch = broadcast_shapes(a_batch, b_batch).unwrap_or_default();
        let one_right = b_batch.iter().all(|&n| n == 1);
        // One matrix on the right: the left ones are its rows, one below the other.
        let (batch, a_batch, stacked) = match one_right {
            true => (vec![], &[][..], batch.iter().product()),
            false => (batch, a_batch, 1),
        };
        let b_batch = if one_right { &[] } else { b_batch };
        Self {
            rows: stacked * a[0],
            terms,
            columns,
            count: batch.iter().product(),
            a: Matrix {
                transposed: false,
                len: stacked * a[0] * a[1],
                batch: Broadcast::new(a_batch, &batch),
            },
            b: Matrix { transposed: false, len: terms * columns, batch: Broadcast::new(b_batch, &batch) },
            alpha: 1.0,
            beta: 0.0,
            addend: None,
        }
    }

    /// Gemm of factors and an addend of these shapes.
    pub(crate) fn gemm(op: &Gemm, a: &[usize], c: Option<&[usize]>, y: &[usize]) -> Self {
        let (rows, columns, len) = (y[0], y[1], a[0] * a[1]);
        let terms = len / rows;
        let whole = || Broadcast::new(&[], &[]);
        Self {
            rows,
            terms,
            columns,
            count: 1,
            a: Matrix { transposed: op.trans_a, len, batch: whole() },
            b: Matrix { transposed: op.trans_b, len: terms * columns, batch: whole() },
            alpha: op.alpha,
            beta: op.beta,
            addend: c.map(|c| Broadcast::new(c, y)),
        }
    }

    /// y = α·a·b + β·c.
    pub(crate) async fn run(
        &self,
        [a, b]: [&[f32]; 2],
        c: Option<&[f32]>,
        y: &mut [f32],
        scratch: &mut Scratch,
        level: Level,
        control: &Control<'_>,
    ) -> Result<(), RunError> {
        let Scratch { rows, panel, .. } = scratch;
        panel.resize(self.terms * gemm::columns(level), 0.0);
        for i in 0..self.count {
            let (a, b) = (self.a.of(a, i), self.b.of(b, i));
            rows.clear();
            match self.a.transposed {
                false => gemm::pack_rows(self.rows, self.terms, rows, |row, k| a[row * self.terms + k]),
                true => gemm::pack_rows(self.rows, self.terms, rows, |row, k| a[k * self.rows + row]),
            }
            let size = self.rows * self.columns;
            let y = &mut y[i * size..(i + 1) * size];
            let width = gemm::columns(level);
            let cost = self.rows.next_multiple_of(ROWS) * self.terms * width;
            in_pieces(self.columns.div_ceil(width), cost, control, |part| {
                dispatch!(level, simd => self.panels(simd, part, rows, b, panel, y));
                Ok(())
            })
            .await?;
        }
        self.add(c, y);
        Ok(())
    }

    #[inline(always)]
    fn panels<S: Simd>(
        &self,
        simd: S,
        panels: Range<usize>,
        rows: &[f32],
        b: &[f32],
        panel: &mut [f32],
        y: &mut [f32],
    ) {
        let width = gemm::columns_of(simd);
        for first in panels.map(|i| i * width) {
            let len = width.min(self.columns - first);
            self.gather(b, first, len, width, panel);
            for (block, rows) in rows.chunks_exact(ROWS * self.terms).enumerate() {
                let tile = gemm::tile(simd, rows, panel);
                let out = y[block * ROWS * self.columns..].chunks_mut(self.columns);
                for (row, out) in tile.into_iter().zip(out) {
                    gemm::store::<S>(row, &mut out[first..first + len]);
                }
            }
        }
    }

    /// Copies columns `first .. first + len` of the right matrix into a panel `width` wide.
    #[inline(always)]
    fn gather(&self, b: &[f32], first: usize, len: usize, width: usize, panel: &mut [f32]) {
        if self.b.transposed {
            for (i, column) in b[first * self.terms..].chunks_exact(self.terms).take(len).enumerate() {
                panel.iter_mut().skip(i).step_by(width).zip(column).for_each(|(own, &b)| *own = b);
            }
        } else {
            for (own, row) in panel.chunks_exact_mut(width).zip(b.chunks_exact(self.columns)) {
                own[..len].copy_from_slice(&row[first..first + len]);
            }
        }
    }

    /// α and β·c.
    fn add(&self, c: Option<&[f32]>, y: &mut [f32]) {
        if self.alpha != 1.0 {
            y.iter_mut().for_each(|y| *y *= self.alpha);
        }
        let (Some(c), Some(addend)) = (c, &self.addend) else { return };
        for run in addend.runs(0, y.len()) {
            let part = &mut y[run.at..run.at + run.len];
            for (i, y) in part.iter_mut().enumerate() {
                *y += self.beta * c[run.from + i * run.stride];
            }
        }
    }
}

impl Matrix {
    /// The matrix that belongs to number `i` of y.
    fn of<'a>(&self, values: &'a [f32], i: usize) -> &'a [f32] {
        let place = self.batch.runs(i, 1).next().map_or(0, |run| run.from);
        &values[place * self.len..(place + 1) * self.len]
    }
}
