//! Above the drawing: search, colour, blocks, size, and the way to the table.

use leptos::ev::KeyboardEvent;
use leptos::prelude::*;

use super::board::Board;
use super::canvas::SEARCH;
use super::colour::Paint;
use super::fold::Target;
use crate::i18n::words;

/// The head of the panel.
#[component]
pub fn Tools(
    /// The board.
    board: Board,
    /// Whether the table is shown.
    as_table: RwSignal<bool>,
) -> impl IntoView {
    let has_blocks = move || board.scene.with(|scene| !scene.groups.all.is_empty());
    view! {
        <div class="head">
            <h2>{move || words().graph.tab}</h2>
            <span class="muted">{move || (words().graph.nodes)(board.scene.with(|scene| scene.nodes.len()))}</span>
            <Search board />
            <ColourBy board />
            <span class="grow"></span>
            <Show when=has_blocks>
                <button class="chip" on:click=move |_| board.set_all(true)>{move || words().graph.open_all}</button>
                <button class="chip" on:click=move |_| board.set_all(false)>{move || words().graph.close_all}</button>
            </Show>
            <span class="row" hidden=as_table>
                <button class="icon" title=move || words().graph.smaller aria-label=move || words().graph.smaller on:click=move |_| board.zoom(0.8)>"−"</button>
                <button class="icon" title=move || words().graph.larger aria-label=move || words().graph.larger on:click=move |_| board.zoom(1.25)>"+"</button>
                <button class="icon" title=move || words().graph.fit aria-label=move || words().graph.fit on:click=move |_| board.fit()>"⛶"</button>
            </span>
            <button class="chip" aria-pressed=move || as_table.get().to_string() title=move || words().graph.table_hint on:click=move |_| as_table.update(|on| *on = !*on)>{move || words().chart.table_short}</button>
        </div>
    }
}

#[component]
fn Search(board: Board) -> impl IntoView {
    let found = move || {
        if board.query.with(|text| text.trim().is_empty()) {
            return String::new();
        }
        let now = board.chosen.get();
        board.hits.with(|hits| {
            let at = hits.iter().position(|&hit| Some(Target::Node(hit)) == now);
            (words().graph.found)(at.map(|at| at + 1), hits.len())
        })
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
                prop:value=board.query
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
                {Paint::ALL.into_iter().enumerate().map(|(at, paint)| view! {
                    <option value=at.to_string() selected=move || board.paint.get() == paint>{move || words().graph.paints[at]}</option>
                }).collect_view()}
            </select>
        </label>
    }
}
