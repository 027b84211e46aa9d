//! Where any part of the page tells the person that something went wrong.

use fewbit_experiment::Failure;
use leptos::prelude::*;

/// Tells the person: what happened, and whether it went wrong or is only worth knowing.
#[derive(Clone, Copy)]
pub struct Tell(Callback<(Failure, bool)>);

impl Tell {
    /// Provides a way to tell to every part below.
    pub fn provide(tell: impl Fn(Failure, bool) + Send + Sync + 'static) {
        provide_context(Self(Callback::new(move |(failure, grave)| tell(failure, grave))));
    }

    /// The way that was provided.
    pub fn here() -> Self {
        expect_context()
    }

    /// Tells.
    pub fn tell(self, failure: Failure, grave: bool) {
        self.0.run((failure, grave));
    }
}
