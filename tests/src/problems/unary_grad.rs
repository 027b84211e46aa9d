//! The gradient of functions of one element.

use fewbit_graph::Op;
use fewbit_graph::op::Unary;

use crate::array::Array;
use crate::problem::{Builder, Problem};
use crate::problems::elementwise::{FUNCTIONS, UNARY, domain, unary_oracle};
use crate::tolerance::Tolerance;

/// Every function in turn, on values up to ±8, every fourth of which is whole: there the corners are. Roots, logarithms
/// and reciprocals are taken of positive values.
pub fn unary_grad(seed: u64) -> Problem {
    let unary = match UNARY[seed as usize % UNARY.len()] {
        // Corners at ±2, which f32 meets exactly.
        Unary::HardSigmoid { .. } => Unary::HardSigmoid { alpha: 0.25, beta: 0.5 },
        unary => unary,
    };
    let mut b = Builder::new("unary_grad", seed, Tolerance::Relative(3e-6));
    let shape = b.shape(0, 4);
    let low = if matches!(unary, Unary::Log | Unary::Sqrt | Unary::Reciprocal) { 0.1 } else { -8.0 };
    let values = (0..shape.iter().product())
        .map(|_| {
            let x = b.rng.float(low, 8.0);
            if b.rng.one_in(4) { x.ceil() } else { x }
        })
        .collect();
    let (g_wire, g) = b.input("g", &shape);
    let (x_wire, x) = b.input_of("x", &shape, values);
    let y = Array::from_fn(&shape, |index| g.at(index) * slope(unary, x.at(index)));
    let wire = b.node("y", Op::UnaryGrad(unary), &[g_wire, x_wire]);
    b.expect(wire, y);
    b.build()
}

/// The same of those that are no activations.
pub fn function_grad(seed: u64) -> Problem {
    let function = FUNCTIONS[seed as usize % FUNCTIONS.len()];
    let mut b = Builder::new("function_grad", seed, Tolerance::Relative(5e-6));
    let shape = b.shape(0, 4);
    let (low, high) = domain(function, false);
    let values = (0..shape.iter().product()).map(|_| b.rng.float(low, high)).collect();
    let (g_wire, g) = b.input("g", &shape);
    let (x_wire, x) = b.input_of("x", &shape, values);
    let y = Array::from_fn(&shape, |index| g.at(index) * slope(function, x.at(index)));
    let wire = b.node("y", Op::UnaryGrad(function), &[g_wire, x_wire]);
    b.expect(wire, y);
    b.build()
}

/// f′(x), from three values of f: at x and at its left.
fn slope(unary: Unary, x: f64) -> f64 {
    if unary.is_step() {
        return 0.0;
    }
    let (step, f) = (1e-5, |x: f64| unary_oracle(unary, x));
    (3.0 * f(x) - 4.0 * f(x - step) + f(x - 2.0 * step)) / (2.0 * step)
}
