//! The bench: one screen that answers, from left to right, what did I choose, what happens inside, what does it cost me.

use leptos::prelude::*;

use footer::Footer;
use graph_screen::GraphScreen;
use graph_screen::board::Board;
use header::Header;
use keys::KeyMap;
use layer::LayerPanel;
use layers::LayersPanel;
use learn::Learn;
use model::ModelPanel;
use notices::Notices;
use set_many::SetMany;

use crate::platform::file;
use crate::state::Desk;

pub mod badge;
pub mod footer;
pub mod graph;
pub mod graph_screen;
pub mod header;
pub mod keys;
pub mod layer;
pub mod layers;
pub mod learn;
pub mod model;
pub mod notices;
pub mod set_many;

/// The files that can be opened, as a picker is told.
const ACCEPTED: &str = ".onnx,.npz,.safetensors,.gguf,.json,.png,.jpg,.jpeg,.csv,.tsv,.txt,.md";

/// Lets the person pick files and opens them.
fn pick_files(desk: Desk) {
    file::pick(ACCEPTED, move |picked| desk.open_file(picked));
}

/// What is shown between header and footer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Screen {
    /// Layers, the selected layer, the model.
    #[default]
    Bench,
    /// Pipelines and what comes of them.
    Learn,
    /// The graph and the facts of the model's file.
    Graph,
    /// Files of tensors, once one was opened.
    Files,
    /// A person's own data, once they were asked for.
    Data,
}

/// The bench.
#[component]
pub fn Bench() -> impl IntoView {
    let desk = Desk::here();
    let help = RwSignal::new(false);
    let set_many = RwSignal::new(false);
    // A link with a pipeline is opened where it can be replayed.
    let learns = untrack(|| !desk.document().recipe.pipeline.is_empty());
    // Made once the graph is looked at, and kept then.
    let (owner, kept) = (Owner::current().unwrap_or_default(), StoredValue::new(None::<Board>));
    let screen = RwSignal::new(if learns { Screen::Learn } else { Screen::Bench });
    keys::listen(desk, help, move || pick_files(desk));
    file::on_drop(move |picked| desk.open_file(picked));
    Effect::new(move |_| {
        if let Some(shown) = desk.files.get() {
            screen.set(if shown { Screen::Files } else { Screen::Bench });
        }
    });
    Effect::new(move |_| {
        if let Some(shown) = desk.data.get() {
            screen.set(if shown { Screen::Data } else { Screen::Bench });
        }
    });
    view! {
        <div class="bench">
            <Header screen on_help=Callback::new(move |()| help.set(true)) />
            {move || match screen.get() {
                Screen::Bench => view! {
                    <main class="panels">
                        <LayersPanel on_set_many=Callback::new(move |()| set_many.set(true)) />
                        <LayerPanel />
                        <ModelPanel />
                    </main>
                }.into_any(),
                Screen::Learn => view! { <Learn /> }.into_any(),
                Screen::Graph => {
                    let board = kept.get_value().unwrap_or_else(|| owner.with(|| Board::new(desk)));
                    kept.set_value(Some(board));
                    view! { <GraphScreen screen board /> }.into_any()
                }
                Screen::Files | Screen::Data => ().into_any(),
            }}
            // Modules of their own show themselves here, and stay while other screens are shown.
            <main id="files" class="panels" hidden=move || screen.get() != Screen::Files></main>
            <main id="data" class="panels" hidden=move || screen.get() != Screen::Data></main>
            <Footer />
        </div>
        <SetMany open=set_many />
        <KeyMap open=help />
        <Notices />
    }
}
