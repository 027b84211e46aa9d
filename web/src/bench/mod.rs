//! The bench: one screen that answers, from left to right, what did I choose, what happens inside, what does it cost me.

use leptos::prelude::*;

use layers::LayersPanel;

pub mod layers;

/// The bench.
#[component]
pub fn Bench() -> impl IntoView {
    view! { <main></main> }
}
