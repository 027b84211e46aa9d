//! The shell: what is provided to every part, and the bench.

use fewbit_experiment::link::{self, Linked};
use fewbit_experiment::protocol::EngineChoice;
use fewbit_experiment::{Command, Failure};
use leptos::prelude::*;

use crate::bench::Bench;
use crate::platform::{file, page};
use crate::remote::FromAddress;
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
    let (linked, broken) = from_address();
    let desk = Desk::provide(linked.document.clone(), choice);
    desk.expect(&linked);
    if let Some(failure) = broken {
        desk.tell(failure, true);
    }
    page::on_fragment(move || match from_address() {
        (linked, None) => {
            desk.dispatch(Command::Replace(Box::new(linked.document.clone())));
            desk.expect(&linked);
        }
        (_, Some(failure)) => desk.tell(failure, true),
    });
    page::remove("loading");
    file::on_paste(move |picked| desk.open_file(picked));
    view! {
        <Bench />
        <FromAddress />
    }
}

/// The document of the address's link; the default where there is none or it cannot be read.
fn from_address() -> (Linked, Option<Failure>) {
    let nothing = || Linked { document: Default::default(), expectation: None };
    match page::fragment() {
        fragment if fragment.is_empty() => (nothing(), None),
        fragment => match link::open(&fragment) {
            Ok(linked) => (linked, None),
            Err(failure) => (nothing(), Some(failure)),
        },
    }
}
