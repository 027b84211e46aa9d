//! Quantization-aware training: the whole network learns, weights and quantizers together.
//!
//! The forward pass sees quantized weights and inputs, the backward pass an estimator of their slopes; latent float weights
//! take the steps. BatchNorms are folded before; with `batch-norm` they come back while the network learns. The methods
//! here differ by what learns and how gradients pass (see `fewbit_graph::op::Estimator`); all take the same steps.

mod batches;
mod binary;
mod graph;
mod nodes;
mod norm;
mod objective;
mod oscillation;
mod rows;
mod run;
mod ternary;

use fewbit_graph::op::{Estimator, Mask, ScaleSlope, Slope};
use fewbit_numeric::Format;

use crate::error::QuantError;
use crate::layer::QuantizedLayer;
use crate::methods::{DataNeed, GradientNeed, Method, Parameter, Run, Spec, Stage, Step};
use crate::network::Network;

use graph::{Levels, Rules};
use run::Training;

/// Straight-through estimator: scales of weights follow their range, inputs keep the grids that calibration found.
pub(super) static STE: Train = Train {
    spec: &Spec {
        name: "ste",
        title: "STE",
        source: "Bengio, Léonard & Courville 2013, arXiv 1308.3432",
        stage: Stage::Train,
        data: DataNeed::Samples,
        gradients: GradientNeed::Network,
        parameters: &SHARED,
    },
    kind: Kind::Ste,
};

/// PACT: the clipping level of each input is learned as well.
pub(super) static PACT: Train = Train {
    spec: &Spec {
        name: "pact",
        title: "PACT",
        source: "Choi et al. 2018, arXiv 1805.06085",
        stage: Stage::Train,
        data: DataNeed::Samples,
        gradients: GradientNeed::Network,
        parameters: &SHARED,
    },
    kind: Kind::Pact,
};

/// Learned step size quantization.
pub(super) static LSQ: Train = Train {
    spec: &Spec {
        name: "lsq",
        title: "LSQ",
        source: "Esser et al. 2020, arXiv 1902.08153",
        stage: Stage::Train,
        data: DataNeed::Samples,
        gradients: GradientNeed::Network,
        parameters: &SHARED,
    },
    kind: Kind::Lsq,
};

/// LSQ with learned offsets of inputs.
pub(super) static LSQ_PLUS: Train = Train {
    spec: &Spec {
        name: "lsq-plus",
        title: "LSQ+",
        source: "Bhalgat et al. 2020, arXiv 2004.09576",
        stage: Stage::Train,
        data: DataNeed::Samples,
        gradients: GradientNeed::Network,
        parameters: &SHARED,
    },
    kind: Kind::LsqPlus,
};

/// LSQ with gradients scaled element by element.
pub(super) static EWGS: Train = Train {
    spec: &Spec {
        name: "ewgs",
        title: "EWGS",
        source: "Lee, Kim & Ham 2021, arXiv 2104.00903",
        stage: Stage::Train,
        data: DataNeed::Samples,
        gradients: GradientNeed::Network,
        parameters: &with(Parameter::number("delta", 0.001, [0.0, 1.0])),
    },
    kind: Kind::Ewgs,
};

/// LSQ with a tanh in place of each step of the staircase, backwards.
pub(super) static DSQ: Train = Train {
    spec: &Spec {
        name: "dsq",
        title: "DSQ",
        source: "Gong et al. 2019, arXiv 1908.05033",
        stage: Stage::Train,
        data: DataNeed::Samples,
        gradients: GradientNeed::Network,
        // Small is close to the staircase.
        parameters: &with(Parameter::number("alpha", 0.2, [0.001, 0.999])),
    },
    kind: Kind::Dsq,
};

/// Ternary weights whose thresholds and levels follow their magnitudes.
pub(super) static TWN: Train = Train {
    spec: &Spec {
        name: "twn",
        title: "TWN",
        source: "Li, Zhang & Liu 2016, arXiv 1605.04711",
        stage: Stage::Train,
        data: DataNeed::Samples,
        gradients: GradientNeed::Network,
        parameters: &SHARED,
    },
    kind: Kind::Twn,
};

/// Balanced binary weights, and a sign that sharpens.
pub(super) static IR_NET: Train = Train {
    spec: &Spec {
        name: "ir-net",
        title: "IR-Net",
        source: "Qin et al. 2020, arXiv 1909.10788",
        stage: Stage::Train,
        data: DataNeed::Samples,
        gradients: GradientNeed::Network,
        parameters: &SHARED,
    },
    kind: Kind::IrNet,
};

