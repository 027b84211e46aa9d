//! Draw your own input: what do both models take it for?

use leptos::ev::{KeyboardEvent, PointerEvent};
use leptos::html;
use leptos::prelude::*;

use crate::i18n::words;
use crate::platform::{canvas, pointer};
use crate::state::Desk;

/// The radius of the pen, in pixels of the input.
const PEN: f64 = 1.3;
/// Answers listed.
const SHOWN: usize = 3;

/// What is drawn on.
#[derive(Clone, PartialEq)]
struct Sheet {
    width: usize,
    height: usize,
    ink: Vec<f32>,
    /// Where the keyboard's pen is.
    pen: (usize, usize),
}

impl Sheet {
    fn blank(width: usize, height: usize) -> Self {
        Self { width, height, ink: vec![0.0; width * height], pen: (width / 2, height / 2) }
    }

    /// A soft dot at a place given in shares of the sheet.
    fn dot(&mut self, across: f64, down: f64) {
        let (x, y) = (across * self.width as f64, down * self.height as f64);
        for (i, ink) in self.ink.iter_mut().enumerate() {
            let (column, row) = ((i % self.width) as f64 + 0.5, (i / self.width) as f64 + 0.5);
            let distance = ((column - x).powi(2) + (row - y).powi(2)).sqrt();
            let strength = (PEN + 0.5 - distance).clamp(0.0, 1.0) as f32;
            *ink = ink.max(strength);
        }
    }
}

/// The sheet with both models' answers; only where the model takes one picture of one channel.
#[component]
pub fn Draw() -> impl IntoView {
    let desk = Desk::here();
    let shape = Memo::new(move |_| {
        desk.results.data.with(|data| match data.as_ref().map(|data| data.sample_shape.as_slice()) {
            Some(&[1, height, width]) if width > 0 && height > 0 => Some((width, height)),
            _ => None,
        })
    });
    move || shape.get().map(|(width, height)| view! { <DrawOn width height /> })
}

#[component]
fn DrawOn(width: usize, height: usize) -> impl IntoView {
    let desk = Desk::here();
    let sheet = RwSignal::new(Sheet::blank(width, height));
    let node = NodeRef::<html::Canvas>::new();
    let is_down = StoredValue::new(false);
    Effect::new(move |_| {
        if let Some(element) = node.get() {
            sheet.with(|sheet| canvas::paint_values(&element, sheet.width, sheet.height, &sheet.ink));
        }
    });
    let ask = move || {
        if sheet.with_untracked(|sheet| sheet.ink.iter().any(|&ink| ink > 0.0)) {
            desk.predict(sheet.with_untracked(|sheet| sheet.ink.clone()));
        }
    };
    // Another recipe may take the same drawing for something else.
    Effect::new(move |_| {
        desk.results.settled.track();
        ask();
    });
    let draw = move |event: &PointerEvent| {
        let (across, down) = pointer::share_of(event);
        sheet.update(|sheet| sheet.dot(across, down));
        ask();
    };
    let on_down = move |event: PointerEvent| {
        pointer::capture(&event);
        is_down.set_value(true);
        draw(&event);
    };
    let on_move = move |event: PointerEvent| {
        if is_down.get_value() {
            draw(&event);
        }
    };
    let on_up = move |_| is_down.set_value(false);
    let on_key = move |event: KeyboardEvent| {
        let key = event.key();
        sheet.update(|sheet| {
            let (x, y) = sheet.pen;
            match key.as_str() {
                "ArrowLeft" => sheet.pen = (x.saturating_sub(1), y),
                "ArrowRight" => sheet.pen = ((x + 1).min(sheet.width - 1), y),
                "ArrowUp" => sheet.pen = (x, y.saturating_sub(1)),
                "ArrowDown" => sheet.pen = (x, (y + 1).min(sheet.height - 1)),
                " " => {
                    let (across, down) =
                        ((x as f64 + 0.5) / sheet.width as f64, (y as f64 + 0.5) / sheet.height as f64);
                    sheet.dot(across, down);
                }
                _ => {}
            }
        });
        if key == " " || key.starts_with("Arrow") {
            event.prevent_default();
            event.stop_propagation();
        }
        if key == " " {
            ask();
        }
    };
    let clear = move |_| {
        sheet.set(Sheet::blank(width, height));
        desk.results.prediction.set(None);
    };
    let pen = move |of: fn(&Sheet) -> f64| sheet.with(|sheet| format!("{}%", 100.0 * of(sheet)));
    view! {
        <div class="draw">
            <div class="row">
                <h3>{move || words().model.draw}</h3>
                <span class="grow"></span>
                <button class="chip" on:click=clear>{move || words().model.clear}</button>
            </div>
            <div class="row top">
                <div
                    class="sheet"
                    role="application"
                    tabindex="0"
                    aria-label=move || words().model.draw_hint
                    title=move || words().model.draw_hint
                    on:pointerdown=on_down
                    on:pointermove=on_move
                    on:pointerup=on_up
                    on:pointercancel=on_up
                    on:keydown=on_key
                >
                    <canvas node_ref=node></canvas>
                    <i
                        class="pen"
                        style:left=move || pen(|s| (s.pen.0 as f64 + 0.5) / s.width as f64)
                        style:top=move || pen(|s| (s.pen.1 as f64 + 0.5) / s.height as f64)
                    ></i>
                </div>
                <div class="guesses" aria-live="polite">
                    <Guesses float=true />
                    <Guesses float=false />
                </div>
            </div>
        </div>
    }
}

#[component]
fn Guesses(float: bool) -> impl IntoView {
    let desk = Desk::here();
    let guesses = move || {
        desk.results.prediction.with(|prediction| {
            let prediction = prediction.as_ref()?;
            let probabilities = if float { &prediction.float } else { &prediction.quantized };
            let mut order: Vec<usize> = (0..probabilities.len()).collect();
            order.sort_by(|&a, &b| probabilities[b].total_cmp(&probabilities[a]));
            Some(order.into_iter().take(SHOWN).map(|class| (class, probabilities[class])).collect::<Vec<_>>())
        })
    };
    let class_of = move |class: usize| {
        desk.results.data.with(|data| {
            let name = data.as_ref().and_then(|data| data.classes.get(class).cloned());
            name.unwrap_or_else(|| class.to_string())
        })
    };
    view! {
        <div class:float=float class:quant=!float class="guess">
            <b>{move || if float { words().model.float } else { words().model.quantized }}</b>
            <ol>
                {move || guesses().unwrap_or_default().into_iter().map(|(class, probability)| view! {
                    <li>
                        <span class="meter" style:width=format!("{:.0}%", 100.0 * probability) aria-hidden="true"></span>
                        {class_of(class)}" "<span class="num">{format!("{:.0} %", 100.0 * probability)}</span>
                    </li>
                }).collect_view()}
            </ol>
        </div>
    }
}
