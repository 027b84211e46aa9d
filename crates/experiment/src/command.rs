//! The only ways in which a document changes.

use fewbit_numeric::Format;
use fewbit_quant::{Choice, Pipeline, Recipe, Rule};
use serde::{Deserialize, Serialize};

use crate::document::{Document, ModelRef, View};

/// The two tensors of a layer that are quantized.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Part {
    /// Its weights.
    Weights,
    /// Its input.
    Activations,
}

/// A change of the document.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Command {
    /// Puts another model on the bench, at the default recipe.
    Open(ModelRef),
    /// Says what a length that the model's file leaves free is to be; none takes it back.
    SetLength {
        /// The length.
        name: String,
        /// What it is to be.
        length: Option<usize>,
    },
    /// Sets a part of every layer that `pattern` matches (`*` stands for any run of characters).
    Set {
        /// Layer names.
        pattern: String,
        /// Weights or input.
        part: Part,
        /// What is done to it.
        choice: Choice,
    },
    /// Sets the width of the first and the last layer.
    SetEdges(Option<Format>),
    /// Sets how many calibration samples the observers see.
    SetCalibration(u32),
    /// Sets the seed of every random draw.
    SetSeed(u64),
    /// Sets the methods that start from rounding to nearest.
    SetPipeline(Pipeline),
    /// Replaces the recipe: a preset, or a return to something tried before.
    SetRecipe(Recipe),
    /// Takes back every setting of one layer, so that the base holds again.
    ResetLayer(String),
    /// Goes back to the default recipe.
    Reset,
    /// Looks at something else.
    Look(View),
    /// Becomes another document: a link.
    Replace(Box<Document>),
}

impl Command {
    /// Whether this only changes what is looked at, and so is not undone.
    pub fn is_view(&self) -> bool {
        matches!(self, Self::Look(_))
    }
}

impl Document {
    /// The document after `command`.
    #[must_use]
    pub fn apply(&self, command: &Command) -> Self {
        let mut next = self.clone();
        match command {
            Command::Open(model) => next = Self::of(model.clone()),
            Command::SetLength { name, length: Some(length) } => {
                next.lengths.insert(name.clone(), *length);
            }
            Command::SetLength { name, length: None } => drop(next.lengths.remove(name)),
            Command::Set { pattern, part, choice } => set(&mut next.recipe, pattern, *part, *choice),
            Command::SetEdges(format) => next.recipe.edges = *format,
            Command::SetCalibration(samples) => next.recipe.calibration_samples = (*samples).max(1),
            Command::SetSeed(seed) => next.recipe.seed = *seed,
            Command::SetPipeline(pipeline) => next.recipe.pipeline = pipeline.clone(),
            Command::SetRecipe(recipe) => next.recipe = recipe.clone(),
            Command::ResetLayer(name) => next.recipe.rules.retain(|rule| rule.pattern != *name),
            Command::Reset => next.recipe = Recipe::default(),
            Command::Look(view) => next.view = view.clone(),
            Command::Replace(document) => next = (**document).clone(),
        }
        next
    }
}

/// Keeps one rule for each pattern, and none that says what a later one says again.
fn set(recipe: &mut Recipe, pattern: &str, part: Part, choice: Choice) {
    if pattern == "*" {
        // Everything: the base, and no exceptions to it.
        match part {
            Part::Weights => recipe.weights = choice,
            Part::Activations => recipe.activations = choice,
        }
        for rule in &mut recipe.rules {
            *slot(rule, part) = None;
        }
    } else {
        let others = recipe.rules.iter().position(|rule| rule.pattern == pattern);
        let mut rule = match others {
            Some(at) => recipe.rules.remove(at),
            None => Rule { pattern: pattern.to_owned(), weights: None, activations: None },
        };
        *slot(&mut rule, part) = Some(choice);
        if pattern.contains('*') {
            for earlier in &mut recipe.rules {
                if fewbit_quant::recipe::matches(pattern, &earlier.pattern) {
                    *slot(earlier, part) = None;
                }
            }
        }
        recipe.rules.push(rule);
    }
    recipe.rules.retain(|rule| rule.weights.is_some() || rule.activations.is_some());
}

fn slot(rule: &mut Rule, part: Part) -> &mut Option<Choice> {
    match part {
        Part::Weights => &mut rule.weights,
        Part::Activations => &mut rule.activations,
    }
}
