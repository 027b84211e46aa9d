//! Tensors: a shape and shared, immutable values.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// The type of a tensor's elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum DType {
    /// IEEE 754 binary32: all arithmetic on models.
    F32,
    /// 64-bit integers: shapes, labels.
    I64,
}

impl fmt::Display for DType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::F32 => "f32",
            Self::I64 => "i64",
        })
    }
}

/// The length of an axis of a graph's input.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Dim {
    /// A number.
    Known(usize),
    /// A name, bound to a number when a plan is made. Most often the batch.
    Symbol(String),
}

/// What is known of a wire before anything runs.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Fact {
    /// The element type.
    pub dtype: DType,
    /// The length of each axis; empty for a scalar.
    pub shape: Vec<usize>,
}

impl Fact {
    /// A float tensor of `shape`.
    pub fn f32(shape: impl Into<Vec<usize>>) -> Self {
        Self { dtype: DType::F32, shape: shape.into() }
    }

    /// The number of elements.
    pub fn len(&self) -> usize {
        self.shape.iter().fold(1, |product: usize, &n| product.saturating_mul(n))
    }

    /// Whether there are no elements.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl fmt::Display for Fact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}[", self.dtype)?;
        for (i, n) in self.shape.iter().enumerate() {
            write!(f, "{}{n}", if i > 0 { "×" } else { "" })?;
        }
        f.write_str("]")
    }
}

/// Why a tensor cannot be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TensorError {
    /// The shape asks for another number of values than there are.
    #[error("{found} values do not fill the shape {shape:?}")]
    Length {
        /// The shape that was asked for.
        shape: Vec<usize>,
        /// The number of values given.
        found: usize,
    },
    /// The number of elements overflows.
    #[error("the shape {0:?} has more elements than can be counted")]
    TooLarge(Vec<usize>),
    /// The elements are of another type.
    #[error("expected {expected} values, found {found}")]
    DType {
        /// The type that is needed.
        expected: DType,
        /// The type that is there.
        found: DType,
    },
}

#[derive(Clone, Debug, PartialEq)]
enum Values {
    F32(Arc<[f32]>),
    I64(Arc<[i64]>),
}

/// A dense row-major tensor. Cloning is cheap: values are shared.
#[derive(Clone, Debug, PartialEq)]
pub struct Tensor {
    shape: Vec<usize>,
    values: Values,
}

impl Tensor {
    /// A float tensor.
    ///
    /// # Errors
    /// [`TensorError`] unless `values` fills `shape`.
    pub fn f32(shape: impl Into<Vec<usize>>, values: impl Into<Arc<[f32]>>) -> Result<Self, TensorError> {
        let (shape, values) = (shape.into(), values.into());
        check_length(&shape, values.len())?;
        Ok(Self { shape, values: Values::F32(values) })
    }

    /// An integer tensor.
    ///
    /// # Errors
    /// [`TensorError`] unless `values` fills `shape`.
    pub fn i64(shape: impl Into<Vec<usize>>, values: impl Into<Arc<[i64]>>) -> Result<Self, TensorError> {
        let (shape, values) = (shape.into(), values.into());
        check_length(&shape, values.len())?;
        Ok(Self { shape, values: Values::I64(values) })
    }

    /// A float vector.
    pub fn vector(values: impl Into<Arc<[f32]>>) -> Self {
        let values = values.into();
        Self { shape: vec![values.len()], values: Values::F32(values) }
    }

    /// A float scalar.
    pub fn scalar(value: f32) -> Self {
        Self { shape: Vec::new(), values: Values::F32(Arc::new([value])) }
    }

    /// Zeros.
    pub fn zeros(shape: impl Into<Vec<usize>>) -> Self {
        Self::full(shape, 0.0)
    }

    /// The same value everywhere.
    pub fn full(shape: impl Into<Vec<usize>>, value: f32) -> Self {
        let shape = shape.into();
        let len = shape.iter().product();
        Self { shape, values: Values::F32(vec![value; len].into()) }
    }

    /// The length of each axis.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// The element type.
    pub fn dtype(&self) -> DType {
        match self.values {
            Values::F32(_) => DType::F32,
            Values::I64(_) => DType::I64,
        }
    }

    /// Type and shape.
    pub fn fact(&self) -> Fact {
        Fact { dtype: self.dtype(), shape: self.shape.clone() }
    }

    /// The number of elements.
    pub fn len(&self) -> usize {
        match &self.values {
            Values::F32(v) => v.len(),
            Values::I64(v) => v.len(),
        }
    }

    /// Whether there are no elements.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The values of a float tensor, row-major.
    ///
    /// # Errors
    /// [`TensorError::DType`] for other element types.
    pub fn as_f32(&self) -> Result<&[f32], TensorError> {
        match &self.values {
            Values::F32(v) => Ok(v),
            Values::I64(_) => Err(TensorError::DType { expected: DType::F32, found: DType::I64 }),
        }
    }

    /// The values of an integer tensor, row-major.
    ///
    /// # Errors
    /// [`TensorError::DType`] for other element types.
    pub fn as_i64(&self) -> Result<&[i64], TensorError> {
        match &self.values {
            Values::I64(v) => Ok(v),
            Values::F32(_) => Err(TensorError::DType { expected: DType::I64, found: DType::F32 }),
        }
    }

    /// The same values in another shape.
    ///
    /// # Errors
    /// [`TensorError`] unless the new shape has as many elements.
    pub fn reshaped(&self, shape: impl Into<Vec<usize>>) -> Result<Self, TensorError> {
        let shape = shape.into();
        check_length(&shape, self.len())?;
        Ok(Self { shape, values: self.values.clone() })
    }

    /// Rows `first..last` along axis 0, clamped to what there is. A scalar gives itself.
    #[must_use]
    pub fn rows(&self, first: usize, last: usize) -> Self {
        let Some(&n) = self.shape.first() else { return self.clone() };
        let (last, row) = (last.min(n), self.len() / n.max(1));
        let first = first.min(last);
        let mut shape = self.shape.clone();
        shape[0] = last - first;
        let span = first * row..last * row;
        let values = match &self.values {
            Values::F32(v) => Values::F32(v[span].into()),
            Values::I64(v) => Values::I64(v[span].into()),
        };
        Self { shape, values }
    }

    /// Gives a float tensor other values: in place, unless another tensor shares them.
    ///
    /// # Errors
    /// [`TensorError`] for another element type or another number of values.
    pub fn overwrite(&mut self, values: &[f32]) -> Result<(), TensorError> {
        check_length(&self.shape, values.len())?;
        match &mut self.values {
            Values::F32(own) => match Arc::get_mut(own) {
                Some(own) => own.copy_from_slice(values),
                None => *own = values.into(),
            },
            Values::I64(_) => return Err(TensorError::DType { expected: DType::I64, found: DType::F32 }),
        }
        Ok(())
    }

    /// The values as little-endian bytes, for hashing and storing.
    pub fn to_bytes(&self) -> Vec<u8> {
        match &self.values {
            Values::F32(v) => v.iter().flat_map(|x| x.to_le_bytes()).collect(),
            Values::I64(v) => v.iter().flat_map(|x| x.to_le_bytes()).collect(),
        }
    }
}

fn check_length(shape: &[usize], found: usize) -> Result<(), TensorError> {
    let wanted = shape.iter().try_fold(1usize, |product, &n| product.checked_mul(n));
    match wanted {
        None => Err(TensorError::TooLarge(shape.to_vec())),
        Some(n) if n != found => Err(TensorError::Length { shape: shape.to_vec(), found }),
        Some(_) => Ok(()),
    }
}
