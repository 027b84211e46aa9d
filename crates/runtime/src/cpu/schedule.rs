//! From a graph to the steps that compute it: what runs on its own, what is done along the way, and where values lie.

use fewbit_graph::{Facts, Graph, Node, NodeId, Op, WireId};

use crate::backend::{Keep, RunError};
use crate::cpu::arena::Arena;
use crate::cpu::kernel::Kernel;
use crate::cpu::layout::View;
use crate::cpu::stage::Stage;
use crate::cpu::values::Place;

/// A kernel with the elementwise operators that follow it, and where their values lie.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    /// The nodes that it computes, in order.
    pub(crate) nodes: Vec<NodeId>,
    pub(crate) kernel: Kernel,
    /// The kernel's inputs.
    pub(crate) inputs: Vec<Place>,
    pub(crate) stages: Vec<Stage>,
    /// The buffer of the result.
    pub(crate) slot: usize,
    /// The length of the result.
    pub(crate) len: usize,
}

/// The steps of a graph.
#[derive(Clone, Debug)]
pub(crate) struct Schedule {
    pub(crate) steps: Vec<Step>,
    /// For each node the step that begins with it.
    pub(crate) step_of: Vec<Option<usize>>,
    /// For each wire where its value is; `None` if it is not kept.
    pub(crate) places: Vec<Option<Place>>,
    /// The buffers.
    pub(crate) arena: Arena,
}

impl Schedule {
    /// Lays out `graph`. With [`Keep::Outputs`] elementwise operators join the step before them, values share buffers,
    /// and what no output depends on is left out.
    ///
    /// # Errors
    /// [`RunError::Unsupported`] with the node that has no kernel.
    pub(crate) fn new(graph: &Graph, facts: &Facts, keep: Keep) -> Result<Self, RunError> {
        let mut drafts = Drafts::new(graph, facts, keep);
        for (id, node) in graph.nodes() {
            drafts.add(id, node)?;
        }
        Ok(drafts.place())
    }
}

/// Where a value comes from, while buffers are not handed out yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Origin {
    /// The caller sets it.
    Feed,
    /// It is the result of a step.
    Step(usize),
    /// Nobody computes it, or it was changed in place.
    Nowhere,
}

/// A step without buffers.
struct Draft {
    nodes: Vec<NodeId>,
    kernel: Kernel,
    inputs: Vec<WireId>,
    stages: Vec<(Stage, Vec<WireId>)>,
    /// The wire of its result.
    output: WireId,
}

struct Drafts<'a> {
    graph: &'a Graph,
    facts: &'a Facts,
    keep: Keep,
    steps: Vec<Draft>,
    /// By wire.
    origins: Vec<Origin>,
    /// Which wires' values are kept after a run.
    kept: Vec<bool>,
    /// Which nodes are computed.
    needed: Vec<bool>,
    /// How often nodes that are computed read each wire.
    reads: Vec<usize>,
}

impl<'a> Drafts<'a> {
    fn new(graph: &'a Graph, facts: &'a Facts, keep: Keep) -> Self {
        let wires = graph.wires().len();
        let origins = graph.wires().map(|(wire, _)| match graph.producer(wire) {
            None => Origin::Feed,
            Some(_) => Origin::Nowhere,
        });
        let mut kept = vec![keep == Keep::All; wires];
        graph.results().for_each(|wire| kept[wire.0 as usize] = true);
        let mut wanted = kept.clone();
        let mut needed = vec![false; graph.nodes().len()];
        let mut reads = vec![0; wires];
        for (id, node) in graph.nodes().rev().filter(|(_, node)| node.output.0 < wires as u32) {
            needed[id.0 as usize] = wanted[node.output.0 as usize];
            if needed[id.0 as usize] {
                for wire in &node.inputs {
                    wanted[wire.0 as usize] = true;
                    reads[wire.0 as usize] += 1;
                }
            }
        }
        Self { graph, facts, keep, steps: Vec::new(), origins: origins.collect(), kept, needed, reads }
    }

    fn add(&mut self, id: NodeId, node: &Node) -> Result<(), RunError> {
        if !self.needed[id.0 as usize] {
            return Ok(());
        }
        let origin = if let (Op::Reshape(_), Some(&input)) = (&node.op, node.inputs.first()) {
            self.origin(input)
        } else if let Some(step) = self.join(id, node) {
            Origin::Step(step)
        } else {
            let draft = self.draft(id, node)?;
            self.steps.push(draft);
            Origin::Step(self.steps.len() - 1)
        };
        self.origins[node.output.0 as usize] = origin;
        Ok(())
    }

    fn origin(&self, wire: WireId) -> Origin {
        self.origins[wire.0 as usize]
    }

    fn shapes(&self, node: &Node) -> (Vec<&'a [usize]>, &'a [usize]) {
        (node.inputs.iter().map(|&wire| self.facts.shape(wire)).collect(), self.facts.shape(node.output))
    }

