//! Whether an experiment that is run again gives the same.
//!
//! Each layer of a network has a hash of everything that was found for it: codes, grids, bias. A link may carry them; whoever
//! replays it learns which layer is the first that differs, without having the other network.

use fewbit_numeric::Affine;
use fewbit_quant::QuantizedLayer;
use serde::{Deserialize, Serialize};

/// For each layer the first 32 bits of a BLAKE3.
pub type Fingerprint = Vec<u32>;

/// What came of an experiment, in few bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Expectation {
    /// A hash for each layer.
    pub layers: Fingerprint,
    /// How many answers were right, of how many; none without labels.
    pub correct: Option<(u32, u32)>,
}

/// What came of a replay.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Verdict {
    /// Every layer is the same to the bit, and as many answers are right.
    Reproduced,
    /// Something differs.
    Differs {
        /// The layers that are not the same, by their place; the first is where it begins.
        layers: Vec<u32>,
        /// Right answers now less right answers then, as a share of the samples; none if either is not known or they are of
        /// different numbers of samples.
        accuracy: Option<f64>,
    },
}

impl Expectation {
    /// Compares with what came of the same experiment now.
    pub fn compare(&self, now: &Self) -> Verdict {
        let count = self.layers.len().max(now.layers.len());
        let differs = |&layer: &usize| self.layers.get(layer) != now.layers.get(layer);
        let layers: Vec<u32> = (0..count).filter(differs).map(|layer| layer as u32).collect();
        let accuracy = match (self.correct, now.correct) {
            (Some((then, n)), Some((now, of))) if n == of && n > 0 => {
                Some((f64::from(now) - f64::from(then)) / f64::from(n))
            }
            _ => None,
        };
        // What is not known on either side is no difference.
        let answers_agree = match (self.correct, now.correct) {
            (Some(then), Some(now)) => then == now,
            _ => true,
        };
        if layers.is_empty() && answers_agree {
            Verdict::Reproduced
        } else {
            Verdict::Differs { layers, accuracy }
        }
    }
}

/// The hashes of `layers`.
pub fn fingerprint(layers: &[QuantizedLayer]) -> Fingerprint {
    layers.iter().map(layer_hash).collect()
}

/// The first 32 bits of the BLAKE3 of codes and grids (or float weights), bias, and the grids of the input.
fn layer_hash(layer: &QuantizedLayer) -> u32 {
    let mut hasher = blake3::Hasher::new();
    let mut part = |name: &[u8], bytes: &mut dyn Iterator<Item = [u8; 4]>| {
        hasher.update(name);
        bytes.for_each(|bytes| {
            hasher.update(&bytes);
        });
    };
    match &layer.codes {
        Some(codes) => {
            let what = format!("{}@{}", codes.format, codes.layout.granularity());
            part(what.as_bytes(), &mut codes.codes.iter().map(|code| code.to_le_bytes()));
            part(b"grids", &mut grid_bytes(&codes.grids));
        }
        None => part(b"float", &mut float_bytes(layer.weights.as_f32().unwrap_or_default())),
    }
    if let Some(Ok(bias)) = layer.bias.as_ref().map(|bias| bias.as_f32()) {
        part(b"bias", &mut float_bytes(bias));
    }
    if let Some(grids) = &layer.input {
        part(b"input", &mut grid_bytes(grids));
    }
    let [a, b, c, d, ..] = *hasher.finalize().as_bytes();
    u32::from_be_bytes([a, b, c, d])
}

fn grid_bytes(grids: &[Affine]) -> impl Iterator<Item = [u8; 4]> + '_ {
    grids
        .iter()
        .flat_map(|grid| [grid.scale, grid.zero_point, grid.min_code, grid.max_code].map(f32::to_le_bytes))
}

fn float_bytes(values: &[f32]) -> impl Iterator<Item = [u8; 4]> + '_ {
    values.iter().map(|value| value.to_le_bytes())
}
