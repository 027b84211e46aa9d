//! Learning: choose a pipeline, watch it work on the real weights, and compare what came of it.

use leptos::prelude::*;

use cinema::Cinema;
use pipeline::PipelinePanel;
use runs::RunsPanel;

pub mod cinema;
pub mod controls;
pub mod pipeline;
pub mod runs;

/// The screen.
#[component]
pub fn Learn() -> impl IntoView {
    view! {
        <main class="panels learn">
            <PipelinePanel />
            <Cinema />
            <RunsPanel />
        </main>
    }
}
