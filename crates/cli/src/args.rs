//! The command line.

use std::path::PathBuf;
use std::str::FromStr;

use clap::{Parser, Subcommand, ValueEnum};
use fewbit_numeric::Format;
use fewbit_quant::recipe::RecipeError;
use fewbit_quant::{Choice, Quantizer, RangeMethod};

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
min-max. Inputs of layers stay in float unless --activations is given; uint8 and other unsigned formats are asymmetric, \
min-max over the calibration samples. A CHOICE is float or FORMAT@GRANULARITY:RANGE*FACTOR, of which only FORMAT is needed \
(then tensor, minmax, 1): int4@channel, int3@group32:mse, uint8@tensor:percentile99.99. A RANGE is minmax, ema0.9, \
percentile99.99, mse, mse2.4, entropy, entropy-ort or aciq.";

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
        inputs: Vec<Input>,
        /// The folder for the outputs; made if it is not there.
        #[arg(long, value_name = "DIR")]
        output: PathBuf,
    },
    /// Quantize a model and measure it against float.
    Eval(Eval),
    /// Write an experiment as a link.
    Link(Link),
    /// Run a link's experiment again and tell whether it gives the same.
    Replay(Replay),
    /// Time a model in float.
    Bench {
        /// A gallery id or an ONNX file.
        model: String,
        /// Samples in a run.
        #[arg(long, default_value_t = 32, value_parser = clap::value_parser!(u32).range(1..=65_536))]
        batch: u32,
        /// Runs after the first.
        #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=100_000))]
        runs: u32,
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
}

/// An input of a model and the file of its values.
#[derive(Clone, Debug)]
pub(crate) struct Input {
    pub(crate) name: String,
    pub(crate) path: PathBuf,
}

impl FromStr for Input {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (name, path) = text.split_once('=').ok_or("write NAME=FILE.npy")?;
        Ok(Self { name: name.to_owned(), path: path.into() })
    }
}

/// A choice, and whether its text names a range.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AskedChoice {
    choice: Choice,
    names_range: bool,
}

impl AskedChoice {
    /// The choice, with `range` if it names none.
    pub(crate) fn with_range(self, range: Option<RangeMethod>) -> Choice {
        match (self.choice, range) {
            (Choice::Quantize(quantizer), Some(range)) if !self.names_range => {
                Choice::Quantize(Quantizer { range, ..quantizer })
            }
            (choice, _) => choice,
        }
    }
}

impl From<Choice> for AskedChoice {
    /// A choice of a recipe, where min-max goes without saying.
    fn from(choice: Choice) -> Self {
        let names_range = choice.quantizer().is_some_and(|q| q.range != RangeMethod::MinMax);
        Self { choice, names_range }
    }
}

impl FromStr for AskedChoice {
    type Err = RecipeError;

    fn from_str(text: &str) -> Result<Self, RecipeError> {
        Ok(Self { choice: text.parse()?, names_range: text.contains(':') })
    }
}

/// An exception to the base of a recipe.
#[derive(Clone, Debug)]
pub(crate) struct Exception {
    pub(crate) pattern: String,
    pub(crate) weights: Option<AskedChoice>,
    pub(crate) activations: Option<AskedChoice>,
}

impl FromStr for Exception {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let usage = "write PATTERN=CHOICE, like 'stage1.*=int3@channel'";
        let (pattern, choices) = text.split_once('=').ok_or(usage)?;
        let (weights, activations) = choices.split_once(',').unwrap_or((choices, ""));
        let read = |text: &str| -> Result<Option<AskedChoice>, String> {
            let choice = (!text.is_empty()).then(|| text.parse()).transpose();
            choice.map_err(|error: RecipeError| error.to_string())
        };
        let exception =
            Self { pattern: pattern.to_owned(), weights: read(weights)?, activations: read(activations)? };
        match &exception {
            Self { weights: None, activations: None, .. } => Err(usage.to_owned()),
            _ => Ok(exception),
        }
    }
}

/// What is quantized, and how.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct RecipeArgs {
    /// The weights of every Conv, Gemm and MatMul [default: int8@channel].
    #[arg(long, value_name = "CHOICE")]
    pub(crate) weights: Option<AskedChoice>,
    /// The input of every Conv, Gemm and MatMul [default: float].
    #[arg(long, value_name = "CHOICE")]
    pub(crate) activations: Option<AskedChoice>,
    /// How ranges are found where a choice does not say [default: minmax].
    #[arg(long, value_name = "RANGE")]
    pub(crate) range: Option<RangeMethod>,
    /// The width of the first and the last layer [default: that of the others].
    #[arg(long, value_name = "FORMAT")]
    pub(crate) edges: Option<Format>,
    /// An exception: layers (`*` for any characters) and the choice for their weights; after a comma that for their input.
    #[arg(long = "set", value_name = "PATTERN=CHOICE[,CHOICE]")]
    pub(crate) set: Vec<Exception>,
    /// A recipe as JSON, as `eval --json` and `link --json` have it under `recipe`; the other options change it, and what
    /// it leaves out is as without it.
    #[arg(long, value_name = "FILE.json")]
    pub(crate) recipe: Option<PathBuf>,
    /// How many calibration samples the observers see [default: 256].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) calibration_samples: Option<u32>,
    /// The seed of every random draw [default: 0].
    #[arg(long, value_name = "N")]
    pub(crate) seed: Option<u64>,
}

/// `fewbit eval`.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = DEFAULTS)]
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
#[command(after_help = DEFAULTS)]
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

/// `fewbit replay`.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Replay {
    /// The link, its fragment, or a file that holds it.
    pub(crate) link: String,
    /// The answer of an earlier `eval --json` to compare with; without one, two runs are compared bit by bit.
    #[arg(long, value_name = "FILE.json")]
    pub(crate) expect: Option<PathBuf>,
    /// The model, for a link to a file of your own.
    #[arg(long, value_name = "FILE.onnx")]
    pub(crate) model_file: Option<PathBuf>,
    /// The data, for a model of your own.
    #[command(flatten)]
    pub(crate) data: Data,
}
