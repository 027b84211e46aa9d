//! Analytic bias correction: what rounding does to means, foretold from BatchNorms instead of measured.
//!
//! An error ε of a layer's weights shifts its output by ε·E\[x\]. Behind a BatchNorm and a ReLU, E\[x\] is the mean of a
//! normal distribution N(β, γ²) of which everything below 0 is 0 (Nagel et al. 2019, arXiv 1906.04721, §4.2.1 and appendix
//! C). Through additions the parts are taken to be independent. Zeros at padded borders do not count.

use fewbit_graph::Op;
use fewbit_runtime::LocalFuture;

use crate::error::QuantError;
use crate::methods::expected::{Distribution, of_wire};
use crate::methods::matrix::WeightMatrix;
use crate::methods::{Advance, DataNeed, GradientNeed, Method, Run, Scene, Spec, Stage, Step, layerwise};
use crate::network::Network;

/// Analytic bias correction.
pub struct AnalyticBiasCorrect;

pub(in crate::methods) static SPEC: Spec = Spec {
    name: "bias-correct-analytic",
    title: "Analytic bias correction",
    source: "Nagel et al. 2019, arXiv 1906.04721",
    stage: Stage::Correct,
    data: DataNeed::Nothing,
    gradients: GradientNeed::Nothing,
    parameters: &[],
};

impl Method for AnalyticBiasCorrect {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn begin(&self, _: &Step, _: &Network) -> Result<Box<dyn Run>, QuantError> {
        Ok(Box::new(Correction { layer: 0 }))
    }

    fn cost(&self, _: &Step, network: &Network, _: usize) -> f64 {
        network.prepared().facts.parameters as f64
    }
}

struct Correction {
    layer: usize,
}

impl Run for Correction {
    fn advance<'a>(&'a mut self, scene: &'a mut Scene<'_>) -> LocalFuture<'a, Result<Advance, QuantError>> {
        Box::pin(async move {
            let index = self.layer;
            if index >= scene.network.layers().len() {
                return Ok(Advance::default());
            }
            scene.control.step().await?;
            if index == 0 {
                scene.network.give_biases()?;
            }
            let shift = match layerwise::no_bias(scene.network, index)? {
                Some(reason) => Err(reason),
                None => shift(scene.network, index)?,
            };
            let fact = match shift {
                Err(reason) => layerwise::not_applied(reason),
                Ok(shift) => layerwise::move_bias(scene.network, index, &shift)?,
            };
            self.layer += 1;
            Ok(layerwise::after(scene.network, index, vec![fact], Vec::new()))
        })
    }
}

/// −ε·E\[x\] of each output channel; the reason if E\[x\] is not known.
fn shift(network: &Network, index: usize) -> Result<Result<Vec<f64>, String>, QuantError> {
    let matrix = match WeightMatrix::of(network, index)? {
        Ok(matrix) => matrix,
        Err(reason) => return Ok(Err(reason)),
    };
    let prepared = network.prepared();
    let node = prepared.graph.node_of(prepared.layer(index)?.node);
    let Some(&input) = node.inputs.first() else { return Ok(Err("it reads nothing".to_owned())) };
    let Distribution { means, .. } = match of_wire(prepared, input) {
        Ok(distribution) => distribution,
        Err(reason) => return Ok(Err(format!("without data nothing is known of its input: {reason}"))),
    };
    let (groups, taps) = match &node.op {
        Op::Conv(conv) => (conv.groups, prepared.weights(index)?.shape().iter().skip(2).product::<usize>()),
        _ => (1, 1),
    };
    // A flattened image has several columns for each channel, one after another.
    let inputs = groups * matrix.columns / taps.max(1);
    let repeat = inputs / means.len().max(1);
    if repeat == 0 || repeat * means.len() != inputs {
        return Ok(Err("its input has another number of channels than its BatchNorm".to_owned()));
    }
    let quantized = matrix.of_tensor(network.layer(index)?.weights.as_f32()?);
    let shift = |(row, quantized): (usize, &[f32])| {
        let first = row * groups / matrix.rows.max(1) * (inputs / groups.max(1));
        let errors = quantized.iter().zip(matrix.row(row)).enumerate();
        let terms = errors.map(|(column, (&q, &w))| {
            let mean = means.get((first + column / taps.max(1)) / repeat).copied().unwrap_or(0.0);
            (f64::from(q) - f64::from(w)) * mean
        });
        -terms.sum::<f64>()
    };
    Ok(Ok(quantized.chunks_exact(matrix.columns.max(1)).enumerate().map(shift).collect()))
}
