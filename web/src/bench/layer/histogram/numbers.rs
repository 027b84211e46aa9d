//! The numbers below a histogram: how many values, from where to where, how many are lost.

use fewbit_experiment::Part;
use fewbit_quant::report::TensorView;
use leptos::prelude::*;

use super::plot::is_quantized;
use crate::bench::layer::formula;
use crate::bench::layer::looked::Looked;
use crate::bench::layer::term::Term;
use crate::i18n::words;
use crate::ui::format;

/// The numbers.
#[component]
pub fn Numbers(
    /// The layer that is looked at.
    looked: Looked,
    /// Weights or input.
    part: Part,
    /// The tensor.
    tensor: Memo<Option<TensorView>>,
) -> impl IntoView {
    let of = move |show: fn(&TensorView) -> Option<String>| {
        Memo::new(move |_| tensor.with(|tensor| show(tensor.as_ref()?)))
    };
    let n = of(|tensor| Some(format::count(tensor.n)));
    let range = of(|tensor| {
        let [low, high] = [tensor.range.min, tensor.range.max].map(|x| format::significant(x.into()));
        Some(format!("{low} … {high}"))
    });
    let scale = of(|tensor| {
        let grid = tensor.grid?;
        let [scale, zero] = [format::significant(grid.scale.into()), formula::zero_point(grid)];
        Some(format!("{} = {scale}, z = {zero}", formula::scale_name(grid)))
    });
    let outliers = of(|tensor| {
        let n = tensor.outside.iter().chain(&tensor.clipped).sum::<u64>();
        let share = format::percent(n as f64 / tensor.n.max(1) as f64);
        let text = if n == 0 { "0".to_owned() } else { format!("{} ({share})", format::count(n)) };
        is_quantized(tensor).then_some(text)
    });
    let n_meaning = move || match part {
        Part::Weights => words().layer.n_weights_meaning,
        Part::Activations => words().layer.n_input_meaning,
    };
    view! {
        <p class="numbers" class:stale=looked.stale hidden=move || n.with(Option::is_none)>
            <span><Term meaning=Signal::derive(move || n_meaning().to_owned())>"n"</Term>" = "<b>{n}</b></span>
            <span><Term meaning=Signal::derive(move || words().layer.range_meaning.to_owned())>{move || words().layer.range}</Term>" "<b>{range}</b></span>
            <span hidden=move || scale.with(Option::is_none)>
                <Term meaning=Signal::derive(move || words().layer.grid_meaning.to_owned())>{move || words().layer.grid_name}</Term>" "<b>{scale}</b>
            </span>
            <span hidden=move || outliers.with(Option::is_none)>
                <Term meaning=Signal::derive(move || words().layer.outliers_meaning.to_owned())>{move || words().layer.outliers}</Term>" "<b>{outliers}</b>
            </span>
        </p>
    }
}
