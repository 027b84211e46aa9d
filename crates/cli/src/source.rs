//! Where models, data and recipes come from.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Component, Path, PathBuf};

use anyhow::{Context as _, bail};
use fewbit_experiment::allocation::{self, Allocation};
use fewbit_experiment::gallery::{self, Exhibit};
use fewbit_experiment::{Command, Document, ModelRef, Part, engine};
use fewbit_formats::checkpoint::{LENGTH, TOKENS};
use fewbit_formats::{Kind, Limits, onnx};
use fewbit_quant::{Choice, RangeMethod, Recipe};
use fewbit_runtime::cpu::Cpu;
use serde_json::{Map, Value};

use crate::args::{self, Data, OwnData, RecipeArgs};
use crate::asked::{AskedChoice, AskedPipeline, Exception};
use crate::checkpoint::Checkpoint;
use crate::commands::tensors;
use crate::own_data;

/// A model with the data beside it, as bytes.
pub(crate) struct Source {
    pub(crate) name: String,
    pub(crate) model: Vec<u8>,
    pub(crate) test: Option<Vec<u8>>,
    pub(crate) calibration: Option<Vec<u8>>,
    pub(crate) classes: Vec<String>,
    pub(crate) exhibit: Option<&'static Exhibit>,
    /// What lengths that the model leaves free are to be.
    pub(crate) lengths: BTreeMap<String, usize>,
    /// How data of one's own were read, where that had to be inferred.
    pub(crate) own: Option<Value>,
    pub(crate) notes: Vec<String>,
    /// Lengths that a checkpoint was read with.
    pub(crate) taken: BTreeMap<String, usize>,
}

impl Source {
    /// The model, a gallery id or a file, with its own data or those of `data`.
    pub(crate) fn open(model: &args::Model, data: &Data) -> anyhow::Result<Self> {
        Self::open_for(model, data, &BTreeMap::new())
    }

    /// The same for inputs of these shapes.
    pub(crate) fn open_for(
        model: &args::Model,
        data: &Data,
        shapes: &BTreeMap<String, Vec<usize>>,
    ) -> anyhow::Result<Self> {
        let (name, mut lengths, mut taken) = (model.name.as_str(), model.lengths(), BTreeMap::new());
        let exhibit = gallery::find(name);
        let (model, test, calibration) = match exhibit {
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
            None => match Checkpoint::open(Path::new(name))? {
                None => match tensors::open(Path::new(name))? {
                    Some(_) => bail!("{name}: {}", Kind::Safetensors.advice().unwrap_or_default()),
                    None => (whole(Path::new(name))?, None, None),
                },
                Some(mut checkpoint) => {
                    if let Some(&[_, length]) = shapes.get(TOKENS).map(Vec::as_slice) {
                        lengths.entry(LENGTH.to_owned()).or_insert(length);
                    }
                    let import = checkpoint.model(&std::mem::take(&mut lengths))?;
                    let bytes = import.to_onnx()?;
                    taken = import.lengths;
                    (bytes, None, None)
                }
            },
        };
        let classes =
            exhibit.iter().flat_map(|exhibit| exhibit.classes).map(|&class| class.to_owned()).collect();
        let (name, own, notes) = (file_name(name), None, Vec::new());
        let mut source =
            Self { name, model, test, calibration, classes, exhibit, lengths, taken, own, notes };
        if let Some(path) = &data.data {
            let (samples, classes) = source.samples(path, &data.own)?;
            (source.test, source.calibration, source.classes) = (Some(samples), None, classes);
        }
        if let Some(path) = &data.calibration {
            source.calibration = Some(source.samples(path, &data.own)?.0);
        }
        Ok(source)
    }

    /// What lies at `path` as an npz archive, with the names of its classes.
    fn samples(&mut self, path: &Path, asked: &OwnData) -> anyhow::Result<(Vec<u8>, Vec<String>)> {
        if !own_data::is_own(path) {
            return Ok((read(path)?, Vec::new()));
        }
        let own = own_data::open(path, &own_data::wanted(&self.look()?, &self.classes)?, asked)?;
        self.own.get_or_insert_with(|| own.to_json());
        let bytes = own.samples.to_npz(false)?;
        self.notes.extend(own.samples.notes);
        Ok((bytes, own.samples.classes))
    }

    /// The model by itself, read and not run.
    pub(crate) fn look(&self) -> anyhow::Result<engine::Bench> {
        let cpu = Cpu::new();
        Ok(engine::Bench::read(&self.name, &self.model, &self.lengths, [None, None], Vec::new(), &cpu)?)
    }
}

