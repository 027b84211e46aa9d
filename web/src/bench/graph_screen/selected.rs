//! What is known of the selected node or block.

use fewbit_experiment::Part;
use fewbit_quant::Choice;
use fewbit_quant::report::{Applied, Errors, LayerFacts, LayerReport, NodeFacts};
use leptos::prelude::*;

use super::board::Board;
use super::fold::Target;
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
        None => view! { <p class="muted">{words().graph.nothing_selected}</p> }.into_any(),
        Some(Target::Node(node)) => view! { <Node board screen node /> }.into_any(),
        Some(Target::Group(group)) => view! { <Group board group /> }.into_any(),
    };
    view! { <section class="selected" aria-label=move || words().graph.selected>{content}</section> }
}

#[component]
fn Node(board: Board, screen: RwSignal<Screen>, node: u32) -> impl IntoView {
    let words = &words().graph;
    let scene = board.scene.get();
    let NodeFacts { name, operator, inputs, layer, shape } = scene.nodes.get(node as usize)?.clone();
    let readers = scene.readers.get(node as usize).cloned().unwrap_or_default();
    let group = scene.groups.of.get(node as usize).copied().flatten();
    let block = group.and_then(|group| Some((group, scene.groups.all.get(group as usize)?.label.clone())));
    let unsupported = board.desk.results.facts.with(|facts| {
        let found = facts.as_ref()?.unsupported.iter().find(|one| one.node == name)?;
        Some(found.reason.clone())
    });
    Some(view! {
        <h2 class="title">{name}</h2>
        {unsupported.map(|reason| view! { <p class="down">{reason}</p> })}
        <dl class="facts-list">
            <div><dt>{words.operator}</dt><dd>{operator}</dd></div>
            <div><dt>{words.output_shape}</dt><dd class="num">{if shape.is_empty() { "–".to_owned() } else { shape }}</dd></div>
            <div><dt>{words.reads}</dt><dd><Links board nodes=inputs none=words.model_input /></dd></div>
            <div><dt>{words.read_by}</dt><dd><Links board nodes=readers none=words.model_output /></dd></div>
            {block.map(|(group, label)| view! {
                <div><dt>{words.block}</dt><dd>{label}" "<button class="chip" on:click=move |_| board.set_open(group, false)>{words.close}</button></dd></div>
            })}
        </dl>
        {layer.map(|layer| view! { <Layer board screen layer /> })}
    })
}

