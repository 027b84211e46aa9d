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
        (words().shell.steps)(rewrites().len(), range.as_deref())
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
