//! The weights of one channel, each with its code: what becomes of single numbers.

pub mod tiles;

use fewbit_numeric::Affine;
use fewbit_quant::report::ChannelWeights;
use leptos::prelude::*;

use tiles::{TONES, Tiles};

use super::formula;
use super::looked::Looked;
use crate::chart::{Area, Arrow, Frame, Probe, Size, Table, Tip};
use crate::i18n::words;
use crate::ui::format;

/// The smallest cell in which a code is written, in pixels.
const READABLE: f64 = 15.0;
/// How strongly the largest magnitude is drawn: codes on it stay readable.
const STRONGEST: f64 = 0.6;

/// Weight `i` as it became: its grid and code.
fn quantized(weights: &ChannelWeights, i: usize) -> Option<(Affine, i32)> {
    let grid = weights.grids.get(i / weights.group_len.max(1)).or(weights.grids.first())?;
    Some((*grid, *weights.codes.get(i)?))
}

/// The place of weight `i` along each axis.
fn coordinates(shape: &[usize], i: usize) -> Vec<usize> {
    let mut rest = i;
    let mut place: Vec<usize> = shape
        .iter()
        .rev()
        .map(|&length| {
            let along = rest % length.max(1);
            rest /= length.max(1);
            along
        })
        .collect();
    place.reverse();
    place
}

fn lines(weights: &ChannelWeights, i: usize) -> Vec<String> {
    let words = &words().layer;
    let Some(&value) = weights.values.get(i) else { return Vec::new() };
    let number = |x: f32| format::significant(x.into());
    let place = coordinates(&weights.shape, i).iter().map(usize::to_string).collect::<Vec<_>>().join(", ");
    let mut lines = vec![(words.weight_at)(&place, &number(value))];
    match quantized(weights, i) {
        Some((grid, code)) => {
            let became = grid.value(code as f32);
            lines.push((words.code)(&format::signed(code.into(), 0), &number(became)));
            lines.push(formula::reconstruction(grid, code as f32));
            lines.push((words.weight_error)(&number(became - value)));
        }
        None => lines.push(words.kept_in_float.to_owned()),
    }
    lines
}

fn table(weights: &ChannelWeights) -> Table {
    let row = |(i, value): (usize, &f32)| {
        let place = coordinates(&weights.shape, i).iter().map(usize::to_string).collect::<Vec<_>>().join(" ");
        let mut row = vec![place, value.to_string()];
        match quantized(weights, i) {
            Some((grid, code)) => {
                let became = grid.value(code as f32);
                row.extend([code.to_string(), became.to_string(), (became - value).to_string()]);
            }
            None => row.resize(5, String::new()),
        }
        row
    };
    Table {
        heads: words().layer.weight_heads.map(str::to_owned).to_vec(),
        rows: weights.values.iter().enumerate().map(row).collect(),
    }
}

/// The map.
#[component]
pub fn WeightMap(
    /// The layer that is looked at.
    looked: Looked,
) -> impl IntoView {
    let weights = looked.seen(|view| view.channel_weights.clone());
    let shape = looked.seen(|view| view.channel_weights.shape.clone());
    let picked = RwSignal::new(None::<usize>);
    let said = Memo::new(move |_| {
        let Some(mark) = picked.get() else { return Vec::new() };
        weights.with(|weights| weights.as_ref().map(|weights| lines(weights, mark))).unwrap_or_default()
    });
    let title = move || {
        let channel = weights.with(|weights| weights.as_ref().map_or(0, |weights| weights.channel));
        (words().layer.weight_map)(channel)
    };
    let count = Memo::new(move |_| weights.with(|weights| weights.as_ref().map_or(0, |w| w.values.len())));
    let tiles = move |size: Signal<Size>| {
        Memo::new(move |_| shape.with(|shape| Tiles::new(shape.as_deref().unwrap_or_default(), size.get())))
    };
    view! {
        <div class="weight-map">
            <Frame
                title=Signal::derive(title)
                summary=Signal::derive(move || (words().layer.weight_map_summary)(count.get()))
                table=Callback::new(move |()| weights.with(|weights| weights.as_ref().map(table).unwrap_or_default()))
                name="channel-weights"
                stale=looked.stale
                aside=move || view! { <span class="muted">{move || words().layer.weight_map_aside}</span> }
                drawing=Callback::new(move |size| view! { <Drawing weights count picked said tiles=tiles(size) /> }.into_any())
                overlay=Callback::new(move |size| {
                    let tiles = tiles(size);
                    let x = Signal::derive(move || {
                        let map = tiles.get();
                        picked.get().map(|mark| map.place(mark).0 + 0.5 * map.cell)
                    });
                    view! { <Tip x size lines=said /> }.into_any()
                })
            />
        </div>
    }
}

