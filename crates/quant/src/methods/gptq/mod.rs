//! GPTQ: rounding with the errors made good by the weights that follow, by the second-order model of the layer's output.
//!
//! Frantar et al. 2022, arXiv 2210.17323; LDLQ of QuIP (Chee et al. 2023, arXiv 2307.13304) is the same thing. Layer after
//! layer, with the input that the quantized layers before leave. Convolutions are unfolded, each of their groups has a
//! Hessian of its own.

pub mod columns;
pub mod hessian;

use fewbit_numeric::{Affine, Granularity, Quantized};
use fewbit_runtime::{Control, LocalFuture};

use crate::error::QuantError;
use crate::methods::capture::MEMORY;
use crate::methods::gram::{Gram, quadratic};
use crate::methods::matrix::{WeightMatrix, flipped};
use crate::methods::{
    Advance, Capture, DataNeed, Fact, Frame, GradientNeed, Method, Parameter, Run, Scene, Spec, Stage, Step,
    layerwise,
};
use crate::network::Network;
use columns::Columns;
use hessian::Hessian;

/// GPTQ.
pub struct Gptq;

/// Frames of one layer.
const FRAMES: usize = 32;

pub(in crate::methods) static SPEC: Spec = Spec {
    name: "gptq",
    title: "GPTQ",
    source: "Frantar et al. 2022, arXiv 2210.17323",
    stage: Stage::Round,
    data: DataNeed::Samples,
    gradients: GradientNeed::Nothing,
    parameters: &[
        Parameter::count("samples", 128.0, [1.0, 65536.0]),
        Parameter::number("damping", 0.01, [1e-6, 10.0]),
        Parameter::flag("act-order", false),
        Parameter::flag("static-groups", false),
        Parameter::count("passes", 0.0, [0.0, 100.0]),
    ],
};

impl Method for Gptq {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn begin(&self, step: &Step, _: &Network) -> Result<Box<dyn Run>, QuantError> {
        let settings = Settings {
            damping: step.get("damping"),
            act_order: step.flag("act-order"),
            static_groups: step.flag("static-groups"),
            passes: step.count("passes"),
        };
        Ok(Box::new(Rounding { samples: step.count("samples"), settings, layer: 0, prefix: None }))
    }

    fn cost(&self, step: &Step, network: &Network, samples: usize) -> f64 {
        let samples = samples.min(step.count("samples")) as f64;
        let layers = network.prepared().facts.layers.iter();
        layers.map(|layer| layer_cost(layer, samples, 1.0 + 2.0 * step.get("passes"))).sum()
    }
}

/// Running the layer, its Gram matrix, its factorization, and `passes` times every pair of weights in a row.
pub(crate) fn layer_cost(layer: &crate::report::LayerFacts, samples: f64, passes: f64) -> f64 {
    let rows = layer.weight_shape.get(layer.channel_axis).copied().unwrap_or(1).max(1) as f64;
    let weights: f64 = layer.weight_shape.iter().map(|&n| n as f64).product();
    let columns = weights / rows;
    let macs = layer.macs as f64;
    let groups = if layer.depthwise { rows } else { 1.0 };
    // Each place of the output has as many rows to add as there are groups; `macs` counts rows · columns for each.
    let gram = macs / rows * columns / 2.0 * groups;
    samples * (macs + gram) + groups * columns.powi(3) + passes * rows * columns * columns / 2.0
}

/// What can be set.
#[derive(Clone, Copy, Debug)]
struct Settings {
    damping: f64,
    act_order: bool,
    static_groups: bool,
    passes: usize,
}

struct Rounding {
    samples: usize,
    settings: Settings,
    layer: usize,
    prefix: Option<Capture>,
}

impl Run for Rounding {
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
            let (facts, frames) = match WeightMatrix::of(scene.network, index)? {
                Err(reason) => (vec![layerwise::not_applied(reason)], Vec::new()),
                Ok(matrix) => {
                    let prepared = scene.network.prepared();
                    match Gram::of_input(prefix, prepared, index, &scene.control).await? {
                        Err(reason) => (vec![layerwise::not_applied(reason)], Vec::new()),
                        Ok(gram) => {
                            match round(&matrix, &gram, self.settings, index as u32, &scene.control).await? {
                                None => {
                                    let reason = "its Hessian is not positive definite; raise the damping";
                                    (vec![layerwise::not_applied(reason)], Vec::new())
                                }
                                Some((codes, frames)) => {
                                    let facts = facts(&matrix, &gram, &codes);
                                    scene.network.set_codes(index, codes)?;
                                    (facts, frames)
                                }
                            }
                        }
                    }
                }
            };
            prefix.set_layer(index, scene.network.layer(index)?)?;
            self.layer += 1;
            Ok(layerwise::after(scene.network, index, facts, frames))
        })
    }
}

