//! The compact graph: every node in the order in which it runs, layers linked with the table.

use fewbit_experiment::{Command, View};
use fewbit_quant::report::NodeFacts;
use leptos::prelude::*;

use crate::i18n::words;
use crate::state::Desk;

/// The height of a node's row, in pixels.
const ROW: f64 = 18.0;
/// The width of a lane.
const LANE: f64 = 12.0;
/// The x of the first lane.
const FIRST: f64 = 10.0;

/// A node's place: its lane, counted from the left. An edge that skips nodes runs in a lane of its own.
#[derive(Clone, Debug, PartialEq)]
struct Edge {
    from: usize,
    to: usize,
    lane: usize,
}

/// The edges of a graph whose nodes stand one below the other. Lane 0 holds the nodes; edges that pass nodes by take the
/// first lane that is free along their way.
fn edges(nodes: &[NodeFacts]) -> Vec<Edge> {
    let mut edges: Vec<Edge> = Vec::new();
    for (to, node) in nodes.iter().enumerate() {
        for from in node.inputs.iter().map(|&from| from as usize).filter(|&from| from < to) {
            let overlaps = |edge: &Edge| edge.from < to && from < edge.to;
            let lane = match to - from {
                1 => 0,
                _ => (1..).find(|&lane| !edges.iter().any(|e| e.lane == lane && overlaps(e))).unwrap_or(1),
            };
            edges.push(Edge { from, to, lane });
        }
    }
    edges
}

fn lanes(edges: &[Edge]) -> usize {
    edges.iter().map(|edge| edge.lane).max().unwrap_or(0)
}

fn y(row: usize) -> f64 {
    (row as f64 + 0.5) * ROW
}

fn curve(edge: &Edge) -> String {
    let (top, bottom) = (y(edge.from), y(edge.to));
    match edge.lane {
        0 => format!("M{FIRST},{top}V{bottom}"),
        lane => {
            let x = FIRST + lane as f64 * LANE;
            format!(
                "M{FIRST},{top}C{x},{top} {x},{top} {x},{}V{}C{x},{bottom} {x},{bottom} {FIRST},{bottom}",
                top + ROW / 2.0,
                bottom - ROW / 2.0
            )
        }
    }
}

/// The compact graph.
#[component]
pub fn CompactGraph() -> impl IntoView {
    let desk = Desk::here();
    let nodes = Memo::new(move |_| {
        desk.results.facts.with(|f| f.as_ref().map(|f| f.nodes.clone()).unwrap_or_default())
    });
    let drawing = move || {
        let nodes = nodes.get();
        let edges = edges(&nodes);
        let text = FIRST + (lanes(&edges) as f64 + 1.0) * LANE;
        let height = nodes.len() as f64 * ROW;
        view! {
            <svg role="presentation" width="100%" height=height>
                {edges.iter().map(|edge| view! { <path d=curve(edge) /> }).collect_view()}
                {nodes.iter().enumerate().map(|(row, node)| view! {
                    <circle class:layer=node.layer.is_some() cx=FIRST cy=y(row) r=if node.layer.is_some() { 4.5 } else { 2.5 } />
                }).collect_view()}
            </svg>
            <ol style:padding-left=format!("{text}px")>
                {nodes.into_iter().map(|node| view! { <NodeRow node /> }).collect_view()}
            </ol>
        }
    };
    view! {
        <details class="graph" open>
            <summary><h3>{move || words().layers.graph}</h3><span class="muted">{move || (words().layers.nodes)(nodes.with(Vec::len))}</span></summary>
            <div class="rows">{drawing}</div>
        </details>
    }
}

#[component]
fn NodeRow(node: NodeFacts) -> impl IntoView {
    let desk = Desk::here();
    let layer = node.layer;
    let selected = desk.part(move |document| Some(document.view.layer) == layer);
    let select = move |layer: u32| {
        let view = untrack(|| desk.document()).view;
        desk.dispatch(Command::Look(View { layer, channel: None, ..view }));
    };
    let NodeFacts { name, operator, shape, .. } = node;
    let text = match layer {
        Some(layer) => view! {
            <button aria-pressed=move || selected.get().to_string() on:click=move |_| select(layer)>{name.clone()}</button>
        }
        .into_any(),
        None => view! { <span title=name.clone()>{operator.clone()}</span> }.into_any(),
    };
    view! {
        <li class:selected=selected title=format!("{operator} {name}")>
            {text}
            <span class="muted num">{shape}</span>
        </li>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(inputs: &[u32]) -> NodeFacts {
        let name = String::new();
        NodeFacts {
            name: name.clone(),
            operator: name.clone(),
            inputs: inputs.to_vec(),
            layer: None,
            shape: name,
        }
    }

    #[test]
    fn an_edge_that_passes_nodes_by_has_a_lane_to_itself() {
        // 0 → 1 → 2 → 3, 0 → 3 and 1 → 3.
        let edges = edges(&[node(&[]), node(&[0]), node(&[1]), node(&[2, 0, 1])]);
        let lane = |from, to| edges.iter().find(|e| (e.from, e.to) == (from, to)).unwrap().lane;
        assert_eq!([lane(0, 1), lane(1, 2), lane(2, 3)], [0, 0, 0]);
        assert_eq!([lane(0, 3), lane(1, 3)], [1, 2]);
    }
}
