//! The program `fewbit`.

use std::process::ExitCode;

fn main() -> ExitCode {
    fewbit_cli::run(std::env::args_os(), &mut std::io::stdout().lock(), &mut std::io::stderr().lock()).into()
}
