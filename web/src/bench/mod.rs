//! The bench: one screen that answers, from left to right, what did I choose, what happens inside, what does it cost me.

use leptos::prelude::*;

use footer::Footer;
use header::Header;
use layers::LayersPanel;
use model::ModelPanel;
use notices::Notices;

pub mod badge;
pub mod footer;
pub mod header;
pub mod layers;
pub mod model;
pub mod notices;

/// The bench.
#[component]
pub fn Bench() -> impl IntoView {
    let help = RwSignal::new(false);
    let set_many = RwSignal::new(false);
    view! {
        <div class="bench">
            <Header on_help=Callback::new(move |()| help.set(true)) />
            <main class="panels">
                <LayersPanel on_set_many=Callback::new(move |()| set_many.set(true)) />
                <ModelPanel />
            </main>
            <Footer />
            <Notices />
        </div>
    }
}
