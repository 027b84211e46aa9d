//! How often each operator occurs.

use std::collections::BTreeMap;

use crate::error::ReadError;
use crate::onnx::proto::ModelProto;

/// The operators of a model and how often each occurs, named as the file names them, with the domain in front where it is
/// not ONNX's own. Nodes within sub-graphs are not counted.
///
/// # Errors
/// [`ReadError`] if the bytes are no ONNX model.
pub fn operators(bytes: &[u8]) -> Result<BTreeMap<String, u64>, ReadError> {
    let model = ModelProto::from_bytes(bytes)?;
    let mut counts = BTreeMap::new();
    for node in model.graph.iter().flat_map(|graph| &graph.node) {
        let name = node.op_type.as_deref().unwrap_or_default();
        let name = match node.domain.as_deref().unwrap_or_default() {
            "" | "ai.onnx" => name.to_owned(),
            domain => format!("{domain}.{name}"),
        };
        *counts.entry(name).or_insert(0) += 1;
    }
    Ok(counts)
}