    /// Adds an elementwise operator to the step that computes one of its inputs, if nobody else reads that input.
    fn join(&mut self, id: NodeId, node: &Node) -> Option<usize> {
        if self.keep == Keep::All {
            return None;
        }
        let (inputs, output) = self.shapes(node);
        let joinable = (0..node.inputs.len()).filter_map(|main| {
            let wire = node.inputs[main];
            let Origin::Step(step) = self.origin(wire) else { return None };
            let is_private = self.reads[wire.0 as usize] == 1 && !self.kept[wire.0 as usize];
            // The other inputs must be there when the step runs.
            let others_are_there = node.inputs.iter().enumerate().all(|(i, &other)| {
                i == main || !matches!(self.origin(other), Origin::Step(before) if before >= step)
            });
            let fits = self.steps[step].output == wire && is_private && others_are_there;
            fits.then(|| Stage::new(&node.op, main, &inputs, output).map(|stage| (step, stage))).flatten()
        });
        let (step, stage) = joinable.max_by_key(|(step, _)| *step)?;
        let others = others(node, stage.main);
        self.origins[node.inputs[stage.main].0 as usize] = Origin::Nowhere;
        let draft = &mut self.steps[step];
        draft.nodes.push(id);
        draft.stages.push((stage, others));
        draft.output = node.output;
        Some(step)
    }

    /// A step of its own.
    fn draft(&self, id: NodeId, node: &Node) -> Result<Draft, RunError> {
        let (inputs, output) = self.shapes(node);
        let draft = |kernel, inputs: Vec<WireId>, stages| Draft {
            nodes: vec![id],
            kernel,
            inputs,
            stages,
            output: node.output,
        };
        if let Some(kernel) = Kernel::new(&node.op, &inputs, output) {
            return Ok(draft(kernel, node.inputs.clone(), vec![]));
        }
        let stage = (0..inputs.len()).find_map(|main| Stage::new(&node.op, main, &inputs, output));
        if let Some(stage) = stage {
            let main = node.inputs[stage.main];
            return Ok(draft(Kernel::Load, vec![main], vec![(stage.clone(), others(node, stage.main))]));
        }
        // Two shapes that stretch each other: the first is stretched before.
        if let (Op::Binary(_), &[a, b]) = (&node.op, inputs.as_slice())
            && let Some(stage) = Stage::new(&node.op, 0, &[output, b], output)
        {
            let kernel = Kernel::View(View::broadcast(a, output));
            return Ok(draft(kernel, node.inputs[..1].to_vec(), vec![(stage, others(node, 0))]));
        }
        Err(RunError::Unsupported {
            node: node.name.clone(),
            op: node.op.name().to_owned(),
            why: "it has no kernel for these shapes".to_owned(),
        })
    }

    /// Hands out buffers.
    fn place(self) -> Schedule {
        let last_reads = self.last_reads();
        let mut arena = Arena::default();
        let mut places: Vec<(usize, usize)> = Vec::with_capacity(self.steps.len());
        for (i, draft) in self.steps.iter().enumerate() {
            let len = self.facts.of(draft.output).len();
            places.push((if last_reads[i].is_some() { arena.take(len) } else { arena.own(len) }, len));
            (0..=i)
                .filter(|&step| last_reads[step] == Some(i))
                .for_each(|step| arena.give_back(places[step].0));
        }
        let place = |wire: WireId| match self.origin(wire) {
            Origin::Step(step) => {
                let (slot, len) = places[step];
                Some(Place::Buffer { slot, len })
            }
            Origin::Feed => Some(Place::Feed(self.feed_of(wire))),
            Origin::Nowhere => None,
        };
        let steps = self.steps.iter().zip(&places).map(|(draft, &(slot, len))| Step {
            nodes: draft.nodes.clone(),
            kernel: draft.kernel.clone(),
            inputs: draft.inputs.iter().filter_map(|&wire| place(wire)).collect(),
            stages: draft
                .stages
                .iter()
                .map(|(stage, others)| stage.clone().with(others.iter().filter_map(|&w| place(w)).collect()))
                .collect(),
            slot,
            len,
        });
        let mut step_of = vec![None; self.needed.len()];
        for (i, draft) in self.steps.iter().enumerate() {
            draft.nodes.iter().take(1).for_each(|node| step_of[node.0 as usize] = Some(i));
        }
        let is_kept = |wire: WireId| self.kept[wire.0 as usize] || self.graph.producer(wire).is_none();
        let places = self.graph.wires().map(|(wire, _)| place(wire).filter(|_| is_kept(wire)));
        Schedule { places: places.collect(), steps: steps.collect(), step_of, arena }
    }

    /// For each step the last one that reads its result; none if the result is kept.
    fn last_reads(&self) -> Vec<Option<usize>> {
        let mut last: Vec<Option<usize>> = (0..self.steps.len()).map(Some).collect();
        for (i, draft) in self.steps.iter().enumerate() {
            let operands = draft.stages.iter().flat_map(|(_, operands)| operands);
            for &wire in draft.inputs.iter().chain(operands) {
                if let Origin::Step(step) = self.origin(wire) {
                    last[step] = Some(i);
                }
            }
        }
        for (origin, _) in self.origins.iter().zip(&self.kept).filter(|(_, kept)| **kept) {
            if let Origin::Step(step) = *origin {
                last[step] = None;
            }
        }
        last
    }

    /// The wire that is fed where `wire` is that or a reshape of it.
    fn feed_of(&self, mut wire: WireId) -> usize {
        while let Some(node) = self.graph.producer(wire) {
            match self.graph.node_of(node).inputs.first() {
                Some(&input) => wire = input,
                None => break,
            }
        }
        wire.0 as usize
    }
}

fn others(node: &Node, main: usize) -> Vec<WireId> {
    node.inputs.iter().enumerate().filter(|&(i, _)| i != main).map(|(_, &wire)| wire).collect()
}
