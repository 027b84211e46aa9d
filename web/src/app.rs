//! The shell: what is provided to every part, and the bench.

use fewbit_experiment::protocol::EngineChoice;
use fewbit_experiment::{Command, Document, Failure, link};
use leptos::prelude::*;

use crate::bench::Bench;
use crate::platform::page;
use crate::settings::Settings;
use crate::state::Desk;

/// The app.
#[component]
pub fn App() -> impl IntoView {
    let settings = Settings::provide();
    settings.follow();
    let choice = match page::query("backend").as_deref() {
        Some("cpu") => EngineChoice::Cpu,
        Some("gpu") => EngineChoice::Gpu,
        _ => EngineChoice::Auto,
    };
    let (document, broken) = from_address();
    let desk = Desk::provide(document, choice);
    if let Some(failure) = broken {
        desk.tell(failure, true);
    }
    page::on_fragment(move || match from_address() {
        (document, None) => desk.dispatch(Command::Replace(Box::new(document))),
        (_, Some(failure)) => desk.tell(failure, true),
    });
    page::remove("loading");
    view! { <Bench /> }
}

/// The document of the address's link; the default where there is none or it cannot be read.
fn from_address() -> (Document, Option<Failure>) {
    match page::fragment() {
        fragment if fragment.is_empty() => (Document::default(), None),
        fragment => match link::read(&fragment) {
            Ok(document) => (document, None),
            Err(failure) => (Document::default(), Some(failure)),
        },
    }
}
