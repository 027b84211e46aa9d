//! The bit strip: how many bits a tensor has, to drag, to step with arrow keys, or to type.

use fewbit_experiment::{Command, Part};
use fewbit_numeric::{Format, Granularity};
use fewbit_quant::{Choice, Quantizer};
use leptos::ev::{KeyboardEvent, PointerEvent};
use leptos::prelude::*;

use crate::i18n::words;
use crate::platform::pointer;
use crate::state::Desk;

/// The cells of a strip.
const CELLS: u8 = 8;
/// The position after the last cell: kept in float.
const FLOAT: u8 = CELLS + 1;

/// What `position` on the strip means for a tensor that is now `choice`.
///
/// Position 1–8 is a width, 9 is float. A tensor that comes back from float gets the usual format of its part.
fn choice_at(position: u8, choice: Choice, part: Part) -> Choice {
    if position >= FLOAT {
        return Choice::Float;
    }
    let usual = match part {
        Part::Weights => Quantizer::new(Format::INT8, Granularity::Channel),
        Part::Activations => Quantizer::new(Format::UINT8, Granularity::Tensor),
    };
    let quantizer = choice.quantizer().unwrap_or(usual);
    match quantizer.format.with_bits(position.max(1)) {
        Ok(format) => Choice::Quantize(Quantizer { format, ..quantizer }),
        Err(_) => choice,
    }
}

/// The bit strip of one tensor of one layer.
#[component]
pub fn BitStrip(
    /// The layer's name.
    layer: String,
    /// Weights or input.
    part: Part,
    /// What holds for it now.
    #[prop(into)]
    choice: Signal<Choice>,
) -> impl IntoView {
    let desk = Desk::here();
    let gesture = StoredValue::new(None::<u64>);
    let position = move || choice.get().quantizer().map_or(FLOAT, |q| q.format.bits().min(CELLS));
    let name = StoredValue::new(layer);
    let set = move |position: u8, gesture: Option<u64>| {
        let choice = choice_at(position, choice.get_untracked(), part);
        let command = Command::Set { pattern: name.get_value(), part, choice };
        match gesture {
            Some(gesture) => desk.dispatch_in(gesture, command),
            None => desk.dispatch(command),
        }
    };
    let drag = move |event: &PointerEvent| {
        let share = pointer::share_across(event);
        // A little beyond the last cell is float.
        let cells = (share * f64::from(CELLS)).ceil().clamp(1.0, f64::from(FLOAT));
        set(cells as u8, gesture.get_value());
    };
    let on_down = move |event: PointerEvent| {
        gesture.set_value(Some(desk.new_gesture()));
        pointer::capture(&event);
        drag(&event);
    };
    let on_move = move |event: PointerEvent| {
        if gesture.get_value().is_some() {
            drag(&event);
        }
    };
    let on_up = move |_: PointerEvent| gesture.set_value(None);
    let on_key = move |event: KeyboardEvent| {
        let now = position();
        let next = match event.key().as_str() {
            "ArrowLeft" | "ArrowDown" | "-" => now.saturating_sub(1).max(1),
            "ArrowRight" | "ArrowUp" | "+" => (now + 1).min(FLOAT),
            "Home" => 1,
            "End" => CELLS,
            "f" | "0" => FLOAT,
            digit => match digit.parse::<u8>() {
                Ok(bits @ 1..=CELLS) => bits,
                _ => return,
            },
        };
        event.prevent_default();
        event.stop_propagation();
        set(next, None);
    };
    let label = move || {
        let words = &words().layers;
        match part {
            Part::Weights => (words.bits_of_weights)(&name.get_value()),
            Part::Activations => (words.bits_of_input)(&name.get_value()),
        }
    };
    let value_text = move || match choice.get() {
        Choice::Float => words().layers.float.to_owned(),
        Choice::Quantize(quantizer) => quantizer.format.to_string(),
    };
    view! {
        <span
            class="strip"
            class:activations=part == Part::Activations
            class:float=move || choice.get() == Choice::Float
            role="slider"
            tabindex="0"
            aria-label=label
            aria-valuemin="1"
            aria-valuemax=FLOAT.to_string()
            aria-valuenow=move || position().to_string()
            aria-valuetext=value_text
            title=move || words().layers.strip_hint
            on:pointerdown=on_down
            on:pointermove=on_move
            on:pointerup=on_up
            on:pointercancel=on_up
            on:keydown=on_key
        >
            {(0..CELLS).map(|cell| view! { <b class:on=move || choice.get() != Choice::Float && cell < position()></b> }).collect_view()}
        </span>
        <span class="num" aria-hidden="true">
            {move || match choice.get() {
                Choice::Float => "f32".to_owned(),
                Choice::Quantize(quantizer) => quantizer.format.bits().to_string(),
            }}
        </span>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_strip_keeps_the_kind_of_format_and_its_end_is_float() {
        let choice: Choice = "int8-asym@group32:mse".parse().unwrap();
        assert_eq!(choice_at(3, choice, Part::Weights), "int3-asym@group32:mse".parse().unwrap());
        assert_eq!(choice_at(FLOAT, choice, Part::Weights), Choice::Float);
        assert_eq!(choice_at(4, Choice::Float, Part::Activations), "uint4@tensor".parse().unwrap());
    }
}
