//! Number formats: what few bits can mean.
//!
//! Everything here is a pure function of its arguments and gives the same bits on every machine: no fused
//! multiply-add, a fixed order of summation, [`libm`] in place of the platform's mathematics library.
//! There is no tensor, no graph and no I/O in this crate. Start reading at [`affine`].

pub mod affine;
pub mod error;
pub mod float16;
pub mod format;
pub mod ggml;
pub mod histogram;
pub mod layout;
pub mod pack;
pub mod philox;
pub mod quantized;

pub use affine::{Affine, Range};
pub use error::{ErrorStats, NoiseSplit};
pub use format::{Format, FormatError, Symmetry};
pub use histogram::Histogram;
pub use layout::{BlockLayout, Granularity};
pub use philox::Philox;
pub use quantized::Quantized;
