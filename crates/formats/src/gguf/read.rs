//! Reading the header.

use std::collections::BTreeSet;
use std::io::{Read, Seek};

use fewbit_numeric::ggml::BlockType;

use super::{ALIGNMENT, Header, MAGIC, MAX_AXES, TensorInfo, Value};
use crate::error::{Place, Problem, ReadError};
use crate::limits::Limits;
use crate::pieces::{Cursor, PIECE, Pieces};

/// Arrays lie in each other no deeper.
const MAX_DEPTH: u32 = 4;

impl Header {
    /// Reads the header of a file, and nothing else of it.
    ///
    /// # Errors
    /// [`ReadError`] with a byte or a tensor: what is cut short, contradicts itself, or is more than `limits`.
    pub fn read(reader: impl Read + Seek, limits: &Limits) -> Result<Self, ReadError> {
        Self::of(&mut Pieces::new(reader)?, limits)
    }

    pub(crate) fn of<R: Read + Seek>(pieces: &mut Pieces<R>, limits: &Limits) -> Result<Self, ReadError> {
        let mut cursor = Cursor::new(pieces);
        if cursor.bytes(4)? != MAGIC {
            return Err(Place::Byte(0).error(Problem::Foreign("a GGUF file")));
        }
        let version = cursor.u32()?;
        if !(2..=3).contains(&version) {
            return Err(Place::Byte(4).error(Problem::Field {
                what: "the version".to_owned(),
                found: version.to_string(),
                needed: "2 or 3, little-endian".to_owned(),
            }));
        }
        let place = cursor.at;
        let (tensors, entries) = (cursor.u64()?, cursor.u64()?);
        for (what, found) in [("tensors", tensors), ("metadata", entries)] {
            check(place, what, found, limits.messages)?;
        }
        let mut metadata = Vec::new();
        let mut values = limits.filled_elements;
        for _ in 0..entries {
            let name = cursor.string()?;
            let kind = cursor.u32()?;
            let value = cursor.value(kind, 0, &mut values)?;
            metadata.push((name, value));
        }
        let mut header = Self { version, metadata, tensors: Vec::new() };
        let mut names = BTreeSet::new();
        for _ in 0..tensors {
            let tensor = cursor.tensor()?;
            if !names.insert(tensor.name.clone()) {
                return Err(Place::Tensor(tensor.name.clone()).error(Problem::Duplicate(tensor.name)));
            }
            header.tensors.push(tensor);
        }
        let alignment = header.alignment()?;
        let start = cursor.at.checked_next_multiple_of(alignment).unwrap_or(u64::MAX);
        let len = pieces.len();
        header.tensors.iter_mut().try_for_each(|tensor| settle(tensor, start, alignment, len))?;
        Ok(header)
    }

    fn alignment(&self) -> Result<u64, ReadError> {
        let Some(value) = self.get("general.alignment") else { return Ok(ALIGNMENT) };
        value.as_u64().filter(|n| n.is_power_of_two() && *n <= PIECE).ok_or_else(|| {
            Place::File.error(Problem::Field {
                what: "general.alignment".to_owned(),
                found: value.to_string(),
                needed: "a power of two, at most 65536".to_owned(),
            })
        })
    }
}

fn check(place: u64, what: &'static str, found: u64, limit: u64) -> Result<(), ReadError> {
    if found <= limit {
        Ok(())
    } else {
        Err(Place::Byte(place).error(Problem::TooLarge { what, found, limit }))
    }
}

/// Turns the place of a tensor among the values into its place in the file, which has to have its bytes.
fn settle(tensor: &mut TensorInfo, start: u64, alignment: u64, len: u64) -> Result<(), ReadError> {
    let place = || Place::Tensor(tensor.name.clone());
    if !tensor.offset.is_multiple_of(alignment) {
        return Err(place().error(Problem::Field {
            what: "its offset".to_owned(),
            found: tensor.offset.to_string(),
            needed: format!("a multiple of {alignment}"),
        }));
    }
    let offset = start.saturating_add(tensor.offset);
    let found = len.saturating_sub(offset);
    if found < tensor.bytes {
        return Err(place().error(Problem::Truncated { needed: tensor.bytes, found }));
    }
    tensor.offset = offset;
    Ok(())
}

