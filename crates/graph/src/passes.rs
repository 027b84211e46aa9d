//! Passes: each looks at a graph and proposes a patch; one loop applies them.

mod delay_transposes;
mod drop_identity;
mod fold_batch_norm;
mod fold_constants;

use crate::graph::{Graph, GraphError};
use crate::patch::Patch;

pub use delay_transposes::DelayTransposes;
pub use drop_identity::DropIdentity;
pub use fold_batch_norm::FoldBatchNorm;
pub use fold_constants::{Evaluate, FoldConstants};

/// One kind of rewrite.
pub trait Pass {
    /// What people call it: "fold BatchNorm".
    fn name(&self) -> &str;

    /// The first change that it would make, if there is one. After finitely many of its patches, and of those of the
    /// passes that it runs with, it has nothing left to propose.
    fn propose(&self, graph: &Graph) -> Option<Patch>;
}

/// Applies what the passes propose until none proposes anything, earlier passes first. Gives the graph and the
/// explanation of each patch, in order.
///
/// # Errors
/// [`GraphError`] if the graph, or a patch, is not well formed.
pub fn run(graph: &Graph, passes: &[&dyn Pass]) -> Result<(Graph, Vec<String>), GraphError> {
    let mut graph = graph.clone();
    let mut explanations = Vec::new();
    while let Some(mut patch) = passes.iter().find_map(|pass| pass.propose(&graph)) {
        explanations.push(std::mem::take(&mut patch.explanation));
        graph = patch.apply(&graph)?.graph;
    }
    Ok((graph, explanations))
}
