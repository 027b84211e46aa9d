//! To safetensors with packed codes, in the layout of compressed-tensors.

use std::collections::BTreeMap;
use std::io::{Read, Seek, SeekFrom, Write};

use fewbit_formats::safetensors::{Dtype, Planned, header};
use fewbit_formats::tensors::Metadata;
use fewbit_formats::{TensorEntry, TensorFile, compressed};
use fewbit_numeric::ggml::BlockType;
use fewbit_numeric::{Affine, ErrorStats, Granularity};
use fewbit_quant::{Choice, Quantizer, weights};
use serde_json::Value;

use super::{ConvertError, Converted, check_rules, pieces, rule};

/// What is asked for.
#[derive(Clone, Debug)]
pub struct Plan {
    /// How every `….weight` of two axes is quantized, but embeddings and `lm_head`.
    pub weights: Choice,
    /// Exceptions: patterns of names, later ones win.
    pub rules: Vec<(String, Choice)>,
}

/// What is left alone unless a rule names it, as is usual.
const LEFT: [&str; 3] = ["*embed*", "lm_head*", "output.weight"];

/// Writes the tensors of `file` to `out`, and gives what belongs into `config.json` under `quantization_config`.
///
/// # Errors
/// [`ConvertError`]: what cannot be read or written; a rule that means no tensor; a format that the layout does not have.
pub fn convert<R: Read + Seek, W: Write + Seek>(
    file: &mut TensorFile<R>,
    plan: &Plan,
    out: &mut W,
    progress: &mut dyn FnMut(&Converted),
) -> Result<(Vec<Converted>, Value), ConvertError> {
    check_rules(&plan.rules, &file.tensors)?;
    let tensors = file.tensors.clone();
    let asked = tensors.iter().map(|tensor| settled(tensor, plan)).collect::<Result<Vec<_>, _>>()?;
    let mut planned = Vec::new();
    for (tensor, (quantizer, _)) in tensors.iter().zip(&asked) {
        planned.extend(plan_of(tensor, *quantizer)?);
    }
    // Wide elements come first, so that each lies at a multiple of its size.
    planned.sort_by(|a, b| b.dtype.cmp(&a.dtype).then_with(|| a.name.cmp(&b.name)));
    let texts = match &file.metadata {
        Metadata::Texts(texts) => texts.clone(),
        Metadata::Gguf(_) => BTreeMap::new(),
    };
    let front = header(&planned, &texts)?;
    let mut offset = front.len() as u64;
    let mut places = BTreeMap::new();
    for tensor in &planned {
        places.insert(tensor.name.clone(), offset);
        offset += tensor.shape.iter().product::<usize>() as u64 * tensor.dtype.bitsize() as u64 / 8;
    }
    out.write_all(&front)?;
    let mut writer = Placed { out, places };
    let mut all = Vec::new();
    for (tensor, (quantizer, reason)) in tensors.iter().zip(asked.clone()) {
        let errors = match quantizer {
            Some(quantizer) => Some(quantized(file, tensor, quantizer, &mut writer)?),
            None => copied(file, tensor, &mut writer)?,
        };
        let own = plan_of(tensor, quantizer)?;
        let bits =
            own.iter().map(|part| part.shape.iter().product::<usize>() as u64 * part.dtype.bitsize() as u64);
        let converted = Converted {
            name: tensor.name.clone(),
            shape: tensor.shape.clone(),
            from: tensor.element.clone(),
            to: quantizer.map_or_else(|| format!("{:?}", dtype(tensor)), |quantizer| quantizer.to_string()),
            bytes_before: tensor.bytes,
            bytes: bits.sum::<u64>() / 8,
            errors,
            reason,
        };
        progress(&converted);
        all.push(converted);
    }
    Ok((all, config(&tensors, &asked)))
}

