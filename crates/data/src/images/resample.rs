//! Resizing by convolution, antialiased, as Pillow resizes (up to 12: later ones may take columns first): with the same bits.
//!
//! Each row, then each column, of the result is a weighted sum of the source. For output i of n, out of m, with s = m/n and
//! w = max(s, 1): the centre is c = (i + ½)·s; sources j from ⌊c − r·w + ½⌋ to below ⌊c + r·w + ½⌋ (r the filter's radius), within the
//! picture, have weights f((j − c + ½)/w), divided by their sum. Weights are rounded to multiples of 2⁻²², sums to 8 bits after each
//! of the two passes.

use serde::{Deserialize, Serialize};

use super::decode::Image;

/// Binary places of a weight.
const PLACES: u32 = 22;

/// What a pixel of the result is made of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Filter {
    /// The one pixel below it.
    Nearest,
    /// A triangle: 1 − |x|.
    #[default]
    Bilinear,
    /// Keys' cubic with a = −½.
    Bicubic,
    /// sinc(x)·sinc(x/3).
    Lanczos,
}

impl Filter {
    /// How far it reaches.
    fn radius(self) -> f64 {
        match self {
            Self::Nearest => 0.5,
            Self::Bilinear => 1.0,
            Self::Bicubic => 2.0,
            Self::Lanczos => 3.0,
        }
    }

    /// Its value at x.
    fn at(self, x: f64) -> f64 {
        let x = x.abs();
        match self {
            Self::Nearest => f64::from(u8::from(x <= 0.5)),
            Self::Bilinear => (1.0 - x).max(0.0),
            Self::Bicubic if x < 1.0 => (1.5 * x - 2.5) * x * x + 1.0,
            Self::Bicubic if x < 2.0 => ((-0.5 * x + 2.5) * x - 4.0) * x + 2.0,
            Self::Lanczos if x < 3.0 => sinc(x) * sinc(x / 3.0),
            Self::Bicubic | Self::Lanczos => 0.0,
        }
    }
}

fn sinc(x: f64) -> f64 {
    let angle = x * std::f64::consts::PI;
    if x == 0.0 { 1.0 } else { libm::sin(angle) / angle }
}

/// What one row or column of the result is made of.
struct Taps {
    first: usize,
    weights: Vec<i64>,
}

/// `image` in another size, each side at least 1.
pub fn resize(image: &Image, width: usize, height: usize, filter: Filter) -> Image {
    let (width, height) = (width.max(1), height.max(1));
    let wide = if width == image.width {
        image.clone()
    } else {
        rows(image, width, &taps(image.width, width, filter))
    };
    if height == image.height { wide } else { columns(&wide, height, &taps(image.height, height, filter)) }
}

fn taps(from: usize, to: usize, filter: Filter) -> Vec<Taps> {
    let scale = from as f64 / to as f64;
    (0..to).map(|i| taps_of((i as f64 + 0.5) * scale, scale.max(1.0), from, filter)).collect()
}

fn taps_of(centre: f64, width: f64, from: usize, filter: Filter) -> Taps {
    if filter == Filter::Nearest {
        return Taps { first: (centre as usize).min(from - 1), weights: vec![1 << PLACES] };
    }
    let reach = filter.radius() * width;
    let first = (centre - reach + 0.5).max(0.0) as usize;
    let end = ((centre + reach + 0.5) as usize).min(from);
    let values: Vec<f64> =
        (first..end).map(|j| filter.at((j as f64 - centre + 0.5) * (1.0 / width))).collect();
    let total: f64 = values.iter().sum();
    let weight = |value: &f64| {
        let places = value / total * f64::from(1u32 << PLACES);
        (places + if places < 0.0 { -0.5 } else { 0.5 }) as i64
    };
    Taps { first, weights: values.iter().map(weight).collect() }
}

fn sum(pixels: impl Iterator<Item = u8>, weights: &[i64]) -> u8 {
    let total: i64 = pixels.zip(weights).map(|(pixel, weight)| i64::from(pixel) * weight).sum();
    ((total + (1 << (PLACES - 1))) >> PLACES).clamp(0, 255) as u8
}

fn rows(image: &Image, width: usize, taps: &[Taps]) -> Image {
    let channels = image.channels;
    let mut pixels = Vec::with_capacity(width * image.height * channels);
    for row in image.pixels.chunks_exact(image.width * channels) {
        for tap in taps {
            for channel in 0..channels {
                let from = row.iter().skip(tap.first * channels + channel).step_by(channels).copied();
                pixels.push(sum(from, &tap.weights));
            }
        }
    }
    Image { width, pixels, ..*image }
}

fn columns(image: &Image, height: usize, taps: &[Taps]) -> Image {
    let stride = image.width * image.channels;
    let mut pixels = Vec::with_capacity(height * stride);
    for tap in taps {
        for column in 0..stride {
            let from = image.pixels.iter().skip(tap.first * stride + column).step_by(stride).copied();
            pixels.push(sum(from, &tap.weights));
        }
    }
    Image { height, pixels, ..*image }
}
