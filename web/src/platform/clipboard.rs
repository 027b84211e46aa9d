//! The clipboard.

use fewbit_experiment::Failure;
use fewbit_experiment::failure::Code;
use wasm_bindgen_futures::JsFuture;

/// Puts `text` on the clipboard, and tells whether the browser let us.
pub fn write(text: String, then: impl FnOnce(Result<(), Failure>) + 'static) {
    leptos::task::spawn_local(async move {
        let refused = || {
            Failure::new(Code::BadLink, "the browser does not let us write to the clipboard")
                .hint("the link is in the address bar: copy it from there")
        };
        let clipboard = web_sys::window().map(|window| window.navigator().clipboard());
        let written = match clipboard {
            Some(clipboard) => {
                JsFuture::from(clipboard.write_text(&text)).await.map(|_| ()).map_err(|_| refused())
            }
            None => Err(refused()),
        };
        then(written);
    });
}
