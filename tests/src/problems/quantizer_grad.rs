//! The gradients of quantizers, and soft rounding.

use fewbit_graph::op::{Estimator, Mask, QuantizerInput, ScaleSlope, Slope, SoftRoundInput};
use fewbit_graph::{Op, WireId};

use crate::array::Array;
use crate::problem::{Builder, Problem};
use crate::tolerance::Tolerance;

/// A grid for each tensor or each channel.
struct Grid {
    axis: usize,
    per_channel: bool,
    wires: [WireId; 3],
    scale: Array,
    zero: Array,
    bounds: [f64; 2],
}

impl Grid {
    /// A grid over `shape`; a scale is now and then 0 if `off` says so, a zero point may have a fraction.
    fn draw(b: &mut Builder, shape: &[usize], off: bool) -> Self {
        let per_channel = b.rng.one_in(2);
        let axis = if per_channel { b.rng.between(0, shape.len() - 1) } else { 0 };
        let count = if per_channel { shape[axis] } else { 1 };
        let bounds = b.rng.pick(&[[-127.0f32, 127.0], [-8.0, 7.0], [0.0, 255.0], [0.0, 1.0], [-4.0, 3.0]]);
        let scales =
            (0..count).map(|_| if off && b.rng.one_in(6) { 0.0 } else { b.rng.float(0.01, 0.5) }).collect();
        let zeros = (0..count).map(|_| b.rng.pick(&[0.0, 0.0, 1.0, 3.0, 0.5, -1.25])).collect();
        let (scale_wire, scale) = b.parameter_of("scale", &[count], scales);
        let (zero_wire, zero) = b.parameter_of("zero_point", &[count], zeros);
        let (bounds_wire, _) = b.parameter_of("bounds", &[2], bounds.to_vec());
        let wires = [scale_wire, zero_wire, bounds_wire];
        Self { axis, per_channel, wires, scale, zero, bounds: bounds.map(f64::from) }
    }

    /// The scale and the zero point at `index`.
    fn at(&self, index: &[usize]) -> (f64, f64) {
        let channel = [if self.per_channel { index[self.axis] } else { 0 }];
        (self.scale.at(&channel), self.zero.at(&channel))
    }
}

/// Any rule, along any input. Every fourth value lies on a tie between two codes or beyond the last one.
pub fn fake_quantize_grad(seed: u64) -> Problem {
    let mut b = Builder::new("fake_quantize_grad", seed, Tolerance::Relative(2e-6));
    let shape = b.shape(1, 4);
    let grid = Grid::draw(&mut b, &shape, true);
    let estimator = Estimator {
        mask: b.rng.pick(&[Mask::Value, Mask::Rounded]),
        slope: b.rng.pick(&[Slope::Straight, Slope::Ewgs { delta: 0.3 }, Slope::Dsq { alpha: 0.2 }]),
        scale: b.rng.pick(&[ScaleSlope::Lsq, ScaleSlope::Pact]),
    };
    let wrt = b.rng.pick(&[QuantizerInput::Value, QuantizerInput::Scale, QuantizerInput::ZeroPoint]);
    let values = values(&mut b, &shape, &grid);
    let (g_wire, g) = b.input("g", &shape);
    let (x_wire, x) = b.input_of("x", &shape, values);
    let y = Array::from_fn(&shape, |index| {
        let (scale, zero) = grid.at(index);
        grad_oracle(estimator, wrt, g.at(index), x.at(index), (scale, zero, grid.bounds))
    });
    let [scale, zero, bounds] = grid.wires;
    let op = Op::FakeQuantizeGrad { axis: grid.axis, estimator, wrt };
    let wire = b.node("y", op, &[g_wire, x_wire, scale, zero, bounds]);
    b.expect(wire, y);
    b.build()
}

fn values(b: &mut Builder, shape: &[usize], grid: &Grid) -> Vec<f32> {
    let scales: Vec<f64> = Array::from_fn(shape, |index| grid.at(index).0).values;
    let mut draw = |scale: f64| match b.rng.between(0, 7) {
        0 => scale as f32 * (b.rng.between(0, 16) as f32 - 8.5),
        1 => b.rng.float(-300.0, 300.0),
        _ => b.rng.float(-2.0, 2.0),
    };
    scales.into_iter().map(&mut draw).collect()
}

