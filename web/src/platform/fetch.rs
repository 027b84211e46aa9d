//! Files from where this page lies, by address.

use fewbit_experiment::Failure;
use fewbit_experiment::failure::Code;
use js_sys::{ArrayBuffer, Uint8Array};
use wasm_bindgen::JsCast;
use wasm_bindgen_futures::JsFuture;
use web_sys::Response;

/// The bytes at `url`.
///
/// # Errors
/// [`Code::Fetch`] if there are none, with the server's answer.
pub async fn bytes(url: &str) -> Result<Uint8Array, Failure> {
    let failure = |message: String| {
        Failure::new(Code::Fetch, message).at(url).hint("check the connection and try again")
    };
    let window = web_sys::window().ok_or_else(|| failure("there is no window".to_owned()))?;
    let response: Response = JsFuture::from(window.fetch_with_str(url))
        .await
        .and_then(JsCast::dyn_into)
        .map_err(|_| failure("the file could not be fetched".to_owned()))?;
    if !response.ok() {
        return Err(failure(format!("the server answered {}", response.status())));
    }
    let body = match response.array_buffer() {
        Ok(promise) => JsFuture::from(promise).await,
        Err(error) => Err(error),
    };
    match body.and_then(JsCast::dyn_into::<ArrayBuffer>) {
        Ok(buffer) => Ok(Uint8Array::new(&buffer)),
        Err(_) => Err(failure("the transfer broke off".to_owned())),
    }
}
