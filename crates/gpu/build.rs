//! Copies the kernels without their comments and indentation: what explains a kernel to its reader is not for a visitor to download.
//! The lines stay, so that a compiler's message still names the right one.

use std::path::Path;
use std::{env, fs, io};

fn main() -> io::Result<()> {
    println!("cargo::rerun-if-changed=src/kernels");
    let out =
        env::var_os("OUT_DIR").ok_or_else(|| io::Error::other("cargo gives build scripts an OUT_DIR"))?;
    for folder in ["", "prelude"] {
        let to = Path::new(&out).join("kernels").join(folder);
        fs::create_dir_all(&to)?;
        for entry in fs::read_dir(Path::new("src/kernels").join(folder))? {
            let path = entry?.path();
            let (Some(name), Some("wgsl")) = (path.file_name(), path.extension().and_then(|e| e.to_str()))
            else {
                continue;
            };
            fs::write(to.join(name), bare(&fs::read_to_string(&path)?))?;
        }
    }
    Ok(())
}

/// The source without comments and indentation. A line that imports a file is none.
fn bare(source: &str) -> String {
    let bare = |line: &str| {
        let line = line.trim();
        let code = match line.strip_prefix("//#") {
            Some(_) => line,
            None => line.split("//").next().unwrap_or_default().trim_end(),
        };
        format!("{code}\n")
    };
    source.lines().map(bare).collect()
}
