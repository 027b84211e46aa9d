//! The header: which model, which engine, and what belongs to the whole page.

use fewbit_experiment::{Command, ModelRef, gallery, link};
use leptos::prelude::*;

use super::Screen;
use super::badge::Badge;
use crate::i18n::{Locale, words};
use crate::platform::{clipboard, page};
use crate::settings::{Settings, Theme};
use crate::state::{Desk, expectation};
use crate::ui::format;

/// How long "copied" stays.
const COPIED_MILLIS: u32 = 1_600;
/// What the picker's own entry for a file is called in the select's values.
const OWN_FILE: &str = "";

/// The header.
#[component]
pub fn Header(
    /// What is shown below.
    screen: RwSignal<Screen>,
    /// Opens the map of keys.
    on_help: Callback<()>,
) -> impl IntoView {
    let desk = Desk::here();
    view! {
        <header>
            <h1 class="logo"><i aria-hidden="true"><b></b><b></b><b></b><b></b></i>"Fewbit"</h1>
            <nav class="tabs">
                <button aria-pressed=move || (screen.get() == Screen::Bench).to_string() on:click=move |_| screen.set(Screen::Bench)>{move || words().learn.bench}</button>
                <button aria-pressed=move || (screen.get() == Screen::Learn).to_string() on:click=move |_| screen.set(Screen::Learn)>{move || words().learn.learn}</button>
                <button aria-pressed=move || (screen.get() == Screen::Graph).to_string() on:click=move |_| screen.set(Screen::Graph)>{move || words().graph.tab}</button>
                <button hidden=move || desk.files.get().is_none() aria-pressed=move || (screen.get() == Screen::Files).to_string() on:click=move |_| screen.set(Screen::Files)>{move || words().shell.files}</button>
                <button aria-pressed=move || (screen.get() == Screen::Data).to_string() title=move || words().shell.data_hint on:click=move |_| desk.show_data(Vec::new())>{move || words().shell.data_tab}</button>
            </nav>
            <ModelPicker />
            <DataChip />
            <span class="grow"></span>
            <Badge />
            <button class="icon" disabled=move || !desk.can_undo() title=move || words().shell.undo aria-label=move || words().shell.undo on:click=move |_| desk.undo()>"↶"</button>
            <button class="icon" disabled=move || !desk.can_redo() title=move || words().shell.redo aria-label=move || words().shell.redo on:click=move |_| desk.redo()>"↷"</button>
            <button class="icon" title=move || words().shell.reset aria-label=move || words().shell.reset on:click=move |_| desk.dispatch(Command::Reset)>"⟲"</button>
            <ThemeButton />
            <LanguageButton />
            <button class="icon" title=move || words().shell.keys aria-label=move || words().shell.keys on:click=move |_| on_help.run(())>"?"</button>
            <CopyLink />
        </header>
    }
}

/// The models that can be opened.
#[component]
fn ModelPicker() -> impl IntoView {
    let desk = Desk::here();
    let model = desk.part(|document| document.model.clone());
    let own =
        move || model.with(|model| matches!(model, ModelRef::File { .. }).then(|| model.name().to_owned()));
    let value = move || match model.get() {
        ModelRef::Gallery(id) => id,
        ModelRef::File { .. } => OWN_FILE.to_owned(),
    };
    let on_change = move |event| {
        let id = event_target_value(&event);
        if id != OWN_FILE {
            desk.dispatch(Command::Open(ModelRef::Gallery(id)));
        }
    };
    let facts = move || {
        desk.results.facts.with(|facts| {
            facts.as_ref().map(|facts| (words().shell.parameters)(&format::short(facts.parameters)))
        })
    };
    view! {
        <label class="model">
            <span class="visually-hidden">{move || words().shell.model}</span>
            <select class="chip" prop:value=value on:change=on_change>
                {move || own().map(|name| view! { <option value=OWN_FILE selected=true>{name}</option> })}
                {gallery::ALL.iter().map(|exhibit| view! {
                    <option value=exhibit.id selected=move || value() == exhibit.id>{exhibit.id}</option>
                }).collect_view()}
            </select>
        </label>
        <span class="muted facts-line">{facts}</span>
        <button class="chip" on:click=move |_| super::pick_files(desk) title=move || words().shell.open_hint>{move || words().shell.open}</button>
    }
}

/// The data beside the model.
#[component]
fn DataChip() -> impl IntoView {
    let desk = Desk::here();
    let text = move || {
        desk.results.data.with(|data| {
            data.as_ref().map(|data| {
                (words().shell.data)(
                    &format::count(data.test.into()),
                    &format::count(data.calibration.into()),
                    data.labelled,
                )
            })
        })
    };
    let note = move || {
        desk.results.data.with(|data| {
            data.as_ref()
                .is_some_and(|data| data.calibration_from_test)
                .then(|| words().shell.calibration_from_test)
        })
    };
    view! { <span class="muted data-line" title=note>{text}</span> }
}

#[component]
fn ThemeButton() -> impl IntoView {
    let settings = Settings::here();
    let name = move || (words().shell.theme)(settings.theme.get());
    view! {
        <button class="icon" title=name aria-label=name on:click=move |_| settings.theme.update(|theme| *theme = theme.next())>
            {move || match settings.theme.get() {
                Theme::System => "◐",
                Theme::Light => "○",
                Theme::Dark => "●",
            }}
        </button>
    }
}

#[component]
fn LanguageButton() -> impl IntoView {
    let settings = Settings::here();
    let other = move || match settings.locale.get() {
        Locale::English => Locale::Chinese,
        Locale::Chinese => Locale::English,
    };
    let mark = move || match other() {
        Locale::English => "En",
        Locale::Chinese => "中",
    };
    let name = move || match other() {
        Locale::English => "English",
        Locale::Chinese => "中文",
    };
    view! {
        <button class="icon" lang=move || other().tag() title=name on:click=move |_| settings.locale.set(other())><span aria-hidden="true">{mark}</span><span class="visually-hidden">{name}</span></button>
    }
}

/// Copies the link, and shows it in the address.
#[component]
fn CopyLink() -> impl IntoView {
    let desk = Desk::here();
    let copied = RwSignal::new(false);
    // Where a run's network is on the bench, the link says what came of it, for a replay to be compared with.
    let came_of_it = move || {
        let learning = desk.results.learning;
        let shown = learning.shown.get_untracked()?;
        learning.outcomes.with_untracked(|outcomes| {
            let outcome = outcomes.iter().find(|outcome| outcome.id == shown && outcome.complete)?;
            Some(expectation(outcome))
        })
    };
    let copy = move |_| match link::write_with(&desk.document(), came_of_it().as_ref()) {
        Ok(fragment) => {
            page::set_fragment(&fragment);
            clipboard::write(format!("{}#{fragment}", page::address()), move |result| match result {
                Ok(()) => {
                    copied.set(true);
                    page::after(COPIED_MILLIS, move || copied.set(false));
                }
                Err(failure) => desk.tell(failure, false),
            });
        }
        Err(failure) => desk.tell(failure, true),
    };
    view! {
        <button class="primary" on:click=copy>
            {move || if copied.get() { words().shell.copied } else { words().shell.copy_link }}
        </button>
        <span class="visually-hidden" role="status">{move || copied.get().then(|| words().shell.copied)}</span>
    }
}
