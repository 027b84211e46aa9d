//! A graph on the device.

use std::collections::BTreeMap;

use fewbit_graph::infer::infer;
use fewbit_graph::{Bindings, Facts, Graph, NodeId, Op, Source, Tensor, WireId};
use fewbit_numeric::Histogram;
use fewbit_runtime::backend::check_feed;
use fewbit_runtime::{Backend, BackendInfo, Control, Dirty, Keep, LocalFuture, Plan, RunError, RunReport};

use crate::assign::{Copy, assignments};
use crate::device::{Device, Gpu};
use crate::fuse::Task;
use crate::memory::Memory;
use crate::program::Program;
use crate::queue::{InFlight, Staging};
use crate::schedule::{Scheduled, check_sizes, record, unsupported};

/// How a run ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// With its values.
    Values,
    /// With the graph's assignments.
    Assignments,
}

impl Backend for Gpu {
    fn info(&self) -> BackendInfo {
        self.0.info.clone()
    }

    fn prepare<'a>(
        &'a self,
        graph: &'a Graph,
        bindings: &'a Bindings,
        keep: Keep,
    ) -> LocalFuture<'a, Result<Box<dyn Plan>, RunError>> {
        Box::pin(async move {
            let plan = GpuPlan::new(self, graph, bindings, keep).await?;
            Ok(Box::new(plan) as Box<dyn Plan>)
        })
    }
}

/// A plan whose values live on the device. A run encodes the commands of stale nodes; nothing is allocated for it.
struct GpuPlan {
    gpu: Gpu,
    graph: Graph,
    facts: Facts,
    keep: Keep,
    tasks: Vec<Scheduled>,
    memory: Memory,
    program: Program,
    /// What a step ends with.
    assignments: Vec<Copy>,
    /// For each wire that no node computes, the value that was set.
    feeds: Vec<Option<Tensor>>,
    /// For each wire whether a step has assigned to it since, so that the device knows its value and the host does not.
    learned: Vec<bool>,
    /// Which values are out of date.
    dirty: Dirty,
    /// The same with everything out of date: what [`Keep::Outputs`] runs.
    all_dirty: Dirty,
    /// How often the value of each wire has changed; wires that share a value share the count of its root.
    versions: Vec<u64>,
    /// For each command the version of the wire that its result was made from.
    made_from: Vec<Option<u64>>,
    /// Commands and slices that are encoded next.
    pending: Vec<(usize, usize)>,
    pending_cost: u64,
    in_flight: InFlight,
    staging: Staging,
}

impl GpuPlan {
    async fn new(gpu: &Gpu, graph: &Graph, bindings: &Bindings, keep: Keep) -> Result<Self, RunError> {
        let device: &Device = &gpu.0;
        device.health.check()?;
        let facts = infer(graph, bindings)?;
        let (tasks, recording) = record(device, graph, &facts, keep)?;
        let order: Vec<Task> = tasks.iter().map(|scheduled| scheduled.task.clone()).collect();
        let memory = Memory::plan(graph, &facts, &order, keep);
        check_sizes(device, graph, &facts, &memory)?;
        let assignments = assignments(graph, &facts, &memory)?;
        let program = Program::build(device, &recording, &memory).await?;
        let wires = graph.wires().len();
        let mut plan = Self {
            made_from: vec![None; program.commands.len()],
            gpu: gpu.clone(),
            graph: graph.clone(),
            facts,
            keep,
            tasks,
            memory,
            program,
            assignments,
            feeds: vec![None; wires],
            learned: vec![false; wires],
            dirty: Dirty::new(graph),
            all_dirty: Dirty::new(graph),
            versions: vec![0; wires],
            pending: Vec::new(),
            pending_cost: 0,
            in_flight: InFlight::default(),
            staging: Staging::default(),
        };
        for (id, wire) in graph.wires() {
            if let Source::Parameter(value) = &wire.source {
                plan.upload(id, value)?;
            }
        }
        device.health.check()?;
        Ok(plan)
    }

