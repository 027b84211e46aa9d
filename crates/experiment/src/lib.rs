//! A user's work as values: the document, commands that change it, the engine's tasks, links.
//!
//! The page, the command line and the tests all work through this crate, and none of it knows a browser, a terminal
//! or a GPU. A [`Document`] is the whole of what a person decided; [`protocol`] is what the page and the engine
//! say to each other. Start reading at [`document`].

pub mod allocation;
pub mod command;
pub mod convert;
pub mod document;
pub mod engine;
pub mod failure;
pub mod gallery;
pub mod history;
pub mod inspect;
pub mod link;
pub mod protocol;
pub mod replay;
pub mod runs;
pub mod wire;

pub use command::{Command, Part};
pub use document::{Document, ModelRef, View};
pub use failure::Failure;
pub use history::History;
pub use replay::{Expectation, Verdict};
