//! The device that suites test the GPU engine on.

use std::io::Write as _;
use std::sync::Once;

use fewbit_gpu::{Adapter, Gpu, Options};
use pollster::block_on;

/// A software adapter if there is one, so that a suite tests the same thing everywhere; else any. None where there is no adapter,
/// which is said.
///
/// # Panics
/// Without an adapter where `CI=true` or `REQUIRE_GPU=1`.
pub fn gpu() -> Option<Gpu> {
    let open = |adapter| block_on(Gpu::open(Options { adapter, baseline: true }));
    match open(Adapter::Software).or_else(|_| open(Adapter::Fastest)) {
        Ok(gpu) => Some(gpu),
        Err(error) => {
            let set = |name: &str, value: &str| std::env::var(name).is_ok_and(|found| found == value);
            assert!(!set("CI", "true") && !set("REQUIRE_GPU", "1"), "{error}");
            // Past the harness, which keeps to itself what a passing test prints.
            static SAID: Once = Once::new();
            SAID.call_once(|| {
                writeln!(std::io::stderr(), "\n*** THE GPU IS NOT TESTED: {error} ***\n").ok();
            });
            None
        }
    }
}