/// The rule, with x/s and what is added to it before rounding rounded to f32 as the quantizer does.
fn grad_oracle(
    estimator: Estimator,
    wrt: QuantizerInput,
    g: f64,
    x: f64,
    (s, z, [n, p]): (f64, f64, [f64; 2]),
) -> f64 {
    if s == 0.0 {
        return if wrt == QuantizerInput::Value { g } else { 0.0 };
    }
    let f32_of = |value: f64| f64::from(value as f32);
    let place = f32_of(f32_of(x / s) + (z - z.floor())) + z.floor();
    let rounded = (place - z.floor()).round_ties_even() + z.floor();
    let code = rounded.max(n).min(p);
    let seen = if estimator.mask == Mask::Value { place } else { rounded };
    let is_clipped = seen < n || seen > p;
    match wrt {
        QuantizerInput::Value if is_clipped => 0.0,
        QuantizerInput::Value => match estimator.slope {
            Slope::Straight => g,
            Slope::Ewgs { delta } => g * (1.0 + f64::from(delta) * g.signum() * (place - code)),
            Slope::Dsq { alpha } => {
                let alpha = f64::from(alpha);
                let c = (2.0 / alpha - 1.0).ln();
                let t = place - place.floor() - 0.5;
                g * c * (1.0 - (c * t).tanh().powi(2)) / (2.0 * (1.0 - alpha))
            }
        },
        QuantizerInput::Scale if is_clipped => g * (code - z),
        QuantizerInput::Scale if estimator.scale == ScaleSlope::Pact => 0.0,
        QuantizerInput::Scale => g * ((code - z) - f32_of(x / s)),
        QuantizerInput::ZeroPoint => {
            if is_clipped {
                -s * g
            } else {
                0.0
            }
        }
    }
}

/// Base codes within and beyond the grid, and rounding variables from surely down to surely up.
pub fn soft_round(seed: u64) -> Problem {
    soft("soft_round", seed, |_| None)
}

/// Along the rounding variables or the scale.
pub fn soft_round_grad(seed: u64) -> Problem {
    soft("soft_round_grad", seed, |b| Some(b.rng.pick(&[SoftRoundInput::Rounding, SoftRoundInput::Scale])))
}

fn soft(name: &str, seed: u64, draw: impl FnOnce(&mut Builder) -> Option<SoftRoundInput>) -> Problem {
    let mut b = Builder::new(name, seed, Tolerance::Relative(2e-6));
    let wrt = draw(&mut b);
    let shape = b.shape(1, 4);
    let grid = Grid::draw(&mut b, &shape, false);
    let len = shape.iter().product();
    let [n, p] = grid.bounds;
    let base = (0..len).map(|_| b.rng.between(0, (p - n) as usize + 4) as f32 + n as f32 - 3.0).collect();
    let v = (0..len).map(|_| b.rng.float(-4.0, 4.0)).collect();
    let (base_wire, base) = b.parameter_of("base", &shape, base);
    let (v_wire, v) = b.input_of("v", &shape, v);
    let [scale, zero, bounds] = grid.wires;
    let forward = [base_wire, v_wire, scale, zero, bounds];
    let soft = |v: f64| 1.2 / (1.0 + (-v).exp()) - 0.1;
    let place = |index: &[usize]| base.at(index) + soft(v.at(index)).clamp(0.0, 1.0) + grid.at(index).1;
    let code = |index: &[usize]| place(index).max(n).min(p) - grid.at(index).1;
    let Some(wrt) = wrt else {
        let y = Array::from_fn(&shape, |index| grid.at(index).0 * code(index));
        let wire = b.node("y", Op::SoftRound { axis: grid.axis }, &forward);
        b.expect(wire, y);
        return b.build();
    };
    let (g_wire, g) = b.input("g", &shape);
    let y = Array::from_fn(&shape, |index| match wrt {
        SoftRoundInput::Scale => g.at(index) * code(index),
        SoftRoundInput::Rounding => {
            let h = soft(v.at(index));
            let moves = (0.0..=1.0).contains(&h) && (n..=p).contains(&place(index));
            let sigmoid = (h + 0.1) / 1.2;
            if moves { g.at(index) * grid.at(index).0 * 1.2 * sigmoid * (1.0 - sigmoid) } else { 0.0 }
        }
    });
    let op = Op::SoftRoundGrad { axis: grid.axis, wrt };
    let wire = b.node("y", op, &[&[g_wire], &forward[..]].concat());
    b.expect(wire, y);
    b.build()
}
