//! The command line.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::str::FromStr;

use clap::{Parser, Subcommand, ValueEnum};
use fewbit_numeric::Format;
use fewbit_numeric::ggml::BlockType;
use fewbit_quant::{Choice, RangeMethod};

use crate::asked::{AskedChoice, AskedPipeline, Exception};
pub(crate) use crate::asked_data::OwnData;

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
MODEL is one of `fewbit models`, an ONNX file, or a checkpoint (GGUF, safetensors beside their config.json, or the folder of both).

Unless told otherwise, the weights of every Conv, Gemm and MatMul become int8@channel: symmetric, restricted range, \
min-max. Inputs of layers stay in float unless --activations is given; uint8 and other unsigned formats are asymmetric, \
min-max over the calibration samples. A CHOICE is float or FORMAT@GRANULARITY:RANGE*FACTOR, of which only FORMAT is needed \
(then tensor, minmax, 1): int4@channel, int3@group32:mse, uint8@tensor:percentile99.99. A RANGE is minmax, ema0.9, \
percentile99.99, mse, mse2.4, entropy, entropy-ort or aciq.

A PIPELINE is methods with commas between them, like \"adaround(iterations=500),bias-correct\"; `fewbit methods` lists them with \
their settings. It starts from rounding to nearest. `fold` may stand first: BatchNorms are always folded. `range=mse` before the \
methods that find codes is --range mse.";

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
    /// Show a model's layers, operators and cost; of GGUF and safetensors, the tensors.
    Inspect {
        /// The model; a GGUF or safetensors file, too.
        #[command(flatten)]
        model: Model,
        /// Look at the values of tensors too: their range, mean, deviation and zeros.
        #[arg(long)]
        statistics: bool,
    },
    /// Write the tensors of a GGUF or safetensors file in other types, one at a time.
    Convert(Convert),
    /// Make an .npz of pictures, a table or a text, as a model takes them.
    Data {
        /// The model.
        #[command(flatten)]
        model: Model,
        /// A folder of .png and .jpg files, a .csv or .tsv, or a .txt.
        path: PathBuf,
        /// Where it goes.
        #[arg(long, short, value_name = "OUT.npz")]
        output: PathBuf,
        /// How they are read.
        #[command(flatten)]
        own: OwnData,
    },
    /// Run a model as it is on inputs of your own, and write its outputs as .npy files.
    Infer {
        /// The model.
        #[command(flatten)]
        model: Model,
        /// An input and its values; once for each input.
        #[arg(long = "input", value_name = "NAME=FILE.npy", required = true)]
        inputs: Vec<Input>,
        /// The folder for the outputs; made if it is not there.
        #[arg(long, value_name = "DIR")]
        output: PathBuf,
    },
    /// Quantize a model and measure it against float.
    Eval(Eval),
    /// Quantize a model, run methods on it, measure it and write it.
    Quantize(Quantize),
    /// The same with a method that trains the whole network, like LSQ.
    Train(Quantize),
    /// Quantize a model, measure it and write what came of it: a page of HTML, JSON, or a file for another tool.
    Report(Report),
    /// Run a grid of recipes, and write a line of JSON for each.
    Sweep(Sweep),
    /// List the methods with what they need and what can be set.
    Methods,
    /// Write an experiment as a link.
    Link(Link),
    /// Run a link's experiment again and tell whether it gives the same.
    Replay(Replay),
    /// Time a model in float.
    Bench {
        /// The model.
        #[command(flatten)]
        model: Model,
        /// Samples in a run.
        #[arg(long, default_value_t = 32, value_parser = clap::value_parser!(u32).range(1..=65_536))]
        batch: u32,
        /// Runs after the first.
        #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=100_000))]
        runs: u32,
    },
}

/// A model.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct Model {
    /// A gallery id, an ONNX file, or a checkpoint: GGUF, safetensors beside their config.json, or the folder of both.
    #[arg(id = "MODEL", value_name = "MODEL")]
    pub(crate) name: String,
    /// What a length is to be that the file leaves free; `fewbit inspect` lists them. The batch stays free, and others are taken as
    /// something sensible.
    #[arg(long = "dim", value_name = "NAME=N")]
    pub(crate) lengths: Vec<Length>,
}

