//! Why bytes could not be read or written, and where.

use std::fmt;

/// Where in a file something is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// The file as a whole.
    File,
    /// This many bytes from its start.
    Byte(u64),
    /// Its end, after so many bytes: what is missing may have been cut off.
    End(u64),
    /// A file inside an archive.
    Member(String),
    /// A node of a model's graph.
    Node(String),
    /// A tensor: an initializer, an attribute's value, an entry of a safetensors file.
    Tensor(String),
    /// An input or output of a model's graph, or what passes between its nodes.
    Value(String),
}

impl Place {
    /// An error at this place.
    pub fn error(self, problem: Problem) -> ReadError {
        ReadError { place: self, problem }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File => f.write_str("the file"),
            Self::Byte(offset) => write!(f, "byte {offset}"),
            Self::End(bytes) => write!(f, "the end of the file, byte {bytes}"),
            Self::Member(name) => write!(f, "member `{name}`"),
            Self::Node(name) => write!(f, "node `{name}`"),
            Self::Tensor(name) => write!(f, "tensor `{name}`"),
            Self::Value(name) => write!(f, "value `{name}`"),
        }
    }
}

/// Bytes that could not be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {problem}")]
pub struct ReadError {
    /// Where.
    pub place: Place,
    /// What.
    pub problem: Problem,
}

/// What is wrong with bytes that could not be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// The bytes stop too early.
    #[error("{needed} more bytes are needed, {found} are there")]
    Truncated {
        /// The bytes that should follow the place.
        needed: u64,
        /// The bytes that do.
        found: u64,
    },
    /// The bytes are of another kind.
    #[error("this is not {0}")]
    Foreign(&'static str),
    /// Something is larger than [`crate::Limits`] allow.
    #[error("{what}: {found} is more than the {limit} that are read")]
    TooLarge {
        /// What is counted.
        what: &'static str,
        /// How much there is.
        found: u64,
        /// How much is read.
        limit: u64,
    },
    /// An element type that is not read.
    #[error("elements of type {found} are not read; use {readable}")]
    ElementType {
        /// The type as the file names it.
        found: String,
        /// The types that are read.
        readable: &'static str,
    },
    /// Values and shape disagree.
    #[error("the shape {shape:?} needs {needed} {unit}, but {found} are there")]
    Length {
        /// The shape.
        shape: Vec<u64>,
        /// What is counted: bytes or values.
        unit: &'static str,
        /// How many the shape needs.
        needed: u64,
        /// How many there are.
        found: u64,
    },
    /// A shape with more elements than can be counted.
    #[error("the shape {0:?} has more elements than can be counted")]
    ShapeOverflow(Vec<u64>),
    /// A length below zero.
    #[error("a length is {0}; lengths are not negative")]
    NegativeLength(i64),
    /// An array of another shape than its use asks for.
    #[error("its shape is {found:?}; it has to be {needed}")]
    Shape {
        /// The shape that is there.
        found: Vec<usize>,
        /// The shape that is needed.
        needed: String,
    },
    /// A value that is no number.
    #[error("element {index} is {value}; every element has to be a finite number")]
    NotFinite {
        /// Its place in row-major order.
        index: usize,
        /// "NaN" or "inf".
        value: String,
    },
    /// Something that has to be there is not.
    #[error("{what} `{name}` is missing{}", among(.found))]
    Missing {
        /// What it would be.
        what: &'static str,
        /// Its name.
        name: String,
        /// What is there instead.
        found: Vec<String>,
    },
    /// A name that stands for two things.
    #[error("the name `{0}` is given twice")]
    Duplicate(String),
    /// Nodes that wait for each other.
    #[error("it waits for its own output")]
    Circle,
    /// A field or attribute that does not hold what it has to.
    #[error("{what} is {found}; it has to be {needed}")]
    Field {
        /// The field or attribute.
        what: String,
        /// What it holds.
        found: String,
        /// What it has to hold.
        needed: String,
    },
    /// Values that are kept in another file.
    #[error("its values are in another file, `{0}`; export the model with its weights inside")]
    External(String),
    /// Text that does not follow its grammar.
    #[error("{0}")]
    Syntax(String),
    /// Bytes that the system does not give.
    #[error("cannot be read: {0}")]
    Unreadable(String),
}

fn among(names: &[String]) -> String {
    if names.is_empty() { String::new() } else { format!("; there is {}", names.join(", ")) }
}

/// Values that could not be written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WriteError {
    /// A shape and its values disagree.
    #[error("`{name}`: the shape {shape:?} needs {needed} bytes, but {found} are there")]
    Length {
        /// The tensor.
        name: String,
        /// Its shape.
        shape: Vec<usize>,
        /// The bytes that the shape needs.
        needed: u64,
        /// The bytes that are there.
        found: u64,
    },
    /// A name that stands for two things.
    #[error("the name `{0}` is given twice")]
    Duplicate(String),
    /// ONNX has nothing that means the same.
    #[error("`{node}` ({operator}) cannot be written as ONNX: {why}")]
    NotInOnnx {
        /// The node.
        node: String,
        /// Its operator.
        operator: String,
        /// The reason.
        why: String,
    },
    /// The archive cannot hold it.
    #[error("`{name}` cannot be stored: {why}")]
    Store {
        /// The member.
        name: String,
        /// The reason.
        why: String,
    },
}
