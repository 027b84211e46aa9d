//! What the files are: format, sizes, and what they say of themselves.

use leptos::prelude::*;

use super::protocol::{FileFacts, Runs};
use super::viewer::Viewer;
use crate::bench::graph_screen::lists;
use crate::i18n::files::words;
use crate::platform::file::MOST_READ;
use crate::ui::format;

/// Longer texts are cut: some files carry whole templates.
const MOST_CHARACTERS: usize = 400;

/// The facts.
#[component]
pub fn FactsPanel() -> impl IntoView {
    let viewer = Viewer::here();
    move || viewer.facts.with(|facts| facts.as_ref().map(|facts| (panel(facts), running(viewer, facts))))
}

/// The way to the bench.
fn running(viewer: Viewer, facts: &FileFacts) -> Option<AnyView> {
    match facts.runs {
        Runs::No => None,
        Runs::TooLarge => {
            let most = format::bytes(MOST_READ);
            Some(view! { <p class="runs muted">{(words().too_large)(&most)}</p> }.into_any())
        }
        Runs::WithConfig => Some(view! { <p class="runs muted">{words().needs_config}</p> }.into_any()),
        Runs::Yes => Some(
            view! {
                <p class="runs">
                    <button class="chip" disabled=viewer.building on:click=move |_| viewer.build()>
                        {move || if viewer.building.get() { words().building } else { words().run }}
                    </button>
                    " "
                    <Show when=move || viewer.building.get() fallback=|| view! { <span class="muted">{words().run_hint}</span> }>
                        <button class="chip" on:click=move |_| viewer.cancel_build()>{words().cancel}</button>
                    </Show>
                </p>
            }
            .into_any(),
        ),
    }
}

fn panel(facts: &FileFacts) -> AnyView {
    let words = words();
    let values: u64 = facts.tensors.iter().map(|tensor| tensor.values).sum();
    let stored: u64 = facts.tensors.iter().map(|tensor| tensor.bytes).sum();
    let bits = 8.0 * stored as f64 / values.max(1) as f64;
    let said = |what: &str| {
        let found = facts.metadata.iter().find(|(name, _)| name.to_lowercase().contains(what));
        found.map(|(_, text)| cut(text))
    };
    let rows = [
        (words.format, Some(facts.format.clone())),
        (words.bytes, Some(format::bytes(facts.bytes))),
        (words.tensors, Some(format::count(facts.tensors.len() as u64))),
        (words.parameters, Some(format::count(values))),
        (words.bits_each, Some(format!("{bits:.2}"))),
        (words.architecture, said("architecture")),
        (
            words.licence,
            said("license").or_else(|| said("licence")).or_else(|| Some(words.no_licence.to_owned())),
        ),
        (words.opened_in, Some((words.millis)(facts.millis))),
    ];
    let rows = rows.into_iter().filter_map(|(head, text)| Some((head.to_owned(), text?)));
    let metadata: Vec<(String, String)> =
        facts.metadata.iter().map(|(name, text)| (name.clone(), cut(text))).collect();
    let head = (words.metadata)(metadata.len());
    view! {
        <details class="file-facts" open>
            <summary><h2 class="title">{facts.names.join(", ")}</h2></summary>
            {lists::pairs(rows.collect())}
            {lists::unfolded(head, (!metadata.is_empty()).then(|| lists::pairs(metadata)))}
        </details>
    }
    .into_any()
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(MOST_CHARACTERS) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}
