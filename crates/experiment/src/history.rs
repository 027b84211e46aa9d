//! Undo and redo.

use crate::command::Command;
use crate::document::Document;

/// How many steps back one can go.
const DEPTH: usize = 500;

/// A document with its past and its undone future.
#[derive(Clone, Debug, Default)]
pub struct History {
    now: Document,
    past: Vec<Document>,
    future: Vec<Document>,
    gesture: Option<u64>,
}

impl History {
    /// Starts with `document` and no past.
    pub fn new(document: Document) -> Self {
        Self { now: document, ..Self::default() }
    }

    /// The document.
    pub fn now(&self) -> &Document {
        &self.now
    }

    /// Applies a command. Commands of one `gesture` (a drag) are one step back; what is looked at is none.
    pub fn dispatch(&mut self, command: &Command, gesture: Option<u64>) {
        let next = self.now.apply(command);
        if next == self.now {
            return;
        }
        let goes_on = gesture.is_some() && gesture == self.gesture;
        if !command.is_view() {
            if !goes_on {
                self.past.push(self.now.clone());
                if self.past.len() > DEPTH {
                    self.past.remove(0);
                }
            }
            self.future.clear();
            self.gesture = gesture;
        }
        self.now = next;
    }

    /// Whether there is a step back.
    pub fn can_undo(&self) -> bool {
        !self.past.is_empty()
    }

    /// Whether there is a step forward.
    pub fn can_redo(&self) -> bool {
        !self.future.is_empty()
    }

    /// One step back; the view stays where it is unless the model changes.
    pub fn undo(&mut self) {
        if let Some(before) = self.past.pop() {
            self.future.push(self.now.clone());
            self.become_keeping_view(before);
        }
    }

    /// One step forward.
    pub fn redo(&mut self) {
        if let Some(after) = self.future.pop() {
            self.past.push(self.now.clone());
            self.become_keeping_view(after);
        }
    }

    fn become_keeping_view(&mut self, mut document: Document) {
        if document.model == self.now.model {
            document.view = self.now.view.clone();
        }
        self.now = document;
        self.gesture = None;
    }
}
