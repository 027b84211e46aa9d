//! A person's own data, made fit for a model: folders of images, CSV, plain text.
//!
//! Every kind has a value that says how it is read: [`images::Preprocess`], [`table::Reading`], [`text::Windows`]. It is inferred from
//! the data and from the shape of the model's input, can be shown and corrected, and makes a [`Samples`] of the bytes. Like
//! `fewbit_formats`, this crate opens no file and trusts no byte: memory grows with what a file holds, and what is damaged or
//! absurd is a [`DataError`] with a place.

#![cfg_attr(not(test), deny(clippy::indexing_slicing))]

pub mod error;
pub mod images;
pub mod samples;
pub mod table;
pub mod text;
pub mod tokenizer;

pub use error::DataError;
pub use samples::Samples;
