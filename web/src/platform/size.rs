//! How large an element is on the page, and how far it is scrolled.

use js_sys::Array;
use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;
use web_sys::{Element, Event, ResizeObserver, ResizeObserverEntry};

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

/// How far the element that an event is about is scrolled down, in pixels.
pub fn scrolled(event: &Event) -> f64 {
    let element = event.current_target().and_then(|target| target.dyn_into::<Element>().ok());
    element.map_or(0.0, |element| f64::from(element.scroll_top()))
}

/// Scrolls `element` as little as shows the pixels from `top` to `bottom` of its content.
pub fn reveal(element: &Element, top: f64, bottom: f64) {
    let (now, height) = (f64::from(element.scroll_top()), f64::from(element.client_height()));
    if top < now {
        element.set_scroll_top(top as i32);
    } else if bottom > now + height {
        element.set_scroll_top((bottom - height).ceil() as i32);
    }
}
