//! Values that a model keeps in files beside it.

use std::collections::{BTreeMap, BTreeSet};

use crate::error::{Place, Problem, ReadError};
use crate::limits::Limits;
use crate::onnx::proto::{EXTERNAL, GraphProto, TensorProto};
use crate::onnx::read::decode;

/// The file that the values of a tensor are in, if that is another one.
pub(super) fn location(proto: &TensorProto) -> Option<&str> {
    let is_external = proto.data_location == Some(EXTERNAL) || !proto.external_data.is_empty();
    is_external.then(|| entry(proto, "location").unwrap_or_default())
}

fn entry<'a>(proto: &'a TensorProto, key: &str) -> Option<&'a str> {
    proto.external_data.iter().find(|entry| entry.key() == key).map(|entry| entry.value())
}

/// The files beside a model that hold its values, by the names under which it asks for them. They are paths from the
/// model's folder, as the file has them: whoever opens them has to see that they stay in it.
///
/// # Errors
/// [`ReadError`] if the bytes are no model, or larger than `limits`.
pub fn external_files(bytes: &[u8], limits: &Limits) -> Result<BTreeSet<String>, ReadError> {
    let mut model = decode(bytes, limits)?;
    let mut names = BTreeSet::new();
    each_tensor(model.graph.iter_mut().collect(), |proto| {
        names.extend(location(proto).map(str::to_owned));
        Ok(())
    })?;
    Ok(names)
}

/// The model with the values of `files` inside.
///
/// # Errors
/// [`ReadError`] if a file that is needed is not there, or too short, or all that is taken is larger than `limits`.
pub fn embed(bytes: &[u8], files: &BTreeMap<String, Vec<u8>>, limits: &Limits) -> Result<Vec<u8>, ReadError> {
    let mut model = decode(bytes, limits)?;
    let mut total = bytes.len() as u64;
    each_tensor(model.graph.iter_mut().collect(), |proto| {
        let Some(location) = location(proto).map(str::to_owned) else { return Ok(()) };
        let place = || Place::Tensor(proto.name().to_owned());
        let values = part(proto, &location, files).map_err(|problem| place().error(problem))?;
        total += values.len() as u64;
        if total > limits.file_bytes {
            let problem = Problem::TooLarge {
                what: "bytes with those of its files",
                found: total,
                limit: limits.file_bytes,
            };
            return Err(place().error(problem));
        }
        proto.raw_data = Some(values.to_vec());
        proto.external_data.clear();
        proto.data_location = None;
        Ok(())
    })?;
    Ok(model.to_bytes())
}

/// Visits the tensors of graphs and of those inside.
fn each_tensor(
    mut open: Vec<&mut GraphProto>,
    mut visit: impl FnMut(&mut TensorProto) -> Result<(), ReadError>,
) -> Result<(), ReadError> {
    while let Some(graph) = open.pop() {
        graph.initializer.iter_mut().try_for_each(&mut visit)?;
        for attribute in graph.node.iter_mut().flat_map(|node| &mut node.attribute) {
            attribute.t.as_deref_mut().into_iter().try_for_each(&mut visit)?;
            open.extend(attribute.g.as_deref_mut());
            open.extend(&mut attribute.graphs);
        }
    }
    Ok(())
}

/// The part of a file that holds a tensor's values.
fn part<'f>(
    proto: &TensorProto,
    location: &str,
    files: &'f BTreeMap<String, Vec<u8>>,
) -> Result<&'f [u8], Problem> {
    let file = files.get(location).ok_or_else(|| Problem::External(location.to_owned()))?;
    let number = |key: &str, default: usize| match entry(proto, key) {
        None | Some("") => Ok(default),
        Some(text) => text.parse().map_err(|_| Problem::Field {
            what: format!("the {key} of its values in `{location}`"),
            found: text.to_owned(),
            needed: "a number".to_owned(),
        }),
    };
    let offset = number("offset", 0)?;
    let length = number("length", file.len().saturating_sub(offset))?;
    let part = offset.checked_add(length).and_then(|end| file.get(offset..end));
    part.ok_or_else(|| Problem::Field {
        what: format!("the place of its values in `{location}`"),
        found: format!("{length} bytes from byte {offset}"),
        needed: format!("within its {} bytes", file.len()),
    })
}
