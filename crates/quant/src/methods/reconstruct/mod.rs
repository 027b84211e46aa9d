//! Reconstruction: parts of the network learn, one after another, to give what they give in float.
//!
//! What is learned is which way each weight is rounded, and in some methods steps and ranges as well. All methods here are
//! one machine ([`run`]) with other settings: what learns together, by which rule, with what dropped.

pub mod adaround;
pub mod autoround;
pub mod brecq;
mod lesson;
mod picture;
pub mod qdrop;
mod run;
mod settings;
mod weight;

pub use adaround::AdaRound;
pub use autoround::AutoRound;
pub use brecq::Brecq;
pub use qdrop::QDrop;
