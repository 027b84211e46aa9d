//! The footer: what is done to the model, in order, and what the engine did last.

use leptos::prelude::*;

use crate::i18n::words;
use crate::state::Desk;

/// The footer.
#[component]
pub fn Footer() -> impl IntoView {
    let desk = Desk::here();
    let rewrites = move || {
        desk.results.facts.with(|facts| facts.as_ref().map(|f| f.rewrites.clone()).unwrap_or_default())
    };
    let recipe = desk.part(|document| document.recipe.clone());
    let steps = move || {
        let range = recipe.with(|recipe| recipe.weights.quantizer().map(|q| q.range.to_string()));
        // Of a pipeline only what has run is true of the model on the bench.
        let has_run = desk.results.learning.shown.with(Option::is_some);
        let methods = recipe.with(|recipe| {
            let steps = recipe.pipeline.steps().iter().filter(|_| has_run);
            steps.map(|step| step.name().to_owned()).collect::<Vec<_>>()
        });
        (words().shell.steps)(rewrites().len(), range.as_deref(), &methods)
    };
    let work = move || desk.results.progress.get();
    let effort = move || desk.results.effort.get().map(|effort| (words().shell.effort)(&effort));
    view! {
        <footer>
            <span class="muted">{move || words().shell.pipeline}</span>
            <ol class="steps">
                {move || steps().into_iter().map(|step| view! { <li class="step on" title=rewrites().join("\n")>{step}</li> }).collect_view()}
            </ol>
            <span class="grow"></span>
            <span role="status" aria-live="polite" class="work">
                {move || work().map(|work| view! {
                    <progress max=work.total value=work.done></progress>
                    <span>{(words().shell.stage)(work.stage)}</span>
                    <span class="num">{format!("{}/{}", work.done, work.total)}</span>
                    <button class="chip" on:click=move |_| desk.cancel()>{words().shell.cancel}</button>
                })}
            </span>
            <Show when=move || work().is_none()><span class="muted num">{effort}</span></Show>
        </footer>
    }
}
