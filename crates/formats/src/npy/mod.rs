//! npy, NumPy's file of one array.
//!
//! A magic string, a version, a Python dictionary with type, order and shape, then the values
//! ([format](https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html)). Versions 1 to 3 are read,
//! little-endian, in C or Fortran order; version 1 is written.

mod header;
mod read;
mod write;

use fewbit_graph::{Tensor, TensorError};

pub use read::{read, read_member};
pub use write::write;

const MAGIC: &[u8; 6] = b"\x93NUMPY";

/// An array as a file has it: row-major values and their shape.
#[derive(Clone, Debug, PartialEq)]
pub struct Array {
    shape: Vec<usize>,
    values: Values,
}

/// The values of an [`Array`], row-major.
#[derive(Clone, Debug, PartialEq)]
#[expect(missing_docs, reason = "the names are the element types")]
pub enum Values {
    Bool(Vec<bool>),
    U8(Vec<u8>),
    I8(Vec<i8>),
    I32(Vec<i32>),
    I64(Vec<i64>),
    /// Also what binary16 is read as.
    F32(Vec<f32>),
    F64(Vec<f64>),
}

impl Values {
    /// The number of values.
    pub fn len(&self) -> usize {
        match self {
            Self::Bool(v) => v.len(),
            Self::U8(v) => v.len(),
            Self::I8(v) => v.len(),
            Self::I32(v) => v.len(),
            Self::I64(v) => v.len(),
            Self::F32(v) => v.len(),
            Self::F64(v) => v.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// NumPy's name of the element type.
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::Bool(_) => "bool",
            Self::U8(_) => "uint8",
            Self::I8(_) => "int8",
            Self::I32(_) => "int32",
            Self::I64(_) => "int64",
            Self::F32(_) => "float32",
            Self::F64(_) => "float64",
        }
    }
}

impl Array {
    /// An array.
    ///
    /// # Errors
    /// [`TensorError`] unless `values` fills `shape`.
    pub fn new(shape: impl Into<Vec<usize>>, values: Values) -> Result<Self, TensorError> {
        let shape = shape.into();
        let wanted = shape.iter().try_fold(1usize, |product, &n| product.checked_mul(n));
        match wanted {
            None => Err(TensorError::TooLarge(shape)),
            Some(n) if n != values.len() => Err(TensorError::Length { shape, found: values.len() }),
            Some(_) => Ok(Self { shape, values }),
        }
    }

    /// The length of each axis.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// The values.
    pub fn values(&self) -> &Values {
        &self.values
    }

    /// The values as f32: f64 is rounded, integers become the nearest float, true is 1.
    pub fn to_f32(&self) -> Vec<f32> {
        match &self.values {
            Values::Bool(v) => v.iter().map(|&x| f32::from(x)).collect(),
            Values::U8(v) => v.iter().map(|&x| f32::from(x)).collect(),
            Values::I8(v) => v.iter().map(|&x| f32::from(x)).collect(),
            Values::I32(v) => v.iter().map(|&x| x as f32).collect(),
            Values::I64(v) => v.iter().map(|&x| x as f32).collect(),
            Values::F32(v) => v.clone(),
            Values::F64(v) => v.iter().map(|&x| x as f32).collect(),
        }
    }

    /// The values as i64; `None` for floats.
    pub fn to_i64(&self) -> Option<Vec<i64>> {
        match &self.values {
            Values::Bool(v) => Some(v.iter().map(|&x| i64::from(x)).collect()),
            Values::U8(v) => Some(v.iter().map(|&x| i64::from(x)).collect()),
            Values::I8(v) => Some(v.iter().map(|&x| i64::from(x)).collect()),
            Values::I32(v) => Some(v.iter().map(|&x| i64::from(x)).collect()),
            Values::I64(v) => Some(v.clone()),
            Values::F32(_) | Values::F64(_) => None,
        }
    }

    /// The array as a tensor: floats as f32, everything else as i64.
    ///
    /// # Errors
    /// Never for an array, whose values fill its shape; the signature is the tensor's.
    pub fn to_tensor(&self) -> Result<Tensor, TensorError> {
        match self.to_i64() {
            Some(values) => Tensor::i64(self.shape.clone(), values),
            None => Tensor::f32(self.shape.clone(), self.to_f32()),
        }
    }
}

impl From<&Tensor> for Array {
    fn from(tensor: &Tensor) -> Self {
        let values = match (tensor.as_f32(), tensor.as_i64()) {
            (Ok(values), _) => Values::F32(values.to_vec()),
            (_, Ok(values)) => Values::I64(values.to_vec()),
            (Err(_), Err(_)) => Values::U8(tensor.to_bytes()),
        };
        Self { shape: tensor.shape().to_vec(), values }
    }
}
