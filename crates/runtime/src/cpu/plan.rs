//! A graph that is ready to run, and the values of its wires.

use fewbit_graph::{Bindings, Fact, Facts, Graph, NodeId, Source, Tensor, WireId};

use crate::backend::{Keep, LocalFuture, Plan, RunError, RunReport, check_feed};
use crate::control::Control;
use crate::cpu::schedule::Schedule;
use crate::cpu::simd::Level;
use crate::cpu::stage::Finish;
use crate::cpu::values::{Place, Scratch, Values};
use crate::dirty::Dirty;

/// A plan of the CPU engine.
pub(super) struct CpuPlan {
    level: Level,
    graph: Graph,
    facts: Facts,
    keep: Keep,
    schedule: Schedule,
    /// Inputs and parameters, by wire.
    feeds: Vec<Option<Tensor>>,
    /// Computed values, by slot. A step takes its own out while it runs.
    buffers: Vec<Vec<f32>>,
    /// Whether a buffer holds a whole value, and not what was left by a run that was stopped.
    whole: Vec<bool>,
    scratch: Scratch,
    /// Which values are out of date.
    dirty: Dirty,
    /// Never told of anything: all that a wire depends on is out of date for it.
    everything: Dirty,
}

impl CpuPlan {
    pub(super) fn new(
        level: Level,
        graph: &Graph,
        bindings: &Bindings,
        keep: Keep,
    ) -> Result<Self, RunError> {
        let facts = fewbit_graph::infer::infer(graph, bindings)?;
        let schedule = Schedule::new(graph, &facts, keep)?;
        let feeds = graph.wires().map(|(_, wire)| match &wire.source {
            Source::Parameter(tensor) => Some(tensor.clone()),
            Source::Input(_) | Source::Node(_) => None,
        });
        let buffers = schedule.arena.allocate()?;
        Ok(Self {
            level,
            feeds: feeds.collect(),
            whole: vec![false; buffers.len()],
            buffers,
            scratch: Scratch::default(),
            dirty: Dirty::new(graph),
            everything: Dirty::new(graph),
            graph: graph.clone(),
            facts,
            keep,
            schedule,
        })
    }

    fn name(&self, wire: WireId) -> &str {
        &self.graph.wire(wire).name
    }

    /// The nodes that have to run for `wanted`, in order, and how many nodes `wanted` depend on.
    fn needed(&self, wanted: &[WireId]) -> (Vec<NodeId>, usize) {
        match self.keep {
            Keep::All => self.dirty.needed(&self.graph, wanted),
            Keep::Outputs => self.everything.needed(&self.graph, wanted),
        }
    }

    fn check_inputs(&self, nodes: &[NodeId]) -> Result<(), RunError> {
        let inputs = nodes.iter().flat_map(|&node| &self.graph.node_of(node).inputs);
        let is_missing =
            |wire: &WireId| self.graph.producer(*wire).is_none() && self.feeds[wire.0 as usize].is_none();
        match inputs.copied().find(is_missing) {
            Some(wire) => Err(RunError::MissingInput(self.name(wire).to_owned())),
            None => Ok(()),
        }
    }

    async fn run_step(&mut self, step: usize, control: &Control<'_>) -> Result<(), RunError> {
        let step = &self.schedule.steps[step];
        self.whole[step.slot] = false;
        let mut output = std::mem::take(&mut self.buffers[step.slot]);
        // A run that was dropped half-way has lost the buffer that it had taken.
        output.resize(output.len().max(step.len), 0.0);
        let values = Values { feeds: &self.feeds, buffers: &self.buffers };
        let finish = Finish { level: self.level, stages: &step.stages, values };
        let refuse = |why| {
            let node = self.graph.node_of(step.nodes[0]);
            RunError::Unsupported { node: node.name.clone(), op: node.op.name().to_owned(), why }
        };
        let result = step
            .kernel
            .run(&step.inputs, &mut output[..step.len], &mut self.scratch, finish, control, refuse)
            .await;
        self.buffers[step.slot] = output;
        self.whole[step.slot] = result.is_ok();
        result
    }

    /// Assigns all values at once: in place, where nobody holds what a parameter was.
    fn assign(&mut self) -> Result<(), RunError> {
        // A value that is a feed in another shape is held before any feed changes.
        let held: Vec<Option<Tensor>> = self
            .graph
            .assignments
            .iter()
            .map(|assignment| match self.place(assignment.value)? {
                Place::Feed(_) => self.value(assignment.value).map(Some),
                Place::Buffer { .. } => Ok(None),
            })
            .collect::<Result<_, _>>()?;
        for (assignment, held) in self.graph.assignments.iter().zip(held) {
            let (target, place) = (assignment.target, self.schedule.places[assignment.value.0 as usize]);
            let feed = &mut self.feeds[target.0 as usize];
            match (held, place, feed) {
                (Some(value), _, feed) => *feed = Some(value),
                (None, Some(Place::Buffer { slot, len }), Some(tensor)) => {
                    tensor.overwrite(&self.buffers[slot][..len])?;
                }
                _ => return Err(RunError::NotKept(self.name(target).to_owned())),
            }
            self.dirty.touch(target);
        }
        Ok(())
    }

