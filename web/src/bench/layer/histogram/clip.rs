//! The clip lines, to drag: they multiply the range that was found.

use fewbit_experiment::Part;
use fewbit_quant::report::TensorView;
use fewbit_quant::{Choice, Quantizer};
use leptos::ev::{KeyboardEvent, PointerEvent};
use leptos::prelude::*;

use super::plot::{self, Plot};
use crate::bench::layer::looked::Looked;
use crate::i18n::words;
use crate::platform::pointer;
use crate::ui::format;

/// The least and the most that a range is multiplied by.
const FACTORS: (f64, f64) = (0.02, 4.0);
/// A line nearer to zero than this share of the other says little of the range, and is not dragged.
const LEAST_LEVER: f64 = 0.1;
/// What an arrow key changes the factor by; with shift, ten times as much.
const STEP: f64 = 0.01;

/// Lines that are being moved: how things were at the start, until the engine has caught up.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Held {
    lines: [f64; 2],
    factor: f64,
    domain: (f64, f64),
    gesture: u64,
}

/// The clip lines of one tensor.
#[derive(Clone, Copy)]
pub struct ClipLines {
    looked: Looked,
    part: Part,
    quantizer: Memo<Option<Quantizer>>,
    held: RwSignal<Option<Held>>,
    is_down: RwSignal<bool>,
    /// Where the lines are: as the engine found them, or as they are being moved.
    pub at: Memo<Option<[f64; 2]>>,
    /// The values on the histogram's axis, which holds still while a line is moved.
    pub domain: Memo<Option<(f64, f64)>>,
}

impl ClipLines {
    /// The lines of `tensor`.
    pub fn new(looked: Looked, part: Part, tensor: Memo<Option<TensorView>>) -> Self {
        let held = RwSignal::new(None::<Held>);
        let is_down = RwSignal::new(false);
        let asked = looked.asked(part);
        let quantizer = Memo::new(move |_| asked.get().quantizer());
        let at = Memo::new(move |_| {
            let found = tensor.with(|tensor| tensor.as_ref()?.clip);
            match (held.get(), quantizer.get()) {
                (Some(held), Some(now)) => {
                    Some(held.lines.map(|line| line * f64::from(now.shrink) / held.factor))
                }
                _ => found.map(|found| [f64::from(found.min), f64::from(found.max)]),
            }
        });
        let domain = Memo::new(move |_| match held.get() {
            Some(held) => Some(held.domain),
            None => tensor.with(|tensor| tensor.as_ref().map(plot::domain)),
        });
        let lines = Self { looked, part, quantizer, held, is_down, at, domain };
        Effect::new(move |_| {
            if !is_down.get() && !looked.stale.get() {
                held.set(None);
            }
        });
        lines
    }

    /// The factor on the range, as it is asked for.
    fn factor(self) -> f64 {
        self.quantizer.get().map_or(1.0, |quantizer| f64::from(quantizer.shrink))
    }

    fn take_hold(self) {
        let (Some(lines), Some(domain)) = (self.at.get_untracked(), self.domain.get_untracked()) else {
            return;
        };
        let factor = self.quantizer.get_untracked().map_or(1.0, |q| f64::from(q.shrink));
        self.held.set(Some(Held { lines, factor, domain, gesture: self.looked.desk.new_gesture() }));
        self.is_down.set(true);
    }

    /// Multiplies the range that was found by `factor`.
    fn set(self, factor: f64) {
        let Some(quantizer) = self.quantizer.get_untracked() else { return };
        let factor = factor.clamp(FACTORS.0, FACTORS.1);
        // Three digits: links stay short.
        let shrink = ((1e3 * factor).round() / 1e3) as f32;
        let gesture = self.held.get_untracked().map(|held| held.gesture);
        self.looked.set(self.part, Choice::Quantize(Quantizer { shrink, ..quantizer }), gesture);
    }

    /// Moves the line of a side to `value`.
    fn move_to(self, side: usize, value: f64) {
        let Some(held) = self.held.get_untracked() else { return };
        self.set(held.factor * value / held.lines[side]);
    }

