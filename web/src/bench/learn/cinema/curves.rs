//! Lines over iterations, with a mark where one looks.

use leptos::prelude::*;

use crate::chart::scale::Kind;
use crate::chart::{Frame, Scale, Size, Table, path, ticks};
use crate::ui::format;

const LEFT: f64 = 52.0;
const RIGHT: f64 = 8.0;
const TOP: f64 = 12.0;
const BOTTOM: f64 = 26.0;

/// A line.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// Its name in the legend.
    pub name: String,
    /// Its class: `first`, `second`.
    pub class: &'static str,
    /// Its points, x ascending.
    pub points: Vec<(f64, f64)>,
}

/// What is drawn.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plot {
    /// The lines.
    pub lines: Vec<Line>,
    /// Where one looks.
    pub mark: f64,
    /// Whether the height is logarithmic.
    pub log: bool,
    /// The name of the axis across.
    pub axis: String,
}

impl Plot {
    fn scales(&self, size: Size) -> (Scale, Scale) {
        let points = || self.lines.iter().flat_map(|line| &line.points);
        let shown = |y: f64| y.is_finite() && (!self.log || y > 0.0);
        let heights = || points().map(|p| p.1).filter(|&y| shown(y));
        let right = points().map(|p| p.0).fold(1.0, f64::max);
        let left = points().map(|p| p.0).fold(right, f64::min);
        let (mut low, mut high) =
            (heights().fold(f64::INFINITY, f64::min), heights().fold(f64::NEG_INFINITY, f64::max));
        if !low.is_finite() {
            (low, high) = (0.1, 1.0);
        }
        if low == high {
            (low, high) = if self.log { (0.5 * low, 2.0 * high) } else { (low - 0.5, high + 0.5) };
        }
        let kind = if self.log { Kind::Log } else { Kind::Linear };
        let y = Scale::new(kind, (low, high), (size.height - BOTTOM, TOP));
        (Scale::linear((left, right), (LEFT, size.width - RIGHT)), y)
    }

    fn heights(&self, scale: &Scale) -> Vec<(f64, String)> {
        let (low, high) = scale.domain();
        if !self.log {
            let at = ticks::linear(low, high, 4);
            return at.iter().map(|&value| (scale.pixel(value), ticks::label(value, &at))).collect();
        }
        let powers = (low.log10().ceil() as i32)..=(high.log10().floor() as i32);
        let mut at: Vec<f64> = powers.map(|power| 10f64.powi(power)).collect();
        if at.len() < 2 {
            at = vec![low, high];
        }
        at.into_iter().map(|value| (scale.pixel(value), format::significant(value))).collect()
    }

    fn table(&self) -> Table {
        let mut heads = vec![self.axis.clone()];
        heads.extend(self.lines.iter().map(|line| line.name.clone()));
        let first = self.lines.first().map(|line| line.points.as_slice()).unwrap_or_default();
        let rows = first.iter().enumerate().map(|(i, (x, _))| {
            let cells = self
                .lines
                .iter()
                .map(|line| line.points.get(i).map_or(String::new(), |p| format!("{:e}", p.1)));
            std::iter::once(x.to_string()).chain(cells).collect()
        });
        Table { heads, rows: rows.collect() }
    }
}

/// The chart.
#[component]
pub fn Curves(
    /// Its title.
    #[prop(into)]
    title: Signal<String>,
    /// What it shows and what is better.
    #[prop(into)]
    summary: Signal<String>,
    /// The name of exported files.
    name: &'static str,
    /// What is drawn.
    #[prop(into)]
    plot: Signal<Plot>,
) -> impl IntoView {
    let drawing = move |size: Signal<Size>| view! { <Drawing plot size /> }.into_any();
    let legend = move || {
        plot.with(|plot| {
            let lines = plot.lines.iter().filter(|_| plot.lines.len() > 1);
            lines
                .map(|line| view! { <span class=format!("key {}", line.class)>{line.name.clone()}</span> })
                .collect_view()
        })
    };
    view! {
        <div class="curves">
            <Frame
                title
                summary
                name
                table=Callback::new(move |()| plot.with(Plot::table))
                aside=legend
                drawing=Callback::new(drawing)
            />
        </div>
    }
}

#[component]
fn Drawing(plot: Signal<Plot>, size: Signal<Size>) -> impl IntoView {
    let scales = Memo::new(move |_| plot.with(|plot| plot.scales(size.get())));
    let up = move || plot.with(|plot| plot.heights(&scales.get().1));
    let across = move || {
        let (x, _) = scales.get();
        let at = ticks::linear(x.domain().0, x.domain().1, 5);
        at.iter().map(|&value| (x.pixel(value), ticks::label(value, &at))).collect::<Vec<_>>()
    };
    let floor = move || size.get().height - BOTTOM;
    let lines = move || {
        let (x, y) = scales.get();
        plot.with(|plot| {
            let shown = |p: &&(f64, f64)| p.1.is_finite() && (!plot.log || p.1 > 0.0);
            let line = |line: &Line| {
                let points = line.points.iter().filter(shown).map(|&(a, b)| (x.pixel(a), y.pixel(b)));
                (line.class, path::line(points))
            };
            plot.lines.iter().map(line).collect::<Vec<_>>()
        })
    };
    let mark = move || scales.get().0.pixel(plot.with(|plot| plot.mark));
    view! {
        <line class="axis" x1=LEFT x2=move || size.get().width - RIGHT y1=floor y2=floor />
        {move || up().into_iter().map(|(y, label)| view! { <text x=LEFT - 6.0 y=y + 4.0 text-anchor="end">{label}</text> }).collect_view()}
        {move || across().into_iter().map(|(x, label)| view! { <text x=x y=floor() + 13.0 text-anchor="middle">{label}</text> }).collect_view()}
        <text x=move || size.get().width - RIGHT y=move || size.get().height - 1.0 text-anchor="end">{move || plot.with(|plot| plot.axis.clone())}</text>
        <line class="mark" x1=mark x2=mark y1=TOP y2=floor />
        {move || lines().into_iter().map(|(class, d)| view! { <path class=format!("line {class}") d=d /> }).collect_view()}
    }
}
