//! `fewbit link`.

use fewbit_experiment::{Document, ModelRef, engine, link as links};
use fewbit_runtime::cpu::Cpu;
use serde_json::json;

use crate::args::{Data, Link};
use crate::output::Answer;
use crate::source::{Source, recipe};

/// Writes an experiment as a link.
pub(crate) fn link(args: &Link) -> anyhow::Result<Answer> {
    let recipe = recipe(&args.recipe)?;
    let source = Source::open(&args.model, &Data::default())?;
    let bench = engine::Bench::read(&source.name, &source.model, None, None, Vec::new(), &Cpu::new())?;
    // A rule that matches nothing is told now, and not by whoever opens the link.
    recipe.resolve(&bench.prepared.layer_names())?;
    let model = match source.exhibit {
        Some(exhibit) => ModelRef::Gallery(exhibit.id.to_owned()),
        None => ModelRef::File { name: source.name, id: bench.prepared.facts.id.clone() },
    };
    let fragment = links::write(&Document { recipe: recipe.clone(), ..Document::of(model) })?;
    let link = format!("{}#{fragment}", args.page);
    let json = json!({ "link": link, "characters": link.chars().count(), "recipe": recipe });
    Ok(Answer::new(json, link))
}
