//! Methods one after another.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::QuantError;
use crate::methods::{Advance, DataNeed, Method, Run, SPECS, Scene, Spec, find, spec_of};

/// A method with its settings. Written `adaround` or `adaround(iterations=500,rate=0.01)`.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    method: &'static str,
    /// What differs from the defaults.
    settings: BTreeMap<&'static str, f64>,
}

/// Methods in order. Written with commas between them; nothing is rounding to nearest.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Pipeline(Vec<Step>);

/// Why a pipeline cannot be.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum PipelineError {
    /// No method of this name.
    #[error("there is no method `{name}`; there are {known}")]
    NoSuchMethod {
        /// The name.
        name: String,
        /// The names there are.
        known: String,
    },
    /// No setting of this name.
    #[error("{method} has no setting `{name}`; it has {known}")]
    NoSuchSetting {
        /// The method.
        method: &'static str,
        /// The name.
        name: String,
        /// The names there are.
        known: String,
    },
    /// A setting that cannot be.
    #[error("{method}: {name} = {value} is not {wanted}")]
    Setting {
        /// The method.
        method: &'static str,
        /// The setting.
        name: &'static str,
        /// Its text.
        value: String,
        /// What it may be.
        wanted: String,
    },
    /// Two methods that do not go together in this order.
    #[error("{later} cannot come after {earlier}: {why}")]
    Order {
        /// The method before.
        earlier: &'static str,
        /// The method after it.
        later: &'static str,
        /// The reason, and the way out.
        why: String,
    },
    /// A text that is no pipeline.
    #[error("`{text}` is no step of a pipeline: write adaround or adaround(iterations=500)")]
    Syntax {
        /// The text.
        text: String,
    },
}

impl Step {
    /// The method of this spec with its defaults.
    pub fn new(spec: &'static Spec) -> Self {
        Self { method: spec.name, settings: BTreeMap::new() }
    }

    /// The method's name.
    pub fn name(&self) -> &'static str {
        self.method
    }

    /// What its method says of itself.
    pub fn spec(&self) -> Option<&'static Spec> {
        spec_of(self.method)
    }

    /// The method.
    pub fn method(&self) -> Option<&'static dyn Method> {
        find(self.method)
    }

    /// The value of a setting; its default if nobody set it, 0 if the method has no such setting.
    pub fn get(&self, name: &str) -> f64 {
        let parameters = self.spec().map_or(&[][..], |spec| spec.parameters);
        let default = parameters.iter().find(|parameter| parameter.name == name);
        self.settings.get(name).copied().or(default.map(|p| p.default)).unwrap_or(0.0)
    }

    /// The value of a setting that is a whole number.
    pub fn count(&self, name: &str) -> usize {
        self.get(name) as usize
    }

    /// Whether a setting that means yes or no is yes.
    pub fn flag(&self, name: &str) -> bool {
        self.get(name) != 0.0
    }

    /// Sets a setting.
    ///
    /// # Errors
    /// [`PipelineError::NoSuchSetting`] and [`PipelineError::Setting`].
    pub fn set(&mut self, name: &str, value: f64) -> Result<(), PipelineError> {
        let parameters = self.spec().map_or(&[][..], |spec| spec.parameters);
        let Some(parameter) = parameters.iter().find(|parameter| parameter.name == name) else {
            let known: Vec<&str> = parameters.iter().map(|parameter| parameter.name).collect();
            let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
            return Err(PipelineError::NoSuchSetting { method: self.method, name: name.to_owned(), known });
        };
        let [low, high] = parameter.range;
        if !(low..=high).contains(&value) || (parameter.whole && value.fract() != 0.0) {
            let kind = if parameter.whole { "a whole number" } else { "a number" };
            let wanted = format!("{kind} from {low} to {high}");
            let value = value.to_string();
            return Err(PipelineError::Setting { method: self.method, name: parameter.name, value, wanted });
        }
        if value == parameter.default {
            self.settings.remove(parameter.name);
        } else {
            self.settings.insert(parameter.name, value);
        }
        Ok(())
    }
}

impl Pipeline {
    /// These steps.
    ///
    /// # Errors
    /// [`PipelineError::Order`] where a method comes after one of a later stage, or two find the codes.
    pub fn new(steps: Vec<Step>) -> Result<Self, PipelineError> {
        for pair in steps.windows(2) {
            let [earlier, later] = pair else { continue };
            let (Some(before), Some(after)) = (earlier.spec(), later.spec()) else { continue };
            let refuse = |why: &str| {
                let (earlier, later) = (before.name, after.name);
                Err(PipelineError::Order { earlier, later, why: why.to_owned() })
            };
            if after.stage < before.stage {
                return refuse("it would undo what was done; put it first");
            }
            if before.name == after.name {
                return refuse("it would do the same again; leave one of them out");
            }
            if after.stage == before.stage && after.stage == super::Stage::Round {
                return refuse("each finds the codes anew; leave one of them out");
            }
        }
        Ok(Self(steps))
    }

