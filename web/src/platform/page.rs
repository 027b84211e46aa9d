//! The page around us: address, store, root element.

use gloo::storage::{LocalStorage, Storage};
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{HtmlElement, MutationObserver, MutationObserverInit};

fn document() -> Option<web_sys::Document> {
    web_sys::window()?.document()
}

/// A parameter of the address's query.
pub fn query(name: &str) -> Option<String> {
    let search = web_sys::window()?.location().search().ok()?;
    let pairs = search.trim_start_matches('?').split('&');
    pairs
        .filter_map(|pair| pair.split_once('='))
        .find(|(key, _)| *key == name)
        .map(|(_, value)| value.to_owned())
}

/// A file that an address names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remote {
    /// The whole address.
    pub address: String,
    /// What it calls the file.
    pub name: String,
    /// Whether it lies where this page does, which is all that the page may fetch from.
    pub is_ours: bool,
}

/// The file that the parameter `url` of the address's query names, if it names one.
pub fn remote() -> Option<Remote> {
    let asked = js_sys::decode_uri_component(&query("url")?).ok()?;
    let location = web_sys::window()?.location();
    let url = web_sys::Url::new_with_base(&String::from(asked), &location.href().ok()?).ok()?;
    let name = url.pathname().rsplit('/').next().unwrap_or_default().to_owned();
    Some(Remote {
        is_ours: location.origin().is_ok_and(|ours| ours == url.origin()),
        address: url.href(),
        name,
    })
}

/// The address's fragment without `#`; empty if there is none.
pub fn fragment() -> String {
    let hash = web_sys::window().and_then(|window| window.location().hash().ok()).unwrap_or_default();
    hash.trim_start_matches('#').to_owned()
}

/// Sets the address's fragment without a new entry in the browser's history.
pub fn set_fragment(fragment: &str) {
    if let Some(history) = web_sys::window().and_then(|window| window.history().ok()) {
        history.replace_state_with_url(&JsValue::NULL, "", Some(&format!("#{fragment}"))).ok();
    }
}

/// The address without its fragment.
pub fn address() -> String {
    let href = web_sys::window().and_then(|window| window.location().href().ok()).unwrap_or_default();
    href.split('#').next().unwrap_or_default().to_owned()
}

/// The browser's language.
pub fn language() -> String {
    web_sys::window().and_then(|window| window.navigator().language()).unwrap_or_default()
}

/// The whole address of what an attribute of `<meta name=…>` names relative to the page.
pub fn meta_address(name: &str, attribute: &str) -> Option<String> {
    let document = document()?;
    let relative = document.query_selector(&format!("meta[name={name}]")).ok()??.get_attribute(attribute)?;
    let base = document.base_uri().ok()??;
    Some(web_sys::Url::new_with_base(&relative, &base).ok()?.href())
}

/// Sets an attribute of the root element.
pub fn set_root(attribute: &str, value: &str) {
    if let Some(root) = document().and_then(|document| document.document_element()) {
        root.set_attribute(attribute, value).ok();
    }
}

/// Removes the element of this id.
pub fn remove(id: &str) {
    if let Some(element) = document().and_then(|document| document.get_element_by_id(id)) {
        element.remove();
    }
}

/// What was kept under this key.
pub fn stored(key: &str) -> Option<String> {
    LocalStorage::get(key).ok()
}

/// Keeps a value in the browser. A browser that keeps nothing (private windows) is no error.
pub fn store(key: &str, value: &str) {
    LocalStorage::set(key, value).ok();
}

/// Runs something after a while.
pub fn after(millis: u32, then: impl FnOnce() + 'static) {
    gloo::timers::callback::Timeout::new(millis, then).forget();
}

/// Runs something whenever the address's fragment becomes another one, for as long as the page lives.
pub fn on_fragment(then: impl Fn() + 'static) {
    if let Some(window) = web_sys::window() {
        gloo::events::EventListener::new(&window, "hashchange", move |_| then()).forget();
    }
}

/// The element of this id.
pub fn element(id: &str) -> Option<HtmlElement> {
    document()?.get_element_by_id(id)?.dyn_into().ok()
}

/// An attribute of the root element, now and whenever it changes, for as long as the page lives.
pub fn follow_root(attribute: &str, then: impl Fn(String) + 'static) {
    let Some(root) = document().and_then(|document| document.document_element()) else { return };
    let (seen, name) = (root.clone(), attribute.to_owned());
    let tell = move || then(seen.get_attribute(&name).unwrap_or_default());
    tell();
    let on_change = Closure::<dyn FnMut()>::new(tell);
    let options = MutationObserverInit::new();
    options.set_attributes(true);
    options.set_attribute_filter(&js_sys::Array::of1(&attribute.into()));
    if let Ok(observer) = MutationObserver::new(on_change.as_ref().unchecked_ref())
        && observer.observe_with_options(&root, &options).is_ok()
    {
        on_change.forget();
    }
}
