//! The first lines of a worker.

use js_sys::Array;
use wasm_bindgen::JsValue;
use web_sys::{Blob, BlobPropertyBag, Url};

use super::page;

/// A script that loads a worker. It is a `blob:`, because a worker from there is held to the page's content security policy;
/// one from the server would be held only to what the server sends along.
pub struct Loader {
    /// Its address, for as long as this lives.
    pub address: String,
}

impl Loader {
    /// The script for the worker whose two files `<meta name=…>` names.
    ///
    /// # Errors
    /// If the page names none, or the browser makes no blob.
    pub fn of(meta: &str) -> Result<Self, JsValue> {
        let quoted = |attribute| {
            let address = page::meta_address(meta, attribute).ok_or(JsValue::NULL)?;
            js_sys::JSON::stringify(&address.into()).map(String::from)
        };
        let (script, module) = (quoted("content")?, quoted("data-wasm")?);
        let text = format!("importScripts({script});wasm_bindgen({{module_or_path:{module}}});");
        let options = BlobPropertyBag::new();
        options.set_type("text/javascript");
        let blob = Blob::new_with_str_sequence_and_options(&Array::of1(&text.into()), &options)?;
        Ok(Self { address: Url::create_object_url_with_blob(&blob)? })
    }
}

impl Drop for Loader {
    fn drop(&mut self) {
        Url::revoke_object_url(&self.address).ok();
    }
}
