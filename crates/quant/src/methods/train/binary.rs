//! Binary weights by IR-Net (Qin et al. 2020, arXiv 1909.10788, §3.2–3.3).
//!
//! Forwards a weight is ±2ⁿ by the sign of w − μ, with μ the mean of its row and n = ⌊log₂ mean|w − μ|⌉: balanced weights carry the
//! most information, and a shift is all that the scale costs. (The paper also divides by the row's deviation; that is a factor,
//! which a BatchNorm takes.) Backwards the sign is k·tanh(t·x) of x = (w − μ)/σ, with t from 0.1 to 10 and k = max(1/t, 1): first all
//! weights move, in the end those near zero.

use fewbit_graph::op::{Binary, Op, Reduce, Reducer, Unary};
use fewbit_graph::optimize::{Curve, Schedule};
use fewbit_graph::{Graph, WireId};
use fewbit_numeric::{Affine, Format};

use super::nodes::Nodes;
use super::rows::Rows;

/// Below this a deviation would be none.
const SMALLEST: f32 = 1e-8;

/// Whether weights in this format and these rows can learn so.
pub(super) fn fits(format: Format, rows: &Rows) -> bool {
    format.is_binary() && rows.lengths().all(|len| len == rows.len)
}

/// log₁₀ t over a training of `steps` steps.
pub(super) fn sharpness(steps: u32) -> Schedule {
    Schedule { start: -1.0, end: 1.0, curve: Curve::Linear, warm_up: 0, hold: 0, steps }
}

/// Each row less its mean.
pub(super) fn centred(rows: &Rows, values: &[f32]) -> Vec<f32> {
    let row = |row: &[f32]| {
        let mean = row.iter().map(|&w| f64::from(w)).sum::<f64>() / row.len().max(1) as f64;
        row.iter().map(|&w| (f64::from(w) - mean) as f32).collect::<Vec<f32>>()
    };
    values.chunks_exact(rows.len.max(1)).flat_map(row).collect()
}

/// Grids with the levels ±2ⁿ that rows of weights less their means ask for.
pub(super) fn grids(grids: &[Affine], rows: &Rows, centred: &[f32]) -> Vec<Affine> {
    let grid = |(grid, row): (&Affine, &[f32])| {
        let mean = row.iter().map(|&w| f64::from(w.abs())).sum::<f64>() / row.len().max(1) as f64;
        Affine { scale: twice_a_power(mean.max(f64::from(SMALLEST))), ..*grid }
    };
    grids.iter().zip(centred.chunks_exact(rows.len.max(1))).map(grid).collect()
}

/// 2·2ⁿ with 2ⁿ nearest to `magnitude` by its logarithm.
pub(super) fn twice_a_power(magnitude: f64) -> f32 {
    2.0 * libm::exp2(libm::log2(magnitude).round()) as f32
}

/// The gradient of latent weights, of `gradient`: that of what their quantizer gives. `log_sharpness` is a feed \[1\] with log₁₀ t.
pub(super) fn gradient(
    graph: &mut Graph,
    name: &str,
    latent: WireId,
    gradient: WireId,
    log_sharpness: WireId,
) -> WireId {
    let mut b = Nodes::new(graph, format!("{name}.ir"));
    let one = b.constant("one", 1.0);
    let ten = b.constant("ten", core::f32::consts::LN_10);
    let exponent = b.binary("exponent", Binary::Mul, log_sharpness, ten);
    let t = b.unary("t", Unary::Exp, exponent);
    // k·t = max(1, t)
    let height = b.binary("height", Binary::Max, t, one);
    let centred = b.centred("centred", latent);
    let square = b.binary("square", Binary::Mul, centred, centred);
    let variance = b.reduce("variance", Reducer::Mean, true, square);
    let deviation = b.unary("deviation", Unary::Sqrt, variance);
    let deviation = b.at_least("deviation", SMALLEST, deviation);
    let x = b.binary("x", Binary::Div, centred, deviation);
    let place = b.binary("place", Binary::Mul, x, t);
    let tanh = b.unary("tanh", Unary::Tanh, place);
    let square = b.binary("tanh.square", Binary::Mul, tanh, tanh);
    let slope = b.binary("slope", Binary::Sub, one, square);
    let slope = b.binary("slope", Binary::Mul, slope, height);
    let of_x = b.binary("of_x", Binary::Mul, gradient, slope);
    // Through x = (w − μ)/σ, times the levels: 2ⁿ/σ is about 1, so that rates mean what they do elsewhere.
    let along = b.binary("along", Binary::Mul, of_x, x);
    let along = b.reduce("along", Reducer::Mean, true, along);
    let along = b.binary("along", Binary::Mul, x, along);
    let of_w = b.centred("of_w", of_x);
    b.binary("gradient", Binary::Sub, of_w, along)
}

