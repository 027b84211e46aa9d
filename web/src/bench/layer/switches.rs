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
    let last = move || count.get().unwrap_or(1).saturating_sub(1);
    let channel = looked.channel;
    let is_one = move || channel.get().is_some();
    let set = move |event| {
        if let Ok(channel) = event_target_value(&event).parse::<u32>() {
            let channel = channel.min(last() as u32);
            looked.look(|view| view.channel = Some(channel));
        }
    };
    view! {
        <span class="switch" role="radiogroup" aria-label=move || words().layer.channels_shown>
            <label>
                <input type="radio" name="channels" prop:checked=move || !is_one() on:change=move |_| looked.look(|view| view.channel = None) />
                {move || words().layer.all_channels}
            </label>
            <label>
                <input type="radio" name="channels" prop:checked=is_one on:change=move |_| looked.look(|view| view.channel = Some(view.channel.unwrap_or(0))) />
                {move || words().layer.one_channel}
            </label>
            <input
                class="number"
                type="number"
                min="0"
                max=move || last().to_string()
                aria-label=move || words().layer.channel
                disabled=move || !is_one()
                prop:value=move || channel.get().unwrap_or(0).to_string()
                on:change=set
            />
        </span>
    }
}
