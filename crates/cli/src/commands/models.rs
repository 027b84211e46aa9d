//! `fewbit models`.

use fewbit_experiment::gallery;
use serde_json::json;

use crate::output::{Answer, table};

/// Lists the models that come along.
pub(crate) fn models() -> anyhow::Result<Answer> {
    let models: Vec<_> = gallery::ALL
        .iter()
        .map(|exhibit| json!({ "id": exhibit.id, "file": exhibit.model, "classes": exhibit.classes }))
        .collect();
    let rows: Vec<_> =
        gallery::ALL.iter().map(|exhibit| vec![exhibit.id.to_owned(), exhibit.model.to_owned()]).collect();
    Ok(Answer::new(json!({ "models": models }), table(&["id", "file"], &rows)))
}