    fn is_lever(self, side: usize) -> bool {
        self.at.get().is_some_and(|lines| {
            lines[side].abs() >= LEAST_LEVER * lines[1 - side].abs() && lines[side] != 0.0
        })
    }
}

/// Both lines over the histogram.
#[component]
pub fn ClipHandles(
    /// The lines.
    lines: ClipLines,
    /// Where everything lies.
    plot: Memo<Option<Plot>>,
) -> impl IntoView {
    let is_there = move || lines.quantizer.with(Option::is_some) && lines.at.with(Option::is_some);
    view! {
        <Show when=is_there>
            {[0, 1].map(|side| view! { <Handle lines plot side /> })}
        </Show>
    }
}

#[component]
fn Handle(lines: ClipLines, plot: Memo<Option<Plot>>, side: usize) -> impl IntoView {
    let value = move || lines.at.get().map_or(0.0, |at| at[side]);
    let x = move || plot.get().map_or(0.0, |plot| plot.x.pixel(value()));
    let area = move || plot.get().map(|plot| plot.area()).unwrap_or_default();
    let is_lever = Memo::new(move |_| lines.is_lever(side));
    let on_down = move |event: PointerEvent| {
        lines.take_hold();
        pointer::capture(&event);
    };
    let on_move = move |event: PointerEvent| {
        if lines.is_down.get_untracked()
            && let Some(plot) = plot.get_untracked()
        {
            let now = lines.at.get_untracked().map_or(0.0, |at| at[side]);
            lines.move_to(side, plot.x.value(plot.x.pixel(now) + pointer::pixels_from_middle(&event)));
        }
    };
    let on_up = move |_: PointerEvent| lines.is_down.set(false);
    let on_key = move |event: KeyboardEvent| {
        let step = if event.shift_key() { 10.0 * STEP } else { STEP };
        let outwards = if value() < 0.0 { -step } else { step };
        let factor = lines.factor();
        let next = match event.key().as_str() {
            "ArrowRight" => factor + outwards,
            "ArrowLeft" => factor - outwards,
            "ArrowUp" | "PageUp" => factor + step,
            "ArrowDown" | "PageDown" => factor - step,
            "Home" | "Backspace" | "Delete" => 1.0,
            _ => return,
        };
        event.prevent_default();
        event.stop_propagation();
        if !event.repeat() {
            lines.take_hold();
        }
        lines.set(next);
    };
    let reach = move |factor: f64| {
        let factor_now = lines.factor();
        let ends = [FACTORS.0, FACTORS.1].map(|end| value() * end / factor_now);
        format::significant(if factor < 0.0 { ends[0].min(ends[1]) } else { ends[0].max(ends[1]) })
    };
    view! {
        <line class="clip" x1=x x2=x y1=move || area().top y2=move || area().top + area().height />
        <Show when=move || is_lever.get()>
            <g
                class="handle"
                role="slider"
                tabindex="0"
                aria-label=move || words().layer.clip_line[side]
                aria-valuemin=move || reach(-1.0).replace('−', "-")
                aria-valuemax=move || reach(1.0).replace('−', "-")
                aria-valuenow=move || format::significant(value()).replace('−', "-")
                aria-valuetext=move || {
                    let factor = format::percent(lines.factor());
                    (words().layer.clip_at)(&format::significant(value()), &factor)
                }
                on:pointerdown=on_down
                on:pointermove=on_move
                on:pointerup=on_up
                on:pointercancel=on_up
                on:dblclick=move |_| lines.set(1.0)
                on:keydown=on_key
                on:keyup=move |_| lines.is_down.set(false)
                on:blur=move |_| lines.is_down.set(false)
            >
                <title>{move || words().layer.clip_hint}</title>
                <rect class="grip" x=move || x() - 12.0 y=move || area().top width="24" height=move || area().height.max(0.0) />
                <rect class="knob" x=move || x() - 5.0 y=move || area().top + 0.5 * area().height - 14.0 width="10" height="28" rx="5" />
            </g>
        </Show>
    }
}
