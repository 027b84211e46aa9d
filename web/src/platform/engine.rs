//! The engine's worker, seen from the page: its only owner.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use fewbit_experiment::Failure;
use fewbit_experiment::failure::Code;
use fewbit_experiment::protocol::{EngineChoice, Event, Request};
use gloo::timers::callback::Timeout;
use js_sys::Uint8Array;
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{ErrorEvent, MessageEvent, Worker};

use super::loader::Loader;
use super::{message, page};

/// A worker that says nothing for so long after a cancel is dead.
const CANCEL_PATIENCE_MILLIS: u32 = 2_000;

/// The `<meta>` that names the worker's two files.
const META: &str = "fewbit-worker";

type Listener = Box<dyn Fn(Event, Vec<Uint8Array>)>;
type Waiting = Vec<(Request, Vec<Uint8Array>)>;

/// A running engine worker. Dropping it ends the worker.
pub struct Engine {
    inner: Rc<Inner>,
    _on_message: Closure<dyn FnMut(MessageEvent)>,
    _on_error: Closure<dyn FnMut(ErrorEvent)>,
}

struct Inner {
    worker: Worker,
    _loader: Loader,
    /// Requests from before the worker was listening.
    waiting: RefCell<Option<Waiting>>,
    heard: Cell<u64>,
    listener: Listener,
    patience: RefCell<Option<Timeout>>,
}

impl Engine {
    /// Starts a worker and opens an engine in it. `listener` hears every event, and a `WorkerLost` failure if it dies.
    ///
    /// # Errors
    /// [`Code::WorkerLost`] if the browser gives us no worker.
    pub fn start(
        choice: EngineChoice,
        listener: impl Fn(Event, Vec<Uint8Array>) + 'static,
    ) -> Result<Self, Failure> {
        let refused = |_| Failure::new(Code::WorkerLost, "the browser does not start a worker");
        let loader = Loader::of(META).map_err(refused)?;
        let worker = Worker::new(&loader.address).map_err(refused)?;
        let open = Request::Open { choice, spoil: page::query("selftest") };
        let inner = Rc::new(Inner {
            worker,
            _loader: loader,
            waiting: RefCell::new(Some(vec![(open, Vec::new())])),
            heard: Cell::new(0),
            listener: Box::new(listener),
            patience: RefCell::new(None),
        });
        let weak = Rc::downgrade(&inner);
        let on_message = Closure::<dyn FnMut(MessageEvent)>::new(move |event: MessageEvent| {
            if let Some(inner) = weak.upgrade() {
                inner.hear(&event.data());
            }
        });
        let weak = Rc::downgrade(&inner);
        let on_error = Closure::<dyn FnMut(ErrorEvent)>::new(move |event: ErrorEvent| {
            if let Some(inner) = weak.upgrade() {
                inner.lost(&event.message());
            }
        });
        inner.worker.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
        inner.worker.set_onerror(Some(on_error.as_ref().unchecked_ref()));
        Ok(Self { inner, _on_message: on_message, _on_error: on_error })
    }

    /// Sends a request; its blobs' buffers are handed over and empty afterwards.
    pub fn send(&self, request: Request, blobs: Vec<Uint8Array>) {
        if request == Request::Cancel {
            self.inner.expect_a_sign();
        }
        let mut waiting = self.inner.waiting.borrow_mut();
        match &mut *waiting {
            Some(waiting) => waiting.push((request, blobs)),
            None => self.inner.post(&request, &blobs),
        }
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.inner.worker.set_onmessage(None);
        self.inner.worker.set_onerror(None);
        self.inner.worker.terminate();
    }
}

impl Inner {
    fn post(&self, request: &Request, blobs: &[Uint8Array]) {
        let posted = message::pack(request, blobs).and_then(|parcel| {
            self.worker
                .post_message_with_transfer(&parcel.value, &parcel.transfer)
                .map_err(|_| Failure::new(Code::WorkerLost, "the worker takes no messages"))
        });
        if let Err(failure) = posted {
            (self.listener)(Event::Failed(failure), Vec::new());
        }
    }

    fn hear(self: &Rc<Self>, data: &JsValue) {
        self.heard.set(self.heard.get() + 1);
        // The worker's first message says only that it listens.
        if data.is_null() {
            let waiting = self.waiting.borrow_mut().take().unwrap_or_default();
            waiting.iter().for_each(|(request, blobs)| self.post(request, blobs));
            return;
        }
        match message::unpack(data) {
            Ok((event, blobs)) => (self.listener)(event, blobs),
            Err(failure) => (self.listener)(Event::Failed(failure), Vec::new()),
        }
    }

    fn lost(&self, why: &str) {
        let failure = Failure::new(Code::WorkerLost, format!("the engine's worker died: {why}"));
        (self.listener)(Event::Failed(failure), Vec::new());
    }

    /// After a cancel a healthy worker says something soon.
    fn expect_a_sign(self: &Rc<Self>) {
        let (weak, heard) = (Rc::downgrade(self), self.heard.get());
        let patience = Timeout::new(CANCEL_PATIENCE_MILLIS, move || {
            if let Some(inner) = weak.upgrade().filter(|inner| inner.heard.get() == heard) {
                inner.lost("it did not answer a cancel");
            }
        });
        *self.patience.borrow_mut() = Some(patience);
    }
}
