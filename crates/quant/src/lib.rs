//! Recipes, observers, methods, error analysis, reports.
//!
//! A [`Recipe`] says what is quantized and how. This crate makes it true: observers find ranges on calibration data,
//! weights become codes, quantizers are put on the wires of a graph, and what all that does to every layer and to the
//! model's answers is measured. It sees engines only as `dyn Backend`.
//!
//! The way of a model through it: [`Prepared`] folds and finds the layers; [`Observations`] sees what flows into them;
//! a [`QuantizedLayer`] is one layer as the recipe wants it; [`Analysis`] measures the errors at every layer,
//! [`Evaluator`] the answers, [`Sweep`] each layer alone; [`size`] counts, [`view`] shows, [`report`] has the words for
//! all of it. Start reading at [`recipe`] and [`report`].

pub mod activations;
pub mod analysis;
pub mod answers;
mod batches;
pub mod deploy;
pub mod error;
pub mod evaluate;
pub mod layer;
pub mod learn;
mod measure;
mod memory;
pub mod methods;
pub mod network;
pub mod observation;
pub mod observe;
pub mod paired;
pub mod predict;
pub mod prepare;
pub mod quantized;
pub mod range;
pub mod recipe;
pub mod report;
mod rewrite;
pub mod sensitivity;
pub mod size;
pub mod statistics;
pub mod view;
pub mod weights;

pub use analysis::{Analysis, AnalysisOptions, LayerErrors};
pub use answers::{Guess, Prediction};
pub use deploy::Deployed;
pub use error::QuantError;
pub use evaluate::{Evaluator, EvaluatorOptions};
pub use layer::QuantizedLayer;
pub use methods::Pipeline;
pub use network::Network;
pub use observation::Observation;
pub use observe::Observations;
pub use paired::{Correctness, Paired};
pub use predict::Predictor;
pub use prepare::Prepared;
pub use recipe::{Choice, LayerChoice, Quantizer, RangeMethod, Recipe, RecipeError, Rule};
pub use sensitivity::Sweep;
pub use statistics::Statistics;
