//! The dictionary at the front of an npy file: a Python literal of three entries.

use super::MAGIC;
use crate::error::{Place, Problem, ReadError};

/// What the dictionary says.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Header {
    /// NumPy's type string, like `<f4`.
    pub(super) descr: String,
    /// Whether the first axis varies fastest.
    pub(super) fortran_order: bool,
    /// The length of each axis.
    pub(super) shape: Vec<u64>,
}

/// NumPy writes some hundred bytes, and reads no more than ten thousand unasked.
const MAX_HEADER_BYTES: u64 = 10_000;

/// NumPy's own limit.
const MAX_AXES: usize = 64;

/// Splits an npy file into its header and its values. `place` makes a place from a byte offset.
pub(super) fn split<'a>(
    bytes: &'a [u8],
    place: &dyn Fn(u64) -> Place,
) -> Result<(Header, &'a [u8]), ReadError> {
    let Some(rest) = bytes.strip_prefix(MAGIC) else {
        return Err(place(0).error(Problem::Foreign("an npy file")));
    };
    let truncated = |at: usize, needed: u64| {
        let found = bytes.len().saturating_sub(at) as u64;
        place(at as u64).error(Problem::Truncated { needed, found })
    };
    let (length, text_at) = match rest {
        [1, _, low, high, ..] => (u64::from(u16::from_le_bytes([*low, *high])), 10),
        [2 | 3, _, a, b, c, d, ..] => (u64::from(u32::from_le_bytes([*a, *b, *c, *d])), 12),
        [] | [1..=3, ..] => return Err(truncated(MAGIC.len(), 6)),
        [version, ..] => {
            return Err(place(6).error(Problem::Field {
                what: "the npy version".to_owned(),
                found: version.to_string(),
                needed: "1, 2 or 3".to_owned(),
            }));
        }
    };
    if length > MAX_HEADER_BYTES {
        let limit = MAX_HEADER_BYTES;
        return Err(place(8).error(Problem::TooLarge { what: "bytes of header", found: length, limit }));
    }
    let text_end = text_at + length as usize;
    let (Some(text), Some(values)) = (bytes.get(text_at..text_end), bytes.get(text_end..)) else {
        return Err(truncated(text_at, length));
    };
    let header = Literal { text, at: 0 }
        .header()
        .map_err(|(at, why)| place((text_at + at) as u64).error(Problem::Syntax(why)))?;
    Ok((header, values))
}

/// A position in the text, and what is wrong there.
type Fault = (usize, String);

/// A reader of the few Python literals that a header has.
struct Literal<'a> {
    text: &'a [u8],
    at: usize,
}

impl Literal<'_> {
    fn header(mut self) -> Result<Header, Fault> {
        let (mut descr, mut fortran_order, mut shape) = (None, None, None);
        self.expect(b'{')?;
        while !self.take(b'}') {
            let key_at = self.at;
            let key = self.string()?;
            self.expect(b':')?;
            let twice = match key.as_str() {
                "descr" => descr.replace(self.string()?).is_some(),
                "fortran_order" => fortran_order.replace(self.boolean()?).is_some(),
                "shape" => shape.replace(self.tuple()?).is_some(),
                _ => return Err((key_at, format!("an npy header has no entry `{key}`"))),
            };
            if twice {
                return Err((key_at, format!("the entry `{key}` is there twice")));
            }
            if !self.take(b',') {
                self.expect(b'}')?;
                break;
            }
        }
        self.skip_space();
        if self.at < self.text.len() {
            return Err((self.at, "text follows the npy header's dictionary".to_owned()));
        }
        match (descr, fortran_order, shape) {
            (Some(descr), Some(fortran_order), Some(shape)) => Ok(Header { descr, fortran_order, shape }),
            _ => Err((0, "an npy header needs descr, fortran_order and shape".to_owned())),
        }
    }

    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn skip_space(&mut self) {
        while self.peek().is_some_and(|byte| byte.is_ascii_whitespace()) {
            self.at += 1;
        }
    }

    /// Takes `byte` if it comes next.
    fn take(&mut self, byte: u8) -> bool {
        self.skip_space();
        let there = self.peek() == Some(byte);
        self.at += usize::from(there);
        there
    }

    fn expect(&mut self, byte: u8) -> Result<(), Fault> {
        if self.take(byte) { Ok(()) } else { Err((self.at, format!("expected `{}`", char::from(byte)))) }
    }

    /// The bytes from here on for which `belongs` holds.
    fn run(&mut self, belongs: impl Fn(u8) -> bool) -> String {
        let mut run = String::new();
        while let Some(byte) = self.peek().filter(|&byte| belongs(byte)) {
            run.push(char::from(byte));
            self.at += 1;
        }
        run
    }

    fn string(&mut self) -> Result<String, Fault> {
        self.skip_space();
        let quote = match self.peek() {
            Some(quote @ (b'\'' | b'"')) => quote,
            Some(b'[') => return Err((self.at, "records with several fields are not read".to_owned())),
            _ => return Err((self.at, "expected a string".to_owned())),
        };
        self.at += 1;
        let string = self.run(|byte| byte != quote);
        self.expect(quote)?;
        Ok(string)
    }

    fn boolean(&mut self) -> Result<bool, Fault> {
        self.skip_space();
        let at = self.at;
        match self.run(|byte| byte.is_ascii_alphabetic()).as_str() {
            "True" => Ok(true),
            "False" => Ok(false),
            _ => Err((at, "expected True or False".to_owned())),
        }
    }

    fn tuple(&mut self) -> Result<Vec<u64>, Fault> {
        self.expect(b'(')?;
        let mut lengths = Vec::new();
        while !self.take(b')') {
            let at = self.at;
            let digits = self.run(|byte| byte.is_ascii_digit() || byte == b'-');
            let length = digits.parse().map_err(|_| (at, format!("`{digits}` is no length of an axis")))?;
            // Python 2 wrote long integers with an L.
            let _ = self.take(b'L');
            lengths.push(length);
            if lengths.len() > MAX_AXES {
                return Err((at, format!("more than {MAX_AXES} axes")));
            }
            if !self.take(b',') {
                self.expect(b')')?;
                break;
            }
        }
        Ok(lengths)
    }
}
