//! What it means to run a graph, and the CPU engine.
//!
//! A [`Backend`] makes a [`Plan`] of a whole graph. A plan holds the value of every wire it keeps, and after a feed
//! changes it runs only the nodes that depend on it (*incremental evaluation*). Two backends have one meaning: the
//! CPU engine here, and `fewbit-gpu`. Start reading at [`backend`].

pub mod backend;
pub mod control;
pub mod cpu;
pub mod dirty;

pub use backend::{Backend, BackendInfo, BackendKind, Keep, LocalFuture, Plan, RunError, RunReport};
pub use control::{Cancel, Control, NeverPause, Pace};
pub use cpu::Cpu;
pub use dirty::Dirty;
