//! What is quantized, and how: the one value behind a link, a file, the page and the command line.

use std::fmt;
use std::str::FromStr;

use fewbit_numeric::format::FormatError;
use fewbit_numeric::layout::GranularityError;
use fewbit_numeric::{Format, Granularity};
use serde::{Deserialize, Serialize};

use crate::methods::Pipeline;

/// How the range of a grid is found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum RangeMethod {
    /// `minmax`: smallest and largest value seen.
    MinMax,
    /// `ema0.9`: min and max of each batch, averaged with this weight on the past (activations; of weights the same as min-max).
    MovingAverage(f32),
    /// `percentile99.99`: this many percent of the values lie inside.
    Percentile(f32),
    /// `mse` or `mse2.4`: least Σ|x̂ − x|ᵖ over shrunken min-max ranges.
    Mse(f32),
    /// `entropy`: least KL divergence of histograms, as TensorRT does it.
    Entropy,
    /// `entropy-ort`: the same as ONNX Runtime's calibrator does it.
    EntropyOrt,
    /// `aciq`: the analytic optimum for a Gauss or Laplace distribution (Banner et al. 2019, arXiv 1810.05723).
    Aciq,
}

/// How one tensor becomes few bits. Written `int4@channel`, `uint8@tensor:percentile99.99`, `int3@group32:mse*0.9`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Quantizer {
    /// Which codes exist.
    pub format: Format,
    /// Which values share a scale.
    pub granularity: Granularity,
    /// How the range is found.
    pub range: RangeMethod,
    /// The range found is multiplied by this: a clip line moved by hand. 1 otherwise; positive.
    pub shrink: f32,
}

/// Quantized, or kept in float. Written as a [`Quantizer`] or `float`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Choice {
    /// Kept in float.
    Float,
    /// Quantized.
    Quantize(Quantizer),
}

/// What the rule's pattern matches is treated so.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Layer names; `*` stands for any run of characters.
    pub pattern: String,
    /// For the weights; `None` leaves them as they were.
    pub weights: Option<Choice>,
    /// For the layer's input; `None` leaves it as it was.
    pub activations: Option<Choice>,
}

/// What is quantized, and how.
///
/// For each layer the first of these that speaks wins: the last matching rule, `edges` (first and last layer), the base.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recipe {
    /// The base for every weight.
    pub weights: Choice,
    /// The base for every layer's input.
    pub activations: Choice,
    /// The width of the first and the last layer, if it is another.
    pub edges: Option<Format>,
    /// Exceptions, in order; later ones win.
    pub rules: Vec<Rule>,
    /// How many calibration samples the observers see.
    pub calibration_samples: u32,
    /// The seed of every random draw.
    pub seed: u64,
    /// The methods that start from rounding to nearest; none of them is rounding to nearest itself. Files of before there
    /// were methods do without.
    #[serde(default)]
    pub pipeline: Pipeline,
}

/// What holds for one layer.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct LayerChoice {
    /// For its weights.
    pub weights: Choice,
    /// For its input.
    pub activations: Choice,
}

/// Why a recipe cannot be.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum RecipeError {
    /// A text that is no choice.
    #[error(
        "`{text}`: {why}. Write float, int4@channel, uint8@tensor:percentile99.99 or int3@group32:mse*0.9"
    )]
    Syntax {
        /// The text.
        text: String,
        /// What is wrong.
        why: String,
    },
    /// A rule that no layer answers to.
    #[error("no layer is called `{pattern}`; the layers are {layers}")]
    NoSuchLayer {
        /// The pattern.
        pattern: String,
        /// The names there are.
        layers: String,
    },
}

impl Quantizer {
    /// `format` at `granularity`, min-max.
    pub const fn new(format: Format, granularity: Granularity) -> Self {
        Self { format, granularity, range: RangeMethod::MinMax, shrink: 1.0 }
    }
}

impl Choice {
    /// The quantizer, if there is one.
    pub fn quantizer(self) -> Option<Quantizer> {
        match self {
            Self::Float => None,
            Self::Quantize(quantizer) => Some(quantizer),
        }
    }

    /// The bits of a code; 32 for float.
    pub fn bits(self) -> u8 {
        self.quantizer().map_or(32, |q| q.format.bits())
    }
}

impl Default for Recipe {
    /// W8A8: weights int8 per channel, inputs uint8 per tensor, min-max over 256 samples.
    fn default() -> Self {
        Self {
            weights: Choice::Quantize(Quantizer::new(Format::INT8, Granularity::Channel)),
            activations: Choice::Quantize(Quantizer::new(Format::UINT8, Granularity::Tensor)),
            edges: None,
            rules: Vec::new(),
            calibration_samples: 256,
            seed: 0,
            pipeline: Pipeline::default(),
        }
    }
}

