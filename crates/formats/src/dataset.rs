//! A labelled set of images.

use fewbit_graph::Tensor;

use crate::error::{Place, Problem, ReadError};
use crate::limits::Limits;
use crate::npy::{Array, Values};
use crate::npz::Npz;

/// The largest value of a byte, which is read as 1.
const BYTE_SCALE: f32 = 255.0;

/// Images, and what they show.
#[derive(Clone, Debug, PartialEq)]
pub struct Dataset {
    /// The images, f32 N×C×H×W.
    pub x: Tensor,
    /// The class of each image, if the file has classes.
    pub y: Option<Vec<i64>>,
}

impl Dataset {
    /// Reads a dataset from an npz archive with `x` and, if there are labels, `y`.
    ///
    /// `x` is N×C×H×W: uint8, of which x / 255 is taken, or float16, float32, float64 as they are. `y` holds N integers.
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
        let images = images(x)?;
        let count = images.shape().first().copied().unwrap_or_default();
        let labels = y.map(|y| labels(y, count)).transpose()?;
        Ok(Self { x: images, y: labels })
    }

    /// The number of images.
    pub fn len(&self) -> usize {
        self.x.shape().first().copied().unwrap_or_default()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

fn images(x: &Array) -> Result<Tensor, ReadError> {
    let at = || Place::Member("x.npy".to_owned());
    let shape = x.shape();
    if shape.len() != 4 || shape.contains(&0) {
        let needed = "N×C×H×W, four axes with no length 0".to_owned();
        return Err(at().error(Problem::Shape { found: shape.to_vec(), needed }));
    }
    let values: Vec<f32> = match x.values() {
        Values::U8(bytes) => bytes.iter().map(|&byte| f32::from(byte) / BYTE_SCALE).collect(),
        Values::F32(_) | Values::F64(_) => x.to_f32(),
        other => {
            let readable = "uint8 (0 to 255) or float32";
            return Err(at().error(Problem::ElementType { found: other.type_name().to_owned(), readable }));
        }
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
    if y.shape() != [count] {
        let needed = format!("[{count}], one label for each image of x");
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