/// What the quantizer reads: `latent` less the means of its rows.
pub(super) fn balanced(
    node: &mut dyn FnMut(String, Op, &[WireId]) -> WireId,
    name: &str,
    latent: WireId,
) -> WireId {
    let reduce = Reduce { kind: Reducer::Mean, axes: vec![1], keep_dims: true };
    let mean = node(format!("{name}.mean"), Op::Reduce(reduce), &[latent]);
    node(format!("{name}.balanced"), Op::Binary(Binary::Sub), &[latent, mean])
}

/// Lets the levels follow `latent`, the weights in rows as a step leaves them.
pub(super) fn follow(graph: &mut Graph, name: &str, scale: WireId, latent: WireId) {
    let mut b = Nodes::new(graph, format!("{name}.ir.next"));
    let ln_2 = b.constant("ln2", core::f32::consts::LN_2);
    let two = b.constant("two", 2.0);
    let centred = b.centred("centred", latent);
    let magnitudes = b.unary("magnitudes", Unary::Abs, centred);
    let mean = b.reduce("mean", Reducer::Mean, false, magnitudes);
    let mean = b.at_least("mean", SMALLEST, mean);
    let log = b.unary("log", Unary::Log, mean);
    let log = b.binary("log2", Binary::Div, log, ln_2);
    let n = b.unary("n", Unary::Round, log);
    let n = b.binary("n", Binary::Mul, n, ln_2);
    let level = b.unary("level", Unary::Exp, n);
    let next = b.binary("scale", Binary::Mul, level, two);
    b.graph.assign(scale, next);
}

#[cfg(test)]
mod tests {
    use super::*;
    use fewbit_graph::{Bindings, Tensor};
    use fewbit_runtime::cpu::Cpu;
    use fewbit_runtime::{Backend as _, Cancel, Control, Keep, NeverPause};

    const W: [f32; 10] = [0.3, -0.2, 0.9, 0.05, -0.6, 1.5, 1.1, -0.4, 0.2, 0.7];
    const G: [f32; 10] = [0.5, -1.0, 0.25, 2.0, -0.75, 1.0, 0.5, -0.3, 0.8, -1.2];

    /// σ·Σ g·k·tanh(t·(w − μ)/σ) of one row, the factor σ taken for a constant.
    fn surrogate(w: &[f64], g: &[f64], t: f64, factor: f64) -> f64 {
        let n = w.len() as f64;
        let mean = w.iter().sum::<f64>() / n;
        let deviation = (w.iter().map(|w| (w - mean).powi(2)).sum::<f64>() / n).sqrt();
        let k = (1.0 / t).max(1.0);
        factor * std::iter::zip(w, g).map(|(w, g)| g * k * (t * (w - mean) / deviation).tanh()).sum::<f64>()
    }

    #[test]
    fn the_gradient_is_that_of_the_sharpening_tanh() {
        for log_t in [-1.0f32, 0.0, 0.4] {
            let mut graph = Graph::new();
            let wires =
                [W, G].map(|values| graph.parameter("rows", Tensor::f32([2, 5], values.to_vec()).unwrap()));
            let sharpness = graph.parameter("sharpness", Tensor::vector([log_t]));
            let output = gradient(&mut graph, "w", wires[0], wires[1], sharpness);
            graph.outputs.push(output);
            let found = pollster::block_on(async {
                let mut plan = Cpu::new().prepare(&graph, &Bindings::new(), Keep::Outputs).await.unwrap();
                plan.run(&[], &Control { cancel: &Cancel::default(), pace: &NeverPause }).await.unwrap();
                plan.read(&[output]).await.unwrap().remove(0)
            });
            let t = 10f64.powf(f64::from(log_t));
            for (row, found) in found.as_f32().unwrap().chunks(5).enumerate() {
                let of = |values: [f32; 10]| -> Vec<f64> {
                    values[5 * row..5 * row + 5].iter().map(|&x| f64::from(x)).collect()
                };
                let (w, g) = (of(W), of(G));
                let mean = w.iter().sum::<f64>() / 5.0;
                let deviation = (w.iter().map(|w| (w - mean).powi(2)).sum::<f64>() / 5.0).sqrt();
                for (i, &found) in found.iter().enumerate() {
                    let at = |step: f64| {
                        let mut moved = w.clone();
                        moved[i] += step;
                        surrogate(&moved, &g, t, deviation)
                    };
                    let expected = (at(1e-5) - at(-1e-5)) / 2e-5;
                    assert!((f64::from(found) - expected).abs() < 1e-4, "t = {t}: {found} for {expected}");
                }
            }
        }
    }
}
