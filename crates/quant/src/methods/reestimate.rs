//! BatchNorm re-estimation on a folded network: every channel of a layer's output gets the mean and the standard deviation
//! back that it has in the float network.
//!
//! A BatchNorm that is fitted to the quantized network and folded again turns the output y of the layer into
//! (y − μ)·g + μ′ with g = σ′/σ, μ and σ of the quantized and μ′ and σ′ of the float network on the same samples. The
//! factor goes into the scales of the channel's weights, the rest into the bias: b ← μ′ − g·(μ − b). (Nagel et al. 2022,
//! arXiv 2203.11086, re-estimate BatchNorms after training with quantizers.)

use fewbit_numeric::Granularity;
use fewbit_runtime::LocalFuture;

use crate::error::QuantError;
use crate::methods::bias_correct::Pair;
use crate::methods::{
    Advance, DataNeed, Fact, GradientNeed, Method, Parameter, Run, Scene, Spec, Stage, Step, layerwise,
};
use crate::network::Network;

/// BatchNorm re-estimation.
pub struct Reestimate;

pub(in crate::methods) static SPEC: Spec = Spec {
    name: "reestimate",
    title: "BatchNorm re-estimation",
    source: "Nagel et al. 2022, arXiv 2203.11086",
    stage: Stage::Reestimate,
    data: DataNeed::Samples,
    gradients: GradientNeed::Nothing,
    parameters: &[Parameter::count("samples", 256.0, [1.0, 65536.0])],
};

impl Method for Reestimate {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn begin(&self, step: &Step, _: &Network) -> Result<Box<dyn Run>, QuantError> {
        Ok(Box::new(Estimation { samples: step.count("samples"), layer: 0, networks: None }))
    }

    fn cost(&self, step: &Step, network: &Network, samples: usize) -> f64 {
        2.0 * network.prepared().facts.macs as f64 * samples.min(step.count("samples")) as f64
    }
}

struct Estimation {
    samples: usize,
    layer: usize,
    networks: Option<Pair>,
}

impl Run for Estimation {
    fn advance<'a>(&'a mut self, scene: &'a mut Scene<'_>) -> LocalFuture<'a, Result<Advance, QuantError>> {
        Box::pin(async move {
            let index = self.layer;
            if index >= scene.network.layers().len() {
                return Ok(Advance::default());
            }
            let pair = match &mut self.networks {
                Some(pair) => pair,
                None => self.networks.insert(Pair::new(scene, self.samples).await?),
            };
            let facts = match layerwise::no_bias(scene.network, index)? {
                Some(reason) => vec![layerwise::not_applied(reason)],
                None => {
                    let [float, quantized] = pair.moments(scene, index).await?;
                    let gains = match fixed_scales(scene.network, index)? {
                        Some(_) => vec![1.0; float.means().len()],
                        None => gains(&float.deviations(), &quantized.deviations()),
                    };
                    let mut facts = vec![scale(scene.network, index, &gains)?];
                    let biases =
                        layerwise::bias(scene.network, index)?.map(|bias| bias.as_f32()).transpose()?;
                    let moments = float.means().into_iter().zip(quantized.means());
                    let shifts: Vec<f64> = std::iter::zip(moments, &gains)
                        .zip(biases.unwrap_or_default())
                        .map(|(((float, quantized), gain), &bias)| {
                            let bias = f64::from(bias);
                            float - gain * (quantized - bias) - bias
                        })
                        .collect();
                    facts.push(layerwise::move_bias(scene.network, index, &shifts)?);
                    facts
                }
            };
            pair.quantized.set_layer(index, scene.network.layer(index)?)?;
            self.layer += 1;
            Ok(layerwise::after(scene.network, index, facts, Vec::new()))
        })
    }
}

/// Why the channels of a layer's weights cannot be scaled, if they cannot.
fn fixed_scales(network: &Network, index: usize) -> Result<Option<&'static str>, QuantError> {
    Ok(match &network.layer(index)?.codes {
        None => Some("its weights are in float: only the means were matched"),
        Some(codes) if codes.layout.granularity() == Granularity::Tensor => {
            Some("its weights have one scale for all channels: only the means were matched")
        }
        Some(_) => None,
    })
}

/// σ′/σ of each channel; 1 for a channel that is constant in either network.
fn gains(float: &[f64], quantized: &[f64]) -> Vec<f64> {
    let gain = |(&float, &quantized): (&f64, &f64)| {
        let gain = float / quantized;
        if gain > 0.0 && gain.is_finite() { gain } else { 1.0 }
    };
    float.iter().zip(quantized).map(gain).collect()
}

/// Multiplies the scales of each channel's weights by its gain.
fn scale(network: &mut Network, index: usize, gains: &[f64]) -> Result<Fact, QuantError> {
    if let Some(reason) = fixed_scales(network, index)? {
        return Ok(layerwise::not_applied(reason));
    }
    let Some(mut codes) = network.layer(index)?.codes.clone() else {
        return Ok(layerwise::not_applied("its weights are in float: only the means were matched"));
    };
    layerwise::scale_codes(&mut codes, gains);
    network.set_codes(index, codes)?;
    let min = gains.iter().copied().fold(f64::INFINITY, f64::min);
    let max = gains.iter().copied().fold(0.0, f64::max);
    Ok(Fact::Scaled { min, max })
}
