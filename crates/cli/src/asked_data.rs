//! How data of one's own are read, as it is written on a command line.

use std::path::PathBuf;

use fewbit_data::images::{self, Colors, Crop, Filter, Resize};
use fewbit_data::tokenizer::Named;
use fewbit_data::{Asked, table, text};

/// Corrections of what is inferred from data of one's own.
#[derive(Clone, Debug, Default, clap::Args)]
#[command(next_help_heading = "Data of your own, where what is inferred is not right")]
pub(crate) struct OwnData {
    /// Take so many samples at most: pictures evenly from the list, windows of text from the start.
    #[arg(long = "data-samples", value_name = "N")]
    pub(crate) samples: Option<usize>,
    /// Pictures: the size before the crop, the shorter side (256), height and width (256x320), or none.
    #[arg(long, value_name = "SIZE", value_parser = str::parse::<Resize>)]
    pub(crate) resize: Option<Resize>,
    /// Pictures: the part in the middle that is kept, a side (224), height and width (224x192), or none.
    #[arg(long, value_name = "SIZE", value_parser = str::parse::<Crop>)]
    pub(crate) crop: Option<Crop>,
    /// Pictures: how pixels are interpolated, nearest, bilinear, bicubic or lanczos.
    #[arg(long, value_name = "FILTER", value_parser = word::<Filter>)]
    pub(crate) filter: Option<Filter>,
    /// Pictures: the channels, grey, rgb or bgr.
    #[arg(long, value_name = "COLORS", value_parser = word::<Colors>)]
    pub(crate) colors: Option<Colors>,
    /// Pictures and tables: what values are multiplied by, a number or a fraction like 1/255.
    #[arg(long, value_name = "FACTOR", value_parser = fewbit_data::factor::parse)]
    pub(crate) scale: Option<f64>,
    /// Pictures: what is subtracted from scaled pixels, one number or one for each channel, with commas between.
    #[arg(long, value_name = "LIST", value_delimiter = ',', allow_hyphen_values = true)]
    pub(crate) mean: Option<Vec<f64>>,
    /// Pictures: what is divided by then.
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    pub(crate) std: Option<Vec<f64>>,
    /// Pictures: a preprocessor_config.json as transformers has it [default: that in the folder].
    #[arg(long, value_name = "FILE.json")]
    pub(crate) preprocessor: Option<PathBuf>,
    /// Tables: the column of the class, its name or its number from 1, or none.
    #[arg(long, value_name = "COLUMN")]
    pub(crate) label_column: Option<String>,
    /// Tables: the columns of the values, names or numbers from 1 with commas between.
    #[arg(long, value_name = "COLUMNS", value_delimiter = ',')]
    pub(crate) columns: Option<Vec<String>>,
    /// Tables: what stands between cells.
    #[arg(long, value_name = "CHARACTER")]
    pub(crate) delimiter: Option<char>,
    /// Tables: whether the first line holds names.
    #[arg(long, value_name = "true|false")]
    pub(crate) header: Option<bool>,
    /// Text: how tokens are made of it, bytes, chars (those of the text, or with chars:FILE those of a file), a tokenizer.json, or a
    /// GGUF file that carries a vocabulary.
    #[arg(long, value_name = "TOKENIZER", value_parser = str::parse::<Named>)]
    pub(crate) tokenizer: Option<Named>,
    /// Text: tokens from the start of one window to that of the next [default: the window's length].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) stride: Option<u32>,
}

impl OwnData {
    /// What is asked.
    pub(crate) fn to_asked(&self) -> Asked {
        let label =
            self.label_column.as_ref().map(|name| if name == "none" { String::new() } else { name.clone() });
        Asked {
            samples: self.samples,
            pictures: images::Asked {
                config: self.preprocessor.as_ref().map(|path| path.display().to_string()),
                resize: self.resize,
                crop: self.crop,
                filter: self.filter,
                colors: self.colors,
                scale: self.scale,
                mean: self.mean.clone(),
                std: self.std.clone(),
            },
            table: table::Asked {
                delimiter: self.delimiter,
                header: self.header,
                label,
                features: self.columns.clone(),
                scale: self.scale,
            },
            text: text::Asked {
                tokenizer: self.tokenizer.clone(),
                stride: self.stride.map(|stride| stride as usize),
            },
        }
    }
}

/// A word that stands for a value, as JSON has it.
fn word<T: serde::de::DeserializeOwned>(text: &str) -> Result<T, String> {
    serde_json::from_value(text.into()).map_err(|why| why.to_string())
}
