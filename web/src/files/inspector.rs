//! The tensor that is looked at: what its values are, and what quantizing does to them.

use fewbit_experiment::Part;
use fewbit_experiment::inspect::{Inspected, Statistics, Target};
use fewbit_numeric::ggml::BlockType;
use fewbit_quant::Choice;
use leptos::prelude::*;

use super::histogram::Histogram;
use super::list;
use super::protocol::TensorFacts;
use super::viewer::{Seen, Viewer, usual};
use crate::bench::graph_screen::lists::pairs;
use crate::bench::layer::controls::ChoiceControls;
use crate::bench::layer::term::Term;
use crate::i18n::files::words;
use crate::i18n::words as page_words;
use crate::ui::format;

/// The types of ggml's that can be made.
const BLOCKS: [BlockType; 10] = [
    BlockType::Q8_0,
    BlockType::Q6_K,
    BlockType::Q5_K,
    BlockType::Q5_1,
    BlockType::Q5_0,
    BlockType::Q4_K,
    BlockType::Q4_1,
    BlockType::Q4_0,
    BlockType::BF16,
    BlockType::F16,
];

/// The panel.
#[component]
pub fn Inspector() -> impl IntoView {
    let viewer = Viewer::here();
    let tensor = Memo::new(move |_| viewer.chosen.get().and_then(|chosen| viewer.tensor(chosen)));
    let is_there = Memo::new(move |_| tensor.with(Option::is_some));
    let is_readable =
        Memo::new(move |_| tensor.with(|tensor| tensor.as_ref().is_some_and(|t| t.is_readable)));
    view! {
        <section class="panel layer inspector" aria-label=move || words().tensor>
            <div class="head">
                <h2 class="title">{move || tensor.with(|tensor| tensor.as_ref().map_or_else(|| words().tensor.to_owned(), |t| t.name.clone()))}</h2>
                <span class="grow"></span>
                <Working viewer />
            </div>
            <div class="body" tabindex="0">
                {move || tensor.with(|tensor| tensor.as_ref().map(stored))}
                <Show when=move || is_readable.get() fallback=move || view! { <p class="muted">{if is_there.get() { words().unread } else { words().choose }}</p> }>
                    <Seeing viewer />
                </Show>
            </div>
        </section>
    }
}

/// How the tensor lies in the file.
fn stored(tensor: &TensorFacts) -> AnyView {
    let words = words();
    let pair = |head: &str, text: String| (head.to_owned(), text);
    pairs(vec![
        pair(words.shape, list::shape(tensor)),
        pair(words.stored, (words.stored_as)(&tensor.element, &format!("{:.2}", tensor.bits()))),
        pair(words.bytes, format::bytes(tensor.bytes)),
    ])
}

/// How far a look is, and the way to stop it.
#[component]
fn Working(viewer: Viewer) -> impl IntoView {
    let is_working = Memo::new(move |_| viewer.progress.with(Option::is_some));
    view! {
        <Show when=move || is_working.get()>
            <progress max="1" aria-label=move || words().looking prop:value=move || viewer.progress.get().unwrap_or_default()></progress>
            <button class="chip" on:click=move |_| viewer.cancel()>{move || words().cancel}</button>
        </Show>
    }
}

#[component]
fn Seeing(viewer: Viewer) -> impl IntoView {
    // What was seen of another tensor is not shown for this one.
    let seen = Memo::new(move |_| {
        let chosen = viewer.chosen.get();
        viewer.seen.with(|seen| seen.clone().filter(|seen| Some(seen.tensor) == chosen))
    });
    let inspected = move || seen.with(|seen| seen.as_ref().map(|seen| seen.inspected.clone()));
    let view = Memo::new(move |_| inspected().map(|inspected| inspected.view));
    let statistics = Memo::new(move |_| inspected().map(|inspected| inspected.statistics));
    let stale = Signal::derive(move || viewer.is_stale());
    let outliers =
        Memo::new(move |_| view.with(|view| view.as_ref().map(|view| view.outside.iter().sum::<u64>())));
    view! {
        {move || statistics.with(|statistics| statistics.as_ref().map(|s| values(s, outliers.get().unwrap_or_default())))}
        <h3 class="section">{move || words().quantize}</h3>
        <TargetControls viewer />
        <p class="differs" role="status" hidden=move || seen.with(|seen| reason(seen.as_ref()).is_none())>{move || seen.with(|seen| reason(seen.as_ref()))}</p>
        <div class:stale=stale>{move || seen.with(|seen| seen.as_ref().map(outcome))}</div>
        <Histogram view stale />
        {move || statistics.with(|statistics| statistics.as_ref().and_then(widest))}
        <p class="muted small">{move || seen.with(|seen| seen.as_ref().map(|seen| (words().took)(seen.millis, &format::bytes(viewer.memory.get()))))}</p>
    }
}

