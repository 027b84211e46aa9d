//! Where the error comes from: each cause has another remedy.

use fewbit_experiment::Part;
use fewbit_quant::Choice;
use fewbit_quant::report::TensorView;
use leptos::prelude::*;

use super::looked::Looked;
use super::term::Term;
use crate::i18n::words;
use crate::ui::format;

/// A share of an error with what it is a share of.
#[derive(Clone, Debug, PartialEq)]
struct Cause {
    /// The bar's parts, 0–1: the first is drawn first.
    shares: Vec<f64>,
    /// What the term's definition ends with: absolute values and n.
    numbers: String,
}

/// Rounding and clipping as shares of both.
fn split(tensor: &TensorView) -> Option<Cause> {
    let [rounding, clipping] = [tensor.rounding_mse, tensor.clipping_mse];
    let sum = rounding + clipping;
    let numbers = (words().layer.split_numbers)(
        &format::significant(rounding),
        &format::significant(clipping),
        &format::count(tensor.errors.n),
    );
    (sum > 0.0).then(|| Cause { shares: vec![rounding / sum, clipping / sum], numbers })
}

/// The share of the noise that comes in from before: 1 − local noise / noise in the quantized network.
fn from_before(local: f64, cumulative: f64) -> Option<f64> {
    (cumulative > 0.0).then(|| (1.0 - local / cumulative).max(0.0))
}

/// The causes.
#[component]
pub fn Causes(
    /// The layer that is looked at.
    looked: Looked,
) -> impl IntoView {
    let tensor_cause = move |part: Part| {
        let tensor = looked.tensor(part);
        Memo::new(move |_| tensor.with(|tensor| split(tensor.as_ref()?)))
    };
    let [weights, input] = [Part::Weights, Part::Activations].map(tensor_cause);
    // Why there is nothing to divide.
    let missing = move |part: Part| {
        let (asked, tensor) = (looked.asked(part), looked.tensor(part));
        Memo::new(move |_| match asked.get() {
            Choice::Float => words().layer.kept_in_float,
            Choice::Quantize(_) if tensor.with(Option::is_none) => words().layer.waiting,
            Choice::Quantize(_) => words().layer.no_error,
        })
    };
    let [no_weights, no_input] = [Part::Weights, Part::Activations].map(missing);
    let measured = looked.measured();
    let no_output = Memo::new(move |_| {
        let is_measured = measured.with(|m| m.as_ref().is_some_and(|(report, _)| report.local.is_some()));
        if is_measured { words().layer.no_error } else { "–" }
    });
    let stale = Memo::new(move |_| measured.with(|m| m.as_ref().is_some_and(|(_, stale)| *stale)));
    let shift = Memo::new(move |_| {
        measured.with(|measured| {
            let local = measured.as_ref()?.0.local.filter(|local| local.mse > 0.0)?;
            let numbers =
                (words().layer.errors_numbers)(&format::significant(local.mse), &format::count(local.n));
            Some(Cause { shares: vec![local.mean_shift], numbers })
        })
    });
    let before = Memo::new(move |_| {
        measured.with(|measured| {
            let (report, _) = measured.as_ref()?;
            let (local, cumulative) = (report.local?, report.cumulative?);
            let numbers = (words().layer.before_numbers)(
                &format::significant(local.mse),
                &format::significant(cumulative.mse),
                &format::count(cumulative.n),
            );
            Some(Cause { shares: vec![from_before(local.mse, cumulative.mse)?], numbers })
        })
    });
    let split_text = move |cause: &Cause| match cause.shares.as_slice() {
        &[rounding, clipping] => {
            (words().layer.split)(&format::percent(rounding), &format::percent(clipping))
        }
        _ => String::new(),
    };
    let share_text =
        move |cause: &Cause| cause.shares.first().map(|&share| format::percent(share)).unwrap_or_default();
    view! {
        <section class="causes" aria-label=move || words().layer.causes>
            <h3>{move || words().layer.causes}</h3>
            <Row name=Signal::derive(|| words().layer.causes_of_weights) meaning=Signal::derive(|| words().layer.split_meaning) cause=weights missing=no_weights text=split_text kinds=&["rounding", "clipping"] stale=looked.stale />
            <Row name=Signal::derive(|| words().layer.causes_of_input) meaning=Signal::derive(|| words().layer.split_meaning) cause=input missing=no_input text=split_text kinds=&["rounding", "clipping"] stale=looked.stale />
            <Row name=Signal::derive(|| words().layer.mean_shift) meaning=Signal::derive(|| words().layer.mean_shift_meaning) cause=shift missing=no_output text=share_text kinds=&["shift"] stale />
            <Row name=Signal::derive(|| words().layer.before) meaning=Signal::derive(|| words().layer.before_meaning) cause=before missing=no_output text=share_text kinds=&["before"] stale />
        </section>
    }
}

#[component]
fn Row(
    name: Signal<&'static str>,
    meaning: Signal<&'static str>,
    cause: Memo<Option<Cause>>,
    /// What stands there without one.
    missing: Memo<&'static str>,
    text: impl Fn(&Cause) -> String + Copy + Send + Sync + 'static,
    /// The class of each part of the bar.
    kinds: &'static [&'static str],
    stale: Memo<bool>,
) -> impl IntoView {
    let meaning = Signal::derive(move || {
        let numbers = cause.with(|cause| cause.as_ref().map(|cause| cause.numbers.clone()));
        numbers.map_or_else(|| meaning.get().to_owned(), |numbers| format!("{}. {numbers}", meaning.get()))
    });
    let width = move |i: usize| {
        let share = cause.with(|cause| cause.as_ref().and_then(|cause| cause.shares.get(i).copied()));
        format!("{:.2}%", 100.0 * share.unwrap_or(0.0))
    };
    view! {
        <div class="cause" class:stale=stale>
            <p>
                <Term meaning>{name}</Term>
                <span class="shares">{move || cause.with(|cause| cause.as_ref().map_or_else(|| missing.get().to_owned(), text))}</span>
            </p>
            <div class="track" aria-hidden="true">
                {kinds.iter().enumerate().map(|(i, &kind)| view! { <i class=kind style:width=move || width(i)></i> }).collect_view()}
            </div>
        </div>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_arrives_from_before_is_never_less_than_nothing() {
        assert_eq!(from_before(1.0, 4.0), Some(0.75));
        assert_eq!(from_before(5.0, 4.0), Some(0.0));
        assert_eq!(from_before(0.0, 0.0), None);
    }
}
