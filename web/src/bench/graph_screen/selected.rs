//! What is known of the selected node or block.

use fewbit_experiment::Part;
use fewbit_quant::Choice;
use fewbit_quant::report::{Applied, Errors, LayerFacts, LayerReport, NodeFacts};
use leptos::prelude::*;

use super::board::Board;
use super::fold::Target;
use super::lists::{button, pairs};
use crate::bench::{Screen, layers};
use crate::i18n::words;
use crate::state::Of;
use crate::ui::{BitStrip, format};

/// The section.
#[component]
pub fn Selected(
    /// The board.
    board: Board,
    /// What is shown: a layer can be taken to the bench.
    screen: RwSignal<Screen>,
) -> impl IntoView {
    let content = move || match board.chosen.get() {
        None => None,
        Some(Target::Node(node)) => about_node(board, screen, node),
        Some(Target::Group(group)) => about_group(board, group),
    };
    view! { <section class="selected-node" aria-label=move || words().graph.selected>{content}</section> }
}

fn pair(head: &str, text: impl Into<String>) -> (String, String) {
    (head.to_owned(), text.into())
}

fn about_node(board: Board, screen: RwSignal<Screen>, node: u32) -> Option<AnyView> {
    let words = &words().graph;
    let scene = board.scene.get();
    let NodeFacts { name, operator, inputs, layer, shape } = scene.nodes.get(node as usize)?.clone();
    let readers = scene.readers.get(node as usize).cloned().unwrap_or_default();
    let title = scene.name(node).to_owned();
    let unsupported = board.desk.results.facts.with(|facts| {
        let found = facts.as_ref()?.unsupported.iter().find(|one| one.node == name)?;
        Some(found.reason.clone())
    });
    let mut rows = vec![pair(words.operator, operator)];
    rows.extend((title != name).then(|| pair(words.name, name)));
    rows.extend((!shape.is_empty()).then(|| pair(words.output_shape, shape)));
    rows.extend(unsupported.map(|reason| pair(words.cannot, reason)));
    let group = scene.groups.of.get(node as usize).copied().flatten();
    let block = group.and_then(|group| Some((group, scene.groups.all.get(group as usize)?.label.clone())));
    let block = block.map(|(group, label)| {
        rows.push(pair(words.block, label));
        let close = Callback::new(move |()| board.set_open(group, false));
        button("chip", Signal::stored(words.close), None, close)
    });
    let layer = layer.and_then(|layer| {
        rows.extend(about_layer(board, layer)?);
        Some(controls(board, screen, layer))
    });
    Some(
        view! {
            <h2 class="title">{title}</h2>
            {pairs(rows)}
            {block}
            {links(board, words.reads, &inputs, words.model_input)}
            {links(board, words.read_by, &readers, words.model_output)}
            {layer}
        }
        .into_any(),
    )
}

/// Nodes by name, to go to.
fn links(board: Board, head: &'static str, nodes: &[u32], none: &'static str) -> AnyView {
    let scene = board.scene.get_untracked();
    let link = |&node: &u32| {
        let go = move |_| {
            board.choose(Target::Node(node));
            board.reveal(Target::Node(node));
        };
        view! { <li><button class="link" on:click=go>{scene.name(node).to_owned()}</button></li> }
    };
    let list = match nodes {
        [] => none.into_any(),
        nodes => view! { <ul class="links">{nodes.iter().map(link).collect_view()}</ul> }.into_any(),
    };
    view! { <h3>{head}</h3>{list} }.into_any()
}

/// What does not depend on the recipe.
fn about_layer(board: Board, layer: u32) -> Option<[(String, String); 3]> {
    let words = &words().graph;
    board.desk.results.facts.with(|facts| {
        let facts = facts.as_ref()?;
        let LayerFacts { weight_shape, parameters, macs, .. } = facts.layers.get(layer as usize)?;
        let shape = weight_shape.iter().map(usize::to_string).collect::<Vec<_>>().join("×");
        let share = format::percent(*macs as f64 / facts.macs.max(1) as f64);
        Some([
            pair(words.weight_shape, shape),
            pair(words.parameters, format::count(*parameters)),
            pair(words.macs, format!("{}, {share}", format::count(*macs))),
        ])
    })
}

/// The report of a layer, and whether it is out of date.
fn report(board: Board, layer: u32, measured: bool) -> Option<(LayerReport, bool)> {
    let results = board.desk.results;
    let reports = if measured { results.layers } else { results.applied };
    reports.with(|reports| {
        let Of { revision, value } = reports.as_ref()?;
        Some((value.get(layer as usize)?.clone(), board.desk.is_stale(*revision)))
    })
}

