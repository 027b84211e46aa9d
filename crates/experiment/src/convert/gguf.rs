//! To GGUF, in ggml's types.

use std::io::{Read, Seek, Write};

use fewbit_formats::checkpoint::{LlamaCpp, OF_THE_FILE};
use fewbit_formats::gguf::{Entry, Value, header, padding};
use fewbit_formats::tensors::Metadata;
use fewbit_formats::{TensorEntry, TensorFile};
use fewbit_numeric::ErrorStats;
use fewbit_numeric::ggml::BlockType;

use super::llama_cpp::interleaved;
use super::{ConvertError, Converted, check_rules, pieces, rule};

/// What is asked for.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The type of every tensor of two axes or more; the others stay in F32.
    pub kind: BlockType,
    /// Exceptions: patterns of names, later ones win. None keeps what is there.
    pub rules: Vec<(String, Option<BlockType>)>,
}

/// A tensor and what becomes of it.
struct Settled {
    /// The number of its file.
    file: usize,
    tensor: TensorEntry,
    entry: Entry,
    /// Why it does not get the asked type.
    reason: Option<String>,
}

/// Writes the tensors of `files`, the parts of one checkpoint, to `out`.
///
/// Names and metadata of a GGUF stay as they are. Those of a `decoder` are what llama.cpp wants, and so is the order of rows;
/// tensors that it has no name for are left out. The rules of the plan speak of the names before. Values that have the asked type already are copied.
///
/// # Errors
/// [`ConvertError`]: what cannot be read or written; a rule that means no tensor; a projection that has no whole number of heads.
pub fn convert<R: Read + Seek>(
    files: &mut [TensorFile<R>],
    decoder: Option<&LlamaCpp>,
    plan: &Plan,
    out: &mut dyn Write,
    progress: &mut dyn FnMut(&Converted),
) -> Result<Vec<Converted>, ConvertError> {
    let tensors: Vec<TensorEntry> = files.iter().flat_map(|file| file.tensors.iter().cloned()).collect();
    check_rules(&plan.rules, &tensors)?;
    let places = files.iter().enumerate().flat_map(|(i, file)| file.tensors.iter().map(move |_| i));
    let asked: Vec<Settled> = tensors
        .into_iter()
        .zip(places)
        .filter_map(|(tensor, file)| settled(file, tensor, decoder, plan))
        .collect();
    // Codes and floats of 8 bits are nothing without their scales, which lie elsewhere.
    if let Some(Settled { tensor, .. }) = asked.iter().find(|settled| settled.tensor.ggml().is_none()) {
        let why = format!("`{}`: ggml has no type for {}", tensor.name, tensor.element);
        return Err(ConvertError::Asked(why));
    }
    let none = Vec::new();
    let extra = decoder.map_or(&none, |decoder| &decoder.extra);
    let vectors = extra.iter().map(|(name, values)| Entry {
        name: name.clone(),
        shape: vec![values.len() as u64],
        kind: BlockType::F32,
    });
    let entries: Vec<Entry> = asked.iter().map(|settled| settled.entry.clone()).chain(vectors).collect();
    let metadata = match (decoder, files.first()) {
        (Some(decoder), _) => decoder.metadata.clone(),
        (None, Some(file)) => metadata(&file.metadata),
        (None, None) => Vec::new(),
    };
    out.write_all(&header(&metadata, &entries)?)?;
    let mut all = Vec::new();
    for Settled { file, tensor, entry, reason } in asked {
        let Some(file) = files.get_mut(file) else { continue };
        let heads = decoder.and_then(|decoder| decoder.heads(&tensor.name));
        let errors = write(file, &tensor, heads, entry.kind, out)?;
        let bytes = entry.bytes()?;
        out.write_all(&vec![0; padding(bytes) as usize])?;
        let converted = Converted {
            name: entry.name,
            shape: entry.shape,
            from: tensor.element.clone(),
            to: entry.kind.to_string(),
            bytes_before: tensor.bytes,
            bytes,
            errors,
            reason,
        };
        progress(&converted);
        all.push(converted);
    }
    for (_, values) in extra {
        let bytes: Vec<u8> = values.iter().flat_map(|x| x.to_le_bytes()).collect();
        out.write_all(&bytes)?;
        out.write_all(&vec![0; padding(bytes.len() as u64) as usize])?;
    }
    Ok(all)
}

/// The name and the type that a tensor gets; none if it is left out.
fn settled(file: usize, tensor: TensorEntry, decoder: Option<&LlamaCpp>, plan: &Plan) -> Option<Settled> {
    let name = match decoder {
        Some(decoder) => decoder.name(&tensor.name)?,
        None => tensor.name.clone(),
    };
    let (kind, reason) = settled_type(&tensor, plan);
    let entry = Entry { name, shape: tensor.shape.clone(), kind };
    Some(Settled { file, tensor, entry, reason })
}

