//! The panel of layers: what did I choose.

use fewbit_experiment::{Command, Part, View};
use fewbit_quant::report::{Errors, LayerFacts, LayerReport};
use fewbit_quant::{Choice, LayerChoice};
use leptos::prelude::*;

use super::graph::CompactGraph;
use crate::chart::Table;
use crate::i18n::words;
use crate::platform::file;
use crate::state::Desk;
use crate::ui::{BitStrip, format};

/// The columns of the saved table.
const CSV_HEADS: [&str; 13] = [
    "layer",
    "operator",
    "parameters",
    "macs",
    "weights",
    "input",
    "bits",
    "weight mse",
    "weight sqnr dB",
    "local mse",
    "local sqnr dB",
    "cumulative mse",
    "cumulative sqnr dB",
];
/// The SQNR at which an error bar is full, in dB.
const FULL_BAR_DB: f64 = 50.0;

/// What holds for every layer of the model on the bench; empty while there is none or the recipe does not fit it.
pub fn choices(desk: Desk) -> Memo<Vec<LayerChoice>> {
    let recipe = desk.part(|document| document.recipe.clone());
    Memo::new(move |_| {
        let names = desk.results.facts.with(|facts| {
            facts.iter().flat_map(|facts| &facts.layers).map(|layer| layer.name.clone()).collect::<Vec<_>>()
        });
        recipe.with(|recipe| recipe.resolve(&names)).unwrap_or_default()
    })
}

/// The panel of layers.
#[component]
pub fn LayersPanel(
    /// Opens the dialog that sets many layers.
    on_set_many: Callback<()>,
) -> impl IntoView {
    let desk = Desk::here();
    let choices = choices(desk);
    let filter = RwSignal::new(String::new());
    let summary = move || {
        let float = choices.with(|choices| choices.iter().filter(|c| c.weights == Choice::Float).count());
        let all = choices.with(Vec::len);
        (words().layers.summary)(all - float, float)
    };
    let rows = move || {
        let pattern = filter.get();
        desk.results.facts.with(|facts| {
            facts
                .iter()
                .flat_map(|facts| facts.layers.iter().cloned().enumerate())
                .filter(|(_, layer)| shows(&pattern, &layer.name))
                .collect::<Vec<_>>()
        })
    };
    let is_loading = move || desk.results.facts.with(Option::is_none);
    view! {
        <section class="panel layers" aria-label=move || words().layers.title>
            <div class="head">
                <h2>{move || words().layers.title}</h2>
                <span class="muted">{summary}</span>
                <span class="grow"></span>
                <button class="icon" title=move || (words().chart.save)("csv") aria-label=move || (words().chart.save)("csv") on:click=move |_| save(desk)>"csv"</button>
                <button class="chip" on:click=move |_| on_set_many.run(())>{move || words().layers.set_many}</button>
            </div>
            <Show when=move || desk.results.facts.with(|facts| facts.as_ref().is_some_and(|f| f.layers.len() > 12))>
                <input
                    class="filter"
                    type="search"
                    aria-label=move || words().layers.filter
                    placeholder=move || words().layers.filter
                    prop:value=filter
                    on:input=move |event| filter.set(event_target_value(&event))
                />
            </Show>
            <div class="scroll">
                <table>
                    <thead>
                        <tr>
                            <th scope="col">{move || words().layers.layer}</th>
                            <th scope="col">{move || words().layers.weights}</th>
                            <th scope="col">{move || words().layers.input}</th>
                            <th scope="col" class="right" title=move || words().layers.size_hint>{move || words().layers.size}</th>
                            <th scope="col" title=move || words().layers.error_hint>{move || words().layers.error}</th>
                        </tr>
                    </thead>
                    <tbody>
                        <For each=rows key=|(i, layer)| (*i, layer.name.clone()) let((index, layer))>
                            <LayerRow index=index as u32 layer choices />
                        </For>
                    </tbody>
                </table>
                <Show when=is_loading><p class="muted pad">{move || words().layers.loading}</p></Show>
                <CompactGraph />
            </div>
        </section>
    }
}

