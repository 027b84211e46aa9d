//! The pipeline: which methods, with which settings, and what they need.

use fewbit_experiment::Command;
use fewbit_quant::Pipeline;
use fewbit_quant::methods::{self, Parameter, PipelineError, Step};
use leptos::prelude::*;

use super::controls::Controls;
use crate::i18n::words;
use crate::state::Desk;

/// The ready-made pipelines, in the order of their names in the catalogue.
const PRESETS: [&str; 7] = [
    "",
    "equalize(relu6=1),bias-correct",
    "gptq,bias-correct",
    "adaround,bias-correct",
    "brecq",
    "qdrop",
    "lsq",
];

/// The steps with `name` among them: at its stage, in place of another that finds the codes.
fn with_method(pipeline: &Pipeline, name: &str) -> Result<Pipeline, PipelineError> {
    let added: Step = name.parse()?;
    let stage = |step: &Step| step.spec().map(|spec| spec.stage);
    let mut steps = pipeline.steps().to_vec();
    if stage(&added) == Some(methods::Stage::Round) {
        steps.retain(|step| stage(step) != stage(&added));
    }
    let at = steps.iter().position(|step| stage(step) > stage(&added)).unwrap_or(steps.len());
    steps.insert(at, added);
    Pipeline::new(steps)
}

/// The panel.
#[component]
pub fn PipelinePanel() -> impl IntoView {
    let desk = Desk::here();
    let pipeline = desk.part(|document| document.recipe.pipeline.clone());
    let recipe = desk.part(|document| document.recipe.clone());
    let wrong = RwSignal::new(None::<String>);
    let facts = desk.results.facts;
    let is_idle = Memo::new(move |_| desk.results.learning.running.with(Option::is_none));
    Effect::new(move |_| {
        recipe.track();
        if is_idle.get() && facts.with(Option::is_some) {
            desk.estimate();
        }
    });
    let set = move |next: Result<Pipeline, PipelineError>| match next {
        Ok(next) => {
            wrong.set(None);
            desk.dispatch(Command::SetPipeline(next));
        }
        Err(error) => wrong.set(Some(error.to_string())),
    };
    let preset = move |event| {
        let at: Option<usize> = event_target_value(&event).parse().ok();
        if let Some(text) = at.and_then(|at| PRESETS.get(at)) {
            set(text.parse());
        }
    };
    let chosen = move || {
        let text = pipeline.get().to_string();
        PRESETS.iter().position(|preset| *preset == text).map_or(String::new(), |at| at.to_string())
    };
    let add = move |event| {
        let name = event_target_value(&event);
        if !name.is_empty() {
            set(with_method(&pipeline.get_untracked(), &name));
        }
    };
    let steps = move || pipeline.get().steps().iter().cloned().enumerate().collect::<Vec<_>>();
    view! {
        <section class="panel pipeline" aria-label=move || words().learn.pipeline>
            <div class="head">
                <h2>{move || words().learn.pipeline}</h2>
                <span class="grow"></span>
                <label>
                    <span class="visually-hidden">{move || words().learn.presets}</span>
                    <select class="chip" prop:value=chosen on:change=preset>
                        <option value="" disabled=true selected=move || chosen().is_empty()>{move || words().learn.presets}</option>
                        {move || words().learn.preset_names.into_iter().enumerate().map(|(i, name)| view! {
                            <option value=i.to_string() selected=move || chosen() == i.to_string()>{name}</option>
                        }).collect_view()}
                    </select>
                </label>
            </div>
            <div class="body">
                <Show when=move || pipeline.with(Pipeline::is_empty)>
                    <p class="muted">{move || words().learn.nearest}</p>
                </Show>
                <ol class="methods">
                    <For each=steps key=|(i, step)| (*i, step.name()) let((i, step))>
                        <MethodCard index=i name=step.name() />
                    </For>
                </ol>
                <label>
                    <span class="visually-hidden">{move || words().learn.add}</span>
                    <select class="chip" prop:value="" on:change=add>
                        <option value="" selected=true>{move || words().learn.add}</option>
                        {methods::SPECS.iter().map(|spec| {
                            view! { <option value=spec.name>{move || format!("{} · {}", spec.title, (words().learn.stage)(spec.stage))}</option> }
                        }).collect_view()}
                    </select>
                </label>
                <p class="down" role="alert">{wrong}</p>
                <Controls />
            </div>
        </section>
    }
}

