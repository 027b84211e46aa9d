//! To GGUF, in ggml's types.

use std::io::{Read, Seek, Write};

use fewbit_formats::gguf::{Entry, Value, header, padding};
use fewbit_formats::tensors::Metadata;
use fewbit_formats::{TensorEntry, TensorFile};
use fewbit_numeric::ErrorStats;
use fewbit_numeric::ggml::BlockType;

use super::{ConvertError, Converted, check_rules, pieces, rule};

/// What is asked for.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The type of every tensor of two axes or more; the others stay in F32.
    pub kind: BlockType,
    /// Exceptions: patterns of names, later ones win. None keeps what is there.
    pub rules: Vec<(String, Option<BlockType>)>,
}

/// Names of metadata that say how a file is quantized.
const FILE_TYPE: &str = "general.file_type";

/// Writes the tensors of `file` to `out`.
///
/// Metadata of a GGUF stay as they are. Values that have the asked type already are copied.
///
/// # Errors
/// [`ConvertError`]: what cannot be read or written; a rule that means no tensor.
pub fn convert<R: Read + Seek>(
    file: &mut TensorFile<R>,
    plan: &Plan,
    out: &mut dyn Write,
    progress: &mut dyn FnMut(&Converted),
) -> Result<Vec<Converted>, ConvertError> {
    check_rules(&plan.rules, &file.tensors)?;
    let tensors = file.tensors.clone();
    let asked: Vec<(Entry, Option<String>)> = tensors.iter().map(|tensor| settled(tensor, plan)).collect();
    let entries: Vec<Entry> = asked.iter().map(|(entry, _)| entry.clone()).collect();
    let metadata = metadata(&file.metadata);
    out.write_all(&header(&metadata, &entries)?)?;
    let mut all = Vec::new();
    for (tensor, (entry, reason)) in tensors.iter().zip(asked) {
        let errors = write(file, tensor, entry.kind, out)?;
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
    Ok(all)
}

/// The type that a tensor gets, and why it is not the asked one.
fn settled(tensor: &TensorEntry, plan: &Plan) -> (Entry, Option<String>) {
    let entry = |kind| Entry { name: tensor.name.clone(), shape: tensor.shape.clone(), kind };
    let kept = tensor.blocks.unwrap_or(BlockType::F32);
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
    (entry(if reason.is_some() { fallback } else { wanted }), reason)
}

fn write<R: Read + Seek>(
    file: &mut TensorFile<R>,
    tensor: &TensorEntry,
    kind: BlockType,
    out: &mut dyn Write,
) -> Result<Option<ErrorStats>, ConvertError> {
    let mut errors = ErrorStats::default();
    for (first, last) in pieces(tensor) {
        if tensor.blocks == Some(kind) {
            out.write_all(&file.bytes(tensor, first, last)?)?;
            continue;
        }
        let values = file.values(tensor, first, last)?;
        let lost =
            |why: fewbit_numeric::ggml::BlockError| ConvertError::Asked(format!("`{}`: {why}", tensor.name));
        let bytes = kind.quantize(&values).map_err(lost)?;
        errors.merge(&ErrorStats::between(&values, &kind.dequantize(&bytes).map_err(lost)?));
        out.write_all(&bytes)?;
    }
    Ok((tensor.blocks != Some(kind)).then_some(errors))
}

/// The metadata of the new file. A file type is left out: types differ from tensor to tensor, and readers look at those.
fn metadata(before: &Metadata) -> Vec<(String, Value)> {
    let version = ("general.quantization_version".to_owned(), Value::U32(2));
    match before {
        Metadata::Gguf(entries) => {
            let kept = entries.iter().filter(|(name, _)| name != FILE_TYPE && *name != version.0);
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
