//! Unique names for the wires of a graph, found again without a search.

use std::collections::BTreeMap;

use crate::graph::WireId;

/// Which wire has which name.
#[derive(Clone, Debug, Default)]
pub(crate) struct Names(BTreeMap<String, Taken>);

#[derive(Clone, Debug)]
struct Taken {
    wire: WireId,
    /// The number to try first when the name is wanted again.
    next: u32,
}

impl Names {
    /// Gives `wire` this name, or if it is taken the name with the first free number from 2 on: `conv.2`.
    pub(crate) fn claim(&mut self, name: String, wire: WireId) -> String {
        let mut unique = name.clone();
        if let Some(taken) = self.0.get(&name) {
            let mut number = taken.next;
            loop {
                unique = format!("{name}.{number}");
                number += 1;
                if !self.0.contains_key(&unique) {
                    break;
                }
            }
            if let Some(taken) = self.0.get_mut(&name) {
                taken.next = number;
            }
        }
        self.0.insert(unique.clone(), Taken { wire, next: 2 });
        unique
    }

    /// The wire of this name.
    pub(crate) fn find(&self, name: &str) -> Option<WireId> {
        self.0.get(name).map(|taken| taken.wire)
    }
}
