//! What a mark says of itself, beside it.

use leptos::prelude::*;

use super::Size;

/// The distance from the mark, in pixels.
const GAP: f64 = 10.0;

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
    let place = move || {
        let x = x.get().unwrap_or_default();
        if is_right() { format!("calc({:.1}px - 100%)", x - GAP) } else { format!("{:.1}px", x + GAP) }
    };
    view! {
        <div class="tip" aria-hidden="true" hidden=move || x.get().is_none() style:transform=move || format!("translateX({})", place())>
            {move || lines.get().into_iter().map(|line| view! { <p>{line}</p> }).collect_view()}
        </div>
    }
}
