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
    // Each place of the strip stays and changes what it shows: new ones at every answer would cost more than the answers.
    let places = (0..SHOWN).map(|place| {
        let answer = Memo::new(move |_| results.answers.with(|answers| answers.get(place).cloned()));
        view! { <Show when=move || answer.with(Option::is_some)><Sample answer /></Show> }
    });
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
                {places.collect_view()}
            </ul>
        </div>
    }
}

#[component]
fn Sample(answer: Memo<Option<Answer>>) -> impl IntoView {
    let desk = Desk::here();
    let node = NodeRef::<html::Canvas>::new();
    let picture = Memo::new(move |_| answer.with(|answer| Some(answer.as_ref()?.picture.clone())));
    Effect::new(move |_| {
        picture.with(|picture| {
            if let (Some(element), Some(picture)) = (node.get(), picture) {
                canvas::paint(&element, picture);
            }
        });
    });
    let class_of = move |class: u32| {
        desk.results.data.with(|data| {
            let name = data.as_ref().and_then(|data| data.classes.get(class as usize).cloned());
            name.unwrap_or_else(|| class.to_string())
        })
    };
    let classes = Memo::new(move |_| {
        answer.with(|answer| answer.as_ref().map(|answer| (answer.label, answer.float.0, answer.quantized.0)))
    });
    let has_flipped = move || classes.get().is_some_and(|(_, float, quantized)| float != quantized);
    let is_wrong = move || {
        has_flipped()
            && classes
                .get()
                .is_some_and(|(label, _, quantized)| label.is_some_and(|label| label != quantized))
    };
    let name = move || {
        let (label, float, quantized) = classes.get()?;
        Some((words().model.answer)(label.map(class_of).as_deref(), &class_of(float), &class_of(quantized)))
    };
    let float = move || classes.get().map(|(_, float, _)| class_of(float));
    let quantized = move || classes.get().map(|(.., quantized)| class_of(quantized));
    view! {
        <li class:flip=has_flipped class:wrong=is_wrong title=name>
            <canvas node_ref=node aria-hidden="true"></canvas>
            <span class="visually-hidden">{name}</span>
            <span aria-hidden="true">{float}</span>
            <span class="turn" aria-hidden="true" hidden=move || !has_flipped()>"→ "{quantized}</span>
        </li>
    }
}
