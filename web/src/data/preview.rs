//! A few samples, as the model gets them.

use fewbit_data::table::Reading;
use fewbit_data::{How, Preview, Seen};
use fewbit_experiment::protocol::Picture;
use leptos::html;
use leptos::prelude::*;

use super::protocol::Planned;
use super::viewer::Viewer;
use crate::i18n::data::words;
use crate::platform::canvas;

/// Columns of a table that are shown.
const COLUMNS: usize = 10;

/// The preview.
#[component]
pub fn PreviewOf() -> impl IntoView {
    let viewer = Viewer::here();
    move || match viewer.planned.with(|planned| planned.as_ref().map(shown)) {
        Some(shown) => shown,
        None if viewer.planning.get() => ().into_any(),
        None => help(),
    }
}

/// What can be opened.
fn help() -> AnyView {
    let kind =
        |[name, text]: [&'static str; 2]| view! { <div><dt>{name}</dt><dd class="muted">{text}</dd></div> };
    view! { <dl class="help">{words().help.map(kind).collect_view()}</dl> }.into_any()
}

fn shown(planned: &Planned) -> AnyView {
    match (&planned.preview, &planned.how) {
        (Preview::Pictures(seen), _) => {
            let pictures = seen.iter().map(|seen| view! { <One seen=seen.clone() /> }).collect_view();
            view! { <p class="muted">{words().preview_pictures}</p><ul class="seen">{pictures}</ul> }
                .into_any()
        }
        (Preview::Lines(lines), How::Table(reading)) => {
            view! { <p class="muted">{words().preview_table}</p>{table(lines, reading)} }.into_any()
        }
        (Preview::Tokens(tokens), _) => {
            let token = |(number, text): &(u32, String)| {
                view! { <li title=number.to_string()>{visible(text)}<small class="num">{*number}</small></li> }
            };
            let tokens = tokens.iter().map(token).collect_view();
            view! { <p class="muted">{words().preview_text}</p><ol class="tokens">{tokens}</ol> }.into_any()
        }
        (Preview::Lines(_), _) => ().into_any(),
    }
}

/// A picture.
#[component]
fn One(seen: Seen) -> impl IntoView {
    let node = NodeRef::<html::Canvas>::new();
    let Seen { path, class, stored, size, channels, pixels } = seen;
    let name = path.rsplit('/').next().unwrap_or(&path).to_owned();
    let [height, width] = size.map(|side| u16::try_from(side).unwrap_or(u16::MAX));
    let picture = Picture { index: 0, channels: channels as u8, height, width, pixels };
    Effect::new(move |_| {
        if let Some(element) = node.get() {
            canvas::paint(&element, &picture);
        }
    });
    view! {
        <li>
            <canvas node_ref=node role="img" aria-label=path.clone()></canvas>
            <b>{class.unwrap_or_else(|| words().no_class.to_owned())}</b>
            <small title=path>{name}</small>
            <small class="num muted">{(words().sizes)(stored, size)}</small>
        </li>
    }
}

/// The first lines of a table: its first columns, and that of the class.
fn table(lines: &[Vec<String>], reading: &Reading) -> AnyView {
    let all = reading.columns.len();
    let mut columns: Vec<usize> = (0..all.min(COLUMNS)).collect();
    columns.extend(reading.label.filter(|&label| label >= COLUMNS));
    let rest = all - columns.len();
    let role = |column: &usize| match () {
        () if Some(*column) == reading.label => 1,
        () if reading.features.contains(column) => 0,
        () => 2,
    };
    let heads = columns.iter().map(|column| {
        let name = reading.columns.get(*column).cloned().unwrap_or_default();
        let role = role(column);
        let class = ["value", "class", "left-out"].get(role).copied().unwrap_or_default();
        view! { <th scope="col" class=class>{name}<small>{words().roles.get(role).copied().unwrap_or_default()}</small></th> }
    });
    let rows = lines.iter().skip(usize::from(reading.header)).map(|line| {
        let cells = columns.iter().map(
            |&column| view! { <td class="num right">{line.get(column).cloned().unwrap_or_default()}</td> },
        );
        view! { <tr>{cells.collect_view()}</tr> }
    });
    view! {
        <div class="lines" tabindex="0">
            <table class="plain">
                <thead><tr>{heads.collect_view()}</tr></thead>
                <tbody>{rows.collect_view()}</tbody>
            </table>
            {(rest > 0).then(|| view! { <p class="muted">{(words().more_columns)(rest)}</p> })}
        </div>
    }
    .into_any()
}

/// A token's text with its blanks made visible.
fn visible(text: &str) -> String {
    text.replace(' ', "␣").replace('\n', "⏎").replace('\t', "⇥")
}
