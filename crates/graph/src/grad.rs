//! Gradients: a graph that computes a loss becomes one that computes the loss's derivatives as well.
//!
//! Reverse-mode differentiation (Griewank & Walther 2008, *Evaluating Derivatives*, ch. 3) as a transformation of the
//! graph: from the loss back to what is learned, each node adds nodes that turn the gradient of its output into those of
//! its inputs. What comes of it is a graph like any other: engines run it, a dump shows it, a pass may rewrite it. The
//! rules are in the files beside this one, a family of operators each; they are written in terms of the operators
//! that there are, and of a few that only learning needs ([`crate::op`]).

mod batch_statistics;
mod elementwise;
mod indexed;
mod layout;
mod linear;
mod norm;
mod quantize;
mod reduce;
mod site;

use crate::graph::{Graph, GraphError, Node, WireId};
use crate::infer::{Bindings, InferError};
use crate::op::{Binary, Op, ScatterReduction};
use crate::shaped::Shaped;
use crate::tensor::{Fact, Tensor};

use site::Site;

pub use batch_statistics::{BatchStatistics, Unfolded, unfold_batch_norm};

/// Why there is no gradient.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GradError {
    /// Shapes do not fit.
    #[error(transparent)]
    Infer(#[from] InferError),
    /// The graph is not well formed.
    #[error(transparent)]
    Graph(#[from] GraphError),
    /// A loss of several elements.
    #[error("`{wire}` is {fact}, but a loss has one element: sum or average it")]
    Loss {
        /// The wire's name.
        wire: String,
        /// Its fact, readable.
        fact: String,
    },
    /// Something to be learned that changes nothing.
    #[error(
        "`{loss}` has no slope along `{wire}`: it does not depend on it, or only through steps and constants"
    )]
    Independent {
        /// The name of the wire that should be learned.
        wire: String,
        /// The name of the loss.
        loss: String,
    },
    /// An operator that cannot be differentiated.
    #[error("no gradient passes through {op} `{node}`: {why}")]
    NoRule {
        /// The node's name.
        node: String,
        /// The operator's name.
        op: String,
        /// The reason.
        why: &'static str,
    },
}

/// Adds to `graph` what computes ∂`loss`/∂wire for each of `wrt`, and gives the wires of these, in the order of `wrt` and
/// each of its wire's shape. The shapes are those that the graph has with `bindings`: it learns with this batch.
///
/// Only what lies between `wrt` and `loss` is differentiated: a frozen weight costs nothing. A wire that several nodes
/// read gets the sum of what each of them gives, the last reader first. Three things let nothing through, by
/// definition: steps ([`crate::op::Unary::is_step`], [`Binary::is_step`], [`Op::ArgReduce`]); the bounds of quantizers, and base and zero
/// point of [`Op::SoftRound`]; and whatever is used for its shape or as an index alone.
///
/// # Errors
/// [`GradError`], with the graph as it was, or with nodes added that nothing reads. A wire of `wrt` that the loss has no
/// slope along is an error: it would be "learned" without ever moving.
pub fn gradients(
    graph: &mut Graph,
    bindings: &Bindings,
    loss: WireId,
    wrt: &[WireId],
) -> Result<Vec<WireId>, GradError> {
    let mut build = Shaped::new(graph, bindings)?;
    if build.len(loss) != 1 {
        let fact = Fact::f32(build.shape(loss)).to_string();
        return Err(GradError::Loss { wire: build.graph.wire(loss).name.clone(), fact });
    }
    let active = Active::between(build.graph, wrt, loss);
    let nodes: Vec<Node> = build.graph.nodes().map(|(_, node)| node.clone()).collect();
    let mut sums = Sums(vec![Vec::new(); build.graph.wires().len()]);
    let name = format!("{}.grad", build.graph.wire(loss).name);
    let one = Tensor::full(build.shape(loss), 1.0);
    sums.add(loss, build.parameter(name, one));
    for node in nodes.iter().rev().filter(|node| active.contains(node.output)) {
        let Some(g) = sums.of(&mut build, node.output)? else { continue };
        for (input, &wire) in node.inputs.iter().enumerate() {
            if active.contains(wire) && !is_flat(&node.op, input) {
                let gradient = rule(&mut Site::new(&mut build, node, g, input))?;
                sums.add(wire, gradient);
            }
        }
    }
    wrt.iter()
        .map(|&wire| {
            let name = |wire: WireId| build.graph.wire(wire).name.clone();
            let independent = GradError::Independent { wire: name(wire), loss: name(loss) };
            if active.contains(wire) {
                sums.of(&mut build, wire)?.ok_or(independent)
            } else {
                Err(independent)
            }
        })
        .collect()
}

/// The wires that lie between what is learned and the loss, each connected to both by operators with a slope.
struct Active(Vec<bool>);

impl Active {
    fn between(graph: &Graph, wrt: &[WireId], loss: WireId) -> Self {
        let mut varied = vec![false; graph.wires().len()];
        wrt.iter().for_each(|wire| varied[wire.0 as usize] = true);
        for (_, node) in graph.nodes() {
            let passes =
                |(input, wire): (usize, &WireId)| varied[wire.0 as usize] && !is_flat(&node.op, input);
            if node.inputs.iter().enumerate().any(passes) {
                varied[node.output.0 as usize] = true;
            }
        }
        let mut useful = vec![false; graph.wires().len()];
        useful[loss.0 as usize] = true;
        for (_, node) in graph.nodes().rev().filter(|(_, node)| varied[node.output.0 as usize]) {
            if useful[node.output.0 as usize] {
                let passing = node.inputs.iter().enumerate().filter(|&(input, _)| !is_flat(&node.op, input));
                passing.for_each(|(_, wire)| useful[wire.0 as usize] = true);
            }
        }
        Self(std::iter::zip(varied, useful).map(|(varied, useful)| varied && useful).collect())
    }

