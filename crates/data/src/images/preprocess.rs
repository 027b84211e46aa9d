//! From pixels to a model's input: resize, crop, scale, normalize, arrange.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::decode::{Image, MOST_PIXELS};
use super::resample::{Filter, resize};
use crate::error::DataError;
use crate::factor;
use crate::samples::shape_text;

/// The longest side of what a model takes.
const MOST_SIDE: usize = 1 << 13;
/// From this side on, pictures of three channels are taken for photographs as ImageNet has them.
const PHOTOGRAPH: usize = 128;
/// Mean and deviation of ImageNet's pixels, as torchvision's models have them.
const IMAGENET: ([f64; 3], [f64; 3]) = ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]);

/// How pictures become a model's input, in this order: colours, resize, crop, (pixel·scale − mean)/std, layout.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Preprocess {
    /// The channels that the model takes.
    pub colors: Colors,
    /// The size before the crop.
    pub resize: Resize,
    /// How pixels are interpolated.
    pub filter: Filter,
    /// Height and width of the part that is kept, from ⌊(size − crop)/2⌋ on; black where the picture is smaller.
    pub crop: Option<[usize; 2]>,
    /// What a pixel, 0 to 255, is multiplied by.
    pub scale: f64,
    /// What is subtracted then: one for each channel, or one for all.
    pub mean: Vec<f64>,
    /// What is divided by then: one for each channel, or one for all.
    pub std: Vec<f64>,
    /// The order of the axes.
    pub layout: Layout,
}

/// Channels of a model's input.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Colors {
    /// One: luma.
    Grey,
    /// Red, green, blue.
    Rgb,
    /// Blue, green, red.
    Bgr,
}

/// The order of an input's axes behind the batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Layout {
    /// C×H×W, as PyTorch has it.
    #[serde(rename = "chw")]
    ChannelsFirst,
    /// H×W×C, as TensorFlow has it.
    #[serde(rename = "hwc")]
    ChannelsLast,
}

/// What size a picture gets before it is cropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Resize {
    /// It stays as it is.
    None,
    /// Its shorter side becomes this; the longer one keeps the proportion, rounded down.
    Shorter(usize),
    /// Height and width, whatever the proportion.
    Exact([usize; 2]),
}

/// What a model's input says of pictures.
struct Face {
    channels: usize,
    size: [usize; 2],
    layout: Layout,
}

impl Face {
    fn of(sample_shape: &[usize]) -> Option<Self> {
        let (channels, size, layout) = match *sample_shape {
            [c @ (1 | 3), h, w] => (c, [h, w], Layout::ChannelsFirst),
            [h, w, c @ (1 | 3)] => (c, [h, w], Layout::ChannelsLast),
            [h, w] => (1, [h, w], Layout::ChannelsLast),
            [flat] if flat.isqrt().pow(2) == flat => (1, [flat.isqrt(); 2], Layout::ChannelsLast),
            _ => return None,
        };
        let is_sane = size.iter().all(|side| (1..=MOST_SIDE).contains(side));
        is_sane.then_some(Self { channels, size, layout })
    }

    fn need(sample_shape: &[usize]) -> Result<Self, DataError> {
        Self::of(sample_shape).ok_or_else(|| {
            DataError::Unfit(format!(
                "the model takes {}, which is no picture: N×C×H×W or N×H×W×C with 1 or 3 channels is needed",
                shape_text(sample_shape)
            ))
        })
    }
}

