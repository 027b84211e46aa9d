//! How a table is read.

use fewbit_data::table::{Asked, Reading};
use fewbit_data::{How, factor};
use leptos::prelude::*;

use super::controls::{SelectField, TextField, text_of};
use super::viewer::Viewer;
use crate::i18n::data::words;

const DELIMITERS: [char; 4] = [',', ';', '\t', '|'];

fn shown(delimiter: char) -> String {
    if delimiter == '\t' { words().tab.to_owned() } else { delimiter.to_string() }
}

/// The controls.
#[component]
pub fn TableControls() -> impl IntoView {
    let viewer = Viewer::here();
    let reading = Memo::new(move |_| {
        viewer.planned.with(|planned| match planned.as_ref().map(|planned| &planned.how) {
            Some(How::Table(reading)) => Some(reading.clone()),
            _ => None,
        })
    });
    let found = move |of: fn(&Reading) -> String| {
        Signal::derive(move || reading.with(|reading| reading.as_ref().map(of)).unwrap_or_default())
    };
    let asked =
        move |of: fn(&Asked) -> String| Signal::derive(move || viewer.asked.with(|asked| of(&asked.table)));
    let columns = Memo::new(move |_| viewer.columns.get());
    let classes = Signal::derive(move || {
        std::iter::once(words().none.to_owned()).chain(columns.get()).collect::<Vec<_>>()
    });
    let delimiter = move || {
        viewer.asked.with(|asked| DELIMITERS.iter().position(|&one| Some(one) == asked.table.delimiter))
    };
    let header = move || viewer.asked.with(|asked| asked.table.header.map(|header| usize::from(!header)));
    let class = move || {
        viewer.asked.with(|asked| match asked.table.label.as_deref()? {
            "" => Some(0),
            name => columns.with(|columns| columns.iter().position(|column| column == name).map(|at| at + 1)),
        })
    };
    view! {
        <SelectField name=|| words().delimiter inferred=found(|r| shown(r.delimiter)) value=Signal::derive(delimiter)
            options=Signal::derive(|| DELIMITERS.map(shown).to_vec())
            apply=Callback::new(move |place: Option<usize>| viewer.correct(|asked| {
                asked.table.delimiter = place.and_then(|place| DELIMITERS.get(place)).copied();
            })) />
        <SelectField name=|| words().header inferred=found(|r| if r.header { words().yes } else { words().no }.to_owned()) value=Signal::derive(header)
            options=Signal::derive(|| [words().yes, words().no].map(str::to_owned).to_vec())
            apply=Callback::new(move |place: Option<usize>| viewer.correct(|asked| asked.table.header = place.map(|place| place == 0))) />
        <SelectField name=|| words().class inferred=found(class_of) value=Signal::derive(class) options=classes
            apply=Callback::new(move |place: Option<usize>| {
                let name = place.map(|place| match place.checked_sub(1) {
                    Some(at) => columns.with_untracked(|columns| columns.get(at).cloned()).unwrap_or_default(),
                    None => String::new(),
                });
                viewer.correct(|asked| asked.table.label = name);
            }) />
        <TextField name=|| words().values inferred=found(|r| (words().columns)(r.features.len())) value=asked(|a| text_of(a.features.as_ref().map(|names| names.join(", "))))
            apply=Callback::new(move |text: Option<String>| {
                let names = text.map(|text| text.split([',', '，']).map(|name| name.trim().to_owned()).collect());
                viewer.correct(|asked| asked.table.features = names);
                Ok(())
            }) />
        <TextField name=|| words().scale inferred=found(|r| factor::text(r.scale)) value=asked(|a| text_of(a.scale.map(factor::text)))
            apply=Callback::new(move |text: Option<String>| {
                let scale = text.map(|text| factor::parse(&text)).transpose()?;
                viewer.correct(|asked| asked.table.scale = scale);
                Ok(())
            }) />
    }
}

/// The name of the column of the class.
fn class_of(reading: &Reading) -> String {
    let name = reading.label.and_then(|at| reading.columns.get(at));
    name.cloned().unwrap_or_else(|| words().none.to_owned())
}
