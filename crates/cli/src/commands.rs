//! The commands.

mod bench;
mod convert;
mod data;
mod eval;
mod infer;
mod inspect;
mod link;
mod methods;
mod models;
mod quantize;
mod replay;
mod report;
mod sweep;
pub(crate) mod tensors;

pub(crate) use bench::bench;
pub(crate) use convert::convert;
pub(crate) use data::data;
pub(crate) use eval::eval;
pub(crate) use infer::infer;
pub(crate) use inspect::inspect;
pub(crate) use link::link;
pub(crate) use methods::methods;
pub(crate) use models::models;
pub(crate) use quantize::{quantize, train};
pub(crate) use replay::replay;
pub(crate) use report::report;
pub(crate) use sweep::sweep;
