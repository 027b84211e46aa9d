//! GPTQ: columns quantized one after another, each error made up for by the columns to come.

use fewbit_quant::methods::Frame as Shot;
use leptos::prelude::*;

use super::Reel;
use super::curves::{Curves, Line, Plot};
use crate::i18n::words;
use crate::ui::format;

/// The pictures.
#[component]
pub fn Columns(
    /// What is shown.
    film: Memo<Reel>,
) -> impl IntoView {
    let errors = Memo::new(move |_| film.with(|film| plot(film, words().learn.column_error, "first", true)));
    let added = Memo::new(move |_| film.with(|film| plot(film, words().learn.compensation, "second", false)));
    let formula = move || {
        film.with(|film| match film.now() {
            Some(Shot::Columns { done, of, rows, errors, .. }) => {
                let total: f64 = errors.iter().map(|&e| f64::from(e)).sum();
                format!(
                    "e = (w − ŵ)/U_jj,  w_k ← w_k − e·U_jk · {done}/{of} × {rows} · Σe² = {}",
                    format::significant(total)
                )
            }
            _ => String::new(),
        })
    };
    view! {
        <p class="formula num">{formula}</p>
        <Curves
            title=Signal::derive(|| words().learn.columns.to_owned())
            summary=Signal::derive(|| words().learn.columns_summary.to_owned())
            name="column-errors"
            plot=errors
        />
        <Curves
            title=Signal::derive(|| words().learn.compensation.to_owned())
            summary=Signal::derive(|| words().learn.columns_summary.to_owned())
            name="compensation"
            plot=added
        />
    }
}

fn plot(film: &Reel, name: &str, class: &'static str, of_errors: bool) -> Plot {
    let Some(Shot::Columns { done, compensation, errors, .. }) = film.now() else { return Plot::default() };
    let values = if of_errors { errors } else { compensation };
    let points = values.iter().enumerate().map(|(i, &value)| (i as f64, f64::from(value))).collect();
    Plot {
        lines: vec![Line { name: name.to_owned(), class, points }],
        mark: f64::from(*done),
        log: false,
        axis: words().learn.column.to_owned(),
    }
}
