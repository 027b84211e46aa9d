//! SQuant: roundings are flipped so that errors cancel in every kernel and in every output channel, without data.
//!
//! With δ = q − (w/Δ + z) of each weight after rounding to nearest: in every kernel the ⌊|Σδ|⌉ weights with the largest |δ| of
//! the sign of Σδ are rounded to the other side, then |Σδ| ≤ ½; then the same in every channel, one weight of a kernel at
//! most, then |Σδ| ≤ ½ over the channel and ≤ 1 over each kernel, and |δ| ≤ 1 for each weight (Guo et al. 2022, arXiv
//! 2202.07471, §3.3). Bounds do not hold where weights are clipped.

use fewbit_graph::Op;
use fewbit_numeric::Affine;
use fewbit_runtime::LocalFuture;

use crate::error::QuantError;
use crate::methods::matrix::{WeightMatrix, flipped};
use crate::methods::{
    Advance, DataNeed, Fact, GradientNeed, Method, Run, Scene, Spec, Stage, Step, layerwise,
};
use crate::network::Network;

/// SQuant.
pub struct SQuant;

pub(in crate::methods) static SPEC: Spec = Spec {
    name: "squant",
    title: "SQuant",
    source: "Guo et al. 2022, arXiv 2202.07471",
    stage: Stage::Round,
    data: DataNeed::Nothing,
    gradients: GradientNeed::Nothing,
    parameters: &[],
};

impl Method for SQuant {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn begin(&self, _: &Step, _: &Network) -> Result<Box<dyn Run>, QuantError> {
        Ok(Box::new(Flipping { layer: 0 }))
    }

    fn cost(&self, _: &Step, network: &Network, _: usize) -> f64 {
        30.0 * network.prepared().facts.parameters as f64
    }
}

struct Flipping {
    layer: usize,
}

impl Run for Flipping {
    fn advance<'a>(&'a mut self, scene: &'a mut Scene<'_>) -> LocalFuture<'a, Result<Advance, QuantError>> {
        Box::pin(async move {
            let index = self.layer;
            if index >= scene.network.layers().len() {
                return Ok(Advance::default());
            }
            let fact = match WeightMatrix::of(scene.network, index)? {
                Err(reason) => layerwise::not_applied(reason),
                Ok(matrix) => {
                    let prepared = scene.network.prepared();
                    let is_conv =
                        matches!(prepared.graph.node_of(prepared.layer(index)?.node).op, Op::Conv(_));
                    let kernel = match is_conv {
                        true => prepared.weights(index)?.shape().iter().skip(2).product(),
                        false => 1,
                    };
                    let mut codes = Vec::with_capacity(matrix.values.len());
                    for row in 0..matrix.rows {
                        let groups = matrix.row(row).chunks(matrix.group_len()).zip(matrix.grids(row));
                        groups.for_each(|(weights, &grid)| codes.extend(cancel(weights, grid, kernel)));
                        scene.control.step().await?;
                    }
                    let codes = matrix.quantized(&codes, matrix.codes.grids.clone());
                    let fact =
                        Fact::Flipped { count: flipped(&matrix, &codes), of: codes.codes.len() as u64 };
                    scene.network.set_codes(index, codes)?;
                    fact
                }
            };
            self.layer += 1;
            Ok(layerwise::after(scene.network, index, vec![fact], Vec::new()))
        })
    }
}

/// A weight's code, and how far it is from the weight in steps of the grid.
#[derive(Clone, Copy, Debug)]
struct Rounded {
    code: f64,
    delta: f64,
}

/// The codes of the weights of one channel on one grid, kernels of `kernel` weights one after another.
pub fn cancel(weights: &[f32], grid: Affine, kernel: usize) -> Vec<i32> {
    let exact = |w: f32| f64::from(w) / f64::from(grid.scale) + f64::from(grid.zero_point);
    let mut rounded: Vec<Rounded> = weights
        .iter()
        .map(|&w| {
            let code = f64::from(grid.code(w));
            Rounded { code, delta: code - exact(w) }
        })
        .collect();
    for kernel in rounded.chunks_mut(kernel.max(1)) {
        let sum: f64 = kernel.iter().map(|weight| weight.delta).sum();
        let candidates = (0..kernel.len()).collect();
        flip(kernel, candidates, sum, grid);
    }
    // Each kernel offers the weight that is furthest off to the side of the channel's sum, if its own sum is there too.
    let sum: f64 = rounded.iter().map(|weight| weight.delta).sum();
    let mut offers = Vec::new();
    for (at, part) in rounded.chunks(kernel.max(1)).enumerate() {
        let own: f64 = part.iter().map(|weight| weight.delta).sum();
        let places = part.iter().enumerate().filter(|(_, weight)| can_flip(**weight, sum, grid));
        let furthest = places.max_by(|(i, a), (j, b)| a.delta.abs().total_cmp(&b.delta.abs()).then(j.cmp(i)));
        if let Some((place, _)) = furthest.filter(|_| own * sum > 0.0) {
            offers.push((own.abs(), at * kernel.max(1) + place));
        }
    }
    offers.sort_by(|(a, i), (b, j)| b.total_cmp(a).then(i.cmp(j)));
    for (_, place) in offers.into_iter().take(sum.abs().round_ties_even() as usize) {
        turn(&mut rounded[place], sum);
    }
    rounded.iter().map(|weight| weight.code as i32).collect()
}

/// Turns the ⌊|sum|⌉ of `candidates` that are furthest off to the side of `sum`.
fn flip(weights: &mut [Rounded], mut candidates: Vec<usize>, sum: f64, grid: Affine) {
    candidates.retain(|&i| can_flip(weights[i], sum, grid));
    candidates.sort_by(|&i, &j| weights[j].delta.abs().total_cmp(&weights[i].delta.abs()).then(i.cmp(&j)));
    for i in candidates.into_iter().take(sum.abs().round_ties_even() as usize) {
        turn(&mut weights[i], sum);
    }
}

/// Whether a weight is off to the side of `sum`, and its code has a neighbour on the other.
fn can_flip(weight: Rounded, sum: f64, grid: Affine) -> bool {
    let code = weight.code - sum.signum();
    weight.delta * sum > 0.0 && (f64::from(grid.min_code)..=f64::from(grid.max_code)).contains(&code)
}

fn turn(weight: &mut Rounded, sum: f64) {
    weight.code -= sum.signum();
    weight.delta -= sum.signum();
}
