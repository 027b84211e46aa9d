//! Pixels on a canvas.

use fewbit_experiment::protocol::Picture;
use wasm_bindgen::{Clamped, JsCast};
use web_sys::{CanvasRenderingContext2d, HtmlCanvasElement, ImageData};

/// Paints a picture, one canvas pixel for each of its own.
pub fn paint(canvas: &HtmlCanvasElement, picture: &Picture) {
    let step = usize::from(picture.channels.max(1));
    let rgba = picture.pixels.chunks(step).flat_map(|pixel| match *pixel {
        [red, green, blue, ..] => [red, green, blue, 255],
        [grey, ..] => [grey, grey, grey, 255],
        [] => [0, 0, 0, 255],
    });
    put(canvas, usize::from(picture.width), usize::from(picture.height), rgba.collect());
}

/// Paints grey values from 0 to 1.
pub fn paint_values(canvas: &HtmlCanvasElement, width: usize, height: usize, values: &[f32]) {
    let rgba = values.iter().flat_map(|&value| {
        let grey = (255.0 * value.clamp(0.0, 1.0)).round() as u8;
        [grey, grey, grey, 255]
    });
    put(canvas, width, height, rgba.collect());
}

fn put(canvas: &HtmlCanvasElement, width: usize, height: usize, rgba: Vec<u8>) {
    // To set a size, even the same one, throws the canvas's pixels away and lays the page out again.
    if (canvas.width(), canvas.height()) != (width as u32, height as u32) {
        canvas.set_width(width as u32);
        canvas.set_height(height as u32);
    }
    let context =
        canvas.get_context("2d").ok().flatten().and_then(|c| c.dyn_into::<CanvasRenderingContext2d>().ok());
    let image = ImageData::new_with_u8_clamped_array_and_sh(Clamped(&rgba), width as u32, height as u32);
    if let (Some(context), Ok(image)) = (context, image) {
        context.put_image_data(&image, 0.0, 0.0).ok();
    }
}
