//! Pictures: PNG and JPEG files in folders, made into the tensor that a model takes.

mod asked;
mod decode;
pub(crate) mod folder;
mod preprocess;
mod resample;

use fewbit_graph::Tensor;

pub use asked::{Asked, Crop};
pub use decode::{Image, decode};
pub use folder::{Folder, Labels};
pub use preprocess::{Colors, Layout, Preprocess, Resize};
pub use resample::{Filter, resize};

use crate::error::DataError;
use crate::samples::MOST_VALUES;

/// Pictures on their way into one tensor, one at a time.
#[derive(Debug)]
pub struct Pictures {
    preprocess: Preprocess,
    sample_shape: Vec<usize>,
    values: Vec<f32>,
    count: usize,
}

impl Pictures {
    /// An empty set of pictures for an input of N × `sample_shape`.
    ///
    /// # Errors
    /// [`DataError::Unfit`] if `preprocess` gives another shape, or cannot be done.
    pub fn new(preprocess: Preprocess, sample_shape: &[usize]) -> Result<Self, DataError> {
        preprocess.check(sample_shape)?;
        Ok(Self { preprocess, sample_shape: sample_shape.to_vec(), values: Vec::new(), count: 0 })
    }

    /// Decodes, resizes, crops and normalizes a picture and puts it behind the others. `file` is its name.
    ///
    /// # Errors
    /// [`DataError::File`] if it is damaged or too large, or there are more pictures than a tensor is made of.
    pub fn push(&mut self, file: &str, bytes: &[u8]) -> Result<(), DataError> {
        let len: usize = self.sample_shape.iter().product();
        if self.values.len().saturating_add(len) > MOST_VALUES {
            let most = MOST_VALUES / len.max(1);
            return Err(DataError::file(
                file,
                format!("{most} pictures of this size are read at a time; take fewer"),
            ));
        }
        let image = decode(bytes).map_err(|why| DataError::file(file, why))?;
        self.preprocess.apply(&image, &mut self.values).map_err(|why| DataError::file(file, why))?;
        self.count += 1;
        Ok(())
    }

    /// The number of pictures so far.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The pictures, N × the sample's shape.
    ///
    /// # Errors
    /// [`DataError::Unfit`] if there are none.
    pub fn finish(self) -> Result<Tensor, DataError> {
        if self.count == 0 {
            return Err(DataError::Unfit("there are no pictures: PNG and JPEG files are read".to_owned()));
        }
        let shape: Vec<usize> = std::iter::once(self.count).chain(self.sample_shape).collect();
        Tensor::f32(shape, self.values).map_err(|why| DataError::Unfit(why.to_string()))
    }
}
