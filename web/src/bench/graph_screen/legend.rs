//! What the colours say.

use leptos::prelude::*;

use super::board::Board;
use super::colour::{KINDS, Paint, Ramp, Reading, STEPS, Tint};
use super::values;
use crate::i18n::words;

/// The legend.
#[component]
pub fn Legend(
    /// The board.
    board: Board,
) -> impl IntoView {
    let content = move || {
        let (paint, colours) = (board.paint.get(), board.colours.get());
        let words = &words().graph;
        if paint == Paint::Kind {
            let kinds = (0..KINDS)
                .map(|kind| view! { <Swatch tint=Tint::Kind(kind as u8) text=words.kinds[kind] /> });
            return kinds.collect_view().into_any();
        }
        let has = |wanted: Reading| colours.items.contains(&wanted);
        let notes = [
            has(Reading::Float).then(|| (Tint::Float, crate::i18n::words().layers.float)),
            has(Reading::Unknown).then_some((Tint::Unknown, words.unknown)),
            has(Reading::Nothing).then_some((Tint::Plain, words.no_layer)),
        ];
        let index = Paint::ALL.iter().position(|&other| other == paint).unwrap_or(0);
        view! {
            <p>{words.meanings[index]}</p>
            {colours.ramp.map(|ramp| view! { <Bar paint ramp /> })}
            {notes.into_iter().flatten().map(|(tint, text)| view! { <Swatch tint text /> }).collect_view()}
            {colours.stale.then(|| view! { <span class="swatch stale"><i class="ramp-2"></i>{words.stale}</span> })}
        }
        .into_any()
    };
    view! { <div class="legend" role="note" aria-label=move || words().graph.legend>{content}</div> }
}

#[component]
fn Swatch(tint: Tint, text: &'static str) -> impl IntoView {
    view! { <span class="swatch"><i class=tint.class()></i>{text}</span> }
}

/// The ramp, from weak to strong.
#[component]
fn Bar(paint: Paint, ramp: Ramp) -> impl IntoView {
    let end = |value: f64| values::with_unit(paint, value);
    view! {
        <span class="swatch ramp">
            <span class="num">{end(ramp.weak)}</span>
            {(0..STEPS).map(|step| view! { <i class=Tint::Step(step).class()></i> }).collect_view()}
            <span class="num">{end(ramp.strong)}</span>
        </span>
    }
}
