//! Charts as files: the SVG as it looks now, alone or painted.

use fewbit_experiment::Failure;
use fewbit_experiment::failure::Code;
use js_sys::Uint8Array;
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{Blob, CanvasRenderingContext2d, Element, HtmlCanvasElement, HtmlImageElement, XmlSerializer};

use super::file;

/// Pixels of a PNG for each pixel on the page.
const SHARPNESS: f64 = 2.0;
/// What a picture needs of the page's style to look the same elsewhere.
const PROPERTIES: [&str; 11] = [
    "fill",
    "fill-opacity",
    "stroke",
    "stroke-width",
    "stroke-dasharray",
    "stroke-opacity",
    "opacity",
    "font-family",
    "font-size",
    "font-weight",
    "text-anchor",
];

/// Saves the SVG within `element` as `name.svg` or `name.png`.
///
/// # Errors
/// [`Code::Fetch`] if the browser cannot make the picture.
pub fn save(element: &Element, name: &'static str, as_png: bool) -> Result<(), Failure> {
    let text = standalone(element).map_err(|_| refused(name))?;
    if !as_png {
        return file::offer_text(&format!("{name}.svg"), "image/svg+xml", &text);
    }
    paint(element, &text, name).map_err(|_| refused(name))
}

fn refused(name: &str) -> Failure {
    Failure::new(Code::Fetch, "the browser cannot make a picture of this chart")
        .at(name)
        .hint("save it as SVG or CSV")
}

/// The SVG as a document of its own, with its computed style written in.
fn standalone(element: &Element) -> Result<String, JsValue> {
    let svg = element.query_selector("svg")?.ok_or(JsValue::NULL)?;
    let copy: Element = svg.clone_node_with_deep(true)?.dyn_into()?;
    copy.set_attribute("xmlns", "http://www.w3.org/2000/svg")?;
    let (from, to) = (svg.query_selector_all("*")?, copy.query_selector_all("*")?);
    let window = web_sys::window().ok_or(JsValue::NULL)?;
    for i in 0..from.length() {
        let (Some(from), Some(to)) = (from.item(i), to.item(i)) else { continue };
        let (from, to): (Element, Element) = (from.dyn_into()?, to.dyn_into()?);
        let Some(style) = window.get_computed_style(&from)? else { continue };
        let mut text = String::new();
        for property in PROPERTIES {
            text += &format!("{property}:{};", style.get_property_value(property)?);
        }
        to.set_attribute("style", &text)?;
    }
    XmlSerializer::new()?.serialize_to_string(&copy)
}

fn paint(element: &Element, text: &str, name: &'static str) -> Result<(), JsValue> {
    let window = web_sys::window().ok_or(JsValue::NULL)?;
    let document = window.document().ok_or(JsValue::NULL)?;
    let rect = element.get_bounding_client_rect();
    let canvas: HtmlCanvasElement = document.create_element("canvas")?.dyn_into()?;
    canvas.set_width((rect.width() * SHARPNESS) as u32);
    canvas.set_height((rect.height() * SHARPNESS) as u32);
    let paper = window
        .get_computed_style(element)?
        .map(|style| style.get_property_value("--panel"))
        .transpose()?
        .unwrap_or_default();
    let image = HtmlImageElement::new()?;
    let painted = image.clone();
    let on_load = Closure::once_into_js(move || {
        let context = canvas
            .get_context("2d")
            .ok()
            .flatten()
            .and_then(|c| c.dyn_into::<CanvasRenderingContext2d>().ok());
        let Some(context) = context else { return };
        let (width, height) = (f64::from(canvas.width()), f64::from(canvas.height()));
        context.set_fill_style_str(paper.trim());
        context.fill_rect(0.0, 0.0, width, height);
        context.draw_image_with_html_image_element_and_dw_and_dh(&painted, 0.0, 0.0, width, height).ok();
        let on_blob = Closure::once_into_js(move |blob: JsValue| {
            let Ok(blob) = blob.dyn_into::<Blob>() else { return };
            leptos::task::spawn_local(async move {
                if let Ok(buffer) = wasm_bindgen_futures::JsFuture::from(blob.array_buffer()).await {
                    file::offer(&format!("{name}.png"), "image/png", &Uint8Array::new(&buffer)).ok();
                }
            });
        });
        canvas.to_blob(on_blob.unchecked_ref()).ok();
    });
    image.set_onload(Some(on_load.unchecked_ref()));
    let encoded = js_sys::encode_uri_component(text);
    image.set_src(&format!("data:image/svg+xml,{encoded}"));
    Ok(())
}
