//! Lengths that a file leaves free, and what they are taken as.

use std::collections::{BTreeMap, BTreeSet};

use fewbit_graph::Dim;

use crate::error::{Place, Problem, ReadError};
use crate::onnx::Diagnostic;
use crate::onnx::proto::GraphProto;
use crate::onnx::read::{ReadOptions, converted, dims};

/// The free lengths of a graph's inputs.
pub(super) struct Lengths {
    /// By name, each with the axis that it is on first, and the number of axes there.
    free: BTreeMap<String, (usize, usize)>,
    /// What they are, as far as they are numbers.
    pub(super) bound: BTreeMap<String, usize>,
    /// Which of them nobody told.
    pub(super) said: Vec<Diagnostic>,
}

impl Lengths {
    /// Those of `graph`, as far as `options` tell them. An error if the options tell one that the graph does not have.
    pub(super) fn of(graph: &GraphProto, options: &ReadOptions) -> Result<Self, ReadError> {
        let initialized: BTreeSet<&str> = graph.initializer.iter().map(|tensor| tensor.name()).collect();
        let (mut free, mut bound) = (BTreeMap::new(), BTreeMap::new());
        for input in graph.input.iter().filter(|input| !initialized.contains(input.name())) {
            let declared = dims(input, &BTreeMap::new()).and_then(Result::ok).unwrap_or_default();
            let shape = options.shapes.get(input.name());
            let rank = declared.len();
            for (axis, dim) in declared.into_iter().enumerate() {
                let Dim::Symbol(symbol) = dim else { continue };
                if let Some(&length) = shape.and_then(|shape| shape.get(axis)) {
                    bound.entry(symbol.clone()).or_insert(length);
                }
                if !options.known.contains_key(input.name()) {
                    free.entry(symbol).or_insert((axis, rank));
                }
            }
        }
        if let Some(name) = options.dims.keys().find(|name| !free.contains_key(*name)) {
            let (name, found) = (name.clone(), free.into_keys().collect());
            return Err(Place::File.error(Problem::Missing { what: "the free length", name, found }));
        }
        bound.extend(options.dims.clone());
        let mut lengths = Self { free, bound, said: Vec::new() };
        if options.fixed {
            lengths.take(true);
        }
        Ok(lengths)
    }

    /// Takes what is free still as numbers: all but the batch first, and then that. Whether there was any.
    pub(super) fn take_more(&mut self) -> bool {
        self.take(true) || self.take(false)
    }

    fn take(&mut self, inner: bool) -> bool {
        let length = |axis: usize, rank: usize| match (axis, rank) {
            (0, _) => 1,
            // A picture's sides, whichever axis its channels are on.
            (1.., 4..) => 224,
            _ => 64,
        };
        let is_meant = |name: &String, axis: usize| (axis > 0 || !inner) && !self.bound.contains_key(name);
        let taken: Vec<(String, usize)> = (self.free.iter())
            .filter(|&(name, &(axis, _))| is_meant(name, axis))
            .map(|(name, &(axis, rank))| (name.clone(), length(axis, rank)))
            .collect();
        for (name, length) in &taken {
            let reason = format!("this length is taken as {length}; another can be given");
            self.said.push(converted(name, reason));
        }
        let any = !taken.is_empty();
        self.bound.extend(taken);
        any
    }

    /// What each is; none if it is free still.
    pub(super) fn told(&self) -> BTreeMap<String, Option<usize>> {
        self.free.keys().map(|name| (name.clone(), self.bound.get(name).copied())).collect()
    }
}
