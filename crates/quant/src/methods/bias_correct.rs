//! Empirical bias correction: rounding shifts the mean of each output channel, and the bias takes the shift back.
//!
//! Layer after layer, b_c += E\[y_float − y_quantized\] over samples and places, with the input that the corrected layers
//! before leave (Nagel et al. 2019, arXiv 1906.04721, §4.2).

use fewbit_runtime::LocalFuture;

use crate::error::QuantError;
use crate::methods::capture::MEMORY;
use crate::methods::moments::Moments;
use crate::methods::{
    Advance, Capture, DataNeed, GradientNeed, Method, Parameter, Run, Scene, Spec, Stage, Step, layerwise,
};
use crate::network::Network;

/// Empirical bias correction.
pub struct BiasCorrect;

pub(in crate::methods) static SPEC: Spec = Spec {
    name: "bias-correct",
    title: "Bias correction",
    source: "Nagel et al. 2019, arXiv 1906.04721",
    stage: Stage::Correct,
    data: DataNeed::Samples,
    gradients: GradientNeed::Nothing,
    parameters: &[Parameter::count("samples", 256.0, [1.0, 65536.0])],
};

impl Method for BiasCorrect {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn begin(&self, step: &Step, _: &Network) -> Result<Box<dyn Run>, QuantError> {
        Ok(Box::new(Correction { samples: step.count("samples"), layer: 0, networks: None }))
    }

    fn cost(&self, step: &Step, network: &Network, samples: usize) -> f64 {
        2.0 * network.prepared().facts.macs as f64 * samples.min(step.count("samples")) as f64
    }
}

/// The float network and the quantized one over the same samples.
pub(crate) struct Pair {
    pub(crate) float: Capture,
    pub(crate) quantized: Capture,
}

impl Pair {
    pub(crate) async fn new(scene: &mut Scene<'_>, samples: usize) -> Result<Self, QuantError> {
        scene.network.give_biases()?;
        let samples = layerwise::samples(scene.calibration, samples);
        let network = &*scene.network;
        let float = Capture::float(scene.cpu, network.prepared(), &samples, MEMORY).await?;
        let quantized = Capture::quantized(scene.cpu, network, &samples, MEMORY).await?;
        Ok(Self { float, quantized })
    }

    /// The moments of a layer's output, in float and quantized.
    pub(crate) async fn moments(
        &mut self,
        scene: &Scene<'_>,
        layer: usize,
    ) -> Result<[Moments; 2], QuantError> {
        let face = scene.network.prepared().face()?;
        let axis = face.layers.get(layer).map_or(0, |wires| wires.output_axis);
        let float = Moments::of_output(&mut self.float, layer, axis, &scene.control).await?;
        let quantized = Moments::of_output(&mut self.quantized, layer, axis, &scene.control).await?;
        Ok([float, quantized])
    }
}

struct Correction {
    samples: usize,
    layer: usize,
    networks: Option<Pair>,
}

impl Run for Correction {
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
            let fact = match layerwise::no_bias(scene.network, index)? {
                Some(reason) => layerwise::not_applied(reason),
                None => {
                    let [float, quantized] = pair.moments(scene, index).await?;
                    let (float, quantized) = (float.means(), quantized.means());
                    let shift: Vec<f64> = float.iter().zip(&quantized).map(|(f, q)| f - q).collect();
                    if shift.iter().all(|&shift| shift == 0.0) {
                        layerwise::not_applied("nothing is quantized up to here")
                    } else {
                        layerwise::move_bias(scene.network, index, &shift)?
                    }
                }
            };
            pair.quantized.set_layer(index, scene.network.layer(index)?)?;
            self.layer += 1;
            Ok(layerwise::after(scene.network, index, vec![fact], Vec::new()))
        })
    }
}
