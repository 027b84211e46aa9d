//! A layer's weights as a matrix: a row for each output channel, a column for each value that it is multiplied with.

use fewbit_graph::Op;
use fewbit_numeric::{Affine, BlockLayout, Granularity, Quantized};

use crate::error::QuantError;
use crate::network::Network;
use crate::recipe::Quantizer;

/// The weights of a layer that has codes, in float, with the grids of the codes.
#[derive(Clone, Debug)]
pub(crate) struct WeightMatrix {
    /// The number of output channels.
    pub(crate) rows: usize,
    /// The number of weights of an output channel.
    pub(crate) columns: usize,
    /// The float weights, row-major.
    pub(crate) values: Vec<f32>,
    /// The codes that the layer has now.
    pub(crate) codes: Quantized,
    /// How the grids were asked for.
    pub(crate) quantizer: Quantizer,
    channels: BlockLayout,
}

impl WeightMatrix {
    /// The weights of layer `index`; the reason if they cannot be seen so.
    ///
    /// # Errors
    /// [`QuantError::Layer`] if there is no such layer.
    pub(crate) fn of(network: &Network, index: usize) -> Result<Result<Self, String>, QuantError> {
        let prepared = network.prepared();
        let layer = prepared.layer(index)?;
        let quantized = network.layer(index)?;
        let (Some(codes), Some(quantizer)) = (&quantized.codes, quantized.weights_applied.done.quantizer())
        else {
            return Ok(Err("its weights are in float".to_owned()));
        };
        let float = prepared.weights(index)?;
        if matches!(prepared.graph.node_of(layer.node).op, Op::MatMul) && float.shape().len() > 2 {
            return Ok(Err("its weights are a stack of matrices".to_owned()));
        }
        let channels = BlockLayout::new(float.shape(), layer.channel_axis, Granularity::Channel);
        let values = float.as_f32()?;
        let rows = channels.channels();
        let row = |row: usize| channels.indices(row).filter_map(|i| values.get(i).copied());
        Ok(Ok(Self {
            rows,
            columns: channels.channel_len(),
            values: (0..rows).flat_map(row).collect(),
            codes: codes.clone(),
            quantizer,
            channels,
        }))
    }

    /// The weights of one output channel.
    pub(crate) fn row(&self, row: usize) -> &[f32] {
        self.values.get(row * self.columns..(row + 1) * self.columns).unwrap_or_default()
    }

    /// Columns that share a grid in a row.
    pub(crate) fn group_len(&self) -> usize {
        match self.codes.layout.granularity() {
            Granularity::Group(size) => (size as usize).clamp(1, self.columns.max(1)),
            _ => self.columns.max(1),
        }
    }

    /// The grids of one row, one for each group of columns.
    pub(crate) fn grids(&self, row: usize) -> &[Affine] {
        let groups = self.codes.layout.groups();
        match self.codes.layout.granularity() {
            Granularity::Tensor => &self.codes.grids,
            _ => self.codes.grids.get(row * groups..(row + 1) * groups).unwrap_or_default(),
        }
    }

    /// Whether the grids are those that the recipe's range method finds for the float weights, and no other method's.
    pub(crate) fn has_own_grids(&self) -> bool {
        let values = self.in_place(&self.values);
        self.codes.grids == crate::weights::grids(&values, self.codes.layout, self.quantizer)
    }

    /// Other codes (row-major, like [`Self::values`]) on other grids (row after row; one for the tensor).
    pub(crate) fn quantized(&self, codes: &[i32], grids: Vec<Affine>) -> Quantized {
        Quantized { codes: self.in_place(codes), grids, ..self.codes.clone() }
    }

    /// The weights rounded to nearest on other grids.
    pub(crate) fn nearest(&self, grids: Vec<Affine>) -> Quantized {
        Quantized::nearest(self.codes.format, self.codes.layout, grids, &self.in_place(&self.values))
    }

    /// Values of the tensor where they are in the matrix.
    pub(crate) fn of_tensor(&self, values: &[f32]) -> Vec<f32> {
        let indices = (0..self.rows).flat_map(|row| self.channels.indices(row));
        indices.filter_map(|i| values.get(i).copied()).collect()
    }

    /// Values of the matrix where they are in the tensor.
    fn in_place<T: Copy + Default>(&self, values: &[T]) -> Vec<T> {
        let mut placed = vec![T::default(); self.channels.len()];
        let indices = (0..self.rows).flat_map(|row| self.channels.indices(row));
        for (i, &value) in indices.zip(values) {
            if let Some(place) = placed.get_mut(i) {
                *place = value;
            }
        }
        placed
    }
}

/// How many codes of `quantized` differ from rounding `matrix` to nearest on the same grids.
pub(crate) fn flipped(matrix: &WeightMatrix, quantized: &Quantized) -> u64 {
    let nearest = matrix.nearest(quantized.grids.clone());
    quantized.codes.iter().zip(&nearest.codes).filter(|(code, nearest)| code != nearest).count() as u64
}
