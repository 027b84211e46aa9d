//! `cargo xtask test`: everything that must pass, in order, stopping at the first failure.

use crate::process::{cargo, command, is_ci, output, root, run};
use crate::{page, size, system, tools};
use anyhow::{Context, Result, bail};
use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

/// One step of the test run.
struct Step {
    name: &'static str,
    what: &'static str,
    /// How long the step may take on two cores, in seconds, where that says something about our work.
    budget: Option<u64>,
    run: fn() -> Result<()>,
}

const STEPS: [Step; 10] = [
    Step { name: "format", what: "sources are formatted", budget: None, run: format },
    Step {
        name: "system",
        what: "install a browser, a Vulkan driver and fonts",
        budget: None,
        run: system::for_tests,
    },
    Step { name: "clippy", what: "lints, as errors", budget: None, run: clippy },
    Step { name: "build", what: "build the native suites", budget: None, run: build_native },
    Step { name: "native", what: "native suites", budget: Some(120), run: native },
    Step { name: "examples", what: "examples in the documentation", budget: None, run: examples },
    Step { name: "tools", what: "install wasm-bindgen and trunk", budget: None, run: tools::for_page },
    Step { name: "page", what: "build the page", budget: None, run: build_page },
    Step { name: "size", what: "download budget", budget: None, run: measure_page },
    Step { name: "e2e", what: "end-to-end tests in Chromium", budget: Some(180), run: end_to_end },
];

/// Runs all steps, or the named ones.
pub(crate) fn run_named(names: &[String]) -> Result<()> {
    if let Some(unknown) = names.iter().find(|name| STEPS.iter().all(|step| step.name != **name)) {
        let known: Vec<&str> = STEPS.iter().map(|step| step.name).collect();
        bail!("there is no step `{unknown}`; the steps are {}", known.join(", "));
    }
    let mut times = Vec::new();
    let chosen = STEPS.iter().filter(|step| names.is_empty() || names.iter().any(|name| name == step.name));
    for step in chosen {
        println!("\n=== {}: {}", step.name, step.what);
        let start = Instant::now();
        let result = (step.run)();
        let time = start.elapsed();
        println!(
            "=== {}: {} in {:.1} s",
            step.name,
            if result.is_ok() { "done" } else { "failed" },
            time.as_secs_f64()
        );
        times.push((step, time));
        if result.is_err() {
            summary(&times);
            return result.context(step.name);
        }
    }
    summary(&times);
    Ok(())
}

/// Prints the time of each step, beside its budget where it has one.
fn summary(times: &[(&Step, Duration)]) {
    println!("\nstep       seconds  budget");
    for (step, time) in times {
        let seconds = time.as_secs_f64();
        let budget = match step.budget {
            Some(budget) if time.as_secs() >= budget => format!("{budget:>6}  over budget"),
            Some(budget) => format!("{budget:>6}"),
            None => "     –".to_owned(),
        };
        println!("{:<8} {seconds:>9.1}  {budget}", step.name);
    }
    let total: Duration = times.iter().map(|(_, time)| *time).sum();
    println!("{:<8} {:>9.1}", "total", total.as_secs_f64());
}

fn format() -> Result<()> {
    run(cargo().args(["fmt", "--all", "--check"]))
}

/// Lints all targets of all crates, and the web crate once more for the target that it ships for.
fn clippy() -> Result<()> {
    tools::wasm_target()?;
    run(locked(cargo().arg("clippy")).args(["--workspace", "--all-targets", "--", "-D", "warnings"]))?;
    run(locked(cargo().arg("clippy")).args([
        "--package",
        "fewbit-web",
        "--target",
        "wasm32-unknown-unknown",
        "--",
        "-D",
        "warnings",
    ]))
}

fn build_native() -> Result<()> {
    run(locked(&mut runner()).arg("--no-run"))
}

/// Unit tests and suites, with the GPU engine on the software driver where there is one.
fn native() -> Result<()> {
    let mut tests = runner();
    locked(&mut tests);
    let chosen = ["VK_DRIVER_FILES", "VK_ICD_FILENAMES"].iter().any(|name| std::env::var_os(name).is_some());
    if let (false, Some(driver)) = (chosen, system::lavapipe()) {
        // Older Vulkan loaders know the second name only.
        tests.env("VK_DRIVER_FILES", &driver).env("VK_ICD_FILENAMES", &driver);
    }
    run(&mut tests)
}

/// Nextest leaves these out.
fn examples() -> Result<()> {
    run(locked(cargo().arg("test")).args(["--workspace", "--doc"]))
}

/// `cargo nextest run` where it is installed, `cargo test` elsewhere.
fn runner() -> Command {
    let mut runner = cargo();
    match output(cargo().args(["nextest", "--version"])) {
        Some(_) => runner.args(["nextest", "run", "--workspace"]),
        None => runner.args(["test", "--workspace", "--lib", "--bins", "--tests"]),
    };
    runner
}

/// In CI, a lock file that does not match the manifests is a failure.
fn locked(command: &mut Command) -> &mut Command {
    if is_ci() { command.arg("--locked") } else { command }
}

fn built_page() -> PathBuf {
    root().join("dist")
}

fn build_page() -> Result<()> {
    page::dist(&built_page())
}

fn measure_page() -> Result<()> {
    size::check(&built_page())
}

fn end_to_end() -> Result<()> {
    system::node_packages()?;
    let browser = system::chromium().context("found no Chromium; install it, or name it in CHROMIUM")?;
    let folder = root().join("tests").join("e2e");
    let entries = fs::read_dir(&folder).with_context(|| format!("cannot read {}", folder.display()))?;
    let mut tests: Vec<String> = entries
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| name.ends_with(".test.mjs"))
        .map(|name| format!("tests/e2e/{name}"))
        .collect();
    tests.sort();
    run(command("node")
        .args(["--test", "--test-concurrency=1", "--test-reporter=spec"])
        .args(&tests)
        .env("CHROMIUM", browser)
        .env("FEWBIT_DIST", built_page()))
}
