//! Learning: parts of a network, what flows into them, and graphs that train them.
//!
//! What is learned together is a [`Unit`]: a layer with its activation function, a residual block, the whole network. A
//! training graph is a unit's part of the float model with other weights and inputs in front of its layers, a loss and
//! an optimizer behind it, and the unit's inputs and targets for all samples as parameters: a batch is a feed of
//! indices, and a step of learning is one run of the graph with nothing read back.

pub(crate) mod cache;
pub(crate) mod fisher;
pub(crate) mod inputs;
pub(crate) mod part;
pub(crate) mod rounding;
pub(crate) mod session;
pub(crate) mod sign_round;
pub mod units;

pub use units::Unit;
