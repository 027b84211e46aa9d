//! `fewbit link`.

use std::io::Write;

use fewbit_experiment::{Document, ModelRef, link as links};
use serde_json::json;

use crate::args::{Data, Engine, Link};
use crate::bench::{Bench, backend};
use crate::output::Answer;
use crate::source::{Source, recipe};

/// Writes an experiment as a link, and with it what came of it if that is wanted.
pub(crate) async fn link(engine: Engine, args: &Link, messages: &mut dyn Write) -> anyhow::Result<Answer> {
    let recipe = recipe(&args.recipe)?;
    let source = Source::open(&args.model, &Data::default())?;
    let bench = source.look()?;
    // A rule that matches nothing is told now, and not by whoever opens the link.
    recipe.resolve(&bench.prepared.layer_names())?;
    let model = match source.exhibit {
        Some(exhibit) => ModelRef::Gallery(exhibit.id.to_owned()),
        None => ModelRef::File { name: source.name, id: bench.prepared.facts.id.clone() },
    };
    let expectation = match args.with_result {
        true => {
            let source = Source::open(&args.model, &args.data)?;
            let mut bench = Bench::load(backend(engine).await?, source).await?;
            Some(bench.run(&recipe, messages).await?.expectation)
        }
        false => None,
    };
    let document = Document { lengths: args.model.lengths(), recipe: recipe.clone(), ..Document::of(model) };
    let fragment = links::write_with(&document, expectation.as_ref())?;
    let link = format!("{}#{fragment}", args.page);
    let json = json!({ "link": link, "characters": link.chars().count(), "recipe": recipe });
    Ok(Answer::new(json, link))
}
