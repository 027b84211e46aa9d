//! A strip of test samples with both answers, the wrong turns marked.

use fewbit_experiment::protocol::Answer;
use leptos::html;
use leptos::prelude::*;

use crate::i18n::words;
use crate::platform::canvas;
use crate::state::Desk;
use crate::ui::format;

/// How many samples the strip shows.
const SHOWN: usize = 12;

/// The strip.
#[component]
pub fn Answers() -> impl IntoView {
    let desk = Desk::here();
    let results = desk.results;
    let changed = move || {
        results.evaluation.with(|e| {
            let e = &e.as_ref()?.value;
            let [changed, n] = [e.n - e.agree, e.n].map(|n| format::count(n.into()));
            Some((words().model.answers_changed)(&changed, &n))
        })
    };
    let is_same = move || results.evaluation.with(|e| e.as_ref().is_some_and(|e| e.value.agree == e.value.n));
    let shown =
        move || results.answers.with(|answers| answers.iter().take(SHOWN).cloned().collect::<Vec<_>>());
    let is_stale = move || results.evaluation.with(|e| e.as_ref().is_some_and(|e| desk.is_stale(e.revision)));
    view! {
        <div>
            <div class="row">
                <h3>{move || words().model.answers}</h3>
                <span class="grow"></span>
                <span class="muted num">{changed}</span>
            </div>
            <Show when=is_same><p class="muted">{move || words().model.answers_same}</p></Show>
            <ul class="samples" class:stale-mark=is_stale>
                <For each=shown key=|answer| (answer.picture.index, answer.quantized.0) let(answer)><Sample answer /></For>
            </ul>
        </div>
    }
}

#[component]
fn Sample(answer: Answer) -> impl IntoView {
    let desk = Desk::here();
    let node = NodeRef::<html::Canvas>::new();
    let picture = answer.picture.clone();
    Effect::new(move |_| {
        if let Some(element) = node.get() {
            canvas::paint(&element, &picture);
        }
    });
    let class_of = move |class: u32| {
        desk.results.data.with(|data| {
            let name = data.as_ref().and_then(|data| data.classes.get(class as usize).cloned());
            name.unwrap_or_else(|| class.to_string())
        })
    };
    let (float, quantized) = (answer.float.0, answer.quantized.0);
    let has_flipped = float != quantized;
    let is_wrong = answer.label.is_some_and(|label| label != quantized);
    let label = answer.label;
    let name = move || {
        (words().model.answer)(label.map(class_of).as_deref(), &class_of(float), &class_of(quantized))
    };
    view! {
        <li class:flip=has_flipped class:wrong=has_flipped && is_wrong title=name>
            <canvas node_ref=node aria-hidden="true"></canvas>
            <span class="visually-hidden">{name}</span>
            <span aria-hidden="true">{move || class_of(float)}</span>
            {has_flipped.then(|| view! { <span class="turn" aria-hidden="true">"→ "{move || class_of(quantized)}</span> })}
        </li>
    }
}
