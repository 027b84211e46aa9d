//! SeqMSE: for each output channel the range that leaves the least error in the layer's output.
//!
//! Of 20 ranges, 1/20 to 20/20 of the channel's own, the one with the least mean squared error of the channel's output, the
//! layer's input being what the quantized layers before leave; weights are rounded to nearest. (As "sequential MSE" in
//! AIMET's documentation.) The error is ½·δᵀHδ with the Gram matrix H of the input, so no candidate needs a run.

use fewbit_numeric::{Affine, Granularity};
use fewbit_runtime::{Control, LocalFuture};

use crate::error::QuantError;
use crate::methods::capture::MEMORY;
use crate::methods::gptq::{layer_cost, output_error};
use crate::methods::gram::{Gram, quadratic};
use crate::methods::matrix::WeightMatrix;
use crate::methods::{
    Advance, Capture, DataNeed, Fact, GradientNeed, Method, Parameter, Run, Scene, Spec, Stage, Step,
    layerwise,
};
use crate::network::Network;

/// SeqMSE.
pub struct SeqMse;

pub(in crate::methods) static SPEC: Spec = Spec {
    name: "seqmse",
    title: "Sequential MSE",
    source: "AIMET (Siddegowda et al. 2022, arXiv 2201.08442)",
    stage: Stage::Range,
    data: DataNeed::Samples,
    gradients: GradientNeed::Nothing,
    parameters: &[
        Parameter::count("samples", 128.0, [1.0, 65536.0]),
        Parameter::count("candidates", 20.0, [2.0, 200.0]),
    ],
};

impl Method for SeqMse {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn begin(&self, step: &Step, _: &Network) -> Result<Box<dyn Run>, QuantError> {
        let (samples, candidates) = (step.count("samples"), step.count("candidates"));
        Ok(Box::new(Search { samples, candidates, layer: 0, prefix: None }))
    }

    fn cost(&self, step: &Step, network: &Network, samples: usize) -> f64 {
        let samples = samples.min(step.count("samples")) as f64;
        let layers = network.prepared().facts.layers.iter();
        layers.map(|layer| layer_cost(layer, samples, 2.0 * step.get("candidates"))).sum()
    }
}

struct Search {
    samples: usize,
    candidates: usize,
    layer: usize,
    prefix: Option<Capture>,
}

impl Run for Search {
    fn advance<'a>(&'a mut self, scene: &'a mut Scene<'_>) -> LocalFuture<'a, Result<Advance, QuantError>> {
        Box::pin(async move {
            let index = self.layer;
            if index >= scene.network.layers().len() {
                return Ok(Advance::default());
            }
            let prefix = match &mut self.prefix {
                Some(prefix) => prefix,
                None => {
                    let samples = layerwise::samples(scene.calibration, self.samples);
                    self.prefix.insert(Capture::quantized(scene.cpu, scene.network, &samples, MEMORY).await?)
                }
            };
            let facts = match WeightMatrix::of(scene.network, index)? {
                Err(reason) => vec![layerwise::not_applied(reason)],
                Ok(matrix) => {
                    let prepared = scene.network.prepared();
                    match Gram::of_input(prefix, prepared, index, &scene.control).await? {
                        Err(reason) => vec![layerwise::not_applied(reason)],
                        Ok(gram) => {
                            let grids = search(&matrix, &gram, self.candidates, &scene.control).await?;
                            let codes = matrix.nearest(grids);
                            let facts = vec![
                                Fact::Grid {
                                    before: mean_scale(&matrix.codes.grids),
                                    after: mean_scale(&codes.grids),
                                },
                                Fact::Error {
                                    of: "layer output".to_owned(),
                                    before: output_error(&matrix, &gram, &matrix.codes),
                                    after: output_error(&matrix, &gram, &codes),
                                },
                            ];
                            scene.network.set_codes(index, codes)?;
                            facts
                        }
                    }
                }
            };
            prefix.set_layer(index, scene.network.layer(index)?)?;
            self.layer += 1;
            Ok(layerwise::after(scene.network, index, facts, Vec::new()))
        })
    }
}

/// The grids with the least error: a factor for each row, or one for all where they share a grid. Of equal errors the
/// widest range wins.
async fn search(
    matrix: &WeightMatrix,
    gram: &Gram,
    candidates: usize,
    control: &Control<'_>,
) -> Result<Vec<Affine>, QuantError> {
    let factor = |candidate: usize| (candidates - candidate) as f32 / candidates as f32;
    let mut errors = vec![Vec::with_capacity(candidates); matrix.rows];
    for (row, errors) in errors.iter_mut().enumerate() {
        let hessian = gram.of_row(row, matrix.rows);
        for candidate in 0..candidates {
            errors.push(quadratic(hessian, &error(matrix, row, factor(candidate))));
        }
        control.step().await?;
    }
    let best = |errors: &[f64]| {
        let better = |best: usize, (at, error): (usize, &f64)| if *error < errors[best] { at } else { best };
        errors.iter().enumerate().fold(0, better)
    };
    if matrix.codes.layout.granularity() == Granularity::Tensor {
        let total = |candidate: usize| errors.iter().filter_map(|errors| errors.get(candidate)).sum();
        let totals: Vec<f64> = (0..candidates).map(total).collect();
        let factor = factor(best(&totals));
        return Ok(matrix.codes.grids.iter().map(|&grid| shrunken(grid, factor)).collect());
    }
    let row = |(row, errors): (usize, &Vec<f64>)| {
        let factor = factor(best(errors));
        matrix.grids(row).iter().map(|&grid| shrunken(grid, factor)).collect::<Vec<_>>()
    };
    Ok(errors.iter().enumerate().flat_map(row).collect())
}

/// ŵ − w of one row on shrunken grids.
fn error(matrix: &WeightMatrix, row: usize, factor: f32) -> Vec<f64> {
    let grids = matrix.grids(row).iter().map(|&grid| shrunken(grid, factor));
    let groups = matrix.row(row).chunks(matrix.group_len());
    let group = |(grid, weights): (Affine, &[f32])| {
        weights.iter().map(|&w| f64::from(grid.fake(w)) - f64::from(w)).collect::<Vec<_>>()
    };
    grids.zip(groups).flat_map(group).collect()
}

/// The grid for a range multiplied by `factor`: the zero point stays.
fn shrunken(grid: Affine, factor: f32) -> Affine {
    Affine { scale: (grid.scale * factor).max(f32::MIN_POSITIVE), ..grid }
}

fn mean_scale(grids: &[Affine]) -> f64 {
    grids.iter().map(|grid| f64::from(grid.scale)).sum::<f64>() / grids.len().max(1) as f64
}
