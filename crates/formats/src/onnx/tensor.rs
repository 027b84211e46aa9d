//! The values of ONNX's tensors.

use std::borrow::Cow;

use fewbit_graph::Tensor;

use crate::error::Problem;
use crate::float16;
use crate::onnx::element::Element;
use crate::onnx::external;
use crate::onnx::proto::TensorProto;

/// A tensor that was read: floats as f32, integers and bools as i64.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Read {
    pub(super) tensor: Tensor,
    pub(super) element: Element,
}

impl Read {
    /// What there is to say if values had to be rounded or widened to f32.
    pub(super) fn conversion(&self) -> Option<String> {
        let from = match self.element {
            Element::F64 => "float64",
            Element::F16 => "float16",
            Element::BF16 => "bfloat16",
            _ => return None,
        };
        Some(format!("its {from} values are read as float32"))
    }
}

/// Reads a tensor; `None` if its element type is none of ours.
///
/// # Errors
/// [`Problem`] if shape and values disagree, or the values are in another file.
pub(super) fn read(proto: &TensorProto) -> Result<Option<Read>, Problem> {
    let Some(element) = Element::of(proto.data_type()) else { return Ok(None) };
    let shape = Shape::of(&proto.dims)?;
    if let Some(location) = external::location(proto) {
        return Err(Problem::External(location.to_owned()));
    }
    let tensor = match element {
        Element::F32 => shape.floats(proto, &proto.float_data, |x| *x, f32::from_le_bytes)?,
        Element::F64 => {
            shape.floats(proto, &proto.double_data, |x| *x as f32, |b| f64::from_le_bytes(b) as f32)?
        }
        Element::F16 => {
            let raw = |bytes| float16::from_f16(u16::from_le_bytes(bytes));
            shape.floats(proto, &proto.int32_data, |x| float16::from_f16(*x as u16), raw)?
        }
        Element::BF16 => {
            let raw = |bytes| float16::from_bf16(u16::from_le_bytes(bytes));
            shape.floats(proto, &proto.int32_data, |x| float16::from_bf16(*x as u16), raw)?
        }
        Element::I64 => shape.integers(proto, &proto.int64_data, |x| *x, i64::from_le_bytes)?,
        Element::I32 => shape.of_int32(proto, |b| i64::from(i32::from_le_bytes(b)))?,
        Element::I16 => shape.of_int32(proto, |b| i64::from(i16::from_le_bytes(b)))?,
        Element::I8 => shape.of_int32(proto, |b| i64::from(i8::from_le_bytes(b)))?,
        Element::U16 => shape.of_int32(proto, |b| i64::from(u16::from_le_bytes(b)))?,
        Element::U8 => shape.of_int32(proto, |b| i64::from(u8::from_le_bytes(b)))?,
        Element::Bool => shape.of_int32(proto, |[byte]| i64::from(byte != 0))?,
        Element::U32 => {
            shape.integers(proto, &proto.uint64_data, |x| *x as i64, |b| i64::from(u32::from_le_bytes(b)))?
        }
        Element::U64 => {
            let clamped = |x: u64| i64::try_from(x).unwrap_or(i64::MAX);
            shape.integers(proto, &proto.uint64_data, |x| clamped(*x), |b| clamped(u64::from_le_bytes(b)))?
        }
        Element::I4 => shape.nibbles(proto, |nibble| i64::from((nibble << 4) as i8 >> 4))?,
        Element::U4 => shape.nibbles(proto, i64::from)?,
    };
    Ok(Some(Read { tensor, element }))
}

struct Shape {
    lengths: Vec<usize>,
    elements: usize,
}

