//! What a worker was told and has not yet heard.

use std::cell::RefCell;
use std::collections::VecDeque;

use futures_channel::oneshot;

/// Messages that wait, in their order.
pub struct Inbox<T> {
    waiting: RefCell<VecDeque<T>>,
    wake: RefCell<Option<oneshot::Sender<()>>>,
}

impl<T> Default for Inbox<T> {
    fn default() -> Self {
        Self { waiting: RefCell::default(), wake: RefCell::default() }
    }
}

impl<T> Inbox<T> {
    /// Puts a message behind those that wait.
    pub fn put(&self, message: T) {
        self.waiting.borrow_mut().push_back(message);
        if let Some(wake) = self.wake.borrow_mut().take() {
            wake.send(()).ok();
        }
    }

    /// Takes away what waits and is not to be kept.
    pub fn retain(&self, is_kept: impl FnMut(&T) -> bool) {
        self.waiting.borrow_mut().retain(is_kept);
    }

    /// The oldest message.
    pub fn take(&self) -> Option<T> {
        self.waiting.borrow_mut().pop_front()
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.waiting.borrow().is_empty()
    }

    /// Returns once something waits.
    pub async fn wait(&self) {
        if self.is_empty() {
            let (wake, woken) = oneshot::channel();
            self.wake.replace(Some(wake));
            woken.await.ok();
        }
    }
}
