//! Takes Transposes away by moving them behind the operators that they stand before.

mod moved;

use std::collections::BTreeMap;

use crate::graph::{Graph, Node, NodeId, Source, WireId};
use crate::infer::{Bindings, Facts, infer};
use crate::op::{Op, Reshape};
use crate::passes::Pass;
use crate::patch::Patch;
use crate::tensor::Dim;

/// Removes Transposes that undo each other, whatever stands between them.
///
/// Exporters of channels-last frameworks write a Transpose before and behind each Conv; where they are not neighbours, they
/// stay. Here a Transpose is held back: operators that do not care for the order of axes (functions of elements, reductions,
/// Softmax, Concat, Pad, Slice, reshapes that add or drop axes of length 1) run on what is not transposed yet, with their axes
/// renamed and their constants transposed; what comes out is again to be transposed. Where an operator does care, the Transpose
/// is made, once for all who read it; by then many have met their inverses. One that only moves axes of length 1 is a Reshape.
///
/// The whole graph is rewritten at once, and only if there are fewer Transposes afterwards.
#[derive(Clone, Copy, Debug, Default)]
pub struct DelayTransposes;

impl Pass for DelayTransposes {
    fn name(&self) -> &str {
        "delay Transposes"
    }

    fn propose(&self, graph: &Graph) -> Option<Patch> {
        let before = graph.nodes().filter(|(_, node)| is_transpose(graph, node)).count();
        if before == 0 {
            return None;
        }
        let mut delay = Delay::new(graph)?;
        for (id, node) in graph.nodes() {
            delay.node(id, node);
        }
        let after = delay.transposes;
        delay.patch.explanation =
            format!("took away {} of {before} Transposes", before.saturating_sub(after));
        (after < before).then_some(delay.patch)
    }
}

/// Whether it moves values while the graph runs.
fn is_transpose(graph: &Graph, node: &Node) -> bool {
    matches!(node.op, Op::Transpose { .. }) && node.inputs.first().is_some_and(|&x| graph.value(x).is_none())
}

/// What a wire of the graph is now: `wire` with its axes in the order `perm`.
#[derive(Clone, Debug)]
struct Held {
    wire: WireId,
    /// None where the order is as it was.
    perm: Option<Vec<usize>>,
}

struct Delay<'g> {
    graph: &'g Graph,
    /// The facts under two bindings of the symbols, to tell lengths that are fixed.
    facts: [Facts; 2],
    patch: Patch,
    /// The wires that are something else now.
    held: BTreeMap<WireId, Held>,
    /// The Transposes that were made.
    made: BTreeMap<(WireId, Vec<usize>), WireId>,
    transposes: usize,
}

impl<'g> Delay<'g> {
    /// None if shapes are not known.
    fn new(graph: &'g Graph) -> Option<Self> {
        let symbols = graph.inputs.iter().filter_map(|&wire| match &graph.wire(wire).source {
            Source::Input(dims) => Some(dims),
            _ => None,
        });
        let symbols: Vec<&String> = symbols
            .flatten()
            .filter_map(|dim| if let Dim::Symbol(symbol) = dim { Some(symbol) } else { None })
            .collect();
        let facts = |length: usize| {
            let bindings: Bindings = symbols.iter().map(|&symbol| (symbol.clone(), length)).collect();
            infer(graph, &bindings).ok()
        };
        Some(Self {
            graph,
            facts: [facts(2)?, facts(3)?],
            patch: Patch::new(graph, ""),
            held: BTreeMap::new(),
            made: BTreeMap::new(),
            transposes: 0,
        })
    }

    fn held(&self, wire: WireId) -> Held {
        self.held.get(&wire).cloned().unwrap_or(Held { wire, perm: None })
    }

    /// The length of each axis under both bindings.
    fn lengths(&self, wire: WireId) -> Vec<[usize; 2]> {
        let [first, second] = &self.facts;
        first.shape(wire).iter().zip(second.shape(wire)).map(|(&a, &b)| [a, b]).collect()
    }

