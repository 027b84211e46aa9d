//! The number that people came for, and what it costs.

use fewbit_quant::report::Evaluation;
use leptos::prelude::*;

use crate::i18n::words;
use crate::state::Desk;
use crate::ui::format;

/// A share in percent, one digit.
pub fn percent(share: f64) -> String {
    format!("{:.1}", 100.0 * share)
}

/// The share of right answers; of agreeing ones where there are no labels.
pub fn score(evaluation: &Evaluation) -> f64 {
    f64::from(evaluation.correct.unwrap_or(evaluation.agree)) / f64::from(evaluation.n.max(1))
}

/// Perplexity of the quantized and, in parentheses, of the float model, if it is a language model and the labels are known.
fn perplexity(evaluation: &Evaluation) -> Option<String> {
    let [quantized, float] = evaluation.perplexity()?;
    Some(format!("{} ({})", format::significant(quantized), format::significant(float)))
}

/// The big number.
#[component]
pub fn Headline() -> impl IntoView {
    let desk = Desk::here();
    let evaluation = desk.results.evaluation;
    let is_stale = move || evaluation.with(|e| e.as_ref().is_some_and(|e| desk.is_stale(e.revision)));
    let big = move || {
        evaluation.with(|e| {
            e.as_ref().map_or_else(|| "–".to_owned(), |e| format!("{} %", percent(score(&e.value))))
        })
    };
    let change = move || {
        evaluation.with(|e| {
            let e = &e.as_ref()?.value;
            let change = f64::from(e.correct?) - f64::from(e.float_correct?);
            Some(100.0 * change / f64::from(e.n.max(1)))
        })
    };
    let change_text = move || {
        change().map(|points| if points > 0.0 { format!("+{points:.1}") } else { format::signed(points, 1) })
    };
    let note = move || {
        evaluation.with(|e| {
            let e = &e.as_ref()?.value;
            Some(match (e.interval, e.float_correct) {
                (Some([low, high]), Some(float)) => {
                    let float = f64::from(float) / f64::from(e.n.max(1));
                    (words().model.accuracy)(&percent(low), &percent(high), &percent(float))
                }
                _ => words().model.agreement_big.to_owned(),
            })
        })
    };
    view! {
        <div class="headline" title=move || words().model.accuracy_hint>
            <div class="big" class:stale=is_stale>
                {big}" "<small class:down=move || change().is_some_and(|c| c < -0.05) class:up=move || change().is_some_and(|c| c > 0.05)>{change_text}</small>
            </div>
            <div class="muted">{note}</div>
        </div>
    }
}

/// The numbers below.
#[component]
pub fn Facts() -> impl IntoView {
    let desk = Desk::here();
    let results = desk.results;
    let of_size = move |show: fn(&fewbit_quant::report::Size) -> String| {
        Signal::derive(move || {
            results.size.with(|size| size.as_ref().map_or_else(|| "–".to_owned(), |size| show(&size.value)))
        })
    };
    let of_answers = move |show: fn(&Evaluation) -> String| {
        Signal::derive(move || {
            results.evaluation.with(|e| e.as_ref().map_or_else(|| "–".to_owned(), |e| show(&e.value)))
        })
    };
    let old_size =
        Signal::derive(move || results.size.with(|s| s.as_ref().is_some_and(|s| desk.is_stale(s.revision))));
    let old_answers = Signal::derive(move || {
        results.evaluation.with(|e| e.as_ref().is_some_and(|e| desk.is_stale(e.revision)))
    });
    let saved = move || {
        results.size.with(|size| {
            let size = size.as_ref()?.value;
            Some(format!("−{:.0} %", 100.0 * (1.0 - size.bytes as f64 / size.float_bytes.max(1) as f64)))
        })
    };
    let has_perplexity = Memo::new(move |_| {
        results.evaluation.with(|e| e.as_ref().is_some_and(|e| perplexity(&e.value).is_some()))
    });
    view! {
        <dl class="facts">
            <Show when=move || has_perplexity.get()>
                <Fact name=Signal::derive(|| words().model.perplexity) hint=Signal::derive(|| words().model.perplexity_hint) value=of_answers(|e| perplexity(e).unwrap_or_default()) stale=old_answers>""</Fact>
            </Show>
            <Fact name=Signal::derive(|| words().model.size) hint=Signal::derive(|| words().model.size_hint) value=of_size(|s| format::bytes(s.bytes)) stale=old_size>
                <small class="up">{saved}</small>
            </Fact>
            <Fact name=Signal::derive(|| words().model.bits) hint=Signal::derive(|| words().model.bits_hint) value=of_size(|s| format!("{:.2}", s.effective_bits)) stale=old_size>""</Fact>
            <Fact name=Signal::derive(|| words().model.agrees) hint=Signal::derive(|| words().model.agrees_hint) value=of_answers(|e| format!("{} %", percent(f64::from(e.agree) / f64::from(e.n.max(1))))) stale=old_answers>""</Fact>
            <Fact name=Signal::derive(|| words().model.kl) hint=Signal::derive(|| words().model.kl_hint) value=of_answers(|e| format!("{} nat", format::significant(e.kl))) stale=old_answers>""</Fact>
            <Fact name=Signal::derive(|| words().model.macs) hint=Signal::derive(|| words().model.macs_hint) value=of_size(|s| format::short(s.macs)) stale=old_size>""</Fact>
            <Fact name=Signal::derive(|| words().model.bit_operations) hint=Signal::derive(|| words().model.bit_operations_hint) value=of_size(|s| format::short(s.bit_operations)) stale=old_size>""</Fact>
        </dl>
    }
}

#[component]
fn Fact(
    name: Signal<&'static str>,
    hint: Signal<&'static str>,
    value: Signal<String>,
    stale: Signal<bool>,
    children: Children,
) -> impl IntoView {
    view! {
        <div title=hint>
            <dt class="muted">{name}</dt>
            <dd><b class="num" class:stale=stale>{value}</b>" "{children()}</dd>
        </div>
    }
}