/// The quantizer of a tensor, if it gets one, and why it is not the asked one.
fn settled(tensor: &TensorEntry, plan: &Plan) -> Result<(Option<Quantizer>, Option<String>), ConvertError> {
    let ruled = rule(&plan.rules, &tensor.name);
    let left = LEFT.iter().any(|pattern| super::matches(pattern, &tensor.name));
    let is_weight = tensor.name.ends_with(".weight") && tensor.shape.len() == 2 && is_float(tensor);
    let choice = match ruled {
        Some(choice) => *choice,
        None if is_weight && !left => plan.weights,
        None => Choice::Float,
    };
    let Choice::Quantize(quantizer) = choice else { return Ok((None, None)) };
    if let Some(why) = compressed::refusal(quantizer.format) {
        return Err(ConvertError::Asked(format!(
            "{} cannot be packed for compressed-tensors: {why}",
            quantizer.format
        )));
    }
    if !is_weight {
        return Ok((None, Some("only floats named `….weight`, with two axes, are packed".to_owned())));
    }
    match quantizer.granularity {
        Granularity::Group(size) if !tensor.row_len().is_multiple_of(u64::from(size)) => {
            let why = format!("rows of {} are no whole number of groups of {size}", tensor.row_len());
            Ok((None, Some(why)))
        }
        _ => Ok((Some(quantizer), None)),
    }
}

fn is_float(tensor: &TensorEntry) -> bool {
    use BlockType as T;
    tensor.ggml().is_some_and(|kind| !matches!(kind, T::I8 | T::I16 | T::I32 | T::I64))
}

/// The element type in the new file: that of before, or F32 for blocks.
fn dtype(tensor: &TensorEntry) -> Dtype {
    serde_json::from_value(Value::String(tensor.element.clone())).unwrap_or(Dtype::F32)
}

/// The rows and the groups of a weight's scales.
fn scale_shape(tensor: &TensorEntry, quantizer: Quantizer) -> Vec<usize> {
    let (rows, columns) = (tensor.rows() as usize, tensor.row_len() as usize);
    match quantizer.granularity {
        Granularity::Tensor => vec![1],
        Granularity::Channel => vec![rows, 1],
        Granularity::Group(size) => vec![rows, columns / size as usize],
    }
}

/// The tensors that one becomes.
fn plan_of(tensor: &TensorEntry, quantizer: Option<Quantizer>) -> Result<Vec<Planned>, ConvertError> {
    let part = |name: String, dtype, shape| Planned { name, dtype, shape };
    let shape: Vec<usize> = tensor.shape.iter().map(|&n| n as usize).collect();
    let Some(quantizer) = quantizer else { return Ok(vec![part(tensor.name.clone(), dtype(tensor), shape)]) };
    let format = quantizer.format;
    let (rows, columns) = (tensor.rows() as usize, tensor.row_len() as usize);
    let scales = scale_shape(tensor, quantizer);
    let name = |what: &str| format!("{}_{what}", tensor.name);
    let mut parts = vec![
        part(name("packed"), Dtype::I32, vec![rows, compressed::words(format, columns)]),
        part(name("scale"), Dtype::F32, scales.clone()),
        part(name("shape"), Dtype::I64, vec![2]),
    ];
    if format.has_zero_point() {
        let shape = match scales.as_slice() {
            [rows, groups] => vec![compressed::words(format, *rows), *groups],
            _ => {
                return Err(ConvertError::Asked(
                    "a zero point for the whole tensor is not packed: ask for @channel or a group".to_owned(),
                ));
            }
        };
        parts.push(part(name("zero_point"), Dtype::I32, shape));
    }
    Ok(parts)
}

/// A file whose tensors have their places.
struct Placed<'w, W> {
    out: &'w mut W,
    places: BTreeMap<String, u64>,
}

