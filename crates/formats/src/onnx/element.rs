//! Element types: what a file declares. Everything is computed in f32, so a type says which rule an operator has for
//! its values, and what goes in and comes out.

use fewbit_graph::{DType, Tensor};

use crate::float16;
use crate::onnx::attributes::Attributes;
use crate::onnx::proto::{NodeProto, data_type};

/// The type of a tensor's elements, as ONNX names them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names are the types")]
pub enum Element {
    F32,
    F64,
    F16,
    BF16,
    I64,
    I32,
    I16,
    I8,
    I4,
    U64,
    U32,
    U16,
    U8,
    U4,
    Bool,
}

const CODES: [(Element, i32); 15] = [
    (Element::F32, data_type::FLOAT),
    (Element::F64, data_type::DOUBLE),
    (Element::F16, data_type::FLOAT16),
    (Element::BF16, data_type::BFLOAT16),
    (Element::I64, data_type::INT64),
    (Element::I32, data_type::INT32),
    (Element::I16, data_type::INT16),
    (Element::I8, data_type::INT8),
    (Element::I4, data_type::INT4),
    (Element::U64, data_type::UINT64),
    (Element::U32, data_type::UINT32),
    (Element::U16, data_type::UINT16),
    (Element::U8, data_type::UINT8),
    (Element::U4, data_type::UINT4),
    (Element::Bool, data_type::BOOL),
];

impl Element {
    /// The type with this number in onnx.proto; `None` for texts, complex numbers and the like.
    pub fn of(code: i32) -> Option<Self> {
        CODES.iter().find(|(_, known)| *known == code).map(|(element, _)| *element)
    }

    /// The name in onnx.proto, in small letters.
    pub fn name(self) -> String {
        let code = CODES.iter().find(|(element, _)| *element == self).map_or(0, |(_, code)| *code);
        data_type::name(code)
    }

    /// Whether its values are whole numbers, as those of bool are.
    pub fn is_integer(self) -> bool {
        !matches!(self, Self::F32 | Self::F64 | Self::F16 | Self::BF16)
    }

    /// The smallest and the largest value of an integer type of at most 32 bits.
    pub fn bounds(self) -> Option<(i64, i64)> {
        let signed = |bits: u32| Some((-(1i64 << (bits - 1)), (1i64 << (bits - 1)) - 1));
        let unsigned = |bits: u32| Some((0, (1i64 << bits) - 1));
        match self {
            Self::I32 => signed(32),
            Self::I16 => signed(16),
            Self::I8 => signed(8),
            Self::I4 => signed(4),
            Self::U32 => unsigned(32),
            Self::U16 => unsigned(16),
            Self::U8 => unsigned(8),
            Self::U4 => unsigned(4),
            Self::Bool => unsigned(1),
            _ => None,
        }
    }

    /// A computed tensor as the file declares it: integers as i64, 16-bit floats rounded.
    pub fn tensor_of(self, computed: &Tensor) -> Tensor {
        let Ok(values) = computed.as_f32() else { return computed.clone() };
        let floats = |round: fn(f32) -> f32| {
            Tensor::f32(computed.shape(), values.iter().map(|&x| round(x)).collect::<Vec<_>>())
        };
        let made = match self {
            Self::F32 | Self::F64 => return computed.clone(),
            Self::F16 => floats(float16::round_to_f16),
            Self::BF16 => floats(float16::round_to_bf16),
            _ => Tensor::i64(computed.shape(), values.iter().map(|&x| x as i64).collect::<Vec<_>>()),
        };
        made.unwrap_or_else(|_| computed.clone())
    }
}

/// A tensor of integers as one of floats.
///
/// # Errors
/// The first value that a float cannot hold.
pub fn to_f32(tensor: &Tensor) -> Result<Tensor, i64> {
    let Ok(values) = tensor.as_i64() else { return Ok(tensor.clone()) };
    // The ends of the range stand for "no bound", and 2⁶³ serves as well as 2⁶³ − 1.
    let exact = |x: i64| x == i64::MAX || i128::from(x) == (x as f32) as i128;
    if let Some(&inexact) = values.iter().find(|x| !exact(**x)) {
        return Err(inexact);
    }
    let floats: Vec<f32> = values.iter().map(|&x| x as f32).collect();
    Tensor::f32(tensor.shape(), floats).map_err(|_| 0)
}

/// The element types of a node's outputs, as far as they follow from those of its inputs.
pub(super) fn outputs(
    node: &NodeProto,
    attributes: &Attributes<'_>,
    inputs: &[Option<Element>],
) -> Vec<Option<Element>> {
    let input = |i: usize| inputs.get(i).copied().flatten();
    let attribute = |name: &str| {
        let code = attributes.int(name).ok().flatten().and_then(|code| i32::try_from(code).ok());
        code.filter(|code| *code != 0).and_then(Element::of)
    };
    let first = match node.op_type() {
        "Cast" => attribute("to"),
        "CastLike" | "Where" | "DequantizeLinear" => input(1),
        "OneHot" | "EmbedLayerNormalization" => input(2),
        "Shape" | "Size" | "ArgMax" | "ArgMin" | "NonZero" => Some(Element::I64),
        "Equal" | "Greater" | "GreaterOrEqual" | "Less" | "LessOrEqual" | "And" | "Or" | "Xor" | "Not"
        | "IsNaN" | "IsInf" => Some(Element::Bool),
        "ConstantOfShape" => match attributes.tensor("value") {
            Ok(Some(value)) => Element::of(value.data_type()),
            _ => Some(Element::F32),
        },
        "QuantizeLinear" => input(2).or_else(|| attribute("output_dtype")).or(Some(Element::U8)),
        "DynamicQuantizeLinear" => {
            return vec![Some(Element::U8), Some(Element::F32), Some(Element::U8)];
        }
        "MatMulInteger" | "ConvInteger" => Some(Element::I32),
        "QLinearConv" | "QLinearMatMul" => input(7),
        "MatMulIntegerToFloat" | "DynamicQuantizeMatMul" => Some(Element::F32),
        "EyeLike" => attribute("dtype").or_else(|| input(0)),
        "GatherBlockQuantized" => input(2),
        _ => input(0),
    };
    let others = match node.op_type() {
        "TopK" | "MaxPool" => Some(Element::I64),
        _ => first,
    };
    (0..node.output.len()).map(|i| if i == 0 { first } else { others }).collect()
}

/// The type of the elements that a tensor was made of by this reader.
pub(super) fn default_of(tensor: &Tensor) -> Element {
    match tensor.dtype() {
        DType::F32 => Element::F32,
        DType::I64 => Element::I64,
    }
}