impl Preprocess {
    /// What an input of N × `sample_shape` most probably expects, and a sentence for each guess. `config` is the
    /// `preprocessor_config.json` beside the model, if there is one; what it says goes before guesses.
    ///
    /// # Errors
    /// [`DataError::Unfit`] if the input is no picture, [`DataError::File`] if `config` cannot be read or asks for another size.
    pub fn infer(sample_shape: &[usize], config: Option<&[u8]>) -> Result<(Self, Vec<String>), DataError> {
        let face = Face::need(sample_shape)?;
        let [height, width] = face.size;
        let mut notes = Vec::new();
        let colors = if face.channels == 1 { Colors::Grey } else { Colors::Rgb };
        let mut preprocess = Self {
            colors,
            resize: Resize::Exact(face.size),
            filter: Filter::Bilinear,
            crop: None,
            scale: 1.0 / 255.0,
            mean: vec![0.0],
            std: vec![1.0],
            layout: face.layout,
        };
        let is_photograph = face.channels == 3 && height == width && height >= PHOTOGRAPH;
        match config {
            Some(config) => {
                preprocess.configure(config)?;
                notes.push("preprocessor_config.json says how pictures are prepared".to_owned());
            }
            None if is_photograph && face.layout == Layout::ChannelsFirst => {
                preprocess.resize = Resize::Shorter((height * 8).div_ceil(7));
                preprocess.crop = Some(face.size);
                (preprocess.mean, preprocess.std) = (IMAGENET.0.to_vec(), IMAGENET.1.to_vec());
                notes.push(format!(
                    "the model takes {}: pictures are prepared as for ImageNet",
                    shape_text(sample_shape)
                ));
            }
            None => notes.push(format!(
                "the model takes {}: pictures become {height}×{width} pixels, divided by 255",
                shape_text(sample_shape)
            )),
        }
        preprocess.check(sample_shape)?;
        notes.push(preprocess.to_string());
        Ok((preprocess, notes))
    }

    /// Takes over what a `preprocessor_config.json` of transformers says.
    fn configure(&mut self, config: &[u8]) -> Result<(), DataError> {
        let wrong = |why: String| DataError::file("preprocessor_config.json", why);
        let config: Value = serde_json::from_slice(config).map_err(|why| wrong(why.to_string()))?;
        let asked = |key: &str| config.get(key).and_then(Value::as_bool).unwrap_or(true);
        let size = |key: &str| -> Result<Option<Resize>, DataError> {
            let Some(value) = config.get(key).filter(|value| !value.is_null()) else { return Ok(None) };
            let side =
                |value: Option<&Value>| value.and_then(Value::as_u64).and_then(|n| usize::try_from(n).ok());
            let found = match (side(Some(value)), side(value.get("shortest_edge"))) {
                (Some(n), _) if key == "crop_size" => Some(Resize::Exact([n, n])),
                (Some(n), _) | (None, Some(n)) => Some(Resize::Shorter(n)),
                _ => side(value.get("height"))
                    .zip(side(value.get("width")))
                    .map(|(h, w)| Resize::Exact([h, w])),
            };
            found.map(Some).ok_or_else(|| {
                wrong(format!("`{key}` is {value}; a number, height and width, or shortest_edge are read"))
            })
        };
        let numbers = |key: &str| -> Option<Vec<f64>> {
            match config.get(key)? {
                Value::Array(values) => values.iter().map(Value::as_f64).collect(),
                value => value.as_f64().map(|x| vec![x]),
            }
        };
        if !asked("do_resize") {
            self.resize = Resize::None;
        } else if let Some(resize) = size("size")? {
            self.resize = resize;
        }
        if let Some(Resize::Exact(crop)) = size("crop_size")?.filter(|_| asked("do_center_crop")) {
            self.crop = Some(crop);
        }
        self.filter = match config.get("resample").and_then(Value::as_u64) {
            Some(0) => Filter::Nearest,
            Some(1) => Filter::Lanczos,
            None | Some(2) => Filter::Bilinear,
            Some(3) => Filter::Bicubic,
            Some(other) => {
                return Err(wrong(format!(
                    "`resample` is {other}; 0 nearest, 1 lanczos, 2 bilinear and 3 bicubic are done"
                )));
            }
        };
        self.scale = match config.get("rescale_factor").and_then(Value::as_f64) {
            _ if !asked("do_rescale") => 1.0,
            Some(factor) => factor,
            None => 1.0 / 255.0,
        };
        if asked("do_normalize")
            && let (Some(mean), Some(std)) = (numbers("image_mean"), numbers("image_std"))
        {
            (self.mean, self.std) = (mean, std);
        }
        Ok(())
    }

