//! What came of the runs so far: sorted, compared, returned to.

use fewbit_experiment::runs::Outcome;
use fewbit_quant::Paired;
use leptos::prelude::*;

use crate::bench::model::headline::score;
use crate::chart::Table;
use crate::i18n::words;
use crate::platform::file;
use crate::state::Desk;
use crate::ui::format;

/// Below this two models can be told apart.
const LEVEL: f64 = 0.05;

fn pipeline_of(outcome: &Outcome) -> String {
    let text = outcome.recipe.pipeline.to_string();
    if text.is_empty() { words().learn.preset_names[0].to_owned() } else { text }
}

/// What a column sorts by; the larger first.
fn key(outcome: &Outcome, column: usize) -> f64 {
    let evaluation = outcome.evaluation.as_ref();
    match column {
        1 => -outcome.size.effective_bits,
        2 => evaluation.map_or(-1.0, score),
        3 => -evaluation.map_or(f64::INFINITY, |e| e.kl),
        4 => -(outcome.size.bytes as f64),
        5 => -outcome.seconds,
        _ => -(outcome.id as f64),
    }
}

/// The panel.
#[component]
pub fn RunsPanel() -> impl IntoView {
    let desk = Desk::here();
    let learning = desk.results.learning;
    let sort = RwSignal::new(2usize);
    let with = RwSignal::new(None::<u64>);
    let rows = move || {
        let mut rows = learning.outcomes.get();
        rows.sort_by(|a, b| key(b, sort.get()).total_cmp(&key(a, sort.get())));
        rows
    };
    view! {
        <section class="panel runs" aria-label=move || words().learn.runs>
            <div class="head">
                <h2>{move || words().learn.runs}</h2>
                <span class="grow"></span>
                <Show when=move || !learning.outcomes.with(Vec::is_empty)>
                    <button class="chip" title=move || (words().chart.save)("csv") on:click=move |_| save(desk)>"csv"</button>
                </Show>
            </div>
            <div class="body">
                <Show when=move || learning.outcomes.with(Vec::is_empty)>
                    <p class="muted">{move || words().learn.runs_nothing}</p>
                </Show>
                <Show when=move || !learning.outcomes.with(Vec::is_empty)>
                    <table class="runs-table">
                        <thead><tr>
                            {move || words().learn.run_heads.into_iter().enumerate().map(|(i, head)| view! {
                                <th aria-sort=move || if sort.get() == i { "descending" } else { "none" }>
                                    <button class="plain" on:click=move |_| sort.set(i)>{head}{move || if sort.get() == i { " ▾" } else { "" }}</button>
                                </th>
                            }).collect_view()}
                        </tr></thead>
                        <tbody>
                            {move || rows().into_iter().map(|outcome| view! { <Row outcome with /> }).collect_view()}
                        </tbody>
                    </table>
                </Show>
                <Comparison with />
                <Findings />
            </div>
        </section>
    }
}

/// The runs as a table: pipelines and recipes as they are written, shares of 1, nat, bytes, seconds.
fn table(outcomes: &[Outcome]) -> Table {
    let heads = [
        "pipeline",
        "weights",
        "activations",
        "seed",
        "effective bits",
        "correct",
        "n",
        "agree",
        "KL nat",
        "bytes",
        "seconds",
        "complete",
    ];
    let row = |outcome: &Outcome| {
        let (recipe, evaluation) = (&outcome.recipe, outcome.evaluation.as_ref());
        let number = |value: Option<u32>| value.map_or_else(String::new, |value| value.to_string());
        vec![
            recipe.pipeline.to_string(),
            recipe.weights.to_string(),
            recipe.activations.to_string(),
            recipe.seed.to_string(),
            outcome.size.effective_bits.to_string(),
            number(evaluation.and_then(|e| e.correct)),
            number(evaluation.map(|e| e.n)),
            number(evaluation.map(|e| e.agree)),
            evaluation.map_or_else(String::new, |e| e.kl.to_string()),
            outcome.size.bytes.to_string(),
            outcome.seconds.to_string(),
            outcome.complete.to_string(),
        ]
    };
    Table { heads: heads.map(str::to_owned).to_vec(), rows: outcomes.iter().map(row).collect() }
}

fn save(desk: Desk) {
    let csv = desk.results.learning.outcomes.with_untracked(|outcomes| table(outcomes).csv());
    if let Err(failure) = file::offer_text("runs.csv", "text/csv", &csv) {
        desk.tell(failure, true);
    }
}

