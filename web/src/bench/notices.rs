//! Messages to the person: what went wrong, where, and what to do.

use fewbit_experiment::failure::Code;
use fewbit_experiment::protocol::EngineChoice;
use leptos::prelude::*;

use crate::i18n::words;
use crate::state::{Desk, Notice};

/// The messages that were not dismissed.
#[component]
pub fn Notices() -> impl IntoView {
    let notices = Desk::here().results.notices;
    view! {
        <div class="notices" role="log" aria-live="assertive">
            <For each=move || notices.get() key=|notice| notice.id let(notice)><NoticeCard notice /></For>
        </div>
    }
}

#[component]
fn NoticeCard(notice: Notice) -> impl IntoView {
    let desk = Desk::here();
    let Notice { id, failure, grave } = notice;
    let code = failure.code;
    let of_engine = matches!(code, Code::Engine | Code::DeviceLost | Code::WorkerLost);
    view! {
        <article class="notice" class:grave=grave>
            <h3>{move || (words().faults.heading)(code)}</h3>
            <p>{failure.place.map(|place| view! { <code>{place}</code>" " })}{failure.message}</p>
            <ul>{failure.hints.into_iter().map(|hint| view! { <li>{hint}</li> }).collect_view()}</ul>
            <div class="row">
                <Show when=move || of_engine>
                    <button class="chip" on:click=move |_| desk.restart(EngineChoice::Auto)>{move || words().faults.restart}</button>
                    <button class="chip" on:click=move |_| desk.restart(EngineChoice::Cpu)>{move || words().faults.use_cpu}</button>
                </Show>
                <button class="chip" on:click=move |_| desk.dismiss(id)>{move || words().faults.dismiss}</button>
            </div>
        </article>
    }
}
