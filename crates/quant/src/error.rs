//! What can go wrong when a model is quantized and measured.

use fewbit_graph::{GradError, GraphError, InferError, TensorError};
use fewbit_numeric::histogram::HistogramError;
use fewbit_runtime::RunError;

use crate::methods::PipelineError;
use crate::recipe::RecipeError;

/// Why something cannot be quantized or measured.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum QuantError {
    /// A graph could not be prepared or run; also a cancel.
    #[error(transparent)]
    Run(#[from] RunError),
    /// A graph that is not well formed.
    #[error(transparent)]
    Graph(#[from] GraphError),
    /// Shapes do not fit.
    #[error(transparent)]
    Infer(#[from] InferError),
    /// Something that cannot be differentiated.
    #[error(transparent)]
    Gradient(#[from] GradError),
    /// A value of the wrong type or length.
    #[error(transparent)]
    Tensor(#[from] TensorError),
    /// A recipe that cannot be.
    #[error(transparent)]
    Recipe(#[from] RecipeError),
    /// A pipeline that cannot be.
    #[error(transparent)]
    Pipeline(#[from] PipelineError),
    /// A method that cannot work on this network, or went wrong.
    #[error("{method}: {why}")]
    Method {
        /// The method's name.
        method: &'static str,
        /// What is in the way, and what to do.
        why: String,
    },
    /// The model has operators that cannot run.
    #[error("`{model}` cannot run: {list}")]
    Unsupported {
        /// The model's name.
        model: String,
        /// Each operator with its node and the reason.
        list: String,
    },
    /// The model's face is not one that samples can be fed to.
    #[error("`{model}` cannot be fed with samples: {why}")]
    Face {
        /// The model's name.
        model: String,
        /// What is in the way, and what to do.
        why: String,
    },
    /// Samples of another shape than the model takes.
    #[error("`{input}` takes samples of {expected}, but these are {found}")]
    Samples {
        /// The input's name.
        input: String,
        /// The shape it takes, with N for the batch.
        expected: String,
        /// The shape that was given.
        found: String,
    },
    /// Not one label for each sample.
    #[error("{labels} labels for {samples} samples: there must be one for each")]
    Labels {
        /// The number of labels.
        labels: usize,
        /// The number of samples.
        samples: usize,
    },
    /// There is no such layer.
    #[error("there is no layer {index}: the model has {count}, counted from 0")]
    Layer {
        /// The index that was asked for.
        index: usize,
        /// How many there are.
        count: usize,
    },
    /// The layer has no such output channel.
    #[error("there is no channel {index}: the layer has {count}, counted from 0")]
    Channel {
        /// The index that was asked for.
        index: usize,
        /// How many there are.
        count: usize,
    },
    /// Values that no histogram can hold.
    #[error(transparent)]
    Histogram(#[from] HistogramError),
    /// As many values as the layer has weights are needed.
    #[error("layer `{layer}` has {expected} weights, but {found} values were given")]
    Weights {
        /// The layer's name.
        layer: String,
        /// How many weights it has.
        expected: usize,
        /// How many values were given.
        found: usize,
    },
    /// An input that is to be quantized, but of which nothing is known.
    #[error("the input of `{layer}` is to be quantized, but no calibration samples were observed")]
    NotObserved {
        /// The layer's name.
        layer: String,
    },
    /// A range that needs counts of values, before they were observed.
    #[error(
        "the {method} range of the input of `{layer}` needs a histogram: observe the calibration samples' distributions first"
    )]
    NoHistogram {
        /// The layer's name.
        layer: String,
        /// The range method.
        method: String,
    },
}
