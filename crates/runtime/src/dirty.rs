//! Incremental evaluation: which nodes have to run again.

use fewbit_graph::{Graph, NodeId, WireId};

/// Tracks, for one plan, which nodes' outputs are out of date. Both engines ask here.
#[derive(Clone, Debug)]
pub struct Dirty {
    stale: Vec<bool>,
    /// For each node the nodes that read its output.
    readers: Vec<Vec<u32>>,
    /// For each wire that no node computes, the nodes that read it.
    feeds: Vec<Vec<u32>>,
    /// For each node the nodes that it reads from.
    sources: Vec<Vec<u32>>,
}

impl Dirty {
    /// Everything is out of date.
    pub fn new(graph: &Graph) -> Self {
        let count = graph.nodes().len();
        let mut dirty = Self {
            stale: vec![true; count],
            readers: vec![Vec::new(); count],
            feeds: vec![Vec::new(); graph.wires().len()],
            sources: vec![Vec::new(); count],
        };
        for (id, node) in graph.nodes() {
            for &wire in &node.inputs {
                match graph.producer(wire) {
                    Some(source) => {
                        dirty.readers[source.0 as usize].push(id.0);
                        dirty.sources[id.0 as usize].push(source.0);
                    }
                    None => dirty.feeds[wire.0 as usize].push(id.0),
                }
            }
        }
        dirty
    }

    /// A feed has changed: everything downstream is out of date.
    pub fn touch(&mut self, wire: WireId) {
        let mut open = self.feeds[wire.0 as usize].clone();
        while let Some(node) = open.pop() {
            // A stale node's readers are stale already.
            if !std::mem::replace(&mut self.stale[node as usize], true) {
                open.extend(&self.readers[node as usize]);
            }
        }
    }

    /// Everything is out of date again.
    pub fn touch_all(&mut self) {
        self.stale.fill(true);
    }

    /// A node has run.
    pub fn done(&mut self, node: NodeId) {
        self.stale[node.0 as usize] = false;
    }

    /// Whether a node's output is out of date.
    pub fn is_stale(&self, node: NodeId) -> bool {
        self.stale[node.0 as usize]
    }

    /// The nodes that have to run so that `wanted` are up to date, in order, and how many nodes `wanted` depend on.
    pub fn needed(&self, graph: &Graph, wanted: &[WireId]) -> (Vec<NodeId>, usize) {
        let mut reached = vec![false; self.stale.len()];
        let mut open: Vec<u32> = wanted.iter().filter_map(|&w| graph.producer(w)).map(|n| n.0).collect();
        while let Some(node) = open.pop() {
            if !std::mem::replace(&mut reached[node as usize], true) {
                open.extend(&self.sources[node as usize]);
            }
        }
        let total = reached.iter().filter(|&&r| r).count();
        let run =
            (0..reached.len()).filter(|&i| reached[i] && self.stale[i]).map(|i| NodeId(i as u32)).collect();
        (run, total)
    }
}
