//! Training of the whole network: the loss, latent weights on their grid, step sizes.

use fewbit_quant::methods::Frame as Shot;
use leptos::prelude::*;

use super::Reel;
use super::curves::{Curves, Line, Plot};
use crate::chart::{Frame, Scale, Size, Table, path};
use crate::i18n::words;
use crate::state::Desk;
use crate::ui::format;

/// Bins of one code in a histogram of latent weights.
const BINS_PER_CODE: usize = 12;
const BOTTOM: f64 = 18.0;
const TOP: f64 = 6.0;
const SIDE: f64 = 8.0;

/// The pictures.
#[component]
pub fn Training(
    /// What is shown.
    film: Memo<Reel>,
) -> impl IntoView {
    let desk = Desk::here();
    let layer = desk.part(|document| document.view.layer as usize);
    let name = move || {
        desk.results.facts.with(|facts| {
            facts.as_ref().and_then(|facts| facts.layers.get(layer.get())).map(|layer| layer.name.clone())
        })
    };
    let loss = Memo::new(move |_| film.with(loss_curve));
    let scales = Memo::new(move |_| film.with(|film| scale_curves(film, layer.get())));
    let latent = Memo::new(move |_| {
        film.with(|film| match film.now() {
            Some(Shot::Training { latent, .. }) => latent.get(layer.get()).cloned().unwrap_or_default(),
            _ => Vec::new(),
        })
    });
    let formula = move || {
        film.with(|film| match film.now() {
            Some(Shot::Training { step, of, loss, rate, weight_scales, .. }) => {
                let scale = weight_scales.get(layer.get()).copied().unwrap_or(0.0);
                format!(
                    "ŵ = s·⌊clip(w/s, n, p)⌉, s = {} · L = {} · η = {} · {step}/{of}",
                    format::significant(scale.into()),
                    format::significant(*loss),
                    format::significant(*rate)
                )
            }
            _ => String::new(),
        })
    };
    let oscillating = move || {
        film.with(|film| match film.now() {
            Some(Shot::Training { oscillating, .. }) => {
                let share = oscillating.get(layer.get()).copied().unwrap_or(0.0);
                (words().learn.oscillating)(&format::percent(share.into()))
            }
            _ => String::new(),
        })
    };
    let table = move |()| Table {
        heads: vec![words().learn.code.to_owned(), "n".to_owned()],
        rows: latent.with(|latent| {
            let bin = |(i, n): (usize, &u32)| {
                vec![format!("{:.2}", (i as f64 + 0.5) / BINS_PER_CODE as f64 - 0.5), n.to_string()]
            };
            latent.iter().enumerate().map(bin).collect()
        }),
    };
    view! {
        <p class="formula num">{formula}</p>
        <Curves
            title=Signal::derive(|| words().learn.loss.to_owned())
            summary=Signal::derive(|| words().learn.loss_summary.to_owned())
            name="loss"
            plot=loss
        />
        <p class="muted"><b>{name}</b>" "{oscillating}</p>
        <Show when=move || !latent.with(Vec::is_empty)>
            <div class="soft">
                <Frame
                    title=Signal::derive(|| words().learn.latent.to_owned())
                    summary=Signal::derive(|| words().learn.latent_summary.to_owned())
                    name="latent"
                    table=Callback::new(table)
                    drawing=Callback::new(move |size: Signal<Size>| view! { <Latent bins=latent size /> }.into_any())
                />
            </div>
        </Show>
        <Curves
            title=Signal::derive(|| words().learn.scales.to_owned())
            summary=Signal::derive(|| words().learn.scales_summary.to_owned())
            name="scales"
            plot=scales
        />
    }
}

fn points(film: &Reel, value: impl Fn(&Shot) -> Option<f64>) -> Vec<(f64, f64)> {
    let points = film.frames.iter().filter_map(|frame| match frame.as_ref() {
        Shot::Training { step, .. } => Some((f64::from(*step), value(frame)?)),
        _ => None,
    });
    points.collect()
}

fn mark(film: &Reel) -> f64 {
    match film.now() {
        Some(Shot::Training { step, .. }) => f64::from(*step),
        _ => 0.0,
    }
}

fn loss_curve(film: &Reel) -> Plot {
    let loss = points(film, |frame| match frame {
        Shot::Training { loss, .. } => Some(*loss),
        _ => None,
    });
    Plot {
        lines: vec![Line { name: words().learn.loss.to_owned(), class: "first", points: loss }],
        mark: mark(film),
        log: true,
        axis: words().learn.iteration.to_owned(),
    }
}

/// The scales of a layer against where they started.
fn scale_curves(film: &Reel, layer: usize) -> Plot {
    let relative = |of: fn(&Shot) -> Option<&Vec<f32>>| {
        let mut points = points(film, |frame| of(frame)?.get(layer).map(|&scale| f64::from(scale)));
        let start = points.first().map_or(1.0, |first| first.1);
        points.iter_mut().for_each(|point| point.1 /= if start == 0.0 { 1.0 } else { start });
        points
    };
    let weights = relative(|frame| match frame {
        Shot::Training { weight_scales, .. } => Some(weight_scales),
        _ => None,
    });
    let inputs = relative(|frame| match frame {
        Shot::Training { input_scales, .. } => Some(input_scales),
        _ => None,
    });
    let line = |name: &str, class, points| Line { name: name.to_owned(), class, points };
    Plot {
        lines: vec![
            line(words().learn.of_weights, "first", weights),
            line(words().learn.of_inputs, "second", inputs),
        ],
        mark: mark(film),
        log: false,
        axis: words().learn.iteration.to_owned(),
    }
}

/// Latent weights between codes, with the edges at which rounding turns.
#[component]
fn Latent(bins: Memo<Vec<u32>>, size: Signal<Size>) -> impl IntoView {
    let codes = move || bins.with(Vec::len) / BINS_PER_CODE;
    let x = move || Scale::linear((0.0, codes().max(1) as f64), (SIDE, size.get().width - SIDE));
    let floor = move || size.get().height - BOTTOM;
    let bars = move || {
        let x = x();
        let most = bins.with(|bins| bins.iter().copied().max().unwrap_or(1)).max(1);
        let y = Scale::linear((0.0, f64::from(most)), (floor(), TOP));
        bins.with(|bins| {
            let edges: Vec<f64> =
                (0..=bins.len()).map(|i| x.pixel(i as f64 / BINS_PER_CODE as f64)).collect();
            let heights: Vec<f64> = bins.iter().map(|&n| y.pixel(f64::from(n))).collect();
            path::steps(&edges, &heights, y.pixel(0.0))
        })
    };
    view! {
        <path class="bars" d=bars />
        <line class="axis" x1=SIDE x2=move || size.get().width - SIDE y1=floor y2=floor />
        {move || (1..codes()).map(|code| {
            let at = x().pixel(code as f64);
            view! { <line class="mark" x1=at x2=at y1=TOP y2=floor() /> }
        }).collect_view()}
        {move || (0..codes()).map(|code| {
            view! { <text x=x().pixel(code as f64 + 0.5) y=floor() + 13.0 text-anchor="middle">{code.to_string()}</text> }
        }).collect_view()}
    }
}
