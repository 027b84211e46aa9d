//! How large an element is on the page.

use js_sys::Array;
use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;
use web_sys::{Element, ResizeObserver, ResizeObserverEntry};

/// Tells the size of `element`'s content now and whenever it changes, for as long as the element lives.
pub fn observe(element: &Element, then: impl Fn(f64, f64) + 'static) {
    let on_resize = Closure::<dyn FnMut(Array)>::new(move |entries: Array| {
        if let Ok(entry) = entries.get(0).dyn_into::<ResizeObserverEntry>() {
            let rect = entry.content_rect();
            then(rect.width(), rect.height());
        }
    });
    if let Ok(observer) = ResizeObserver::new(on_resize.as_ref().unchecked_ref()) {
        observer.observe(element);
        // The observer and its callback live as long as the element does.
        on_resize.forget();
    }
}
