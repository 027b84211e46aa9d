//! The two tensors of the layer, weights and input: each with its controls and its histogram.

use fewbit_experiment::Part;
use leptos::ev::KeyboardEvent;
use leptos::prelude::*;

use super::controls::Controls;
use super::histogram::Histogram;
use super::looked::Looked;
use crate::i18n::words;

const PARTS: [Part; 2] = [Part::Weights, Part::Activations];

fn tab_id(part: Part) -> &'static str {
    match part {
        Part::Weights => "tab-weights",
        Part::Activations => "tab-input",
    }
}

/// One of the two, and the tabs between them.
#[component]
pub fn Tensors(
    /// The layer that is looked at.
    looked: Looked,
) -> impl IntoView {
    let part = RwSignal::new(Part::Weights);
    let tabs = PARTS.map(|own| {
        let node = NodeRef::<leptos::html::Button>::new();
        (own, node)
    });
    let on_key = move |event: KeyboardEvent| {
        if matches!(event.key().as_str(), "ArrowLeft" | "ArrowRight") {
            let other = if part.get_untracked() == Part::Weights { Part::Activations } else { Part::Weights };
            part.set(other);
            if let Some((_, node)) = tabs.iter().find(|(own, _)| *own == other)
                && let Some(button) = node.get_untracked()
            {
                button.focus().ok();
            }
        }
    };
    view! {
        <div class="tensor" class:quiet=looked.stale>
            <div class="bar-of-tabs">
                <div role="tablist" aria-label=move || words().layer.tensors on:keydown=on_key>
                    {tabs.map(|(own, node)| view! {
                        <button
                            node_ref=node
                            id=tab_id(own)
                            role="tab"
                            aria-controls="tensor"
                            aria-selected=move || (part.get() == own).to_string()
                            tabindex=move || if part.get() == own { "0" } else { "-1" }
                            on:click=move |_| part.set(own)
                        >
                            {move || match own { Part::Weights => words().layer.weights, Part::Activations => words().layer.input }}
                        </button>
                    })}
                </div>
                <span class="grow"></span>
                {move || view! { <Controls looked part=part.get() /> }}
            </div>
            <div class="shown" role="tabpanel" id="tensor" aria-labelledby=move || tab_id(part.get())>
                {move || view! { <Differs looked part=part.get() /> <Histogram looked part=part.get() /> }}
            </div>
        </div>
    }
}

/// What was done differs from what was asked: what, and why.
#[component]
fn Differs(looked: Looked, part: Part) -> impl IntoView {
    let applied = looked.applied();
    let note = Memo::new(move |_| {
        let (report, _) = applied.get()?;
        let applied = match part {
            Part::Weights => report.weights,
            Part::Activations => report.activations,
        };
        let why = applied.reason?;
        Some((words().layer.differs)(&applied.asked.to_string(), &applied.done.to_string(), &why))
    });
    view! { <p class="differs" role="status" hidden=move || note.with(Option::is_none)>{note}</p> }
}
