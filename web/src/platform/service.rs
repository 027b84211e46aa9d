//! What the workers of the page's parts have in common: they are asked things about files, and work on the last of them a piece at a
//! time.

use std::rc::Rc;

use fewbit_experiment::Failure;
use fewbit_experiment::failure::Code;
use fewbit_runtime::Pace;
use serde::Serialize;
use serde::de::DeserializeOwned;
use web_sys::File;

use super::inbox::Inbox;
use super::message;
use super::scope::{self, Breath};

/// A worker's side.
pub trait Service: Default + 'static {
    /// What it is asked.
    type Ask: DeserializeOwned + 'static;
    /// What it tells.
    type Told: Serialize;

    /// What is told when it dies.
    fn died(failure: Failure) -> Self::Told;

    /// Whether a question that waits need not be answered since a newer one is there.
    fn is_overtaken(_waiting: &Self::Ask, _newer: &Self::Ask) -> bool {
        false
    }

    /// Hears a question, and the files that come along.
    fn hear(&mut self, ask: Self::Ask, files: Vec<File>);

    /// Whether work is left.
    fn is_busy(&self) -> bool;

    /// Does a piece of it.
    fn advance(&mut self);
}

/// Runs the worker, for as long as its screen keeps it.
pub fn run<S: Service>() {
    let inbox = Rc::new(Inbox::default());
    wasm_bindgen_futures::spawn_local(serve::<S>(Rc::clone(&inbox)));
    scope::listen(
        move |data| match message::unpack::<S::Ask>(data) {
            Ok((ask, _)) => {
                inbox.retain(|(waiting, _)| !S::is_overtaken(waiting, &ask));
                inbox.put((ask, message::files(data)));
            }
            Err(failure) => scope::post(&S::died(failure), &[]),
        },
        |panic| {
            let why = format!("a worker of the page died: {panic}");
            scope::post(&S::died(Failure::new(Code::WorkerLost, why)), &[]);
        },
    );
}

async fn serve<S: Service>(inbox: Rc<Inbox<(S::Ask, Vec<File>)>>) {
    let breath = Breath::default();
    let mut service = S::default();
    loop {
        while let Some((ask, files)) = inbox.take() {
            service.hear(ask, files);
        }
        if !service.is_busy() {
            inbox.wait().await;
            continue;
        }
        while service.is_busy() && !breath.is_due() {
            service.advance();
        }
        breath.breathe().await;
    }
}
