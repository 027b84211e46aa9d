//! Short ways to make ONNX's messages.

use fewbit_graph::{DType, Dim, Tensor};

use crate::onnx::proto::{
    AttributeProto, Dimension, DimensionValue, TensorProto, TensorShapeProto, TensorType, TypeProto,
    TypeValue, ValueInfoProto, attribute_type, data_type,
};

fn attribute(name: &str, r#type: i32) -> AttributeProto {
    AttributeProto { name: Some(name.to_owned()), r#type: Some(r#type), ..Default::default() }
}

pub(super) fn int(name: &str, value: i64) -> AttributeProto {
    AttributeProto { i: Some(value), ..attribute(name, attribute_type::INT) }
}

pub(super) fn flag(name: &str, value: bool) -> AttributeProto {
    int(name, i64::from(value))
}

pub(super) fn float(name: &str, value: f32) -> AttributeProto {
    AttributeProto { f: Some(value), ..attribute(name, attribute_type::FLOAT) }
}

pub(super) fn text(name: &str, value: &str) -> AttributeProto {
    AttributeProto { s: Some(value.as_bytes().to_vec()), ..attribute(name, attribute_type::STRING) }
}

/// The same text, as often as asked for.
pub(super) fn texts(name: &str, value: &str, count: usize) -> AttributeProto {
    let strings = vec![value.as_bytes().to_vec(); count];
    AttributeProto { strings, ..attribute(name, attribute_type::STRINGS) }
}

pub(super) fn ints(name: &str, values: &[usize]) -> AttributeProto {
    let ints = values.iter().map(|&value| value as i64).collect();
    AttributeProto { ints, ..attribute(name, attribute_type::INTS) }
}

pub(super) fn raw_tensor(name: &str, data_type: i32, shape: &[usize], bytes: Vec<u8>) -> TensorProto {
    TensorProto {
        name: Some(name.to_owned()),
        data_type: Some(data_type),
        dims: shape.iter().map(|&n| n as i64).collect(),
        raw_data: Some(bytes),
        ..Default::default()
    }
}

pub(super) fn tensor(name: &str, value: &Tensor) -> TensorProto {
    let data_type = match value.dtype() {
        DType::F32 => data_type::FLOAT,
        DType::I64 => data_type::INT64,
    };
    raw_tensor(name, data_type, value.shape(), value.to_bytes())
}

/// A value at the model's face: with no dimensions, of unknown rank; with none for one, of unknown length.
pub(super) fn value_info(name: &str, element: i32, dims: Option<Vec<Option<Dim>>>) -> ValueInfoProto {
    let dimension = |dim: Option<Dim>| Dimension {
        value: dim.map(|dim| match dim {
            Dim::Known(n) => DimensionValue::DimValue(n as i64),
            Dim::Symbol(name) => DimensionValue::DimParam(name),
        }),
        ..Default::default()
    };
    let shape = dims.map(|dims| TensorShapeProto { dim: dims.into_iter().map(dimension).collect() });
    let tensor = TensorType { elem_type: Some(element), shape };
    let r#type = TypeProto { value: Some(TypeValue::Tensor(tensor)), ..Default::default() };
    ValueInfoProto { name: Some(name.to_owned()), r#type: Some(r#type), ..Default::default() }
}
