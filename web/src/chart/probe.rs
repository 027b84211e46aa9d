//! Pointing at single marks of a chart, with a pointer or with arrow keys.

use leptos::ev::{KeyboardEvent, PointerEvent};
use leptos::prelude::*;

use crate::platform::pointer;

/// A part of a drawing, in pixels.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Area {
    /// Its left edge.
    pub left: f64,
    /// Its upper edge.
    pub top: f64,
    /// Across.
    pub width: f64,
    /// Down.
    pub height: f64,
}

/// Where an arrow key leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrow {
    /// ←
    Left,
    /// →
    Right,
    /// ↑
    Up,
    /// ↓
    Down,
}

impl Arrow {
    fn of(key: &str) -> Option<Self> {
        match key {
            "ArrowLeft" => Some(Self::Left),
            "ArrowRight" => Some(Self::Right),
            "ArrowUp" => Some(Self::Up),
            "ArrowDown" => Some(Self::Down),
            _ => None,
        }
    }
}

/// The next mark of a row.
fn along(mark: usize, arrow: Arrow) -> usize {
    match arrow {
        Arrow::Left | Arrow::Down => mark.saturating_sub(1),
        Arrow::Right | Arrow::Up => mark + 1,
    }
}

/// A transparent sheet over the marks of a chart, which knows the one that is pointed at.
///
/// By keyboard it is a slider over the marks, so that a screen reader says each one's `text` as it is reached.
#[component]
pub fn Probe(
    /// What the marks are.
    #[prop(into)]
    name: Signal<String>,
    /// The sheet's place.
    #[prop(into)]
    area: Signal<Area>,
    /// How many marks there are.
    #[prop(into)]
    count: Signal<usize>,
    /// The mark that is pointed at.
    picked: RwSignal<Option<usize>>,
    /// The mark that the keyboard begins with.
    #[prop(into)]
    first: Signal<usize>,
    /// What the picked mark says.
    #[prop(into)]
    text: Signal<String>,
    /// The mark at a place in the drawing, in pixels.
    at: Callback<(f64, f64), Option<usize>>,
    /// Where an arrow key leads from a mark, where the marks are not one row.
    #[prop(optional, into)]
    step: Option<Callback<(usize, Arrow), usize>>,
    /// What a click, Enter or space does with a mark.
    #[prop(optional, into)]
    activate: Option<Callback<usize>>,
) -> impl IntoView {
    let last = move || count.get().saturating_sub(1);
    let now = move || picked.get().unwrap_or_else(|| first.get()).min(last());
    let point = move |event: PointerEvent| {
        let (across, down) = pointer::share_of(&event);
        let area = area.get_untracked();
        let mark = at.run((area.left + across * area.width, area.top + down * area.height));
        if picked.get_untracked() != mark {
            picked.set(mark);
        }
    };
    // A finger that is lifted leaves too; what it tapped stays until something else has the focus.
    let leave = move |event: PointerEvent| {
        if event.pointer_type() != "touch" {
            picked.set(None);
        }
    };
    let run = move || {
        if let (Some(activate), Some(mark)) = (activate, picked.get_untracked()) {
            activate.run(mark);
        }
    };
    let on_focus = move |_| {
        if picked.get_untracked().is_none() && count.get_untracked() > 0 {
            picked.set(Some(first.get_untracked()));
        }
    };
    let on_key = move |event: KeyboardEvent| {
        let key = event.key();
        let from = picked.get_untracked();
        let next = match (key.as_str(), Arrow::of(&key)) {
            (_, Some(_)) if from.is_none() => Some(first.get_untracked()),
            (_, Some(arrow)) => {
                let from = from.unwrap_or_default();
                Some(step.map_or_else(|| along(from, arrow), |step| step.run((from, arrow))))
            }
            ("Home", _) => Some(0),
            ("End", _) => Some(usize::MAX),
            ("Enter" | " ", _) => {
                run();
                from
            }
            ("Escape", _) if from.is_some() => None,
            _ => return,
        };
        event.prevent_default();
        event.stop_propagation();
        picked.set(next.map(|mark| mark.min(last())));
    };
    view! {
        <rect
            class="probe"
            class:active=activate.is_some()
            x=move || area.get().left
            y=move || area.get().top
            width=move || area.get().width.max(0.0)
            height=move || area.get().height.max(0.0)
            role="slider"
            tabindex="0"
            aria-label=name
            aria-valuemin="0"
            aria-valuemax=move || last().to_string()
            aria-valuenow=move || now().to_string()
            aria-valuetext=text
            on:pointermove=point
            on:pointerdown=point
            on:pointerleave=leave
            on:click=move |_| run()
            on:focus=on_focus
            on:blur=move |_| picked.set(None)
            on:keydown=on_key
        ></rect>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrows_lead_along_a_row() {
        assert_eq!(along(3, Arrow::Right), 4);
        assert_eq!(along(3, Arrow::Down), 2);
        assert_eq!(along(0, Arrow::Left), 0);
        assert_eq!(Arrow::of("ArrowUp"), Some(Arrow::Up));
        assert_eq!(Arrow::of("a"), None);
    }
}
