//! `fewbit`: the tasks of the page, from a terminal.
//!
//! A command reads its files, sets the engine of `fewbit_experiment` to work and prints what comes of it: a table for
//! people, or with `--json` one object whose keys are stable (see this crate's README). Messages go to the second
//! stream. The status is 0, 1 where something failed, 2 where the command line makes no sense.

use std::ffi::OsString;
use std::io::Write;

use clap::Parser as _;

mod args;
mod asked;
mod asked_data;
mod bench;
mod checkpoint;
mod commands;
mod grid;
mod output;
mod own_data;
mod source;

use args::{Args, Command};
use output::Answer;

/// The status of a run: what the process ends with.
const FAILED: u8 = 1;

/// Runs one command line (its first word is the program's name), and gives the status.
pub fn run(args: impl IntoIterator<Item = OsString>, out: &mut dyn Write, messages: &mut dyn Write) -> u8 {
    let args = match Args::try_parse_from(args) {
        Ok(args) => args,
        Err(error) => {
            let stream: &mut dyn Write = if error.use_stderr() { messages } else { out };
            write!(stream, "{error}").ok();
            return u8::try_from(error.exit_code()).unwrap_or(2);
        }
    };
    match pollster::block_on(answer(&args, messages)) {
        Ok(answer) => {
            let written = if args.json { answer.write_json(out) } else { answer.write_text(out) };
            // A reader that has gone away (`| head`) is no failure.
            written.map_or(FAILED, |()| answer.status)
        }
        Err(error) => {
            writeln!(messages, "error: {error:#}").ok();
            FAILED
        }
    }
}

async fn answer(args: &Args, messages: &mut dyn Write) -> anyhow::Result<Answer> {
    match &args.command {
        Command::Models => commands::models(),
        Command::Inspect { model, statistics } => commands::inspect(model, *statistics),
        Command::Convert(convert) => commands::convert(convert, messages),
        Command::Data { model, path, output, own } => commands::data(model, path, own, output),
        Command::Infer { model, inputs, output } => {
            commands::infer(args.backend, model, inputs, output).await
        }
        Command::Eval(eval) => commands::eval(args.backend, eval, messages).await,
        Command::Quantize(quantize) => commands::quantize(args.backend, quantize, messages).await,
        Command::Train(train) => commands::train(args.backend, train, messages).await,
        Command::Report(report) => commands::report(args.backend, report, messages).await,
        Command::Sweep(sweep) => commands::sweep(args.backend, sweep, messages).await,
        Command::Methods => commands::methods(),
        Command::Link(link) => commands::link(args.backend, link, messages).await,
        Command::Replay(replay) => commands::replay(args.backend, replay, messages).await,
        Command::Bench { model, batch, runs } => commands::bench(args.backend, model, *batch, *runs).await,
    }
}
