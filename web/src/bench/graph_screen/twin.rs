//! The graph as a table: for those who listen, copy or calculate.

use leptos::prelude::*;

use super::board::Board;
use super::colour::Paint;
use super::fold::Target;
use super::values;
use crate::chart::Table;
use crate::i18n::words;
use crate::platform::file;

/// The table.
#[component]
pub fn Twin(
    /// The board.
    board: Board,
) -> impl IntoView {
    let rows = move || board.scene.with(|scene| (0..scene.nodes.len()).collect::<Vec<_>>());
    let value_head = move || {
        let at = Paint::ALL.iter().position(|&paint| paint == board.paint.get()).unwrap_or(0);
        words().graph.paints[at]
    };
    let is_valued = move || board.paint.get() != Paint::Kind;
    let save = move |_| {
        if let Err(failure) = file::offer_text("graph.csv", "text/csv", &untrack(|| table(board)).csv()) {
            board.desk.tell(failure, false);
        }
    };
    view! {
        <div class="twin" tabindex="0">
            <table class="plain">
                <caption>
                    {move || words().graph.table_hint}
                    " "
                    <button class="chip" title=move || (words().chart.save)("csv") on:click=save>"csv"</button>
                </caption>
                <thead>
                    <tr>
                        {move || words().graph.heads.map(|head| view! { <th scope="col">{head}</th> }).collect_view()}
                        {move || is_valued().then(|| view! { <th scope="col">{value_head}</th> })}
                    </tr>
                </thead>
                <tbody>
                    {move || rows().into_iter().map(|node| view! { <Row board node /> }).collect_view()}
                </tbody>
            </table>
        </div>
    }
}

#[component]
fn Row(board: Board, node: usize) -> impl IntoView {
    let target = Target::Node(node as u32);
    let [name, operator, inputs, shape] = cells(board, node)?;
    let is_chosen = move || board.chosen.get() == Some(target);
    let is_valued = move || board.paint.get() != Paint::Kind;
    let value = move || values::of_node(board, node).unwrap_or_else(|| "–".to_owned());
    Some(view! {
        <tr class:now=is_chosen>
            <th scope="row"><button class="plain" aria-pressed=move || is_chosen().to_string() on:click=move |_| board.choose(target)>{name}</button></th>
            <td>{operator}</td>
            <td>{inputs}</td>
            <td class="num">{shape}</td>
            {move || is_valued().then(|| view! { <td class="num" class:stale=move || board.colours.with(|c| c.stale)>{value}</td> })}
        </tr>
    })
}

/// Name, operator, inputs, shape.
fn cells(board: Board, node: usize) -> Option<[String; 4]> {
    board.scene.with_untracked(|scene| {
        let facts = scene.nodes.get(node)?;
        let name = |&input: &u32| scene.nodes.get(input as usize).map(|node| node.name.clone());
        let inputs = facts.inputs.iter().filter_map(name).collect::<Vec<_>>().join(", ");
        Some([facts.name.clone(), facts.operator.clone(), inputs, facts.shape.clone()])
    })
}

fn table(board: Board) -> Table {
    let count = board.scene.with(|scene| scene.nodes.len());
    let paint = board.paint.get();
    let mut heads: Vec<String> = words().graph.heads.map(str::to_owned).to_vec();
    let at = Paint::ALL.iter().position(|&other| other == paint).unwrap_or(0);
    heads.extend((paint != Paint::Kind).then(|| words().graph.paints[at].to_owned()));
    let row = |node: usize| {
        let mut row = cells(board, node)?.to_vec();
        row.extend((paint != Paint::Kind).then(|| values::of_node(board, node).unwrap_or_default()));
        Some(row)
    };
    Table { heads, rows: (0..count).filter_map(row).collect() }
}
