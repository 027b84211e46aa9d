//! The panel of the selected layer: what happens inside.

pub mod causes;
pub mod channels;
pub mod controls;
pub mod errors;
pub mod formula;
pub mod head;
pub mod histogram;
pub mod looked;
pub mod noise;
pub mod switches;
pub mod tensor;
pub mod term;
pub mod weight_map;

use leptos::prelude::*;

use causes::Causes;
use channels::Channels;
use errors::ErrorsTable;
use head::Head;
use looked::Looked;
use noise::NoiseChart;
use tensor::Tensors;
use weight_map::WeightMap;

use crate::i18n::words;
use crate::state::Desk;

/// The panel of the selected layer.
#[component]
pub fn LayerPanel() -> impl IntoView {
    let looked = Looked::new(Desk::here());
    view! {
        <section class="panel layer" aria-label=move || words().layer.title>
            <Head looked />
            <div class="body">
                <div class="first">
                    <Tensors looked />
                    <div class="two">
                        <Causes looked />
                        <div class="channels"><Channels looked /></div>
                    </div>
                    <NoiseChart looked />
                </div>
                <WeightMap looked />
                <ErrorsTable looked />
            </div>
        </section>
    }
}
