//! Where the bytes of files come from.

use std::io::{self, Read, Seek, SeekFrom};

use crate::error::DataError;

/// The largest file that is read as a whole.
const MOST_BYTES: u64 = 1 << 30;

/// Bytes that are read from any place.
pub trait Stream: Read + Seek {}

impl<T: Read + Seek> Stream for T {}

/// Files, by the paths that they were given with.
pub trait Files {
    /// Opens a file.
    ///
    /// # Errors
    /// If it cannot be opened.
    fn open(&self, path: &str) -> io::Result<Box<dyn Stream>>;
}

/// All bytes of a file.
pub(crate) fn read(files: &dyn Files, path: &str) -> Result<Vec<u8>, DataError> {
    let all = |mut stream: Box<dyn Stream>| {
        let length = stream.seek(SeekFrom::End(0))?;
        stream.rewind()?;
        if length > MOST_BYTES {
            return Err(io::Error::other(format!("more than {MOST_BYTES} bytes; take a part of it")));
        }
        // With room for all of it, one call reads it.
        let mut bytes = Vec::with_capacity(length as usize);
        stream.read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    files.open(path).and_then(all).map_err(|why| DataError::file(path, why))
}

/// A file as text.
pub(crate) fn text(files: &dyn Files, path: &str) -> Result<String, DataError> {
    String::from_utf8(read(files, path)?).map_err(|why| {
        let at = why.utf8_error().valid_up_to();
        DataError::file(path, format!("this is no UTF-8 text: byte {at} is no part of a character"))
    })
}
