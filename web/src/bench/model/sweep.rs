//! What each layer alone means for the model's outputs, and what all the others mean.

use leptos::prelude::*;

use crate::i18n::words;
use crate::state::Desk;
use crate::ui::format;

/// Samples that a sweep uses.
const SAMPLES: u32 = 256;

/// The table, measured on demand.
#[component]
pub fn Sweep() -> impl IntoView {
    let desk = Desk::here();
    let rows = desk.results.sensitivity;
    let most = move || {
        rows.with(|rows| {
            rows.iter().flat_map(|rows| &rows.value).map(|row| row.only.kl).fold(1e-12, f64::max)
        })
    };
    let name_of = move |layer: u32| {
        desk.results.facts.with(|facts| {
            facts
                .as_ref()
                .and_then(|f| f.layers.get(layer as usize))
                .map(|layer| layer.name.clone())
                .unwrap_or_default()
        })
    };
    let table = move || {
        rows.get().map(|rows| {
        let heads = words().model.sweep_heads;
        view! {
            <table class="plain sweep" class:stale-mark=desk.is_stale(rows.revision)>
                <thead><tr>{heads.map(|head| view! { <th scope="col">{head}</th> })}</tr></thead>
                <tbody>
                    {rows.value.into_iter().map(|row| view! {
                        <tr>
                            <td>{name_of(row.layer)}</td>
                            <td class="num">
                                <span class="bar" aria-hidden="true"><i style:width=format!("{:.0}%", 100.0 * row.only.kl / most())></i></span>
                                {format::significant(row.only.kl)}
                            </td>
                            <td class="num">{format::significant(row.all_but.kl)}</td>
                        </tr>
                    }).collect_view()}
                </tbody>
            </table>
        }
    })
    };
    view! {
        <div title=move || words().model.sweep_hint>
            <div class="row">
                <h3>{move || words().model.sweep}</h3>
                <span class="grow"></span>
                <button class="chip" on:click=move |_| desk.sweep(SAMPLES)>{move || words().model.sweep_start}</button>
            </div>
            {table}
        </div>
    }
}