/// What can be set of all of them.
const SHARED: [Parameter; 11] = [
    Parameter::count("steps", 300.0, [1.0, 100_000.0]),
    Parameter::count("batch", 64.0, [1.0, 1024.0]),
    Parameter::number("rate", 0.002, [0.0, 1.0]),
    Parameter::number("scale-rate", 0.0005, [0.0, 1.0]),
    // The share of the loss that is distilled from the float model; the rest is the cross-entropy with the labels.
    Parameter::number("distill", 1.0, [0.0, 1.0]),
    Parameter::number("temperature", 2.0, [0.1, 100.0]),
    // Pixels up to which images are shifted at random.
    Parameter::count("shift", 2.0, [0.0, 16.0]),
    Parameter::number("decay", 0.0, [0.0, 1.0]),
    // The strength of dampening at the end of training; it grows from 0 along a cosine.
    Parameter::number("dampening", 0.0, [0.0, 100.0]),
    // The frequency above which oscillating weights freeze at the end of training, from ten times that at its start; 0
    // for never.
    Parameter::number("freeze", 0.0, [0.0, 1.0]),
    // Whether BatchNorms come back and learn.
    Parameter::flag("batch-norm", false),
];

/// [`SHARED`], and one more.
const fn with(parameter: Parameter) -> [Parameter; SHARED.len() + 1] {
    let mut all = [parameter; SHARED.len() + 1];
    let mut i = 0;
    while i < SHARED.len() {
        all[i] = SHARED[i];
        i += 1;
    }
    all
}

/// The kinds of training.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Ste,
    Pact,
    Lsq,
    LsqPlus,
    Ewgs,
    Dsq,
    Twn,
    IrNet,
}

/// A kind of training.
pub(super) struct Train {
    pub(super) spec: &'static Spec,
    kind: Kind,
}

impl Train {
    fn rules(&self, step: &Step) -> Rules {
        let straight = Estimator::default();
        let slope = Slope::Ewgs { delta: step.get("delta") as f32 };
        let all = Rules {
            weights: straight,
            inputs: straight,
            levels: Levels::Learned,
            learn_input_scales: true,
            learn_zero_points: false,
            batch_norm: step.flag("batch-norm"),
        };
        match self.kind {
            Kind::Ste => Rules { levels: Levels::Range, learn_input_scales: false, ..all },
            Kind::Pact => Rules {
                inputs: Estimator { scale: ScaleSlope::Pact, ..straight },
                levels: Levels::Range,
                ..all
            },
            Kind::Lsq => all,
            Kind::Dsq => {
                let slope = Slope::Dsq { alpha: step.get("alpha") as f32 };
                let estimator = Estimator { slope, ..straight };
                Rules { weights: estimator, inputs: estimator, ..all }
            }
            // A weight far outside of the levels would never come back.
            Kind::Twn => Rules {
                weights: Estimator { mask: Mask::Rounded, ..straight },
                levels: Levels::Ternary,
                ..all
            },
            Kind::IrNet => Rules { levels: Levels::Balanced, ..all },
            Kind::LsqPlus => Rules { learn_zero_points: true, ..all },
            Kind::Ewgs => {
                let estimator = Estimator { slope, ..straight };
                Rules { weights: estimator, inputs: estimator, ..all }
            }
        }
    }
}

impl Train {
    /// Why there is nothing for this kind to learn, if so.
    fn unfit(&self, layers: &[QuantizedLayer]) -> Option<&'static str> {
        let none = |fits: fn(Format) -> bool| {
            !layers.iter().any(|layer| layer.codes.as_ref().is_some_and(|codes| fits(codes.format)))
        };
        match self.kind {
            Kind::Twn if none(ternary::fits) => {
                Some("it learns the codes −1, 0 and 1, and no layer has these; give weights the format int2")
            }
            Kind::IrNet if none(Format::is_binary) => {
                Some("it learns the signs of weights, and no layer is binary; give weights the format int1")
            }
            _ => None,
        }
    }
}

impl Method for Train {
    fn spec(&self) -> &'static Spec {
        self.spec
    }

    fn begin(&self, step: &Step, network: &Network) -> Result<Box<dyn Run>, QuantError> {
        let classes = network.prepared().face()?.classes();
        if classes.is_none() {
            let why = "the model's answers are no scores of classes, and training learns from nothing else; use adaround, brecq or qdrop, which learn from what layers compute";
            return Err(QuantError::Method { method: self.spec.name, why: why.to_owned() });
        }
        if network.layers().iter().all(|layer| layer.codes.is_none() && layer.input.is_none()) {
            let why = "nothing is quantized, so there is nothing to learn; quantize a layer first";
            return Err(QuantError::Method { method: self.spec.name, why: why.to_owned() });
        }
        if let Some(why) = self.unfit(network.layers()) {
            return Err(QuantError::Method { method: self.spec.name, why: why.to_owned() });
        }
        Ok(Box::new(Training::new(self.spec.name, step.clone(), self.rules(step))))
    }

    fn cost(&self, step: &Step, network: &Network, _samples: usize) -> f64 {
        // The teacher's forward pass, the student's, and two products backward for each forward.
        let passes = if step.get("distill") > 0.0 { 4.0 } else { 3.0 };
        step.get("steps") * step.get("batch") * passes * network.prepared().facts.macs as f64
    }
}
