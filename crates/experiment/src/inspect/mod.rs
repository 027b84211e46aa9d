//! One tensor of a file, value for value: what its values are, and what quantizing does to them.
//!
//! A file may be larger than memory, and so may a tensor: [`Inspection`] reads it a piece at a time, and whoever runs it
//! may stop between any two. What fits into a piece is quantized as on the bench, to the bit; where values that share a scale do
//! not, their range is found from counts, as for activations, and the report says so.

mod measure;
mod survey;
mod target;

use std::io::{Read, Seek};

use fewbit_formats::{ReadError, TensorEntry, TensorFile};
use fewbit_numeric::Range;
use fewbit_numeric::ggml::BlockError;
use fewbit_quant::QuantError;
use fewbit_quant::report::TensorView;
use serde::{Deserialize, Serialize};

use measure::Measure;
use survey::Survey;
pub use survey::Surveyed;
pub use target::Target;

/// At most so many values are in memory at a time: a megabyte of them. A multiple of every block of ggml's.
pub const PIECE: u64 = 1 << 18;

/// Values this many standard deviations from the mean count as outliers, and lie outside the histogram's bins.
pub const OUTLIER: f64 = 6.0;

/// The channels that [`Statistics`] lists.
const LISTED: usize = 8;

/// What the values of a tensor are.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Statistics {
    /// The number of values.
    pub n: u64,
    /// The smallest and the largest; values that are not finite are passed over, here and in what follows.
    pub range: Range,
    /// The mean.
    pub mean: f64,
    /// The standard deviation, of the values as a whole population.
    pub deviation: f64,
    /// How many values are 0.
    pub zeros: u64,
    /// How many values are NaN or infinite.
    pub not_finite: u64,
    /// The channels: slices along the outermost axis; 1 for a tensor of one axis.
    pub channels: u64,
    /// Those with the largest magnitudes, the largest first; none for a single channel.
    pub widest: Vec<Channel>,
    /// The median of the channels' largest magnitudes; none for a single channel, or too many to remember.
    pub median_magnitude: Option<f32>,
}

/// A channel and its values' range.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Channel {
    /// Its place along the outermost axis.
    pub index: u64,
    /// Its values.
    pub range: Range,
}

/// What was found of a tensor.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Inspected {
    /// What its values are.
    pub statistics: Statistics,
    /// Its values in float and quantized. Bins reach as far as [`OUTLIER`] says; what lies beyond is counted in `outside`.
    pub view: TensorView,
    /// What was done with them: [`Target::Float`] where nothing was.
    pub done: Target,
    /// Why that is not what was asked, or not exactly.
    pub reason: Option<String>,
    /// What storing them takes then, in bits, with scales and zero points; none in float.
    pub bits: Option<u64>,
}

/// Why a tensor cannot be inspected.
#[derive(Debug, thiserror::Error)]
pub enum InspectError {
    /// It cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// It cannot be quantized.
    #[error(transparent)]
    Quantize(#[from] QuantError),
    /// It does not fill blocks.
    #[error(transparent)]
    Blocks(#[from] BlockError),
}

/// The channels of a tensor: equal runs of its values in row-major order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Channels {
    count: u64,
    len: u64,
}

impl Channels {
    fn of(tensor: &TensorEntry) -> Self {
        let count = match tensor.shape.as_slice() {
            [count, _, ..] if !tensor.is_empty() => *count,
            _ => 1,
        };
        Self { count, len: tensor.len() / count }
    }

    fn values(self) -> u64 {
        self.count * self.len
    }
}

/// An inspection under way.
pub struct Inspection {
    tensor: TensorEntry,
    target: Target,
    stage: Stage,
}

enum Stage {
    /// Every value is seen once.
    Survey(Survey),
    /// Values are counted in bins, and quantized.
    Measure(Box<(Surveyed, Measure)>),
}

impl Inspection {
    /// Inspects `tensor`, quantized as `target`. `known` is what an inspection of the same tensor found before.
    ///
    /// # Errors
    /// As [`Self::step`].
    pub fn new(tensor: &TensorEntry, target: Target, known: Option<Surveyed>) -> Result<Self, InspectError> {
        let tensor = tensor.clone();
        let stage = match known {
            Some(surveyed) => Stage::measure(&tensor, target, surveyed)?,
            None => Stage::Survey(Survey::new(Channels::of(&tensor))),
        };
        Ok(Self { tensor, target, stage })
    }

    /// Reads the next piece. Returns what was found once there is no more.
    ///
    /// # Errors
    /// [`InspectError`] for what cannot be read, and for values further apart than f32 can say.
    pub fn step<R: Read + Seek>(
        &mut self,
        file: &mut TensorFile<R>,
    ) -> Result<Option<(Surveyed, Inspected)>, InspectError> {
        match &mut self.stage {
            Stage::Survey(survey) => {
                if let Some((first, last)) = survey.wanted() {
                    survey.add(&file.span(&self.tensor, first, last)?);
                } else {
                    self.stage = Stage::measure(&self.tensor, self.target, survey.finish())?;
                }
                Ok(None)
            }
            Stage::Measure(both) => {
                let (surveyed, measure) = both.as_mut();
                if let Some((first, last)) = measure.wanted() {
                    measure.add(&file.span(&self.tensor, first, last)?)?;
                    return Ok(None);
                }
                Ok(Some((surveyed.clone(), measure.finish(surveyed.statistics.clone()))))
            }
        }
    }

    /// How much of the reading is done, 0 to 1.
    pub fn progress(&self) -> f64 {
        match &self.stage {
            Stage::Survey(survey) => 0.5 * survey.progress(),
            Stage::Measure(both) => 0.5 + 0.5 * both.1.progress(),
        }
    }
}

impl Stage {
    fn measure(tensor: &TensorEntry, target: Target, surveyed: Surveyed) -> Result<Self, InspectError> {
        let measure = Measure::new(tensor, target, &surveyed)?;
        Ok(Self::Measure(Box::new((surveyed, measure))))
    }
}
