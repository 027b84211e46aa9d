//! The layer that is looked at: what is known of it, and how it is changed.

use fewbit_experiment::{Command, Part, View};
use fewbit_numeric::{Format, Granularity};
use fewbit_quant::report::{LayerFacts, LayerReport, LayerView, TensorView};
use fewbit_quant::{Choice, LayerChoice, Quantizer};
use leptos::prelude::*;

use crate::bench::layers;
use crate::state::{Desk, Of};

/// The layer that is looked at.
#[derive(Clone, Copy)]
pub struct Looked {
    /// The page's desk.
    pub desk: Desk,
    /// Its place among the layers.
    pub index: Memo<u32>,
    /// The channel that its weights are narrowed to.
    pub channel: Memo<Option<u32>>,
    /// What it is.
    pub facts: Memo<Option<LayerFacts>>,
    /// What the recipe asks of it.
    pub choice: Memo<Option<LayerChoice>>,
    /// Whether what is shown of it is not of the newest recipe, or not of this layer or channel.
    pub stale: Memo<bool>,
}

impl Looked {
    /// Follows the selected layer of `desk`.
    pub fn new(desk: Desk) -> Self {
        let index = desk.part(|document| document.view.layer);
        let channel = desk.part(|document| document.view.channel);
        let facts = Memo::new(move |_| {
            desk.results.facts.with(|facts| facts.as_ref()?.layers.get(index.get() as usize).cloned())
        });
        let choices = layers::choices(desk);
        let choice = Memo::new(move |_| choices.with(|choices| choices.get(index.get() as usize).copied()));
        let stale = Memo::new(move |_| {
            desk.results.view.with(|view| {
                view.as_ref().is_some_and(|Of { revision, value }| {
                    desk.is_stale(*revision) || value.layer != index.get() || value.channel != channel.get()
                })
            })
        });
        Self { desk, index, channel, facts, choice, stale }
    }

    /// A part of what the engine said of the layer; it changes only if it does.
    pub fn seen<T: PartialEq + Send + Sync + 'static>(
        self,
        of: impl Fn(&LayerView) -> T + Send + Sync + 'static,
    ) -> Memo<Option<T>> {
        Memo::new(move |_| self.desk.results.view.with(|view| view.as_ref().map(|view| of(&view.value))))
    }

    /// Its weights or its input, as far as the engine has seen them.
    pub fn tensor(self, part: Part) -> Memo<Option<TensorView>> {
        Memo::new(move |_| {
            self.desk.results.view.with(|view| {
                let view = &view.as_ref()?.value;
                match part {
                    Part::Weights => Some(view.weights.clone()),
                    Part::Activations => view.input.clone(),
                }
            })
        })
    }

    /// Its report with the errors of its output, and whether that is out of date.
    pub fn measured(self) -> Memo<Option<(LayerReport, bool)>> {
        Memo::new(move |_| self.report(self.desk.results.layers))
    }

    /// Its report as soon as the recipe is applied, and whether that is out of date.
    pub fn applied(self) -> Memo<Option<(LayerReport, bool)>> {
        Memo::new(move |_| self.report(self.desk.results.applied))
    }

    fn report(self, reports: RwSignal<Option<Of<Vec<LayerReport>>>>) -> Option<(LayerReport, bool)> {
        reports.with(|reports| {
            let Of { revision, value } = reports.as_ref()?;
            Some((value.get(self.index.get() as usize)?.clone(), self.desk.is_stale(*revision)))
        })
    }

    /// What the recipe asks of a part of it.
    pub fn asked(self, part: Part) -> Memo<Choice> {
        Memo::new(move |_| {
            self.choice.get().map_or(Choice::Float, |choice| match part {
                Part::Weights => choice.weights,
                Part::Activations => choice.activations,
            })
        })
    }

    /// What a part gets that comes back from float: the base, or the usual where the base is float too.
    pub fn usual(self, part: Part) -> Quantizer {
        let recipe = self.desk.document().recipe;
        match part {
            Part::Weights => recipe.weights.quantizer(),
            Part::Activations => recipe.activations.quantizer(),
        }
        .unwrap_or(match part {
            Part::Weights => Quantizer::new(Format::INT8, Granularity::Channel),
            Part::Activations => Quantizer::new(Format::UINT8, Granularity::Tensor),
        })
    }

    /// Sets a part of this layer alone; a drag's changes are one step back.
    pub fn set(self, part: Part, choice: Choice, gesture: Option<u64>) {
        let Some(facts) = self.facts.get_untracked() else { return };
        let command = Command::Set { pattern: facts.name, part, choice };
        match gesture {
            Some(gesture) => self.desk.dispatch_in(gesture, command),
            None => self.desk.dispatch(command),
        }
    }

    /// Looks at something else.
    pub fn look(self, change: impl FnOnce(&mut View)) {
        let mut view = self.desk.document().view;
        change(&mut view);
        self.desk.dispatch(Command::Look(view));
    }

    /// Narrows the weights to a channel, or widens them again if it is that one already.
    pub fn toggle_channel(self, channel: u32) {
        self.look(|view| view.channel = if view.channel == Some(channel) { None } else { Some(channel) });
    }
}
