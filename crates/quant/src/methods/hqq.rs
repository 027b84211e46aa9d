//! HQQ: the zero point of each block that makes most weights' errors small, without data.
//!
//! min over z and e of ‖e‖ₚᵖ + β/2·‖W − Ŵ − e‖² with p < 1, so that a few large errors cost little: by turns e = shrink(W − Ŵ)
//! with shrink(x) = sign(x)·max(|x| − |x|^{p−1}/β, 0), and z = mean(q − (W − e)/Δ); β grows by κ a turn. The scale stays.
//! It ends when the mean |W − Ŵ| grows no smaller. (Badri and Shaji 2023, "Half-Quadratic Quantization of Large Machine
//! Learning Models".) The zero point is no whole number: each takes 32 bits, as a scale does.

use fewbit_numeric::{Affine, Granularity};
use fewbit_runtime::LocalFuture;

use crate::error::QuantError;
use crate::methods::matrix::WeightMatrix;
use crate::methods::{
    Advance, DataNeed, Fact, GradientNeed, Method, Parameter, Run, Scene, Spec, Stage, Step, layerwise,
};
use crate::network::Network;
use crate::range;
use crate::recipe::Quantizer;

/// HQQ.
pub struct Hqq;

pub(in crate::methods) static SPEC: Spec = Spec {
    name: "hqq",
    title: "HQQ",
    source: "Badri and Shaji 2023",
    stage: Stage::Round,
    data: DataNeed::Nothing,
    gradients: GradientNeed::Nothing,
    parameters: &[
        Parameter::count("iterations", 20.0, [0.0, 1000.0]),
        Parameter::number("p", 0.7, [0.1, 1.0]),
        Parameter::number("beta", 10.0, [0.01, 1e6]),
        Parameter::number("kappa", 1.01, [1.0, 2.0]),
    ],
};

impl Method for Hqq {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn begin(&self, step: &Step, _: &Network) -> Result<Box<dyn Run>, QuantError> {
        let (p, beta, kappa) = (step.get("p"), step.get("beta"), step.get("kappa"));
        let settings = Settings { iterations: step.count("iterations"), p, beta, kappa };
        Ok(Box::new(Fitting { settings, layer: 0 }))
    }

    fn cost(&self, step: &Step, network: &Network, _: usize) -> f64 {
        // A power costs about as much as 30 products.
        30.0 * step.get("iterations") * network.prepared().facts.parameters as f64
    }
}

/// What can be set.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// The most turns.
    pub iterations: usize,
    /// The norm's power.
    pub p: f64,
    /// The weight of the penalty at first.
    pub beta: f64,
    /// Its growth with each turn.
    pub kappa: f64,
}

struct Fitting {
    settings: Settings,
    layer: usize,
}

impl Run for Fitting {
    fn advance<'a>(&'a mut self, scene: &'a mut Scene<'_>) -> LocalFuture<'a, Result<Advance, QuantError>> {
        Box::pin(async move {
            let index = self.layer;
            if index >= scene.network.layers().len() {
                return Ok(Advance::default());
            }
            let fact = match WeightMatrix::of(scene.network, index)? {
                Err(reason) => layerwise::not_applied(reason),
                Ok(matrix) if !matrix.codes.format.has_zero_point() => layerwise::not_applied(format!(
                    "{} has no zero point; an asymmetric format like int{}-asym has",
                    matrix.codes.format,
                    matrix.codes.format.bits()
                )),
                Ok(matrix) => {
                    let mut grids = Vec::with_capacity(matrix.codes.grids.len());
                    let own = matrix.has_own_grids();
                    for (block, grid) in blocks(&matrix) {
                        let grid = if own { unrounded(&block, grid, matrix.quantizer) } else { grid };
                        grids.push(fit(&block, grid, self.settings));
                        scene.control.step().await?;
                    }
                    let moves = grids.iter().zip(&matrix.codes.grids);
                    let max = moves.fold(0.0, |max: f64, (new, old)| {
                        max.max(f64::from(new.zero_point - old.zero_point).abs())
                    });
                    let codes = matrix.nearest(grids);
                    let fact = Fact::ZeroPoints { max, bits: codes.zero_point_bits() as u64 };
                    scene.network.set_codes(index, codes)?;
                    fact
                }
            };
            self.layer += 1;
            Ok(layerwise::after(scene.network, index, vec![fact], Vec::new()))
        })
    }
}

/// The weights of each block, with its grid.
fn blocks(matrix: &WeightMatrix) -> Vec<(Vec<f32>, Affine)> {
    if matrix.codes.layout.granularity() == Granularity::Tensor {
        return matrix.codes.grids.iter().map(|&grid| (matrix.values.clone(), grid)).collect();
    }
    let row = |row: usize| {
        let groups = matrix.row(row).chunks(matrix.group_len()).zip(matrix.grids(row));
        groups.map(|(weights, &grid)| (weights.to_vec(), grid)).collect::<Vec<_>>()
    };
    (0..matrix.rows).flat_map(row).collect()
}

/// The grid whose zero point is where the range wants it, and not rounded.
pub fn unrounded(block: &[f32], grid: Affine, quantizer: Quantizer) -> Affine {
    let low =
        range::of_values(quantizer.range, quantizer.format, block).scaled(quantizer.shrink).min.min(0.0);
    Affine { zero_point: grid.min_code - low / grid.scale, ..grid }
}

/// The grid with the zero point that HQQ finds for `weights`, starting from that of `grid`.
pub fn fit(weights: &[f32], grid: Affine, settings: Settings) -> Affine {
    let n = weights.len().max(1) as f64;
    let scale = f64::from(grid.scale);
    let error = |grid: Affine| {
        weights.iter().map(|&w| (f64::from(w) - f64::from(grid.fake(w))).abs()).sum::<f64>() / n
    };
    let (mut now, mut beta) = (grid, settings.beta);
    let (mut best, mut least) = (grid, error(grid));
    for _ in 0..settings.iterations {
        let wish = |&w: &f32| {
            let (w, code) = (f64::from(w), f64::from(now.code(w)));
            let distance = w - scale * (code - f64::from(now.zero_point));
            let kept = distance.abs() - libm::pow(distance.abs(), settings.p - 1.0) / beta;
            let outlier = if kept > 0.0 { kept.copysign(distance) } else { 0.0 };
            code - (w - outlier) / scale
        };
        let zero_point = (weights.iter().map(wish).sum::<f64>() / n) as f32;
        now = Affine { zero_point, ..now };
        let found = error(now);
        if found >= least || !zero_point.is_finite() {
            break;
        }
        (best, least) = (now, found);
        beta *= settings.kappa;
    }
    best
}
