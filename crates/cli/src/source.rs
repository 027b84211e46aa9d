//! Where models, data and recipes come from.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use fewbit_experiment::gallery::{self, Exhibit};
use fewbit_experiment::{Command, Document, ModelRef, Part};
use fewbit_quant::{Choice, Quantizer, RangeMethod, Recipe};

use crate::args::{Data, RecipeArgs};

/// A model with the data beside it, as bytes.
pub(crate) struct Source {
    pub(crate) name: String,
    pub(crate) model: Vec<u8>,
    pub(crate) test: Option<Vec<u8>>,
    pub(crate) calibration: Option<Vec<u8>>,
    pub(crate) classes: Vec<String>,
    pub(crate) exhibit: Option<&'static Exhibit>,
}

impl Source {
    /// The model `name`, a gallery id or a file, with its own data or those of `data`.
    pub(crate) fn open(name: &str, data: &Data) -> anyhow::Result<Self> {
        let exhibit = gallery::find(name);
        let (model, mut test, mut calibration) = match exhibit {
            Some(exhibit) => {
                let folder = assets()?;
                let file = |path: &str| read(&folder.join(path.trim_start_matches("assets/")));
                (file(exhibit.model)?, Some(file(exhibit.test)?), Some(file(exhibit.calibration)?))
            }
            None if !Path::new(name).exists() => {
                let ids: Vec<&str> = gallery::ALL.iter().map(|exhibit| exhibit.id).collect();
                bail!(
                    "there is no model or file `{name}`; the models that come along are {}",
                    ids.join(", ")
                );
            }
            None => (read(Path::new(name))?, None, None),
        };
        if let Some(path) = &data.data {
            (test, calibration) = (Some(read(path)?), None);
        }
        if let Some(path) = &data.calibration {
            calibration = Some(read(path)?);
        }
        let classes = match data.data {
            Some(_) => Vec::new(),
            None => {
                exhibit.iter().flat_map(|exhibit| exhibit.classes).map(|&class| class.to_owned()).collect()
            }
        };
        Ok(Self { name: file_name(name), model, test, calibration, classes, exhibit })
    }
}

fn file_name(path: &str) -> String {
    Path::new(path).file_name().map_or_else(|| path.to_owned(), |name| name.to_string_lossy().into_owned())
}

pub(crate) fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    fs::read(path).with_context(|| format!("cannot read {}", path.display()))
}

/// The folder of models and data: `FEWBIT_ASSETS`, else that of the sources, else `assets` beside the program.
fn assets() -> anyhow::Result<PathBuf> {
    let beside = std::env::current_exe().ok().and_then(|program| Some(program.parent()?.join("assets")));
    let places = [
        std::env::var_os("FEWBIT_ASSETS").map(PathBuf::from),
        Some(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../assets")),
        beside,
    ];
    places
        .into_iter()
        .flatten()
        .find(|folder| folder.join("models").is_dir())
        .context("the models that come along are not here: set FEWBIT_ASSETS to the folder `assets`")
}

/// The recipe of these arguments. Without `--weights` every weight is int8@channel, without `--activations` inputs stay
/// in float.
pub(crate) fn recipe(args: &RecipeArgs) -> anyhow::Result<Recipe> {
    let mut recipe = match &args.recipe {
        Some(path) => serde_json::from_slice(&read(path)?)
            .with_context(|| format!("{} is no recipe", path.display()))?,
        None => Recipe { activations: Choice::Float, ..Recipe::default() },
    };
    recipe.weights = args.weights.unwrap_or(recipe.weights);
    recipe.activations = args.activations.unwrap_or(recipe.activations);
    if let Some(range) = args.range {
        recipe.weights = with_range(recipe.weights, range);
        recipe.activations = with_range(recipe.activations, range);
    }
    recipe.edges = args.edges.or(recipe.edges);
    recipe.calibration_samples = args.calibration_samples.unwrap_or(recipe.calibration_samples).max(1);
    recipe.seed = args.seed.unwrap_or(recipe.seed);
    let mut document = Document { recipe, ..Document::of(ModelRef::Gallery(String::new())) };
    for exception in &args.set {
        for command in exceptions(exception, args.range)? {
            document = document.apply(&command);
        }
    }
    Ok(document.recipe)
}

/// `PATTERN=CHOICE[,CHOICE]`.
fn exceptions(text: &str, range: Option<RangeMethod>) -> anyhow::Result<Vec<Command>> {
    let (pattern, choices) = text
        .split_once('=')
        .with_context(|| format!("--set `{text}`: write PATTERN=CHOICE, like 'stage1.*=int3@channel'"))?;
    let parts = [Part::Weights, Part::Activations];
    let choices: Vec<&str> = choices.split(',').collect();
    if choices.len() > parts.len() {
        bail!("--set `{text}`: one choice for the weights and, after a comma, one for the input");
    }
    parts
        .into_iter()
        .zip(choices)
        .filter(|(_, choice)| !choice.is_empty())
        .map(|(part, choice)| {
            let choice: Choice = choice.parse().with_context(|| format!("--set `{text}`"))?;
            let choice = range.map_or(choice, |range| with_range(choice, range));
            Ok(Command::Set { pattern: pattern.to_owned(), part, choice })
        })
        .collect()
}

/// The choice with `range` where it does not name one.
fn with_range(choice: Choice, range: RangeMethod) -> Choice {
    match choice {
        Choice::Quantize(quantizer) if quantizer.range == RangeMethod::MinMax => {
            Choice::Quantize(Quantizer { range, ..quantizer })
        }
        other => other,
    }
}
