//! Building and serving the page.

use crate::process::{cargo, command, is_ci, run};
use crate::tools;
use anyhow::{Context, Result};
use std::fs;
use std::path::Path;
use std::process::Command;

/// Builds the page and serves it until it is stopped; a change of a source builds it anew.
pub(crate) fn serve(port: &str) -> Result<()> {
    prepare()?;
    println!("The page will be at http://127.0.0.1:{port}/ as soon as it is built. Stop with Ctrl-C.");
    run(trunk("serve").args(["--port", port]))
}

/// Builds the page into the folder `out`, replacing what is there.
pub(crate) fn dist(out: &Path) -> Result<()> {
    prepare()?;
    fs::create_dir_all(out).with_context(|| format!("cannot create {}", out.display()))?;
    run(trunk("build").arg("--dist").arg(out))
}

/// Installs the tools and downloads the crates, so that Trunk needs no network.
fn prepare() -> Result<()> {
    tools::for_page()?;
    let mut fetch = cargo();
    fetch.args(["fetch", "--target", "wasm32-unknown-unknown"]);
    if is_ci() {
        fetch.arg("--locked");
    }
    run(&mut fetch)
}

fn trunk(what: &str) -> Command {
    let mut trunk = command("trunk");
    // Trunk refuses `NO_COLOR=1`, and shows a backtrace instead of what the compiler said.
    trunk.env_remove("NO_COLOR").env_remove("RUST_BACKTRACE").args([
        what,
        "--offline",
        "--skip-version-check",
    ]);
    trunk
}