    fn node(&mut self, id: NodeId, node: &Node) {
        // An output of the graph has its name, and its node stays what it is.
        let is_output = self.graph.outputs.contains(&node.output);
        match &node.op {
            Op::Transpose { perm } if !is_output && is_transpose(self.graph, node) => {
                let Held { wire, perm: before } = self.held(node.inputs[0]);
                let perm = match before {
                    Some(before) => perm.iter().map(|&axis| before[axis]).collect(),
                    None => perm.clone(),
                };
                let is_none = perm.iter().copied().eq(0..perm.len());
                self.held.insert(node.output, Held { wire, perm: (!is_none).then_some(perm) });
            }
            _ if !is_output && self.delayed(node) => {}
            _ => self.stay(id, node),
        }
    }

    /// Lets `node` run on what is not transposed, if it can.
    fn delayed(&mut self, node: &Node) -> bool {
        let Some((op, perm, inputs)) = moved::moved(self, node) else { return false };
        let name = self.graph.wire(node.output).name.clone();
        let output = match perm {
            Some(_) => format!("{name}.held"),
            None => name,
        };
        let wire = self.patch.node_with_output(node.name.clone(), output, op, &inputs);
        self.held.insert(node.output, Held { wire, perm });
        true
    }

    /// Lets `node` read what it has always read.
    fn stay(&mut self, id: NodeId, node: &Node) {
        for (i, &input) in node.inputs.iter().enumerate() {
            let now = self.plain(input);
            if now != input {
                self.patch.replace_input(id, i, now);
            }
        }
        self.transposes += usize::from(is_transpose(self.graph, node));
    }

    /// The wire that holds what `wire` held before.
    fn plain(&mut self, wire: WireId) -> WireId {
        let Held { wire: now, perm } = self.held(wire);
        let Some(perm) = perm else { return now };
        if let Some(&made) = self.made.get(&(now, perm.clone())) {
            return made;
        }
        let name = self.graph.wire(wire).name.clone();
        let op = match self.as_reshape(wire, &perm) {
            Some(reshape) => Op::Reshape(reshape),
            None => {
                self.transposes += 1;
                Op::Transpose { perm: perm.clone() }
            }
        };
        let made = self.patch.node_with_output(format!("{name}.order"), name, op, &[now]);
        self.made.insert((now, perm), made);
        made
    }

    /// The Reshape that does what a Transpose to `wire` does, if that only moves axes of length 1.
    fn as_reshape(&self, wire: WireId, perm: &[usize]) -> Option<Reshape> {
        let lengths = self.lengths(wire);
        let long = perm.iter().zip(&lengths).filter(|(_, length)| **length != [1, 1]);
        long.map(|(axis, _)| axis).is_sorted().then(|| reshape_to(&lengths))?
    }

    /// A constant that an operator combines with values of which `perm` is held back, of `rank` axes.
    fn constant(&mut self, wire: WireId, perm: &[usize]) -> WireId {
        let Some(value) = self.graph.value(wire) else { return wire };
        if value.len() == 1 {
            return wire;
        }
        let name = self.graph.wire(wire).name.clone();
        let missing = perm.len().saturating_sub(value.shape().len());
        let mut lifted = wire;
        if missing > 0 {
            let axes = Op::Reshape(Reshape::Unsqueeze { axes: (0..missing).collect() });
            lifted = self.patch.node(format!("{name}.lifted"), axes, &[wire]);
        }
        self.patch.node(format!("{name}.order"), Op::Transpose { perm: inverse(perm) }, &[lifted])
    }
}

/// A Reshape to these lengths, of which one may differ between the bindings.
fn reshape_to(lengths: &[[usize; 2]]) -> Option<Reshape> {
    let free = lengths.iter().filter(|[a, b]| a != b).count();
    let length = |[a, b]: &[usize; 2]| if a == b { *a as i64 } else { -1 };
    (free <= 1).then(|| Reshape::To(lengths.iter().map(length).collect()))
}

/// The order that undoes `perm`.
fn inverse(perm: &[usize]) -> Vec<usize> {
    let mut inverse = vec![0; perm.len()];
    for (i, &axis) in perm.iter().enumerate() {
        inverse[axis] = i;
    }
    inverse
}
