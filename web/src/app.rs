//! The shell: what is provided to every part, and the bench.

use fewbit_experiment::Document;
use fewbit_experiment::protocol::EngineChoice;
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
    Desk::provide(Document::default(), choice);
    page::remove("loading");
    view! { <Bench /> }
}