    fn device(&self) -> &Device {
        &self.gpu.0
    }

    fn upload(&mut self, wire: WireId, value: &Tensor) -> Result<(), RunError> {
        if let Some(place) = self.memory.of(wire) {
            let bytes = bytemuck::cast_slice(value.as_f32()?);
            self.device().queue.write_buffer(&self.program.buffers[place], 0, bytes);
        }
        self.feeds[wire.0 as usize] = Some(value.clone());
        self.learned[wire.0 as usize] = false;
        self.versions[wire.0 as usize] += 1;
        Ok(())
    }

    async fn run_wanted(
        &mut self,
        wanted: &[WireId],
        end: End,
        control: &Control<'_>,
    ) -> Result<RunReport, RunError> {
        self.device().health.check()?;
        control.step().await?;
        let outputs;
        let wanted = match wanted {
            [] => {
                outputs = self.graph.outputs.clone();
                outputs.as_slice()
            }
            some => some,
        };
        if let Some(&wire) = wanted.iter().find(|&&wire| !self.keeps(wire)) {
            return Err(self.not_kept(wire));
        }
        let dirty = match self.keep {
            Keep::All => &self.dirty,
            // Inner values are overwritten, so that all of them are computed again.
            Keep::Outputs => &self.all_dirty,
        };
        let (nodes, needed) = dirty.needed(&self.graph, wanted);
        self.check_inputs(&nodes)?;
        let mut runs = vec![false; self.graph.nodes().len()];
        for node in &nodes {
            runs[node.0 as usize] = true;
        }
        let is_due = |scheduled: &Scheduled| scheduled.task.nodes.iter().any(|node| runs[node.0 as usize]);
        let due: Vec<usize> = (0..self.tasks.len()).filter(|&i| is_due(&self.tasks[i])).collect();
        // Nothing may fail between what is encoded and what is submitted.
        due.iter().try_for_each(|&i| self.check_range(i))?;
        for i in due {
            self.run_task(i, control).await?;
        }
        self.flush(end).await?;
        Ok(RunReport { ran: nodes.len(), needed })
    }

    fn check_inputs(&self, nodes: &[NodeId]) -> Result<(), RunError> {
        let mut inputs = nodes.iter().flat_map(|&node| &self.graph.node_of(node).inputs);
        match inputs
            .find(|&&wire| self.graph.producer(wire).is_none() && self.feeds[wire.0 as usize].is_none())
        {
            Some(&wire) => Err(RunError::MissingInput(self.graph.wire(wire).name.clone())),
            None => Ok(()),
        }
    }

    async fn run_task(&mut self, i: usize, control: &Control<'_>) -> Result<(), RunError> {
        for command in self.tasks[i].commands.clone() {
            let version = self.program.commands[command]
                .cached_on
                .map(|wire| self.versions[self.memory.root(wire).0 as usize]);
            if version.is_some() && version == self.made_from[command] {
                continue;
            }
            let cost = self.program.commands[command].cost;
            for slice in 0..self.program.commands[command].slices.len() {
                if self.pending_cost + cost > self.program.budget && !self.pending.is_empty() {
                    self.flush(End::Values).await?;
                    control.step().await?;
                }
                self.pending.push((command, slice));
                self.pending_cost += cost;
            }
            self.made_from[command] = version;
        }
        // What is pending is submitted before anything can stop the run.
        for n in 0..self.tasks[i].task.nodes.len() {
            let node = self.tasks[i].task.nodes[n];
            self.dirty.done(node);
        }
        let root = self.memory.root(self.tasks[i].task.output);
        self.versions[root.0 as usize] += 1;
        Ok(())
    }

