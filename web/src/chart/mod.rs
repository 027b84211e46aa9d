//! Charts: pure `scale → ticks → path` functions, and thin components around them.
//!
//! Every chart stands in a [`Frame`], which gives it a title, its twin as a table, and export as SVG, PNG and CSV.

pub mod frame;
pub mod path;
pub mod probe;
pub mod scale;
pub mod ticks;
pub mod tip;

pub use frame::{Frame, Size, Table, TableView};
pub use probe::{Area, Arrow, Probe};
pub use scale::Scale;
pub use tip::Tip;
