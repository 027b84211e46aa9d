//! A worker's own scope: what it hears and says, its clock, its memory, and room for messages between two pieces of work.

use std::cell::Cell;

use fewbit_runtime::{LocalFuture, Pace};
use futures_channel::oneshot;
use js_sys::WebAssembly::Memory;
use js_sys::{ArrayBuffer, Uint8Array};
use serde::Serialize;
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{DedicatedWorkerGlobalScope, MessageChannel, MessageEvent};

use super::message;

/// How long work may go on before messages are looked at.
const BREATH_MILLIS: f64 = 8.0;

/// Whether this is a worker, and not a page.
pub fn is_worker() -> bool {
    js_sys::global().is_instance_of::<DedicatedWorkerGlobalScope>()
}

/// The worker's global scope.
pub fn scope() -> DedicatedWorkerGlobalScope {
    js_sys::global().unchecked_into()
}

/// Hears every message, for as long as the worker lives. `dying` tells of a panic, as well as it can be told.
pub fn listen(hear: impl Fn(&JsValue) + 'static, dying: impl Fn(String) + Send + Sync + 'static) {
    std::panic::set_hook(Box::new(move |panic| dying(panic.to_string())));
    let on_message = Closure::<dyn FnMut(MessageEvent)>::new(move |event: MessageEvent| hear(&event.data()));
    scope().set_onmessage(Some(on_message.as_ref().unchecked_ref()));
    on_message.forget();
    // The first message says only that we listen.
    scope().post_message(&JsValue::NULL).ok();
}

/// Says something, and hands bytes over.
pub fn post<T: Serialize>(message: &T, blobs: &[Uint8Array]) {
    if let Ok(parcel) = message::pack(message, blobs) {
        // A scope that is being closed takes no messages, and nobody is there to be told.
        scope().post_message_with_transfer(&parcel.value, &parcel.transfer).ok();
    }
}

/// The worker's clock.
pub fn now_millis() -> f64 {
    scope().performance().map_or(0.0, |clock| clock.now())
}

/// The bytes of this module's memory. It never shrinks, so this is the most that it ever took.
pub fn memory_bytes() -> u64 {
    let memory = wasm_bindgen::memory().dyn_into::<Memory>().ok();
    let buffer = memory.and_then(|memory| memory.buffer().dyn_into::<ArrayBuffer>().ok());
    buffer.map_or(0, |buffer| u64::from(buffer.byte_length()))
}

/// Gives the thread back through a macrotask: microtasks alone would never let a message in.
pub struct Breath {
    last: Cell<f64>,
    channel: Option<MessageChannel>,
}

impl Default for Breath {
    fn default() -> Self {
        Self { last: Cell::new(now_millis()), channel: MessageChannel::new().ok() }
    }
}

impl Pace for Breath {
    fn is_due(&self) -> bool {
        now_millis() - self.last.get() > BREATH_MILLIS
    }

    fn breathe(&self) -> LocalFuture<'_, ()> {
        Box::pin(async {
            if let Some(channel) = &self.channel {
                let (send, arrived) = oneshot::channel::<()>();
                let on_message = Closure::once_into_js(move || send.send(()).ok().unwrap_or_default());
                channel.port1().set_onmessage(Some(on_message.unchecked_ref()));
                if channel.port2().post_message(&JsValue::NULL).is_ok() {
                    arrived.await.ok();
                }
            }
            self.last.set(now_millis());
        })
    }
}
