//! What a quantized model takes: bytes, bits for each weight, bit operations.

use crate::layer::QuantizedLayer;
use crate::prepare::Prepared;
use crate::report::Size;

/// The size of the model with its `layers` as they are now, one for each of the model's.
///
/// Codes are packed without gaps between blocks; each block adds a 32-bit scale and, in an asymmetric format, a zero point
/// of the code's width. Biases and all other parameters take 32 bits each. Grids of activations are not counted: they
/// are no parameters, and a few bytes for each layer.
///
/// The bit operations are Σ MACs · bits of the weights · bits of the input, 32 for float (as in HAWQ-V3, Yao et al.
/// 2021, arXiv 2011.10680).
pub fn size(prepared: &Prepared, layers: &[QuantizedLayer]) -> Size {
    let (mut weight_bits, mut weights, mut bit_operations) = (0u64, 0u64, 0u64);
    for (layer, facts) in layers.iter().zip(&prepared.facts.layers) {
        weight_bits += layer.weight_bits();
        weights += layer.weights.len() as u64;
        let width = u64::from(layer.weights_applied.done.bits()) * u64::from(layer.input_applied.done.bits());
        bit_operations = bit_operations.saturating_add(facts.macs.saturating_mul(width));
    }
    let float_bytes = prepared.facts.float_bytes;
    let others = (8 * float_bytes).saturating_sub(32 * weights);
    Size {
        bytes: (weight_bits + others).div_ceil(8),
        float_bytes,
        effective_bits: if weights == 0 { 0.0 } else { weight_bits as f64 / weights as f64 },
        macs: prepared.facts.macs,
        bit_operations,
    }
}
