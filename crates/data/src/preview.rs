//! What data look like to the model: a few of them.

use serde::{Deserialize, Serialize};

/// A few samples.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Preview {
    /// The first pictures.
    Pictures(Vec<Seen>),
    /// The first lines, as they stand in the file.
    Lines(Vec<Vec<String>>),
    /// The first window's tokens, with the text of each.
    Tokens(Vec<(u32, String)>),
}

/// A picture as the model sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// Its path.
    pub path: String,
    /// Its class, as the labels say it.
    pub class: Option<String>,
    /// Its height and width in the file.
    pub stored: [usize; 2],
    /// Its height and width for the model.
    pub size: [usize; 2],
    /// 1 (grey) or 3 (red, green, blue).
    pub channels: usize,
    /// Row-major, channels last.
    pub pixels: Vec<u8>,
}
