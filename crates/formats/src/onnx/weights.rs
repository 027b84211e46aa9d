//! The initializers of a model as tensors of a file: their headers are found by going over the file, their values are read
//! where they lie, so that a model may be larger than memory.
//!
//! Protocol buffers are fields of a number, a wire type and content; what is not looked for is passed over by its length
//! ([encoding](https://protobuf.dev/programming-guides/encoding/)).

use std::collections::BTreeMap;
use std::io::{Read, Seek};

use fewbit_numeric::ggml::BlockType;

use crate::error::{Place, Problem, ReadError};
use crate::limits::Limits;
use crate::onnx::proto::data_type;
use crate::pieces::{Cursor, Pieces};
use crate::stored::{Plain, Stored};
use crate::tensors::TensorEntry;

/// Longer texts of metadata are passed over.
const MOST_TEXT: u64 = 1 << 16;

/// The initializers of the main graph in order, and what the model says of itself.
pub(crate) fn of<R: Read + Seek>(
    pieces: &mut Pieces<R>,
    limits: &Limits,
) -> Result<(Vec<TensorEntry>, BTreeMap<String, String>), ReadError> {
    let mut walk = Walk { cursor: Cursor::new(pieces), left: limits.messages };
    let (mut tensors, mut texts) = (Vec::new(), BTreeMap::new());
    let end = walk.cursor.len();
    while let Some(field) = walk.field(end)? {
        let said = match field.number {
            2 => Some("producer_name"),
            3 => Some("producer_version"),
            6 => Some("doc_string"),
            _ => None,
        };
        match (said, field.number) {
            (Some(name), _) => texts.extend(walk.text(field)?.map(|text| (name.to_owned(), text))),
            (None, 7) => walk.graph(field, &mut tensors)?,
            (None, 14) => texts.extend(walk.pair(field)?),
            _ => walk.pass(field),
        }
    }
    Ok((tensors, texts))
}

/// A field: its number, and its content, as a number or from where to where.
#[derive(Clone, Copy)]
struct Field {
    number: u64,
    content: Content,
}

#[derive(Clone, Copy)]
enum Content {
    Number(u64),
    Bytes(u64, u64),
}

/// Goes over a file's fields.
struct Walk<'p, R> {
    cursor: Cursor<'p, R>,
    /// How many more fields a file may have.
    left: u64,
}

