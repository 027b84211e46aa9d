//! What the parts of the page that are modules of their own begin with, and how they say what went wrong.

use fewbit_experiment::Failure;
use js_sys::Uint8Array;
use leptos::prelude::*;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::i18n::Locale;
use crate::platform::port::{Heard, Port};
use crate::platform::{module, page};

/// The style of what they share.
const STYLE: &str = include_str!("../../style/part.css");

/// Shows a part in its place.
pub fn mount<V: IntoView + 'static>(place: &str, screen: impl FnOnce() -> V + 'static) {
    console_error_panic_hook::set_once();
    if let Some(element) = page::element(place) {
        leptos::mount::mount_to(element, move || (view! { <style>{STYLE}</style> }, screen())).forget();
    }
}

/// Provides the language, which is the page's.
pub fn provide_locale() {
    let locale = RwSignal::new(Locale::default());
    provide_context(locale);
    page::follow_root("lang", move |tag| {
        locale.set(if tag.starts_with("zh") { Locale::Chinese } else { Locale::English });
    });
}

/// The way to the app: what goes there, and what comes from there once [`Self::hear`] was called.
#[derive(Clone, Copy)]
pub struct ToApp(StoredValue<Option<Port>, LocalStorage>);

impl Default for ToApp {
    fn default() -> Self {
        Self(StoredValue::new_local(None))
    }
}

impl ToApp {
    /// Says something to the app, and hands bytes over.
    pub fn say<R: Serialize>(self, reply: &R, blobs: &[Uint8Array]) {
        self.0.with_value(|port| {
            if let Some(port) = port {
                port.send(reply, blobs).ok();
            }
        });
    }

    /// Hears the app at the part of this name.
    pub fn hear<C: DeserializeOwned>(
        self,
        place: &str,
        listener: impl Fn(Result<Heard<C>, Failure>) + 'static,
    ) {
        self.0.set_value(module::port(place).map(|port| Port::new(port, listener)));
    }
}

/// What went wrong last: where and what. It stands until something else is done.
#[component]
pub fn FailureCard(
    /// It.
    failure: RwSignal<Option<Failure>>,
    /// What stands over it.
    title: fn() -> &'static str,
) -> impl IntoView {
    move || {
        failure.get().map(|Failure { place, message, hints, .. }| {
            view! {
                <div class="failure" role="alert">
                    <h2 class="down">{title()}</h2>
                    <p>{place.map(|place| view! { <code>{place}</code>" " })}{message}</p>
                    <ul>{hints.into_iter().map(|hint| view! { <li>{hint}</li> }).collect_view()}</ul>
                </div>
            }
        })
    }
}
