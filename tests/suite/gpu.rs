//! The wgpu engine against the oracles and against itself. Without an adapter the suite says so and passes, but fails
//! where `CI=true` or `REQUIRE_GPU=1`.

use fewbit_gpu::{Adapter, Gpu, Options};
use fewbit_runtime::{Backend as _, Keep};
use fewbit_tests::{Problem, Tolerance, problems};
use pollster::block_on;

/// A software adapter if there is one, so that the suite tests the same thing everywhere; else any.
fn gpu() -> Option<Gpu> {
    let open = |adapter| block_on(Gpu::open(Options { adapter, baseline: true }));
    match open(Adapter::Software).or_else(|_| open(Adapter::Fastest)) {
        Ok(gpu) => Some(gpu),
        Err(error) => {
            let set = |name: &str, value: &str| std::env::var(name).is_ok_and(|found| found == value);
            assert!(!set("CI", "true") && !set("REQUIRE_GPU", "1"), "{error}");
            eprintln!("\n*** THE GPU IS NOT TESTED: {error} ***\n");
            None
        }
    }
}

/// What a GPU may differ by: WGSL promises a few units in the last place for some functions.
fn tolerance(problem: &str, own: Tolerance) -> Tolerance {
    match (problem, own) {
        ("unary", Tolerance::Ulp(_)) => Tolerance::Relative(2e-6),
        ("unary", Tolerance::Relative(_)) => Tolerance::Relative(2e-6),
        ("binary", _) => Tolerance::Relative(1e-6),
        ("pool" | "softmax" | "log_softmax" | "batch_norm", Tolerance::Relative(_)) => {
            Tolerance::Relative(5e-6)
        }
        (_, own) => own,
    }
}

fn solve_all(gpu: &Gpu, keep: Keep, seeds: std::ops::Range<u64>) {
    let mut faults = Vec::new();
    for (name, problem) in problems::ALL {
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
