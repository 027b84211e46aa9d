//! The engine's worker: hears requests, does one unit of work at a time, and tells what comes of it.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::pin::pin;
use std::rc::Rc;

use fewbit_experiment::Failure;
use fewbit_experiment::engine::{Engine, Host};
use fewbit_experiment::failure::Code;
use fewbit_experiment::protocol::{EngineChoice, Event, Request};
use fewbit_runtime::{Cancel, Control, Pace};
use futures_channel::oneshot;
use futures_util::future::select;
use gloo::timers::callback::Timeout;
use js_sys::Uint8Array;
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::MessageEvent;

use crate::platform::message;
use crate::platform::scope::{Breath, now_millis, scope};

mod choose;

/// How long work waits once it was told what was applied: a frame, in which the page shows it. Where there are few cores, an
/// engine that evaluates at once would take one from the page just then.
const FRAME_MILLIS: u32 = 16;

fn post(event: &Event, blob: Option<Vec<u8>>) {
    let blobs: Vec<Uint8Array> = blob.iter().map(|bytes| Uint8Array::from(bytes.as_slice())).collect();
    if let Ok(parcel) = message::pack(event, &blobs) {
        // A scope that is being closed takes no messages, and nobody is there to be told.
        scope().post_message_with_transfer(&parcel.value, &parcel.transfer).ok();
    }
}

/// Runs the worker, for as long as the page keeps it.
pub fn run() {
    std::panic::set_hook(Box::new(|panic| {
        let failure = Failure::new(Code::WorkerLost, format!("the engine's worker died: {panic}"));
        post(&Event::Failed(failure), None);
    }));
    let inbox = Rc::new(Inbox::default());
    let hears = Rc::clone(&inbox);
    let on_message =
        Closure::<dyn FnMut(MessageEvent)>::new(move |event: MessageEvent| hears.hear(&event.data()));
    scope().set_onmessage(Some(on_message.as_ref().unchecked_ref()));
    on_message.forget();
    wasm_bindgen_futures::spawn_local(serve(inbox));
    // The first message says only that we listen.
    scope().post_message(&JsValue::NULL).ok();
}

/// Requests that wait, and how work is told of them.
#[derive(Default)]
struct Inbox {
    waiting: RefCell<VecDeque<(Request, Vec<Vec<u8>>)>>,
    wake: RefCell<Option<oneshot::Sender<()>>>,
    /// Stops the unit of work that is being done.
    cancel: RefCell<Cancel>,
}

impl Inbox {
    fn hear(&self, data: &JsValue) {
        match message::unpack::<Request>(data) {
            Ok((request, blobs)) => {
                let blobs = blobs.iter().map(Uint8Array::to_vec).collect();
                let mut waiting = self.waiting.borrow_mut();
                if matches!(request, Request::Update { .. }) {
                    // The newest wins.
                    waiting.retain(|(older, _)| !matches!(older, Request::Update { .. }));
                }
                waiting.push_back((request, blobs));
            }
            Err(failure) => post(&Event::Failed(failure), None),
        }
        self.cancel.borrow().cancel();
        if let Some(wake) = self.wake.borrow_mut().take() {
            wake.send(()).ok();
        }
    }

    fn take(&self) -> Option<(Request, Vec<Vec<u8>>)> {
        self.waiting.borrow_mut().pop_front()
    }

    /// A new cancel, for the next unit of work; set already if something waits.
    fn fresh_cancel(&self) -> Cancel {
        let cancel = Cancel::default();
        if !self.waiting.borrow().is_empty() {
            cancel.cancel();
        }
        self.cancel.replace(cancel.clone());
        cancel
    }

    /// Returns once something waits, but after `millis` at the latest.
    async fn wait_for(&self, millis: u32) {
        let (ring, rung) = oneshot::channel();
        let _timer = Timeout::new(millis, move || ring.send(()).unwrap_or_default());
        select(pin!(self.wait()), rung).await;
    }

    /// Returns once something waits.
    async fn wait(&self) {
        if self.waiting.borrow().is_empty() {
            let (wake, woken) = oneshot::channel();
            self.wake.replace(Some(wake));
            woken.await.ok();
        }
    }
}

async fn serve(inbox: Rc<Inbox>) {
    let worker = Rc::new(Worker::default());
    let host: Rc<dyn Host> = Rc::clone(&worker) as Rc<dyn Host>;
    let pace = Breath::default();
    let mut engine: Option<Engine> = None;
    loop {
        while let Some((request, blobs)) = inbox.take() {
            if let Request::Open { choice, spoil } = request {
                open(&mut engine, choice, spoil.as_deref(), &host).await;
                continue;
            }
            let Some(engine) = &mut engine else { continue };
            // Short requests are not interrupted.
            let cancel = Cancel::default();
            engine.receive(request, blobs, &Control { cancel: &cancel, pace: &pace }).await;
        }
        match &mut engine {
            Some(engine) if engine.has_work() && worker.has_applied.take() => {
                inbox.wait_for(FRAME_MILLIS).await;
            }
            Some(engine) if engine.has_work() => {
                let cancel = inbox.fresh_cancel();
                engine.advance(&Control { cancel: &cancel, pace: &pace }).await;
                pace.breathe().await;
            }
            _ => inbox.wait().await,
        }
    }
}

/// Opens an engine; if there is one whose device was lost, it goes on with the new one, and what is on its bench stays.
async fn open(engine: &mut Option<Engine>, choice: EngineChoice, spoil: Option<&str>, host: &Rc<dyn Host>) {
    match choose::open(choice, spoil, now_millis).await {
        Ok((backend, info)) => {
            host.emit(Event::Ready(info), None);
            match engine {
                Some(engine) => engine.replace_backend(backend),
                None => *engine = Some(Engine::new(backend, Rc::clone(host))),
            }
        }
        Err(failure) => host.emit(Event::Failed(failure), None),
    }
}

#[derive(Default)]
struct Worker {
    /// Whether the page was told what was applied, and nothing was done since.
    has_applied: Cell<bool>,
}

impl Host for Worker {
    fn now_millis(&self) -> f64 {
        now_millis()
    }

    fn emit(&self, event: Event, blob: Option<Vec<u8>>) {
        self.has_applied.set(self.has_applied.get() || matches!(event, Event::Applied { .. }));
        post(&event, blob);
    }
}
