//! The histogram of a tensor with its quantization grid: float against quantized, and the lines beyond which values
//! are lost.

pub mod clip;
pub mod marks;
pub mod numbers;
pub mod plot;

use fewbit_experiment::Part;
use fewbit_quant::Choice;
use fewbit_quant::report::TensorView;
use leptos::prelude::*;

use clip::{ClipHandles, ClipLines};
use numbers::Numbers;
use plot::Plot;

use super::looked::Looked;
use super::switches::{ChannelSwitch, LogSwitch};
use crate::chart::{Frame, Probe, Size, Table, Tip};
use crate::i18n::words;
use crate::ui::format;

/// The histogram of the weights, or of the input, of the layer that is looked at.
#[component]
pub fn Histogram(
    /// The layer that is looked at.
    looked: Looked,
    /// Weights or input.
    part: Part,
) -> impl IntoView {
    let tensor = looked.tensor(part);
    let clip = ClipLines::new(looked, part, tensor);
    let log = looked.desk.part(|document| document.view.log_counts);
    let chart = Chart { tensor, clip, log, picked: RwSignal::new(None) };
    let summary = Signal::derive(move || {
        tensor.with(|tensor| tensor.as_ref().map(|tensor| summary(part, tensor))).unwrap_or_default()
    });
    let table = move |()| {
        tensor.with(|tensor| tensor.as_ref().map_or_else(Table::default, |t| marks::table(t, &words().layer)))
    };
    let title = move || match part {
        Part::Weights => words().layer.weights_histogram,
        Part::Activations => words().layer.input_histogram,
    };
    let asked = looked.asked(part);
    let missing = move || {
        tensor.with(Option::is_none).then(|| match (part, asked.get()) {
            (Part::Activations, Choice::Float) => words().layer.input_in_float,
            (Part::Activations, _) => words().layer.not_observed,
            (Part::Weights, _) => words().layer.loading,
        })
    };
    view! {
        <div class="histogram">
            <Frame
                title=Signal::derive(move || title().to_owned())
                summary
                table=Callback::new(table)
                name=match part { Part::Weights => "weights", Part::Activations => "input" }
                stale=looked.stale
                aside=move || view! {
                    <Legend tensor />
                    <span class="grow"></span>
                    <LogSwitch looked />
                    {(part == Part::Weights).then(|| view! { <ChannelSwitch looked /> })}
                }
                drawing=Callback::new(move |size| view! { <Drawing chart size /> }.into_any())
                overlay=Callback::new(move |size| view! { <Overlay chart size /> }.into_any())
            />
            <p class="missing muted" hidden=move || missing().is_none()>{missing}</p>
            <Numbers looked part tensor />
        </div>
    }
}

/// The chart in a sentence.
fn summary(part: Part, tensor: &TensorView) -> String {
    let words = &words().layer;
    let [low, high] = [tensor.range.min, tensor.range.max].map(|x| format::significant(x.into()));
    let [below, above] = tensor.clipped.map(format::count);
    let name = match part {
        Part::Weights => words.weights,
        Part::Activations => words.input,
    };
    (words.histogram_summary)(name, &format::count(tensor.n), &low, &high, &below, &above)
}

#[component]
fn Legend(tensor: Memo<Option<TensorView>>) -> impl IntoView {
    let quantized = move || {
        tensor.with(|tensor| {
            let tensor = tensor.as_ref().filter(|tensor| plot::is_quantized(tensor))?;
            Some(match plot::levels(tensor) {
                Some((levels, _)) => (words().layer.quantized_levels)(levels.len()),
                None => words().layer.quantized.to_owned(),
            })
        })
    };
    view! {
        <span class="legend">
            <span class="float"><i aria-hidden="true">"▬ "</i>{move || words().layer.float}</span>
            {move || quantized().map(|text| view! { <span class="quant"><i aria-hidden="true">"▮ "</i>{text}</span> })}
        </span>
    }
}

/// Pixels that the number of clipped values needs.
const ROOM: f64 = 72.0;

/// What the parts of the chart share.
#[derive(Clone, Copy)]
struct Chart {
    tensor: Memo<Option<TensorView>>,
    clip: ClipLines,
    log: Memo<bool>,
    picked: RwSignal<Option<usize>>,
}

impl Chart {
    fn plot(self, size: Signal<Size>) -> Memo<Option<Plot>> {
        Memo::new(move |_| {
            let domain = self.clip.domain.get()?;
            self.tensor.with(|tensor| Some(Plot::new(tensor.as_ref()?, domain, self.log.get(), size.get())))
        })
    }

    /// Something that is drawn of the tensor; nothing until it is there.
    fn draw<T: Default>(self, plot: Memo<Option<Plot>>, of: impl Fn(&TensorView, &Plot) -> T) -> T {
        self.tensor.with(|tensor| match (tensor, plot.get()) {
            (Some(tensor), Some(plot)) => of(tensor, &plot),
            _ => T::default(),
        })
    }

    fn lines(self) -> Memo<Vec<String>> {
        Memo::new(move |_| {
            let Some(mark) = self.picked.get() else { return Vec::new() };
            self.tensor
                .with(|tensor| tensor.as_ref().map(|t| marks::lines(t, mark, &words().layer)))
                .unwrap_or_default()
        })
    }
}

