//! The panel of the model: what does it cost me.

use fewbit_experiment::protocol::{ExportForm, Layers, ToolFile};
use leptos::prelude::*;

use answers::Answers;
use draw::Draw;
use headline::{Facts, Headline};
use sweep::Sweep;
use tried::TriedChart;

use crate::i18n::words;
use crate::state::Desk;
use crate::ui::format;

pub mod answers;
pub mod draw;
pub mod headline;
pub mod sweep;
pub mod tried;

/// The files that the model on the bench can be written as.
const FORMS: [ExportForm; 10] = [
    ExportForm::Onnx { layers: Layers::Float { integer_biases: true } },
    ExportForm::Onnx { layers: Layers::Integer },
    ExportForm::Safetensors,
    ExportForm::Gguf,
    ExportForm::Page,
    ExportForm::Report,
    ExportForm::Tool(ToolFile::ModelExplorer),
    ExportForm::Tool(ToolFile::Netron),
    ExportForm::Tool(ToolFile::NodesToExclude),
    ExportForm::Tool(ToolFile::TensorTypes),
];

/// The panel of the model.
#[component]
pub fn ModelPanel() -> impl IntoView {
    let desk = Desk::here();
    let evaluation = desk.results.evaluation;
    let samples = move || {
        evaluation.with(|evaluation| {
            let evaluation = &evaluation.as_ref()?.value;
            let [n, of] = [evaluation.n, evaluation.of].map(|n| format::count(n.into()));
            Some((words().model.samples)(&n, &of))
        })
    };
    view! {
        <section class="panel model" aria-label=move || words().model.title>
            <div class="head">
                <h2>{move || words().model.title}</h2>
                <span class="grow"></span>
                <span class="muted num">{samples}</span>
            </div>
            <div class="body">
                <Headline />
                <Facts />
                <TriedChart />
                <Answers />
                <Draw />
                <Sweep />
                <div class="row forms">
                    <span class="muted">{move || words().model.save}</span>
                    {FORMS.map(|form| view! {
                        <button class="chip" on:click=move |_| desk.export(form)>{move || (words().model.export)(form)}</button>
                    }).collect_view()}
                </div>
            </div>
        </section>
    }
}