    fn contains(&self, wire: WireId) -> bool {
        self.0[wire.0 as usize]
    }
}

/// What the readers of each wire have given so far, in the order in which they gave it.
struct Sums(Vec<Vec<WireId>>);

impl Sums {
    fn add(&mut self, wire: WireId, gradient: WireId) {
        self.0[wire.0 as usize].push(gradient);
    }

    /// The gradient of `wire`, all of whose readers have given theirs.
    fn of(&mut self, build: &mut Shaped<'_>, wire: WireId) -> Result<Option<WireId>, InferError> {
        let parts = std::mem::take(&mut self.0[wire.0 as usize]);
        let Some((&first, others)) = parts.split_first() else { return Ok(None) };
        let name = format!("{}.grad", build.graph.wire(wire).name);
        let add = |sum, &part: &WireId| build.binary(&name, Binary::Add, sum, part);
        let sum = others.iter().try_fold(first, add)?;
        self.0[wire.0 as usize].push(sum);
        Ok(Some(sum))
    }
}

/// Whether an operator's output has no slope along this input.
fn is_flat(op: &Op, input: usize) -> bool {
    match op {
        Op::Unary(unary) => unary.is_step(),
        Op::Binary(binary) => binary.is_step(),
        Op::Bernoulli(_) | Op::ArgReduce { .. } | Op::TopK { indices: true, .. } => true,
        Op::Where => input == indexed::CONDITION,
        Op::FakeQuantize { .. } => input == quantize::BOUNDS,
        Op::SoftRound { .. } => !matches!(input, quantize::ROUNDING | quantize::ROUNDING_SCALE),
        Op::Gather { .. }
        | Op::GatherElements { .. }
        | Op::GatherNd { .. }
        | Op::ScatterElements { .. }
        | Op::ScatterNd { .. } => input == layout::INDICES,
        _ => false,
    }
}

/// The gradient along one input of one node.
fn rule(site: &mut Site<'_, '_>) -> Result<WireId, GradError> {
    let node = site.node;
    let gradient = match &node.op {
        Op::Conv(conv) => linear::conv(site, conv),
        Op::MatMul => linear::matmul(site),
        Op::Gemm(gemm) => linear::gemm(site, gemm),
        Op::BatchNorm { epsilon } => norm::batch_norm(site, *epsilon),
        Op::Unary(unary) => elementwise::unary(site, *unary),
        Op::Binary(binary) => elementwise::binary(site, *binary),
        Op::Pool(pool) => linear::pool(site, pool),
        Op::Reduce(reduce) => reduce::reduce(site, reduce),
        Op::Softmax { axis } => reduce::softmax(site, *axis),
        Op::LogSoftmax { axis } => reduce::log_softmax(site, *axis),
        Op::Concat { axis } => layout::concat(site, *axis),
        Op::Pad(pad) => layout::pad(site, pad),
        Op::Slice(slice) => layout::slice(site, slice),
        Op::Reshape(_) => layout::reshape(site),
        Op::Transpose { perm } => layout::transpose(site, perm),
        Op::Expand { .. } => layout::expand(site),
        Op::Gather { axis } => layout::gather(site, *axis),
        Op::Where => indexed::choice(site),
        Op::TopK { axis, k, largest, .. } => indexed::top_k(site, *axis, *k, *largest),
        Op::CumSum { axis, exclusive, reverse } => {
            site.add(Op::CumSum { axis: *axis, exclusive: *exclusive, reverse: !reverse }, &[site.g])
        }
        Op::GatherElements { axis } => indexed::gather_elements(site, *axis),
        Op::GatherNd { batch_dims } => indexed::gather_nd(site, *batch_dims),
        Op::ScatterElements { reduction, .. } | Op::ScatterNd { reduction } => {
            if !matches!(reduction, ScatterReduction::Replace | ScatterReduction::Add) {
                return Err(no_rule(node, "only elements that are replaced or added have one"));
            }
            indexed::scatter(site, *reduction)
        }
        Op::Recurrent(_) => {
            return Err(no_rule(
                node,
                "it does not go back in time; learn with a method that looks at one layer at a time",
            ));
        }
        Op::ArgReduce { .. } => return Err(no_rule(node, "an index has no slope")),
        Op::FakeQuantize { axis, estimator } => quantize::fake_quantize(site, *axis, *estimator),
        Op::SoftRound { axis } => quantize::soft_round(site, *axis),
        Op::FakeQuantizeGrad { .. }
        | Op::SoftRoundGrad { .. }
        | Op::ConvInputGrad(_)
        | Op::ConvWeightGrad(_)
        | Op::PoolGrad(_)
        | Op::UnaryGrad(_)
        | Op::GatherGrad { .. } => {
            return Err(no_rule(node, "it is part of a gradient, and there are no second derivatives"));
        }
        Op::Update(_) => return Err(no_rule(node, "it is a step of an optimizer")),
        Op::Compare { .. } | Op::Moments { .. } | Op::Histogram { .. } => {
            return Err(no_rule(node, "it observes; sum and multiply to make a loss"));
        }
        Op::Bernoulli(_) => return Err(no_rule(node, "it is random")),
        Op::Opaque(_) => return Err(no_rule(node, "its meaning is not known")),
    };
    Ok(gradient?)
}

fn no_rule(node: &Node, why: &'static str) -> GradError {
    GradError::NoRule { node: node.name.clone(), op: node.op.name().to_owned(), why }
}
