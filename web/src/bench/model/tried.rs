//! Everything tried so far: size against accuracy, each point a way back.

use fewbit_experiment::Command;
use leptos::prelude::*;

use super::headline::{percent, score};
use crate::chart::{Frame, Scale, Size, Table, path, ticks};
use crate::i18n::words;
use crate::state::{Desk, Tried};
use crate::ui::format;

const LEFT: f64 = 34.0;
const RIGHT: f64 = 10.0;
const TOP: f64 = 14.0;
const BOTTOM: f64 = 30.0;
/// Accuracy axes show at least this span, in percent.
const LEAST_SPAN: f64 = 2.0;

/// The points that no other point beats on both axes, from small to large.
fn frontier(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let mut sorted = points.to_vec();
    sorted.sort_by(|a, b| a.0.total_cmp(&b.0).then(b.1.total_cmp(&a.1)));
    let mut best = f64::NEG_INFINITY;
    sorted.retain(|&(_, y)| {
        let is_better = y > best;
        best = best.max(y);
        is_better
    });
    sorted
}

fn point(tried: &Tried) -> (f64, f64) {
    (tried.size.bytes as f64 / 1e3, 100.0 * score(&tried.evaluation))
}

/// The float model's accuracy on the samples of the newest point, in percent.
fn float_score(tried: &[Tried]) -> Option<f64> {
    let evaluation = &tried.last()?.evaluation;
    let right = evaluation.float_correct.unwrap_or(evaluation.n);
    Some(100.0 * f64::from(right) / f64::from(evaluation.n.max(1)))
}

/// Both axes for the points that there are.
fn axes(tried: &[Tried], size: Size) -> (Scale, Scale) {
    let points = tried.iter().map(point);
    let widest = points.clone().map(|p| p.0).fold(1.0, f64::max);
    let top = points.clone().map(|p| p.1).chain(float_score(tried)).fold(0.0, f64::max);
    let bottom = points.map(|p| p.1).fold(top - LEAST_SPAN, f64::min);
    let margin = 0.06 * (top - bottom);
    let x = Scale::linear((0.0, 1.05 * widest), (LEFT, size.width - RIGHT));
    let y = Scale::linear((bottom - margin, top + margin), (size.height - BOTTOM, TOP));
    (x, y)
}

/// The scatter.
#[component]
pub fn TriedChart() -> impl IntoView {
    let desk = Desk::here();
    let tried = desk.results.tried;
    let summary = Signal::derive(move || (words().model.tried_summary)(tried.with(Vec::len)));
    let table = move |()| Table {
        heads: words().model.tried_heads.map(str::to_owned).to_vec(),
        rows: tried.with(|tried| tried.iter().map(row).collect()),
    };
    let drawing = move |size: Signal<Size>| view! { <Drawing size /> }.into_any();
    view! {
        <div class="tried">
            <Frame
                title=Signal::derive(|| words().model.tried.to_owned())
                summary
                table=Callback::new(table)
                name="tried"
                drawing=Callback::new(drawing)
            />
        </div>
    }
}

fn row(tried: &Tried) -> Vec<String> {
    let evaluation = &tried.evaluation;
    vec![
        tried.size.bytes.to_string(),
        format!("{:.3}", tried.size.effective_bits),
        format!("{:.2}", 100.0 * score(evaluation)),
        format!("{:.2}", 100.0 * f64::from(evaluation.agree) / f64::from(evaluation.n.max(1))),
        format!("{:.5}", evaluation.kl),
    ]
}

