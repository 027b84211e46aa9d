//! What the page and the engine's worker say to each other.
//!
//! A message is a version byte and its postcard encoding, followed by blobs (files, pixels) that are handed over
//! without a copy. The engine answers [`Request::Open`] with [`Event::Ready`]; the page queues until then. For
//! [`Request::Update`] the newest wins: an update that arrives while an older one is computed stops it, and every
//! answer carries the revision that it belongs to.
//!
//! [`Request::Update`] never learns: it rounds to nearest, unless a finished run of the same recipe is there, whose network
//! it then shows. [`Request::Run`] learns. A run is paused when another recipe is asked for, and comes back, paused, with an
//! update of its own; there is one unfinished run at most.

use std::collections::BTreeMap;

pub use fewbit_formats::onnx::write::Layers;
use fewbit_quant::Recipe;
use fewbit_quant::methods::{Finding, Frame};
use fewbit_quant::report::{Evaluation, LayerReport, LayerView, ModelFacts, Sensitivity, Size};
use serde::{Deserialize, Serialize};

use crate::failure::Failure;
use crate::runs::{Estimate, Outcome, Phase};

/// The version of these messages; both sides are built together, so a difference means a stale cache.
pub const VERSION: u8 = 5;

/// Which engine is wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum EngineChoice {
    /// A hardware adapter that passes the self-test, else the CPU.
    #[default]
    Auto,
    /// The CPU engine.
    Cpu,
    /// The GPU engine on whatever adapter there is, if it passes the self-test; an error if there is none.
    Gpu,
}

/// Page to engine.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Request {
    /// Opens an engine.
    Open {
        /// Which one is wanted.
        choice: EngineChoice,
        /// A fault switch for tests: the kernel whose self-test is to fail; a name that is no kernel's fails all.
        spoil: Option<String>,
    },
    /// Puts a model on the bench. Blobs: the model; then as told the test set and the calibration set (npz).
    Load {
        /// The name that people see.
        name: String,
        /// Whether a test set comes along.
        test: bool,
        /// Whether a calibration set comes along; without one the first test samples serve, and that is said.
        calibration: bool,
        /// The names of the classes; empty if they have none.
        classes: Vec<String>,
        /// What lengths that the model's file leaves free are to be, by name.
        lengths: BTreeMap<String, usize>,
    },
    /// Puts another labelled data set beside the model that is there. Blob: the npz.
    LoadData {
        /// The file's name.
        name: String,
        /// The names of the classes; empty if they have none.
        classes: Vec<String>,
    },
    /// Puts a longer calibration set in the place of one that is its beginning: what was computed from that stays. Blob: the npz.
    LoadCalibration,
    /// Makes the recipe true and reports: the view first, then weights, layers, answers.
    Update {
        /// Counts up; answers carry it.
        revision: u64,
        /// The recipe.
        recipe: Recipe,
        /// What is looked at.
        focus: Focus,
    },
    /// Only what is looked at has changed.
    Look {
        /// The revision in force.
        revision: u64,
        /// What is looked at now.
        focus: Focus,
    },
    /// Measures what each layer alone means for the model's outputs.
    Sweep {
        /// The revision in force.
        revision: u64,
        /// How many samples are used.
        samples: u32,
    },
    /// Asks both models about one input of the model's shape.
    Predict {
        /// Counts up; the answer carries it.
        id: u64,
        /// The input's values.
        values: Vec<f32>,
    },
    /// Times the float model on this engine.
    Bench {
        /// Samples in a run.
        batch: u32,
        /// Runs after the first.
        runs: u32,
    },
    /// Writes the quantized model out.
    Export {
        /// In which form.
        form: ExportForm,
    },
    /// Says what a run of this recipe would need and take.
    Estimate {
        /// Counts up; the answer carries it.
        id: u64,
        /// The recipe.
        recipe: Recipe,
    },
    /// Rounds to nearest, runs the recipe's pipeline from there, and measures what came of it. Another run that is not
    /// finished is dropped.
    Run {
        /// The revision that this is; answers carry it.
        revision: u64,
        /// Counts up; events of the run carry it.
        id: u64,
        /// The recipe.
        recipe: Recipe,
        /// What is looked at.
        focus: Focus,
    },
    /// Lets the run stand still; it can go on later.
    Pause,
    /// Lets the run go on.
    Resume {
        /// The revision that its recipe is now.
        revision: u64,
    },
    /// Lets the run do one unit of work, and stand still again.
    Step {
        /// The revision that its recipe is now.
        revision: u64,
    },
    /// Ends the run.
    Stop {
        /// The revision that its recipe is now.
        revision: u64,
        /// Whether what it learned so far is kept and measured, like a run that is finished.
        keep: bool,
    },
    /// Puts the network of a finished run on the bench again. The last [`KEPT_RUNS`] are kept.
    Show {
        /// The revision that its recipe is now.
        revision: u64,
        /// The run.
        id: u64,
        /// What is looked at.
        focus: Focus,
    },
    /// Stops what is running; a run is paused.
    Cancel,
}

