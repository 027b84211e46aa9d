//! The wgpu engine against the oracles, against the CPU engine, and against itself. Without an adapter the suite says so
//! and passes, but fails where `CI=true` or `REQUIRE_GPU=1`.

#![expect(clippy::expect_used, clippy::print_stdout, reason = "a test fails by panicking")]

#[path = "gpu/behaviour.rs"]
mod behaviour;
#[path = "gpu/common.rs"]
mod common;
#[path = "gpu/learning.rs"]
mod learning;
#[path = "gpu/quantizer.rs"]
mod quantizer;
#[path = "gpu/rounding.rs"]
mod rounding;
#[path = "gpu/sizes.rs"]
mod sizes;

use std::collections::BTreeSet;

use fewbit_gpu::{Gpu, SelfTestOptions, kernels, self_test};
use fewbit_runtime::{Backend as _, Keep};
use fewbit_tests::problems::Generator;
use fewbit_tests::{Problem, Tolerance, gpu, problems};
use pollster::block_on;

/// What a GPU may differ by: WGSL promises some functions to a few units in the last place, and multiplies and
/// adds with one rounding or two.
fn tolerance(problem: &str, own: Tolerance) -> Tolerance {
    match (problem, own) {
        ("unary" | "function", Tolerance::Ulp(_) | Tolerance::Relative(_)) => Tolerance::Relative(2e-6),
        ("binary", Tolerance::Ulp(_)) => Tolerance::Relative(1e-6),
        ("pool" | "pool_1d" | "softmax" | "log_softmax" | "batch_norm", Tolerance::Relative(_)) => {
            Tolerance::Relative(5e-6)
        }
        // Where a sum lies next to a tie, the last bit decides between two codes.
        ("quantized_network", _) => Tolerance::Relative(1e-3),
        (_, own) => own,
    }
}

/// The problems of inference and those of learning.
fn all() -> impl Iterator<Item = &'static (&'static str, Generator)> {
    problems::ALL.iter().chain(problems::LEARNING)
}

fn solve_all(gpu: &Gpu, keep: Keep, seeds: std::ops::Range<u64>) {
    let mut faults = Vec::new();
    for (name, problem) in all() {
        for seed in seeds.clone() {
            let problem: Problem = problem(seed);
            let checked = block_on(problem.solve(gpu, keep))
                .map_err(|error| format!("{}: {error}", problem.name))
                .and_then(|found| problem.check_within(&found, tolerance(name, problem.tolerance)));
            faults.extend(checked.err());
        }
    }
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
}

#[test]
fn every_problem_is_solved_when_all_values_are_kept() {
    let Some(gpu) = gpu() else { return };
    println!("{}", gpu.info().device);
    solve_all(&gpu, Keep::All, 0..20);
}

#[test]
fn every_problem_is_solved_when_only_outputs_are_kept() {
    let Some(gpu) = gpu() else { return };
    solve_all(&gpu, Keep::Outputs, 20..40);
}

#[test]
fn the_problems_use_every_kernel() {
    let Some(gpu) = gpu() else { return };
    solve_all(&gpu, Keep::All, 0..2);
    let used: BTreeSet<&str> = gpu.compiled().into_iter().collect();
    let all: BTreeSet<&str> = kernels::ALL.iter().map(|kernel| kernel.name).collect();
    assert_eq!(used, all);
}

#[test]
fn the_same_run_twice_gives_the_same_bits() {
    let Some(gpu) = gpu() else { return };
    for (_, problem) in all() {
        let problem = problem(3);
        let solve = || block_on(problem.solve(&gpu, Keep::Outputs)).expect("it runs");
        for (first, second) in solve().iter().zip(solve()) {
            assert_eq!(first.to_bytes(), second.to_bytes(), "{}", problem.name);
        }
    }
}

#[test]
fn the_self_test_passes_and_names_the_adapter() {
    let Some(gpu) = gpu() else { return };
    let report = block_on(self_test(&gpu, SelfTestOptions::default()));
    for check in &report.checks {
        println!("{}: {}: {:.1e} of {:.1e}", check.kernel, check.what, check.worst_error, check.tolerance);
    }
    assert!(report.passed, "{:#?}", report.checks.iter().filter(|check| !check.passed).collect::<Vec<_>>());
    assert!(report.checks.len() >= 12);
    assert_eq!(report.adapter, gpu.info().device);
    assert!(!report.adapter.is_empty());
}

#[test]
fn a_spoiled_kernel_fails_its_checks_and_no_others() {
    let Some(gpu) = gpu() else { return };
    let report = block_on(self_test(&gpu, SelfTestOptions { corrupt: Some("pool") }));
    assert!(!report.passed);
    for check in &report.checks {
        assert_eq!(check.passed, check.kernel != "pool", "{check:?}");
    }
    let report = block_on(self_test(&gpu, SelfTestOptions { corrupt: Some("no kernel of ours") }));
    assert!(report.checks.iter().all(|check| !check.passed));
}
