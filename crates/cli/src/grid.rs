//! A grid of recipes, as JSON.
//!
//! Either an object of lists, of which every combination is a recipe (the last key changes fastest), or a list of recipes that
//! say what differs from the base.

use anyhow::{Context as _, bail};
use fewbit_quant::{Choice, Recipe};
use serde::Deserialize;
use serde_json::Value;

use crate::asked::{AskedChoice, AskedPipeline};
use crate::source::{merge, set_range};

/// Most recipes of a grid.
const MOST: usize = 100_000;

/// What a recipe of a grid may say, each as on the command line.
#[derive(Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Lists {
    weights: Vec<String>,
    activations: Vec<String>,
    edges: Vec<Option<String>>,
    range: Vec<String>,
    pipeline: Vec<String>,
    calibration_samples: Vec<u32>,
    seeds: Vec<u64>,
}

/// The recipes of the grid in `json`, each once.
pub(crate) fn recipes(json: &[u8], base: &Recipe) -> anyhow::Result<Vec<Recipe>> {
    let grid: Value = serde_json::from_slice(json)?;
    let all = match grid {
        Value::Array(list) => list
            .into_iter()
            .enumerate()
            .map(|(i, recipe)| one(recipe, base).with_context(|| format!("recipe {}", i + 1)))
            .collect::<anyhow::Result<Vec<_>>>()?,
        object => product(&serde_json::from_value(object)?, base)?,
    };
    let mut unlike: Vec<Recipe> = Vec::new();
    for recipe in all {
        if !unlike.contains(&recipe) {
            unlike.push(recipe);
        }
    }
    Ok(unlike)
}

/// A recipe of a list: as in a file of `--recipe`, and its pipeline may begin with `fold` and `range=`.
fn one(recipe: Value, base: &Recipe) -> anyhow::Result<Recipe> {
    let Value::Object(mut told) = recipe else { bail!("it is no object") };
    let pipeline = told.remove("pipeline");
    let mut recipe = merge(told, base)?;
    if let Some(text) = pipeline {
        let asked: AskedPipeline =
            text.as_str().context("the pipeline is no text")?.parse().map_err(anyhow::Error::msg)?;
        recipe.pipeline = asked.pipeline;
        set_range(&mut recipe, asked.range);
    }
    Ok(recipe)
}

fn product(lists: &Lists, base: &Recipe) -> anyhow::Result<Vec<Recipe>> {
    let lengths = [
        lists.weights.len(),
        lists.activations.len(),
        lists.edges.len(),
        lists.range.len(),
        lists.pipeline.len(),
        lists.calibration_samples.len(),
        lists.seeds.len(),
    ];
    let count = lengths.iter().fold(1usize, |product, &n| product.saturating_mul(n.max(1)));
    if count > MOST {
        bail!("it has {count} recipes; at most {MOST} are run");
    }
    (0..count).map(|index| cell(lists, lengths, index, base)).collect()
}

/// The recipe at `index` of the product.
fn cell(lists: &Lists, lengths: [usize; 7], mut index: usize, base: &Recipe) -> anyhow::Result<Recipe> {
    let mut at = [None; 7];
    for (at, &length) in at.iter_mut().zip(&lengths).rev() {
        if length > 0 {
            *at = Some(index % length);
            index /= length;
        }
    }
    let [weights, activations, edges, range, pipeline, samples, seed] = at;
    let mut recipe = base.clone();
    let mut range = match range.and_then(|i| lists.range.get(i)) {
        Some(text) => Some(text.parse().map_err(anyhow::Error::msg)?),
        None => None,
    };
    if let Some(text) = pipeline.and_then(|i| lists.pipeline.get(i)) {
        let asked: AskedPipeline = text.parse().map_err(anyhow::Error::msg).with_context(|| text.clone())?;
        recipe.pipeline = asked.pipeline;
        if range.is_some() && asked.range.is_some() {
            bail!("`range` and range= in `{text}` say the same: leave one of them out");
        }
        range = range.or(asked.range);
    }
    set_range(&mut recipe, range);
    let choice =
        |text: &String| -> anyhow::Result<Choice> { Ok(text.parse::<AskedChoice>()?.with_range(range)) };
    if let Some(text) = weights.and_then(|i| lists.weights.get(i)) {
        recipe.weights = choice(text)?;
    }
    if let Some(text) = activations.and_then(|i| lists.activations.get(i)) {
        recipe.activations = choice(text)?;
    }
    if let Some(text) = edges.and_then(|i| lists.edges.get(i)) {
        recipe.edges = text.as_ref().map(|text| text.parse()).transpose()?;
    }
    if let Some(&samples) = samples.and_then(|i| lists.calibration_samples.get(i)) {
        recipe.calibration_samples = samples.max(1);
    }
    if let Some(&seed) = seed.and_then(|i| lists.seeds.get(i)) {
        recipe.seed = seed;
    }
    Ok(recipe)
}
