//! What a mark says of itself, beside it.

use leptos::prelude::*;

use super::Size;

/// The distance from the mark, in pixels.
const GAP: f64 = 10.0;
/// The widest that a box may be, in pixels.
const WIDEST: f64 = 300.0;

/// A box beside the mark at `x`, on the side where there is more room. Its first line is its heading.
///
/// It is for the eyes: whoever listens hears the same from the chart's probe.
#[component]
pub fn Tip(
    /// The mark, in pixels from the left; nothing is shown without one.
    #[prop(into)]
    x: Signal<Option<f64>>,
    /// The size of the drawing.
    size: Signal<Size>,
    /// What is said.
    #[prop(into)]
    lines: Signal<Vec<String>>,
) -> impl IntoView {
    let is_right = move || x.get().is_some_and(|x| x > 0.5 * size.get().width);
    // No wider than the room on that side.
    let room = move || {
        let (x, width) = (x.get().unwrap_or_default(), size.get().width);
        (if is_right() { x } else { width - x }) - GAP
    };
    let place = move || {
        let x = x.get().unwrap_or_default();
        if is_right() { format!("calc({:.1}px - 100%)", x - GAP) } else { format!("{:.1}px", x + GAP) }
    };
    view! {
        <div class="tip" aria-hidden="true" hidden=move || x.get().is_none() style:max-width=move || format!("{:.0}px", room().min(WIDEST)) style:transform=move || format!("translateX({})", place())>
            {move || lines.get().into_iter().map(|line| view! { <p>{line}</p> }).collect_view()}
        </div>
    }
}