#[component]
fn Drawing(size: Signal<Size>) -> impl IntoView {
    let desk = Desk::here();
    let tried = desk.results.tried;
    let scales = Memo::new(move |_| tried.with(|tried| axes(tried, size.get())));
    let line = move || {
        let (x, y) = scales.get();
        let points = tried.with(|tried| frontier(&tried.iter().map(point).collect::<Vec<_>>()));
        path::line(points.into_iter().map(|(a, b)| (x.pixel(a), y.pixel(b))))
    };
    let float = move || {
        let height = scales.get().1.pixel(tried.with(|tried| float_score(tried))?);
        let bytes = tried.with(|tried| tried.last().map(|last| last.size.float_bytes))?;
        Some((height, (words().model.float_at)(&format::bytes(bytes))))
    };
    let recipe = desk.part(|document| document.recipe.clone());
    let is_empty = Memo::new(move |_| tried.with(Vec::is_empty));
    view! {
        {move || match is_empty.get() {
            true => view! { <Nothing size /> }.into_any(),
            false => view! { <Axes scales size /> }.into_any(),
        }}
        {move || float().map(|(height, label)| view! {
            <line class="float-line" x1=LEFT x2=size.get().width - RIGHT y1=height y2=height />
            <text x=size.get().width - RIGHT y=height - 4.0 text-anchor="end">{label}</text>
        })}
        <path class="frontier" d=line />
        <For each=move || tried.get() key=|tried| tried.id let(point_tried)>
            {
                let (a, b) = point(&point_tried);
                let document = point_tried.document.clone();
                let own = document.recipe.clone();
                let is_now = move || recipe.with(|recipe| *recipe == own);
                let name = (words().model.point)(
                    &format!("{:.2}", point_tried.size.effective_bits),
                    &format::bytes(point_tried.size.bytes),
                    &format!("{} %", percent(score(&point_tried.evaluation))),
                );
                let back = StoredValue::new(document.recipe);
                let go = move || desk.dispatch(Command::SetRecipe(back.get_value()));
                view! {
                    <circle
                        class="point"
                        class:now=is_now
                        cx=move || scales.get().0.pixel(a)
                        cy=move || scales.get().1.pixel(b)
                        r="4.5"
                        tabindex="0"
                        role="button"
                        aria-label=name.clone()
                        on:click=move |_| go()
                        on:keydown=move |event| if matches!(event.key().as_str(), "Enter" | " ") { event.prevent_default(); go() }
                    ><title>{name.clone()}</title></circle>
                }
            }
        </For>
    }
}

/// In place of axes, which would have no scale.
#[component]
fn Nothing(size: Signal<Size>) -> impl IntoView {
    view! {
        <text x=move || 0.5 * size.get().width y=move || 0.5 * size.get().height text-anchor="middle">
            {move || words().model.tried_nothing}
        </text>
    }
}

#[component]
fn Axes(scales: Memo<(Scale, Scale)>, size: Signal<Size>) -> impl IntoView {
    let across = move || {
        let (x, _) = scales.get();
        let at = ticks::linear(x.domain().0, x.domain().1, 5);
        at.iter().map(|&value| (x.pixel(value), ticks::label(value, &at))).collect::<Vec<_>>()
    };
    let up = move || {
        let (_, y) = scales.get();
        let at = ticks::linear(y.domain().0, y.domain().1, 5);
        at.iter().map(|&value| (y.pixel(value), ticks::label(value, &at))).collect::<Vec<_>>()
    };
    let floor = move || size.get().height - BOTTOM;
    view! {
        <line class="axis" x1=LEFT x2=move || size.get().width - RIGHT y1=floor y2=floor />
        {move || across().into_iter().map(|(x, label)| view! { <text x=x y=floor() + 13.0 text-anchor="middle">{label}</text> }).collect_view()}
        {move || up().into_iter().map(|(y, label)| view! { <text x=LEFT - 6.0 y=y + 4.0 text-anchor="end">{label}</text> }).collect_view()}
        <text x=move || size.get().width - RIGHT y=move || size.get().height - 3.0 text-anchor="end">{move || words().model.axis_size}</text>
        <text x="0" y="9">{move || words().model.axis_accuracy}</text>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_frontier_has_only_points_that_nothing_beats() {
        let points = [(3.0, 5.0), (1.0, 2.0), (2.0, 1.0), (4.0, 5.0), (2.0, 4.0)];
        assert_eq!(frontier(&points), [(1.0, 2.0), (2.0, 4.0), (3.0, 5.0)]);
    }
}
