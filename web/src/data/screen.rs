//! The screen: what was given and how it is read, and what the model gets of it.

use fewbit_data::Kind;
use leptos::prelude::*;

use super::pictures::PictureControls;
use super::preview::PreviewOf;
use super::protocol::Purpose;
use super::table::TableControls;
use super::text::TextControls;
use super::viewer::Viewer;
use crate::i18n::data::words;
use crate::platform::file;
use crate::ui::format;
use crate::ui::part::{self, FailureCard, ToApp};

/// The element that the screen is shown in, and the module's name.
pub const PLACE: &str = "data";
const STYLE: &str = include_str!("../../style/data.css");
/// What can be picked.
const ACCEPTED: &str = ".png,.jpg,.jpeg,.csv,.tsv,.txt,.text,.md,.json";

/// The screen.
#[component]
pub fn Screen() -> impl IntoView {
    part::provide_locale();
    let app = ToApp::default();
    let viewer = Viewer::provide(move |reply, blobs| app.say(&reply, blobs));
    app.hear(PLACE, move |heard| match heard {
        Ok(heard) => viewer.called(heard.message, &heard.files),
        Err(failure) => viewer.failure.set(Some(failure)),
    });
    let kind = Memo::new(move |_| viewer.found.with(|found| found.as_ref().and_then(|found| found.kind)));
    view! {
        <style>{STYLE}</style>
        <section class="panel data-panel" aria-label=move || words().data>
            <Given kind />
            <FailureCard failure=viewer.failure title=|| words().failed />
            <Show when=move || kind.get().is_some() && viewer.model.with(Option::is_some)>
                <div class="controls-of-data">
                    <h3 class="section">{move || words().how}</h3>
                    <p class="muted">{move || words().how_hint}</p>
                    <div class="fields">
                        {move || match kind.get() {
                            Some(Kind::Pictures) => view! { <PictureControls /> }.into_any(),
                            Some(Kind::Table) => view! { <TableControls /> }.into_any(),
                            Some(Kind::Text) => view! { <TextControls /> }.into_any(),
                            None => ().into_any(),
                        }}
                    </div>
                </div>
                <Notes />
            </Show>
        </section>
        <section class="panel data-preview" aria-label=move || words().preview>
            <Actions />
            <div class="body" tabindex="0" class:stale-mark=move || viewer.planning.get()>
                <PreviewOf />
            </div>
        </section>
    }
}

/// What was given, what the model takes, and the ways to give more.
#[component]
fn Given(kind: Memo<Option<Kind>>) -> impl IntoView {
    let viewer = Viewer::here();
    let found = move || {
        viewer.found.with(|found| {
            let Some(found) = found else {
                return view! { <p class="muted">{words().nothing}</p> }.into_any();
            };
            let kind = match kind.get() {
                Some(Kind::Pictures) => words().kinds[0],
                Some(Kind::Table) => words().kinds[1],
                Some(Kind::Text) => words().kinds[2],
                None => "",
            };
            let files = (words().files)(found.files, &format::bytes(found.bytes));
            let text = if kind.is_empty() { files } else { format!("{kind} · {files}") };
            view! {
                <p><b class="name">{found.name.clone()}</b> " " <span class="muted num">{text}</span></p>
                {kind.is_empty().then(|| view! { <p class="down">{words().no_kind}</p> })}
            }
            .into_any()
        })
    };
    let takes = move || {
        viewer.model.with(|model| match model {
            Some((name, wanted)) => {
                let shape: Vec<String> = wanted.sample_shape.iter().map(usize::to_string).collect();
                (words().takes)(name, &format!("N×{}", shape.join("×")))
            }
            None => words().no_model.to_owned(),
        })
    };
    view! {
        <div class="given">
            <h2 class="title">{move || words().data}</h2>
            {found}
            <p class="muted takes">{takes}</p>
            <div class="row">
                <button class="chip" on:click=move |_| file::pick_given(ACCEPTED, move |given| viewer.give(given))>{move || words().pick_files}</button>
                <button class="chip" on:click=move |_| file::pick_folder(move |given| viewer.give(given))>{move || words().pick_folder}</button>
            </div>
        </div>
    }
}

/// What goes on with the data.
#[component]
fn Actions() -> impl IntoView {
    let viewer = Viewer::here();
    let is_reading = Memo::new(move |_| viewer.progress.with(Option::is_some));
    let is_ready = Memo::new(move |_| viewer.is_ready());
    view! {
        <div class="head">
            <h2 class="title">{move || words().preview}</h2>
            <span class="grow"></span>
            <span class="muted" role="status">{move || if is_reading.get() { words().reading } else if viewer.planning.get() { words().looking } else { "" }}</span>
            <Show when=move || is_reading.get()>
                <progress max="1" aria-label=move || words().reading prop:value=move || viewer.progress.get().unwrap_or_default()></progress>
                <button class="chip" on:click=move |_| viewer.cancel()>{move || words().cancel}</button>
            </Show>
            <button class="chip" disabled=move || !is_ready.get() on:click=move |_| viewer.read(Purpose::Save)>{move || words().save}</button>
            <button class="primary" disabled=move || !is_ready.get() title=move || words().use_hint on:click=move |_| viewer.read(Purpose::Use)>{move || words().use_them}</button>
        </div>
    }
}

/// What was inferred, in sentences.
#[component]
fn Notes() -> impl IntoView {
    let viewer = Viewer::here();
    move || {
        viewer.planned.with(|planned| {
            planned.as_ref().map(|planned| {
                let notes = planned.notes.iter().map(|note| view! { <li>{note.clone()}</li> }).collect_view();
                view! {
                    <div class="notes" class:stale-mark=move || viewer.planning.get()>
                        <h3 class="section">{words().notes}</h3>
                        <ul lang="en">{notes}</ul>
                        <p class="muted small">{(words().took)(planned.millis)}</p>
                    </div>
                }
            })
        })
    }
}
