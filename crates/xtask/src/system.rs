//! What the tests need of the machine: a browser, a Vulkan driver, fonts, Node packages.

use crate::process::{command, is_ci, output, root, run};
use anyhow::{Context, Result, bail};
use std::fs;
use std::path::PathBuf;

/// One thing that the tests need, and the Debian packages that bring it.
struct Need {
    what: &'static str,
    packages: &'static [&'static str],
    is_met: fn() -> bool,
}

const NEEDS: [Need; 3] = [
    Need { what: "Chromium", packages: &["chromium"], is_met: || chromium().is_some() },
    Need {
        what: "a Vulkan driver in software (lavapipe)",
        packages: &["mesa-vulkan-drivers", "libvulkan1"],
        is_met: || !cfg!(target_os = "linux") || lavapipe().is_some(),
    },
    Need {
        what: "fonts for both languages of the page",
        packages: &["fontconfig", "fonts-dejavu-core", "fonts-wqy-microhei"],
        is_met: || !cfg!(target_os = "linux") || has_chinese_font(),
    },
];

/// Installs what is missing where that is possible, and otherwise says what to install.
pub(crate) fn for_tests() -> Result<()> {
    let missing: Vec<&Need> = NEEDS.iter().filter(|need| !(need.is_met)()).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let packages: Vec<&str> = missing.iter().flat_map(|need| need.packages).copied().collect();
    if can_install() {
        run(command("apt-get").arg("update"))?;
        run(command("apt-get")
            .args(["install", "--yes", "--no-install-recommends"])
            .args(&packages)
            .env("DEBIAN_FRONTEND", "noninteractive"))?;
    } else {
        println!("These are missing, and this account cannot install them:");
        for need in &missing {
            println!("  {} (Debian: {})", need.what, need.packages.join(" "));
        }
        println!("Tests that need them will fail, or say that they did not run.");
    }
    match NEEDS.iter().find(|need| !(need.is_met)()) {
        Some(need) if is_ci() => bail!("{} is missing", need.what),
        _ => Ok(()),
    }
}

/// Installs the Node packages of the end-to-end tests, unless they are there already.
pub(crate) fn node_packages() -> Result<()> {
    let folder = root().join("tests").join("e2e");
    let installed = folder.join("node_modules").join(".package-lock.json");
    let written = |path: PathBuf| fs::metadata(path).and_then(|file| file.modified()).ok();
    if written(installed).is_some_and(|then| Some(then) >= written(folder.join("package-lock.json"))) {
        return Ok(());
    }
    output(command("node").arg("--version")).context("the end-to-end tests need Node 20 or newer")?;
    let npm = if cfg!(windows) { "npm.cmd" } else { "npm" };
    run(command(npm).args(["ci", "--no-audit", "--no-fund"]).current_dir(folder))
}

/// The browser that the tests drive: `CHROMIUM`, or the first one found in the usual places.
pub(crate) fn chromium() -> Option<PathBuf> {
    const PLACES: [&str; 4] = [
        "/usr/bin/chromium",
        "/usr/bin/chromium-browser",
        "/usr/bin/google-chrome",
        "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    ];
    let named = std::env::var_os("CHROMIUM").map(PathBuf::from);
    named.into_iter().chain(PLACES.map(PathBuf::from)).find(|path| path.is_file())
}

/// The description of Mesa's software Vulkan driver, for `VK_DRIVER_FILES`.
pub(crate) fn lavapipe() -> Option<PathBuf> {
    let mut drivers: Vec<PathBuf> = ["/usr/share/vulkan/icd.d", "/etc/vulkan/icd.d"]
        .iter()
        .filter_map(|folder| fs::read_dir(folder).ok())
        .flat_map(|entries| entries.filter_map(|entry| Some(entry.ok()?.path())))
        .filter(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("lvp_icd")))
        .collect();
    drivers.sort();
    drivers.into_iter().next()
}

fn has_chinese_font() -> bool {
    output(command("fc-list").arg(":lang=zh")).is_some_and(|fonts| !fonts.trim().is_empty())
}

/// Whether this is a Debian machine and we are root on it.
fn can_install() -> bool {
    let root = output(command("id").arg("-u")).is_some_and(|id| id.trim() == "0");
    root && output(command("apt-get").arg("--version")).is_some()
}
