//! Where the values of wires are.

use fewbit_graph::Tensor;

use crate::backend::RunError;

/// Where a wire's value is found. Wires of the same values in other shapes share a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// The tensor that was set for this wire (by number).
    Feed(usize),
    /// The first `len` values of a buffer.
    Buffer {
        /// The buffer's number.
        slot: usize,
        /// The number of values.
        len: usize,
    },
}

/// All values of a plan but the one that is being computed.
#[derive(Clone, Copy)]
pub(crate) struct Values<'a> {
    /// Inputs and parameters, by wire.
    pub(crate) feeds: &'a [Option<Tensor>],
    /// Computed values, by slot.
    pub(crate) buffers: &'a [Vec<f32>],
}

impl<'a> Values<'a> {
    /// The values at `place`.
    ///
    /// # Errors
    /// [`RunError::NotKept`] for a feed that was not set. A plan looks for those before it runs.
    pub(crate) fn at(&self, place: Place) -> Result<&'a [f32], RunError> {
        let found = match place {
            Place::Feed(wire) => match self.feeds.get(wire) {
                Some(Some(tensor)) => Some(tensor.as_f32()?),
                _ => None,
            },
            Place::Buffer { slot, len } => self.buffers.get(slot).and_then(|buffer| buffer.get(..len)),
        };
        found.ok_or_else(|| RunError::NotKept(format!("{place:?}")))
    }
}

/// Memory that kernels work in, shared by all steps of a plan and kept between runs.
#[derive(Clone, Debug, Default)]
pub(crate) struct Scratch {
    /// The left matrix, packed by rows.
    pub(crate) rows: Vec<f32>,
    /// A panel of the right matrix.
    pub(crate) panel: Vec<f32>,
    /// Images with their padding.
    pub(crate) padded: Vec<f32>,
    /// Biases, filled up to whole tiles.
    pub(crate) bias: Vec<f32>,
    /// Weights in another order, or the sums of their gradients.
    pub(crate) weights: Vec<f32>,
    /// A part of an output, before it is laid out.
    pub(crate) image: Vec<f32>,
    /// Sums of observers.
    pub(crate) sums: Vec<f64>,
}

impl Scratch {
    /// What it holds, in bytes.
    pub(crate) fn bytes(&self) -> usize {
        let Self { rows, panel, padded, bias, weights, image, .. } = self;
        let floats = [rows, panel, padded, bias, weights, image].map(Vec::capacity);
        4 * floats.iter().sum::<usize>() + 8 * self.sums.capacity()
    }
}