/// The type that a tensor gets, and why it is not the asked one.
fn settled_type(tensor: &TensorEntry, plan: &Plan) -> (BlockType, Option<String>) {
    let kept = tensor.ggml().unwrap_or(BlockType::F32);
    let ruled = rule(&plan.rules, &tensor.name);
    let wanted = match ruled {
        Some(kind) => kind.unwrap_or(kept),
        None if tensor.shape.len() >= 2 => plan.kind,
        None => match kept {
            BlockType::F16 | BlockType::BF16 => BlockType::F32,
            other => other,
        },
    };
    let block = wanted.block_len() as u64;
    let reason = if wanted != kept && !wanted.is_written() {
        Some(format!("nothing is quantized to {wanted}"))
    } else if !tensor.row_len().is_multiple_of(block) {
        Some(format!("rows of {} are no whole number of blocks of {block}", tensor.row_len()))
    } else {
        None
    };
    let fallback = if kept.is_written() { kept } else { BlockType::F32 };
    (if reason.is_some() { fallback } else { wanted }, reason)
}

/// Writes a tensor; where it has `heads`, the rows of each in llama.cpp's order.
fn write<R: Read + Seek>(
    file: &mut TensorFile<R>,
    tensor: &TensorEntry,
    heads: Option<usize>,
    kind: BlockType,
    out: &mut dyn Write,
) -> Result<Option<ErrorStats>, ConvertError> {
    let mut errors = ErrorStats::default();
    let by_heads = heads.map(|heads| Heads::of(tensor, heads)).transpose()?;
    let pieces = match &by_heads {
        Some(heads) => heads.pieces.clone(),
        None => pieces(tensor).collect(),
    };
    for (first, last) in pieces {
        if tensor.ggml() == Some(kind) {
            let bytes = file.bytes(tensor, first, last)?;
            out.write_all(&match &by_heads {
                Some(heads) => heads.ordered(&bytes),
                None => bytes,
            })?;
            continue;
        }
        let values = file.values(tensor, first, last)?;
        let values = match &by_heads {
            Some(heads) => heads.ordered(&values),
            None => values,
        };
        let lost =
            |why: fewbit_numeric::ggml::BlockError| ConvertError::Asked(format!("`{}`: {why}", tensor.name));
        let bytes = kind.quantize(&values).map_err(lost)?;
        errors.merge(&ErrorStats::between(&values, &kind.dequantize(&bytes).map_err(lost)?));
        out.write_all(&bytes)?;
    }
    Ok((tensor.ggml() != Some(kind)).then_some(errors))
}

/// The rows of a projection head by head; of its bias, all elements.
struct Heads {
    pieces: Vec<(u64, u64)>,
    /// Heads of a piece.
    count: usize,
    /// Rows of a piece, or elements of a bias.
    rows: usize,
}

impl Heads {
    fn of(tensor: &TensorEntry, heads: usize) -> Result<Self, ConvertError> {
        let rows = tensor.shape.first().copied().unwrap_or(1);
        let Some(each) =
            rows.checked_div(heads as u64).filter(|each| each * heads as u64 == rows && each % 2 == 0)
        else {
            let why = format!("`{}`: its {rows} rows are not {heads} heads of an even number", tensor.name);
            return Err(ConvertError::Asked(why));
        };
        Ok(match tensor.shape.len() {
            0 | 1 => Self { pieces: vec![(0, 1)], count: heads, rows: rows as usize },
            _ => {
                let pieces = (0..heads as u64).map(|head| (head * each, (head + 1) * each)).collect();
                Self { pieces, count: 1, rows: each as usize }
            }
        })
    }

    fn ordered<T: Copy>(&self, items: &[T]) -> Vec<T> {
        interleaved(items, self.count, self.rows)
    }
}

/// The metadata of the new file. A file type is left out: types differ from tensor to tensor, and readers look at those. What
/// says how a file is split is left out, too: it is whole.
fn metadata(before: &Metadata) -> Vec<(String, Value)> {
    let version = ("general.quantization_version".to_owned(), Value::U32(2));
    match before {
        Metadata::Gguf(entries) => {
            let kept = entries.iter().filter(|(name, _)| !OF_THE_FILE.contains(&name.as_str()));
            kept.cloned().chain([version.clone()]).collect()
        }
        Metadata::Texts(texts) => {
            let architecture =
                texts.get("general.architecture").cloned().unwrap_or_else(|| "unknown".to_owned());
            let own = ("general.architecture".to_owned(), Value::String(architecture));
            let others = texts.iter().filter(|(name, _)| *name != "general.architecture");
            let others = others.map(|(name, text)| (name.clone(), Value::String(text.clone())));
            [own, version].into_iter().chain(others).collect()
        }
    }
}
