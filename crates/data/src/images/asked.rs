//! Corrections of how pictures are prepared, and how they are written.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{Colors, Filter, Preprocess, Resize};

/// What is known beforehand of the preparation of pictures; the rest is inferred.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Asked {
    /// The path of a `preprocessor_config.json`, in the place of the one beside the pictures.
    pub config: Option<String>,
    /// The size before the crop.
    pub resize: Option<Resize>,
    /// The part that is kept.
    pub crop: Option<Crop>,
    /// How pixels are interpolated.
    pub filter: Option<Filter>,
    /// The channels.
    pub colors: Option<Colors>,
    /// What pixels are multiplied by.
    pub scale: Option<f64>,
    /// What is subtracted then.
    pub mean: Option<Vec<f64>>,
    /// What is divided by then.
    pub std: Option<Vec<f64>>,
}

/// Height and width of the part in the middle that is kept; none for all of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Crop(pub Option<[usize; 2]>);

impl Asked {
    /// `guess` with what is asked in its place.
    pub fn corrected(&self, guess: Preprocess) -> Preprocess {
        Preprocess {
            colors: self.colors.unwrap_or(guess.colors),
            resize: self.resize.unwrap_or(guess.resize),
            filter: self.filter.unwrap_or(guess.filter),
            crop: self.crop.map_or(guess.crop, |crop| crop.0),
            scale: self.scale.unwrap_or(guess.scale),
            mean: self.mean.clone().unwrap_or(guess.mean),
            std: self.std.clone().unwrap_or(guess.std),
            layout: guess.layout,
        }
    }
}

impl FromStr for Resize {
    type Err = String;

    /// `256` for the shorter side, `256x320` for height and width, or `none`.
    fn from_str(text: &str) -> Result<Self, String> {
        Ok(match (text.trim(), split(text)) {
            ("none", _) => Self::None,
            (text, None) => Self::Shorter(side(text)?),
            (_, Some((height, width))) => Self::Exact([side(height)?, side(width)?]),
        })
    }
}

impl std::fmt::Display for Resize {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::None => f.write_str("none"),
            Self::Shorter(side) => write!(f, "{side}"),
            Self::Exact([height, width]) => write!(f, "{height}x{width}"),
        }
    }
}

impl FromStr for Crop {
    type Err = String;

    /// `224` for a square, `224x192` for height and width, or `none`.
    fn from_str(text: &str) -> Result<Self, String> {
        Ok(Self(match (text.trim(), split(text)) {
            ("none", _) => None,
            (text, None) => Some([side(text)?; 2]),
            (_, Some((height, width))) => Some([side(height)?, side(width)?]),
        }))
    }
}

impl std::fmt::Display for Crop {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            None => f.write_str("none"),
            Some([height, width]) => write!(f, "{height}x{width}"),
        }
    }
}

/// The two sides of a size, with `x` or `×` between.
fn split(text: &str) -> Option<(&str, &str)> {
    text.split_once(['x', '×'])
}

fn side(text: &str) -> Result<usize, String> {
    text.trim().parse().map_err(|_| format!("`{text}` is no number of pixels; write 224, 224x192 or none"))
}