    /// Submits what is pending, and what the end asks for behind it.
    async fn flush(&mut self, end: End) -> Result<(), RunError> {
        self.pending_cost = 0;
        if self.pending.is_empty() && end == End::Values {
            return self.device().health.check();
        }
        let device: &Device = &self.gpu.0;
        let mut encoder = device.device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        {
            let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor::default());
            for &(command, slice) in &self.pending {
                let command = &self.program.commands[command];
                let slice = &command.slices[slice];
                pass.set_pipeline(&command.pipeline);
                pass.set_bind_group(0, &slice.bindings, &[]);
                pass.dispatch_workgroups(slice.grid.0, slice.grid.1, 1);
            }
        }
        self.pending.clear();
        if end == End::Assignments {
            for copy in &self.assignments {
                let (from, to) = (&self.program.buffers[copy.from], &self.program.buffers[copy.to]);
                encoder.copy_buffer_to_buffer(from, 0, to, 0, Some(copy.bytes));
            }
            // From here on only the device knows, also if it fails.
            for assignment in &self.graph.assignments {
                let target = assignment.target;
                self.learned[target.0 as usize] = true;
                self.versions[target.0 as usize] += 1;
                self.dirty.touch(target);
            }
        }
        self.in_flight.submit(device, encoder.finish()).await
    }

    /// After a fault of the device nobody knows which values were computed.
    fn distrust<T>(&mut self, result: Result<T, RunError>) -> Result<T, RunError> {
        if let Err(RunError::Device(_) | RunError::Lost(_)) = result {
            self.pending.clear();
            self.dirty.touch_all();
            self.made_from.fill(None);
        }
        result
    }

    /// Whether a histogram's range is one, as far as the host knows it. One that a node computes is judged on the
    /// device, which then answers with NaN.
    fn check_range(&self, i: usize) -> Result<(), RunError> {
        let Some(node) = self.tasks[i].task.nodes.first().map(|&id| self.graph.node_of(id)) else {
            return Ok(());
        };
        let (&Op::Histogram { bins }, &[_, range]) = (&node.op, node.inputs.as_slice()) else {
            return Ok(());
        };
        let root = self.memory.root(range).0 as usize;
        let Some(value) = self.feeds[root].as_ref().filter(|_| !self.learned[root]) else { return Ok(()) };
        let &[low, high] = value.as_f32()? else { return Ok(()) };
        Histogram::new(low, high, bins).map(drop).map_err(|error| unsupported(node, error.to_string()))
    }

    /// Copies the values of wires that are on the device.
    async fn fetch(&mut self, wires: &[WireId]) -> Result<Vec<Vec<f32>>, RunError> {
        let most = self.device().limits.max_buffer_size;
        let mut values = Vec::with_capacity(wires.len());
        let mut rest = wires;
        while !rest.is_empty() {
            // As many as one buffer holds; a single one always fits.
            let mut bytes = 0;
            let fitting = rest.iter().take_while(|wire| {
                bytes += self.facts.of(**wire).len() as u64 * 4;
                bytes <= most
            });
            let (now, later) = rest.split_at(fitting.count().max(1));
            let sources: Vec<_> = now
                .iter()
                .filter_map(|&wire| {
                    Some((&self.program.buffers[self.memory.of(wire)?], self.facts.of(wire).len()))
                })
                .collect();
            values.extend(self.staging.read(&self.gpu.0, &sources).await?);
            rest = later;
        }
        Ok(values)
    }

    async fn read_wires(&mut self, wires: &[WireId]) -> Result<Vec<Tensor>, RunError> {
        self.device().health.check()?;
        let mut computed = Vec::new();
        for &wire in wires {
            match self.graph.producer(wire) {
                Some(node) if !self.keeps(wire) || self.dirty.is_stale(node) => {
                    return Err(self.not_kept(wire));
                }
                Some(_) => computed.push(wire),
                None if self.learned[wire.0 as usize] => computed.push(wire),
                None if self.feeds[wire.0 as usize].is_none() => {
                    return Err(RunError::MissingInput(self.graph.wire(wire).name.clone()));
                }
                None => {}
            }
        }
        computed.sort_unstable();
        computed.dedup();
        let fetched = if computed.is_empty() { Vec::new() } else { self.fetch(&computed).await? };
        let mut tensors = BTreeMap::new();
        for (&wire, values) in computed.iter().zip(fetched) {
            tensors.insert(wire, Tensor::f32(self.facts.shape(wire), values)?);
        }
        wires
            .iter()
            .map(|&wire| {
                let value = tensors.get(&wire).or(self.feeds[wire.0 as usize].as_ref());
                value.cloned().ok_or_else(|| self.not_kept(wire))
            })
            .collect()
    }

    async fn step_once(
        &mut self,
        sampled: &[WireId],
        control: &Control<'_>,
    ) -> Result<Vec<Tensor>, RunError> {
        let results: Vec<WireId> = self.graph.results().collect();
        if sampled.is_empty() {
            self.run_wanted(&results, End::Assignments, control).await?;
            return Ok(Vec::new());
        }
        self.run_wanted(&results, End::Values, control).await?;
        let read = self.read_wires(sampled).await?;
        self.flush(End::Assignments).await?;
        Ok(read)
    }

    /// Whether the value of a wire outlives a run.
    fn keeps(&self, wire: WireId) -> bool {
        self.keep == Keep::All
            || self.graph.producer(wire).is_none()
            || self.graph.results().any(|kept| kept == wire)
    }

    fn not_kept(&self, wire: WireId) -> RunError {
        RunError::NotKept(self.graph.wire(wire).name.clone())
    }
}