/// What changed against rounding to nearest.
fn facts(matrix: &WeightMatrix, gram: &Gram, codes: &Quantized) -> Vec<Fact> {
    let error = Fact::Error {
        of: "layer output".to_owned(),
        before: output_error(matrix, gram, &matrix.codes),
        after: output_error(matrix, gram, codes),
    };
    vec![Fact::Flipped { count: flipped(matrix, codes), of: codes.codes.len() as u64 }, error]
}

/// The mean squared error of the layer's output if its input were as it was for `gram`: ½·tr(δHδᵀ) over the rows.
pub(crate) fn output_error(matrix: &WeightMatrix, gram: &Gram, codes: &Quantized) -> f64 {
    let quantized = matrix.of_tensor(&codes.dequantize());
    let rows = quantized.chunks_exact(matrix.columns.max(1)).enumerate();
    let errors = rows.map(|(row, quantized)| {
        let delta: Vec<f64> =
            quantized.iter().zip(matrix.row(row)).map(|(&q, &w)| f64::from(q) - f64::from(w)).collect();
        0.5 * quadratic(gram.of_row(row, matrix.rows), &delta)
    });
    errors.sum::<f64>() / matrix.rows.max(1) as f64
}

/// The codes of all groups of a layer, and what there was to see; none if a Hessian is not positive definite.
async fn round(
    matrix: &WeightMatrix,
    gram: &Gram,
    settings: Settings,
    layer: u32,
    control: &Control<'_>,
) -> Result<Option<(Quantized, Vec<Frame>)>, QuantError> {
    let (n, groups) = (matrix.columns, gram.matrices.len().max(1));
    let rows = matrix.rows / groups;
    let grouped = matches!(matrix.codes.layout.granularity(), Granularity::Group(_));
    let moving = grouped && !settings.act_order && !settings.static_groups && matrix.has_own_grids();
    let regrid = moving.then_some(matrix.quantizer);
    let mut parts: Vec<(Columns, Hessian)> = Vec::new();
    for (group, gram) in gram.matrices.iter().enumerate() {
        let own = group * rows..(group + 1) * rows;
        let weights = matrix.values.get(own.start * n..own.end * n).unwrap_or_default();
        let grids: Vec<Affine> = own.flat_map(|row| matrix.grids(row)).copied().collect();
        let hessian = Hessian::damped(gram, n, settings.damping);
        let order = if settings.act_order { hessian.by_diagonal() } else { (0..n).collect() };
        let columns = Columns::new(weights, &hessian, order, grids, matrix.group_len(), regrid);
        let Some(columns) = columns else { return Ok(None) };
        parts.push((columns, hessian));
        control.step().await?;
    }
    let mut frames = Vec::new();
    let stride = n.div_ceil(FRAMES).max(1);
    for column in 0..n {
        for (part, _) in &mut parts {
            part.advance();
            control.step().await?;
        }
        if (column + 1).is_multiple_of(stride) || column + 1 == n {
            frames.push(frame(layer, matrix.rows, &parts));
        }
    }
    for _ in 0..settings.passes {
        let mut changed = 0;
        for (part, hessian) in &mut parts {
            changed += part.refine(hessian);
            control.step().await?;
        }
        if changed == 0 {
            break;
        }
    }
    let (mut codes, mut grids) = (Vec::new(), Vec::new());
    for (part, _) in parts {
        let (part_codes, part_grids) = part.finish();
        codes.extend(part_codes);
        grids.extend(part_grids);
    }
    if matrix.codes.layout.granularity() == Granularity::Tensor {
        grids.truncate(1);
    }
    Ok(Some((matrix.quantized(&codes, grids), frames)))
}

/// All groups of a layer at once, column by column; the order is that of the first.
fn frame(layer: u32, rows: usize, parts: &[(Columns, Hessian)]) -> Frame {
    let first = parts.first().map(|(columns, _)| columns);
    let sum = |of: &dyn Fn(&Columns) -> Vec<f64>| {
        let mut sums = vec![0.0; first.map_or(0, |first| first.order().len())];
        for (part, _) in parts {
            sums.iter_mut().zip(of(part)).for_each(|(sum, x)| *sum += x);
        }
        sums
    };
    let mean = |x: f64| (x / rows.max(1) as f64).sqrt() as f32;
    Frame::Columns {
        layer,
        done: first.map_or(0, Columns::done) as u32,
        of: first.map_or(0, |first| first.order().len()) as u32,
        rows: rows as u32,
        order: first
            .map_or_else(Vec::new, |first| first.order().iter().map(|&column| column as u32).collect()),
        compensation: sum(&Columns::compensation).into_iter().map(mean).collect(),
        errors: sum(&|columns| columns.errors().to_vec()).into_iter().map(|x| x as f32).collect(),
    }
}
