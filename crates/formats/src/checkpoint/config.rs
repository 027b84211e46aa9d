//! What a configuration says, checked before anything is made of it.

use serde::de::DeserializeOwned;

use crate::error::{Place, Problem, ReadError};

/// The largest length that a configuration may give: more than any vocabulary or width.
const MOST: u64 = 1 << 24;

/// An error about a field of the configuration.
pub(super) fn field(what: &str, found: impl ToString, needed: impl ToString) -> ReadError {
    Place::Member("the configuration".to_owned()).error(Problem::Field {
        what: what.to_owned(),
        found: found.to_string(),
        needed: needed.to_string(),
    })
}

/// The fields of `config.json` that `T` has.
pub(super) fn parse<T: DeserializeOwned>(json: &[u8]) -> Result<T, ReadError> {
    serde_json::from_slice(json)
        .map_err(|why| Place::Member("config.json".to_owned()).error(Problem::Syntax(why.to_string())))
}

/// A length.
pub(super) fn length(what: &str, value: u64) -> Result<usize, ReadError> {
    let fits = Some(value).filter(|n| (1..=MOST).contains(n)).and_then(|n| usize::try_from(n).ok());
    fits.ok_or_else(|| field(what, value, format!("a number from 1 to {MOST}")))
}

/// A whole part of something.
pub(super) fn part(what: &str, part: usize, of: usize) -> Result<(), ReadError> {
    if part > 0 && of.is_multiple_of(part) {
        return Ok(());
    }
    Err(field(what, part, format!("a divisor of {of}")))
}

/// A positive number that is not infinite.
pub(super) fn positive(what: &str, value: f64) -> Result<f64, ReadError> {
    if value.is_finite() && value > 0.0 { Ok(value) } else { Err(field(what, value, "a positive number")) }
}