    /// Where the value of a wire is, if it is there.
    fn place(&self, wire: WireId) -> Result<Place, RunError> {
        let is_stale = self.graph.producer(wire).is_some_and(|node| self.dirty.is_stale(node));
        let place = self.schedule.places[wire.0 as usize].filter(|place| match *place {
            Place::Buffer { slot, .. } => self.whole[slot],
            Place::Feed(_) => true,
        });
        place.filter(|_| !is_stale).ok_or_else(|| RunError::NotKept(self.name(wire).to_owned()))
    }

    fn value(&self, wire: WireId) -> Result<Tensor, RunError> {
        let shape = self.facts.shape(wire);
        match self.place(wire)? {
            Place::Feed(feed) => {
                let tensor = self.feeds[feed].as_ref();
                let tensor = tensor.ok_or_else(|| RunError::MissingInput(self.name(wire).to_owned()))?;
                Ok(tensor.reshaped(shape)?)
            }
            place @ Place::Buffer { .. } => {
                let values = Values { feeds: &self.feeds, buffers: &self.buffers }.at(place)?;
                Ok(Tensor::f32(shape, values)?)
            }
        }
    }
}

impl Plan for CpuPlan {
    fn facts(&self) -> &Facts {
        &self.facts
    }

    fn set(&mut self, wire: WireId, value: &Tensor) -> Result<(), RunError> {
        if self.graph.producer(wire).is_some() {
            let expected = "no value: a node computes it".to_owned();
            let found = value.fact().to_string();
            return Err(RunError::Feed { wire: self.name(wire).to_owned(), expected, found });
        }
        check_feed(self.name(wire), self.facts.of(wire), value)?;
        let feed = &mut self.feeds[wire.0 as usize];
        if !feed.as_ref().is_some_and(|old| same_bits(old, value)) {
            *feed = Some(value.clone());
            self.dirty.touch(wire);
        }
        Ok(())
    }

    fn run<'a>(
        &'a mut self,
        wanted: &'a [WireId],
        control: &'a Control<'a>,
    ) -> LocalFuture<'a, Result<RunReport, RunError>> {
        Box::pin(async move {
            let wanted = if wanted.is_empty() { self.graph.outputs.clone() } else { wanted.to_vec() };
            if let Some(&wire) = wanted.iter().find(|wire| self.schedule.places[wire.0 as usize].is_none()) {
                return Err(RunError::NotKept(self.name(wire).to_owned()));
            }
            let (nodes, needed) = self.needed(&wanted);
            self.check_inputs(&nodes)?;
            let mut ran = 0;
            for node in nodes {
                control.step().await?;
                // A node without a step is a reshape, or is computed by the step of a node before it.
                if let Some(step) = self.schedule.step_of[node.0 as usize] {
                    self.run_step(step, control).await?;
                }
                self.dirty.done(node);
                ran += 1;
            }
            Ok(RunReport { ran, needed })
        })
    }

    fn step<'a>(
        &'a mut self,
        sampled: &'a [WireId],
        control: &'a Control<'a>,
    ) -> LocalFuture<'a, Result<Vec<Tensor>, RunError>> {
        Box::pin(async move {
            let results: Vec<WireId> = self.graph.results().collect();
            self.run(&results, control).await?;
            let read = sampled.iter().map(|&wire| self.value(wire)).collect::<Result<Vec<_>, _>>()?;
            self.assign()?;
            Ok(read)
        })
    }

    fn read<'a>(&'a mut self, wires: &'a [WireId]) -> LocalFuture<'a, Result<Vec<Tensor>, RunError>> {
        let values = wires.iter().map(|&wire| self.value(wire)).collect();
        Box::pin(std::future::ready(values))
    }

    fn bytes(&self) -> usize {
        let feeds = self.feeds.iter().flatten().map(|tensor| Fact::len(&tensor.fact()));
        let buffers = self.buffers.iter().map(Vec::len);
        4 * feeds.chain(buffers).sum::<usize>() + self.scratch.bytes()
    }
}

/// Whether two tensors of one shape are the same, or have the same bits.
fn same_bits(a: &Tensor, b: &Tensor) -> bool {
    match (a.as_f32(), b.as_f32()) {
        (Ok(a), Ok(b)) => std::ptr::eq(a, b) || a.iter().zip(b).all(|(a, b)| a.to_bits() == b.to_bits()),
        _ => a == b,
    }
}
