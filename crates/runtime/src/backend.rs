//! The contract of an engine.

use std::future::Future;
use std::pin::Pin;

use fewbit_graph::{Bindings, Fact, Facts, Graph, InferError, Tensor, TensorError, WireId};

use crate::control::Control;

/// A future that need not cross threads: there is one engine thread, natively and in the browser's worker.
pub type LocalFuture<'a, T> = Pin<Box<dyn Future<Output = T> + 'a>>;

/// The kinds of engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BackendKind {
    /// The CPU engine: the same bits on every machine.
    Cpu,
    /// The wgpu engine.
    Gpu,
}

/// What an engine says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackendInfo {
    /// Which kind it is.
    pub kind: BackendKind,
    /// The adapter or instruction set, for people: "SwiftShader Device (Vulkan)", "wasm simd128".
    pub device: String,
    /// Whether the adapter is a CPU in disguise.
    pub software: bool,
}

/// Which values a plan keeps after a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Keep {
    /// Every wire's: a later run only computes what depends on a changed feed, and any wire can be read.
    All,
    /// The outputs' alone: buffers are shared, every run computes everything.
    Outputs,
}

/// Why a graph could not be prepared or run.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum RunError {
    /// Shapes do not fit, or an operator is not known.
    #[error(transparent)]
    Infer(#[from] InferError),
    /// A value of the wrong type.
    #[error(transparent)]
    Tensor(#[from] TensorError),
    /// A feed of the wrong shape.
    #[error("`{wire}` takes {expected}, but was given {found}")]
    Feed {
        /// The wire's name.
        wire: String,
        /// What it takes.
        expected: String,
        /// What it was given.
        found: String,
    },
    /// A run before every input was set.
    #[error("the input `{0}` has no value yet")]
    MissingInput(String),
    /// A wire that no longer has, or never had, a value to read.
    #[error("`{0}` has no value: it is not an output of this plan, or has not been run")]
    NotKept(String),
    /// The engine cannot do this.
    #[error("{op} `{node}` cannot run on this engine: {why}")]
    Unsupported {
        /// The node's name.
        node: String,
        /// The operator's name.
        op: String,
        /// The reason.
        why: String,
    },
    /// The device ran out of memory, was lost, or reported an error.
    #[error("the device failed: {0}")]
    Device(String),
    /// The device was lost; a new engine has to be opened.
    #[error("the device was lost: {0}")]
    Lost(String),
    /// The caller asked to stop. Values that were computed stay; the rest runs the next time.
    #[error("cancelled")]
    Cancelled,
}

/// What a run did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RunReport {
    /// Nodes that ran.
    pub ran: usize,
    /// Nodes that the wanted wires depend on.
    pub needed: usize,
}

/// An engine.
pub trait Backend {
    /// What it is.
    fn info(&self) -> BackendInfo;

    /// Plans a whole graph: infers facts, refuses what it cannot run, allocates.
    fn prepare<'a>(
        &'a self,
        graph: &'a Graph,
        bindings: &'a Bindings,
        keep: Keep,
    ) -> LocalFuture<'a, Result<Box<dyn Plan>, RunError>>;
}

/// A graph made ready for an engine, with the values of its wires.
pub trait Plan {
    /// The facts of the graph's wires.
    fn facts(&self) -> &Facts;

    /// Gives an input or a parameter a value of its shape. Setting the value that is there already (the same
    /// tensor, or the same bits) makes nothing run again.
    ///
    /// # Errors
    /// [`RunError::Feed`] for another type or shape, or a wire that a node computes.
    fn set(&mut self, wire: WireId, value: &Tensor) -> Result<(), RunError>;

    /// Brings `wanted` (with nothing listed, all outputs) up to date: runs the nodes that they depend on and whose
    /// inputs have changed. Between nodes it lets the host breathe and looks for a cancel.
    fn run<'a>(
        &'a mut self,
        wanted: &'a [WireId],
        control: &'a Control<'a>,
    ) -> LocalFuture<'a, Result<RunReport, RunError>>;

    /// Takes a step of learning: brings the outputs and the graph's assignments up to date, reads `sampled` (nothing, most
    /// of the time: then nothing is copied out), and then assigns all values at once.
    ///
    /// If it is stopped or fails before its end, nothing is assigned. Assigned parameters are read like any other wire.
    fn step<'a>(
        &'a mut self,
        sampled: &'a [WireId],
        control: &'a Control<'a>,
    ) -> LocalFuture<'a, Result<Vec<Tensor>, RunError>>;

    /// Copies values out, in the order of `wires`, in one read-back.
    fn read<'a>(&'a mut self, wires: &'a [WireId]) -> LocalFuture<'a, Result<Vec<Tensor>, RunError>>;

    /// What the plan holds in memory, in bytes.
    fn bytes(&self) -> usize;
}

/// Whether `value` may feed a wire of this fact.
///
/// # Errors
/// [`RunError::Feed`] if type or shape differ.
pub fn check_feed(name: &str, expected: &Fact, value: &Tensor) -> Result<(), RunError> {
    let found = value.fact();
    if *expected == found {
        return Ok(());
    }
    Err(RunError::Feed { wire: name.to_owned(), expected: expected.to_string(), found: found.to_string() })
}