impl Model {
    /// A model with these lengths.
    pub(crate) fn of(name: String, lengths: &BTreeMap<String, usize>) -> Self {
        let lengths = lengths.iter().map(|(name, &length)| Length { name: name.clone(), length });
        Self { name, lengths: lengths.collect() }
    }

    /// The lengths by name.
    pub(crate) fn lengths(&self) -> BTreeMap<String, usize> {
        self.lengths.iter().map(|Length { name, length }| (name.clone(), *length)).collect()
    }
}

/// A length of a model and what it is to be.
#[derive(Clone, Debug)]
pub(crate) struct Length {
    name: String,
    length: usize,
}

impl FromStr for Length {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const FORM: &str = "write NAME=N, and N is 1 or more";
        let (name, length) = text.rsplit_once('=').ok_or(FORM)?;
        let length = length.parse().ok().filter(|length| *length > 0).ok_or(FORM)?;
        Ok(Self { name: name.to_owned(), length })
    }
}

/// The data beside a model.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct Data {
    /// Labelled data: an .npz with x (N×…, pictures N×C×H×W; floats, uint8 or whole numbers) and y (int64, N), a folder of pictures, a
    /// .csv, or a .txt. A gallery model brings its own.
    #[arg(long, value_name = "PATH")]
    pub(crate) data: Option<PathBuf>,
    /// Calibration samples, likewise. Without them the first samples of the data serve.
    #[arg(long, value_name = "PATH")]
    pub(crate) calibration: Option<PathBuf>,
    /// How they are read.
    #[command(flatten)]
    pub(crate) own: OwnData,
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
    /// A GGUF file whose types each layer gets, as near as there are such; --set goes before them.
    #[arg(long, value_name = "FILE.gguf")]
    pub(crate) allocation: Option<PathBuf>,
    /// How many calibration samples the observers see [default: 256].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) calibration_samples: Option<u32>,
    /// The seed of every random draw [default: 0].
    #[arg(long, value_name = "N")]
    pub(crate) seed: Option<u64>,
    /// The methods that start from rounding to nearest, like `fold,range=mse,adaround,bias-correct` [default: none].
    #[arg(long, value_name = "PIPELINE")]
    pub(crate) pipeline: Option<AskedPipeline>,
}

/// `fewbit eval`.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = DEFAULTS)]
pub(crate) struct Eval {
    /// The model.
    #[command(flatten)]
    pub(crate) model: Model,
    /// What is quantized, and how.
    #[command(flatten)]
    pub(crate) recipe: RecipeArgs,
    /// The data.
    #[command(flatten)]
    pub(crate) data: Data,
}

/// `fewbit quantize` and `fewbit train`.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = DEFAULTS)]
pub(crate) struct Quantize {
    /// The model.
    #[command(flatten)]
    pub(crate) model: Model,
    /// What is quantized, and how.
    #[command(flatten)]
    pub(crate) recipe: RecipeArgs,
    /// The data.
    #[command(flatten)]
    pub(crate) data: Data,
    /// Where the quantized model goes: .onnx (QuantizeLinear and DequantizeLinear), .safetensors (packed codes, scales and
    /// zero points, biases) or .gguf (codes in ggml's blocks, weights alone).
    #[arg(long, short, value_name = "OUT.onnx|OUT.safetensors|OUT.gguf")]
    pub(crate) output: PathBuf,
    /// How layers of 8 bits are written in ONNX: in float between quantizers, or as QLinearConv, QLinearMatMul, ConvInteger and
    /// MatMulInteger.
    #[arg(long, value_enum, default_value_t = Operators::Qdq)]
    pub(crate) operators: Operators,
    /// Write biases as floats. Without it, ONNX gets int32 biases where a layer's weight and input have 8 bits: kernels for
    /// integers need them.
    #[arg(long)]
    pub(crate) float_biases: bool,
    /// In the .gguf of a Llama-style checkpoint, what matrices become that the recipe leaves in float, embeddings too: Q8_0, Q4_K,
    /// Q6_K, … [default: F32].
    #[arg(long, value_name = "TYPE")]
    pub(crate) gguf_type: Option<BlockType>,
}

/// How ONNX says that a layer is quantized.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Operators {
    /// QuantizeLinear and DequantizeLinear around the layers.
    Qdq,
    /// Layers that take and give integers.
    Qlinear,
}