#[component]
fn Row(outcome: Outcome, with: RwSignal<Option<u64>>) -> impl IntoView {
    let desk = Desk::here();
    let learning = desk.results.learning;
    let id = outcome.id;
    let name = pipeline_of(&outcome);
    let evaluation = outcome.evaluation.clone();
    let accuracy = evaluation.as_ref().map_or("–".to_owned(), |e| format!("{:.2}", 100.0 * score(e)));
    let interval = evaluation
        .as_ref()
        .and_then(|e| e.interval)
        .map(|[low, high]| format!("{:.1} – {:.1}", 100.0 * low, 100.0 * high));
    let kl = evaluation.as_ref().map_or("–".to_owned(), |e| format::significant(e.kl));
    let is_shown = move || learning.shown.get() == Some(id);
    view! {
        <tr class:now=is_shown>
            <th scope="row">
                <button class="plain run-name" title=move || words().learn.show aria-pressed=move || is_shown().to_string() on:click=move |_| desk.show_run(id)>{name}</button>
                {(!outcome.complete).then(|| view! { <small class="muted">{move || words().learn.partial}</small> })}
                <label class="muted compare">
                    <input type="checkbox" prop:checked=move || with.get() == Some(id) on:change=move |_| with.update(|with| *with = if *with == Some(id) { None } else { Some(id) }) />
                    {move || words().learn.compare}
                </label>
            </th>
            <td class="num">{format!("{:.2}", outcome.size.effective_bits)}</td>
            <td class="num">{accuracy}<br /><small class="muted">{interval}</small></td>
            <td class="num">{kl}</td>
            <td class="num">{format::bytes(outcome.size.bytes)}</td>
            <td class="num">{format!("{:.1}", outcome.seconds)}</td>
        </tr>
    }
}

/// The run that is ticked against the one on the bench.
#[component]
fn Comparison(with: RwSignal<Option<u64>>) -> impl IntoView {
    let desk = Desk::here();
    let learning = desk.results.learning;
    let pair = Memo::new(move |_| {
        let (first, second) = (with.get()?, learning.shown.get()?);
        if first == second {
            return None;
        }
        learning.outcomes.with(|outcomes| {
            let find = |id| outcomes.iter().find(|outcome| outcome.id == id).cloned();
            Some((find(first)?, find(second)?))
        })
    });
    let paired = move || {
        let (first, second) = pair.get()?;
        let paired = Paired::of(&first.correct, &second.correct)?;
        let p = if paired.mid_p < 0.0001 { "< 0.0001".to_owned() } else { format!("{:.4}", paired.mid_p) };
        let points = format::signed(100.0 * paired.difference(), 2);
        let n = format::count(paired.n.into());
        let text = (words().learn.paired)(&points, paired.only_first, paired.only_second, &p, &n);
        Some((text, (words().learn.apart)(paired.mid_p < LEVEL)))
    };
    let rows = move || {
        let Some((first, second)) = pair.get() else { return Vec::new() };
        let names = desk.results.facts.with(|facts| {
            facts.iter().flat_map(|facts| &facts.layers).map(|layer| layer.name.clone()).collect::<Vec<_>>()
        });
        let cell = |errors: Option<fewbit_quant::report::Errors>| {
            errors.map_or("–".to_owned(), |errors| format::decibels(errors.sqnr_db))
        };
        let rows = names.into_iter().zip(first.layers).zip(second.layers).map(|((name, a), b)| {
            [name, cell(a.weight), cell(b.weight), cell(a.cumulative), cell(b.cumulative)]
        });
        rows.collect::<Vec<_>>()
    };
    view! {
        {move || pair.get().map(|(first, second)| view! {
            <h3>{format!("{} → {}", pipeline_of(&first), pipeline_of(&second))}</h3>
            {paired().map(|(text, apart)| view! {
                <p title=words().learn.paired_hint><span class="num">{text}</span><br />{apart}</p>
            })}
            <table class="runs-table">
                <thead><tr>{words().learn.compare_heads.map(|head| view! { <th scope="col">{head}</th> })}</tr></thead>
                <tbody>
                    {rows().into_iter().map(|[name, cells @ ..]| view! {
                        <tr><th scope="row">{name}</th>{cells.map(|cell| view! { <td class="num">{cell}</td> })}</tr>
                    }).collect_view()}
                </tbody>
            </table>
        })}
    }
}

/// What the run on the bench did to each layer.
#[component]
fn Findings() -> impl IntoView {
    let desk = Desk::here();
    let learning = desk.results.learning;
    let findings = move || {
        let shown = learning.shown.get()?;
        let names = desk.results.facts.with(|facts| {
            facts.iter().flat_map(|facts| &facts.layers).map(|layer| layer.name.clone()).collect::<Vec<_>>()
        });
        let steps = learning.outcomes.with(|outcomes| {
            outcomes.iter().find(|outcome| outcome.id == shown).map(|outcome| outcome.steps.clone())
        })?;
        let lines = move |step: fewbit_experiment::runs::StepOutcome| {
            let facts = step.findings.into_iter().map(|finding| {
                let name = names.get(finding.layer as usize).cloned().unwrap_or_default();
                (name, (words().learn.fact)(&finding.what))
            });
            (step.step, facts.collect::<Vec<_>>())
        };
        Some(steps.into_iter().map(lines).filter(|(_, facts)| !facts.is_empty()).collect::<Vec<_>>())
    };
    view! {
        {move || findings().filter(|steps| !steps.is_empty()).map(|steps| view! {
            <details class="findings">
                <summary>{words().learn.findings}</summary>
                {steps.into_iter().map(|(step, facts)| view! {
                    <h3>{step}</h3>
                    <ul>{facts.into_iter().map(|(name, fact)| view! { <li><b>{name}</b>" "{fact}</li> }).collect_view()}</ul>
                }).collect_view()}
            </details>
        })}
    }
}