/// How many finished runs an engine keeps, so that they can be shown again; fewer if they are large.
pub const KEPT_RUNS: usize = 16;

/// What is looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Focus {
    /// The layer.
    pub layer: u32,
    /// The channel that the weights are narrowed to.
    pub channel: Option<u32>,
    /// Bins of the histograms.
    pub bins: u32,
}

/// The forms in which a quantized model can be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ExportForm {
    /// safetensors with packed codes, scales and zero points.
    Safetensors,
    /// ONNX. What it says in another way is told as a warning.
    Onnx {
        /// How layers of 8 bits are written.
        layers: Layers,
    },
    /// The report as JSON.
    Report,
    /// GGUF with the codes in ggml's blocks. What it says in another way is told as a warning.
    Gguf,
    /// The report as a page of HTML.
    Page,
    /// A file about the model for another tool.
    Tool(ToolFile),
}

/// Files for other people's tools.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ToolFile {
    /// Node data for Model Explorer.
    ModelExplorer,
    /// An attachment for Netron.
    Netron,
    /// The list `nodes_to_exclude` of ONNX Runtime's quantizer.
    NodesToExclude,
    /// Lines `--tensor-type` for llama.cpp's quantizer.
    TensorTypes,
}

impl ToolFile {
    /// How the names of its files end.
    pub fn ending(self) -> &'static str {
        match self {
            Self::ModelExplorer => "explorer.json",
            Self::Netron => "netron.json",
            Self::NodesToExclude => "exclude.json",
            Self::TensorTypes => "tensor-types.txt",
        }
    }
}

/// The stages of long work, by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Stage {
    /// Opening the adapter and checking kernels.
    Engine,
    /// Reading files.
    Reading,
    /// Running the calibration samples.
    Calibrating,
    /// Answers of the float model.
    FloatAnswers,
    /// Errors of the layers.
    LayerErrors,
    /// Answers of the quantized model.
    Answers,
    /// Each layer alone.
    Sweep,
    /// Timing the engine.
    Timing,
    /// Writing a file.
    Writing,
}

/// Which engine runs, and why.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EngineInfo {
    /// Whether it is the GPU.
    pub gpu: bool,
    /// The adapter or instruction set.
    pub device: String,
    /// Why this engine.
    pub reason: EngineReason,
    /// What the self-test found, if there was an adapter to test.
    pub self_test: Option<SelfTestReport>,
}

/// Why an engine was chosen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum EngineReason {
    /// A hardware adapter passed the self-test.
    Verified,
    /// It was asked for.
    AskedFor,
    /// The browser or system offers no adapter.
    NoAdapter(String),
    /// The adapter is a CPU in disguise, so our CPU engine is the faster one.
    SoftwareAdapter(String),
    /// The adapter gave wrong numbers.
    SelfTestFailed(String),
    /// The device was lost before.
    DeviceLost(String),
}

/// What the self-test found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SelfTestReport {
    /// The adapter that was tested.
    pub adapter: String,
    /// Each kernel with its worst error and what is allowed.
    pub checks: Vec<KernelCheck>,
    /// How long it took, in milliseconds.
    pub millis: f64,
    /// Whether results were spoiled because [`Request::Open`] asked for it.
    pub spoiled: bool,
}

/// One kernel against the CPU engine.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct KernelCheck {
    /// The kernel.
    pub kernel: String,
    /// The worst error, relative to the largest value.
    pub worst: f64,
    /// What is allowed.
    pub allowed: f64,
    /// Whether it passed.
    pub passed: bool,
}

/// What data is on the bench.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DataFacts {
    /// Test samples.
    pub test: u32,
    /// Whether they are labelled.
    pub labelled: bool,
    /// Calibration samples.
    pub calibration: u32,
    /// Whether they are labelled.
    pub calibration_labelled: bool,
    /// Whether calibration samples are the first test samples, for want of others.
    pub calibration_from_test: bool,
    /// The shape of one sample.
    pub sample_shape: Vec<usize>,
    /// The tokens that a language model knows; none if it is another model.
    pub vocabulary: Option<usize>,
    /// The names of the classes.
    pub classes: Vec<String>,
}

/// What a step of work took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Effort {
    /// Nodes that ran again.
    pub ran: u32,
    /// Nodes that the answer depends on.
    pub needed: u32,
    /// Milliseconds.
    pub millis: f64,
}

