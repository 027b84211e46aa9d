//! Learned rounding: the loss, how far roundings are decided, and which differ from nearest.

use fewbit_quant::methods::Frame as Shot;
use leptos::prelude::*;

use super::Reel;
use super::curves::{Curves, Line, Plot};
use crate::chart::{Frame, Scale, Size, Table, path, ticks};
use crate::i18n::words;
use crate::ui::format;

const LEFT: f64 = 44.0;
const BOTTOM: f64 = 18.0;
const TOP: f64 = 6.0;

/// The pictures.
#[component]
pub fn Rounding(
    /// What is shown.
    film: Memo<Reel>,
) -> impl IntoView {
    let plot = Memo::new(move |_| film.with(curves));
    let formula = move || {
        film.with(|film| match film.now() {
            Some(Shot::Rounding { iteration, of, loss, regularizer, beta, .. }) => {
                let [loss, regularizer] = [*loss, *regularizer].map(format::significant);
                let beta = if *beta > 0.0 { format!(", β = {beta:.1}") } else { String::new() };
                format!("‖f(Wx) − f(Ŵx̂)‖² + λ·Σ(1 − |2h(v) − 1|^β) = {loss} + {regularizer}{beta} · {iteration}/{of}")
            }
            _ => String::new(),
        })
    };
    let soft = Memo::new(move |_| {
        film.with(|film| match film.now() {
            Some(Shot::Rounding { soft, .. }) => soft.clone(),
            _ => Vec::new(),
        })
    });
    let map = Memo::new(move |_| {
        film.with(|film| match film.now() {
            Some(Shot::Rounding { map, .. }) => map.clone(),
            _ => Vec::new(),
        })
    });
    let flips = move || map.with(|map| map.iter().filter(|&&step| step != 0).count());
    let soft_table = move |()| Table {
        heads: vec!["h(v)".to_owned(), "n".to_owned()],
        rows: soft.with(|soft| {
            let bin =
                |(i, n): (usize, &u32)| vec![format!("{:.2}", i as f64 / soft.len() as f64), n.to_string()];
            soft.iter().enumerate().map(bin).collect()
        }),
    };
    let map_table = move |()| Table {
        heads: vec!["weight".to_owned(), "code − nearest".to_owned()],
        rows: map.with(|map| {
            let flipped = map.iter().enumerate().filter(|(_, step)| **step != 0);
            flipped.map(|(i, step)| vec![i.to_string(), step.to_string()]).collect()
        }),
    };
    let legend = move || {
        let classes = ["down", "nearest", "up"];
        words()
            .learn
            .map_legend
            .into_iter()
            .zip(classes)
            .map(|(name, class)| view! { <span class=format!("key cell-{class}")>{name}</span> })
            .collect_view()
    };
    view! {
        <p class="formula num">{formula}</p>
        <Curves
            title=Signal::derive(|| words().learn.loss.to_owned())
            summary=Signal::derive(|| words().learn.loss_summary.to_owned())
            name="loss"
            plot
        />
        <div class="soft">
            <Frame
                title=Signal::derive(|| words().learn.soft.to_owned())
                summary=Signal::derive(|| words().learn.soft_summary.to_owned())
                name="soft-rounding"
                table=Callback::new(soft_table)
                drawing=Callback::new(move |size: Signal<Size>| view! { <Bars counts=soft size /> }.into_any())
            />
        </div>
        <div class="map">
            <Frame
                title=Signal::derive(|| words().learn.map.to_owned())
                summary=Signal::derive(move || (words().learn.map_summary)(&format::count(flips() as u64), &format::count(map.with(Vec::len) as u64)))
                name="flips"
                aside=legend
                table=Callback::new(map_table)
                drawing=Callback::new(move |size: Signal<Size>| view! { <Map map size /> }.into_any())
            />
        </div>
        <p class="muted">{move || (words().learn.map_summary)(&format::count(flips() as u64), &format::count(map.with(Vec::len) as u64))}</p>
    }
}

fn curves(film: &Reel) -> Plot {
    let of = |value: fn(f64, f64) -> f64| {
        let points = film.frames.iter().filter_map(|frame| match frame.as_ref() {
            Shot::Rounding { iteration, loss, regularizer, .. } => {
                Some((f64::from(*iteration), value(*loss, *regularizer)))
            }
            _ => None,
        });
        points.collect::<Vec<_>>()
    };
    let mark = match film.now() {
        Some(Shot::Rounding { iteration, .. }) => f64::from(*iteration),
        _ => 0.0,
    };
    let line = |name: &str, class, points| Line { name: name.to_owned(), class, points };
    Plot {
        lines: vec![
            line(words().learn.loss, "first", of(|loss, _| loss)),
            line(words().learn.regularizer, "second", of(|_, regularizer| regularizer)),
        ],
        mark,
        log: true,
        axis: words().learn.iteration.to_owned(),
    }
}

/// Counts as bars from 0 to 1.
#[component]
fn Bars(counts: Memo<Vec<u32>>, size: Signal<Size>) -> impl IntoView {
    let x = move || Scale::linear((0.0, 1.0), (LEFT, size.get().width - 8.0));
    let y = move || {
        let most = counts.with(|counts| counts.iter().copied().max().unwrap_or(1)).max(1);
        Scale::linear((0.0, f64::from(most)), (size.get().height - BOTTOM, TOP))
    };
    let bars = move || {
        let (x, y) = (x(), y());
        counts.with(|counts| {
            let edges: Vec<f64> =
                (0..=counts.len()).map(|i| x.pixel(i as f64 / counts.len() as f64)).collect();
            let heights: Vec<f64> = counts.iter().map(|&n| y.pixel(f64::from(n))).collect();
            path::steps(&edges, &heights, y.pixel(0.0))
        })
    };
    let up = move || {
        let y = y();
        let at = ticks::linear(0.0, y.domain().1, 2);
        at.iter().map(|&value| (y.pixel(value), ticks::label(value, &at))).collect::<Vec<_>>()
    };
    let floor = move || size.get().height - BOTTOM;
    view! {
        <path class="bars" d=bars />
        <line class="axis" x1=LEFT x2=move || size.get().width - 8.0 y1=floor y2=floor />
        {move || up().into_iter().map(|(y, label)| view! { <text x=LEFT - 6.0 y=y + 4.0 text-anchor="end">{label}</text> }).collect_view()}
        {move || [0.0, 0.5, 1.0].map(|value| view! { <text x=x().pixel(value) y=floor() + 13.0 text-anchor="middle">{value.to_string()}</text> })}
    }
}

/// A cell for each weight; those that round otherwise than to nearest are filled.
#[component]
fn Map(map: Memo<Vec<i8>>, size: Signal<Size>) -> impl IntoView {
    let cells = move |step: i8| {
        let Size { width, height } = size.get();
        map.with(|map| {
            if map.is_empty() || width <= 0.0 {
                return String::new();
            }
            let edge = (width * height / map.len() as f64).sqrt().floor().clamp(2.0, 14.0);
            let across = (width / edge).floor().max(1.0) as usize;
            let cell = |(i, _): (usize, &i8)| {
                let (x, y) = ((i % across) as f64 * edge, (i / across) as f64 * edge);
                format!("M{x},{y}h{0}v{0}h-{0}z", edge - 0.5)
            };
            map.iter().enumerate().filter(|(_, found)| **found == step).map(cell).collect()
        })
    };
    view! {
        <path class="cell-nearest" d=move || cells(0) />
        <path class="cell-down" d=move || cells(-1) />
        <path class="cell-up" d=move || cells(1) />
    }
}
