//! Messages over a port: an array of the encoded message, its blobs, whose buffers are transferred, not copied, and files, of which
//! only a handle goes over.

use fewbit_experiment::{Failure, wire};
use js_sys::{Array, Uint8Array};
use serde::{Serialize, de::DeserializeOwned};
use wasm_bindgen::{JsCast, JsValue};
use web_sys::File;

/// A message made ready to post: the value, and the list of buffers to hand over.
pub struct Parcel {
    /// What is posted.
    pub value: JsValue,
    /// What is transferred.
    pub transfer: JsValue,
}

/// Packs a message and its blobs.
///
/// # Errors
/// If the message cannot be encoded.
pub fn pack<T: Serialize>(message: &T, blobs: &[Uint8Array]) -> Result<Parcel, Failure> {
    let header = Uint8Array::from(wire::encode(message)?.as_slice());
    let (value, transfer) = (Array::of1(&header), Array::of1(&header.buffer()));
    for blob in blobs {
        value.push(blob);
        transfer.push(&blob.buffer());
    }
    Ok(Parcel { value: value.into(), transfer: transfer.into() })
}

/// Packs a message and files.
///
/// # Errors
/// As [`pack`].
pub fn pack_files<T: Serialize>(message: &T, files: &[File]) -> Result<Parcel, Failure> {
    let parcel = pack(message, &[])?;
    let parts = parcel.value.unchecked_ref::<Array>();
    files.iter().for_each(|file| {
        parts.push(file);
    });
    Ok(parcel)
}

/// The files that came along.
pub fn files(value: &JsValue) -> Vec<File> {
    let parts = value.dyn_ref::<Array>().map(Array::to_vec).unwrap_or_default();
    parts.into_iter().filter_map(|part| part.dyn_into().ok()).collect()
}

/// Unpacks what [`pack`] made.
///
/// # Errors
/// If it is not of our making, or of another build.
pub fn unpack<T: DeserializeOwned>(value: &JsValue) -> Result<(T, Vec<Uint8Array>), Failure> {
    let mut parts = value
        .dyn_ref::<Array>()
        .map(|parts| parts.iter().filter_map(|part| part.dyn_into::<Uint8Array>().ok()).collect::<Vec<_>>())
        .unwrap_or_default()
        .into_iter();
    let header = parts.next().map(|header| header.to_vec()).unwrap_or_default();
    Ok((wire::decode(&header)?, parts.collect()))
}
