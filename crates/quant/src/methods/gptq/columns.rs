//! Columns of a weight matrix, quantized one after another: the error of each is made good by those that follow.
//!
//! With UᵀU = H⁻¹ and U upper triangular: q = quantize(w_i), e = (w_i − q)/U_ii, w_j ← w_j − e·U_ij for j > i (Frantar et
//! al. 2022, arXiv 2210.17323, algorithm 1). This equals LDLQ, with which Σe² = δHδᵀ, and which further passes of
//! coordinate descent can only improve: ŵ_i ← quantize(w_i − Σ_{j≠i} (ŵ_j − w_j)·H_ji/H_ii) (Chee et al. 2023, arXiv
//! 2307.13304, §4). Every column is made good at once: blocks of columns, which the paper delays for the sake of a GPU's
//! memory, change nothing.

use fewbit_numeric::Affine;

use super::hessian::Hessian;
use crate::recipe::Quantizer;
use crate::weights;

/// A matrix of weights on its way to codes.
#[derive(Clone, Debug)]
pub struct Columns {
    rows: usize,
    columns: usize,
    /// Which column comes at which place.
    order: Vec<usize>,
    /// U, in that order.
    factor: Vec<f64>,
    /// Weights in that order: as they were, and as they are made good until they are quantized.
    original: Vec<f64>,
    current: Vec<f64>,
    codes: Vec<i32>,
    grids: Vec<Affine>,
    group_len: usize,
    regrid: Option<Quantizer>,
    errors: Vec<f64>,
    done: usize,
}

impl Columns {
    /// `weights` (row-major, with as many columns as `hessian`) before the first column.
    ///
    /// `grids` has for each row one grid for each `group_len` columns. With `regrid` a group's grids are found anew, as
    /// that says, from its weights as they are when its first column is reached; columns must be in order then. None if
    /// the Hessian is not positive definite.
    pub fn new(
        weights: &[f32],
        hessian: &Hessian,
        order: Vec<usize>,
        grids: Vec<Affine>,
        group_len: usize,
        regrid: Option<Quantizer>,
    ) -> Option<Self> {
        let columns = hessian.size();
        let factor = hessian.inverse_factor(&order)?;
        let rows = weights.len() / columns.max(1);
        let original: Vec<f64> = weights
            .chunks_exact(columns.max(1))
            .flat_map(|row| order.iter().map(|&column| row.get(column).copied().map_or(0.0, f64::from)))
            .collect();
        Some(Self {
            rows,
            columns,
            order,
            factor,
            current: original.clone(),
            original,
            codes: vec![0; rows * columns],
            grids,
            group_len: group_len.max(1),
            regrid,
            errors: vec![0.0; columns],
            done: 0,
        })
    }

    /// How many columns are done.
    pub fn done(&self) -> usize {
        self.done
    }

    /// Which column comes at which place.
    pub fn order(&self) -> &[usize] {
        &self.order
    }

    /// Σe² of each column that is done.
    pub fn errors(&self) -> &[f64] {
        &self.errors
    }

    /// For each column the squares of what was added to it so far, summed over rows.
    pub fn compensation(&self) -> Vec<f64> {
        let mut sums = vec![0.0; self.columns];
        let rows = self
            .current
            .chunks_exact(self.columns.max(1))
            .zip(self.original.chunks_exact(self.columns.max(1)));
        for (current, original) in rows {
            for ((&column, current), original) in self.order.iter().zip(current).zip(original) {
                sums[column] += (current - original) * (current - original);
            }
        }
        sums
    }

    /// Quantizes the next column; nothing after the last.
    pub fn advance(&mut self) {
        let (place, n) = (self.done, self.columns);
        let Some(&column) = self.order.get(place) else { return };
        if self.regrid.is_some() && column.is_multiple_of(self.group_len) {
            self.find_grids(column);
        }
        let factor = &self.factor[place * n..(place + 1) * n];
        for (row, weights) in self.current.chunks_exact_mut(n).enumerate() {
            let grid = grid(&self.grids, self.rows, row, column / self.group_len);
            let code = grid.code(weights[place] as f32);
            self.codes[row * n + column] = code as i32;
            let error = (weights[place] - f64::from(grid.value(code))) / factor[place];
            self.errors[column] += error * error;
            for (weight, u) in weights[place + 1..].iter_mut().zip(&factor[place + 1..]) {
                *weight -= error * u;
            }
        }
        self.done += 1;
    }

    /// The grids of the group that begins at `column`, from its weights as they are now.
    fn find_grids(&mut self, column: usize) {
        let Some(quantizer) = self.regrid else { return };
        let (n, groups) = (self.columns, self.grids.len() / self.rows.max(1));
        let end = (column + self.group_len).min(n);
        for (row, weights) in self.current.chunks_exact(n).enumerate() {
            let group: Vec<f32> = weights[column..end].iter().map(|&w| w as f32).collect();
            if let Some(grid) = self.grids.get_mut(row * groups + column / self.group_len) {
                *grid = weights::grid(&group, quantizer);
            }
        }
    }

    /// One pass of coordinate descent over all columns of `hessian`, which is the one that this was made with. Tells how
    /// many codes changed. The error δHδᵀ never grows.
    pub fn refine(&mut self, hessian: &Hessian) -> u64 {
        let (n, h) = (self.columns, hessian.values());
        let mut changed = 0;
        for row in 0..self.rows {
            let mut original = vec![0.0; n];
            for (&column, &weight) in self.order.iter().zip(&self.original[row * n..(row + 1) * n]) {
                original[column] = weight;
            }
            let codes = &mut self.codes[row * n..(row + 1) * n];
            let value = |column: usize, code: i32| {
                f64::from(grid(&self.grids, self.rows, row, column / self.group_len).value(code as f32))
            };
            let mut delta: Vec<f64> =
                (0..n).map(|column| value(column, codes[column]) - original[column]).collect();
            for &column in &self.order {
                let line = &h[column * n..(column + 1) * n];
                let all: f64 = line.iter().zip(&delta).map(|(h, d)| h * d).sum();
                let others = all - line[column] * delta[column];
                let wanted = original[column] - others / line[column];
                let grid = grid(&self.grids, self.rows, row, column / self.group_len);
                let code = grid.code(wanted as f32) as i32;
                if code != codes[column] {
                    let error = |code: i32| (value(column, code) - wanted).abs();
                    // The wish was rounded to f32: take the code only if it is nearer in truth.
                    if error(code) < error(codes[column]) {
                        codes[column] = code;
                        delta[column] = value(column, code) - original[column];
                        changed += 1;
                    }
                }
            }
        }
        changed
    }

    /// The codes, row-major with columns where they were, and the grids.
    pub fn finish(self) -> (Vec<i32>, Vec<Affine>) {
        (self.codes, self.grids)
    }
}

/// The grid of a group of columns in a row, of grids that lie row after row.
fn grid(grids: &[Affine], rows: usize, row: usize, group: usize) -> Affine {
    const NONE: Affine = Affine { scale: 1.0, zero_point: 0.0, min_code: 0.0, max_code: 0.0 };
    let groups = grids.len() / rows.max(1);
    grids.get(row * groups + group).copied().unwrap_or(NONE)
}
