//! `cargo xtask golden`: the reference values of the tests, made anew by the Python scripts that made them.

use crate::process::{command, output, root, run};
use anyhow::{Context, Result, bail};
use std::fs;
use std::process::Command;

/// What the scripts import, all told; each script says at its head what it needs itself.
const PACKAGES: &str = "numpy onnx onnxruntime ml_dtypes scipy torch gguf ggml-python pillow<13 tokenizers sentencepiece protobuf";

/// A script that writes reference values, and the same ones every time.
struct Script {
    name: String,
    arguments: Vec<String>,
}

/// Runs all scripts, or those whose name contains one of `names`, and shows what has changed in `tests/golden`.
pub(crate) fn regenerate(names: &[String]) -> Result<()> {
    let python = std::env::var("PYTHON").unwrap_or_else(|_| "python3".to_owned());
    output(command(&python).arg("--version")).with_context(|| {
        format!("the goldens need Python 3; `{python}` does not run (PYTHON may name another)")
    })?;

    let is_chosen =
        |script: &Script| names.is_empty() || names.iter().any(|name| script.name.contains(name.as_str()));
    let chosen: Vec<Script> = scripts()?.into_iter().filter(is_chosen).collect();
    let failed: Vec<&str> = chosen
        .iter()
        .filter(|script| {
            let result = run(python_in_tools(&python).args(&script.arguments));
            result.inspect_err(|error| println!("{error:#}")).is_err()
        })
        .map(|script| script.name.as_str())
        .collect();

    println!("\nChanged reference values (none, if nothing follows):");
    run(command("git").args(["status", "--short", "tests/golden"]))?;
    if chosen.is_empty() {
        bail!("no script has such a name");
    }
    if !failed.is_empty() {
        bail!(
            "{} of {} scripts failed: {}. Together they import {PACKAGES}; where one is missing: {python} -m pip install …",
            failed.len(),
            chosen.len(),
            failed.join(", ")
        );
    }
    Ok(())
}

/// The scripts of `tools/golden`, and the export of each gallery model that has been trained on this machine.
fn scripts() -> Result<Vec<Script>> {
    let golden = files("tools/golden", ".py")?
        .into_iter()
        .map(|name| Script { arguments: vec![format!("golden/{name}.py")], name });
    let models = files("tools/zoo/checkpoints", ".pt").unwrap_or_default();
    let zoo = models
        .into_iter()
        .map(|name| Script { arguments: ["-m", "zoo.export", &name].map(str::to_owned).to_vec(), name });
    Ok(golden.chain(zoo).collect())
}

/// The names, without it, of the files in `folder` that end with `extension`; helpers that begin with `_` are left out.
fn files(folder: &str, extension: &str) -> Result<Vec<String>> {
    let entries = fs::read_dir(root().join(folder)).with_context(|| format!("cannot read {folder}"))?;
    let mut names: Vec<String> = entries
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|file| !file.starts_with('_'))
        .filter_map(|file| Some(file.strip_suffix(extension)?.to_owned()))
        .collect();
    names.sort();
    Ok(names)
}

fn python_in_tools(python: &str) -> Command {
    let mut command = command(python);
    command.current_dir(root().join("tools"));
    command
}
