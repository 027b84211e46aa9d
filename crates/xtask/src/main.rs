//! Chores of the workspace: `cargo xtask <command>`.
//!
//! Needs nothing but a Rust toolchain to start. What else a command needs, it installs first, or it says what to
//! install.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a terminal program")]

mod golden;
mod page;
mod process;
mod size;
mod stamp;
mod strip;
mod suites;
mod system;
mod tools;

use anyhow::{Result, bail};
use std::path::PathBuf;
use std::process::ExitCode;

const USAGE: &str = "\
cargo xtask <command>

  serve [--port 8080]   build the page and serve it on this machine
  test [STEP …]         run everything that must pass, or only the named steps
  dist [--out dist]     build the page into a folder that any web server can host
  size [--dist dist]    compare a built page with the download budget
  golden [NAME …]       regenerate the reference values (needs Python)
  tools                 install the build tools and nothing else
";

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let command = arguments.next().unwrap_or_default();
    match dispatch(&command, Arguments(arguments.collect())) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if error.is::<Usage>() => {
            eprintln!("{error}\n\n{USAGE}");
            ExitCode::from(2)
        }
        Err(error) => {
            eprintln!("\nxtask {command}: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn dispatch(command: &str, mut arguments: Arguments) -> Result<()> {
    match command {
        "serve" => {
            let port = arguments.value("--port")?.unwrap_or_else(|| "8080".to_owned());
            arguments.finish()?;
            page::serve(&port)
        }
        "test" => suites::run_named(&arguments.names()?),
        "dist" => {
            let out = arguments.folder("--out")?;
            arguments.finish()?;
            page::dist(&out)
        }
        "size" => {
            let dist = arguments.folder("--dist")?;
            arguments.finish()?;
            size::check(&dist)
        }
        "golden" => golden::regenerate(&arguments.names()?),
        "tools" => {
            arguments.finish()?;
            tools::for_page()
        }
        // The last step of a Trunk build; see `Trunk.toml`.
        "stamp" => {
            arguments.finish()?;
            stamp::from_environment()
        }
        "" | "help" | "--help" | "-h" => {
            println!("{USAGE}");
            Ok(())
        }
        _ => bail!(Usage(format!("there is no command `{command}`"))),
    }
}

/// A command line that cannot be understood.
#[derive(Debug)]
struct Usage(String);

impl std::fmt::Display for Usage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Usage {}

/// What follows the command on the command line.
struct Arguments(Vec<String>);

impl Arguments {
    /// Takes `name VALUE` out of the arguments.
    fn value(&mut self, name: &str) -> Result<Option<String>> {
        let Some(at) = self.0.iter().position(|argument| argument == name) else {
            return Ok(None);
        };
        self.0.remove(at);
        if at == self.0.len() {
            bail!(Usage(format!("{name} needs a value")));
        }
        Ok(Some(self.0.remove(at)))
    }

    /// Takes `name FOLDER` out of the arguments. A relative folder is taken from the current one.
    fn folder(&mut self, name: &str) -> Result<PathBuf> {
        match self.value(name)? {
            Some(folder) => Ok(std::env::current_dir()?.join(folder)),
            None => Ok(process::root().join("dist")),
        }
    }

    /// The arguments that are left, none of which may be an option.
    fn names(self) -> Result<Vec<String>> {
        match self.0.iter().find(|argument| argument.starts_with('-')) {
            Some(option) => bail!(Usage(format!("there is no option `{option}` here"))),
            None => Ok(self.0),
        }
    }

    /// Fails where arguments are left.
    fn finish(&self) -> Result<()> {
        match self.0.first() {
            Some(argument) => bail!(Usage(format!("`{argument}` has no place here"))),
            None => Ok(()),
        }
    }
}
