//! How pictures are prepared.

use fewbit_data::images::{Asked, Colors, Crop, Filter, Preprocess};
use fewbit_data::{How, factor};
use leptos::prelude::*;

use super::controls::{SamplesField, SelectField, TextField, list, numbers, text_of};
use super::viewer::Viewer;
use crate::i18n::data::words;

const FILTERS: [Filter; 4] = [Filter::Nearest, Filter::Bilinear, Filter::Bicubic, Filter::Lanczos];
const COLORS: [Colors; 3] = [Colors::Grey, Colors::Rgb, Colors::Bgr];

/// The controls.
#[component]
pub fn PictureControls() -> impl IntoView {
    let viewer = Viewer::here();
    let found = move |of: fn(&Preprocess) -> String| {
        Signal::derive(move || {
            viewer.planned.with(|planned| match planned.as_ref().map(|planned| &planned.how) {
                Some(How::Pictures { preprocess, .. }) => of(preprocess),
                _ => String::new(),
            })
        })
    };
    let asked = move |of: fn(&Asked) -> String| {
        Signal::derive(move || viewer.asked.with(|asked| of(&asked.pictures)))
    };
    let apply = move |set: fn(&mut Asked, Option<String>) -> Result<(), String>| {
        Callback::new(move |text: Option<String>| {
            let mut pictures = viewer.asked.with_untracked(|asked| asked.pictures.clone());
            set(&mut pictures, text)?;
            viewer.correct(|asked| asked.pictures = pictures);
            Ok(())
        })
    };
    let filters = Signal::derive(|| words().filters.map(str::to_owned).to_vec());
    let colors = Signal::derive(|| words().color_names.map(str::to_owned).to_vec());
    let chosen_filter = move || viewer.asked.with(|asked| place_of(&FILTERS, asked.pictures.filter));
    let chosen_colors = move || viewer.asked.with(|asked| place_of(&COLORS, asked.pictures.colors));
    view! {
        <TextField name=|| words().resize inferred=found(|p| p.resize.to_string()) value=asked(|a| text_of(a.resize))
            apply=apply(|a, text| { a.resize = text.map(|text| text.parse()).transpose()?; Ok(()) }) />
        <TextField name=|| words().crop inferred=found(|p| Crop(p.crop).to_string()) value=asked(|a| text_of(a.crop))
            apply=apply(|a, text| { a.crop = text.map(|text| text.parse()).transpose()?; Ok(()) }) />
        <SelectField name=|| words().filter inferred=found(|p| name_of(&FILTERS, p.filter, &words().filters)) value=Signal::derive(chosen_filter) options=filters
            apply=Callback::new(move |place: Option<usize>| viewer.correct(|asked| asked.pictures.filter = chosen(&FILTERS, place))) />
        <SelectField name=|| words().colors inferred=found(|p| name_of(&COLORS, p.colors, &words().color_names)) value=Signal::derive(chosen_colors) options=colors
            apply=Callback::new(move |place: Option<usize>| viewer.correct(|asked| asked.pictures.colors = chosen(&COLORS, place))) />
        <TextField name=|| words().scale inferred=found(|p| factor::text(p.scale)) value=asked(|a| text_of(a.scale.map(factor::text)))
            apply=apply(|a, text| { a.scale = text.map(|text| factor::parse(&text)).transpose()?; Ok(()) }) />
        <TextField name=|| words().mean inferred=found(|p| list(&p.mean)) value=asked(|a| text_of(a.mean.as_deref().map(list)))
            apply=apply(|a, text| { a.mean = text.map(|text| numbers(&text)).transpose()?; Ok(()) }) />
        <TextField name=|| words().std inferred=found(|p| list(&p.std)) value=asked(|a| text_of(a.std.as_deref().map(list)))
            apply=apply(|a, text| { a.std = text.map(|text| numbers(&text)).transpose()?; Ok(()) }) />
        <SamplesField />
    }
}

fn place_of<T: Copy + PartialEq>(all: &[T], asked: Option<T>) -> Option<usize> {
    asked.and_then(|asked| all.iter().position(|&one| one == asked))
}

fn chosen<T: Copy>(all: &[T], place: Option<usize>) -> Option<T> {
    place.and_then(|place| all.get(place)).copied()
}

fn name_of<T: Copy + PartialEq>(all: &[T], one: T, names: &[&str]) -> String {
    place_of(all, Some(one)).and_then(|place| names.get(place)).copied().unwrap_or_default().to_owned()
}
