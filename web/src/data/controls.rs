//! Controls that are empty where nothing is asked, and then show what is inferred.

use leptos::prelude::*;

use super::viewer::Viewer;
use crate::bench::layer::term::Term;
use crate::i18n::data::words;

/// A control's name and meaning.
type Name = fn() -> [&'static str; 2];

/// A field for a text.
#[component]
pub fn TextField(
    /// Its name and meaning.
    name: Name,
    /// What is inferred.
    #[prop(into)]
    inferred: Signal<String>,
    /// What is asked, as it is written; empty for nothing.
    #[prop(into)]
    value: Signal<String>,
    /// Takes over what was written, nothing if it is empty. Says what is wrong with it.
    apply: Callback<Option<String>, Result<(), String>>,
) -> impl IntoView {
    let wrong = RwSignal::new(None::<String>);
    let on_change = move |event| {
        let text = event_target_value(&event).trim().to_owned();
        wrong.set(apply.run((!text.is_empty()).then_some(text)).err());
    };
    let is_wrong = move || wrong.with(Option::is_some).then_some("true");
    view! {
        <div class="field">
            <Term meaning=Signal::derive(move || name()[1].to_owned())>{move || name()[0]}</Term>
            <input class="num" aria-label=move || name()[0] aria-invalid=is_wrong placeholder=inferred prop:value=value on:change=on_change />
            {move || wrong.get().map(|why| view! { <small class="down" role="alert">{why}</small> })}
        </div>
    }
}

/// A choice among a few.
#[component]
pub fn SelectField(
    /// Its name and meaning.
    name: Name,
    /// What is inferred.
    #[prop(into)]
    inferred: Signal<String>,
    /// The place of what is asked among the options; none for nothing.
    #[prop(into)]
    value: Signal<Option<usize>>,
    /// The options' texts.
    #[prop(into)]
    options: Signal<Vec<String>>,
    /// Takes over the place of an option; nothing for what is inferred.
    apply: Callback<Option<usize>>,
) -> impl IntoView {
    let on_change = move |event| apply.run(event_target_value(&event).parse().ok());
    let option = move |(place, text): (usize, String)| {
        view! { <option value=place.to_string() prop:selected=move || value.get() == Some(place)>{text}</option> }
    };
    view! {
        <div class="field">
            <Term meaning=Signal::derive(move || name()[1].to_owned())>{move || name()[0]}</Term>
            <select class="chip" aria-label=move || name()[0] on:change=on_change>
                <option value="" prop:selected=move || value.get().is_none()>{move || (words().inferred)(&inferred.get())}</option>
                {move || options.get().into_iter().enumerate().map(option).collect_view()}
            </select>
        </div>
    }
}

/// How many samples are taken.
#[component]
pub fn SamplesField() -> impl IntoView {
    let viewer = Viewer::here();
    let value = Memo::new(move |_| viewer.asked.with(|asked| text_of(asked.samples)));
    let apply = Callback::new(move |text: Option<String>| {
        let samples = text.map(|text| whole(&text)).transpose()?;
        viewer.correct(|asked| asked.samples = samples);
        Ok(())
    });
    view! { <TextField name=|| words().samples inferred=Signal::derive(|| words().all.to_owned()) value apply /> }
}

/// A value as it is written; nothing for none.
pub fn text_of<T: ToString>(value: Option<T>) -> String {
    value.map(|value| value.to_string()).unwrap_or_default()
}

/// A whole number above 0.
///
/// # Errors
/// What is none.
pub fn whole(text: &str) -> Result<usize, String> {
    text.parse().ok().filter(|&number| number > 0).ok_or_else(|| (untrack(words).no_number)(text))
}

/// Numbers with commas between.
///
/// # Errors
/// What is no number.
pub fn numbers(text: &str) -> Result<Vec<f64>, String> {
    text.split([',', '，']).map(fewbit_data::factor::parse).collect()
}

/// Numbers with commas between.
pub fn list(values: &[f64]) -> String {
    values.iter().map(f64::to_string).collect::<Vec<_>>().join(", ")
}
