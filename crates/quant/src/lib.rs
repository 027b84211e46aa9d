//! Recipes, observers, methods, error analysis, reports.
//!
//! A [`Recipe`] says what is quantized and how. This crate makes it true: observers find ranges on calibration data,
//! weights become codes, quantizers are put on the wires of a graph, and what all that does to every layer and to the
//! model's answers is measured. It sees engines only as `dyn Backend`. Start reading at [`recipe`] and [`report`].

pub mod activations;
pub mod error;
pub mod layer;
pub mod measure;
pub mod observation;
pub mod prepare;
pub mod range;
pub mod recipe;
pub mod report;
pub mod size;
pub mod weights;

pub use error::QuantError;
pub use layer::QuantizedLayer;
pub use observation::Observation;
pub use prepare::Prepared;
pub use recipe::{Choice, LayerChoice, Quantizer, RangeMethod, Recipe, RecipeError, Rule};
