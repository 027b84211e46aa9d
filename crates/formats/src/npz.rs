//! npz, NumPy's archive of arrays: a zip file with an npy file for each.

use std::collections::BTreeMap;
use std::io::{Cursor, Read as _, Write as _};

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

use crate::error::{Place, Problem, ReadError, WriteError};
use crate::limits::Limits;
use crate::npy::{self, Array};

const SUFFIX: &str = ".npy";

/// An opened archive. Its arrays are inflated when they are asked for.
pub struct Npz<'a> {
    archive: ZipArchive<Cursor<&'a [u8]>>,
    limits: Limits,
    /// What may still be inflated.
    left: u64,
}

impl<'a> Npz<'a> {
    /// Opens an archive.
    ///
    /// # Errors
    /// [`ReadError`] if `bytes` is no zip file, or too large.
    pub fn open(bytes: &'a [u8], limits: &Limits) -> Result<Self, ReadError> {
        let found = bytes.len() as u64;
        if found > limits.file_bytes {
            let limit = limits.file_bytes;
            return Err(Place::File.error(Problem::TooLarge { what: "bytes", found, limit }));
        }
        let archive = ZipArchive::new(Cursor::new(bytes))
            .map_err(|why| Place::File.error(Problem::Syntax(format!("no zip archive: {why}"))))?;
        Ok(Self { archive, limits: *limits, left: limits.inflated_bytes })
    }

    /// The names of all members, arrays or not.
    pub fn members(&self) -> Vec<String> {
        self.archive.file_names().filter_map(Result::ok).map(|name| name.into_owned()).collect()
    }

    /// The names of the arrays, sorted.
    pub fn names(&self) -> Vec<String> {
        let members = self.members();
        let mut names: Vec<_> =
            members.iter().filter_map(|name| Some(name.strip_suffix(SUFFIX)?.to_owned())).collect();
        names.sort();
        names
    }

    /// The array of this name, or `None` if the archive has none.
    ///
    /// # Errors
    /// [`ReadError`] if the member is damaged, is no array, or inflates to more than the limits allow.
    pub fn array(&mut self, name: &str) -> Result<Option<Array>, ReadError> {
        let member = format!("{name}{SUFFIX}");
        let Some(index) = self.archive.index_for_name(&member) else { return Ok(None) };
        let bytes = self.inflate(index, &member)?;
        npy::read_member(&member, &bytes).map(Some)
    }

    fn inflate(&mut self, index: usize, member: &str) -> Result<Vec<u8>, ReadError> {
        let at = || Place::Member(member.to_owned());
        let damaged = |why: String| at().error(Problem::Syntax(why));
        let mut file = self.archive.by_index(index).map_err(|why| damaged(why.to_string()))?;
        let claimed = file.size();
        let by_ratio = file.compressed_size().saturating_mul(self.limits.inflation).max(Limits::FREE_BYTES);
        let limit = by_ratio.min(self.left);
        let too_large = |found| at().error(Problem::TooLarge { what: "inflated bytes", found, limit });
        if claimed > limit {
            return Err(too_large(claimed));
        }
        let mut bytes = Vec::new();
        file.by_ref()
            .take(limit.saturating_add(1))
            .read_to_end(&mut bytes)
            .map_err(|why| damaged(why.to_string()))?;
        let inflated = bytes.len() as u64;
        if inflated > limit {
            return Err(too_large(inflated));
        }
        self.left -= inflated;
        Ok(bytes)
    }
}

/// Reads every array of an archive.
///
/// # Errors
/// [`ReadError`] for the first that cannot be read.
pub fn read(bytes: &[u8], limits: &Limits) -> Result<BTreeMap<String, Array>, ReadError> {
    let mut npz = Npz::open(bytes, limits)?;
    let mut arrays = BTreeMap::new();
    for name in npz.names() {
        if let Some(array) = npz.array(&name)? {
            arrays.insert(name, array);
        }
    }
    Ok(arrays)
}

/// Writes an archive, deflated. The same arrays give the same bytes.
///
/// # Errors
/// [`WriteError`] if a name is given twice or cannot be stored.
pub fn write(arrays: &[(&str, &Array)]) -> Result<Vec<u8>, WriteError> {
    archive(arrays, CompressionMethod::Deflated)
}

/// Writes an archive without deflating it: larger, at once.
///
/// # Errors
/// As [`write`].
pub fn write_stored(arrays: &[(&str, &Array)]) -> Result<Vec<u8>, WriteError> {
    archive(arrays, CompressionMethod::Stored)
}

fn archive(arrays: &[(&str, &Array)], method: CompressionMethod) -> Result<Vec<u8>, WriteError> {
    let options = SimpleFileOptions::DEFAULT.compression_method(method);
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    let store =
        |name: &str, why: &dyn ToString| WriteError::Store { name: name.to_owned(), why: why.to_string() };
    for (i, (name, array)) in arrays.iter().enumerate() {
        if arrays.iter().take(i).any(|(earlier, _)| earlier == name) {
            return Err(WriteError::Duplicate((*name).to_owned()));
        }
        zip.start_file(format!("{name}{SUFFIX}"), options).map_err(|why| store(name, &why))?;
        zip.write_all(&npy::write(array)).map_err(|why| store(name, &why))?;
    }
    zip.finish().map(Cursor::into_inner).map_err(|why| store("the archive", &why))
}
