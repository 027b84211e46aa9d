//! A person's own data, made fit for a model: folders of images, CSV, plain text.
//!
//! Every kind has a value that says how it is read: [`images::Preprocess`], [`table::Reading`], [`text::Windows`]. It is inferred from
//! the data and from what the model takes, can be shown and corrected ([`Asked`]), and makes [`Samples`] of the bytes. A [`Plan`] does
//! that for whatever files there are. Like `fewbit_formats`, this crate opens no file ([`Files`] does) and trusts no byte: memory
//! grows with what a file holds, and what is damaged or absurd is a [`DataError`] with a place.

#![cfg_attr(not(test), deny(clippy::indexing_slicing))]

pub mod error;
pub mod factor;
pub mod files;
pub mod images;
pub mod plan;
pub mod preview;
pub mod samples;
pub mod table;
pub mod text;
pub mod tokenizer;

pub use error::DataError;
pub use files::{Files, Stream};
pub use plan::{Asked, How, Kind, Plan, Wanted, Work, is_companion};
pub use preview::{Preview, Seen};
pub use samples::Samples;
