//! Which part of the drawing is seen, and how large.

use super::layout::Rect;
use crate::chart::Size;

const SMALLEST: f64 = 0.02;
const LARGEST: f64 = 3.0;
/// Space around a drawing that just fits.
const MARGIN: f64 = 24.0;
/// Where a person is taken to, text is at least so large.
const READABLE: f64 = 0.8;
/// Parts of the view by which what is in it is told anew.
const PARTS: f64 = 4.0;

/// A drawing's point (x, y) is seen at (scale·x + left, scale·y + top), in pixels of the view.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Camera {
    /// Where the drawing's origin is seen.
    pub left: f64,
    /// Where the drawing's origin is seen.
    pub top: f64,
    /// Pixels for each unit.
    pub scale: f64,
}

impl Default for Camera {
    fn default() -> Self {
        Self { left: 0.0, top: 0.0, scale: 1.0 }
    }
}

impl Camera {
    /// All of `drawing` in the middle of the view, not enlarged.
    pub fn fit(drawing: &Rect, view: Size) -> Self {
        let room = |view: f64, size: f64| (view - 2.0 * MARGIN).max(1.0) / size.max(1.0);
        let scale = room(view.width, drawing.width).min(room(view.height, drawing.height));
        Self::at(drawing.x, drawing.y, scale.clamp(SMALLEST, 1.0), view)
    }

    /// What a person sees first: all of it if that can be read, else its upper end.
    pub fn first(drawing: &Rect, view: Size) -> Self {
        let all = Self::fit(drawing, view);
        if all.scale >= READABLE {
            return all;
        }
        let scale = ((view.width - 2.0 * MARGIN) / drawing.width.max(1.0)).clamp(READABLE, 1.0);
        let top = MARGIN - scale * (drawing.y - drawing.height / 2.0);
        Self { top, ..Self::at(drawing.x, drawing.y, scale, view) }
    }

    fn at(x: f64, y: f64, scale: f64, view: Size) -> Self {
        Self { left: view.width / 2.0 - scale * x, top: view.height / 2.0 - scale * y, scale }
    }

    /// This point in the middle of the view, large enough to read.
    #[must_use]
    pub fn centred(self, x: f64, y: f64, view: Size) -> Self {
        Self::at(x, y, self.scale.max(READABLE), view)
    }

    /// Moved by pixels.
    #[must_use]
    pub fn panned(self, across: f64, down: f64) -> Self {
        Self { left: self.left + across, top: self.top + down, ..self }
    }

    /// Enlarged by a factor; what is seen at the pixel (x, y) stays there.
    #[must_use]
    pub fn zoomed(self, factor: f64, x: f64, y: f64) -> Self {
        let scale = (self.scale * factor).clamp(SMALLEST, LARGEST);
        let by = scale / self.scale;
        Self { left: x - by * (x - self.left), top: y - by * (y - self.top), scale }
    }

    /// The part of the drawing that is seen, with a margin and in coarse steps, so that it changes seldom.
    pub fn window(self, view: Size) -> Rect {
        let (width, height) = (view.width / self.scale, view.height / self.scale);
        let coarse = |at: f64, size: f64| {
            let step = size.max(1.0) / PARTS;
            (at / step).round() * step
        };
        Rect {
            x: coarse((view.width / 2.0 - self.left) / self.scale, width),
            y: coarse((view.height / 2.0 - self.top) / self.scale, height),
            width: 1.5 * width,
            height: 1.5 * height,
        }
    }

    /// Whether all of a part of the drawing is in the view.
    pub fn shows(self, part: &Rect, view: Size) -> bool {
        let within = |at: f64, size: f64, origin: f64, room: f64| {
            let (low, high) = (self.scale * (at - size / 2.0), self.scale * (at + size / 2.0));
            low + origin >= 0.0 && high + origin <= room
        };
        within(part.x, part.width, self.left, view.width)
            && within(part.y, part.height, self.top, view.height)
    }

    /// Whether text can be made out.
    pub fn is_readable(self) -> bool {
        self.scale >= 0.5 * READABLE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const VIEW: Size = Size { width: 800.0, height: 600.0 };
    const TALL: Rect = Rect { x: 0.0, y: 5_000.0, width: 400.0, height: 10_000.0 };

    #[test]
    fn what_fits_is_seen_whole_and_what_does_not_from_its_upper_end() {
        let camera = Camera::fit(&TALL, VIEW);
        assert!(camera.shows(&TALL, VIEW));
        assert!(!camera.is_readable());
        let first = Camera::first(&TALL, VIEW);
        assert_eq!((first.scale, first.top), (1.0, MARGIN));
        assert_eq!(Camera::first(&Rect { height: 90.0, ..TALL }, VIEW).scale, 1.0);
    }

    #[test]
    fn zooming_keeps_what_is_under_the_pointer() {
        let camera = Camera { left: 30.0, top: -20.0, scale: 0.5 };
        let zoomed = camera.zoomed(1.7, 200.0, 100.0);
        let under =
            |camera: Camera| ((200.0 - camera.left) / camera.scale, (100.0 - camera.top) / camera.scale);
        let (before, after) = (under(camera), under(zoomed));
        assert!((before.0 - after.0).abs() < 1e-9 && (before.1 - after.1).abs() < 1e-9);
        assert_eq!(camera.zoomed(1e9, 0.0, 0.0).scale, LARGEST);
    }

    #[test]
    fn the_window_has_the_view_in_it_and_seldom_changes() {
        let camera = Camera { left: 123.0, top: 45.0, scale: 0.8 };
        let window = camera.window(VIEW);
        assert_eq!(window, camera.panned(-10.0, 10.0).window(VIEW));
        let seen = Rect {
            x: (400.0 - 123.0) / 0.8,
            y: (300.0 - 45.0) / 0.8,
            width: 800.0 / 0.8,
            height: 600.0 / 0.8,
        };
        assert_eq!(window.join(seen), window);
    }
}
