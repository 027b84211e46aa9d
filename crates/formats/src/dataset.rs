//! A set of samples, labelled or not.

use fewbit_graph::Tensor;

use crate::error::{Place, Problem, ReadError};
use crate::limits::Limits;
use crate::npy::{Array, Values};
use crate::npz::Npz;

/// The largest value of a byte of a picture, which is read as 1.
const BYTE_SCALE: f32 = 255.0;
/// From so many axes on, bytes are pictures or sounds; with fewer they are numbers, like tokens.
const PICTURE_AXES: usize = 3;
/// Whole numbers up to here, and down to its negative, are exact in f32.
const LARGEST_EXACT: i64 = 1 << 24;

/// Samples, and what they are.
#[derive(Clone, Debug, PartialEq)]
pub struct Dataset {
    /// The samples, f32 N×….
    pub x: Tensor,
    /// The class of each sample, or of each position in each sample, row-major; none if the file has no classes.
    pub y: Option<Vec<i64>>,
}

impl Dataset {
    /// Reads a dataset from an npz archive with `x` and, if there are labels, `y`.
    ///
    /// `x` is N×…, pictures N×C×H×W. Floats and whole numbers are taken as they are; of uint8 with three axes or more, which are
    /// pictures, x / 255 is. `y` holds N integers, or N×…, one for each position in
    /// a sample, as for the tokens of a language model.
    ///
    /// # Errors
    /// [`ReadError`] that says which array is not as it has to be, what was found, and what is needed.
    pub fn read(bytes: &[u8], limits: &Limits) -> Result<Self, ReadError> {
        let mut npz = Npz::open(bytes, limits)?;
        let Some(x) = npz.array("x")? else {
            let found = npz.names();
            return Err(Place::File.error(Problem::Missing {
                what: "the array",
                name: "x".to_owned(),
                found,
            }));
        };
        let y = npz.array("y")?;
        Self::from_arrays(&x, y.as_ref())
    }

    /// Makes a dataset of arrays, as [`Dataset::read`] does.
    ///
    /// # Errors
    /// As [`Dataset::read`].
    pub fn from_arrays(x: &Array, y: Option<&Array>) -> Result<Self, ReadError> {
        let samples = samples(x)?;
        let count = samples.shape().first().copied().unwrap_or_default();
        let labels = y.map(|y| labels(y, count)).transpose()?;
        Ok(Self { x: samples, y: labels })
    }

    /// The number of samples.
    pub fn len(&self) -> usize {
        self.x.shape().first().copied().unwrap_or_default()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

fn samples(x: &Array) -> Result<Tensor, ReadError> {
    let at = || Place::Member("x.npy".to_owned());
    let shape = x.shape();
    if shape.is_empty() || shape.contains(&0) {
        let needed = "N×…, samples along the first axis and no length 0".to_owned();
        return Err(at().error(Problem::Shape { found: shape.to_vec(), needed }));
    }
    let values: Vec<f32> = match x.values() {
        Values::U8(bytes) if shape.len() >= PICTURE_AXES => {
            bytes.iter().map(|&byte| f32::from(byte) / BYTE_SCALE).collect()
        }
        _ => match x.to_i64() {
            None => x.to_f32(),
            Some(whole) => {
                let exact = -LARGEST_EXACT..=LARGEST_EXACT;
                if let Some(large) = whole.iter().find(|value| !exact.contains(*value)) {
                    return Err(at().error(Problem::Field {
                        what: "a whole number".to_owned(),
                        found: large.to_string(),
                        needed: "at most 2²⁴ in magnitude: arithmetic is in 32-bit floats".to_owned(),
                    }));
                }
                whole.into_iter().map(|value| value as f32).collect()
            }
        },
    };
    if let Some((index, value)) = values.iter().enumerate().find(|(_, value)| !value.is_finite()) {
        return Err(at().error(Problem::NotFinite { index, value: value.to_string() }));
    }
    Tensor::f32(shape, values).map_err(|why| at().error(Problem::Syntax(why.to_string())))
}

fn labels(y: &Array, count: usize) -> Result<Vec<i64>, ReadError> {
    let at = || Place::Member("y.npy".to_owned());
    let Some(labels) = y.to_i64() else {
        let found = y.values().type_name().to_owned();
        return Err(at().error(Problem::ElementType { found, readable: "int64" }));
    };
    if y.shape().first() != Some(&count) || labels.is_empty() {
        let needed = format!(
            "[{count}], one label for each sample of x, or [{count}, …], one for each position in it"
        );
        return Err(at().error(Problem::Shape { found: y.shape().to_vec(), needed }));
    }
    if let Some(negative) = labels.iter().find(|label| **label < 0) {
        return Err(at().error(Problem::Field {
            what: "a label".to_owned(),
            found: negative.to_string(),
            needed: "a class number from 0 on".to_owned(),
        }));
    }
    Ok(labels)
}
