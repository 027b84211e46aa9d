//! The download budget of the page.

use anyhow::{Context, Result, bail};
use std::fs;
use std::path::{Path, PathBuf};

const MB: f64 = 1e6;

/// The page's code: app and worker, after gzip.
const CODE_BUDGET: f64 = 1.5 * MB;

/// The module that opens files, after gzip: loaded with the first one.
const FILES_BUDGET: f64 = 1.0 * MB;

/// The module that reads a person's own data, after gzip: loaded with the first of them. Tokenizers are most of it.
const DATA_BUDGET: f64 = 1.5 * MB;

/// Everything that a visitor loads before the first result, after gzip.
const FIRST_VIEW_BUDGET: f64 = 3.0 * MB;

/// The model that the page opens with. The others are loaded when they are asked for.
const FIRST_MODEL: &str = "fashion-lenet";

/// Prints what each file of a built page costs, and fails where a budget is exceeded.
pub(crate) fn check(dist: &Path) -> Result<()> {
    let mut files = Vec::new();
    list(dist, dist, &mut files)
        .with_context(|| format!("no page in {}; run `cargo xtask dist` first", dist.display()))?;
    files.sort_by(|a, b| a.name.cmp(&b.name));

    println!("{:<52} {:>10} {:>10}", "first view", "bytes", "gzip");
    for file in files.iter().filter(|file| file.is_in_first_view()) {
        println!("{:<52} {:>10} {:>10}", file.name, file.size, file.gzip);
    }
    let later = files.iter().filter(|file| !file.is_in_first_view());
    println!(
        "{:<52} {:>10} {:>10}",
        "loaded later, or by no browser",
        later.map(|file| file.size).sum::<usize>(),
        ""
    );

    let code = total(&files, |file| file.name.ends_with(".wasm") && !file.is_later());
    let view = total(&files, File::is_in_first_view);
    let opens = total(&files, |file| file.is_of("files"));
    let reads = total(&files, |file| file.is_of("data"));
    let rows = [
        ("app and worker", code, CODE_BUDGET),
        ("first view", view, FIRST_VIEW_BUDGET),
        ("opening files", opens, FILES_BUDGET),
        ("reading data", reads, DATA_BUDGET),
    ];
    for (what, size, budget) in rows {
        println!("{what:<15} {:>6.3} MB of {:.1} MB after gzip", size / MB, budget / MB);
    }
    match rows.iter().find(|(_, size, budget)| size > budget) {
        Some((what, size, budget)) => {
            bail!("{what}: {:.3} MB after gzip, over the budget of {:.1} MB", size / MB, budget / MB)
        }
        None => Ok(()),
    }
}

struct File {
    /// The path below the page's folder, with `/` between its parts.
    name: String,
    size: usize,
    gzip: usize,
}

impl File {
    /// Whether a browser loads the file before the first result. Everything counts that is not known to come later, like the
    /// calibration samples behind the first.
    fn is_in_first_view(&self) -> bool {
        let name = self.name.as_str();
        let other_model = name.starts_with("assets/models/") && !name.contains(FIRST_MODEL);
        let is_more = name == "assets/data/fashion-calibration.npz";
        let is_note = name.ends_with(".md") || name.contains("LICENSE") || name == "_headers";
        !(other_model || is_more || is_note || self.is_later())
    }

    /// Whether it is a part of a module that is loaded when it is asked for.
    fn is_later(&self) -> bool {
        self.is_of("files") || self.is_of("data")
    }

    /// Whether it is a part of this module.
    fn is_of(&self, module: &str) -> bool {
        [".js", "_bg.wasm"].iter().any(|end| self.name == format!("{module}{end}"))
    }
}

fn total(files: &[File], is_counted: impl Fn(&File) -> bool) -> f64 {
    files.iter().filter(|file| is_counted(file)).map(|file| file.gzip as f64).sum()
}

fn list(root: &Path, folder: &Path, files: &mut Vec<File>) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let path: PathBuf = entry?.path();
        if path.is_dir() {
            list(root, &path, files)?;
            continue;
        }
        let bytes = fs::read(&path)?;
        let name = path.strip_prefix(root)?.to_string_lossy().replace('\\', "/");
        files.push(File { name, size: bytes.len(), gzip: gzip_size(&bytes) });
    }
    Ok(())
}

/// The size of `bytes` after gzip: deflate at the level that servers use for static files, and 18 bytes of framing.
fn gzip_size(bytes: &[u8]) -> usize {
    miniz_oxide::deflate::compress_to_vec(bytes, 9).len() + 18
}