/// `fewbit report`.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = DEFAULTS)]
pub(crate) struct Report {
    /// The model.
    #[command(flatten)]
    pub(crate) model: Model,
    /// What is quantized, and how.
    #[command(flatten)]
    pub(crate) recipe: RecipeArgs,
    /// The data.
    #[command(flatten)]
    pub(crate) data: Data,
    /// Where it goes: .html, .json, .explorer.json (node data for Model Explorer), .netron.json (an attachment for Netron),
    /// .exclude.json (nodes_to_exclude for ONNX Runtime's quantizer) or .tensor-types.txt (lines for llama.cpp's).
    #[arg(long, short, value_name = "OUT.html")]
    pub(crate) output: PathBuf,
}

/// `fewbit convert`.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Convert {
    /// A GGUF or safetensors file; for .gguf also a folder with a checkpoint, whose parts are written as one file.
    pub(crate) input: PathBuf,
    /// Where it goes: .gguf in ggml's types, or .safetensors with packed codes as compressed-tensors has them (and a config.json
    /// beside it).
    #[arg(long, short, value_name = "OUT.gguf|OUT.safetensors")]
    pub(crate) output: PathBuf,
    /// For GGUF, the type of every tensor of two axes or more: Q8_0, Q4_0, Q4_1, Q5_0, Q5_1, Q4_K, Q5_K, Q6_K, F32, F16, BF16
    /// [default: Q8_0].
    #[arg(long, value_name = "TYPE")]
    pub(crate) r#type: Option<BlockType>,
    /// For safetensors, how weights of two axes are quantized, embeddings and the head aside [default: int4@group32].
    #[arg(long, value_name = "CHOICE")]
    pub(crate) weights: Option<Choice>,
    /// An exception: names of tensors (`*` for any characters) and a TYPE or CHOICE, or `keep`; later ones win.
    #[arg(long = "set", value_name = "PATTERN=TYPE|CHOICE|keep", value_parser = split_rule)]
    pub(crate) set: Vec<(String, String)>,
}

fn split_rule(text: &str) -> Result<(String, String), &'static str> {
    let (pattern, choice) =
        text.rsplit_once('=').ok_or("write PATTERN=TYPE, PATTERN=CHOICE or PATTERN=keep")?;
    Ok((pattern.to_owned(), choice.to_owned()))
}

/// `fewbit sweep`.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = DEFAULTS)]
pub(crate) struct Sweep {
    /// The model.
    #[command(flatten)]
    pub(crate) model: Model,
    /// The grid as JSON: lists under weights, activations, edges, range, pipeline, calibration_samples, seeds, of which every
    /// combination is run; or a list of recipes. What it leaves out is as the other options say.
    #[arg(long, value_name = "FILE.json")]
    pub(crate) grid: PathBuf,
    /// The answers, a line for each recipe. Recipes that are there already are not run again.
    #[arg(long, short, value_name = "FILE.jsonl")]
    pub(crate) output: PathBuf,
    /// Test each recipe against the first one, sample by sample (McNemar).
    #[arg(long)]
    pub(crate) pairs: bool,
    /// What holds where the grid does not say.
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
    /// The model.
    #[command(flatten)]
    pub(crate) model: Model,
    /// What is quantized, and how.
    #[command(flatten)]
    pub(crate) recipe: RecipeArgs,
    /// The page's address, to put in front.
    #[arg(long, default_value = "")]
    pub(crate) page: String,
    /// Run it, and let the link carry what came of it, so that a replay can tell whether it comes out the same.
    #[arg(long)]
    pub(crate) with_result: bool,
    /// The data, with --with-result.
    #[command(flatten)]
    pub(crate) data: Data,
}

/// `fewbit replay`.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Replay {
    /// The link, its fragment, or a file that holds it.
    pub(crate) link: String,
    /// The answer of an earlier `eval --json` to compare with. Without one, what the link expects is compared; if it expects
    /// nothing, two runs are, bit by bit.
    #[arg(long, value_name = "FILE.json")]
    pub(crate) expect: Option<PathBuf>,
    /// The model, for a link to a file of your own.
    #[arg(long, value_name = "FILE.onnx")]
    pub(crate) model_file: Option<PathBuf>,
    /// The data, for a model of your own.
    #[command(flatten)]
    pub(crate) data: Data,
}
