//! Weights as codes, with a DequantizeLinear behind them.

use fewbit_graph::Tensor;
use fewbit_numeric::{Affine, Format, Granularity, Quantized};

use super::message::int;
use super::writer::Writer;
use super::{FEW_BITS, OLDEST, message};
use crate::error::WriteError;
use crate::onnx::proto::{AttributeProto, data_type};

/// An integer type of ONNX.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Integer {
    pub(super) bits: u8,
    pub(super) signed: bool,
}

impl Integer {
    /// The narrowest type of at least `bits` bits.
    pub(super) fn of(bits: u8, signed: bool) -> Self {
        let bits = match bits {
            0..=4 => 4,
            5..=8 => 8,
            _ => 16,
        };
        Self { bits, signed }
    }

    pub(super) fn data_type(self) -> i32 {
        match (self.bits, self.signed) {
            (4, false) => data_type::UINT4,
            (4, true) => data_type::INT4,
            (8, false) => data_type::UINT8,
            (8, true) => data_type::INT8,
            (_, false) => data_type::UINT16,
            (_, true) => data_type::INT16,
        }
    }

    /// The smallest and the largest value.
    pub(super) fn range(self) -> (f32, f32) {
        let count = f32::from(1u16 << (self.bits - 1)) * 2.0;
        let min = if self.signed { -count / 2.0 } else { 0.0 };
        (min, min + count - 1.0)
    }

    /// Whether `value` is one of the type's.
    pub(super) fn holds(self, value: f32) -> bool {
        let (min, max) = self.range();
        value.fract() == 0.0 && (min..=max).contains(&value)
    }

    /// The operator set that can quantize to it.
    pub(super) fn since(self) -> i64 {
        if self.bits == 8 { OLDEST } else { FEW_BITS }
    }

    /// The values in ONNX's order: two 4-bit values in a byte, the first in the low half.
    pub(super) fn bytes(self, values: impl Iterator<Item = i32>) -> Vec<u8> {
        match self.bits {
            4 => {
                let nibbles: Vec<u8> = values.map(|value| value as u8 & 0xf).collect();
                nibbles
                    .chunks(2)
                    .map(|pair| pair.iter().rev().fold(0, |byte, half| byte << 4 | half))
                    .collect()
            }
            8 => values.map(|value| value as u8).collect(),
            _ => values.flat_map(|value| (value as i16).to_le_bytes()).collect(),
        }
    }
}

/// How a weight's codes lie in ONNX.
struct Stored {
    integer: Integer,
    /// The shape of codes and, blocked, of scales.
    shape: Vec<usize>,
    scale_shape: Vec<usize>,
    attributes: Vec<AttributeProto>,
    /// The grid of each scale, in the order of `scale_shape`.
    grids: Vec<Affine>,
    /// The codes, where they are others than the format's: those of ±Δ.
    binary: bool,
}

/// The operator set that these codes need.
pub(super) fn since(quantized: &Quantized) -> i64 {
    let integer = storage(quantized.format);
    let blocked = matches!(quantized.layout.granularity(), Granularity::Group(_));
    if blocked { FEW_BITS } else { integer.since() }
}

/// The type for codes of `format`. The two levels of the binary format are −1 and 1 there.
fn storage(format: Format) -> Integer {
    Integer::of(format.bits(), format.signed())
}

