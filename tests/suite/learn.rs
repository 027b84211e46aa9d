//! Learning: gradients against finite differences, losses, optimizers, and steps of the CPU engine.

#![expect(clippy::unwrap_used, reason = "a suite's way to fail")]

#[path = "learn/batch_norm.rs"]
mod batch_norm;
#[path = "learn/cases.rs"]
mod cases;
#[path = "learn/difference.rs"]
mod difference;
#[path = "learn/engine.rs"]
mod engine;
#[path = "learn/gradients.rs"]
mod gradients;
#[path = "learn/indexed.rs"]
mod indexed;
#[path = "learn/losses.rs"]
mod losses;
#[path = "learn/optimizers.rs"]
mod optimizers;
#[path = "learn/quantizers.rs"]
mod quantizers;
