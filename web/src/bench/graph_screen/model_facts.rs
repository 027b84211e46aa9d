//! What the model's file is, what was made of it, and what of it cannot run.

use fewbit_quant::report::ModelFacts;
use leptos::prelude::*;

use crate::i18n::words;
use crate::state::Desk;
use crate::ui::format;

/// Keys of metadata under which a licence is found.
const LICENCES: [&str; 3] = ["licence", "license", "License"];
/// Keys that have rows of their own.
const SHOWN: [&str; 6] =
    ["producer_name", "producer_version", "opset", "ir_version", "doc_string", "description"];

/// The section.
#[component]
pub fn ModelFactsSection() -> impl IntoView {
    let desk = Desk::here();
    move || {
        desk.results.facts.with(|facts| facts.as_ref().map(|facts| view! { <Facts facts=facts.clone() /> }))
    }
}

#[component]
fn Facts(facts: ModelFacts) -> impl IntoView {
    let desk = Desk::here();
    let words = &words().graph;
    let said = |key: &str| facts.metadata.get(key).filter(|text| !text.is_empty()).cloned();
    let producer = said("producer_name").map(|name| match said("producer_version") {
        Some(version) => format!("{name} {version}"),
        None => name,
    });
    let licence = LICENCES.iter().find_map(|key| said(key));
    let faces = |list: &[(String, String)]| {
        list.iter().map(|(name, shape)| format!("{name} {shape}")).collect::<Vec<_>>().join(", ")
    };
    let operators =
        facts.operators.iter().map(|(name, count)| format!("{name} {count}")).collect::<Vec<_>>().join(", ");
    let values = [
        said("opset"),
        producer,
        Some(licence.unwrap_or_else(|| words.no_licence.to_owned())),
        said("ir_version"),
        Some(faces(&facts.inputs)),
        Some(faces(&facts.outputs)),
        Some(format::count(facts.parameters)),
        Some(format::count(facts.macs)),
        Some(format::bytes(facts.float_bytes)),
        Some(operators),
        said("description").or_else(|| said("doc_string")),
    ];
    let rows = words.fact_heads.iter().zip(values).filter_map(|(head, value)| Some((*head, value?)));
    let size = move || {
        desk.results.size.with(|size| size.as_ref().map(|of| (format::bytes(of.value.bytes), of.revision)))
    };
    let others: Vec<(String, String)> = facts
        .metadata
        .iter()
        .filter(|(key, _)| !SHOWN.contains(&key.as_str()) && !LICENCES.contains(&key.as_str()))
        .map(|(key, text)| (key.clone(), text.clone()))
        .collect();
    let rewrites = facts.rewrites.clone();
    view! {
        <h2 class="title">{facts.name.clone()}</h2>
        {(!facts.unsupported.is_empty()).then(|| view! {
            <div class="unsupported">
                <h3 class="down">{(words.cannot_run)(facts.unsupported.len())}</h3>
                <ul>
                    {facts.unsupported.iter().map(|one| view! { <li><b>{one.operator.clone()}</b>" "<span class="num">{one.node.clone()}</span>": "{one.reason.clone()}</li> }).collect_view()}
                </ul>
                <p>{words.what_to_do}</p>
            </div>
        })}
        <dl class="facts-list">
            {rows.map(|(head, value)| view! { <div><dt>{head}</dt><dd>{value}</dd></div> }).collect_view()}
            {move || size().map(|(bytes, revision)| view! {
                <div><dt>{words.quantized_size}</dt><dd class:stale=move || desk.is_stale(revision)>{bytes}</dd></div>
            })}
        </dl>
        {(!others.is_empty()).then(|| view! {
            <details>
                <summary>{(words.metadata)(others.len())}</summary>
                <dl class="facts-list">{others.into_iter().map(|(key, text)| view! { <div><dt>{key}</dt><dd>{text}</dd></div> }).collect_view()}</dl>
            </details>
        })}
        {(!rewrites.is_empty()).then(|| view! {
            <details>
                <summary>{(words.rewrites)(rewrites.len())}</summary>
                <ul class="rewrites">{rewrites.into_iter().map(|text| view! { <li>{text}</li> }).collect_view()}</ul>
            </details>
        })}
    }
}
