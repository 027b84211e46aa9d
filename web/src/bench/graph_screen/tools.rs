//! Above the drawing: search, colour, blocks, size, and the way to the table.

use leptos::ev::KeyboardEvent;
use leptos::prelude::*;

use super::board::Board;
use super::canvas::{SEARCH, ZOOM};
use super::colour::Paint;
use super::fold::Target;
use super::lists::button;
use crate::i18n::{graph, words};

/// The head of the panel.
#[component]
pub fn Tools(
    /// The board.
    board: Board,
) -> impl IntoView {
    let as_table = board.as_table;
    let word = |of: fn(&graph::Words) -> &'static str| Signal::derive(move || of(&words().graph));
    let icon = |mark: &'static str, name: fn(&graph::Words) -> &'static str, run: Callback<()>| {
        button("icon", Signal::stored(mark), Some(word(name)), run)
    };
    let tools = [
        button("chip", word(|words| words.open_all), None, Callback::new(move |()| board.set_all(true))),
        button("chip", word(|words| words.close_all), None, Callback::new(move |()| board.set_all(false))),
        icon("−", |words| words.smaller, Callback::new(move |()| board.zoom(1.0 / ZOOM))),
        icon("+", |words| words.larger, Callback::new(move |()| board.zoom(ZOOM))),
        icon("□", |words| words.fit, Callback::new(move |()| board.fit())),
    ];
    view! {
        <div class="head">
            <h2 title=move || words().graph.keys>{move || words().graph.tab}</h2>
            <span class="muted">{move || (words().graph.nodes)(board.scene.get().nodes.len())}</span>
            <Search board />
            <ColourBy board />
            <span class="grow"></span>
            <span class="row" hidden=as_table>{tools.collect_view()}</span>
            <button class="chip" aria-pressed=move || as_table.get().to_string() on:click=move |_| as_table.update(|on| *on = !*on)>{move || words().chart.table_short}</button>
        </div>
    }
}

#[component]
fn Search(board: Board) -> impl IntoView {
    let found = move || {
        if board.query.get().trim().is_empty() {
            return String::new();
        }
        let now = board.chosen.get();
        let hits = board.hits.get();
        let at = hits.iter().position(|&hit| Some(Target::Node(hit)) == now);
        (words().graph.found)(at.map(|at| at + 1), hits.len())
    };
    let on_key = move |event: KeyboardEvent| {
        if event.key() == "Enter" {
            event.prevent_default();
            board.next_hit(!event.shift_key());
        }
    };
    view! {
        <span class="search">
            <input
                class="filter"
                id=SEARCH
                type="search"
                aria-label=move || words().graph.search
                placeholder=move || words().graph.search
                title=move || words().graph.search_hint
                on:input=move |event| board.query.set(event_target_value(&event))
                on:keydown=on_key
            />
            <span class="muted num" role="status">{found}</span>
        </span>
    }
}

#[component]
fn ColourBy(board: Board) -> impl IntoView {
    let on_change = move |event| {
        let at: Option<usize> = event_target_value(&event).parse().ok();
        if let Some(paint) = at.and_then(|at| Paint::ALL.get(at)) {
            board.paint.set(*paint);
        }
    };
    view! {
        <label class="colour-by">
            <span class="muted">{move || words().graph.colour_by}</span>
            <select class="chip" on:change=on_change>
                {(0..Paint::ALL.len()).map(|at| view! { <option value=at.to_string()>{move || words().graph.paints[at]}</option> }).collect_view()}
            </select>
        </label>
    }
}
