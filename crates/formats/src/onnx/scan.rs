//! A first walk over a model's bytes: is this protobuf, and is it of a sane size?
//!
//! Decoding makes a struct of some hundred bytes of every message, even of an empty one that takes two bytes in the
//! file. So messages are counted before anything is allocated. The walk also knows what a decoder does not tell: the
//! byte at which the file stops making sense.

use crate::error::{Place, Problem, ReadError};
use crate::limits::Limits;

/// The messages that have messages in them.
#[derive(Clone, Copy, PartialEq)]
enum Message {
    Model,
    Graph,
    Node,
    Attribute,
    Tensor,
    SparseTensor,
    Value,
    Type,
    TensorType,
    ElementType,
    MapType,
    Shape,
    Function,
    Training,
    Annotation,
    Devices,
    Sharding,
    ShardedDim,
    /// Any other, with fields of no interest here.
    Leaf,
}

impl Message {
    /// The message in `field` of this one, or `None` for text, bytes and numbers.
    fn child(self, field: u64) -> Option<Self> {
        use Message::*;
        Some(match (self, field) {
            (Model, 7) | (Attribute, 6 | 11) | (Training, 1 | 2) => Graph,
            (Model, 20) => Training,
            (Model, 25) => Function,
            (Graph, 1) | (Function, 7) => Node,
            (Graph, 5) | (Attribute, 5 | 10) | (SparseTensor, 1 | 2) => Tensor,
            (Graph, 11..=13) | (Function, 12) => Value,
            (Graph, 15) | (Attribute, 22 | 23) => SparseTensor,
            (Node, 5) | (Function, 11) => Attribute,
            (Graph, 14) => Annotation,
            (Node, 10) => Devices,
            (Devices, 2) => Sharding,
            (Sharding, 4) => ShardedDim,
            (Value, 2) | (Attribute, 14 | 15) | (ElementType, 1) | (MapType, 2) => Type,
            (Type, 1 | 8) => TensorType,
            (Type, 4 | 9) => ElementType,
            (Type, 5) => MapType,
            (TensorType, 2) => Shape,
            (Model, 8 | 14 | 26)
            | (Graph, 16)
            | (Node, 9)
            | (Tensor, 3 | 13 | 16)
            | (Value, 4)
            | (Type, 7)
            | (Shape, 1)
            | (Annotation, 2)
            | (Sharding, 3)
            | (ShardedDim, 2)
            | (Function, 9 | 14)
            | (Training, 3 | 4) => Leaf,
            _ => return None,
        })
    }
}

/// Walks over `bytes`, an encoded model.
pub(super) fn scan(bytes: &[u8], limits: &Limits) -> Result<(), ReadError> {
    let mut scan = Scan { bytes, at: 0, limits, messages: 0, nodes: 0 };
    scan.message(Message::Model, bytes.len(), 0)
}

struct Scan<'a> {
    bytes: &'a [u8],
    at: usize,
    limits: &'a Limits,
    messages: u64,
    nodes: u64,
}

impl Scan<'_> {
    fn message(&mut self, message: Message, end: usize, depth: u32) -> Result<(), ReadError> {
        self.count(message, depth)?;
        while self.at < end {
            let field_at = self.at;
            let tag = self.varint(end)?;
            let (field, wire_type) = (tag >> 3, tag & 7);
            if field == 0 {
                return Err(at(field_at, Problem::Foreign("an ONNX model: a protobuf field has number 0")));
            }
            match wire_type {
                0 => {
                    self.varint(end)?;
                }
                1 => self.skip(8, end)?,
                5 => self.skip(4, end)?,
                2 => {
                    let length = self.varint(end)?;
                    let start = self.at;
                    self.skip(length, end)?;
                    if let Some(child) = message.child(field) {
                        let end = self.at;
                        self.at = start;
                        self.message(child, end, depth + 1)?;
                    }
                }
                _ => {
                    return Err(at(
                        field_at,
                        Problem::Foreign("an ONNX model: a protobuf field has no known type"),
                    ));
                }
            }
        }
        Ok(())
    }

    fn count(&mut self, message: Message, depth: u32) -> Result<(), ReadError> {
        self.messages += 1;
        self.nodes += u64::from(message == Message::Node);
        let counts = [
            ("nodes", self.nodes, self.limits.nodes),
            ("protobuf messages", self.messages, self.limits.messages),
            ("protobuf messages inside each other", u64::from(depth), u64::from(self.limits.depth)),
        ];
        match counts.into_iter().find(|(_, found, limit)| found > limit) {
            Some((what, found, limit)) => Err(at(self.at, Problem::TooLarge { what, found, limit })),
            None => Ok(()),
        }
    }

    fn varint(&mut self, end: usize) -> Result<u64, ReadError> {
        let start = self.at;
        let mut value = 0u64;
        for shift in (0..70).step_by(7) {
            let byte = self.bytes.get(self.at).filter(|_| self.at < end);
            let Some(&byte) = byte else {
                return Err(at(self.at, Problem::Truncated { needed: 1, found: 0 }));
            };
            self.at += 1;
            // The tenth byte has one bit left; what is above it is dropped, as decoders do.
            value |= u64::from(byte & 0x7f).checked_shl(shift).unwrap_or(0);
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(at(start, Problem::Foreign("an ONNX model: a protobuf number is longer than ten bytes")))
    }

    fn skip(&mut self, length: u64, end: usize) -> Result<(), ReadError> {
        let found = (end - self.at) as u64;
        if length > found {
            return Err(at(self.at, Problem::Truncated { needed: length, found }));
        }
        self.at += length as usize;
        Ok(())
    }
}

fn at(byte: usize, problem: Problem) -> ReadError {
    Place::Byte(byte as u64).error(problem)
}
