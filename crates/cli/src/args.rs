//! The command line.

use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum};
use fewbit_numeric::Format;
use fewbit_quant::{Choice, RangeMethod};

/// Quantize neural networks, and see what it does to them.
#[derive(Debug, Parser)]
#[command(name = "fewbit", version, after_help = DEFAULTS)]
pub(crate) struct Args {
    /// Print one JSON object instead of a table.
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// The engine. `gpu` is whatever adapter there is, by Vulkan, Metal or Direct3D 12.
    #[arg(long, global = true, value_enum, default_value_t = Engine::Cpu)]
    pub(crate) backend: Engine,
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

const DEFAULTS: &str = "\
MODEL is one of `fewbit models` or an ONNX file.

Unless told otherwise, the weights of every Conv, Gemm and MatMul become int8@channel: symmetric, restricted range, \
min-max. Inputs of layers stay in float unless --activations is given; then they are asymmetric (uint8 …), min-max over \
the calibration samples. A choice is written float or format@granularity:range*factor, like int4@channel, \
int3@group32:mse, uint8@tensor:percentile99.99.";

/// The engines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Engine {
    /// The CPU engine: the same bits on every machine.
    Cpu,
    /// The wgpu engine.
    Gpu,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// List the models that come with Fewbit.
    Models,
    /// Show a model's layers, operators and cost.
    Inspect {
        /// A gallery id or an ONNX file.
        model: String,
    },
    /// Run a model as it is on inputs of your own, and write its outputs as .npy files.
    Infer {
        /// A gallery id or an ONNX file.
        model: String,
        /// An input and its values; once for each input.
        #[arg(long = "input", value_name = "NAME=FILE.npy", required = true)]
        inputs: Vec<String>,
        /// The folder for the outputs; made if it is not there.
        #[arg(long, value_name = "DIR")]
        output: PathBuf,
    },
    /// Quantize a model and measure it against float.
    Eval(Eval),
    /// Write an experiment as a link.
    Link(Link),
    /// Run a link's experiment again and tell whether it gives the same.
    Replay {
        /// The link, its fragment, or a file that holds it.
        link: String,
        /// The answer of an earlier `eval --json` to compare with; without one, two runs are compared bit by bit.
        #[arg(long, value_name = "FILE.json")]
        expect: Option<PathBuf>,
        /// The data, for a model of your own.
        #[command(flatten)]
        data: Data,
    },
    /// Time a model in float.
    Bench {
        /// A gallery id or an ONNX file.
        model: String,
        /// Samples in a run.
        #[arg(long, default_value_t = 32)]
        batch: usize,
        /// Runs after the first.
        #[arg(long, default_value_t = 10)]
        runs: usize,
    },
}

/// The data beside a model.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct Data {
    /// Labelled data: x (uint8 or float32, N×C×H×W) and y (int64, N). A gallery model brings its own.
    #[arg(long, value_name = "FILE.npz")]
    pub(crate) data: Option<PathBuf>,
    /// Calibration samples: x. Without them the first samples of the data serve.
    #[arg(long, value_name = "FILE.npz")]
    pub(crate) calibration: Option<PathBuf>,
    /// The model's file, for a link to a model of your own.
    #[arg(long, value_name = "FILE.onnx")]
    pub(crate) model_file: Option<PathBuf>,
}

/// What is quantized, and how.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct RecipeArgs {
    /// The weights of every layer.
    #[arg(long, value_name = "CHOICE")]
    pub(crate) weights: Option<Choice>,
    /// The input of every layer.
    #[arg(long, value_name = "CHOICE")]
    pub(crate) activations: Option<Choice>,
    /// How ranges are found where a choice does not say.
    #[arg(long, value_name = "RANGE")]
    pub(crate) range: Option<RangeMethod>,
    /// The width of the first and the last layer.
    #[arg(long, value_name = "FORMAT")]
    pub(crate) edges: Option<Format>,
    /// An exception: layers (`*` for any characters) and the choice for their weights; after a comma that for their input.
    #[arg(long = "set", value_name = "PATTERN=CHOICE[,CHOICE]")]
    pub(crate) set: Vec<String>,
    /// A recipe as JSON, as `link --json` prints it; the other options change it.
    #[arg(long, value_name = "FILE.json")]
    pub(crate) recipe: Option<PathBuf>,
    /// How many calibration samples the observers see [default: 256].
    #[arg(long, value_name = "N")]
    pub(crate) calibration_samples: Option<u32>,
    /// The seed of every random draw [default: 0].
    #[arg(long, value_name = "N")]
    pub(crate) seed: Option<u64>,
}

/// `fewbit eval`.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Eval {
    /// A gallery id or an ONNX file.
    pub(crate) model: String,
    /// What is quantized, and how.
    #[command(flatten)]
    pub(crate) recipe: RecipeArgs,
    /// The data.
    #[command(flatten)]
    pub(crate) data: Data,
}

/// `fewbit link`.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Link {
    /// A gallery id or an ONNX file.
    pub(crate) model: String,
    /// What is quantized, and how.
    #[command(flatten)]
    pub(crate) recipe: RecipeArgs,
    /// The page's address, to put in front.
    #[arg(long, default_value = "")]
    pub(crate) page: String,
}
