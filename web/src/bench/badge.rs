//! The engine's badge: which engine, why, and what the self-test found.

use fewbit_experiment::protocol::{EngineChoice, EngineInfo, EngineReason, SelfTestReport};
use leptos::prelude::*;

use crate::i18n::words;
use crate::state::Desk;
use crate::ui::{Dialog, format};

/// What is timed: samples in a run, and runs after the first.
const TIMED_BATCH: u32 = 32;
const TIMED_RUNS: u32 = 5;

/// The badge.
#[component]
pub fn Badge() -> impl IntoView {
    let desk = Desk::here();
    let engine = desk.results.engine;
    let open = RwSignal::new(false);
    let mark = move || {
        engine.with(|info| match info {
            None => words().shell.engine_opening.to_owned(),
            Some(info) => (words().shell.engine_mark)(info),
        })
    };
    let state = move || engine.with(|info| info.as_ref().map_or("wait", state_of));
    view! {
        <button class="chip badge" data-state=state on:click=move |_| open.set(true) aria-haspopup="dialog">
            <span aria-hidden="true">{move || match state() { "good" => "✓", "wrong" => "!", "wait" => "…", _ => "●" }}</span>
            {mark}
        </button>
        <Dialog open title=Signal::derive(move || words().shell.engine.to_owned())>
            {move || engine.get().map(|info| view! { <EngineFacts info /> })}
            <Timing />
            <div class="row">
                {[EngineChoice::Auto, EngineChoice::Cpu, EngineChoice::Gpu].map(|choice| view! {
                    <button class="chip" on:click=move |_| { open.set(false); desk.restart(choice); }>
                        {move || (words().shell.engine_choice)(choice)}
                    </button>
                })}
            </div>
        </Dialog>
    }
}

/// Times the engine on the model that is there.
#[component]
fn Timing() -> impl IntoView {
    let desk = Desk::here();
    let speed = desk.results.speed;
    let text = move || speed.get().map(|speed| (words().shell.speed)(&speed));
    view! {
        <div class="row timing">
            <button class="chip" on:click=move |_| desk.time_engine(TIMED_BATCH, TIMED_RUNS)>
                {move || (words().shell.time_engine)(TIMED_BATCH)}
            </button>
            <span class="num" role="status">{text}</span>
        </div>
    }
}

/// How the badge looks: `good` for a verified GPU, `wrong` for a failed one, `plain` otherwise.
fn state_of(info: &EngineInfo) -> &'static str {
    let failed = info.self_test.as_ref().is_some_and(|test| test.checks.iter().any(|check| !check.passed));
    match info.reason {
        EngineReason::SelfTestFailed(_) | EngineReason::DeviceLost(_) => "wrong",
        _ if failed => "wrong",
        EngineReason::Verified => "good",
        _ => "plain",
    }
}

#[component]
fn EngineFacts(info: EngineInfo) -> impl IntoView {
    let words = words();
    view! {
        <p>{(words.shell.engine_runs)(info.gpu, &info.device)}</p>
        <p class="muted">{(words.shell.engine_reason)(&info.reason)}</p>
        {info.self_test.map(|test| view! { <SelfTest test /> })}
    }
}

#[component]
fn SelfTest(test: SelfTestReport) -> impl IntoView {
    let shell = &words().shell;
    view! {
        <h3>{(shell.self_test)(&test.adapter, test.millis)}</h3>
        {test.spoiled.then(|| view! { <p>{shell.spoiled}</p> })}
        <table class="plain">
            <thead>
                <tr>
                    <th scope="col">{shell.kernel}</th>
                    <th scope="col" class="right">{shell.worst_error}</th>
                    <th scope="col" class="right">{shell.allowed}</th>
                    <th scope="col">{shell.result}</th>
                </tr>
            </thead>
            <tbody>
                {test.checks.into_iter().map(|check| view! {
                    <tr>
                        <td>{check.kernel}</td>
                        <td class="right num">{format::significant(check.worst)}</td>
                        <td class="right num">{format::significant(check.allowed)}</td>
                        <td class=if check.passed { "up" } else { "down" }>{if check.passed { shell.passed } else { shell.failed }}</td>
                    </tr>
                }).collect_view()}
            </tbody>
        </table>
    }
}