/// A sample as a small picture.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Picture {
    /// Its place in the test set.
    pub index: u32,
    /// 1 (grey) or 3 (colour).
    pub channels: u8,
    /// Pixels down.
    pub height: u16,
    /// Pixels across.
    pub width: u16,
    /// Row-major, channels last.
    pub pixels: Vec<u8>,
}

/// A test sample with both answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    /// The sample.
    pub picture: Picture,
    /// The right class, if known.
    pub label: Option<u32>,
    /// The float model's class and its probability.
    pub float: (u32, f32),
    /// The quantized model's class and its probability.
    pub quantized: (u32, f32),
}

/// Engine to page.
#[cfg_attr(
    target_pointer_width = "64",
    expect(
        clippy::large_enum_variant,
        reason = "events are handed over one at a time, never kept in numbers"
    )
)]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Event {
    /// The engine is open.
    Ready(EngineInfo),
    /// A model is on the bench.
    Loaded {
        /// What it is.
        facts: ModelFacts,
        /// The data beside it.
        data: DataFacts,
    },
    /// There are other data beside the model that was there.
    Data(DataFacts),
    /// Long work goes on.
    Progress {
        /// What is done.
        stage: Stage,
        /// Steps done.
        done: u32,
        /// Steps in all.
        total: u32,
    },
    /// The layer that is looked at.
    Viewed {
        /// The revision that this is true of.
        revision: u64,
        /// The layer.
        view: LayerView,
    },
    /// What was applied, errors of weights, and the size; layer errors still missing.
    Applied {
        /// The revision that this is true of.
        revision: u64,
        /// The run whose network this is; none for rounding to nearest, also if the recipe has a pipeline.
        run: Option<u64>,
        /// One for each layer.
        layers: Vec<LayerReport>,
        /// The size.
        size: Size,
        /// What it took.
        effort: Effort,
    },
    /// The layers with their local and cumulative errors.
    Layers {
        /// The revision that this is true of.
        revision: u64,
        /// One for each layer.
        layers: Vec<LayerReport>,
        /// Samples behind the errors.
        samples: u32,
        /// What it took.
        effort: Effort,
    },
    /// The model's answers; comes several times while more samples are seen.
    Evaluated {
        /// The revision that this is true of.
        revision: u64,
        /// The answers so far.
        evaluation: Evaluation,
        /// Answers that changed (at most a few dozen, most confident first), then samples that did not. Empty where
        /// those sent before still serve.
        answers: Vec<Answer>,
        /// What it took so far.
        effort: Effort,
    },
    /// Everything about this revision has been said.
    Settled {
        /// The revision.
        revision: u64,
    },
    /// What each layer alone means; comes once for each layer as it is measured.
    Swept {
        /// The revision that this is true of.
        revision: u64,
        /// The layer's row.
        row: Sensitivity,
    },
    /// Both models' answer to one input: probabilities of the classes.
    Predicted {
        /// The request.
        id: u64,
        /// Of the float model.
        float: Vec<f32>,
        /// Of the quantized model.
        quantized: Vec<f32>,
    },
    /// How long the float model takes: the first run with the making of the plan, then the others.
    Benched {
        /// Samples in a run.
        batch: u32,
        /// Runs after the first.
        runs: u32,
        /// The first run, in milliseconds.
        first_millis: f64,
        /// The median of the others.
        median_millis: f64,
        /// The least of the others.
        min_millis: f64,
    },
    /// What a run would need and take.
    Estimated {
        /// The request.
        id: u64,
        /// The answer.
        estimate: Estimate,
    },
    /// A run begins, stands still, goes on, or is dropped.
    Run {
        /// The run.
        id: u64,
        /// Where it stands.
        phase: Phase,
    },
    /// A run has done a unit of work.
    Learning {
        /// The run.
        id: u64,
        /// The step of the pipeline, from 0.
        step: u32,
        /// Steps of the pipeline.
        of: u32,
        /// The layer or block that was worked on.
        place: String,
        /// Units of the step that are done.
        done: u32,
        /// Units of the step in all.
        total: u32,
        /// What the run took so far, pauses apart.
        millis: f64,
        /// What there is to see.
        frames: Vec<Frame>,
        /// What was found out about single tensors.
        findings: Vec<Finding>,
    },
    /// What came of a run. Comes once it is measured, or without answers if something else was asked for meanwhile; comes
    /// again if it is measured when shown later.
    Learned(Box<Outcome>),
    /// A file, as the message's blob.
    Exported {
        /// Its name.
        name: String,
        /// Its MIME type.
        mime: String,
    },
    /// Work was stopped as asked.
    Cancelled,
    /// Something to know that stops nothing.
    Warning(Failure),
    /// Something went wrong; the bench stays as it was.
    Failed(Failure),
}