impl<R: Read + Seek> Walk<'_, R> {
    /// The next field of a message that ends at `end`.
    fn field(&mut self, end: u64) -> Result<Option<Field>, ReadError> {
        let place = self.cursor.at;
        if place >= end {
            return Ok(None);
        }
        self.left = self.left.checked_sub(1).ok_or_else(|| {
            Place::Byte(place).error(Problem::Syntax("there are more fields than any model has".to_owned()))
        })?;
        let tag = self.varint()?;
        let content = match tag & 7 {
            0 => Content::Number(self.varint()?),
            1 => self.content(8, end)?,
            2 => {
                let length = self.varint()?;
                self.content(length, end)?
            }
            5 => self.content(4, end)?,
            _ => return Err(Place::Byte(place).error(Problem::Foreign("an ONNX model"))),
        };
        Ok(Some(Field { number: tag >> 3, content }))
    }

    fn content(&self, length: u64, end: u64) -> Result<Content, ReadError> {
        let from = self.cursor.at;
        match from.checked_add(length) {
            Some(to) if to <= end => Ok(Content::Bytes(from, to)),
            _ => {
                let found = end.saturating_sub(from);
                Err(Place::Byte(from).error(Problem::Truncated { needed: length, found }))
            }
        }
    }

    fn varint(&mut self) -> Result<u64, ReadError> {
        let place = self.cursor.at;
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let [byte] = self.cursor.array()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(Place::Byte(place).error(Problem::Syntax("a number of more than 64 bits".to_owned())))
    }

    /// Goes to the end of a field's content.
    fn pass(&mut self, field: Field) {
        if let Content::Bytes(_, to) = field.content {
            self.cursor.at = to;
        }
    }

    fn text(&mut self, field: Field) -> Result<Option<String>, ReadError> {
        let text = match field.content {
            Content::Bytes(from, to) if to - from <= MOST_TEXT => {
                Some(String::from_utf8_lossy(self.cursor.bytes(to - from)?).into_owned())
            }
            _ => None,
        };
        self.pass(field);
        Ok(text)
    }

    /// A name and its text.
    fn pair(&mut self, field: Field) -> Result<Option<(String, String)>, ReadError> {
        let Content::Bytes(_, end) = field.content else { return Ok(None) };
        let (mut name, mut text) = (None, None);
        while let Some(field) = self.field(end)? {
            match field.number {
                1 => name = self.text(field)?,
                2 => text = self.text(field)?,
                _ => self.pass(field),
            }
        }
        Ok(name.zip(text))
    }

    fn graph(&mut self, field: Field, tensors: &mut Vec<TensorEntry>) -> Result<(), ReadError> {
        let Content::Bytes(_, end) = field.content else { return Ok(()) };
        while let Some(field) = self.field(end)? {
            match field.number {
                5 => tensors.extend(self.tensor(field)?),
                _ => self.pass(field),
            }
        }
        Ok(())
    }

    fn tensor(&mut self, field: Field) -> Result<Option<TensorEntry>, ReadError> {
        let Content::Bytes(_, end) = field.content else { return Ok(None) };
        let (mut name, mut shape, mut kind, mut values) = (String::new(), Vec::new(), 0, None);
        while let Some(field) = self.field(end)? {
            match (field.number, field.content) {
                (1, Content::Number(n)) => shape.push(n),
                (1, Content::Bytes(_, to)) => {
                    while self.cursor.at < to {
                        shape.push(self.varint()?);
                    }
                }
                (2, Content::Number(n)) => kind = i32::try_from(n).unwrap_or_default(),
                (8, _) => name = self.text(field)?.unwrap_or_default(),
                // Floats of 32 and of 64 bits may lie in fields of their own, as the same bytes.
                (4 | 9 | 10, Content::Bytes(from, to)) => values = Some((from, to - from)),
                _ => {}
            }
            self.pass(field);
        }
        let place = || Place::Tensor(name.clone());
        if let Some(negative) = shape.iter().map(|&n| n as i64).find(|n| *n < 0) {
            return Err(place().error(Problem::NegativeLength(negative)));
        }
        let count = shape.iter().try_fold(1u64, |product, &n| product.checked_mul(n));
        let count = count.ok_or_else(|| place().error(Problem::ShapeOverflow(shape.clone())))?;
        let (offset, bytes) = values.unwrap_or_default();
        let blocks = blocks(kind).filter(|blocks| values.is_some() && blocks.bytes_of(count) == Some(bytes));
        Ok(Some(TensorEntry::at(name, shape, data_type::name(kind), blocks, bytes, offset)))
    }
}

/// How the values of an element type lie in bytes; none for types whose values are not read.
fn blocks(kind: i32) -> Option<Stored> {
    Some(match kind {
        data_type::FLOAT => Stored::Ggml(BlockType::F32),
        data_type::FLOAT16 => Stored::Ggml(BlockType::F16),
        data_type::BFLOAT16 => Stored::Ggml(BlockType::BF16),
        data_type::DOUBLE => Stored::Ggml(BlockType::F64),
        data_type::INT8 => Stored::Ggml(BlockType::I8),
        data_type::INT16 => Stored::Ggml(BlockType::I16),
        data_type::INT32 => Stored::Ggml(BlockType::I32),
        data_type::INT64 => Stored::Ggml(BlockType::I64),
        data_type::BOOL => Stored::Plain(Plain::Bool),
        data_type::UINT8 => Stored::Plain(Plain::U8),
        data_type::UINT16 => Stored::Plain(Plain::U16),
        data_type::UINT32 => Stored::Plain(Plain::U32),
        data_type::UINT64 => Stored::Plain(Plain::U64),
        _ => return None,
    })
}