/// The layer's bits, to change, and what comes of them.
fn controls(board: Board, screen: RwSignal<Screen>, layer: u32) -> AnyView {
    let name = board.desk.results.facts.with_untracked(|facts| {
        let layer = facts.as_ref().and_then(|facts| facts.layers.get(layer as usize));
        layer.map(|layer| layer.name.clone()).unwrap_or_default()
    });
    let focus = name.clone();
    let choices = layers::choices(board.desk);
    let strip = |part: Part, head: &'static str| {
        let choice = Signal::derive(move || {
            let choice = choices.with(|choices| choices.get(layer as usize).copied());
            choice.map_or(Choice::Float, |choice| match part {
                Part::Weights => choice.weights,
                Part::Activations => choice.activations,
            })
        });
        view! { <p><span>{head}</span><BitStrip layer=name.clone() part choice /></p> }.into_any()
    };
    let words = &words().graph;
    let to_bench = Callback::new(move |()| screen.set(Screen::Bench));
    let tensors = Callback::new(move |()| board.desk.look_into(focus.clone()));
    let is_stale = move || report(board, layer, true).is_some_and(|(_, stale)| stale);
    view! {
        <div class="strips">{strip(Part::Weights, words.weights)}{strip(Part::Activations, words.input)}</div>
        <div class:stale=is_stale>{move || pairs(outcome(board, layer))}</div>
        {button("chip", Signal::stored(words.to_bench), None, to_bench)}
        {button("chip", Signal::stored(words.tensors), None, tensors)}
    }
    .into_any()
}

/// What was done to a layer, why where it is not what was asked, and its errors.
fn outcome(board: Board, layer: u32) -> Vec<(String, String)> {
    let (all, graph) = (words(), &words().graph);
    let (applied, measured) = (report(board, layer, false), report(board, layer, true));
    let Some((report, _)) = applied else { return Vec::new() };
    let done = |head: &str, part: &Applied| {
        let why = part.reason.as_ref().filter(|_| part.asked != part.done);
        let differs = why.map(|why| format!(" ({})", (graph.differs)(&part.asked.to_string(), why)));
        pair(head, part.done.to_string() + &differs.unwrap_or_default())
    };
    let errors = |at: usize, errors: Option<Errors>| {
        let text = errors.map_or_else(
            || "–".to_owned(),
            |errors| {
                format!(
                    "SQNR {} dB, MSE {}",
                    format::decibels(errors.sqnr_db),
                    format::significant(errors.mse)
                )
            },
        );
        pair(all.layer.errors[at], text)
    };
    let bytes = report.bits.div_ceil(8);
    let of = board.desk.results.size.with(|size| size.as_ref().map_or(bytes, |size| size.value.bytes));
    let measured = measured.map(|(report, _)| report);
    vec![
        done(graph.weights_done, &report.weights),
        done(graph.input_done, &report.activations),
        pair(
            graph.size,
            format!("{}, {}", format::bytes(bytes), format::percent(bytes as f64 / of.max(1) as f64)),
        ),
        errors(0, report.weight),
        errors(1, measured.as_ref().and_then(|report| report.local)),
        errors(2, measured.as_ref().and_then(|report| report.cumulative)),
    ]
}

fn about_group(board: Board, group: u32) -> Option<AnyView> {
    let words = &words().graph;
    let scene = board.scene.get();
    let facts = scene.groups.all.get(group as usize)?;
    let layers = facts.members.iter().filter_map(|&node| scene.nodes.get(node as usize)?.layer);
    let (mut count, mut parameters, mut macs) = (0, 0, 0);
    board.desk.results.facts.with(|facts| {
        let all = facts.as_ref().map(|facts| facts.layers.as_slice()).unwrap_or_default();
        for layer in layers.filter_map(|layer| all.get(layer as usize)) {
            count += 1;
            parameters += layer.parameters;
            macs += layer.macs;
        }
    });
    let rows = vec![
        pair(words.block, (words.nodes)(facts.members.len())),
        pair(words.layers, format::count(count)),
        pair(words.parameters, format::count(parameters)),
        pair(words.macs, format::count(macs)),
    ];
    let is_open = move || board.open.get().contains(&group);
    let mark = Signal::derive(move || if is_open() { words.close } else { words.open });
    let toggle = Callback::new(move |()| board.set_open(group, !untrack(is_open)));
    Some(
        view! {
            <h2 class="title">{facts.path.clone()}</h2>
            {pairs(rows)}
            {button("chip", mark, None, toggle)}
            {links(board, words.members, &facts.members, "")}
        }
        .into_any(),
    )
}
