//! Files that are read by the piece: a header, then one tensor at a time, so that a file may be larger than memory.

use std::io::{Read, Seek, SeekFrom};

use crate::error::{Place, Problem, ReadError};

/// A file of which parts are read: bytes in memory, a file, or a browser's `File`.
pub(crate) struct Pieces<R> {
    reader: R,
    len: u64,
}

impl<R: Read + Seek> Pieces<R> {
    pub(crate) fn new(mut reader: R) -> Result<Self, ReadError> {
        let len = reader.seek(SeekFrom::End(0)).map_err(|why| unreadable(0, &why))?;
        Ok(Self { reader, len })
    }

    /// The bytes of the whole file.
    pub(crate) fn len(&self) -> u64 {
        self.len
    }

    /// `len` bytes from byte `offset` on.
    pub(crate) fn read(&mut self, offset: u64, len: u64) -> Result<Vec<u8>, ReadError> {
        let found = self.len.saturating_sub(offset);
        if found < len {
            return Err(Place::Byte(offset).error(Problem::Truncated { needed: len, found }));
        }
        let size = usize::try_from(len).map_err(|_| {
            Place::Byte(offset).error(Problem::TooLarge {
                what: "bytes",
                found: len,
                limit: usize::MAX as u64,
            })
        })?;
        let mut bytes = vec![0; size];
        self.reader
            .seek(SeekFrom::Start(offset))
            .and_then(|_| self.reader.read_exact(&mut bytes))
            .map_err(|why| unreadable(offset, &why))?;
        Ok(bytes)
    }
}

fn unreadable(offset: u64, why: &std::io::Error) -> ReadError {
    Place::Byte(offset).error(Problem::Unreadable(why.to_string()))
}
