//! What metadata hold.

use std::fmt;

/// A value.
#[derive(Clone, Debug, PartialEq)]
#[expect(missing_docs, reason = "the names are the types")]
pub enum Value {
    U8(u8),
    I8(i8),
    U16(u16),
    I16(i16),
    U32(u32),
    I32(i32),
    F32(f32),
    Bool(bool),
    String(String),
    /// Values of one type.
    Array(Vec<Self>),
    U64(u64),
    I64(i64),
    F64(f64),
}

/// How many values of an array are shown.
const SHOWN: usize = 4;

impl Value {
    /// The number of its type in files.
    pub(super) fn kind(&self) -> u32 {
        match self {
            Self::U8(_) => 0,
            Self::I8(_) => 1,
            Self::U16(_) => 2,
            Self::I16(_) => 3,
            Self::U32(_) => 4,
            Self::I32(_) => 5,
            Self::F32(_) => 6,
            Self::Bool(_) => 7,
            Self::String(_) => 8,
            Self::Array(_) => 9,
            Self::U64(_) => 10,
            Self::I64(_) => 11,
            Self::F64(_) => 12,
        }
    }

    /// A whole number, if it is one.
    pub fn as_u64(&self) -> Option<u64> {
        match self {
            Self::U8(n) => Some(u64::from(*n)),
            Self::U16(n) => Some(u64::from(*n)),
            Self::U32(n) => Some(u64::from(*n)),
            Self::U64(n) => Some(*n),
            Self::I8(n) => u64::try_from(*n).ok(),
            Self::I16(n) => u64::try_from(*n).ok(),
            Self::I32(n) => u64::try_from(*n).ok(),
            Self::I64(n) => u64::try_from(*n).ok(),
            _ => None,
        }
    }
}

impl Value {
    /// A number, whole or not.
    pub fn as_f64(&self) -> Option<f64> {
        match self {
            Self::F32(x) => Some(f64::from(*x)),
            Self::F64(x) => Some(*x),
            _ => self.as_u64().map(|n| n as f64),
        }
    }

    /// A text.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::U8(n) => write!(f, "{n}"),
            Self::I8(n) => write!(f, "{n}"),
            Self::U16(n) => write!(f, "{n}"),
            Self::I16(n) => write!(f, "{n}"),
            Self::U32(n) => write!(f, "{n}"),
            Self::I32(n) => write!(f, "{n}"),
            Self::U64(n) => write!(f, "{n}"),
            Self::I64(n) => write!(f, "{n}"),
            Self::F32(x) => write!(f, "{x}"),
            Self::F64(x) => write!(f, "{x}"),
            Self::Bool(flag) => write!(f, "{flag}"),
            Self::String(text) => f.write_str(text),
            Self::Array(values) => {
                let shown: Vec<String> = values.iter().take(SHOWN).map(Self::to_string).collect();
                let more = if values.len() > SHOWN { ", …" } else { "" };
                write!(f, "[{}{more}] ({})", shown.join(", "), values.len())
            }
        }
    }
}
