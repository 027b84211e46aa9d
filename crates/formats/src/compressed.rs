//! Packed codes in the layout of compressed-tensors (`pack-quantized`), which vLLM and Transformers load.
//!
//! The weight `NAME.weight`, \[O, I\], becomes `NAME.weight_packed` (int32: the codes of a row side by side, low bits first, each
//! moved by half of their number so that none is negative, rows filled up to whole words), `NAME.weight_scale`
//! \[O, groups\], `NAME.weight_shape`, and where there are zero points `NAME.weight_zero_point` (packed likewise, along O). What is
//! where stands in `config.json` under `quantization_config`; see [`config`].

use std::collections::BTreeMap;

use fewbit_numeric::{Affine, Format, Granularity, Symmetry};
use serde_json::{Value, json};

/// The bytes of a word.
const WORD: usize = 4;

/// Why a format has no form in this layout; none if it has one.
pub fn refusal(format: Format) -> Option<&'static str> {
    match format.bits() {
        _ if format.is_binary() => Some("its two levels have no zero point that is a code"),
        9.. => Some("codes have 8 bits at most"),
        _ if !format.signed() && !format.has_zero_point() => Some("unsigned codes have zero points there"),
        _ => None,
    }
}

/// The bytes of rows of `columns` codes.
///
/// Codes of an unsigned format are as the layout wants them; signed ones are moved by 2ᵇ⁻¹.
pub fn pack_rows(format: Format, codes: &[i32], columns: usize) -> Vec<u8> {
    let bits = u32::from(format.bits());
    let shift = if format.signed() { 1i32 << (bits - 1) } else { 0 };
    let mut bytes = Vec::new();
    for row in codes.chunks(columns.max(1)) {
        let (mut held, mut word) = (0, 0u64);
        let begin = bytes.len();
        for code in row {
            word |= u64::from((code + shift) as u32) << held;
            held += bits;
            while held >= 8 {
                bytes.push(word as u8);
                word >>= 8;
                held -= 8;
            }
        }
        if held > 0 {
            bytes.push(word as u8);
        }
        let filled = (bytes.len() - begin).next_multiple_of(WORD);
        bytes.resize(begin + filled, 0);
    }
    bytes
}

/// The words that a row of codes takes.
pub fn words(format: Format, columns: usize) -> usize {
    (columns * usize::from(format.bits())).div_ceil(32)
}

/// The bytes of zero points, for `grids` of `rows` times `groups`: packed along the rows, \[words of rows, groups\].
pub fn pack_zero_points(format: Format, grids: &[Affine], groups: usize) -> Vec<u8> {
    let rows = grids.len() / groups.max(1);
    let by_group = (0..groups).flat_map(|group| grids.iter().skip(group).step_by(groups.max(1)));
    let zeros: Vec<i32> = by_group.map(|grid| grid.zero_point as i32).collect();
    let packed = pack_rows(format, &zeros, rows);
    let words: Vec<&[u8]> = packed.chunks(WORD).collect();
    let height = self::words(format, rows);
    let transposed = (0..height).flat_map(|word| (0..groups).map(move |group| group * height + word));
    transposed.filter_map(|place| words.get(place).copied()).flatten().copied().collect()
}

/// The object `quantization_config`: for each format and granularity the names of the modules that have it, and those that were
/// left alone. Where all have the same, they are told by what they are: `Linear`.
pub fn config(modules: &BTreeMap<(String, Format, Granularity), Vec<String>>, ignored: &[String]) -> Value {
    let alone = modules.len() == 1;
    let groups: serde_json::Map<String, Value> = (modules.iter().enumerate())
        .map(|(i, ((_, format, granularity), names))| {
            let (strategy, size) = match granularity {
                Granularity::Tensor => ("tensor", None),
                Granularity::Channel => ("channel", None),
                Granularity::Group(size) => ("group", Some(size)),
            };
            let targets = if alone { vec!["Linear".to_owned()] } else { names.clone() };
            let group = json!({
                "targets": targets,
                "weights": {
                    "num_bits": format.bits(), "type": "int", "symmetric": format.symmetry() != Symmetry::Asymmetric,
                    "strategy": strategy, "group_size": size, "dynamic": false, "observer": "minmax",
                },
                "input_activations": null, "output_activations": null,
            });
            (format!("group_{i}"), group)
        })
        .collect();
    json!({
        "quant_method": "compressed-tensors", "format": "pack-quantized", "quantization_status": "compressed",
        "config_groups": groups, "ignore": ignored, "kv_cache_scheme": null, "global_compression_ratio": null,
    })
}
