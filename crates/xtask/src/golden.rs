//! `cargo xtask golden`: the reference values of the tests, made anew by the Python scripts that made them.

use crate::process::{command, output, root, run};
use anyhow::{Context, Result, bail};
use std::fs;
use std::path::PathBuf;

/// The scripts live here. Each writes its own files, and the same ones every time.
const SCRIPTS: &str = "tools/golden";

/// Runs all scripts, or those whose name contains one of `names`, and shows what has changed.
pub(crate) fn regenerate(names: &[String]) -> Result<()> {
    let scripts = scripts(names)?;
    let python = std::env::var("PYTHON").unwrap_or_else(|_| "python3".to_owned());
    require_packages(&python)?;
    for script in &scripts {
        run(command(&python).arg(script))?;
    }
    run(command("git").args(["status", "--short", "tests"]))?;
    println!(
        "{} scripts ran. Nothing above this line: every reference value is as committed.",
        scripts.len()
    );
    Ok(())
}

fn scripts(names: &[String]) -> Result<Vec<String>> {
    let folder: PathBuf = root().join(SCRIPTS);
    let entries = fs::read_dir(&folder).with_context(|| format!("cannot read {SCRIPTS}"))?;
    let mut scripts: Vec<String> = entries
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|file| file.ends_with(".py") && !file.starts_with('_'))
        .filter(|file| names.is_empty() || names.iter().any(|name| file.contains(name.as_str())))
        .map(|file| format!("{SCRIPTS}/{file}"))
        .collect();
    scripts.sort();
    if scripts.is_empty() {
        bail!("no script in {SCRIPTS} fits");
    }
    Ok(scripts)
}

/// Fails, saying what to install, where a package of `tools/requirements.txt` is not installed.
fn require_packages(python: &str) -> Result<()> {
    const CHECK: &str = "import sys\n\
        from importlib.metadata import distributions\n\
        have = {d.metadata['Name'].lower().replace('_', '-') for d in distributions()}\n\
        want = [l.split('#')[0].split('=')[0].split('>')[0].strip().lower() for l in open(sys.argv[1])]\n\
        print(' '.join(w for w in want if w and w.replace('_', '-') not in have))";
    let list = "tools/requirements.txt";
    let missing = output(command(python).args(["-c", CHECK, list])).with_context(|| {
        format!("the goldens need Python 3 (`{python}` did not run), or name one in PYTHON")
    })?;
    match missing.trim() {
        "" => Ok(()),
        missing => bail!("Python lacks {missing}; run `{python} -m pip install -r {list}`"),
    }
}
