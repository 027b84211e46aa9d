//! The graph: every node of the model, in blocks, coloured by what quantizing does to it; and what the model's file is.

use leptos::prelude::*;

use board::Board;
use canvas::Canvas;
use legend::Legend;
use model_facts::ModelFactsSection;
use selected::Selected;
use tools::Tools;
use twin::Twin;

use super::Screen;
use crate::i18n::words;

pub mod board;
pub mod camera;
pub mod canvas;
pub mod colour;
pub mod drawn;
pub mod fold;
pub mod groups;
pub mod layout;
pub mod legend;
pub mod lists;
pub mod markup;
pub mod model_facts;
pub mod selected;
pub mod tools;
pub mod twin;
pub mod values;

/// The screen.
#[component]
pub fn GraphScreen(
    /// What is shown: a layer can be taken to the bench.
    screen: RwSignal<Screen>,
    /// What is kept while another screen is shown.
    board: Board,
) -> impl IntoView {
    let as_table = board.as_table;
    let is_empty = Memo::new(move |_| board.scene.get().nodes.is_empty());
    let content = move || match (is_empty.get(), as_table.get()) {
        (true, _) => view! { <p class="muted pad">{words().layers.loading}</p> }.into_any(),
        (false, true) => view! { <Twin board /> }.into_any(),
        (false, false) => view! { <Canvas board /><Legend board /> }.into_any(),
    };
    view! {
        <main class="panels graph-screen">
            <section class="panel drawing-panel" aria-label=move || words().graph.tab>
                <Tools board />
                <p id="graph-keys" class="visually-hidden">{move || words().graph.keys}</p>
                {content}
            </section>
            <section class="panel facts-panel" aria-label=move || words().graph.facts>
                <div class="body" tabindex="0">
                    <ModelFactsSection />
                    <Selected board screen />
                </div>
            </section>
        </main>
    }
}
