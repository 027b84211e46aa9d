//! Steps: what a node asks of the device, as data. A plan is a list of them.

use bytemuck::Pod;
use fewbit_graph::{Facts, WireId};

use crate::kernel::{Kernel, WORKGROUP};
use crate::kernels::epilogue::Epilogue;

/// A buffer of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operand {
    /// The value of a wire.
    Wire(WireId),
    /// A buffer for what only the node's own steps use.
    Scratch(usize),
    /// Sixteen bytes of zeros, for a binding that this variant of the kernel does not read.
    Blank,
}

/// One use of a kernel.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    pub(crate) kernel: &'static Kernel,
    /// Values for the kernel's `override` constants.
    pub(crate) constants: Vec<(&'static str, f64)>,
    /// The kernel's `Params`; the first two words, the slice of groups, are filled in by the plan.
    pub(crate) params: Vec<u8>,
    /// One for each of the kernel's storage buffers.
    pub(crate) operands: Vec<Operand>,
    /// The number of workgroups.
    pub(crate) groups: u32,
    /// What it costs, in floating-point operations or about as much time.
    pub(crate) cost: u64,
    /// The only wire that its result depends on, if that is to be used again while the wire does not change.
    pub(crate) cached_on: Option<WireId>,
}

impl Step {
    /// A use of `kernel` with these parameters and its own operands.
    pub(crate) fn new(
        kernel: &'static Kernel,
        params: &impl Pod,
        operands: Vec<Operand>,
        groups: u32,
        cost: u64,
    ) -> Self {
        let params = bytemuck::bytes_of(params).to_vec();
        Self { kernel, constants: Vec::new(), params, operands, groups, cost, cached_on: None }
    }

    /// With values for the kernel's own constants.
    #[must_use]
    pub(crate) fn with(mut self, constants: &[(&'static str, u32)]) -> Self {
        self.constants.extend(constants.iter().map(|&(name, value)| (name, f64::from(value))));
        self
    }

    /// With what is fused into its store.
    #[must_use]
    pub(crate) fn fused(mut self, epilogue: &Epilogue) -> Self {
        self.constants.extend(epilogue.constants());
        self.operands.extend(epilogue.operands());
        self
    }
}

/// Everything that a plan does, before there are buffers.
#[derive(Clone, Debug, Default)]
pub(crate) struct Recording {
    pub(crate) steps: Vec<Step>,
    /// The sizes of the scratch buffers, in words of four bytes.
    pub(crate) scratch: Vec<usize>,
    /// The largest that the node asked for.
    pub(crate) largest: usize,
    /// Those among them that every node may use again.
    shared: Vec<usize>,
    /// How many of these the node has taken.
    taken: usize,
}

impl Recording {
    /// What is recorded from here on belongs to another node.
    pub(crate) fn next_node(&mut self) {
        (self.largest, self.taken) = (0, 0);
    }

    /// A scratch buffer of `words` words that keeps what is in it from run to run.
    pub(crate) fn kept(&mut self, words: usize) -> Operand {
        self.largest = self.largest.max(words);
        self.scratch.push(words);
        Operand::Scratch(self.scratch.len() - 1)
    }

    /// A scratch buffer of `words` words for what one step of the node hands to the next: nodes share them.
    pub(crate) fn passing(&mut self, words: usize) -> Operand {
        let known = self.shared.get(self.taken).copied();
        self.taken += 1;
        match known {
            Some(i) => {
                self.largest = self.largest.max(words);
                self.scratch[i] = self.scratch[i].max(words);
                Operand::Scratch(i)
            }
            None => {
                self.shared.push(self.scratch.len());
                self.kept(words)
            }
        }
    }
}

/// Where an operator is to be lowered: its wires, their facts, and what is fused into its store.
#[derive(Clone, Copy)]
pub(crate) struct Site<'a> {
    pub(crate) inputs: &'a [WireId],
    pub(crate) output: WireId,
    pub(crate) facts: &'a Facts,
    pub(crate) epilogue: &'a Epilogue,
}

impl Site<'_> {
    /// Input `i` of the node. Inference grants that the inputs that an operator needs are there.
    pub(crate) fn input(&self, i: usize) -> Result<WireId, String> {
        self.inputs.get(i).copied().ok_or_else(|| format!("input {i} is missing"))
    }

    /// The shape of input `i`.
    pub(crate) fn shape(&self, i: usize) -> Result<&[usize], String> {
        Ok(self.facts.shape(self.input(i)?))
    }

    /// The shape of the output.
    pub(crate) fn output_shape(&self) -> &[usize] {
        self.facts.shape(self.output)
    }

    /// The buffer of input `i`.
    pub(crate) fn operand(&self, i: usize) -> Result<Operand, String> {
        self.input(i).map(Operand::Wire)
    }

    /// The buffer of the output.
    pub(crate) fn result(&self) -> Operand {
        Operand::Wire(self.output)
    }

    /// The number of elements of the output.
    pub(crate) fn output_len(&self) -> usize {
        self.facts.of(self.output).len()
    }
}

/// A number as the word of a `Params`.
///
/// # Errors
/// If it does not fit: strides and pads of a file may be absurd.
pub(crate) fn word(n: usize) -> Result<u32, String> {
    // Kernels add a few of these and compare them as signed numbers.
    u32::try_from(n)
        .ok()
        .filter(|&n| n < 1 << 30)
        .ok_or_else(|| format!("the number {n} is too large for a kernel"))
}

/// The number of workgroups that have one invocation for each of `len` elements.
pub(crate) fn groups_for(len: usize) -> Result<u32, String> {
    word(len.div_ceil(WORKGROUP as usize))
}