/// Nodes by name, to go to.
#[component]
fn Links(board: Board, nodes: Vec<u32>, none: &'static str) -> impl IntoView {
    if nodes.is_empty() {
        return view! { <span class="muted">{none}</span> }.into_any();
    }
    let scene = board.scene.get_untracked();
    let link = |node: u32| {
        let name = scene.nodes.get(node as usize)?.name.clone();
        let go = move |_| {
            board.choose(Target::Node(node));
            board.reveal(Target::Node(node));
        };
        Some(view! { <li><button class="link" on:click=go>{name}</button></li> })
    };
    view! { <ul class="links">{nodes.into_iter().filter_map(link).collect_view()}</ul> }.into_any()
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

#[component]
fn Layer(board: Board, screen: RwSignal<Screen>, layer: u32) -> impl IntoView {
    let words = &words().graph;
    let (facts, all_macs) = board.desk.results.facts.with_untracked(|facts| {
        let facts = facts.as_ref()?;
        Some((facts.layers.get(layer as usize)?.clone(), facts.macs))
    })?;
    let LayerFacts { name, weight_shape, parameters, macs, .. } = facts;
    let shape = weight_shape.iter().map(usize::to_string).collect::<Vec<_>>().join("×");
    let choices = layers::choices(board.desk);
    let choice = move |part: Part| {
        Signal::derive(move || {
            let choice = choices.with(|choices| choices.get(layer as usize).copied());
            choice.map_or(Choice::Float, |choice| match part {
                Part::Weights => choice.weights,
                Part::Activations => choice.activations,
            })
        })
    };
    let applied = Memo::new(move |_| report(board, layer, false));
    let share = move || {
        let all = board.desk.results.size.with(|size| size.as_ref().map(|size| size.value.bytes))?;
        let (report, _) = applied.get()?;
        let bytes = report.bits.div_ceil(8);
        Some(format!("{}, {}", format::bytes(bytes), format::percent(bytes as f64 / all.max(1) as f64)))
    };
    Some(view! {
        <dl class="facts-list">
            <div><dt>{words.weight_shape}</dt><dd class="num">{shape}</dd></div>
            <div><dt>{words.parameters}</dt><dd class="num">{format::count(parameters)}</dd></div>
            <div><dt>{words.macs}</dt><dd class="num">{format!("{}, {}", format::count(macs), format::percent(macs as f64 / all_macs.max(1) as f64))}</dd></div>
            <div><dt>{words.size}</dt><dd class="num" class:stale=move || applied.get().is_some_and(|(_, stale)| stale)>{share}</dd></div>
            <div><dt>{words.weights}</dt><dd><BitStrip layer=name.clone() part=Part::Weights choice=choice(Part::Weights) /><Done applied part=Part::Weights /></dd></div>
            <div><dt>{words.input}</dt><dd><BitStrip layer=name part=Part::Activations choice=choice(Part::Activations) /><Done applied part=Part::Activations /></dd></div>
        </dl>
        <LayerErrors board layer />
        <button class="chip" on:click=move |_| screen.set(Screen::Bench)>{words.to_bench}</button>
    })
}

/// What was done, and why where it is not what was asked.
#[component]
fn Done(applied: Memo<Option<(LayerReport, bool)>>, part: Part) -> impl IntoView {
    move || {
        let (report, stale) = applied.get()?;
        let Applied { asked, done, reason } = match part {
            Part::Weights => report.weights,
            Part::Activations => report.activations,
        };
        let differs = (asked != done).then(|| {
            let why = reason.unwrap_or_default();
            view! { <span class="down">{(words().graph.differs)(&asked.to_string(), &why)}</span> }
        });
        Some(
            view! { <span class="done" class:stale=stale><span class="num">{done.to_string()}</span>" "{differs}</span> },
        )
    }
}

#[component]
fn LayerErrors(board: Board, layer: u32) -> impl IntoView {
    type Kind = fn(&LayerReport) -> Option<Errors>;
    let kinds: [(bool, Kind); 3] = [(false, |r| r.weight), (true, |r| r.local), (true, |r| r.cumulative)];
    let row = move |at: usize, (measured, of): (bool, Kind)| {
        let found = report(board, layer, measured);
        let stale = found.as_ref().is_some_and(|(_, stale)| *stale);
        let errors = found.and_then(|(report, _)| of(&report));
        let cell = |show: fn(&Errors) -> String| errors.as_ref().map_or_else(|| "–".to_owned(), show);
        view! {
            <tr class:stale=stale title=words().layer.error_meanings[at]>
                <th scope="row">{words().layer.errors[at]}</th>
                <td class="right num">{cell(|errors| format::decibels(errors.sqnr_db))}</td>
                <td class="right num">{cell(|errors| format::significant(errors.mse))}</td>
            </tr>
        }
    };
    view! {
        <table class="plain">
            <thead>
                <tr>
                    <th scope="col">{move || words().layer.error_head}</th>
                    <th scope="col" class="right" title=move || words().layer.measure_meanings[1]>{move || words().layer.measures[1]}</th>
                    <th scope="col" class="right" title=move || words().layer.measure_meanings[0]>{move || words().layer.measures[0]}</th>
                </tr>
            </thead>
            <tbody>{move || kinds.into_iter().enumerate().map(|(at, kind)| row(at, kind)).collect_view()}</tbody>
        </table>
    }
}

#[component]
fn Group(board: Board, group: u32) -> impl IntoView {
    let words = &words().graph;
    let scene = board.scene.get();
    let facts = scene.groups.all.get(group as usize)?.clone();
    let layers: Vec<u32> =
        facts.members.iter().filter_map(|&node| scene.nodes.get(node as usize)?.layer).collect();
    let sum = move |of: fn(&LayerFacts) -> u64, layers: &[u32]| {
        board.desk.results.facts.with_untracked(|facts| {
            let all = facts.iter().flat_map(|f| layers.iter().filter_map(|&at| f.layers.get(at as usize)));
            format::count(all.map(of).sum())
        })
    };
    let (parameters, macs) = (sum(|layer| layer.parameters, &layers), sum(|layer| layer.macs, &layers));
    let is_open = move || board.open.with(|open| open.contains(&group));
    Some(view! {
        <h2 class="title">{facts.path}</h2>
        <dl class="facts-list">
            <div><dt>{words.block}</dt><dd>{(words.nodes)(facts.members.len())}</dd></div>
            <div><dt>{words.layers}</dt><dd class="num">{layers.len()}</dd></div>
            <div><dt>{words.parameters}</dt><dd class="num">{parameters}</dd></div>
            <div><dt>{words.macs}</dt><dd class="num">{macs}</dd></div>
        </dl>
        <p><button class="chip" on:click=move |_| board.set_open(group, !is_open())>{move || if is_open() { words.close } else { words.open }}</button></p>
        <Links board nodes=facts.members none="" />
    })
}
