//! Where a pointer is.

use wasm_bindgen::JsCast;
use web_sys::{Element, MouseEvent, PointerEvent};

fn element(event: &PointerEvent) -> Option<Element> {
    event.current_target()?.dyn_into().ok()
}

/// Keeps the pointer's events coming to the element that it went down on.
pub fn capture(event: &PointerEvent) {
    if let Some(element) = element(event) {
        element.set_pointer_capture(event.pointer_id()).ok();
    }
}

/// How far across the event's element the pointer is: 0 at its left, 1 at its right edge, beyond on either side.
pub fn share_across(event: &PointerEvent) -> f64 {
    element(event).map_or(0.0, |element| {
        let rect = element.get_bounding_client_rect();
        (f64::from(event.client_x()) - rect.left()) / rect.width().max(1.0)
    })
}

/// How far across and down the event's element the pointer is, in shares of its size.
pub fn share_of(event: &PointerEvent) -> (f64, f64) {
    let down = element(event).map_or(0.0, |element| {
        let rect = element.get_bounding_client_rect();
        (f64::from(event.client_y()) - rect.top()) / rect.height().max(1.0)
    });
    (share_across(event), down)
}

/// How far right of the middle of the event's element the pointer is, in pixels.
pub fn pixels_from_middle(event: &PointerEvent) -> f64 {
    element(event).map_or(0.0, |element| {
        let rect = element.get_bounding_client_rect();
        f64::from(event.client_x()) - rect.left() - 0.5 * rect.width()
    })
}

/// Where in the event's element the pointer is, in pixels from its upper left corner.
pub fn place(event: &MouseEvent) -> (f64, f64) {
    let element = event.current_target().and_then(|target| target.dyn_into::<Element>().ok());
    element.map_or((0.0, 0.0), |element| {
        let rect = element.get_bounding_client_rect();
        (f64::from(event.client_x()) - rect.left(), f64::from(event.client_y()) - rect.top())
    })
}

/// The value of an attribute of what was clicked, or of the nearest around it that has the attribute.
pub fn marked(event: &MouseEvent, attribute: &str) -> Option<String> {
    let element: Element = event.target()?.dyn_into().ok()?;
    element.closest(&format!("[{attribute}]")).ok()??.get_attribute(attribute)
}
