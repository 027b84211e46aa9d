//! The damped Hessian of one matrix of weights, and what of its inverse GPTQ needs.

use nalgebra::{Cholesky, DMatrix};

/// A positive definite Hessian.
#[derive(Clone, Debug)]
pub struct Hessian {
    size: usize,
    values: Vec<f64>,
}

impl Hessian {
    /// `gram` (row-major `size` × `size`) with `damping` times the mean of its diagonal added to the diagonal.
    ///
    /// An input that is always 0 tells nothing of its weights: they are rounded to nearest, by the mean of the others on
    /// the diagonal.
    pub fn damped(gram: &[f64], size: usize, damping: f64) -> Self {
        let mut values = gram.to_vec();
        let diagonal = |values: &[f64]| -> Vec<f64> {
            values.iter().step_by(size + 1).copied().filter(|&h| h > 0.0).collect()
        };
        let live = diagonal(&values);
        let mean = if live.is_empty() { 1.0 } else { live.iter().sum::<f64>() / live.len() as f64 };
        for h in values.iter_mut().step_by(size + 1) {
            *h = if *h > 0.0 { *h } else { mean } + damping * mean;
        }
        Self { size, values }
    }

    /// The number of columns.
    pub fn size(&self) -> usize {
        self.size
    }

    /// H, row-major.
    pub fn values(&self) -> &[f64] {
        &self.values
    }

    /// The columns with the largest diagonal first; of equal ones the first.
    pub fn by_diagonal(&self) -> Vec<usize> {
        let diagonal = |&column: &usize| self.values.get(column * (self.size + 1)).copied().unwrap_or(0.0);
        let mut order: Vec<usize> = (0..self.size).collect();
        order.sort_by(|a, b| diagonal(b).total_cmp(&diagonal(a)).then(a.cmp(b)));
        order
    }

    /// The upper triangular U, row-major, with UᵀU the inverse of H when its rows and columns are in `order`; none if H
    /// is not positive definite.
    ///
    /// With J the reversal of rows, JHJ = LLᵀ gives H = (JLJ)(JLJ)ᵀ, so U = (JLJ)⁻¹ = J·L⁻¹·J: one factorization, and
    /// nothing but a triangle is inverted.
    pub fn inverse_factor(&self, order: &[usize]) -> Option<Vec<f64>> {
        let n = self.size;
        let reversed: Vec<usize> = order.iter().rev().copied().collect();
        if reversed.len() != n || reversed.iter().any(|&column| column >= n) {
            return None;
        }
        let matrix = DMatrix::from_fn(n, n, |i, j| self.values[reversed[i] * n + reversed[j]]);
        let inverse = Cholesky::new(matrix)?.l().solve_lower_triangular(&DMatrix::identity(n, n))?;
        let factor: Vec<f64> = (0..n * n).map(|at| inverse[(n - 1 - at / n, n - 1 - at % n)]).collect();
        factor.iter().all(|u| u.is_finite()).then_some(factor)
    }
}
