//! The list of tensors: searched, sorted, and only what is in sight is there, so that thousands are no matter.

use leptos::ev::KeyboardEvent;
use leptos::html;
use leptos::prelude::*;

use super::protocol::TensorFacts;
use super::viewer::Viewer;
use crate::i18n::files::words;
use crate::platform::size;
use crate::ui::format;

/// The height of a row, in pixels.
const ROW: f64 = 25.0;
/// Rows beyond what is in sight, on either side.
const SPARE: usize = 6;
/// Rows that a page key goes.
const PAGE: usize = 12;

/// What has fewer bits than this counts as quantized.
const FLOAT_BITS: f64 = 16.0;

/// What the rows are sorted by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Order {
    #[default]
    File,
    Name,
    Largest,
    Type,
}

const ORDERS: [Order; 4] = [Order::File, Order::Name, Order::Largest, Order::Type];

/// The places of the tensors whose name has every word of `search` in it, in this order.
fn found(tensors: &[TensorFacts], search: &str, order: Order) -> Vec<u32> {
    let search = search.to_lowercase();
    let words: Vec<&str> = search.split_whitespace().collect();
    let has = |tensor: &TensorFacts| {
        let name = tensor.name.to_lowercase();
        words.iter().all(|word| name.contains(word))
    };
    let mut found: Vec<(u32, &TensorFacts)> =
        (0u32..).zip(tensors).filter(|(_, tensor)| has(tensor)).collect();
    match order {
        Order::File => {}
        Order::Name => found.sort_by(|(_, a), (_, b)| a.name.cmp(&b.name)),
        Order::Largest => found.sort_by_key(|(_, tensor)| std::cmp::Reverse(tensor.values)),
        Order::Type => found.sort_by(|(_, a), (_, b)| a.element.cmp(&b.element)),
    }
    found.into_iter().map(|(place, _)| place).collect()
}

/// The rows in sight.
fn in_sight(rows: usize, top: f64, height: f64) -> std::ops::Range<usize> {
    let first = (top / ROW).max(0.0) as usize;
    let last = ((top + height) / ROW).ceil().max(0.0) as usize + SPARE;
    first.saturating_sub(SPARE).min(rows)..last.min(rows)
}

/// The list.
#[component]
pub fn TensorList() -> impl IntoView {
    let viewer = Viewer::here();
    let search = RwSignal::new(String::new());
    let order = RwSignal::new(Order::default());
    let rows = Memo::new(move |_| {
        let (search, order) = (search.get(), order.get());
        viewer
            .facts
            .with(|facts| facts.as_ref().map(|facts| found(&facts.tensors, &search, order)))
            .unwrap_or_default()
    });
    let node = NodeRef::<html::Div>::new();
    let height = RwSignal::new(0.0);
    let top = RwSignal::new(0.0);
    Effect::new(move |_| {
        if let Some(element) = node.get() {
            size::observe(&element, move |_, now| height.set(now));
        }
    });
    let place = Memo::new(move |_| {
        let chosen = viewer.chosen.get()?;
        rows.with(|rows| rows.iter().position(|&row| row == chosen))
    });
    Effect::new(move |_| {
        if let (Some(place), Some(element)) = (place.get(), node.get()) {
            size::reveal(&element, place as f64 * ROW, (place + 1) as f64 * ROW);
        }
    });
    let on_key = move |event: KeyboardEvent| {
        let last = rows.with_untracked(|rows| rows.len().saturating_sub(1));
        let now = place.get_untracked();
        let next = match event.key().as_str() {
            "ArrowDown" => now.map_or(0, |now| now + 1),
            "ArrowUp" => now.map_or(0, |now| now.saturating_sub(1)),
            "PageDown" => now.map_or(0, |now| now + PAGE),
            "PageUp" => now.map_or(0, |now| now.saturating_sub(PAGE)),
            "Home" => 0,
            "End" => last,
            _ => return,
        };
        event.prevent_default();
        if let Some(tensor) = rows.with_untracked(|rows| rows.get(next.min(last)).copied()) {
            viewer.choose(tensor);
        }
    };
    let window = Memo::new(move |_| in_sight(rows.with(Vec::len), top.get(), height.get()));
    let shown = move || {
        let window = window.get();
        let tensors = rows.with(|rows| rows.get(window.clone()).unwrap_or_default().to_vec());
        window.zip(tensors).collect::<Vec<_>>()
    };
    let of = move || viewer.facts.with(|facts| facts.as_ref().map_or(0, |facts| facts.tensors.len()));
    let on_order = move |event| {
        let picked = event_target_value(&event).parse::<usize>().ok().and_then(|i| ORDERS.get(i).copied());
        order.set(picked.unwrap_or_default());
    };
    view! {
        <div class="row list-tools">
            <input class="filter" type="search" placeholder=move || words().search aria-label=move || words().search prop:value=search on:input=move |event| search.set(event_target_value(&event)) />
            <select class="chip" aria-label=move || words().order on:change=on_order>
                {(0..ORDERS.len()).map(|i| view! { <option value=i.to_string()>{move || words().orders[i]}</option> }).collect_view()}
            </select>
            <span class="muted num" role="status">{move || (words().found)(rows.with(Vec::len), of())}</span>
        </div>
        <div
            node_ref=node
            class="tensor-list"
            role="listbox"
            tabindex="0"
            aria-label=move || words().tensors
            aria-activedescendant=move || place.get().and(viewer.chosen.get()).map(id)
            on:scroll=move |event| top.set(size::scrolled(&event))
            on:keydown=on_key
        >
            <div class="all" role="presentation" style:height=move || format!("{}px", rows.with(Vec::len) as f64 * ROW)>
                <For each=shown key=|row| *row let((place, tensor))>
                    <Row viewer place tensor of=Signal::derive(move || rows.with(Vec::len)) />
                </For>
            </div>
        </div>
    }
}

