//! The build tools: the wasm target, `wasm-bindgen` and `trunk`.

use crate::process::{cargo, command, output, root, run};
use anyhow::{Context, Result};
use std::fs;
use std::path::Path;

/// The newest Trunk that builds with the toolchain of this workspace.
const TRUNK: &str = "0.21.14";

/// Installs what building the page needs.
pub(crate) fn for_page() -> Result<()> {
    wasm_target()?;
    wasm_bindgen()?;
    trunk()
}

/// Installs the standard library for wasm.
pub(crate) fn wasm_target() -> Result<()> {
    let sysroot = output(command("rustc").args(["--print", "sysroot"])).context("`rustc` does not run")?;
    if Path::new(sysroot.trim()).join("lib/rustlib/wasm32-unknown-unknown").is_dir() {
        return Ok(());
    }
    run(command("rustup").args(["target", "add", "wasm32-unknown-unknown"]))
}

/// The command line of `wasm-bindgen` must have the version of the library that the page is linked with.
///
/// Its own lock file is left aside, because it does not resolve.
fn wasm_bindgen() -> Result<()> {
    let lock = fs::read_to_string(root().join("Cargo.lock")).context("cannot read Cargo.lock")?;
    let version = locked_version(&lock, "wasm-bindgen").context("Cargo.lock names no wasm-bindgen")?;
    install("wasm-bindgen", "wasm-bindgen-cli", version, &["--no-default-features"])
}

fn trunk() -> Result<()> {
    install("trunk", "trunk", TRUNK, &["--locked"])
}

/// Installs a program into `.tools`, unless that version is there or on the path already.
///
/// Light settings: the tools themselves do little, and their own release profiles take half an hour to build.
fn install(program: &str, package: &str, version: &str, options: &[&str]) -> Result<()> {
    let found = output(command(program).arg("--version"));
    if found.is_some_and(|found| found.split_whitespace().nth(1) == Some(version)) {
        return Ok(());
    }
    println!("installing {package} {version} into .tools (a few minutes, once)");
    run(cargo()
        .args(["install", "--root", ".tools", package, "--version", version])
        .args(options)
        .env("CARGO_PROFILE_RELEASE_LTO", "off")
        .env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "0")
        .env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16"))
}

/// The version of `package` in the text of a `Cargo.lock`.
fn locked_version<'a>(lock: &'a str, package: &str) -> Option<&'a str> {
    let name = format!("name = \"{package}\"");
    let mut lines = lock.lines().skip_while(|line| *line != name);
    lines.nth(1)?.strip_prefix("version = \"")?.strip_suffix('"')
}

#[cfg(test)]
mod tests {
    use super::locked_version;

    #[test]
    fn the_locked_version_is_that_of_the_whole_name() {
        let lock = "[[package]]\nname = \"wasm-bindgen-futures\"\nversion = \"0.4.1\"\n\n\
                    [[package]]\nname = \"wasm-bindgen\"\nversion = \"0.2.130\"\n";
        assert_eq!(locked_version(lock, "wasm-bindgen"), Some("0.2.130"));
        assert_eq!(locked_version(lock, "wasm"), None);
    }
}
