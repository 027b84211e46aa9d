//! The last step of a build of the page, run by Trunk (see `Trunk.toml`) on the folder that it has filled.
//!
//! Trunk puts a hash into the names of the app's files, but not into those of the worker and of the modules that come later, so a browser may pair a
//! new app with an old worker out of its cache. Here each address of those gets `?v=<hash>`. What is shipped also
//! loses the names of its functions.

use crate::strip;
use anyhow::{Context, Result, bail};
use std::fs;
use std::path::{Path, PathBuf};

/// What the app loads: a script and a module each.
const LATER: [[&str; 2]; 3] =
    [["worker.js", "worker_bg.wasm"], ["files.js", "files_bg.wasm"], ["data.js", "data_bg.wasm"]];
/// How a script begins that wasm-bindgen makes for a page or worker without modules, and how it does when there are several on a page.
const DECLARED: [&str; 2] = ["let wasm_bindgen =", "var wasm_bindgen ="];

/// Stamps the folder that Trunk names.
pub(crate) fn from_environment() -> Result<()> {
    let folder = std::env::var_os("TRUNK_STAGING_DIR")
        .context("`stamp` is a part of the build; Trunk runs it and sets TRUNK_STAGING_DIR")?;
    let folder = PathBuf::from(folder);
    if std::env::var("TRUNK_PROFILE").is_ok_and(|profile| profile == "release") {
        strip_names(&folder)?;
    }
    stamp(&folder)
}

fn strip_names(folder: &Path) -> Result<()> {
    for entry in fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))? {
        let path = entry?.path();
        if path.extension().is_some_and(|end| end == "wasm") {
            let module = strip::without_names(&bytes(&path)?).with_context(|| path.display().to_string())?;
            fs::write(&path, module).with_context(|| format!("cannot write {}", path.display()))?;
        }
    }
    Ok(())
}

fn stamp(folder: &Path) -> Result<()> {
    let page = folder.join("index.html");
    let html = read(&page)?;
    refuse_inline_scripts(&html)?;
    let policy = content_security_policy(&html).context("index.html has no content security policy")?;

    let mut stamped = html.clone();
    for [script, module] in LATER {
        let text = read(&folder.join(script))?;
        if !text.contains(DECLARED[0]) {
            bail!("{script} does not declare `wasm_bindgen`; has wasm-bindgen changed?");
        }
        write(&folder.join(script), &text.replacen(DECLARED[0], DECLARED[1], 1))?;
        let hash = fnv1a(&[&bytes(&folder.join(script))?, &bytes(&folder.join(module))?]);
        let version = format!("?v={hash:016x}");
        stamped = with_version(&with_version(&stamped, script, &version)?, module, &version)?;
    }
    write(&page, &stamped)?;
    write(&folder.join("_headers"), &headers(policy))
}

/// Response headers in the form that several hosts of static files read; the others ignore the file.
///
/// The page has its policy in its `<meta>`, and its worker inherits it; a host that sends it as well holds to it whatever comes
/// without a page around it.
fn headers(policy: &str) -> String {
    format!(
        "/*\n  Content-Security-Policy: {policy}\n  X-Content-Type-Options: nosniff\n  Referrer-Policy: no-referrer\n  \
         Cache-Control: no-cache\n"
    )
}

/// Appends `version` to every quoted address of `file` in `text`.
fn with_version(text: &str, file: &str, version: &str) -> Result<String> {
    let address = format!("./{file}\"");
    if !text.contains(&address) {
        bail!("found no address of {file}; has Trunk or index.html changed?");
    }
    Ok(text.replace(&address, &format!("./{file}{version}\"")))
}

/// The policy forbids inline scripts, so a page with one would not start.
fn refuse_inline_scripts(html: &str) -> Result<()> {
    let inline = html.split("<script").skip(1).find(|rest| {
        let tag = rest.split('>').next().unwrap_or_default();
        !tag.contains(" src=")
    });
    match inline {
        Some(script) => {
            bail!("index.html has an inline script: <script{}", script.lines().next().unwrap_or_default())
        }
        None => Ok(()),
    }
}

/// The content of the page's `<meta http-equiv="Content-Security-Policy">`.
fn content_security_policy(html: &str) -> Option<&str> {
    let rest = html.split("http-equiv=\"Content-Security-Policy\"").nth(1)?;
    rest.split("content=\"").nth(1)?.split('"').next()
}

/// FNV-1a, 64 bits. It tells builds apart in a cache; it protects nothing.
fn fnv1a(parts: &[&[u8]]) -> u64 {
    parts
        .iter()
        .flat_map(|part| part.iter())
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

fn bytes(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).with_context(|| format!("cannot read {}", path.display()))
}

fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}

fn write(path: &Path, text: &str) -> Result<()> {
    fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_gets_its_version() {
        let html = "<meta content=\"./worker.js\" data-wasm=\"./worker_bg.wasm\" />";
        let stamped = with_version(html, "worker.js", "?v=1").unwrap();
        assert_eq!(stamped, "<meta content=\"./worker.js?v=1\" data-wasm=\"./worker_bg.wasm\" />");
        assert!(with_version(html, "other.js", "?v=1").is_err());
    }

    #[test]
    fn an_inline_script_is_refused() {
        assert!(refuse_inline_scripts("<script type=\"module\" src=\"a.js\"></script>").is_ok());
        assert!(refuse_inline_scripts("<script src=\"a.js\"></script><script>go()</script>").is_err());
    }

    #[test]
    fn the_policy_is_read_from_the_page() {
        let html = "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'self'\" />";
        assert_eq!(content_security_policy(html), Some("default-src 'self'"));
        assert_eq!(content_security_policy("<html></html>"), None);
    }

    #[test]
    fn the_hash_is_fnv1a() {
        assert_eq!(fnv1a(&[b"foo", b"bar"]), 0x8594_4171_f739_67e8);
    }
}