impl<W: Write + Seek> Placed<'_, W> {
    /// Writes bytes of the tensor `name`, `after` those from its beginning.
    fn write(&mut self, name: &str, after: u64, bytes: &[u8]) -> Result<(), ConvertError> {
        let place = self.places.get(name).copied().unwrap_or(0);
        self.out.seek(SeekFrom::Start(place + after))?;
        self.out.write_all(bytes)?;
        Ok(())
    }
}

fn quantized<R: Read + Seek, W: Write + Seek>(
    file: &mut TensorFile<R>,
    tensor: &TensorEntry,
    quantizer: Quantizer,
    out: &mut Placed<'_, W>,
) -> Result<ErrorStats, ConvertError> {
    let (format, columns) = (quantizer.format, tensor.row_len() as usize);
    let whole = vec![(0, tensor.rows())];
    let pieces = if quantizer.granularity == Granularity::Tensor { whole } else { pieces(tensor).collect() };
    let name = |what: &str| format!("{}_{what}", tensor.name);
    let mut errors = ErrorStats::default();
    let mut grids: Vec<Affine> = Vec::new();
    let mut after = 0;
    for (first, last) in pieces {
        let values = file.values(tensor, first, last)?;
        let shape = [(last - first) as usize, columns];
        let (codes, applied) =
            weights::quantize(&tensor.name, &values, &shape, 0, Choice::Quantize(quantizer))?;
        let Some(codes) = codes else {
            let why = applied.reason.unwrap_or_else(|| "it cannot be quantized".to_owned());
            return Err(ConvertError::Asked(format!("`{}`: {why}; leave it out with a rule", tensor.name)));
        };
        errors.merge(&ErrorStats::between(&values, &codes.dequantize()));
        let packed = compressed::pack_rows(format, &codes.codes, columns);
        out.write(&name("packed"), after, &packed)?;
        after += packed.len() as u64;
        grids.extend(codes.grids);
    }
    let scales: Vec<u8> = grids.iter().flat_map(|grid| grid.scale.to_le_bytes()).collect();
    out.write(&name("scale"), 0, &scales)?;
    let shape: Vec<u8> = tensor.shape.iter().flat_map(|&n| (n as i64).to_le_bytes()).collect();
    out.write(&name("shape"), 0, &shape)?;
    if format.has_zero_point() {
        let groups = scale_shape(tensor, quantizer).get(1).copied().unwrap_or(1);
        out.write(&name("zero_point"), 0, &compressed::pack_zero_points(format, &grids, groups))?;
    }
    Ok(errors)
}

/// Copies a tensor, its blocks as F32.
fn copied<R: Read + Seek, W: Write + Seek>(
    file: &mut TensorFile<R>,
    tensor: &TensorEntry,
    out: &mut Placed<'_, W>,
) -> Result<Option<ErrorStats>, ConvertError> {
    let same = format!("{:?}", dtype(tensor)) == tensor.element;
    let mut after = 0;
    for (first, last) in pieces(tensor) {
        let bytes = match same {
            true => file.bytes(tensor, first, last)?,
            false => file.values(tensor, first, last)?.iter().flat_map(|x| x.to_le_bytes()).collect(),
        };
        out.write(&tensor.name, after, &bytes)?;
        after += bytes.len() as u64;
    }
    Ok(None)
}

fn config(tensors: &[TensorEntry], asked: &[(Option<Quantizer>, Option<String>)]) -> Value {
    let mut modules: BTreeMap<_, Vec<String>> = BTreeMap::new();
    let mut ignored = Vec::new();
    for (tensor, (quantizer, _)) in tensors.iter().zip(asked) {
        let Some(module) = tensor.name.strip_suffix(".weight").filter(|_| tensor.shape.len() == 2) else {
            continue;
        };
        match quantizer {
            Some(quantizer) => {
                let key = (quantizer.to_string(), quantizer.format, quantizer.granularity);
                modules.entry(key).or_default().push(module.to_owned());
            }
            None => ignored.push(module.to_owned()),
        }
    }
    compressed::config(&modules, &ignored)
}
