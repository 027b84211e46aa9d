//! The graph: shape inference, patches, passes, dumps, identity, cost.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

#[path = "graph/cost.rs"]
mod cost;
#[path = "graph/fold_batch_norm.rs"]
mod fold_batch_norm;
#[path = "graph/identity.rs"]
mod identity;
#[path = "graph/indexed.rs"]
mod indexed;
#[path = "graph/infer.rs"]
mod infer;
#[path = "graph/layers.rs"]
mod layers;
#[path = "graph/learn.rs"]
mod learn;
#[path = "graph/passes.rs"]
mod passes;
#[path = "graph/patch.rs"]
mod patch;
#[path = "graph/samples.rs"]
mod samples;
#[path = "graph/splice.rs"]
mod splice;
#[path = "graph/transposes.rs"]
mod transposes;
#[path = "graph/windows.rs"]
mod windows;
