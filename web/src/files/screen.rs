//! The screen: the files' facts and tensors, and the tensor that is looked at.

use leptos::prelude::*;

use super::facts::FactsPanel;
use super::inspector::Inspector;
use super::list::TensorList;
use super::protocol::{Call, Reply};
use super::viewer::Viewer;
use crate::i18n::files::words;
use crate::ui::part::{self, FailureCard, ToApp};
use crate::ui::tell::Tell;

/// The element that the screen is shown in, and the module's name.
pub const PLACE: &str = "files";
const STYLE: &str = include_str!("../../style/files.css");

/// The screen.
#[component]
pub fn Screen() -> impl IntoView {
    part::provide_locale();
    let app = ToApp::default();
    let viewer = Viewer::provide(move |reply, blobs| app.say(&reply, blobs));
    Tell::provide(move |failure, _| app.say(&Reply::Tell(failure), &[]));
    app.hear(PLACE, move |heard| match heard {
        Ok(heard) => {
            let Call::Open { focus } = heard.message;
            viewer.open(&heard.files, focus);
        }
        Err(failure) => viewer.failure.set(Some(failure)),
    });
    let is_empty = Memo::new(move |_| viewer.facts.with(Option::is_none));
    let waiting = move || {
        let text = if viewer.opening.get() { words().opening } else { words().nothing };
        view! { <p class="pad muted" role="status">{text}</p> }
    };
    view! {
        <style>{STYLE}</style>
        <section class="panel files-panel" aria-label=move || words().file>
            <FailureCard failure=viewer.failure title=|| words().failed />
            <Show when=move || !is_empty.get() fallback=waiting>
                <FactsPanel />
                <TensorList />
            </Show>
        </section>
        <Inspector />
    }
}