impl Shape {
    fn of(dims: &[i64]) -> Result<Self, Problem> {
        if let Some(&negative) = dims.iter().find(|n| **n < 0) {
            return Err(Problem::NegativeLength(negative));
        }
        let overflow = || Problem::ShapeOverflow(dims.iter().map(|n| n.unsigned_abs()).collect());
        let lengths = dims.iter().map(|&n| usize::try_from(n)).collect::<Result<Vec<_>, _>>();
        let lengths = lengths.map_err(|_| overflow())?;
        // Lengths are counted as if no axis were empty, so that no product of them overflows later.
        let elements = lengths.iter().try_fold(1usize, |product, &n| product.checked_mul(n.max(1)));
        elements.filter(|n| n.checked_mul(8).is_some()).ok_or_else(overflow)?;
        let elements = lengths.iter().product();
        Ok(Self { lengths, elements })
    }

    /// A float tensor of the field for its type, or else of raw bytes.
    fn floats<T, const N: usize>(
        &self,
        proto: &TensorProto,
        field: &[T],
        of_field: impl Fn(&T) -> f32,
        of_bytes: impl Fn([u8; N]) -> f32,
    ) -> Result<Tensor, Problem> {
        let values: std::sync::Arc<[f32]> = match self.raw::<N>(proto, field.len())? {
            Some(raw) => raw.iter().map(|bytes| of_bytes(*bytes)).collect(),
            None => field.iter().map(of_field).collect(),
        };
        Tensor::f32(self.lengths.clone(), values).map_err(|why| Problem::Syntax(why.to_string()))
    }

    fn integers<T, const N: usize>(
        &self,
        proto: &TensorProto,
        field: &[T],
        of_field: impl Fn(&T) -> i64,
        of_bytes: impl Fn([u8; N]) -> i64,
    ) -> Result<Tensor, Problem> {
        let values: std::sync::Arc<[i64]> = match self.raw::<N>(proto, field.len())? {
            Some(raw) => raw.iter().map(|bytes| of_bytes(*bytes)).collect(),
            None => field.iter().map(of_field).collect(),
        };
        Tensor::i64(self.lengths.clone(), values).map_err(|why| Problem::Syntax(why.to_string()))
    }

    fn of_int32<const N: usize>(
        &self,
        proto: &TensorProto,
        of_bytes: impl Fn([u8; N]) -> i64,
    ) -> Result<Tensor, Problem> {
        self.integers(proto, &proto.int32_data, |x| i64::from(*x), of_bytes)
    }

    /// Integers of four bits, two in a byte, the lower half first.
    fn nibbles(&self, proto: &TensorProto, of_nibble: impl Fn(u8) -> i64) -> Result<Tensor, Problem> {
        let bytes: Cow<'_, [u8]> = match &proto.raw_data {
            Some(raw) => raw.into(),
            None => proto.int32_data.iter().map(|&byte| byte as u8).collect::<Vec<_>>().into(),
        };
        let needed = self.elements.div_ceil(2);
        if bytes.len() != needed {
            let shape = self.lengths.iter().map(|&n| n as u64).collect();
            let found = bytes.len() as u64;
            return Err(Problem::Length { shape, unit: "bytes", needed: needed as u64, found });
        }
        let values: Vec<i64> =
            bytes.iter().flat_map(|byte| [byte & 15, byte >> 4]).take(self.elements).map(of_nibble).collect();
        Tensor::i64(self.lengths.clone(), values).map_err(|why| Problem::Syntax(why.to_string()))
    }

    /// The elements of the raw bytes, if the tensor has those, once their number has been checked.
    fn raw<'a, const N: usize>(
        &self,
        proto: &'a TensorProto,
        in_field: usize,
    ) -> Result<Option<&'a [[u8; N]]>, Problem> {
        let (unit, needed, found) = match &proto.raw_data {
            Some(raw) if in_field == 0 => ("bytes", self.elements * N, raw.len()),
            _ => ("values", self.elements, in_field),
        };
        if needed != found {
            let shape = self.lengths.iter().map(|&n| n as u64).collect();
            return Err(Problem::Length { shape, unit, needed: needed as u64, found: found as u64 });
        }
        Ok(proto.raw_data.as_ref().filter(|_| in_field == 0).map(|raw| raw.as_chunks::<N>().0))
    }
}