impl Plan for GpuPlan {
    fn facts(&self) -> &Facts {
        &self.facts
    }

    fn set(&mut self, wire: WireId, value: &Tensor) -> Result<(), RunError> {
        let name = &self.graph.wire(wire).name;
        if self.graph.producer(wire).is_some() {
            return Err(RunError::Feed {
                wire: name.clone(),
                expected: "no value: a node computes it".to_owned(),
                found: value.fact().to_string(),
            });
        }
        check_feed(name, self.facts.of(wire), value)?;
        let known = self.feeds[wire.0 as usize].as_ref().filter(|_| !self.learned[wire.0 as usize]);
        if known.is_some_and(|old| same_bits(old, value)) {
            return Ok(());
        }
        self.upload(wire, value)?;
        self.dirty.touch(wire);
        Ok(())
    }

    fn run<'a>(
        &'a mut self,
        wanted: &'a [WireId],
        control: &'a Control<'a>,
    ) -> LocalFuture<'a, Result<RunReport, RunError>> {
        Box::pin(async move {
            let result = self.run_wanted(wanted, End::Values, control).await;
            self.distrust(result)
        })
    }

    fn step<'a>(
        &'a mut self,
        sampled: &'a [WireId],
        control: &'a Control<'a>,
    ) -> LocalFuture<'a, Result<Vec<Tensor>, RunError>> {
        Box::pin(async move {
            let result = self.step_once(sampled, control).await;
            self.distrust(result)
        })
    }

    fn read<'a>(&'a mut self, wires: &'a [WireId]) -> LocalFuture<'a, Result<Vec<Tensor>, RunError>> {
        Box::pin(async move {
            let result = self.read_wires(wires).await;
            self.distrust(result)
        })
    }

    fn bytes(&self) -> usize {
        (self.program.bytes + self.staging.bytes()) as usize
    }
}

/// Whether two tensors of one shape hold the same bits.
fn same_bits(a: &Tensor, b: &Tensor) -> bool {
    match (a.as_f32(), b.as_f32()) {
        (Ok(a), Ok(b)) => std::ptr::eq(a, b) || a.iter().zip(b).all(|(a, b)| a.to_bits() == b.to_bits()),
        _ => a == b,
    }
}
