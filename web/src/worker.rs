//! The engine's worker: hears requests, does one unit of work at a time, and tells what comes of it.

use std::cell::{Cell, RefCell};
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
use wasm_bindgen::JsValue;

use crate::platform::inbox::Inbox;
use crate::platform::message;
use crate::platform::scope::{self, Breath, now_millis};

mod choose;

/// How long work waits once it was told what was applied: a frame, in which the page shows it. Where there are few cores, an
/// engine that evaluates at once would take one from the page just then.
const FRAME_MILLIS: u32 = 16;

fn post(event: &Event, blob: Option<Vec<u8>>) {
    let blobs: Vec<Uint8Array> = blob.iter().map(|bytes| Uint8Array::from(bytes.as_slice())).collect();
    scope::post(event, &blobs);
}

/// Runs the worker, for as long as the page keeps it.
pub fn run() {
    let requests = Rc::new(Requests::default());
    wasm_bindgen_futures::spawn_local(serve(Rc::clone(&requests)));
    scope::listen(
        move |data| requests.hear(data),
        |panic| {
            let failure = Failure::new(Code::WorkerLost, format!("the engine's worker died: {panic}"));
            post(&Event::Failed(failure), None);
        },
    );
}

/// Requests that wait, and how work is told of them.
#[derive(Default)]
struct Requests {
    inbox: Inbox<(Request, Vec<Vec<u8>>)>,
    /// Stops the unit of work that is being done.
    cancel: RefCell<Cancel>,
}

impl Requests {
    fn hear(&self, data: &JsValue) {
        self.cancel.borrow().cancel();
        match message::unpack::<Request>(data) {
            Ok((request, blobs)) => {
                if matches!(request, Request::Update { .. }) {
                    // The newest wins.
                    self.inbox.retain(|(older, _)| !matches!(older, Request::Update { .. }));
                }
                self.inbox.put((request, blobs.iter().map(Uint8Array::to_vec).collect()));
            }
            Err(failure) => post(&Event::Failed(failure), None),
        }
    }

    /// A new cancel, for the next unit of work; set already if something waits.
    fn fresh_cancel(&self) -> Cancel {
        let cancel = Cancel::default();
        if !self.inbox.is_empty() {
            cancel.cancel();
        }
        self.cancel.replace(cancel.clone());
        cancel
    }

    /// Returns once something waits, but after `millis` at the latest.
    async fn wait_for(&self, millis: u32) {
        let (ring, rung) = oneshot::channel();
        let _timer = Timeout::new(millis, move || ring.send(()).unwrap_or_default());
        select(pin!(self.inbox.wait()), rung).await;
    }
}

async fn serve(requests: Rc<Requests>) {
    let worker = Rc::new(Worker::default());
    let host: Rc<dyn Host> = Rc::clone(&worker) as Rc<dyn Host>;
    let pace = Breath::default();
    let mut engine: Option<Engine> = None;
    loop {
        while let Some((request, blobs)) = requests.inbox.take() {
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
                requests.wait_for(FRAME_MILLIS).await;
            }
            Some(engine) if engine.has_work() => {
                let cancel = requests.fresh_cancel();
                engine.advance(&Control { cancel: &cancel, pace: &pace }).await;
                pace.breathe().await;
            }
            _ => requests.inbox.wait().await,
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
