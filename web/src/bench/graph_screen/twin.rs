//! The graph as a table: for those who listen, copy or calculate.

use leptos::prelude::*;

use super::board::Board;
use super::colour::Paint;
use super::lists::button;
use super::values;
use crate::chart::{Table, TableView};
use crate::i18n::words;
use crate::platform::file;

/// The table.
#[component]
pub fn Twin(
    /// The board.
    board: Board,
) -> impl IntoView {
    let save = Callback::new(move |()| {
        if let Err(failure) = file::offer_text("graph.csv", "text/csv", &untrack(|| table(board)).csv()) {
            board.desk.tell(failure, false);
        }
    });
    view! {
        <div class="twin" tabindex="0">
            <p class="muted">{move || words().graph.table_hint}" "{button("chip", Signal::stored("csv"), None, save)}</p>
            <TableView table=Signal::derive(move || table(board)) />
        </div>
    }
}

/// Name, operator, inputs, shape, and what nodes are coloured by.
fn table(board: Board) -> Table {
    let paint = board.paint.get();
    let mut heads: Vec<String> = words().graph.heads.map(str::to_owned).to_vec();
    let is_valued = paint != Paint::Kind;
    heads.extend(is_valued.then(|| words().graph.paints[paint as usize].to_owned()));
    let scene = board.scene.get();
    let row = |(at, node): (usize, &fewbit_quant::report::NodeFacts)| {
        let inputs = node.inputs.iter().map(|&input| scene.name(input)).collect::<Vec<_>>().join(", ");
        let mut row =
            vec![scene.name(at as u32).to_owned(), node.operator.clone(), inputs, node.shape.clone()];
        row.extend(is_valued.then(|| values::of_node(board, at).unwrap_or_default()));
        row
    };
    let rows = scene.nodes.iter().enumerate().map(row).collect();
    Table { heads, rows }
}
