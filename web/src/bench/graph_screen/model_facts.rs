//! What the model's file is, what was made of it, and what of it cannot run.

use fewbit_experiment::Command;
use fewbit_quant::report::ModelFacts;
use leptos::prelude::*;

use super::lists::{self, button};
use crate::i18n::words;
use crate::state::Desk;
use crate::ui::format;

/// Keys of metadata under which a licence is found.
const LICENCES: [&str; 3] = ["licence", "license", "License"];
/// Other keys that have rows of their own.
const SHOWN: [&str; 6] =
    ["producer_name", "producer_version", "opset", "ir_version", "doc_string", "description"];

/// The section.
#[component]
pub fn ModelFactsSection() -> impl IntoView {
    let desk = Desk::here();
    let size = Memo::new(move |_| desk.results.size.with(|size| size.as_ref().map(|of| of.value.bytes)));
    let tensors = Callback::new(move |()| desk.look_into(String::new()));
    move || {
        let section = desk
            .results
            .facts
            .with(|facts| facts.as_ref().map(|facts| section(facts, size, desk.results.pace.get())))?;
        Some((section, button("chip", Signal::stored(words().graph.tensors), None, tensors)))
    }
}

/// What the file says, by the heads of `words().graph.fact_heads`.
fn said(facts: &ModelFacts, pace: Option<f64>) -> [Option<String>; 13] {
    let said = |key: &str| facts.metadata.get(key).filter(|text| !text.is_empty()).cloned();
    let producer =
        said("producer_name").map(|name| name + " " + &said("producer_version").unwrap_or_default());
    let faces = |list: &[(String, String)]| {
        Some(list.iter().map(|(name, shape)| format!("{name} {shape}")).collect::<Vec<_>>().join(", "))
    };
    let operators = facts.operators.iter().map(|(name, count)| format!("{name} {count}"));
    [
        said("opset"),
        producer,
        LICENCES.iter().find_map(|key| said(key)).or_else(|| Some(words().graph.no_licence.to_owned())),
        said("ir_version"),
        faces(&facts.inputs),
        faces(&facts.outputs),
        Some(format::count(facts.parameters)),
        Some(format::count(facts.macs)),
        Some(format::bytes(facts.float_bytes)),
        Some(format::bytes(facts.activation_bytes)),
        pace.map(|pace| format!("≈ {} ms", format::significant(facts.macs as f64 / pace))),
        Some(operators.collect::<Vec<_>>().join(", ")),
        said("description").or_else(|| said("doc_string")),
    ]
}

/// The lengths that the file leaves free and that are numbers here, to be changed.
fn lengths(facts: &ModelFacts) -> Option<AnyView> {
    let desk = Desk::here();
    let field = |(name, length): (&String, &Option<usize>)| {
        let (own, length) = (name.clone(), (*length)?);
        let on_change = move |event| {
            let length = event_target_value(&event).parse().ok().filter(|length| *length > 0);
            desk.dispatch(Command::SetLength { name: own.clone(), length });
        };
        let name = name.clone();
        Some(
            view! { <label>{name}" "<input class="number" type="number" min="1" value=length on:change=on_change /></label> },
        )
    };
    let fields: Vec<_> = facts.lengths.iter().filter_map(field).collect();
    (!fields.is_empty()).then(|| {
        view! { <div class="row"><span class="muted">{words().graph.lengths}</span>{fields}</div> }.into_any()
    })
}

fn section(facts: &ModelFacts, size: Memo<Option<u64>>, pace: Option<f64>) -> AnyView {
    let words = &words().graph;
    let rows: Vec<(String, String)> = words
        .fact_heads
        .iter()
        .zip(said(facts, pace))
        .filter_map(|(head, value)| Some(((*head).to_owned(), value?)))
        .collect();
    let quantized = move || {
        let row = size.get().map(|bytes| (words.quantized_size.to_owned(), format::bytes(bytes)));
        lists::pairs(row.into_iter().collect())
    };
    let is_other = |key: &str| !SHOWN.contains(&key) && !LICENCES.contains(&key);
    let others: Vec<(String, String)> =
        facts.metadata.clone().into_iter().filter(|(key, _)| is_other(key)).collect();
    let (others_head, rewrites_head) =
        ((words.metadata)(others.len()), (words.rewrites)(facts.rewrites.len()));
    let unsupported =
        facts.unsupported.iter().map(|one| format!("{} {}: {}", one.operator, one.node, one.reason));
    let unsupported = (!facts.unsupported.is_empty()).then(|| {
        view! {
            <div class="unsupported">
                <h3 class="down">{(words.cannot_run)(facts.unsupported.len())}</h3>
                {lists::lines(unsupported.collect())}
                <p>{words.what_to_do}</p>
            </div>
        }
    });
    view! {
        <details open>
            <summary><h2 class="title">{facts.name.clone()}</h2></summary>
            {unsupported}
            {lists::pairs(rows)}
            {quantized}
            {lengths(facts)}
            {lists::unfolded(others_head, (!others.is_empty()).then(|| lists::pairs(others)))}
            {lists::unfolded(rewrites_head, (!facts.rewrites.is_empty()).then(|| lists::lines(facts.rewrites.clone())))}
        </details>
    }
    .into_any()
}
