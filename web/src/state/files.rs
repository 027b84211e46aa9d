//! The files on the bench, and those that were there before.

use js_sys::Uint8Array;

/// Most models of one's own that are kept.
const MOST_KEPT: usize = 4;
/// Most bytes that they may take.
const MOST_BYTES: usize = 256 << 20;

/// A model and the data beside it, kept so that a new worker can be given them again.
#[derive(Clone, Default)]
pub(super) struct Files {
    pub(super) model: Option<(String, Uint8Array)>,
    pub(super) test: Option<(String, Uint8Array)>,
    pub(super) calibration: Option<Uint8Array>,
    pub(super) classes: Vec<String>,
    /// Whether the data are the gallery's, which nobody asked for beside a model of one's own.
    pub(super) from_gallery: bool,
    /// Where the whole calibration set is, if only its beginning is here.
    pub(super) more_calibration: Option<&'static str>,
}

impl Files {
    /// How many bytes they take.
    pub(super) fn bytes(&self) -> usize {
        let files = [&self.model, &self.test].into_iter().flatten().map(|(_, bytes)| bytes);
        files.chain(&self.calibration).map(|bytes| bytes.length() as usize).sum()
    }
}

/// What belongs to a person's own models, by their identity, the newest last: undo finds it here instead of asking for the
/// file again.
pub(super) struct Shelf<T> {
    kept: Vec<Kept<T>>,
}

struct Kept<T> {
    id: String,
    bytes: usize,
    what: T,
}

impl<T> Default for Shelf<T> {
    fn default() -> Self {
        Self { kept: Vec::new() }
    }
}

impl<T> Shelf<T> {
    /// Keeps `what`, which takes `bytes`, and lets go of the oldest for which there is no room. What would not fit alone
    /// is not kept.
    pub(super) fn put(&mut self, id: &str, bytes: usize, what: T) {
        self.kept.retain(|kept| kept.id != id);
        if bytes > MOST_BYTES {
            return;
        }
        self.kept.push(Kept { id: id.to_owned(), bytes, what });
        while self.kept.len() > MOST_KEPT
            || self.kept.iter().map(|kept| kept.bytes).sum::<usize>() > MOST_BYTES
        {
            self.kept.remove(0);
        }
    }

    /// What was kept of this model.
    pub(super) fn get(&self, id: &str) -> Option<&T> {
        self.kept.iter().find(|kept| kept.id == id).map(|kept| &kept.what)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(shelf: &Shelf<()>) -> Vec<&str> {
        shelf.kept.iter().map(|kept| kept.id.as_str()).collect()
    }

    #[test]
    fn the_oldest_goes_when_there_are_too_many_or_they_are_too_large() {
        let mut shelf = Shelf::default();
        for id in ["a", "b", "c", "d", "a", "e"] {
            shelf.put(id, 1, ());
        }
        assert_eq!(ids(&shelf), ["c", "d", "a", "e"]);
        shelf.put("large", MOST_BYTES - 1, ());
        assert_eq!(ids(&shelf), ["e", "large"]);
        shelf.put("too large", MOST_BYTES + 1, ());
        assert_eq!(ids(&shelf), ["e", "large"]);
        assert!(shelf.get("e").is_some() && shelf.get("a").is_none());
    }
}
