//! The layer's three errors, in four measures.

use fewbit_quant::report::Errors;
use leptos::prelude::*;

use super::looked::Looked;
use super::term::Term;
use crate::chart::Table;
use crate::i18n::words;
use crate::platform::file;
use crate::ui::format;

/// A measure as it is shown: MSE, SQNR, cosine, the largest error, n.
const MEASURES: [fn(&Errors) -> String; 5] = [
    |errors| format::significant(errors.mse),
    |errors| format::decibels(errors.sqnr_db),
    |errors| format!("{:.6}", errors.cosine),
    |errors| format::significant(errors.max_abs),
    |errors| format::count(errors.n),
];

/// The table of errors.
#[component]
pub fn ErrorsTable(
    /// The layer that is looked at.
    looked: Looked,
) -> impl IntoView {
    let (applied, measured) = (looked.applied(), looked.measured());
    // Errors of weights come with the recipe, those of outputs once the layer has run.
    let kinds = [
        Memo::new(move |_| applied.get().map(|(report, stale)| (report.weight, stale))),
        Memo::new(move |_| measured.get().map(|(report, stale)| (report.local, stale))),
        Memo::new(move |_| measured.get().map(|(report, stale)| (report.cumulative, stale))),
    ];
    let errors = move |kind: usize| kinds[kind].get().and_then(|(errors, _)| errors);
    let is_stale = move |kind: usize| kinds[kind].get().is_some_and(|(_, stale)| stale);
    let table = move || {
        let words = &words().layer;
        let mut heads = vec![words.error_head.to_owned()];
        heads.extend(words.measures.map(str::to_owned));
        let row = |kind: usize| {
            let errors = errors(kind)?;
            let numbers = [errors.mse, errors.sqnr_db, errors.cosine, errors.max_abs, errors.n as f64];
            let mut row = vec![words.errors[kind].to_owned()];
            row.extend(numbers.map(|number| number.to_string()));
            Some(row)
        };
        Table { heads, rows: (0..kinds.len()).filter_map(row).collect() }
    };
    let save = move |_| {
        if let Err(failure) = file::offer_text("errors.csv", "text/csv", &table().csv()) {
            looked.desk.tell(failure, false);
        }
    };
    view! {
        <section class="errors chart" aria-label=move || words().layer.errors_title>
            <div class="row">
                <h3>{move || words().layer.errors_title}</h3>
                <span class="grow"></span>
                <span class="tools"><button title=move || (words().chart.save)("csv") on:click=save>"csv"</button></span>
            </div>
            <table class="plain">
                <thead>
                    <tr>
                        <th scope="col">{move || words().layer.error_head}</th>
                        {(0..MEASURES.len()).map(|i| view! {
                            <th scope="col" class="right"><Term meaning=Signal::derive(move || words().layer.measure_meanings[i].to_owned())>{move || words().layer.measures[i]}</Term></th>
                        }).collect_view()}
                    </tr>
                </thead>
                <tbody>
                    {(0..kinds.len()).map(|kind| view! {
                        <tr class:stale=move || is_stale(kind)>
                            <th scope="row"><Term meaning=Signal::derive(move || words().layer.error_meanings[kind].to_owned())>{move || words().layer.errors[kind]}</Term></th>
                            {MEASURES.iter().map(|show| view! {
                                <td class="right num">{move || errors(kind).map_or_else(|| "–".to_owned(), |errors| show(&errors))}</td>
                            }).collect_view()}
                        </tr>
                    }).collect_view()}
                </tbody>
            </table>
        </section>
    }
}
