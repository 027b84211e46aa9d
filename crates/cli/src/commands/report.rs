//! `fewbit report`.

use std::io::Write;
use std::path::Path;

use anyhow::bail;
use fewbit_experiment::protocol::{ExportForm, ToolFile};

use super::eval::measure;
use super::quantize::write;
use crate::args::{Engine, Report};
use crate::output::Answer;

const TOOLS: [ToolFile; 4] =
    [ToolFile::ModelExplorer, ToolFile::Netron, ToolFile::NodesToExclude, ToolFile::TensorTypes];

/// Quantizes a model, measures it and writes a report.
pub(crate) async fn report(
    engine: Engine,
    args: &Report,
    messages: &mut dyn Write,
) -> anyhow::Result<Answer> {
    let form = form(&args.output)?;
    let (mut bench, mut answer) = measure(engine, &args.model, &args.recipe, &args.data, messages).await?;
    write(&mut bench, form, &args.output, &mut answer, messages).await?;
    Ok(answer)
}

/// The form that the name of the file asks for.
fn form(output: &Path) -> anyhow::Result<ExportForm> {
    let name = output.to_string_lossy();
    if let Some(tool) = TOOLS.into_iter().find(|tool| name.ends_with(&format!(".{}", tool.ending()))) {
        return Ok(ExportForm::Tool(tool));
    }
    match output.extension().and_then(|ending| ending.to_str()) {
        Some("html") => Ok(ExportForm::Page),
        Some("json") => Ok(ExportForm::Report),
        _ => {
            let tools: Vec<String> = TOOLS.iter().map(|tool| format!(".{}", tool.ending())).collect();
            bail!("{name} ends with no form of report: .html, .json, {}", tools.join(", "))
        }
    }
}