impl<R: Read + Seek> Cursor<'_, R> {
    fn u32(&mut self) -> Result<u32, ReadError> {
        self.array().map(u32::from_le_bytes)
    }

    fn u64(&mut self) -> Result<u64, ReadError> {
        self.array().map(u64::from_le_bytes)
    }

    fn string(&mut self) -> Result<String, ReadError> {
        let len = self.u64()?;
        let place = self.at;
        let bytes = self.bytes(len)?.to_vec();
        String::from_utf8(bytes)
            .map_err(|why| Place::Byte(place).error(Problem::Syntax(format!("no text: {why}"))))
    }

    /// A value; `left` is how many more a file may have.
    fn value(&mut self, kind: u32, depth: u32, left: &mut u64) -> Result<Value, ReadError> {
        let place = self.at;
        Ok(match kind {
            0 => Value::U8(u8::from_le_bytes(self.array()?)),
            1 => Value::I8(i8::from_le_bytes(self.array()?)),
            2 => Value::U16(u16::from_le_bytes(self.array()?)),
            3 => Value::I16(i16::from_le_bytes(self.array()?)),
            4 => Value::U32(self.u32()?),
            5 => Value::I32(i32::from_le_bytes(self.array()?)),
            6 => Value::F32(f32::from_le_bytes(self.array()?)),
            7 => Value::Bool(self.array::<1>()? != [0]),
            8 => Value::String(self.string()?),
            9 if depth < MAX_DEPTH => {
                let (kind, count) = (self.u32()?, self.u64()?);
                check(place, "values in arrays", count, *left)?;
                *left -= count;
                let mut values = Vec::new();
                for _ in 0..count {
                    values.push(self.value(kind, depth + 1, left)?);
                }
                Value::Array(values)
            }
            10 => Value::U64(self.u64()?),
            11 => Value::I64(i64::from_le_bytes(self.array()?)),
            12 => Value::F64(f64::from_le_bytes(self.array()?)),
            _ => {
                return Err(Place::Byte(place).error(Problem::Field {
                    what: "the type of a value".to_owned(),
                    found: kind.to_string(),
                    needed: "0 to 12, and no more than four arrays in each other".to_owned(),
                }));
            }
        })
    }

    fn tensor(&mut self) -> Result<TensorInfo, ReadError> {
        let name = self.string()?;
        let place = || Place::Tensor(name.clone());
        let axes = self.u32()?;
        if axes > MAX_AXES {
            let (found, limit) = (u64::from(axes), u64::from(MAX_AXES));
            return Err(place().error(Problem::TooLarge { what: "axes", found, limit }));
        }
        let mut shape = (0..axes).map(|_| self.u64()).collect::<Result<Vec<u64>, _>>()?;
        shape.reverse();
        let (id, offset) = (self.u32()?, self.u64()?);
        let kind = BlockType::of_id(id).ok_or_else(|| {
            let readable = "a type of ggml's that is in use; some numbers are of types that were given up";
            place().error(Problem::ElementType { found: format!("number {id}"), readable })
        })?;
        let count = shape.iter().try_fold(1u64, |product, &n| product.checked_mul(n));
        let count = count.ok_or_else(|| place().error(Problem::ShapeOverflow(shape.clone())))?;
        let row = shape.last().copied().unwrap_or(1);
        let bytes = if row.is_multiple_of(kind.block_len() as u64) { kind.bytes_of(count) } else { None };
        let bytes = bytes.ok_or_else(|| {
            place().error(Problem::Field {
                what: "the length of its innermost axis".to_owned(),
                found: row.to_string(),
                needed: format!("a multiple of {}, the values of a block of {kind}", kind.block_len()),
            })
        })?;
        Ok(TensorInfo { name, shape, kind, offset, bytes })
    }
}
