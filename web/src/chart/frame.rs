//! What stands around every chart: its title, its twin as a table, and export.

use leptos::html;
use leptos::prelude::*;

use crate::i18n::words;
use crate::platform::{file, picture, size};
use crate::ui::tell::Tell;

/// The size of a chart's drawing, in pixels.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Size {
    /// Across.
    pub width: f64,
    /// Down.
    pub height: f64,
}

/// A chart's twin: the same numbers to read, copy and export.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Table {
    /// Column heads, with units.
    pub heads: Vec<String>,
    /// Rows of cells.
    pub rows: Vec<Vec<String>>,
}

impl Table {
    /// The table as CSV (RFC 4180).
    pub fn csv(&self) -> String {
        let quote = |cell: &String| {
            if cell.contains(['"', ',', '\n', '\r']) {
                format!("\"{}\"", cell.replace('"', "\"\""))
            } else {
                cell.clone()
            }
        };
        let row = |cells: &Vec<String>| cells.iter().map(quote).collect::<Vec<_>>().join(",");
        std::iter::once(&self.heads).chain(&self.rows).map(row).map(|row| row + "\r\n").collect()
    }
}

/// A chart with its title, table twin and export.
#[component]
pub fn Frame(
    /// Its title.
    #[prop(into)]
    title: Signal<String>,
    /// What it shows and what is better, in one sentence: for those who hover, and for those who listen.
    #[prop(into)]
    summary: Signal<String>,
    /// The same numbers as a table; asked for only when it is looked at or exported.
    #[prop(into)]
    table: Callback<(), Table>,
    /// The name of exported files, without an ending.
    name: &'static str,
    /// Whether the numbers are out of date.
    #[prop(into, optional)]
    stale: Signal<bool>,
    /// Beside the title: legend and switches.
    #[prop(optional, into)]
    aside: ViewFn,
    /// The drawing: SVG elements for a given size.
    drawing: Callback<Signal<Size>, AnyView>,
    /// What floats above the drawing: HTML, in the drawing's pixels.
    #[prop(optional, into)]
    overlay: Option<Callback<Signal<Size>, AnyView>>,
) -> impl IntoView {
    let node = NodeRef::<html::Div>::new();
    let area = RwSignal::new(Size::default());
    Effect::new(move |_| {
        if let Some(div) = node.get() {
            size::observe(&div, move |width, height| area.set(Size { width, height }));
        }
    });
    let as_table = RwSignal::new(false);
    let tell = Tell::here();
    let save = move |kind: &'static str| {
        let saved = match kind {
            "csv" => file::offer_text(&format!("{name}.csv"), "text/csv", &table.run(()).csv()),
            _ => {
                as_table.set(false);
                node.get_untracked().map_or(Ok(()), |div| picture::save(&div, name, kind == "png"))
            }
        };
        if let Err(failure) = saved {
            tell.tell(failure, false);
        }
    };
    let has_size = move || area.with(|area| area.width > 0.0);
    view! {
        <figure class="chart" aria-label=title>
            <figcaption>
                <h3 title=summary>{title}</h3>
                {aside.run()}
                <span class="grow"></span>
                <span class="tools">
                    <button aria-pressed=move || as_table.get().to_string() title=move || words().chart.table on:click=move |_| as_table.update(|on| *on = !*on)>{move || words().chart.table_short}</button>
                    {["svg", "png", "csv"].map(|kind| view! {
                        <button title=move || (words().chart.save)(kind) on:click=move |_| save(kind)>{kind}</button>
                    })}
                </span>
            </figcaption>
            <p class="visually-hidden">{summary}</p>
            <div class="drawing" node_ref=node class:stale-mark=stale hidden=as_table>
                <svg
                    role="presentation"
                    width=move || area.get().width
                    height=move || area.get().height
                    viewBox=move || format!("0 0 {} {}", area.get().width, area.get().height)
                >
                    <Show when=has_size>{drawing.run(area.into())}</Show>
                </svg>
                {overlay.map(|overlay| overlay.run(area.into()))}
            </div>
            <Show when=move || as_table.get()>
                <div class="twin" tabindex="0"><TableView table=Signal::derive(move || table.run(())) /></div>
            </Show>
        </figure>
    }
}

/// A table of numbers.
#[component]
pub fn TableView(
    /// The numbers.
    table: Signal<Table>,
) -> impl IntoView {
    move || {
        let Table { heads, rows } = table.get();
        view! {
            <table class="plain">
                <thead><tr>{heads.into_iter().map(|head| view! { <th scope="col">{head}</th> }).collect_view()}</tr></thead>
                <tbody>
                    {rows.into_iter().map(|row| view! {
                        <tr>{row.into_iter().map(|cell| view! { <td class="num">{cell}</td> }).collect_view()}</tr>
                    }).collect_view()}
                </tbody>
            </table>
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_with_commas_are_quoted() {
        let table = Table {
            heads: vec!["a".into(), "b, c".into()],
            rows: vec![vec!["1".into(), "say \"x\"".into()]],
        };
        assert_eq!(table.csv(), "a,\"b, c\"\r\n1,\"say \"\"x\"\"\"\r\n");
    }
}
