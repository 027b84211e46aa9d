//! How much of a file is read before it is called absurd.

/// Bounds on what is read. They stop files that claim or inflate to more than any honest one; they are not tuned to
/// the memory of a machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The bytes of a whole file.
    pub file_bytes: u64,
    /// The bytes of a header before tensors that are read one at a time.
    pub header_bytes: u64,
    /// The bytes that all members of an archive may inflate to.
    pub inflated_bytes: u64,
    /// How many times its stored size a member may inflate to, once that is more than [`Limits::FREE_BYTES`].
    pub inflation: u64,
    /// The nodes of a model's graph.
    pub nodes: u64,
    /// The tensors, values, attributes and other messages of a model.
    pub messages: u64,
    /// How deep messages may lie in each other.
    pub depth: u32,
    /// The elements that a file may describe without storing them, as ConstantOfShape does, and the values of arrays in metadata.
    pub filled_elements: u64,
}

impl Limits {
    /// A member that inflates to no more than this is read whatever its ratio.
    pub const FREE_BYTES: u64 = 1 << 20;
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            file_bytes: 1 << 31,
            header_bytes: 1 << 27,
            inflated_bytes: 1 << 30,
            inflation: 256,
            nodes: 20_000,
            messages: 250_000,
            depth: 64,
            filled_elements: 1 << 24,
        }
    }
}