    /// The steps.
    pub fn steps(&self) -> &[Step] {
        &self.0
    }

    /// Whether this is rounding to nearest.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The most that any of its methods needs to know of the data.
    pub fn data(&self) -> DataNeed {
        let needs = self.0.iter().filter_map(Step::spec).map(|spec| spec.data);
        needs.max().unwrap_or(DataNeed::Nothing)
    }
}

/// A pipeline at work: its methods one after another, unit by unit.
pub struct Progression {
    pipeline: Pipeline,
    step: usize,
    run: Option<Box<dyn Run>>,
}

impl Progression {
    /// Before the first step.
    pub fn new(pipeline: Pipeline) -> Self {
        Self { pipeline, step: 0, run: None }
    }

    /// The step that is worked on, from 0; the number of steps after the last.
    pub fn step(&self) -> usize {
        self.step
    }

    /// Whether all is done.
    pub fn is_finished(&self) -> bool {
        self.step >= self.pipeline.0.len()
    }

    /// Does the next unit of work; none after the last.
    ///
    /// # Errors
    /// [`QuantError`], also if stopped: the next call goes on from there.
    pub async fn advance(&mut self, scene: &mut Scene<'_>) -> Result<Option<Advance>, QuantError> {
        let Some(step) = self.pipeline.0.get(self.step) else { return Ok(None) };
        let run = match &mut self.run {
            Some(run) => run,
            None => {
                let method = step.method().ok_or_else(|| no_such_method(step.method))?;
                self.run.insert(method.begin(step, scene.network)?)
            }
        };
        let advance = run.advance(scene).await?;
        if advance.is_finished() {
            self.run = None;
            self.step += 1;
        }
        Ok(Some(advance))
    }
}

/// Runs a whole pipeline on `network`, for callers that wait for it.
///
/// # Errors
/// Those of [`Progression::advance`].
pub async fn run(
    pipeline: &Pipeline,
    scene: &mut Scene<'_>,
    told: &mut dyn FnMut(usize, &Advance),
) -> Result<(), QuantError> {
    let mut progression = Progression::new(pipeline.clone());
    loop {
        let step = progression.step();
        match progression.advance(scene).await? {
            Some(advance) => told(step, &advance),
            None => return Ok(()),
        }
    }
}

fn no_such_method(name: &str) -> PipelineError {
    let known: Vec<&str> = SPECS.iter().map(|spec| spec.name).collect();
    PipelineError::NoSuchMethod { name: name.to_owned(), known: known.join(", ") }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.method)?;
        if self.settings.is_empty() {
            return Ok(());
        }
        let settings: Vec<String> =
            self.settings.iter().map(|(name, value)| format!("{name}={value}")).collect();
        write!(f, "({})", settings.join(","))
    }
}

impl FromStr for Step {
    type Err = PipelineError;

    fn from_str(text: &str) -> Result<Self, PipelineError> {
        let syntax = || PipelineError::Syntax { text: text.to_owned() };
        let (name, settings) = match text.trim().split_once('(') {
            None => (text.trim(), ""),
            Some((name, rest)) => (name.trim(), rest.strip_suffix(')').ok_or_else(syntax)?),
        };
        let mut step = Self::new(spec_of(name).ok_or_else(|| no_such_method(name))?);
        for setting in settings.split(',').filter(|setting| !setting.trim().is_empty()) {
            let (name, value) = setting.split_once('=').ok_or_else(syntax)?;
            let value = value.trim().parse().map_err(|_| syntax())?;
            step.set(name.trim(), value)?;
        }
        Ok(step)
    }
}

impl fmt::Display for Pipeline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let steps: Vec<String> = self.0.iter().map(ToString::to_string).collect();
        f.write_str(&steps.join(","))
    }
}

impl FromStr for Pipeline {
    type Err = PipelineError;

    fn from_str(text: &str) -> Result<Self, PipelineError> {
        let mut steps = Vec::new();
        let (mut depth, mut start) = (0u32, 0);
        for (at, c) in text.char_indices().chain([(text.len(), ',')]) {
            match c {
                '(' => depth += 1,
                ')' => depth = depth.saturating_sub(1),
                ',' if depth == 0 || at == text.len() => {
                    let step = text.get(start..at).unwrap_or("").trim();
                    if !step.is_empty() {
                        steps.push(step.parse()?);
                    }
                    start = at + 1;
                }
                _ => {}
            }
        }
        Self::new(steps)
    }
}

impl Serialize for Pipeline {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Pipeline {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}
