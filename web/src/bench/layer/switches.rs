//! What a histogram shows: counts on a logarithmic scale, all channels or one.

use leptos::prelude::*;

use super::looked::Looked;
use crate::i18n::words;

/// Counts on a logarithmic scale.
#[component]
pub fn LogSwitch(
    /// The layer that is looked at.
    looked: Looked,
) -> impl IntoView {
    let log = looked.desk.part(|document| document.view.log_counts);
    view! {
        <label class="switch" title=move || words().layer.log_hint>
            <input type="checkbox" prop:checked=log on:change=move |event| {
                let on = event_target_checked(&event);
                looked.look(|view| view.log_counts = on);
            } />
            {move || words().layer.log}
        </label>
    }
}

/// All channels, or one of them.
#[component]
pub fn ChannelSwitch(
    /// The layer that is looked at.
    looked: Looked,
) -> impl IntoView {
    let count = Memo::new(move |_| {
        looked.facts.with(|facts| {
            let facts = facts.as_ref()?;
            facts.weight_shape.get(facts.channel_axis).copied()
        })
    });
    let set = move |event| {
        // The first option is no number: all of them.
        let channel = event_target_value(&event).parse::<u32>().ok();
        looked.look(|view| view.channel = channel);
    };
    view! {
        <select class="chip" aria-label=move || words().layer.channels_shown on:change=set>
            <option value="" prop:selected=move || looked.channel.get().is_none()>{move || words().layer.all_channels}</option>
            <For each=move || 0..count.get().unwrap_or(0) as u32 key=|channel| *channel let(channel)>
                <option value=channel.to_string() prop:selected=move || looked.channel.get() == Some(channel)>
                    {move || (words().layer.one_channel)(channel)}
                </option>
            </For>
        </select>
    }
}