fn id(tensor: u32) -> String {
    format!("tensor-{tensor}")
}

/// A shape: `4096×4096`.
pub fn shape(tensor: &TensorFacts) -> String {
    match tensor.shape.as_slice() {
        [] => "1".to_owned(),
        shape => shape.iter().map(u64::to_string).collect::<Vec<_>>().join("×"),
    }
}

#[component]
fn Row(viewer: Viewer, place: usize, tensor: u32, of: Signal<usize>) -> impl IntoView {
    let is_chosen = Memo::new(move |_| viewer.chosen.get() == Some(tensor));
    // Another file may have another tensor in this place.
    let row = move |facts: TensorFacts| {
        let style = format!("transform: translateY({}px)", place as f64 * ROW);
        view! {
            <div
                id=id(tensor)
                class="tensor-row"
                class:unread=!facts.is_readable
                class:quantized={facts.bits() < FLOAT_BITS}
                role="option"
                aria-selected=move || is_chosen.get().to_string()
                aria-setsize=move || of.get()
                aria-posinset=place + 1
                style=style
                title=facts.name.clone()
                on:click=move |_| viewer.choose(tensor)
            >
                <span class="name">{facts.name.clone()}</span>
                <span class="num muted">{shape(&facts)}</span>
                <span class="num kind">{facts.element.clone()}</span>
                <span class="num muted">{format::bytes(facts.bytes)}</span>
            </div>
        }
    };
    move || viewer.tensor(tensor).map(row)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tensor(name: &str, values: u64, element: &str) -> TensorFacts {
        let (name, element) = (name.to_owned(), element.to_owned());
        TensorFacts { name, shape: vec![values], element, values, bytes: 4 * values, is_readable: true }
    }

    #[test]
    fn tensors_are_found_by_every_word_and_sorted() {
        let all = [tensor("b.weight", 1, "F32"), tensor("a.Weight", 3, "F16"), tensor("a.bias", 2, "F32")];
        assert_eq!(found(&all, "", Order::File), [0, 1, 2]);
        assert_eq!(found(&all, "weight", Order::Name), [1, 0]);
        assert_eq!(found(&all, "A weight", Order::File), [1]);
        assert_eq!(found(&all, "", Order::Largest), [1, 2, 0]);
        assert_eq!(found(&all, "", Order::Type), [1, 0, 2]);
    }

    #[test]
    fn only_what_is_in_sight_is_there() {
        assert_eq!(in_sight(1000, 0.0, 250.0), 0..16);
        assert_eq!(in_sight(1000, 2500.0, 250.0), 94..116);
        assert_eq!(in_sight(3, 0.0, 250.0), 0..3);
        assert_eq!(in_sight(3, 9999.0, 250.0), 3..3);
    }
}
