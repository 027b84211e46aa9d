//! Where the bytes of files come from.

use std::io::{self, Read, Seek};

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
    let mut bytes = Vec::new();
    let stream = files.open(path).map_err(|why| DataError::file(path, why))?;
    stream.take(MOST_BYTES + 1).read_to_end(&mut bytes).map_err(|why| DataError::file(path, why))?;
    if bytes.len() as u64 > MOST_BYTES {
        return Err(DataError::file(path, format!("more than {MOST_BYTES} bytes; take a part of it")));
    }
    Ok(bytes)
}

/// A file as text.
pub(crate) fn text(files: &dyn Files, path: &str) -> Result<String, DataError> {
    String::from_utf8(read(files, path)?).map_err(|why| {
        let at = why.utf8_error().valid_up_to();
        DataError::file(path, format!("this is no UTF-8 text: byte {at} is no part of a character"))
    })
}
