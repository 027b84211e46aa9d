//! How messages become bytes between the page and its worker.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::failure::{Code, Failure};
use crate::protocol::VERSION;

/// The bytes of a message: the protocol's version, then postcard.
///
/// # Errors
/// [`Code::Engine`] if a value cannot be encoded, which no message of ours gives cause for.
pub fn encode<T: Serialize>(message: &T) -> Result<Vec<u8>, Failure> {
    postcard::to_extend(message, vec![VERSION])
        .map_err(|e| Failure::new(Code::Engine, format!("a message cannot be encoded: {e}")))
}

/// The message in `bytes`.
///
/// # Errors
/// [`Code::Engine`] for another version or for bytes that are no message: page and worker are then of different builds.
pub fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Failure> {
    let reload = |message: String| {
        Failure::new(Code::Engine, message).hint("reload the page without its cache (Ctrl+Shift+R)")
    };
    match bytes.split_first() {
        Some((&VERSION, rest)) => {
            postcard::from_bytes(rest).map_err(|e| reload(format!("a message cannot be decoded: {e}")))
        }
        Some((version, _)) => {
            Err(reload(format!("page and worker are of different builds: {version} and {VERSION}")))
        }
        None => Err(reload("an empty message".to_owned())),
    }
}
