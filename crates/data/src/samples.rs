//! What comes of data: samples of the model's shape, and their labels.

use fewbit_formats::{Array, Values, WriteError, npz};
use fewbit_graph::Tensor;

use crate::error::DataError;

/// The values of all samples together, at most: a little less than 1 GiB as f32, which is what an archive may inflate to.
pub(crate) const MOST_VALUES: usize = (1 << 28) - (1 << 16);

/// Samples that fit a model.
#[derive(Clone, Debug, PartialEq)]
pub struct Samples {
    /// f32 N×…, as the model takes them.
    pub x: Tensor,
    /// The class of each sample, or of each position of a sample, row-major; none if the data have no labels.
    pub y: Option<Vec<i64>>,
    /// The names of the classes, by their numbers; empty if they have none.
    pub classes: Vec<String>,
    /// What was inferred, a sentence each.
    pub notes: Vec<String>,
}

impl Samples {
    /// The number of samples.
    pub fn len(&self) -> usize {
        self.x.shape().first().copied().unwrap_or_default()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// An npz archive with x (float32) and, if there are labels, y (int64; N, or N×T for T positions of a sample), deflated or as it is.
    ///
    /// # Errors
    /// [`DataError::Unfit`] if labels and samples do not go together, which no reader of this crate gives.
    pub fn to_npz(&self, deflated: bool) -> Result<Vec<u8>, DataError> {
        let unfit = |why: String| DataError::Unfit(why);
        let values = self.x.as_f32().map_err(|why| unfit(why.to_string()))?.to_vec();
        let x = Array::new(self.x.shape(), Values::F32(values)).map_err(|why| unfit(why.to_string()))?;
        let y = match &self.y {
            None => None,
            Some(labels) => {
                let n = self.len();
                let shape = if labels.len() == n { vec![n] } else { vec![n, labels.len() / n.max(1)] };
                Some(Array::new(shape, Values::I64(labels.clone())).map_err(|why| unfit(why.to_string()))?)
            }
        };
        let mut arrays = vec![("x", &x)];
        arrays.extend(y.as_ref().map(|y| ("y", y)));
        let write = if deflated { npz::write } else { npz::write_stored };
        write(&arrays).map_err(|why: WriteError| unfit(why.to_string()))
    }
}

/// A shape as people write it, N for the samples.
pub(crate) fn shape_text(sample_shape: &[usize]) -> String {
    std::iter::once("N".to_owned())
        .chain(sample_shape.iter().map(usize::to_string))
        .collect::<Vec<_>>()
        .join("×")
}
