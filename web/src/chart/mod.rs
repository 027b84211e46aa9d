//! Charts: pure `scale → ticks → path` functions, and thin components around them.
//!
//! Every chart stands in a [`Frame`], which gives it a title, its twin as a table, and export as SVG, PNG and CSV.

mod frame;
pub mod path;
pub mod scale;
pub mod ticks;

pub use frame::{Frame, Size, Table};
pub use scale::Scale;
