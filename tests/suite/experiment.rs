//! A user's work as values: documents and their history, links, the wire, and the engine unit by unit.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failure here is a failed test")]

#[path = "experiment/documents.rs"]
mod documents;
#[path = "experiment/engine.rs"]
mod engine;
#[path = "experiment/inspect.rs"]
mod inspect;
#[path = "experiment/links.rs"]
mod links;
#[path = "experiment/runs.rs"]
mod runs;
#[path = "experiment/wire.rs"]
mod wire;