/// Writes the codes of the parameter `name` and a DequantizeLinear whose output has that name; the values that they stand for, in
/// float, where ONNX has no such grid.
pub(super) fn write(
    writer: &mut Writer<'_>,
    name: &str,
    value: &Tensor,
    quantized: &Quantized,
) -> Result<(), WriteError> {
    let stored = match stored(value.shape(), quantized) {
        Ok(stored) => stored,
        Err(why) => {
            writer.note(
                name,
                format!("the values of the {} codes are stored in float: {why}", quantized.format),
            );
            let values = Tensor::f32(value.shape().to_vec(), quantized.dequantize());
            let values =
                values.map_err(|why| WriteError::Store { name: name.to_owned(), why: why.to_string() })?;
            writer.initializers.push(message::tensor(name, &values));
            return Ok(());
        }
    };
    let Stored { integer, .. } = stored;
    if integer.bits != quantized.format.bits() {
        let what = format!("{} codes are stored in {} bits each", quantized.format, integer.bits);
        writer.note(name, what);
    }
    let sign = |code: &i32| if stored.binary { 2 * code - 1 } else { *code };
    let codes = integer.bytes(quantized.codes.iter().map(sign));
    let codes = writer.initializer(&format!("{name}.codes"), integer.data_type(), &stored.shape, codes);
    let scales = stored.grids.iter().flat_map(|grid| grid.scale.to_le_bytes()).collect();
    let scale = writer.initializer(&format!("{name}.scale"), data_type::FLOAT, &stored.scale_shape, scales);
    let zeros = integer.bytes(stored.grids.iter().map(|grid| grid.zero_point as i32));
    let zero =
        writer.initializer(&format!("{name}.zero_point"), integer.data_type(), &stored.scale_shape, zeros);
    let reshaped = stored.shape != value.shape();
    let output = if reshaped { writer.fresh(&format!("{name}.rows")) } else { name.to_owned() };
    writer.node(
        "DequantizeLinear",
        &format!("{name}.dequantize"),
        &[&codes, &scale, &zero],
        &output,
        stored.attributes,
    );
    if reshaped {
        let lengths: Vec<i64> = value.shape().iter().map(|&n| n as i64).collect();
        let shape = writer.integers(&format!("{name}.shape"), &lengths);
        writer.node("Reshape", &format!("{name}.reshape"), &[&output, &shape], name, Vec::new());
    }
    Ok(())
}

/// Codes and scales as DequantizeLinear takes them; an error says what it cannot take.
fn stored(shape: &[usize], quantized: &Quantized) -> Result<Stored, &'static str> {
    let integer = storage(quantized.format);
    let binary = quantized.format.is_binary();
    let mut grids = quantized.grids.clone();
    if binary {
        // Δ·(2q − 1) for 2Δ·(q − ½): the same numbers.
        grids.iter_mut().for_each(|grid| (grid.scale, grid.zero_point) = (grid.scale / 2.0, 0.0));
    }
    if !grids.iter().all(|grid| integer.holds(grid.zero_point)) {
        return Err("a zero point is no code of ONNX's type");
    }
    let layout = quantized.layout;
    let axis = |axis: usize| vec![int("axis", axis as i64)];
    let (channels, outer, inner) = (layout.channels(), layout.outer(), layout.inner());
    let whole = |scale_shape: Vec<usize>, attributes, grids| Stored {
        integer,
        shape: shape.to_vec(),
        scale_shape,
        attributes,
        grids,
        binary,
    };
    match layout.granularity() {
        Granularity::Tensor => Ok(whole(Vec::new(), Vec::new(), grids)),
        Granularity::Channel => {
            let at = channel_axis(shape, outer, channels, inner).ok_or("its channels lie on no axis")?;
            Ok(whole(vec![channels], axis(at), grids))
        }
        Granularity::Group(size) => {
            let groups = layout.groups();
            let mut attributes = vec![int("block_size", i64::from(size))];
            if outer == 1 {
                attributes.extend(axis(1));
                let rows = vec![channels, inner];
                Ok(Stored { shape: rows, ..whole(vec![channels, groups], attributes, grids) })
            } else if inner == 1 {
                attributes.extend(axis(0));
                let by_group =
                    (0..groups).flat_map(|group| (0..channels).map(move |channel| channel * groups + group));
                let grids = by_group.filter_map(|block| grids.get(block).copied()).collect();
                let rows = vec![outer, channels];
                Ok(Stored { shape: rows, ..whole(vec![groups, channels], attributes, grids) })
            } else {
                Err("its groups lie across two axes")
            }
        }
    }
}

/// The axis of `shape` before which there are `outer` values and behind which there are `inner`.
fn channel_axis(shape: &[usize], outer: usize, channels: usize, inner: usize) -> Option<usize> {
    (0..shape.len()).find(|&axis| {
        let (before, rest) = shape.split_at(axis);
        before.iter().product::<usize>() == outer
            && rest.first() == Some(&channels)
            && rest.iter().skip(1).product::<usize>() == inner
    })
}
