//! Building and serving the page.

use crate::process::{command, is_ci, run};
use crate::tools;
use anyhow::{Context, Result};
use std::fs;
use std::path::Path;
use std::process::Command;

/// Builds the page and serves it until it is stopped; a change of a source builds it anew.
pub(crate) fn serve(port: &str) -> Result<()> {
    tools::for_page()?;
    println!("The page will be at http://127.0.0.1:{port}/ as soon as it is built. Stop with Ctrl-C.");
    run(trunk("serve").args(["--port", port]))
}

/// Builds the page into the folder `out`, replacing what is there.
pub(crate) fn dist(out: &Path) -> Result<()> {
    tools::for_page()?;
    fs::create_dir_all(out).with_context(|| format!("cannot create {}", out.display()))?;
    run(trunk("build").arg("--dist").arg(out))
}

fn trunk(what: &str) -> Command {
    let mut trunk = command("trunk");
    // Trunk refuses `NO_COLOR=1`, and shows a backtrace instead of what the compiler said.
    trunk.env_remove("NO_COLOR").env_remove("RUST_BACKTRACE").args([what, "--skip-version-check"]);
    if is_ci() {
        trunk.arg("--locked");
    }
    trunk
}
