//! Small parts that every panel uses.

pub mod bit_strip;
pub mod dialog;
pub mod format;
pub mod part;
pub mod tell;

pub use bit_strip::BitStrip;
pub use dialog::Dialog;
