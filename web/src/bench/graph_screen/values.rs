//! Values as text, with their units.

use leptos::prelude::*;

use super::board::Board;
use super::colour::{Paint, Reading};
use crate::i18n::words;
use crate::ui::format;

/// A value with its unit.
pub fn with_unit(paint: Paint, value: f64) -> String {
    match paint {
        Paint::Kind => String::new(),
        Paint::WeightBits | Paint::InputBits => (words().graph.bits)(value as u32),
        Paint::WeightSqnr | Paint::LocalSqnr | Paint::CumulativeSqnr => {
            format!("{} dB", format::decibels(value))
        }
        Paint::Size | Paint::Macs => format::percent(value),
    }
}

/// What is known, in words; none where there is nothing to know.
pub fn text(paint: Paint, reading: Reading) -> Option<String> {
    match reading {
        Reading::Nothing => None,
        Reading::Float => Some(words().layers.float.to_owned()),
        Reading::Unknown => Some(words().graph.unknown.to_owned()),
        Reading::Value(value) => Some(with_unit(paint, value)),
    }
}

/// What the box shows that it is coloured by, tracked.
pub fn of_item(board: Board, item: usize) -> Option<String> {
    let reading = *board.colours.get().items.get(item)?;
    text(board.paint.get(), reading)
}

/// What the node shows that it is coloured by, tracked.
pub fn of_node(board: Board, node: usize) -> Option<String> {
    let reading = *board.colours.get().nodes.get(node)?;
    text(board.paint.get(), reading)
}
