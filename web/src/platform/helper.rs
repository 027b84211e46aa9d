//! A worker of one of the page's parts, seen from its screen: its only owner.

use std::cell::RefCell;
use std::marker::PhantomData;
use std::rc::Rc;

use fewbit_experiment::Failure;
use fewbit_experiment::failure::Code;
use js_sys::Uint8Array;
use serde::Serialize;
use serde::de::DeserializeOwned;
use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;
use web_sys::{ErrorEvent, File, MessageEvent, Worker};

use super::loader::Loader;
use super::message::{self, Parcel};

/// A running worker that is asked `A`. Dropping it ends the worker.
pub struct Helper<A> {
    worker: Worker,
    /// Messages from before the worker was listening.
    waiting: Rc<RefCell<Option<Vec<Parcel>>>>,
    _loader: Loader,
    _on_message: Closure<dyn FnMut(MessageEvent)>,
    _on_error: Closure<dyn FnMut(ErrorEvent)>,
    _asked: PhantomData<A>,
}

impl<A: Serialize> Helper<A> {
    /// Starts the worker of this part, whose two files `<meta name="fewbit-…">` names. `listener` hears everything that it tells, and why it died if
    /// it does.
    ///
    /// # Errors
    /// [`Code::WorkerLost`] if the browser gives us no worker.
    pub fn start<T: DeserializeOwned>(
        part: &str,
        listener: impl Fn(Result<T, Failure>, Vec<Uint8Array>) + Clone + 'static,
    ) -> Result<Self, Failure> {
        let refused = |_| Failure::new(Code::WorkerLost, "the browser does not start a worker");
        let loader = Loader::of(&format!("fewbit-{part}")).map_err(refused)?;
        let worker = Worker::new(&loader.address).map_err(refused)?;
        let waiting = Rc::new(RefCell::new(Some(Vec::new())));
        let (hears, posts, queue) = (listener.clone(), worker.clone(), Rc::clone(&waiting));
        let on_message = Closure::<dyn FnMut(MessageEvent)>::new(move |event: MessageEvent| {
            let data = event.data();
            // The worker's first message says only that it listens.
            if data.is_null() {
                queue.borrow_mut().take().unwrap_or_default().iter().for_each(|parcel| post(&posts, parcel));
                return;
            }
            match message::unpack(&data) {
                Ok((told, blobs)) => hears(Ok(told), blobs),
                Err(failure) => hears(Err(failure), Vec::new()),
            }
        });
        let on_error = Closure::<dyn FnMut(ErrorEvent)>::new(move |event: ErrorEvent| {
            let why = format!("a worker of the page died: {}", event.message());
            listener(Err(Failure::new(Code::WorkerLost, why)), Vec::new());
        });
        worker.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
        worker.set_onerror(Some(on_error.as_ref().unchecked_ref()));
        let asked = PhantomData;
        Ok(Self {
            worker,
            waiting,
            _loader: loader,
            _on_message: on_message,
            _on_error: on_error,
            _asked: asked,
        })
    }

    /// Asks for something, of files if any come along.
    ///
    /// # Errors
    /// If the message cannot be encoded.
    pub fn ask(&self, ask: &A, files: &[File]) -> Result<(), Failure> {
        let parcel = message::pack_files(ask, files)?;
        match &mut *self.waiting.borrow_mut() {
            Some(waiting) => waiting.push(parcel),
            None => post(&self.worker, &parcel),
        }
        Ok(())
    }
}

impl<A> Drop for Helper<A> {
    fn drop(&mut self) {
        self.worker.set_onmessage(None);
        self.worker.set_onerror(None);
        self.worker.terminate();
    }
}

fn post(worker: &Worker, parcel: &Parcel) {
    // A worker takes every message that can be copied, and ours can.
    worker.post_message_with_transfer(&parcel.value, &parcel.transfer).ok();
}
