//! Words of this part of the page.

/// The words.
pub struct Words {
    /// The panel's name.
    pub title: &'static str,
}

/// English.
pub const ENGLISH: Words = Words { title: "Fewbit" };

/// Chinese.
pub const CHINESE: Words = Words { title: "Fewbit" };
