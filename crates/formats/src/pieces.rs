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

/// How much a [`Cursor`] reads at once.
pub(crate) const PIECE: u64 = 1 << 16;

/// A place in a file that goes forward, with a piece of the file around it.
pub(crate) struct Cursor<'p, R> {
    pieces: &'p mut Pieces<R>,
    /// The place.
    pub(crate) at: u64,
    piece: Vec<u8>,
    /// Where the piece begins.
    first: u64,
}

impl<'p, R: Read + Seek> Cursor<'p, R> {
    /// At the start of the file.
    pub(crate) fn new(pieces: &'p mut Pieces<R>) -> Self {
        Self { pieces, at: 0, piece: Vec::new(), first: 0 }
    }

    /// The bytes of the whole file.
    pub(crate) fn len(&self) -> u64 {
        self.pieces.len()
    }

    /// The next `len` bytes.
    pub(crate) fn bytes(&mut self, len: u64) -> Result<&[u8], ReadError> {
        let end = self.at.saturating_add(len);
        if self.at < self.first || end > self.first + self.piece.len() as u64 {
            let found = self.pieces.len().saturating_sub(self.at);
            if found < len {
                return Err(Place::Byte(self.at).error(Problem::Truncated { needed: len, found }));
            }
            self.piece = self.pieces.read(self.at, found.min(len.max(PIECE)))?;
            self.first = self.at;
        }
        let from = (self.at - self.first) as usize;
        self.at = end;
        Ok(self.piece.get(from..from + len as usize).unwrap_or_default())
    }

    /// The next `N` bytes.
    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], ReadError> {
        let bytes = self.bytes(N as u64)?;
        Ok(bytes.first_chunk().copied().unwrap_or([0; N]))
    }
}
