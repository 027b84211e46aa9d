//! The keyboard: what works everywhere, and the map of it.

use fewbit_experiment::{Command, View};
use leptos::ev::KeyboardEvent;
use leptos::prelude::*;

use crate::i18n::words;
use crate::platform::keyboard;
use crate::settings::Settings;
use crate::state::Desk;
use crate::ui::Dialog;

/// Hears the keys that work everywhere.
pub fn listen(desk: Desk, help: RwSignal<bool>, open_file: impl Fn() + 'static) {
    let settings = Settings::here();
    keyboard::listen(move |event: &KeyboardEvent, is_typing: bool| {
        let command = event.ctrl_key() || event.meta_key();
        let key = event.key();
        match (command, event.shift_key(), key.to_lowercase().as_str()) {
            (true, false, "z") if !is_typing => desk.undo(),
            (true, true, "z") | (true, false, "y") if !is_typing => desk.redo(),
            (true, false, "o") => open_file(),
            (false, _, "?") if !is_typing => help.update(|open| *open = !*open),
            (false, false, "t") if !is_typing => settings.theme.update(|theme| *theme = theme.next()),
            (false, false, "j") if !is_typing => step(desk, 1),
            (false, false, "k") if !is_typing => step(desk, -1),
            (false, false, "escape") if desk.results.progress.with_untracked(Option::is_some) => {
                desk.cancel()
            }
            _ => return false,
        }
        true
    });
}

/// Selects the layer before or behind.
fn step(desk: Desk, by: i64) {
    let count =
        desk.results.facts.with_untracked(|facts| facts.as_ref().map_or(0, |facts| facts.layers.len()))
            as i64;
    let view = untrack(|| desk.document()).view;
    let layer = (i64::from(view.layer) + by).clamp(0, (count - 1).max(0)) as u32;
    desk.dispatch(Command::Look(View { layer, channel: None, ..view }));
}

/// The map of keys.
#[component]
pub fn KeyMap(
    /// Whether it is open.
    open: RwSignal<bool>,
) -> impl IntoView {
    view! {
        <Dialog open title=Signal::derive(|| words().shell.keys_title.to_owned())>
            <table class="plain">
                <tbody>
                    {move || words().shell.key_map.iter().map(|(keys, what)| view! {
                        <tr><th scope="row"><kbd>{*keys}</kbd></th><td>{*what}</td></tr>
                    }).collect_view()}
                </tbody>
            </table>
        </Dialog>
    }
}
