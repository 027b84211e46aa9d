//! Which buffer holds which value.

use fewbit_graph::{DType, Facts, Graph, Op, Source, WireId};
use fewbit_runtime::Keep;

use crate::fuse::Task;

/// The buffers of a plan, and where each wire's value is.
#[derive(Clone, Debug)]
pub(crate) struct Memory {
    /// For each wire its buffer; none for a wire that is never on the device.
    places: Vec<Option<usize>>,
    /// For each wire the wire whose value it shares: itself, or what a chain of Reshape nodes begins with.
    roots: Vec<WireId>,
    /// The bytes of each buffer.
    pub(crate) sizes: Vec<u64>,
}

impl Memory {
    /// The buffer of a wire.
    pub(crate) fn of(&self, wire: WireId) -> Option<usize> {
        self.places[wire.0 as usize]
    }

    /// The wire whose value `wire` shares.
    pub(crate) fn root(&self, wire: WireId) -> WireId {
        self.roots[wire.0 as usize]
    }

    /// Plans the buffers for `tasks`, which run in this order.
    ///
    /// With [`Keep::All`] every value has its own. With [`Keep::Outputs`] a buffer is used again once all tasks that read
    /// its value have run; feeds and outputs are never overwritten. A task's inputs and outputs never share one,
    /// since WebGPU does not let a dispatch read and write the same buffer.
    pub(crate) fn plan(graph: &Graph, facts: &Facts, tasks: &[Task], keep: Keep) -> Self {
        let count = graph.wires().len();
        let mut memory = Self {
            places: vec![None; count],
            roots: (0..count as u32).map(WireId).collect(),
            sizes: Vec::new(),
        };
        for (_, node) in graph.nodes() {
            if let (Op::Reshape(_), [input]) = (&node.op, node.inputs.as_slice()) {
                memory.roots[node.output.0 as usize] = memory.root(*input);
            }
        }
        // The task after which a value is no longer needed.
        let mut last_use = vec![0usize; count];
        let mut read = vec![false; count];
        for (i, task) in tasks.iter().enumerate() {
            for &node in &task.nodes {
                for &input in &graph.node_of(node).inputs {
                    let root = memory.root(input).0 as usize;
                    last_use[root] = i;
                    read[root] = true;
                }
            }
        }
        for output in graph.results() {
            last_use[memory.root(output).0 as usize] = usize::MAX;
        }

        for assignment in &graph.assignments {
            read[assignment.target.0 as usize] = true;
        }
        for (id, wire) in graph.wires() {
            let fed = !matches!(wire.source, Source::Node(_));
            if fed && read[id.0 as usize] && facts.of(id).dtype == DType::F32 {
                memory.places[id.0 as usize] = Some(memory.add(bytes_of(facts, id)));
            }
        }
        let mut free: Vec<usize> = Vec::new();
        for (i, task) in tasks.iter().enumerate() {
            let output = task.output;
            if memory.root(output) == output {
                let bytes = bytes_of(facts, output);
                let private = keep == Keep::All || last_use[output.0 as usize] == usize::MAX;
                let place = match memory.best(&free, bytes) {
                    Some(slot) if !private => {
                        free.retain(|&other| other != slot);
                        memory.sizes[slot] = memory.sizes[slot].max(bytes);
                        slot
                    }
                    _ => memory.add(bytes),
                };
                memory.places[output.0 as usize] = Some(place);
            }
            if keep == Keep::Outputs {
                memory.release(graph, task, i, &last_use, &mut free);
            }
        }
        for wire in 0..count {
            memory.places[wire] = memory.places[memory.roots[wire].0 as usize];
        }
        memory
    }

    fn add(&mut self, bytes: u64) -> usize {
        self.sizes.push(bytes);
        self.sizes.len() - 1
    }

    /// The smallest free buffer that is large enough, else the largest, which will grow.
    fn best(&self, free: &[usize], bytes: u64) -> Option<usize> {
        let size = |&&slot: &&usize| self.sizes[slot];
        let fitting = free.iter().filter(|slot| size(slot) >= bytes).min_by_key(size);
        fitting.or_else(|| free.iter().max_by_key(size)).copied()
    }

    /// Frees the buffers of values that nobody needs after task `i`.
    fn release(&self, graph: &Graph, task: &Task, i: usize, last_use: &[usize], free: &mut Vec<usize>) {
        let inputs = task.nodes.iter().flat_map(|&node| &graph.node_of(node).inputs);
        for &wire in inputs.chain([&task.output]) {
            let root = self.root(wire);
            let computed = graph.producer(root).is_some();
            if let (true, Some(place)) =
                (computed && last_use[root.0 as usize] <= i, self.places[root.0 as usize])
                && !free.contains(&place)
            {
                free.push(place);
            }
        }
    }
}

/// The bytes of a wire's value: whole vectors of four, as some kernels read them.
fn bytes_of(facts: &Facts, wire: WireId) -> u64 {
    (facts.of(wire).len() as u64 * 4).next_multiple_of(16)
}
