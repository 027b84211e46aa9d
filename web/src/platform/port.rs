//! A port between the app and a module of its own beside it on the page.

use fewbit_experiment::Failure;
use serde::Serialize;
use serde::de::DeserializeOwned;
use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;
use web_sys::{File, MessageEvent, MessagePort};

use super::message;

/// An end of a channel, at which messages are heard. They wait until the other end hears, too.
pub struct Port {
    port: MessagePort,
    _on_message: Closure<dyn FnMut(MessageEvent)>,
}

/// What is heard: a message, blobs, files.
pub struct Heard<T> {
    /// The message.
    pub message: T,
    /// Bytes that were handed over.
    pub blobs: Vec<js_sys::Uint8Array>,
    /// Files.
    pub files: Vec<File>,
}

impl Port {
    /// Hears at `port`, for as long as this lives.
    pub fn new<T: DeserializeOwned>(
        port: MessagePort,
        listener: impl Fn(Result<Heard<T>, Failure>) + 'static,
    ) -> Self {
        let on_message = Closure::<dyn FnMut(MessageEvent)>::new(move |event: MessageEvent| {
            let data = event.data();
            let files = message::files(&data);
            listener(message::unpack(&data).map(|(message, blobs)| Heard { message, blobs, files }));
        });
        port.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
        Self { port, _on_message: on_message }
    }

    /// Sends a message with files.
    ///
    /// # Errors
    /// If it cannot be encoded.
    pub fn send_files<T: Serialize>(&self, message: &T, files: &[File]) -> Result<(), Failure> {
        self.post(&message::pack_files(message, files)?);
        Ok(())
    }

    /// Sends a message with bytes, which are handed over.
    ///
    /// # Errors
    /// If it cannot be encoded.
    pub fn send<T: Serialize>(&self, message: &T, blobs: &[js_sys::Uint8Array]) -> Result<(), Failure> {
        self.post(&message::pack(message, blobs)?);
        Ok(())
    }

    fn post(&self, parcel: &message::Parcel) {
        // A port takes every message; nobody hears it if the other end is gone.
        self.port.post_message_with_transferable(&parcel.value, &parcel.transfer).ok();
    }
}