/// What the values are.
fn values(statistics: &Statistics, outliers: u64) -> AnyView {
    let words = words();
    let number = |x: f64| format::significant(x);
    let share = |n: u64| {
        let share = format::percent(n as f64 / statistics.n.max(1) as f64);
        if n == 0 { "0".to_owned() } else { format!("{} ({share})", format::count(n)) }
    };
    let Statistics { n, range, mean, deviation, zeros, not_finite, .. } = *statistics;
    let not_finite =
        (not_finite > 0).then(|| (words.not_finite, words.not_finite_meaning, share(not_finite)));
    let rows = [
        ("n", words.n_meaning, format::count(n)),
        (words.smallest, words.smallest_meaning, number(range.min.into())),
        (words.largest, words.largest_meaning, number(range.max.into())),
        (words.mean, words.mean_meaning, number(mean)),
        (words.deviation, words.deviation_meaning, number(deviation)),
        (words.zeros, words.zeros_meaning, share(zeros)),
        (words.outliers, words.outliers_meaning, share(outliers)),
    ];
    let cells = rows.into_iter().chain(not_finite).map(|(head, meaning, text)| {
        view! { <div><dt><Term meaning=Signal::stored(meaning.to_owned())>{head}</Term></dt><dd class="num">{text}</dd></div> }
    });
    view! { <dl class="cells">{cells.collect_view()}</dl> }.into_any()
}

/// Why what was done is not, or not exactly, what was asked.
fn reason(seen: Option<&Seen>) -> Option<String> {
    let Seen { asked, inspected, .. } = seen?;
    let why = inspected.reason.as_ref()?;
    Some((page_words().layer.differs)(&asked.to_string(), &inspected.done.to_string(), why))
}

/// What quantizing does: bits, bytes and errors.
fn outcome(seen: &Seen) -> Option<AnyView> {
    let (words, page) = (words(), &page_words().layer);
    let Inspected { statistics, view, bits, .. } = &seen.inspected;
    let bits = (*bits)?;
    let errors = &view.errors;
    let clipped: u64 = view.clipped.iter().sum();
    let each = bits as f64 / statistics.n.max(1) as f64;
    let rows = [
        (words.effective, words.effective_meaning, format!("{each:.3}")),
        (words.bytes, words.bytes_meaning, format::bytes(bits.div_ceil(8))),
        (page.measures[1], page.measure_meanings[1], format::decibels(errors.sqnr_db)),
        (page.measures[0], page.measure_meanings[0], format::significant(errors.mse)),
        (page.measures[2], page.measure_meanings[2], format!("{:.6}", errors.cosine)),
        (page.measures[3], page.measure_meanings[3], format::significant(errors.max_abs)),
        (words.clipped, words.clipped_meaning, format::count(clipped)),
    ];
    let cells = rows.map(|(head, meaning, text)| {
        view! { <div><dt><Term meaning=Signal::stored(meaning.to_owned())>{head}</Term></dt><dd class="num">{text}</dd></div> }
    });
    Some(view! { <dl class="cells outcome">{cells.collect_view()}</dl> }.into_any())
}

/// The channels with the largest magnitudes.
fn widest(statistics: &Statistics) -> Option<AnyView> {
    let words = words();
    let median = statistics.median_magnitude?;
    let rows = statistics.widest.iter().map(|channel| {
        let magnitude = channel.range.max_abs();
        let ratio = if median > 0.0 { format!("{:.1}×", magnitude / median) } else { "–".to_owned() };
        view! {
            <tr>
                <th scope="row" class="num">{format::count(channel.index)}</th>
                <td class="num right">{format::significant(channel.range.min.into())}</td>
                <td class="num right">{format::significant(channel.range.max.into())}</td>
                <td class="num right">{ratio}</td>
            </tr>
        }
    });
    Some(
        view! {
            <h3 class="section">{(words.widest)(&format::count(statistics.channels))}</h3>
            <table class="plain">
                <thead><tr>
                    <th scope="col">{words.channel}</th>
                    <th scope="col" class="right">{words.smallest}</th>
                    <th scope="col" class="right">{words.largest}</th>
                    <th scope="col" class="right">{words.of_median}</th>
                </tr></thead>
                <tbody>{rows.collect_view()}</tbody>
            </table>
        }
        .into_any(),
    )
}

/// What the tensor is to become: codes on a grid, or blocks of ggml's.
#[component]
fn TargetControls(viewer: Viewer) -> impl IntoView {
    // What was chosen of each kind, to come back to.
    let grid = RwSignal::new(Choice::Quantize(usual()));
    let blocks = RwSignal::new(BlockType::Q4_K);
    let is_blocks = Memo::new(move |_| matches!(viewer.target.get(), Target::Blocks(_)));
    let choice = Memo::new(move |_| grid.get());
    let on_kind = move |event| match event_target_value(&event).as_str() {
        "ggml" => viewer.aim(Target::Blocks(blocks.get_untracked())),
        _ => viewer.aim(Target::from(grid.get_untracked())),
    };
    let on_pick = Callback::new(move |choice| {
        grid.set(choice);
        viewer.aim(Target::from(choice));
    });
    let on_block = move |event| {
        if let Ok(kind) = event_target_value(&event).parse::<BlockType>() {
            blocks.set(kind);
            viewer.aim(Target::Blocks(kind));
        }
    };
    view! {
        <div class="row target">
            <select class="chip" aria-label=move || words().kind on:change=on_kind>
                <option value="grid" prop:selected=move || !is_blocks.get()>{move || words().grid}</option>
                <option value="ggml" prop:selected=move || is_blocks.get()>{move || words().blocks}</option>
            </select>
            <Show
                when=move || is_blocks.get()
                fallback=move || view! { <ChoiceControls part=Part::Weights choice usual=Callback::new(move |()| usual()) on_pick /> }
            >
                <select class="chip" aria-label=move || words().block_type on:change=on_block>
                    {BLOCKS.map(|kind| view! {
                        <option value=kind.to_string() prop:selected=move || blocks.get() == kind>{format!("{kind} · {}", kind.bits_per_value())}</option>
                    })}
                </select>
            </Show>
        </div>
    }
}