    /// The height and width that pictures get, where that does not depend on them.
    fn size(&self) -> Option<[usize; 2]> {
        match (self.crop, self.resize) {
            (Some(crop), _) => Some(crop),
            (None, Resize::Exact(size)) => Some(size),
            (None, _) => None,
        }
    }

    pub(crate) fn channels(&self) -> usize {
        if self.colors == Colors::Grey { 1 } else { 3 }
    }

    /// Whether this gives N × `sample_shape`.
    ///
    /// # Errors
    /// [`DataError::Unfit`] with what it gives in its place.
    pub fn check(&self, sample_shape: &[usize]) -> Result<(), DataError> {
        let unfit = |why: String| Err(DataError::Unfit(why));
        let face = Face::need(sample_shape)?;
        if self.resize == Resize::None && self.crop.is_none() {
            return unfit("pictures without a resize need a crop: theirs may be any size".to_owned());
        }
        let Some([height, width]) = self.size() else {
            return unfit(
                "a resize of the shorter side needs a crop: the longer side may be any length".to_owned(),
            );
        };
        let lengths = match self.resize {
            Resize::None => vec![],
            Resize::Shorter(side) => vec![side],
            Resize::Exact(size) => size.to_vec(),
        };
        if let Some(side) = lengths.iter().find(|side| !(1..=MOST_SIDE).contains(*side)) {
            return unfit(format!("a resize to {side} pixels; 1 to {MOST_SIDE} are done"));
        }
        if [height, width] != face.size || self.channels() != face.channels || self.layout != face.layout {
            let shape = match self.layout {
                Layout::ChannelsFirst => [self.channels(), height, width],
                Layout::ChannelsLast => [height, width, self.channels()],
            };
            return unfit(format!(
                "pictures become {}, but the model takes {}",
                shape_text(&shape),
                shape_text(sample_shape)
            ));
        }
        for (name, values) in [("mean", &self.mean), ("std", &self.std)] {
            let is_count = values.len() == 1 || values.len() == self.channels();
            if !is_count || values.iter().any(|x| !x.is_finite()) {
                return unfit(format!(
                    "{name} is {values:?}; one finite number, or one for each of {} channels, is needed",
                    self.channels()
                ));
            }
        }
        if !self.scale.is_finite() || self.std.contains(&0.0) {
            return unfit("scale has to be finite, and std not 0".to_owned());
        }
        Ok(())
    }

    /// The pixels that the model sees: height and width, and row-major, grey or RGB, the part that is kept.
    ///
    /// # Errors
    /// Why it cannot be resized.
    pub(crate) fn seen(&self, image: &Image) -> Result<([usize; 2], Vec<u8>), String> {
        let image = self.sized(image)?;
        let size @ [height, width] = self.crop.unwrap_or([image.height, image.width]);
        let pixels = (0..height).flat_map(|row| (0..width).map(move |column| (row, column))).flat_map(
            |(row, column)| {
                let image = &image;
                (0..self.channels()).map(move |channel| image.cropped(row, column, channel, size))
            },
        );
        Ok((size, pixels.collect()))
    }

    /// `image` with the channels that are needed, resized.
    fn sized(&self, image: &Image) -> Result<Image, String> {
        let image = image.with_channels(self.channels());
        Ok(match self.resize {
            Resize::None => image,
            Resize::Exact([height, width]) => resize(&image, width, height, self.filter),
            Resize::Shorter(side) => {
                let [width, height] = with_shorter(side, [image.width, image.height]).ok_or_else(|| {
                    format!("{}×{} pixels are too long and thin", image.width, image.height)
                })?;
                resize(&image, width, height, self.filter)
            }
        })
    }

