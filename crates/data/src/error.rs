//! Why data could not be read, and where.

use fewbit_formats::ReadError;

/// Data that could not be read, or do not fit the model.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DataError {
    /// A file of several.
    #[error("`{file}`: {why}")]
    File {
        /// Its path inside the folder.
        file: String,
        /// What is wrong.
        why: String,
    },
    /// A line of a table.
    #[error("line {line}: {why}")]
    Line {
        /// Counted from 1.
        line: u64,
        /// What is wrong.
        why: String,
    },
    /// A cell of a table.
    #[error("line {line}, column {column}: {why}")]
    Cell {
        /// Counted from 1.
        line: u64,
        /// Counted from 1.
        column: usize,
        /// What is wrong.
        why: String,
    },
    /// A tokenizer.
    #[error("the tokenizer: {0}")]
    Tokenizer(String),
    /// Bytes that are not of their format.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// Data that do not fit the model, or make no sense as a whole.
    #[error("{0}")]
    Unfit(String),
}

impl DataError {
    /// An error of one file of several.
    pub(crate) fn file(file: &str, why: impl ToString) -> Self {
        Self::File { file: file.to_owned(), why: why.to_string() }
    }
}
