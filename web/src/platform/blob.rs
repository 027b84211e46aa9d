//! A file that a person gave us, read where it lies: only what is asked for comes into memory.

use std::io::{Error, Read, Result, Seek, SeekFrom};

use js_sys::Uint8Array;
use web_sys::{Blob, FileReaderSync};

/// A reader over a `Blob`. It waits for the bytes, which only a worker may do.
pub struct BlobReader {
    blob: Blob,
    reader: FileReaderSync,
    at: u64,
}

impl BlobReader {
    /// Reads `blob` from its start.
    ///
    /// # Errors
    /// If the browser gives us no reader here.
    pub fn new(blob: Blob) -> Result<Self> {
        let reader = FileReaderSync::new().map_err(|_| Error::other("the browser gives no reader"))?;
        Ok(Self { blob, reader, at: 0 })
    }

    /// All of its bytes.
    fn len(&self) -> u64 {
        self.blob.size() as u64
    }
}

impl Read for BlobReader {
    fn read(&mut self, bytes: &mut [u8]) -> Result<usize> {
        let end = self.len().min(self.at.saturating_add(bytes.len() as u64));
        if self.at >= end {
            return Ok(0);
        }
        let gone = |_| Error::other("the browser does not read this file any more: was it changed or moved?");
        let piece = self.blob.slice_with_f64_and_f64(self.at as f64, end as f64).map_err(gone)?;
        let buffer = Uint8Array::new(self.reader.read_as_array_buffer(&piece).map_err(gone)?.as_ref());
        let length = (buffer.length() as usize).min(bytes.len());
        let (read, _) = bytes.split_at_mut(length);
        buffer.subarray(0, length as u32).copy_to(read);
        self.at += length as u64;
        Ok(length)
    }
}

impl Seek for BlobReader {
    fn seek(&mut self, to: SeekFrom) -> Result<u64> {
        let place = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::End(by) => self.len().checked_add_signed(by),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
        };
        self.at = place.ok_or_else(|| Error::other("a place before the file"))?;
        Ok(self.at)
    }
}