    /// Puts what becomes of `image` behind `values`.
    ///
    /// # Errors
    /// Why it cannot be resized.
    pub(super) fn apply(&self, image: &Image, values: &mut Vec<f32>) -> Result<(), String> {
        let channels = self.channels();
        let image = self.sized(image)?;
        let [height, width] = self.crop.unwrap_or([image.height, image.width]);
        let tables = self.tables();
        let pixel = |row: usize, column: usize, channel: usize| {
            let stored = if self.colors == Colors::Bgr { channels - 1 - channel } else { channel };
            let byte = image.cropped(row, column, stored, [height, width]);
            tables.get(channel).and_then(|table| table.get(usize::from(byte))).copied().unwrap_or_default()
        };
        match self.layout {
            Layout::ChannelsFirst => {
                for channel in 0..channels {
                    for row in 0..height {
                        values.extend((0..width).map(|column| pixel(row, column, channel)));
                    }
                }
            }
            Layout::ChannelsLast => {
                for row in 0..height {
                    for column in 0..width {
                        values.extend((0..channels).map(|channel| pixel(row, column, channel)));
                    }
                }
            }
        }
        Ok(())
    }

    /// What each byte of each channel becomes, rounded once.
    fn tables(&self) -> Vec<Vec<f32>> {
        let of = |values: &[f64], channel: usize, or: f64| {
            values.get(channel).or(values.first()).copied().unwrap_or(or)
        };
        let table = |channel: usize| {
            let (mean, std) = (of(&self.mean, channel, 0.0), of(&self.std, channel, 1.0));
            (0..=255u8).map(|byte| ((f64::from(byte) * self.scale - mean) / std) as f32).collect()
        };
        (0..self.channels()).map(table).collect()
    }
}

/// Two lengths, the shorter one made `side`; none if that is too much.
fn with_shorter(side: usize, lengths: [usize; 2]) -> Option<[usize; 2]> {
    let [a, b] = lengths.map(|length| length as u64);
    let side = side as u64;
    let [a, b] = if a <= b { [side, side * b / a] } else { [side * a / b, side] };
    (a * b <= MOST_PIXELS).then_some([a as usize, b as usize])
}

impl Image {
    /// A byte of the part of `size` in the middle; 0 outside the picture.
    fn cropped(&self, row: usize, column: usize, channel: usize, [height, width]: [usize; 2]) -> u8 {
        let inside = |at: usize, of: usize, part: usize| match of.checked_sub(part) {
            Some(rest) => Some(at + rest / 2),
            None => at.checked_sub((part - of).div_ceil(2)).filter(|&at| at < of),
        };
        let at = inside(row, self.height, height)
            .zip(inside(column, self.width, width))
            .map(|(row, column)| (row * self.width + column) * self.channels + channel);
        at.and_then(|at| self.pixels.get(at)).copied().unwrap_or_default()
    }
}

impl std::fmt::Display for Preprocess {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let colors = match self.colors {
            Colors::Grey => "grey",
            Colors::Rgb => "RGB",
            Colors::Bgr => "BGR",
        };
        write!(f, "pictures are read as {colors}")?;
        let filter = format!("{:?}", self.filter).to_lowercase();
        match self.resize {
            Resize::None => {}
            Resize::Shorter(side) => write!(f, ", their shorter side resized to {side} ({filter})")?,
            Resize::Exact([height, width]) => write!(f, ", resized to {height}×{width} ({filter})")?,
        }
        if let Some([height, width]) = self.crop {
            write!(f, ", cropped to {height}×{width}")?;
        }
        let list = |values: &[f64]| values.iter().map(f64::to_string).collect::<Vec<_>>().join(", ");
        write!(f, ", (pixel × {} − ({})) / ({})", factor::text(self.scale), list(&self.mean), list(&self.std))
    }
}
