//! The values of a tensor in bins, in float and quantized.

use fewbit_numeric::Range;
use fewbit_quant::report::TensorView;
use leptos::prelude::*;

use crate::bench::layer::histogram::marks;
use crate::bench::layer::histogram::plot::{self, Plot};
use crate::chart::{Frame, Probe, Size, Table, Tip};
use crate::i18n::files::words;
use crate::i18n::words as page_words;
use crate::ui::format;

/// The histogram.
#[component]
pub fn Histogram(
    /// The tensor, as far as it was seen.
    view: Memo<Option<TensorView>>,
    /// Whether that is of another tensor or target.
    stale: Signal<bool>,
) -> impl IntoView {
    let log = RwSignal::new(true);
    let chart = Chart { view, log, picked: RwSignal::new(None) };
    let summary = Signal::derive(move || {
        let told = |view: &TensorView| {
            let [low, high] = [view.range.min, view.range.max].map(|x| format::significant(x.into()));
            let [below, above] = view.clipped.map(format::count);
            let words = &page_words().layer;
            (words.histogram_summary)(words.weights, &format::count(view.n), &low, &high, &below, &above)
        };
        view.with(|view| view.as_ref().map(told)).unwrap_or_default()
    });
    let table = move |()| {
        view.with(|view| {
            view.as_ref().map_or_else(Table::default, |view| marks::table(view, &page_words().layer))
        })
    };
    view! {
        <div class="histogram">
            <Frame
                title=Signal::derive(|| words().histogram.to_owned())
                summary
                table=Callback::new(table)
                name="tensor"
                stale
                aside=move || view! {
                    <Legend view />
                    <label class="switch">
                        <input type="checkbox" prop:checked=move || log.get() on:change=move |event| log.set(event_target_checked(&event)) />
                        {move || words().log_counts}
                    </label>
                }
                drawing=Callback::new(move |size| view! { <Drawing chart size /> }.into_any())
                overlay=Callback::new(move |size| view! { <Overlay chart size /> }.into_any())
            />
        </div>
    }
}

#[component]
fn Legend(view: Memo<Option<TensorView>>) -> impl IntoView {
    let is_quantized = move || view.with(|view| view.as_ref().is_some_and(plot::is_quantized));
    view! {
        <span class="legend">
            <span class="float"><i aria-hidden="true">"▬ "</i>{move || words().before}</span>
            <Show when=is_quantized><span class="quant"><i aria-hidden="true">"▮ "</i>{move || words().after}</span></Show>
        </span>
    }
}

/// The share of the bins' range that is shown beyond it at most: an outlier does not push all other values together.
const BEYOND: f32 = 0.25;

/// The values on the axis: the bins, and clip lines that are not far from them.
fn domain(view: &TensorView) -> (f64, f64) {
    let Range { min, max } = view.bins_range;
    let most = BEYOND * (max - min);
    let near = view.clip.map(|clip| Range { min: clip.min.max(min - most), max: clip.max.min(max + most) });
    plot::around(view.bins_range, near)
}

/// What the parts of the chart share.
#[derive(Clone, Copy)]
struct Chart {
    view: Memo<Option<TensorView>>,
    log: RwSignal<bool>,
    picked: RwSignal<Option<usize>>,
}

impl Chart {
    /// Something that is drawn of the tensor; nothing until it was seen.
    fn draw<T: Default>(self, size: Signal<Size>, of: impl Fn(&TensorView, &Plot) -> T) -> T {
        self.view.with(|view| {
            let Some(view) = view else { return T::default() };
            of(view, &Plot::new(view, domain(view), self.log.get(), size.get()))
        })
    }

    fn lines(self) -> Vec<String> {
        let Some(mark) = self.picked.get() else { return Vec::new() };
        self.view.with(|view| {
            let Some(view) = view else { return Vec::new() };
            let mut lines = marks::lines(view, mark, &page_words().layer);
            if view.grid.is_none() && plot::is_quantized(view) {
                // Where there are several grids, the bench advises to choose a channel, which cannot be done here.
                lines.pop();
            }
            lines
        })
    }
}

