//! Finished runs, kept so that they can be shown again.

use std::collections::VecDeque;

use fewbit_quant::{Network, Recipe};

use crate::protocol::KEPT_RUNS;
use crate::runs::Outcome;

/// Bytes that the networks of kept runs may take together; the newest is kept whatever it takes.
const MEMORY: usize = 256 << 20;

/// The network of a finished run, and what came of it.
pub(super) struct KeptRun {
    pub(super) outcome: Outcome,
    pub(super) network: Network,
    /// Whether the outcome was told.
    pub(super) told: bool,
}

/// The last finished runs, the newest last.
#[derive(Default)]
pub(super) struct Kept(VecDeque<KeptRun>);

impl Kept {
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// Keeps one more, in place of an earlier one of the same id.
    pub(super) fn push(&mut self, run: KeptRun) {
        self.0.retain(|other| other.outcome.id != run.outcome.id);
        self.0.push_back(run);
        while self.0.len() > KEPT_RUNS || (self.0.len() > 1 && self.bytes() > MEMORY) {
            self.0.pop_front();
        }
    }

    fn bytes(&self) -> usize {
        let layers = self.0.iter().flat_map(|run| run.network.layers());
        // A code and the value it stands for.
        layers.map(|layer| 8 * layer.weights.len()).sum()
    }

    pub(super) fn get(&self, id: u64) -> Option<&KeptRun> {
        self.0.iter().find(|run| run.outcome.id == id)
    }

    pub(super) fn get_mut(&mut self, id: u64) -> Option<&mut KeptRun> {
        self.0.iter_mut().find(|run| run.outcome.id == id)
    }

    /// The newest run of this recipe that came to its end.
    pub(super) fn of(&self, recipe: &Recipe) -> Option<u64> {
        let same = |run: &&KeptRun| run.outcome.complete && run.outcome.recipe == *recipe;
        self.0.iter().rev().find(same).map(|run| run.outcome.id)
    }
}
