//! To GGUF that llama.cpp loads: an exported decoder under its names, with its metadata.

use std::io::{Read, Seek, Write};

use fewbit_formats::checkpoint::LlamaCpp;
use fewbit_formats::gguf::{Entry, header, padding};
use fewbit_formats::{TensorEntry, TensorFile};
use fewbit_numeric::ggml::BlockType;

use super::ConvertError;

/// Writes a decoder that the engine has exported as GGUF, `exported`, for llama.cpp, and tells what is worth knowing.
///
/// Codes stay as they are. Matrices that were left in float, the embedding among them, become `float`, as ggml itself quantizes.
/// Vectors are F32. What is no parameter of the model, like the tables of positions, is left out.
///
/// # Errors
/// [`ConvertError`]: what cannot be read or written.
pub fn write<R: Read + Seek>(
    exported: &mut TensorFile<R>,
    decoder: &LlamaCpp,
    float: BlockType,
    out: &mut dyn Write,
) -> Result<Vec<String>, ConvertError> {
    let tensors = exported.tensors.clone();
    let named = tensors.iter().filter_map(|tensor| Some((tensor, decoder.name(&tensor.name)?)));
    let all: Vec<(&TensorEntry, Entry)> = named
        .map(|(tensor, name)| {
            (tensor, Entry { name, shape: tensor.shape.clone(), kind: kind(tensor, float) })
        })
        .collect();
    let extra = decoder.extra.iter().map(|(name, values)| Entry {
        name: name.clone(),
        shape: vec![values.len() as u64],
        kind: BlockType::F32,
    });
    let entries: Vec<Entry> = all.iter().map(|(_, entry)| entry.clone()).chain(extra).collect();
    out.write_all(&header(&decoder.metadata, &entries)?)?;
    for (tensor, entry) in &all {
        let bytes = exported.bytes(tensor, 0, tensor.rows())?;
        // Rows are whole blocks: they move without their codes being touched.
        let bytes = match decoder.heads(&tensor.name) {
            Some(heads) => interleaved(&bytes, heads, first_length(tensor)),
            None => bytes,
        };
        filled(out, &stored(&bytes, tensor, entry)?)?;
    }
    for (_, values) in &decoder.extra {
        filled(out, &values.iter().flat_map(|x| x.to_le_bytes()).collect::<Vec<u8>>())?;
    }
    Ok(notes(&all, float))
}

/// What a tensor is stored as.
fn kind(tensor: &TensorEntry, float: BlockType) -> BlockType {
    let fits = |kind: &BlockType| tensor.row_len().is_multiple_of(kind.block_len() as u64);
    match tensor.ggml() {
        Some(kind) if kind != BlockType::F32 => kind,
        _ if tensor.shape.len() < 2 => BlockType::F32,
        _ => [float, BlockType::Q8_0].into_iter().find(fits).unwrap_or(BlockType::F32),
    }
}

fn stored(bytes: &[u8], tensor: &TensorEntry, entry: &Entry) -> Result<Vec<u8>, ConvertError> {
    let Some(before) = tensor.ggml().filter(|kind| *kind != entry.kind) else { return Ok(bytes.to_vec()) };
    let failed =
        |why: fewbit_numeric::ggml::BlockError| ConvertError::Asked(format!("`{}`: {why}", entry.name));
    let values = before.dequantize(bytes).map_err(failed)?;
    entry.kind.quantize(&values).map_err(failed)
}

fn filled(out: &mut dyn Write, bytes: &[u8]) -> Result<(), ConvertError> {
    out.write_all(bytes)?;
    Ok(out.write_all(&vec![0; padding(bytes.len() as u64) as usize])?)
}

/// The rows of a matrix; of a vector, its elements.
fn first_length(tensor: &TensorEntry) -> usize {
    tensor.shape.first().copied().unwrap_or(1) as usize
}

/// `items` of `rows` rows, in each head with row s·half + i as row 2i + s.
pub(super) fn interleaved<T: Copy>(items: &[T], heads: usize, rows: usize) -> Vec<T> {
    let row = items.len().checked_div(rows).unwrap_or(0);
    let half = rows.checked_div(2 * heads).unwrap_or(0);
    let place = |head: usize, i: usize, side: usize| (head * 2 + side) * half + i;
    let order =
        (0..heads).flat_map(|head| (0..half).flat_map(move |i| [0, 1].map(|side| place(head, i, side))));
    order.filter_map(|from| items.get(from * row..(from + 1) * row)).flatten().copied().collect()
}

fn notes(all: &[(&TensorEntry, Entry)], float: BlockType) -> Vec<String> {
    let mut notes = Vec::new();
    let rounded = all
        .iter()
        .filter(|(tensor, entry)| tensor.ggml() == Some(BlockType::F32) && entry.kind != BlockType::F32);
    let rounded: Vec<String> = rounded.map(|(_, entry)| format!("{} ({})", entry.name, entry.kind)).collect();
    if !rounded.is_empty() {
        notes.push(format!("quantized by ggml's rule, and measured in float: {}", rounded.join(", ")));
    }
    let odd = |(_, entry): &&(&TensorEntry, Entry)| entry.shape.len() > 1 && entry.kind == BlockType::F32;
    let odd: Vec<&str> = all.iter().filter(odd).map(|(_, entry)| entry.name.as_str()).collect();
    if float != BlockType::F32 && !odd.is_empty() {
        notes.push(format!("in F32, for their rows are no whole number of blocks: {}", odd.join(", ")));
    }
    notes
}
