//! How text becomes windows of tokens.

use fewbit_data::How;
use fewbit_data::tokenizer::Named;
use leptos::prelude::*;

use super::controls::{SamplesField, SelectField, TextField, text_of, whole};
use super::viewer::Viewer;
use crate::i18n::data::words;
use crate::platform::file;

/// The controls.
#[component]
pub fn TextControls() -> impl IntoView {
    let viewer = Viewer::here();
    let files = Memo::new(move |_| {
        viewer.found.with(|found| found.as_ref().map(|found| found.tokenizers.clone())).unwrap_or_default()
    });
    let all = move || {
        let files = files.get().into_iter().map(Named::File);
        [Named::Bytes, Named::Chars].into_iter().chain(files).collect::<Vec<_>>()
    };
    let name = |named: &Named| match named {
        Named::Bytes => words().tokenizers[0].to_owned(),
        Named::Chars => words().tokenizers[1].to_owned(),
        named => named.to_string(),
    };
    let inferred = move || {
        viewer.planned.with(|planned| match planned.as_ref().map(|planned| &planned.how) {
            Some(How::Text { tokenizer, .. }) => name(tokenizer),
            _ => "–".to_owned(),
        })
    };
    let stride = move || {
        viewer.planned.with(|planned| match planned.as_ref().map(|planned| &planned.how) {
            Some(How::Text { windows, .. }) => windows.stride.to_string(),
            _ => String::new(),
        })
    };
    let chosen = move || {
        let asked = viewer.asked.with(|asked| asked.text.tokenizer.clone());
        asked.and_then(|asked| all().iter().position(|named| *named == asked))
    };
    view! {
        <SelectField name=|| words().tokenizer inferred=Signal::derive(inferred) value=Signal::derive(chosen)
            options=Signal::derive(move || all().iter().map(name).collect())
            apply=Callback::new(move |place: Option<usize>| {
                let named = place.and_then(|place| untrack(all).into_iter().nth(place));
                viewer.correct(|asked| asked.text.tokenizer = named);
            }) />
        <div class="field end">
            <button class="chip" on:click=move |_| file::pick_given(".json,.gguf", move |given| viewer.add_tokenizer(given))>{move || words().tokenizer_file}</button>
        </div>
        <TextField name=|| words().stride inferred=Signal::derive(stride) value=Signal::derive(move || viewer.asked.with(|asked| text_of(asked.text.stride)))
            apply=Callback::new(move |text: Option<String>| {
                let stride = text.map(|text| whole(&text)).transpose()?;
                viewer.correct(|asked| asked.text.stride = stride);
                Ok(())
            }) />
        <SamplesField />
    }
}