impl Recipe {
    /// What holds for each of `layers`, in order.
    ///
    /// # Errors
    /// [`RecipeError::NoSuchLayer`] for a rule that matches nothing: nothing is silently ignored.
    pub fn resolve(&self, layers: &[String]) -> Result<Vec<LayerChoice>, RecipeError> {
        let mut choices =
            vec![LayerChoice { weights: self.weights, activations: self.activations }; layers.len()];
        if let Some(format) = self.edges {
            let last = choices.len().saturating_sub(1);
            for (i, choice) in choices.iter_mut().enumerate() {
                if i == 0 || i == last {
                    choice.weights = at_width(choice.weights, format);
                    choice.activations = at_width(choice.activations, format);
                }
            }
        }
        for rule in &self.rules {
            let mut matched = false;
            for (choice, name) in choices.iter_mut().zip(layers) {
                if matches(&rule.pattern, name) {
                    matched = true;
                    choice.weights = rule.weights.unwrap_or(choice.weights);
                    choice.activations = rule.activations.unwrap_or(choice.activations);
                }
            }
            if !matched {
                let layers = layers.join(", ");
                return Err(RecipeError::NoSuchLayer { pattern: rule.pattern.clone(), layers });
            }
        }
        Ok(choices)
    }
}

/// A quantized tensor at another width; what is kept in float stays so.
fn at_width(choice: Choice, edge: Format) -> Choice {
    match choice {
        Choice::Float => Choice::Float,
        Choice::Quantize(q) => {
            Choice::Quantize(Quantizer { format: q.format.with_bits(edge.bits()).unwrap_or(edge), ..q })
        }
    }
}

/// Whether `pattern`, in which `*` stands for any run of characters, matches `name`.
pub fn matches(pattern: &str, name: &str) -> bool {
    let Some((head, rest)) = pattern.split_once('*') else { return pattern == name };
    let Some(mut name) = name.strip_prefix(head) else { return false };
    let mut parts: Vec<&str> = rest.split('*').collect();
    let tail = parts.pop().unwrap_or("");
    for part in parts {
        let Some(at) = name.find(part) else { return false };
        name = &name[at + part.len()..];
    }
    name.len() >= tail.len() && name.ends_with(tail)
}

impl fmt::Display for RangeMethod {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MinMax => f.write_str("minmax"),
            Self::MovingAverage(c) => write!(f, "ema{c}"),
            Self::Percentile(p) => write!(f, "percentile{p}"),
            Self::Mse(2.0) => f.write_str("mse"),
            Self::Mse(p) => write!(f, "mse{p}"),
            Self::Entropy => f.write_str("entropy"),
            Self::EntropyOrt => f.write_str("entropy-ort"),
            Self::Aciq => f.write_str("aciq"),
        }
    }
}

impl FromStr for RangeMethod {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let number = |digits: &str, default: f32, low: f32, high: f32| {
            let value: f32 =
                if digits.is_empty() { default } else { digits.parse().map_err(|_| number_error(digits))? };
            if low <= value && value <= high { Ok(value) } else { Err(number_error(digits)) }
        };
        match text {
            "minmax" => Ok(Self::MinMax),
            "entropy" => Ok(Self::Entropy),
            "entropy-ort" => Ok(Self::EntropyOrt),
            "aciq" => Ok(Self::Aciq),
            _ => {
                if let Some(digits) = text.strip_prefix("ema") {
                    number(digits, 0.9, 0.0, 1.0).map(Self::MovingAverage)
                } else if let Some(digits) = text.strip_prefix("percentile") {
                    number(digits, 99.99, 50.0, 100.0).map(Self::Percentile)
                } else if let Some(digits) = text.strip_prefix("mse") {
                    number(digits, 2.0, 0.5, 8.0).map(Self::Mse)
                } else {
                    Err("the range is one of minmax, ema0.9, percentile99.99, mse, mse2.4, entropy, entropy-ort, aciq".into())
                }
            }
        }
    }
}

fn number_error(digits: &str) -> String {
    format!("`{digits}` is no number that fits there")
}

impl fmt::Display for Quantizer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.format, self.granularity)?;
        if self.range != RangeMethod::MinMax {
            write!(f, ":{}", self.range)?;
        }
        if self.shrink != 1.0 {
            write!(f, "*{}", self.shrink)?;
        }
        Ok(())
    }
}

impl fmt::Display for Choice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Float => f.write_str("float"),
            Self::Quantize(quantizer) => quantizer.fmt(f),
        }
    }
}

impl FromStr for Quantizer {
    type Err = RecipeError;

    /// Granularity and range may be left out: `tensor` and `minmax`.
    fn from_str(text: &str) -> Result<Self, RecipeError> {
        let syntax = |why: String| RecipeError::Syntax { text: text.to_owned(), why };
        let (rest, shrink) = match text.split_once('*') {
            None => (text, 1.0),
            Some((rest, digits)) => match digits.parse::<f32>() {
                Ok(factor) if factor > 0.0 && factor <= 4.0 => (rest, factor),
                _ => return Err(syntax(format!("the factor `{digits}` is not between 0 and 4"))),
            },
        };
        let (rest, range) = rest.split_once(':').unwrap_or((rest, "minmax"));
        let (format, granularity) = rest.split_once('@').unwrap_or((rest, "tensor"));
        Ok(Self {
            format: format.parse().map_err(|e: FormatError| syntax(e.to_string()))?,
            granularity: granularity.parse().map_err(|e: GranularityError| syntax(e.to_string()))?,
            range: range.parse().map_err(syntax)?,
            shrink,
        })
    }
}

impl FromStr for Choice {
    type Err = RecipeError;

    fn from_str(text: &str) -> Result<Self, RecipeError> {
        if text == "float" { Ok(Self::Float) } else { text.parse().map(Self::Quantize) }
    }
}

impl Serialize for Choice {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Choice {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}
