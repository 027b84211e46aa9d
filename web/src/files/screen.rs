//! The screen: the files' facts and tensors, and the tensor that is looked at.

use fewbit_experiment::Failure;
use js_sys::Uint8Array;
use leptos::prelude::*;

use super::facts::FactsPanel;
use super::inspector::Inspector;
use super::list::TensorList;
use super::protocol::{Call, Reply};
use super::viewer::Viewer;
use crate::i18n::Locale;
use crate::i18n::files::words;
use crate::platform::port::Port;
use crate::platform::{module, page};
use crate::ui::tell::Tell;

/// The element that the screen is shown in, and the module's name.
pub const PLACE: &str = "files";
const STYLE: &str = include_str!("../../style/files.css");

/// Shows the screen in its place.
pub fn mount() {
    console_error_panic_hook::set_once();
    if let Some(element) = page::element(PLACE) {
        leptos::mount::mount_to(element, Screen).forget();
    }
}

/// The screen.
#[component]
pub fn Screen() -> impl IntoView {
    let locale = RwSignal::new(Locale::default());
    provide_context(locale);
    page::follow_root("lang", move |tag| {
        locale.set(if tag.starts_with("zh") { Locale::Chinese } else { Locale::English });
    });
    let port: StoredValue<Option<Port>, LocalStorage> = StoredValue::new_local(None);
    let reply = move |reply: Reply, blobs: &[Uint8Array]| {
        port.with_value(|port| {
            if let Some(port) = port {
                port.send(&reply, blobs).ok();
            }
        });
    };
    let viewer = Viewer::provide(reply);
    Tell::provide(move |failure, _| reply(Reply::Tell(failure), &[]));
    port.set_value(module::port(PLACE).map(|port| {
        Port::new(port, move |heard: Result<_, Failure>| match heard {
            Ok(heard) => {
                let Call::Open { focus } = heard.message;
                viewer.open(&heard.files, focus);
            }
            Err(failure) => viewer.failure.set(Some(failure)),
        })
    }));
    let is_empty = Memo::new(move |_| viewer.facts.with(Option::is_none));
    let waiting = move || {
        let text = if viewer.opening.get() { words().opening } else { words().nothing };
        view! { <p class="pad muted" role="status">{text}</p> }
    };
    view! {
        <style>{STYLE}</style>
        <section class="panel files-panel" aria-label=move || words().file>
            <FailureCard viewer />
            <Show when=move || !is_empty.get() fallback=waiting>
                <FactsPanel />
                <TensorList />
            </Show>
        </section>
        <Inspector />
    }
}

/// What went wrong last: where and what. It stands until something else is done.
#[component]
fn FailureCard(viewer: Viewer) -> impl IntoView {
    move || {
        viewer.failure.get().map(|Failure { place, message, hints, .. }| {
            view! {
                <div class="failure" role="alert">
                    <h2 class="down">{words().failed}</h2>
                    <p>{place.map(|place| view! { <code>{place}</code>" " })}{message}</p>
                    <ul>{hints.into_iter().map(|hint| view! { <li>{hint}</li> }).collect_view()}</ul>
                </div>
            }
        })
    }
}