#[component]
fn Drawing(
    weights: Memo<Option<ChannelWeights>>,
    count: Memo<usize>,
    picked: RwSignal<Option<usize>>,
    said: Memo<Vec<String>>,
    tiles: Memo<Tiles>,
) -> impl IntoView {
    // Values and codes apart: a drag changes the codes alone.
    let values = Memo::new(move |_| weights.with(|weights| weights.as_ref().map(|w| w.values.clone())));
    let codes = Memo::new(move |_| weights.with(|weights| weights.as_ref().map(|w| w.codes.clone())));
    let tones =
        Memo::new(move |_| values.with(|values| tiles.get().tones(values.as_deref().unwrap_or_default())));
    let tone = move |i: usize| tones.with(|tones| tones.get(i).cloned());
    let strength = |i: usize| (STRONGEST * (i % TONES + 1) as f64 / TONES as f64).to_string();
    let written = Memo::new(move |_| {
        let has_codes = codes.with(|codes| codes.as_ref().is_some_and(|codes| !codes.is_empty()));
        if tiles.get().cell >= READABLE && has_codes { count.get() } else { 0 }
    });
    let area = Memo::new(move |_| {
        let map = tiles.get();
        Area { left: 0.0, top: 0.0, width: map.width(), height: map.height() }
    });
    let corner = move || tiles.get().place(picked.get().unwrap_or_default());
    let code = move |i: usize| {
        codes
            .with(|codes| codes.as_ref().and_then(|codes| codes.get(i).copied()))
            .map(|code| format::signed(code.into(), 0))
    };
    view! {
        {(0..TONES).map(|i| view! { <path class="positive" fill-opacity=strength(i) d=move || tone(i) /> }).collect_view()}
        {(TONES..2 * TONES).map(|i| view! { <path class="negative" stroke-opacity=strength(i) d=move || tone(i) /> }).collect_view()}
        <For each=move || 0..written.get() key=|i| *i let(i)>
            <text
                class="code"
                x=move || tiles.get().place(i).0 + 0.5 * tiles.get().cell
                y=move || tiles.get().place(i).1 + 0.5 * tiles.get().cell + 3.5
                text-anchor="middle"
            >
                {move || code(i)}
            </text>
        </For>
        <rect
            class="picked"
            visibility=move || if picked.get().is_some() { "visible" } else { "hidden" }
            x=move || corner().0
            y=move || corner().1
            width=move || tiles.get().cell
            height=move || tiles.get().cell
        />
        <Probe
            name=Signal::derive(|| words().layer.pick_weight.to_owned())
            area
            count
            picked
            first=Signal::derive(|| 0)
            text=Signal::derive(move || said.get().join(", "))
            at=Callback::new(move |(x, y): (f64, f64)| tiles.get_untracked().at(x, y))
            step=Callback::new(move |(i, arrow): (usize, Arrow)| tiles.get_untracked().step(i, arrow))
        />
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_axis_runs_fastest() {
        assert_eq!(coordinates(&[16, 3, 3], 10), [1, 0, 1]);
        assert_eq!(coordinates(&[], 0), Vec::<usize>::new());
    }
}
