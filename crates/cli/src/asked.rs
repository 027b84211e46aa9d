//! Choices, exceptions and pipelines as they are written on a command line.

use std::str::FromStr;

use fewbit_quant::methods::{PipelineError, Stage};
use fewbit_quant::recipe::RecipeError;
use fewbit_quant::{Choice, Pipeline, Quantizer, RangeMethod};

/// A choice, and whether its text names a range.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AskedChoice {
    choice: Choice,
    names_range: bool,
}

impl AskedChoice {
    /// The choice, with `range` if it names none.
    pub(crate) fn with_range(self, range: Option<RangeMethod>) -> Choice {
        match (self.choice, range) {
            (Choice::Quantize(quantizer), Some(range)) if !self.names_range => {
                Choice::Quantize(Quantizer { range, ..quantizer })
            }
            (choice, _) => choice,
        }
    }
}

impl From<Choice> for AskedChoice {
    /// A choice of a recipe, where min-max goes without saying.
    fn from(choice: Choice) -> Self {
        let names_range = choice.quantizer().is_some_and(|q| q.range != RangeMethod::MinMax);
        Self { choice, names_range }
    }
}

impl FromStr for AskedChoice {
    type Err = RecipeError;

    fn from_str(text: &str) -> Result<Self, RecipeError> {
        Ok(Self { choice: text.parse()?, names_range: text.contains(':') })
    }
}

/// An exception to the base of a recipe.
#[derive(Clone, Debug)]
pub(crate) struct Exception {
    pub(crate) pattern: String,
    pub(crate) weights: Option<AskedChoice>,
    pub(crate) activations: Option<AskedChoice>,
}

impl FromStr for Exception {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let usage = "write PATTERN=CHOICE, like 'stage1.*=int3@channel'";
        let (pattern, choices) = text.split_once('=').ok_or(usage)?;
        let (weights, activations) = choices.split_once(',').unwrap_or((choices, ""));
        let read = |text: &str| -> Result<Option<AskedChoice>, String> {
            let choice = (!text.is_empty()).then(|| text.parse()).transpose();
            choice.map_err(|error: RecipeError| error.to_string())
        };
        let exception =
            Self { pattern: pattern.to_owned(), weights: read(weights)?, activations: read(activations)? };
        match &exception {
            Self { weights: None, activations: None, .. } => Err(usage.to_owned()),
            _ => Ok(exception),
        }
    }
}

/// A pipeline, with the words before it that are no methods: `fold`, which is always done, and `range=mse`, which says how
/// ranges are found where a choice does not.
#[derive(Clone, Debug, Default)]
pub(crate) struct AskedPipeline {
    pub(crate) pipeline: Pipeline,
    pub(crate) range: Option<RangeMethod>,
}

impl FromStr for AskedPipeline {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut asked = Self::default();
        let mut methods: Vec<&str> = Vec::new();
        for step in top_level(text) {
            if step == "fold" {
                if !methods.is_empty() || asked.range.is_some() {
                    return Err("fold comes first: BatchNorms are folded before anything else is done".into());
                }
            } else if let Some(range) = step.strip_prefix("range=") {
                let before: Pipeline =
                    methods.join(",").parse().map_err(|error: PipelineError| error.to_string())?;
                let is_late = |step: &fewbit_quant::methods::Step| {
                    step.spec().is_some_and(|spec| spec.stage > Stage::Range)
                };
                if let Some(late) = before.steps().iter().find(|step| is_late(step)) {
                    return Err(format!("range={range} cannot come after {}: put it before", late.name()));
                }
                if asked.range.replace(range.parse()?).is_some() {
                    return Err("there is more than one range=".into());
                }
            } else {
                methods.push(step);
            }
        }
        asked.pipeline = methods.join(",").parse().map_err(|error: PipelineError| error.to_string())?;
        Ok(asked)
    }
}

/// The parts between commas that are in no parentheses.
fn top_level(text: &str) -> Vec<&str> {
    let (mut depth, mut start, mut parts) = (0usize, 0, Vec::new());
    for (at, c) in text.char_indices() {
        match c {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                parts.extend(text.get(start..at));
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.extend(text.get(start..));
    parts.into_iter().map(str::trim).filter(|part| !part.is_empty()).collect()
}