#[component]
fn Overlay(chart: Chart, size: Signal<Size>) -> impl IntoView {
    let x = Signal::derive(move || {
        let mark = chart.picked.get()?;
        chart.draw(size, |view, plot| plot.mark(view, mark)).map(|(low, high)| 0.5 * (low + high))
    });
    view! { <Tip x size lines=Signal::derive(move || chart.lines()) /> }
}

/// The drawing: what was before, what it became, and the lines beyond which values are clipped.
#[component]
fn Drawing(chart: Chart, size: Signal<Size>) -> impl IntoView {
    let area = Memo::new(move |_| chart.draw(size, |_, plot| plot.area()));
    let count = Memo::new(move |_| chart.view.with(|view| view.as_ref().map_or(0, plot::marks)));
    let shade = Memo::new(move |_| {
        let mark = chart.picked.get()?;
        chart.draw(size, |view, plot| plot.mark(view, mark))
    });
    let at = move |(x, _): (f64, f64)| untrack(|| chart.draw(size, |view, plot| plot.mark_at(view, x)));
    let floor = move || area.get().top + area.get().height;
    let clip = Memo::new(move |_| {
        chart.draw(size, |view, plot| {
            let (low, high) = plot.x.domain();
            let ends = view.clip.into_iter().flat_map(|clip| [f64::from(clip.min), f64::from(clip.max)]);
            ends.filter(|end| (low..=high).contains(end)).map(|end| plot.x.pixel(end)).collect::<Vec<_>>()
        })
    });
    let across = Memo::new(move |_| {
        chart.draw(size, |view, plot| {
            plot.across(view).into_iter().map(|(x, text)| (x, plot.floor() + 14.0, text)).collect::<Vec<_>>()
        })
    });
    let up = Memo::new(move |_| {
        let log = chart.log.get();
        chart.draw(size, |_, plot| {
            plot.up(log).into_iter().filter(|&(_, count)| count > 0.0).collect::<Vec<_>>()
        })
    });
    view! {
        {move || across.get().into_iter().map(|(x, y, text)| view! { <text class="value" x=x y=y text-anchor="middle">{text}</text> }).collect_view()}
        {move || {
            let (left, right) = (area.get().left, area.get().left + area.get().width);
            up.get().into_iter().map(|(y, count)| view! {
                <line class="axis faint" x1=left x2=right y1=y y2=y />
                <text x=left - 4.0 y=y + 4.0 text-anchor="end">{format::short(count as u64)}</text>
            }).collect_view()
        }}
        <rect class="shade" x=move || shade.get().map_or(0.0, |(low, _)| low) width=move || shade.get().map_or(0.0, |(low, high)| (high - low).max(1.0)) y=move || area.get().top height=move || area.get().height.max(0.0) />
        <path class="float-area" d=move || chart.draw(size, |view, plot| plot.float(view)) />
        <path class="boundaries" d=move || chart.draw(size, |view, plot| plot.boundaries(view)) />
        <path class="bars" d=move || chart.draw(size, |view, plot| plot.quantized(view)) />
        <line class="axis" x1=move || area.get().left x2=move || area.get().left + area.get().width y1=floor y2=floor />
        {move || clip.get().into_iter().map(|x| view! { <line class="clip" x1=x x2=x y1=area.get().top y2=floor() /> }).collect_view()}
        <Probe
            name=Signal::derive(move || page_words().layer.bars.to_owned())
            area
            count
            picked=chart.picked
            first=Signal::derive(move || count.get() / 2)
            text=Signal::derive(move || chart.lines().join(", "))
            at=Callback::new(at)
        />
        <text x="0" y="9">{move || if chart.log.get() { page_words().layer.axis_log_count } else { page_words().layer.axis_count }}</text>
    }
}
