//! `fewbit data`.

use std::fs;
use std::path::Path;

use anyhow::Context as _;
use serde_json::json;

use crate::args::{Data, Model, OwnData};
use crate::output::Answer;
use crate::own_data;
use crate::source::Source;

/// Writes data of one's own as an npz archive, as a model takes them.
pub(crate) fn data(model: &Model, path: &Path, asked: &OwnData, output: &Path) -> anyhow::Result<Answer> {
    let source = Source::open(model, &Data::default())?;
    let wanted = own_data::wanted(&source.look()?, &source.classes)?;
    let own = own_data::open(path, &wanted, asked)?;
    let bytes = own.samples.to_npz(true)?;
    fs::write(output, &bytes).with_context(|| format!("cannot write {}", output.display()))?;
    let samples = &own.samples;
    let text = format!(
        "{}\n{} samples, {}, in {} ({} bytes)\n",
        samples.notes.join("\n"),
        samples.len(),
        if samples.y.is_some() { "labelled" } else { "without labels" },
        output.display(),
        bytes.len()
    );
    let json = json!({
        "output": output.display().to_string(),
        "bytes": bytes.len(),
        "data": own.to_json(),
        "notes": samples.notes,
    });
    Ok(Answer::new(json, text))
}