#[component]
fn Overlay(chart: Chart, size: Signal<Size>) -> impl IntoView {
    let plot = chart.plot(size);
    let x = Signal::derive(move || {
        let mark = chart.picked.get()?;
        chart.draw(plot, |tensor, plot| plot.mark(tensor, mark)).map(|(low, high)| 0.5 * (low + high))
    });
    view! { <Tip x size lines=chart.lines() /> }
}

#[component]
fn Drawing(chart: Chart, size: Signal<Size>) -> impl IntoView {
    let Chart { tensor, clip, log, picked } = chart;
    let plot = chart.plot(size);
    let area = Memo::new(move |_| plot.get().map(|plot| plot.area()).unwrap_or_default());
    let count = Memo::new(move |_| tensor.with(|tensor| tensor.as_ref().map_or(0, plot::marks)));
    let shade = Memo::new(move |_| {
        let mark = picked.get()?;
        chart.draw(plot, |tensor, plot| plot.mark(tensor, mark))
    });
    let at = move |(x, _): (f64, f64)| untrack(|| chart.draw(plot, |tensor, plot| plot.mark_at(tensor, x)));
    let lines = chart.lines();
    let cut = Memo::new(move |_| chart.draw(plot, |tensor, plot| plot.cut(tensor)));
    view! {
        <Axes chart plot />
        <rect
            class="shade"
            x=move || shade.get().map_or(0.0, |(low, _)| low)
            width=move || shade.get().map_or(0.0, |(low, high)| (high - low).max(1.0))
            y=move || area.get().top
            height=move || area.get().height.max(0.0)
        />
        <path class="float-area" d=move || chart.draw(plot, |tensor, plot| plot.float(tensor)) />
        <path class="boundaries" d=move || chart.draw(plot, |tensor, plot| plot.boundaries(tensor)) />
        <path class="bars" d=move || chart.draw(plot, |tensor, plot| plot.quantized(tensor)) />
        <line class="axis" x1=move || area.get().left x2=move || area.get().left + area.get().width y1=move || area.get().top + area.get().height y2=move || area.get().top + area.get().height />
        {[0, 1].map(|side| view! { <Clipped chart plot side /> })}
        <text class="cut" x=move || cut.get().map_or(0.0, |(x, _)| x + 9.0) y="12">{move || cut.get().map(|(_, n)| format!("▲ {}", format::count(n)))}</text>
        <Probe
            name=Signal::derive(move || words().layer.bars.to_owned())
            area
            count
            picked
            first=Signal::derive(move || count.get() / 2)
            text=Signal::derive(move || lines.get().join(", "))
            at=Callback::new(at)
        />
        <ClipHandles lines=clip plot />
        <text x="0" y="9">{move || if log.get() { words().layer.axis_log_count } else { words().layer.axis_count }}</text>
    }
}

/// How many values are clipped on one side.
#[component]
fn Clipped(chart: Chart, plot: Memo<Option<Plot>>, side: usize) -> impl IntoView {
    let clipped = Memo::new(move |_| {
        chart.tensor.with(|tensor| tensor.as_ref().filter(|t| plot::is_quantized(t)).map(|t| t.clipped[side]))
    });
    // Beyond its line where there is room, else within.
    let place = Memo::new(move |_| {
        let Some((plot, lines)) = plot.get().zip(chart.clip.at.get()) else { return (0.0, 0.0, "start") };
        let area = plot.area();
        let line = plot.x.pixel(lines[side]);
        let room = if side == 0 { line - area.left } else { area.left + area.width - line };
        let is_left = (side == 0) == (room >= ROOM);
        if is_left { (line - 5.0, area.top + 10.0, "end") } else { (line + 5.0, area.top + 10.0, "start") }
    });
    view! {
        <text
            class="clipped"
            class:lost=move || clipped.get().is_some_and(|n| n > 0)
            x=move || place.get().0
            y=move || place.get().1
            text-anchor=move || place.get().2
        >
            {move || clipped.get().map(|n| (words().layer.clipped)(&format::count(n)))}
        </text>
    }
}

#[component]
fn Axes(chart: Chart, plot: Memo<Option<Plot>>) -> impl IntoView {
    // One memo for each list, with all that is drawn of it: an effect that reads a memo after another one that
    // depends on it may miss its change.
    let across = Memo::new(move |_| {
        chart.draw(plot, |tensor, plot| {
            let y = plot.floor() + 14.0;
            plot.across(tensor).into_iter().map(|(x, label)| (x, y, label)).collect::<Vec<_>>()
        })
    });
    let up = Memo::new(move |_| {
        let Some(plot) = plot.get() else { return Vec::new() };
        let area = plot.area();
        let counts = plot.up(chart.log.get()).into_iter().filter(|&(_, count)| count > 0.0);
        counts.map(|(y, count)| (area.left, area.left + area.width, y, count)).collect::<Vec<_>>()
    });
    view! {
        {move || across.get().into_iter().map(|(x, y, label)| view! {
            <text class="value" x=x y=y text-anchor="middle">{label}</text>
        }).collect_view()}
        {move || up.get().into_iter().map(|(left, right, y, count)| view! {
            <line class="axis faint" x1=left x2=right y1=y y2=y />
            <text x=left - 4.0 y=y + 4.0 text-anchor="end">{format::short(count as u64)}</text>
        }).collect_view()}
    }
}
