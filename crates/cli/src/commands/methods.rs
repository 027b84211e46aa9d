//! `fewbit methods`.

use fewbit_quant::methods::{ALL, DataNeed, GradientNeed, Method, Stage};
use serde_json::json;

use crate::output::{Answer, table};

/// Lists the methods.
pub(crate) fn methods() -> anyhow::Result<Answer> {
    let methods: Vec<_> = ALL
        .iter()
        .map(|method| {
            let spec = method.spec();
            let settings: Vec<_> = spec
                .parameters
                .iter()
                .map(|p| json!({ "name": p.name, "default": p.default, "range": p.range, "whole": p.whole }))
                .collect();
            json!({
                "name": spec.name, "title": spec.title, "source": spec.source, "stage": stage(spec.stage),
                "data": data(spec.data), "gradients": gradients(spec.gradients), "settings": settings,
            })
        })
        .collect();
    let rows: Vec<Vec<String>> = ALL.iter().map(|method| row(*method)).collect();
    let heads = ["method", "stage", "needs", "gradients", "settings", "source"];
    Ok(Answer::new(json!({ "methods": methods }), table(&heads, &rows)))
}

fn row(method: &dyn Method) -> Vec<String> {
    let spec = method.spec();
    let settings: Vec<String> = spec.parameters.iter().map(|p| format!("{}={}", p.name, p.default)).collect();
    vec![
        spec.name.to_owned(),
        stage(spec.stage).to_owned(),
        data(spec.data).to_owned(),
        gradients(spec.gradients).to_owned(),
        settings.join(" "),
        format!("{}: {}", spec.title, spec.source),
    ]
}

fn stage(stage: Stage) -> &'static str {
    match stage {
        Stage::Equalize => "equalize",
        Stage::Range => "range",
        Stage::Round => "round",
        Stage::Correct => "correct",
        Stage::Train => "train",
        Stage::Reestimate => "reestimate",
    }
}

fn data(need: DataNeed) -> &'static str {
    match need {
        DataNeed::Nothing => "nothing",
        DataNeed::Samples => "samples",
        DataNeed::Labels => "labels",
    }
}

fn gradients(need: GradientNeed) -> &'static str {
    match need {
        GradientNeed::Nothing => "none",
        GradientNeed::Layer => "layer",
        GradientNeed::Block => "block",
        GradientNeed::Network => "network",
    }
}
