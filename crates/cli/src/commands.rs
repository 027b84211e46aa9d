//! The commands.

mod bench;
mod eval;
mod infer;
mod inspect;
mod link;
mod models;
mod replay;

pub(crate) use bench::bench;
pub(crate) use eval::eval;
pub(crate) use infer::infer;
pub(crate) use inspect::inspect;
pub(crate) use link::link;
pub(crate) use models::models;
pub(crate) use replay::replay;
