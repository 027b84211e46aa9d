//! Stopping, and letting the host breathe.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::backend::{LocalFuture, RunError};

/// A flag that asks running work to stop. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Cancel(Arc<AtomicBool>);

impl Cancel {
    /// Asks to stop.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether somebody asked.
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// How often, and how, a host gets its thread back while work runs.
pub trait Pace {
    /// Whether it is time. Cheap: asked between any two nodes.
    fn is_due(&self) -> bool;

    /// Gives the thread back and returns when it is ours again.
    fn breathe(&self) -> LocalFuture<'_, ()>;
}

/// The pace of a terminal: nobody waits.
#[derive(Clone, Copy, Debug, Default)]
pub struct NeverPause;

impl Pace for NeverPause {
    fn is_due(&self) -> bool {
        false
    }

    fn breathe(&self) -> LocalFuture<'_, ()> {
        Box::pin(std::future::ready(()))
    }
}

/// What running work looks at between steps.
#[derive(Clone, Copy)]
pub struct Control<'a> {
    /// Whether to stop.
    pub cancel: &'a Cancel,
    /// When to breathe.
    pub pace: &'a dyn Pace,
}

impl Control<'_> {
    /// Lets the host breathe if it is time, then looks whether to stop.
    ///
    /// # Errors
    /// [`RunError::Cancelled`] if somebody asked.
    pub async fn step(&self) -> Result<(), RunError> {
        if self.pace.is_due() {
            self.pace.breathe().await;
        }
        if self.cancel.is_cancelled() { Err(RunError::Cancelled) } else { Ok(()) }
    }
}