/// One method with its settings.
#[component]
fn MethodCard(index: usize, name: &'static str) -> impl IntoView {
    let desk = Desk::here();
    let pipeline = desk.part(|document| document.recipe.pipeline.clone());
    let Some(spec) = methods::spec_of(name) else { return ().into_any() };
    let remove = move |_| {
        let mut steps = pipeline.get_untracked().steps().to_vec();
        if index < steps.len() {
            steps.remove(index);
        }
        if let Ok(next) = Pipeline::new(steps) {
            desk.dispatch(Command::SetPipeline(next));
        }
    };
    let needs = move || {
        let (data, gradients) = ((words().learn.data)(spec.data), (words().learn.gradients)(spec.gradients));
        format!("{} · {data} · {gradients}", (words().learn.stage)(spec.stage))
    };
    view! {
        <li class="method">
            <div class="row">
                <b title=spec.source>{spec.title}</b>
                <span class="grow"></span>
                <button class="icon" aria-label=move || (words().learn.remove)(spec.title) on:click=remove>"✕"</button>
            </div>
            <p class="muted">{needs}</p>
            <div class="settings">
                {spec.parameters.iter().map(|parameter| view! { <Setting index parameter /> }).collect_view()}
            </div>
        </li>
    }
    .into_any()
}

/// One setting of a method.
#[component]
fn Setting(index: usize, parameter: &'static Parameter) -> impl IntoView {
    let desk = Desk::here();
    let pipeline = desk.part(|document| document.recipe.pipeline.clone());
    let value =
        move || pipeline.with(|pipeline| pipeline.steps().get(index).map(|step| step.get(parameter.name)));
    let wrong = RwSignal::new(None::<String>);
    let change = move |event| {
        let mut steps = pipeline.get_untracked().steps().to_vec();
        let Some(step) = steps.get_mut(index) else { return };
        let next = match event_target_value(&event).trim().parse::<f64>() {
            Ok(value) => step.set(parameter.name, value).and_then(|()| Pipeline::new(steps)),
            // Nothing written is the default.
            Err(_) => step.set(parameter.name, parameter.default).and_then(|()| Pipeline::new(steps)),
        };
        match next {
            Ok(next) => {
                wrong.set(None);
                desk.dispatch(Command::SetPipeline(next));
            }
            Err(error) => wrong.set(Some(error.to_string())),
        }
    };
    let [low, high] = parameter.range;
    let is_flag = parameter.whole && low == 0.0 && high == 1.0;
    let text = move || value().map(|value| value.to_string()).unwrap_or_default();
    let toggle = move |_| {
        let mut steps = pipeline.get_untracked().steps().to_vec();
        let Some(step) = steps.get_mut(index) else { return };
        let next = 1.0 - step.get(parameter.name);
        if let Ok(next) = step.set(parameter.name, next).and_then(|()| Pipeline::new(steps)) {
            desk.dispatch(Command::SetPipeline(next));
        }
    };
    view! {
        <label class="setting" class:changed=move || value() != Some(parameter.default) title=format!("{low} – {high}")>
            <span>{parameter.name}</span>
            {if is_flag {
                view! { <input type="checkbox" prop:checked=move || value() == Some(1.0) on:change=toggle /> }.into_any()
            } else {
                view! { <input class="num" inputmode="decimal" prop:value=text aria-invalid=move || wrong.with(Option::is_some).to_string() on:change=change /> }.into_any()
            }}
            <small class="down">{wrong}</small>
        </label>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_ready_made_pipeline_can_be() {
        for text in PRESETS {
            assert_eq!(text.parse::<Pipeline>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn a_method_goes_to_its_stage_and_takes_the_place_of_its_like() {
        let pipeline: Pipeline = "gptq,bias-correct".parse().unwrap();
        assert_eq!(with_method(&pipeline, "adaround").unwrap().to_string(), "adaround,bias-correct");
        assert_eq!(with_method(&pipeline, "lsq").unwrap().to_string(), "gptq,bias-correct,lsq");
        assert_eq!(with_method(&pipeline, "equalize").unwrap().to_string(), "equalize,gptq,bias-correct");
        assert!(with_method(&pipeline, "bias-correct").is_err());
    }
}
