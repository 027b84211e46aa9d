//! A part of the page that is loaded when it is first asked for: a module of its own, with a port to the app.

use fewbit_experiment::Failure;
use fewbit_experiment::failure::Code;
use js_sys::{Function, Promise, Reflect};
use wasm_bindgen::JsCast;
use wasm_bindgen_futures::JsFuture;
use web_sys::{MessageChannel, MessagePort};

use super::page;

/// The property of the module's element that holds the module's end of the channel.
const PORT: &str = "port";
/// The function of `boot.js` that loads a module.
const LOAD: &str = "fewbitLoad";

/// Loads the module that shows itself in the element `name`, and gives the app's end of the channel. Whatever is posted there
/// before the module hears waits for it; `failed` is told if it does not come.
///
/// # Errors
/// [`Code::Fetch`] if there is no such element, or no channel.
pub fn load(name: &'static str, failed: impl FnOnce(Failure) + 'static) -> Result<MessagePort, Failure> {
    let refused = move || {
        Failure::new(Code::Fetch, "a part of the page could not be loaded").at(name).hint("reload the page")
    };
    let element = page::element(name).ok_or_else(refused)?;
    let channel = MessageChannel::new().map_err(|_| refused())?;
    Reflect::set(&element, &PORT.into(), &channel.port2()).map_err(|_| refused())?;
    let load =
        Reflect::get(&js_sys::global(), &LOAD.into()).ok().and_then(|load| load.dyn_into::<Function>().ok());
    let loading = load.and_then(|load| load.call1(&element, &name.into()).ok()).ok_or_else(refused)?;
    leptos::task::spawn_local(async move {
        if JsFuture::from(Promise::from(loading)).await.is_err() {
            failed(refused());
        }
    });
    Ok(channel.port1())
}

/// The module's end of the channel, within the module.
pub fn port(name: &str) -> Option<MessagePort> {
    Reflect::get(page::element(name)?.as_ref(), &PORT.into()).ok()?.dyn_into().ok()
}