/// Saves the table, with all errors.
fn save(desk: Desk) {
    let facts = desk.results.facts.get_untracked();
    let reports = desk.results.layers.get_untracked().or_else(|| desk.results.applied.get_untracked());
    let (Some(facts), Some(reports)) = (facts, reports) else { return };
    let errors = |errors: Option<Errors>| match errors {
        None => [String::new(), String::new()],
        Some(errors) => [errors.mse.to_string(), errors.sqnr_db.to_string()],
    };
    let row = |(layer, report): (&LayerFacts, &LayerReport)| {
        let mut row = vec![
            layer.name.clone(),
            layer.operator.clone(),
            layer.parameters.to_string(),
            layer.macs.to_string(),
        ];
        row.extend([
            report.weights.done.to_string(),
            report.activations.done.to_string(),
            report.bits.to_string(),
        ]);
        row.extend([report.weight, report.local, report.cumulative].into_iter().flat_map(errors));
        row
    };
    let table = Table {
        heads: CSV_HEADS.map(str::to_owned).to_vec(),
        rows: facts.layers.iter().zip(&reports.value).map(row).collect(),
    };
    if let Err(failure) = file::offer_text("layers.csv", "text/csv", &table.csv()) {
        desk.tell(failure, false);
    }
}

/// Whether the filter lets a name through: a pattern with `*`, else any part of the name.
fn shows(filter: &str, name: &str) -> bool {
    if filter.contains('*') { fewbit_quant::recipe::matches(filter, name) } else { name.contains(filter) }
}

#[component]
fn LayerRow(index: u32, layer: LayerFacts, choices: Memo<Vec<LayerChoice>>) -> impl IntoView {
    let desk = Desk::here();
    let results = desk.results;
    let selected = desk.part(move |document| document.view.layer == index);
    let choice = move |part: Part| {
        Signal::derive(move || {
            let choice = choices.with(|choices| choices.get(index as usize).copied());
            match part {
                Part::Weights => choice.map_or(Choice::Float, |choice| choice.weights),
                Part::Activations => choice.map_or(Choice::Float, |choice| choice.activations),
            }
        })
    };
    let name = layer.name.clone();
    let select = move || {
        let view = desk.document().view;
        desk.dispatch(Command::Look(View { layer: index, channel: None, ..view }));
    };
    let report = Memo::new(move |_| {
        results.applied.with(|applied| applied.as_ref().and_then(|of| of.value.get(index as usize).cloned()))
    });
    let share = move || {
        let bits = report.with(|report| report.as_ref().map(|report| report.bits))?;
        let all = results.size.with(|size| size.as_ref().map(|size| size.value.bytes))?;
        Some(format::percent(bits as f64 / 8.0 / all.max(1) as f64))
    };
    let measured = Memo::new(move |_| {
        results.layers.with(|layers| {
            layers.as_ref().and_then(|of| Some((of.revision, of.value.get(index as usize)?.clone())))
        })
    });
    let is_stale =
        move || measured.with(|m| m.as_ref().is_some_and(|(revision, _)| desk.is_stale(*revision)));
    let cumulative =
        move || measured.with(|m| m.as_ref().and_then(|(_, report)| report.cumulative).map(|e| e.sqnr_db));
    let hint = move || {
        let db = |errors: Option<fewbit_quant::report::Errors>| {
            errors.map_or_else(|| "–".to_owned(), |errors| format::decibels(errors.sqnr_db))
        };
        measured.with(|m| {
            m.as_ref()
                .map(|(_, r)| (words().layers.errors_of)(&db(r.weight), &db(r.local), &db(r.cumulative)))
        })
    };
    view! {
        <tr aria-selected=move || selected.get().to_string() on:click=move |_| select()>
            <td class="name" title=layer.operator.clone()>
                <button on:click=move |_| select()>{layer.name.clone()}</button>
                {move || report.with(|report| report.as_ref().and_then(difference)).map(|note| view! { <sup class="down" title=note.clone()>"!"<span class="visually-hidden">{note.clone()}</span></sup> })}
            </td>
            <td><BitStrip layer=name.clone() part=Part::Weights choice=choice(Part::Weights) /></td>
            <td><BitStrip layer=name part=Part::Activations choice=choice(Part::Activations) /></td>
            <td class="right num">{share}</td>
            <td class="num" class:stale=is_stale title=hint>
                <span class="bar" aria-hidden="true"><i style:width=move || format!("{}%", bar(cumulative()))></i></span>
                {move || cumulative().map_or_else(|| "–".to_owned(), format::decibels)}
            </td>
        </tr>
    }
}

/// How full an error bar is, in percent.
fn bar(sqnr_db: Option<f64>) -> f64 {
    sqnr_db.map_or(0.0, |db| (100.0 * db / FULL_BAR_DB).clamp(0.0, 100.0))
}

/// Where what was done is not what was asked.
fn difference(report: &LayerReport) -> Option<String> {
    [&report.weights, &report.activations].into_iter().find_map(|applied| {
        applied.reason.as_ref().map(|why| (words().layers.differs)(&applied.asked.to_string(), why))
    })
}
