//! Problems, oracles and suites that span the crates.
//!
//! A [`Problem`] is a small graph with inputs and the right answers, made from a seed. The answers come from naive
//! f64 loops that share nothing with an engine. Every engine solves [`problems::ALL`]; a suite does no more than
//!
//! ```ignore
//! for (name, problem) in problems::ALL {
//!     for seed in 0..30 {
//!         let problem = problem(seed);
//!         let found = problem.solve(&engine, Keep::All).await?;
//!         problem.check(&found)?;
//!     }
//! }
//! ```

#![expect(clippy::expect_used, reason = "a problem that is not well formed is a fault of this package")]

pub mod array;
pub mod device;
pub mod gradient;
pub mod naive;
pub mod problem;
pub mod problems;
pub mod rng;
pub mod tolerance;

pub use array::Array;
pub use device::gpu;
pub use problem::{Builder, Expected, Problem};
pub use rng::Rng;
pub use tolerance::Tolerance;
