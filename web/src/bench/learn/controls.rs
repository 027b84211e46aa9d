//! Run, pause, step, go on, stop; what it would take, and how far it is.

use fewbit_experiment::runs::{PaceSource, Phase};
use leptos::prelude::*;

use crate::i18n::words;
use crate::state::Desk;
use crate::ui::format;

/// Seconds as people say them.
pub(super) fn duration(seconds: f64) -> String {
    match seconds {
        s if s < 0.95 => format!("{:.1} s", s.max(0.1)),
        s if s < 99.5 => format!("{s:.0} s"),
        s => format!("{:.0} min", s / 60.0),
    }
}

/// The buttons and what they say.
#[component]
pub fn Controls() -> impl IntoView {
    let desk = Desk::here();
    let learning = desk.results.learning;
    let running = learning.running;
    let phase = move || running.with(|running| running.as_ref().map(|running| running.phase));
    let estimate = move || {
        learning.estimate.with(|estimate| {
            let estimate = estimate.as_ref()?;
            if estimate.steps.is_empty() {
                return None;
            }
            let pace = estimate.steps.iter().any(|step| step.pace == PaceSource::Forward);
            let pace = if pace { PaceSource::Forward } else { PaceSource::SameMethod };
            let text = (words().learn.estimate)(
                &duration(estimate.seconds),
                &format::count(estimate.samples.into()),
            );
            Some((text, (words().learn.pace)(pace)))
        })
    };
    let obstacle = move || {
        learning.estimate.with(|estimate| {
            let failure = estimate.as_ref()?.obstacle.as_ref()?;
            Some(
                std::iter::once(failure.message.clone())
                    .chain(failure.hints.clone())
                    .collect::<Vec<_>>()
                    .join(" "),
            )
        })
    };
    let caveat =
        move || learning.estimate.with(|estimate| Some(estimate.as_ref()?.caveat.as_ref()?.message.clone()));
    let is_possible = move || obstacle().is_none() && desk.results.facts.with(Option::is_some);
    let verdict = move || {
        let verdict = learning.verdict.get()?;
        let first = match &verdict {
            fewbit_experiment::replay::Verdict::Differs { layers, .. } => layers.first().copied(),
            fewbit_experiment::replay::Verdict::Reproduced => None,
        };
        let name = desk.results.facts.with(|facts| {
            let layer = facts.as_ref()?.layers.get(first? as usize)?;
            Some(layer.name.clone())
        });
        Some((words().learn.verdict)(&verdict, &name.unwrap_or_default()))
    };
    let is_replay = move || desk.would_replay() && learning.verdict.with(Option::is_none);
    view! {
        <div class="run-controls">
            {move || estimate().map(|(text, pace)| view! { <p class="muted" title=pace>{text}</p> })}
            {move || obstacle().map(|text| view! { <p class="down" role="alert">{text}</p> })}
            {move || caveat().map(|text| view! { <p class="muted">{text}</p> })}
            <div class="row">
                {move || match phase() {
                    None | Some(Phase::Dropped) => view! {
                        <button class="primary" disabled=move || !is_possible() on:click=move |_| desk.run()>
                            {move || if is_replay() { words().learn.replay } else { words().learn.run }}
                        </button>
                    }.into_any(),
                    Some(Phase::Learning) => view! {
                        <button class="primary" on:click=move |_| desk.pause_run()>{words().learn.pause}</button>
                        <button class="chip" on:click=move |_| desk.stop_run(true)>{words().learn.keep}</button>
                        <button class="chip" on:click=move |_| desk.stop_run(false)>{words().learn.drop}</button>
                    }.into_any(),
                    Some(Phase::Paused) => view! {
                        <button class="primary" on:click=move |_| desk.resume_run()>{words().learn.resume}</button>
                        <button class="chip" on:click=move |_| desk.step_run()>{words().learn.step}</button>
                        <button class="chip" on:click=move |_| desk.stop_run(true)>{words().learn.keep}</button>
                        <button class="chip" on:click=move |_| desk.stop_run(false)>{words().learn.drop}</button>
                    }.into_any(),
                    Some(Phase::Measuring) => view! {
                        <button class="primary" disabled=true>{words().learn.run}</button>
                    }.into_any(),
                }}
            </div>
            <div role="status" aria-live="polite">
                {move || running.get().map(|running| {
                    let steps = running.recipe.pipeline.steps();
                    let name = steps.get(running.step as usize).map_or(String::new(), |step| step.name().to_owned());
                    let at = (words().learn.at)(&(running.step + 1).to_string(), steps.len(), &format!("{name} {}", running.place));
                    let phase = (words().learn.phase)(running.phase);
                    view! {
                        <progress class="wide" max=running.total.max(1) value=running.done></progress>
                        <p class="muted num">{format!("{phase} · {at} · {}/{} · {}", running.done, running.total, duration(running.millis / 1e3))}</p>
                    }
                })}
                {move || verdict().map(|text| view! { <p>{text}</p> })}
            </div>
        </div>
    }
}
