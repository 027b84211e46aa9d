//! The panel's head: which layer, what it is, and the way back to the base.

use fewbit_experiment::Command;
use fewbit_quant::report::LayerFacts;
use leptos::prelude::*;

use super::looked::Looked;
use crate::i18n::words;
use crate::ui::format;

/// The head.
#[component]
pub fn Head(
    /// The layer that is looked at.
    looked: Looked,
) -> impl IntoView {
    let name = move || looked.facts.with(|facts| facts.as_ref().map(|facts| facts.name.clone()));
    let meta = move || looked.facts.with(|facts| facts.as_ref().map(describe));
    let rules = looked.desk.part(|document| document.recipe.rules.clone());
    let is_own = Memo::new(move |_| {
        let Some(name) = name() else { return false };
        rules.with(|rules| rules.iter().any(|rule| rule.pattern == name))
    });
    let reset = move |_| {
        if let Some(name) = name() {
            looked.desk.dispatch(Command::ResetLayer(name));
        }
    };
    let look_into = move |_| looked.desk.look_into(name().unwrap_or_default());
    view! {
        <div class="head">
            <h2 class="title">{move || name().unwrap_or_else(|| words().layer.title.to_owned())}</h2>
            <span class="meta muted" title=meta>{meta}</span>
            <span class="grow"></span>
            <button class="chip" title=move || words().graph.tensors on:click=look_into>{move || words().layer.look_into}</button>
            <button class="chip reset" class:own=is_own disabled=move || !is_own.get() title=move || words().layer.reset_hint on:click=reset>
                {move || words().layer.reset}
            </button>
        </div>
    }
}

/// A layer in a few words: `Conv 3×3, 16 → 32 · 4,608 weights`.
fn describe(facts: &LayerFacts) -> String {
    let words = &words().layer;
    let shape = &facts.weight_shape;
    let outputs = shape.get(facts.channel_axis).copied().unwrap_or(1);
    let weights: usize = shape.iter().product();
    let window: Vec<_> = shape.iter().skip(2).map(usize::to_string).collect();
    let inputs = shape.iter().take(2).product::<usize>() / outputs.max(1);
    let mut text = facts.operator.clone();
    if !window.is_empty() {
        text += &format!(" {}", window.join("×"));
    }
    if facts.strides.iter().any(|&stride| stride != 1) {
        let strides: Vec<_> = facts.strides.iter().map(usize::to_string).collect();
        text += &(words.stride)(&strides.join("×"));
    }
    text +=
        &if facts.depthwise { (words.depthwise)(outputs) } else { (words.channels_in_out)(inputs, outputs) };
    text + &(words.weight_count)(&format::count(weights as u64))
}
