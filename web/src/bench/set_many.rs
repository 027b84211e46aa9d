//! Setting many layers at once, by a pattern; the edges, the calibration, the seed.

use fewbit_experiment::{Command, Part};
use fewbit_numeric::Format;
use fewbit_quant::Choice;
use leptos::prelude::*;

use crate::i18n::words;
use crate::state::Desk;
use crate::ui::Dialog;

/// Ready-made choices for each part.
const WEIGHTS: [&str; 7] =
    ["int8@channel", "int6@channel", "int4@channel", "int4@group32", "int3@channel", "int2@channel", "float"];
const INPUTS: [&str; 6] =
    ["uint8@tensor", "uint6@tensor", "uint4@tensor", "uint3@tensor", "uint2@tensor", "float"];

/// The dialog.
#[component]
pub fn SetMany(
    /// Whether it is open.
    open: RwSignal<bool>,
) -> impl IntoView {
    view! {
        <Dialog open title=Signal::derive(|| words().shell.set_many.to_owned())>
            <Form open />
        </Dialog>
    }
}

#[component]
fn Form(open: RwSignal<bool>) -> impl IntoView {
    let desk = Desk::here();
    let recipe = untrack(|| desk.document()).recipe;
    let pattern = RwSignal::new("*".to_owned());
    let weights = RwSignal::new(recipe.weights.to_string());
    let inputs = RwSignal::new(recipe.activations.to_string());
    let edges = RwSignal::new(recipe.edges.map(|format| format.to_string()).unwrap_or_default());
    let calibration = RwSignal::new(recipe.calibration_samples.to_string());
    let seed = RwSignal::new(recipe.seed.to_string());
    let wrong = RwSignal::new(None::<String>);
    let matched = move || {
        desk.results.facts.with(|facts| {
            let layers = facts.iter().flat_map(|facts| &facts.layers);
            layers.filter(|layer| fewbit_quant::recipe::matches(&pattern.get(), &layer.name)).count()
        })
    };
    let commands = move || -> Result<Vec<Command>, String> {
        if untrack(matched) == 0 {
            return Err((words().shell.matches)(0));
        }
        let choice = |text: RwSignal<String>| {
            text.get_untracked().parse::<Choice>().map_err(|error| error.to_string())
        };
        let set = |part, choice| Command::Set { pattern: pattern.get_untracked(), part, choice };
        let edges = match edges.get_untracked().as_str() {
            "" => None,
            text => Some(text.parse::<Format>().map_err(|error| error.to_string())?),
        };
        let number = |text: RwSignal<String>| {
            text.get_untracked().parse::<u64>().map_err(|_| (words().shell.no_number)(&text.get_untracked()))
        };
        Ok(vec![
            set(Part::Weights, choice(weights)?),
            set(Part::Activations, choice(inputs)?),
            Command::SetEdges(edges),
            Command::SetCalibration(u32::try_from(number(calibration)?).unwrap_or(u32::MAX)),
            Command::SetSeed(number(seed)?),
        ])
    };
    let submit = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        match commands() {
            Ok(commands) => {
                let gesture = desk.new_gesture();
                commands.into_iter().for_each(|command| desk.dispatch_in(gesture, command));
                open.set(false);
            }
            Err(message) => wrong.set(Some(message)),
        }
    };
    view! {
        <form class="form" on:submit=submit>
            <Field name=Signal::derive(|| words().shell.pattern) value=pattern list="" />
            <p class="muted">{move || (words().shell.matches)(matched())}</p>
            <Field name=Signal::derive(|| words().layers.weights) value=weights list="weight-choices" />
            <Field name=Signal::derive(|| words().layers.input) value=inputs list="input-choices" />
            <Field name=Signal::derive(|| words().shell.edges) value=edges list="edge-choices" />
            <Field name=Signal::derive(|| words().shell.calibration) value=calibration list="" />
            <Field name=Signal::derive(|| words().shell.seed) value=seed list="" />
            <datalist id="weight-choices">{WEIGHTS.map(|choice| view! { <option value=choice></option> })}</datalist>
            <datalist id="input-choices">{INPUTS.map(|choice| view! { <option value=choice></option> })}</datalist>
            <datalist id="edge-choices"><option value="int8"></option><option value="int6"></option></datalist>
            <p class="muted">{move || words().shell.grammar}</p>
            <p class="down" role="alert">{wrong}</p>
            <button class="primary" type="submit">{move || words().shell.apply}</button>
        </form>
    }
}

#[component]
fn Field(name: Signal<&'static str>, value: RwSignal<String>, list: &'static str) -> impl IntoView {
    view! {
        <label class="field">
            <span>{name}</span>
            <input class="num" list=list prop:value=value on:input=move |event| value.set(event_target_value(&event)) />
        </label>
    }
}
