//! Quantizers and their estimators.

use fewbit_graph::op::{Estimator, Mask, QuantizerInput, ScaleSlope, Slope, SoftRoundInput, Unary};

use crate::array::Array;
use crate::naive::gradient::slope;
use crate::problems::elementwise::unary_oracle;

/// The grid of one channel.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Grid {
    /// s.
    pub scale: f64,
    /// z.
    pub zero_point: f64,
    /// n and p.
    pub bounds: [f64; 2],
}

impl Grid {
    /// The grid of the channel of `index` on `axis`; `grid` is scale, zero point and bounds.
    pub fn of(grid: &[&Array], index: &[usize], axis: usize) -> Self {
        let of = |channels: &Array| match channels.values.as_slice() {
            &[one] => one,
            each => each[index[axis]],
        };
        Self { scale: of(grid[0]), zero_point: of(grid[1]), bounds: [grid[2].values[0], grid[2].values[1]] }
    }

    /// ⌊x/s + frac z⌉ + ⌊z⌋, not yet clamped. Rounded as the definition has it: in f32.
    pub fn rounded(self, x: f64) -> f64 {
        let f32_of = |value: f64| f64::from(value as f32);
        let whole = self.zero_point.floor();
        let shifted = f32_of(f32_of(x / self.scale) + (self.zero_point - whole));
        shifted.round_ties_even() + whole
    }

    /// The code of x.
    pub fn code(self, x: f64) -> f64 {
        self.clamp(self.rounded(x))
    }

    /// x/s + z.
    pub fn place(self, x: f64) -> f64 {
        x / self.scale + self.zero_point
    }

    /// Whether x counts as clipped.
    pub fn clips(self, x: f64, mask: Mask) -> bool {
        let place = match mask {
            Mask::Value => self.place(x),
            Mask::Rounded => self.rounded(x),
        };
        place < self.bounds[0] || place > self.bounds[1]
    }

    /// n ≤ code ≤ p.
    pub fn clamp(self, code: f64) -> f64 {
        code.max(self.bounds[0]).min(self.bounds[1])
    }
}

pub(super) fn fake_quantize(axis: usize, inputs: &[&Array]) -> Array {
    let x = inputs[0];
    Array::from_fn(&x.shape, |index| {
        let (grid, x) = (Grid::of(&inputs[1..], index, axis), x.at(index));
        if grid.scale == 0.0 { x } else { grid.scale * (grid.code(x) - grid.zero_point) }
    })
}

pub(super) fn fake_quantize_grad(
    axis: usize,
    estimator: Estimator,
    wrt: QuantizerInput,
    inputs: &[&Array],
) -> Array {
    let (g, x) = (inputs[0], inputs[1]);
    Array::from_fn(&x.shape, |index| {
        let (grid, g, x) = (Grid::of(&inputs[2..], index, axis), g.at(index), x.at(index));
        if grid.scale == 0.0 {
            return if wrt == QuantizerInput::Value { g } else { 0.0 };
        }
        let clipped = grid.clips(x, estimator.mask);
        let step = grid.code(x) - grid.zero_point;
        g * match wrt {
            QuantizerInput::Value if clipped => 0.0,
            QuantizerInput::Value => inner_slope(estimator.slope, grid, x, g),
            QuantizerInput::Scale if clipped => step,
            QuantizerInput::Scale => match estimator.scale {
                ScaleSlope::Lsq => step - x / grid.scale,
                ScaleSlope::Pact => 0.0,
            },
            QuantizerInput::ZeroPoint if clipped => -grid.scale,
            QuantizerInput::ZeroPoint => 0.0,
        }
    })
}

fn inner_slope(slope: Slope, grid: Grid, x: f64, g: f64) -> f64 {
    let place = grid.place(x);
    match slope {
        Slope::Straight => 1.0,
        Slope::Ewgs { .. } if g == 0.0 => 1.0,
        Slope::Ewgs { delta } => 1.0 + f64::from(delta) * g.signum() * (place - grid.code(x)),
        Slope::Dsq { alpha } => {
            let alpha = f64::from(alpha);
            let c = (2.0 / alpha - 1.0).ln();
            let t = place - (place.floor() + 0.5);
            c * (1.0 - (c * t).tanh().powi(2)) / (2.0 * (1.0 - alpha))
        }
    }
}

pub(super) fn soft_round(axis: usize, inputs: &[&Array]) -> Array {
    let v = inputs[1];
    Array::from_fn(&v.shape, |index| {
        let grid = Grid::of(&inputs[2..], index, axis);
        grid.scale * (grid.clamp(soft_code(inputs, index, grid)) - grid.zero_point)
    })
}

pub(super) fn soft_round_grad(axis: usize, wrt: SoftRoundInput, inputs: &[&Array]) -> Array {
    let (g, v) = (inputs[0], inputs[2]);
    Array::from_fn(&v.shape, |index| {
        let grid = Grid::of(&inputs[3..], index, axis);
        let code = soft_code(&inputs[1..], index, grid);
        g.at(index)
            * match wrt {
                SoftRoundInput::Rounding if code != grid.clamp(code) => 0.0,
                SoftRoundInput::Rounding => grid.scale * slope(Unary::RectifiedSigmoid, v.at(index)),
                SoftRoundInput::Scale => grid.clamp(code) - grid.zero_point,
            }
    })
}

/// base + h(v) + z, not yet clamped.
fn soft_code(inputs: &[&Array], index: &[usize], grid: Grid) -> f64 {
    inputs[0].at(index) + unary_oracle(Unary::RectifiedSigmoid, inputs[1].at(index)) + grid.zero_point
}
