//! `fewbit link`.

use std::io::Write;

use fewbit_experiment::{Document, ModelRef, link as links};
use serde_json::json;

use crate::args::{Data, Engine, Link};
use crate::bench::{Bench, backend};
use crate::output::Answer;
use crate::source::{Source, allocation, recipe};

/// Writes an experiment as a link, and with it what came of it if that is wanted.
pub(crate) async fn link(engine: Engine, args: &Link, messages: &mut dyn Write) -> anyhow::Result<Answer> {
    let mut recipe = recipe(&args.recipe)?;
    let source = Source::open(&args.model, &Data::default())?;
    let bench = source.look()?;
    let layers = bench.prepared.layer_names();
    let allocation = allocation(&args.recipe, &layers)?;
    allocation.precede(&mut recipe);
    for note in &allocation.notes {
        writeln!(messages, "note: {note}").ok();
    }
    // A rule that matches nothing is told now, and not by whoever opens the link.
    recipe.resolve(&layers)?;
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
