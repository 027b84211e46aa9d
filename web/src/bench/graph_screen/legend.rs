//! What the colours say.

use leptos::prelude::*;

use super::board::Board;
use super::colour::{KINDS, Paint, Reading, STEPS, Tint};
use super::values;
use crate::i18n::words;

/// What stands beside what, from left to right: a colour and its text.
fn swatches(board: Board) -> Vec<(String, String)> {
    let (paint, colours) = (board.paint.get(), board.colours.get());
    let words = words();
    let swatch = |tint: Tint, text: &str| (tint.class(), text.to_owned());
    if paint == Paint::Kind {
        return (0..KINDS).map(|kind| swatch(Tint::Kind(kind as u8), words.graph.kinds[kind])).collect();
    }
    let mut swatches = vec![(String::new(), words.graph.meanings[paint as usize].to_owned())];
    if let Some(ramp) = colours.ramp {
        swatches.push((String::new(), values::with_unit(paint, ramp.weak)));
        swatches.extend((0..STEPS).map(|step| swatch(Tint::Step(step), "")));
        // The steps stand close to one another, and so does what comes next.
        swatches.push((String::new(), format!("\u{a0} {}", values::with_unit(paint, ramp.strong))));
    }
    let notes = [
        (Reading::Float, Tint::Float, words.layers.float),
        (Reading::Unknown, Tint::Unknown, words.graph.unknown),
        (Reading::Nothing, Tint::Plain, words.graph.no_layer),
    ];
    let there = notes.into_iter().filter(|(reading, ..)| colours.items.contains(reading));
    swatches.extend(there.map(|(_, tint, text)| swatch(tint, text)));
    swatches.extend(colours.stale.then(|| (Tint::Step(2).class() + " stale", words.graph.stale.to_owned())));
    swatches
}

/// The legend.
#[component]
pub fn Legend(
    /// The board.
    board: Board,
) -> impl IntoView {
    let swatch = |(class, text): (String, String)| {
        let is_colour = !class.is_empty();
        view! { <span class="swatch">{is_colour.then(|| view! { <i class=class></i> })}{text}</span> }
    };
    view! {
        <div class="colours" role="note" aria-label=move || words().graph.legend>
            {move || swatches(board).into_iter().map(swatch).collect_view()}
        </div>
    }
}