/// A model's bytes with the values that it keeps in files beside it.
fn whole(path: &Path) -> anyhow::Result<Vec<u8>> {
    let bytes = read(path)?;
    let limits = Limits::default();
    // What is no model is refused by whoever reads it, with a better reason.
    let Ok(names) = onnx::external_files(&bytes, &limits) else { return Ok(bytes) };
    if names.is_empty() {
        return Ok(bytes);
    }
    let folder = path.parent().unwrap_or(Path::new(""));
    let mut files = BTreeMap::new();
    for name in names {
        let inside = Path::new(&name)
            .components()
            .all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
        if !inside {
            bail!("{} keeps values in `{name}`, which is not beside it; move the file there", path.display());
        }
        files.insert(name.clone(), read(&folder.join(&name))?);
    }
    onnx::embed(&bytes, &files, &limits).with_context(|| path.display().to_string())
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
    let base = Recipe { activations: Choice::Float, ..Recipe::default() };
    let mut recipe = match &args.recipe {
        Some(path) => {
            read_recipe(&read(path)?, &base).with_context(|| format!("{} is no recipe", path.display()))?
        }
        None => base,
    };
    let AskedPipeline { pipeline, range } = args.pipeline.clone().unwrap_or_default();
    if args.range.is_some() && range.is_some() {
        bail!("--range and range= in --pipeline say the same: leave one of them out");
    }
    let range = args.range.or(range);
    set_range(&mut recipe, range);
    let asked = |choice: Option<AskedChoice>, or: Choice| choice.map_or(or, |asked| asked.with_range(range));
    recipe.weights = asked(args.weights, recipe.weights);
    recipe.activations = asked(args.activations, recipe.activations);
    if args.pipeline.is_some() {
        recipe.pipeline = pipeline;
    }
    recipe.edges = args.edges.or(recipe.edges);
    recipe.calibration_samples = args.calibration_samples.unwrap_or(recipe.calibration_samples);
    recipe.seed = args.seed.unwrap_or(recipe.seed);
    let mut document = Document { recipe, ..Document::of(ModelRef::Gallery(String::new())) };
    for Exception { pattern, weights, activations } in &args.set {
        for (part, asked) in [(Part::Weights, weights), (Part::Activations, activations)] {
            if let Some(asked) = asked {
                let choice = asked.with_range(range);
                document = document.apply(&Command::Set { pattern: pattern.clone(), part, choice });
            }
        }
    }
    Ok(document.recipe)
}

/// The types of the GGUF file that `--allocation` names, as rules for these layers; nothing without one.
pub(crate) fn allocation(args: &RecipeArgs, layers: &[String]) -> anyhow::Result<Allocation> {
    let Some(path) = &args.allocation else { return Ok(Allocation::default()) };
    let place = path.display();
    let checkpoint = Checkpoint::open(path)?.filter(|checkpoint| checkpoint.weights.is_gguf());
    let Some(checkpoint) = checkpoint else { bail!("{place} is no GGUF file") };
    let tensors: Vec<_> = checkpoint.weights.tensors().cloned().collect();
    let allocation = allocation::of_gguf(&tensors, layers);
    if allocation.rules.is_empty() {
        bail!("{place} has no tensor for any layer of the model; the layers are {}", layers.join(", "));
    }
    Ok(allocation)
}

/// Gives every choice that names no range this one.
pub(crate) fn set_range(recipe: &mut Recipe, range: Option<RangeMethod>) {
    let ranged = |choice: Choice| AskedChoice::from(choice).with_range(range);
    for rule in &mut recipe.rules {
        rule.weights = rule.weights.map(ranged);
        rule.activations = rule.activations.map(ranged);
    }
    recipe.weights = ranged(recipe.weights);
    recipe.activations = ranged(recipe.activations);
}

/// The recipe in `json`; what it leaves out is as in `base`.
fn read_recipe(json: &[u8], base: &Recipe) -> anyhow::Result<Recipe> {
    merge(serde_json::from_slice(json)?, base)
}

/// `base` with what is `told`.
pub(crate) fn merge(told: Map<String, Value>, base: &Recipe) -> anyhow::Result<Recipe> {
    let mut whole = serde_json::to_value(base)?;
    for (key, value) in told {
        whole[key] = value;
    }
    let recipe: Recipe = serde_json::from_value(whole)?;
    if recipe.calibration_samples == 0 {
        bail!("calibration_samples is 0; at least one is needed");
    }
    Ok(recipe)
}
