//! Optimizers: what is learned, where its slopes go, and by how much at each step.
//!
//! An optimizer is nodes: [`Optimizer::attach`] adds to a graph what computes the next values of parameters, and assigns
//! them (see [`Graph::assignments`]), so that a step of a plan is a step of learning. Its state is parameters of the graph
//! like any other: whoever reads all targets of assignments has all there is to keep. What changes from step to step is
//! one small feed, its rates.

mod schedule;

use crate::graph::{Graph, WireId};
use crate::infer::{Bindings, InferError};
use crate::op::{Binary, Op, Unary, Update};
use crate::shaped::Shaped;
use crate::tensor::Tensor;

pub use schedule::{Curve, Schedule};

/// A rule by which parameters descend.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Optimizer {
    /// g ← g + λ·p, m ← μ·m + g, p ← p − η·m: gradient descent with heavy-ball momentum.
    Sgd {
        /// μ; with 0 there is no state.
        momentum: f32,
        /// λ, added to the gradient: an L2 penalty.
        weight_decay: f32,
    },
    /// Adam (Kingma & Ba 2015, arXiv 1412.6980, algorithm 1); with λ > 0 AdamW, whose decay is beside the gradient
    /// (Loshchilov & Hutter 2019, arXiv 1711.05101, algorithm 2).
    Adam {
        /// β₁ of the mean.
        beta_1: f32,
        /// β₂ of the squares.
        beta_2: f32,
        /// ε.
        epsilon: f32,
        /// λ.
        weight_decay: f32,
    },
    /// p ← p − η·sign(g).
    SignSgd,
}

/// A parameter that is learned.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Learned {
    /// The parameter.
    pub parameter: WireId,
    /// The gradient of the loss along it.
    pub gradient: WireId,
    /// Where it must stay: after each step it is clipped to these.
    pub within: Option<[f32; 2]>,
}

/// Parameters that learn by one rule, at one rate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Group {
    /// The rule.
    pub optimizer: Optimizer,
    /// The feed of [`rates`](Self::rates).
    pub rates: WireId,
}

impl Optimizer {
    /// Adam with the constants of its paper, which are PyTorch's as well, and no decay.
    pub const ADAM: Self = Self::Adam { beta_1: 0.9, beta_2: 0.999, epsilon: 1e-8, weight_decay: 0.0 };

    /// Adds what each of `learned` becomes to the graph, and assigns it. `name` is the group's, and begins the name of its
    /// rates, `name.rates`. State begins with zeros.
    ///
    /// # Errors
    /// [`InferError`] if a gradient is not of its parameter's shape.
    pub fn attach(
        self,
        graph: &mut Graph,
        bindings: &Bindings,
        name: &str,
        learned: &[Learned],
    ) -> Result<Group, InferError> {
        let mut build = Shaped::new(graph, bindings)?;
        let count = self.step().inputs().1;
        let rates = build.parameter(format!("{name}.rates"), Tensor::zeros([count]));
        for learned in learned {
            let next = self.next(&mut build, rates, *learned)?;
            let next = match learned.within {
                Some([min, max]) => {
                    let name = format!("{}.clipped", build.graph.wire(learned.parameter).name);
                    build.unary(&name, Unary::Clip { min, max }, next)?
                }
                None => next,
            };
            build.graph.assign(learned.parameter, next);
        }
        Ok(Group { optimizer: self, rates })
    }

    /// The operator that gives a parameter its next value.
    fn step(self) -> Update {
        match self {
            Self::Sgd { .. } => Update::Descend,
            Self::Adam { epsilon, .. } => Update::Adam { epsilon },
            Self::SignSgd => Update::Sign,
        }
    }

    fn next(self, build: &mut Shaped<'_>, rates: WireId, learned: Learned) -> Result<WireId, InferError> {
        let Learned { parameter: p, gradient: g, .. } = learned;
        let name = build.graph.wire(p).name.clone();
        let step = Op::Update(self.step());
        let next = format!("{name}.next");
        match self {
            Self::SignSgd => build.node(&next, step, &[p, g, rates]),
            // Without state, the decay is one of the rates.
            Self::Sgd { momentum: 0.0, .. } => build.node(&next, step, &[p, g, rates]),
            Self::Sgd { momentum, weight_decay } => {
                let g = decayed(build, p, g, weight_decay)?;
                let m = state(build, p, "momentum", g, Update::Momentum { momentum })?;
                build.node(&next, step, &[p, m, rates])
            }
            Self::Adam { beta_1, beta_2, .. } => {
                let m = state(build, p, "mean", g, Update::Mean { decay: beta_1 })?;
                let v = state(build, p, "square", g, Update::Square { decay: beta_2 })?;
                build.node(&next, step, &[p, m, v, rates])
            }
        }
    }
}

impl Group {
    /// The values of the rates for step `step`, counted from 0, at the learning rate η. Computed in f64 and rounded once.
    pub fn rates(&self, step: u32, learning_rate: f64) -> Tensor {
        let rates = match self.optimizer {
            Optimizer::Sgd { momentum: 0.0, weight_decay } => vec![learning_rate, f64::from(weight_decay)],
            Optimizer::Sgd { .. } => vec![learning_rate, 0.0],
            Optimizer::Adam { beta_1, beta_2, weight_decay, .. } => {
                let correction = |beta: f32| 1.0 / (1.0 - libm::pow(f64::from(beta), f64::from(step) + 1.0));
                vec![learning_rate, correction(beta_1), correction(beta_2), f64::from(weight_decay)]
            }
            Optimizer::SignSgd => vec![learning_rate],
        };
        Tensor::vector(rates.into_iter().map(|rate| rate as f32).collect::<Vec<_>>())
    }
}

/// g + λ·p.
fn decayed(build: &mut Shaped<'_>, p: WireId, g: WireId, weight_decay: f32) -> Result<WireId, InferError> {
    if weight_decay == 0.0 {
        return Ok(g);
    }
    let name = format!("{}.decay", build.graph.wire(p).name);
    let lambda = build.parameter(name.as_str(), Tensor::scalar(weight_decay));
    let decay = build.binary(&name, Binary::Mul, p, lambda)?;
    build.binary(&name, Binary::Add, g, decay)
}

/// The next value of a state of p, which is assigned to it.
fn state(
    build: &mut Shaped<'_>,
    p: WireId,
    what: &str,
    g: WireId,
    update: Update,
) -> Result<WireId, InferError> {
    let name = format!("{}.{what}", build.graph.wire(p).name);
    let zeros = Tensor::zeros(build.shape(p));
    let old = build.parameter(name.as_str(), zeros);
    let new = build.node(&format!("{name}.next"), Op::Update(update), &[old, g])?;
    build.graph.assign(old, new);
    Ok(new)
}
