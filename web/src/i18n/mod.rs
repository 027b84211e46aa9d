//! Every word on the page, in a typed catalogue: a message that is missing in one language does not compile.
//!
//! One file for each part of the page. Sentence case, no colon after a label, "…" on a button that asks more.

use leptos::prelude::*;

pub mod chart;
pub mod data;
pub mod faults;
pub mod files;
pub mod graph;
pub mod layer;
pub mod layers;
pub mod learn;
pub mod model;
pub mod shell;

/// The languages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Locale {
    /// English.
    #[default]
    English,
    /// Simplified Chinese.
    Chinese,
}

/// All words of one language.
pub struct Words {
    /// Header, footer, dialogs.
    pub shell: shell::Words,
    /// The panel of layers.
    pub layers: layers::Words,
    /// The panel of the selected layer.
    pub layer: layer::Words,
    /// The graph and the facts of the model's file.
    pub graph: graph::Words,
    /// Pipelines, runs, and algorithms at work.
    pub learn: learn::Words,
    /// The panel of the model.
    pub model: model::Words,
    /// What stands around every chart.
    pub chart: chart::Words,
    /// What can go wrong.
    pub faults: faults::Words,
}

static ENGLISH: Words = Words {
    shell: shell::ENGLISH,
    layers: layers::ENGLISH,
    layer: layer::ENGLISH,
    graph: graph::ENGLISH,
    learn: learn::ENGLISH,
    model: model::ENGLISH,
    chart: chart::ENGLISH,
    faults: faults::ENGLISH,
};

static CHINESE: Words = Words {
    shell: shell::CHINESE,
    layers: layers::CHINESE,
    layer: layer::CHINESE,
    graph: graph::CHINESE,
    learn: learn::CHINESE,
    model: model::CHINESE,
    chart: chart::CHINESE,
    faults: faults::CHINESE,
};

impl Locale {
    /// The words of this language.
    pub fn words(self) -> &'static Words {
        match self {
            Self::English => &ENGLISH,
            Self::Chinese => &CHINESE,
        }
    }

    /// The language's tag, for the `lang` attribute.
    pub fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::Chinese => "zh-CN",
        }
    }
}

/// The words in the language that is set. Tracked: call it where the text is made.
pub fn words() -> &'static Words {
    expect_context::<RwSignal<Locale>>().get().words()
}
