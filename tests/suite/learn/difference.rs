//! Central finite differences in f64.

use fewbit_graph::{Graph, WireId};
use fewbit_tests::{Array, Rng, naive};

/// A function of the values of wires.
pub(crate) type Evaluate<'a> = &'a dyn Fn(&[(WireId, Array)]) -> f64;

/// The loss of a graph in f64.
pub(crate) fn loss_of(graph: &Graph, loss: WireId) -> impl Fn(&[(WireId, Array)]) -> f64 {
    // What computes gradients need not run for a loss.
    let mut forward = graph.clone();
    forward.outputs = vec![loss];
    forward.assignments.clear();
    let pruned = forward.pruned().unwrap();
    move |feeds| {
        let moved: Vec<(WireId, Array)> =
            feeds.iter().filter_map(|(wire, value)| Some((pruned.wire(*wire)?, value.clone()))).collect();
        naive::run(&pruned.graph, &moved)[0].values[0]
    }
}

/// Compares `gradient` with the slope of `f` along `wire` in a random direction and along two elements.
///
/// # Errors
/// The worst disagreement, if it is more than 10⁻⁶ of the size of the terms.
pub(crate) fn check(
    f: Evaluate<'_>,
    feeds: &[(WireId, Array)],
    wire: WireId,
    gradient: &Array,
    rng: &mut Rng,
) -> Result<(), String> {
    let at = feeds.iter().position(|(fed, _)| *fed == wire).ok_or("not fed")?;
    let value = &feeds[at].1;
    if gradient.shape != value.shape {
        return Err(format!("the gradient is {:?}, the value {:?}", gradient.shape, value.shape));
    }
    let len = value.values.len();
    let mut directions: Vec<Vec<f64>> = vec![rng.floats(len).into_iter().map(f64::from).collect()];
    for _ in 0..2.min(len) {
        let one = rng.between(0, len - 1);
        directions.push((0..len).map(|i| f64::from(u8::from(i == one))).collect());
    }
    for direction in directions {
        let expected = slope(f, feeds, at, &direction);
        let terms = || std::iter::zip(&gradient.values, &direction).map(|(g, d)| g * d);
        let (found, size) = (terms().sum::<f64>(), terms().map(f64::abs).sum::<f64>().max(1.0));
        if (found - expected).abs() > 1e-6 * size || !found.is_finite() {
            return Err(format!(
                "the slope is {expected:e}, the gradient says {found:e} (terms of {size:e})"
            ));
        }
    }
    Ok(())
}

/// The slope of `f` along a direction: central differences of two widths, extrapolated (Richardson), error O(h⁴).
fn slope(f: Evaluate<'_>, feeds: &[(WireId, Array)], at: usize, direction: &[f64]) -> f64 {
    let moved = |by: f64| {
        let mut feeds = feeds.to_vec();
        std::iter::zip(&mut feeds[at].1.values, direction).for_each(|(x, d)| *x += by * d);
        f(&feeds)
    };
    let central = |h: f64| (moved(h) - moved(-h)) / (2.0 * h);
    let h = 1e-5;
    (4.0 * central(h / 2.0) - central(h)) / 3.0
}
