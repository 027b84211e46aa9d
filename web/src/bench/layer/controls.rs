//! How one tensor of the layer becomes few bits: format, granularity, range.

use fewbit_experiment::Part;
use fewbit_numeric::format::Symmetry;
use fewbit_numeric::{Format, Granularity};
use fewbit_quant::{Choice, Quantizer, RangeMethod};
use leptos::prelude::*;

use super::looked::Looked;
use crate::i18n::words;

/// The value of the option that keeps a tensor in float.
const FLOAT: &str = "float";
const BITS: [u8; 9] = [1, 2, 3, 4, 5, 6, 7, 8, 16];
/// Signed and symmetry, in the order of the catalogue's names.
const SCHEMES: [(bool, Symmetry); 5] = [
    (true, Symmetry::Restricted),
    (true, Symmetry::Full),
    (true, Symmetry::Asymmetric),
    (false, Symmetry::Asymmetric),
    (false, Symmetry::Full),
];
const GROUPS: [u32; 4] = [16, 32, 64, 128];
/// The methods with their usual parameters.
const METHODS: [RangeMethod; 7] = [
    RangeMethod::MinMax,
    RangeMethod::MovingAverage(0.9),
    RangeMethod::Percentile(99.99),
    RangeMethod::Mse(2.0),
    RangeMethod::Entropy,
    RangeMethod::EntropyOrt,
    RangeMethod::Aciq,
];

/// A method's place in [`METHODS`] and in the catalogue.
fn place(method: RangeMethod) -> usize {
    METHODS
        .iter()
        .position(|other| std::mem::discriminant(other) == std::mem::discriminant(&method))
        .unwrap_or_default()
}

/// A method's parameter with its least and greatest value and step.
fn parameter(method: RangeMethod) -> Option<(f32, [f32; 3])> {
    match method {
        RangeMethod::MovingAverage(past) => Some((past, [0.0, 1.0, 0.01])),
        RangeMethod::Percentile(percent) => Some((percent, [50.0, 100.0, 0.01])),
        RangeMethod::Mse(power) => Some((power, [0.5, 8.0, 0.1])),
        _ => None,
    }
}

/// The method with another parameter, as near as is allowed.
fn with_parameter(method: RangeMethod, value: f32) -> RangeMethod {
    let value = parameter(method).map_or(value, |(_, [low, high, _])| value.clamp(low, high));
    match method {
        RangeMethod::MovingAverage(_) => RangeMethod::MovingAverage(value),
        RangeMethod::Percentile(_) => RangeMethod::Percentile(value),
        RangeMethod::Mse(_) => RangeMethod::Mse(value),
        other => other,
    }
}

/// The controls of one tensor of the layer that is looked at.
#[component]
pub fn Controls(
    /// The layer that is looked at.
    looked: Looked,
    /// Weights or input.
    part: Part,
) -> impl IntoView {
    let on_pick = Callback::new(move |choice| looked.set(part, choice, None));
    view! { <ChoiceControls part choice=looked.asked(part) usual=Callback::new(move |()| looked.usual(part)) on_pick /> }
}

/// The controls of any tensor.
#[component]
pub fn ChoiceControls(
    /// Weights or input.
    part: Part,
    /// What is chosen now.
    choice: Memo<Choice>,
    /// What a tensor gets that comes back from float.
    usual: Callback<(), Quantizer>,
    /// Takes another choice.
    on_pick: Callback<Choice>,
) -> impl IntoView {
    let is_float = move || choice.get() == Choice::Float;
    let change = move |change: &dyn Fn(&mut Quantizer)| {
        if let Choice::Quantize(mut quantizer) = choice.get_untracked() {
            change(&mut quantizer);
            on_pick.run(Choice::Quantize(quantizer));
        }
    };
    view! {
        <div class="controls" role="group" aria-label=move || match part {
            Part::Weights => words().layer.controls_of_weights,
            Part::Activations => words().layer.controls_of_input,
        }>
            <FormatSelect choice usual on_pick />
            <Show when=move || !is_float()>
                <GranularitySelect part choice on_pick=Callback::new(move |granularity| change(&|q| q.granularity = granularity)) />
                <RangeSelect choice on_pick=Callback::new(move |range| change(&|q| q.range = range)) />
            </Show>
        </div>
    }
}

#[component]
fn FormatSelect(
    choice: Memo<Choice>,
    usual: Callback<(), Quantizer>,
    on_pick: Callback<Choice>,
) -> impl IntoView {
    let value = Memo::new(move |_| {
        choice.get().quantizer().map_or_else(|| FLOAT.to_owned(), |q| q.format.to_string())
    });
    let on_change = move |event| {
        let text = event_target_value(&event);
        let next = match text.parse::<Format>() {
            Ok(format) => {
                let quantizer = choice.get_untracked().quantizer().unwrap_or_else(|| usual.run(()));
                Choice::Quantize(Quantizer { format, ..quantizer })
            }
            Err(_) => Choice::Float,
        };
        on_pick.run(next);
    };
    let groups = SCHEMES.iter().enumerate().map(|(i, &(signed, symmetry))| {
        let formats = BITS.iter().filter_map(move |&bits| Format::new(bits, signed, symmetry).ok());
        view! {
            <optgroup label=move || words().layer.schemes[i]>
                {formats.map(|format| view! { <Option value=format.to_string() now=value>{format.to_string()}</Option> }).collect_view()}
            </optgroup>
        }
    });
    view! {
        <select class="chip" aria-label=move || words().layer.format title=move || words().layer.format_hint on:change=on_change>
            <Option value=FLOAT.to_owned() now=value>{move || words().layer.keep_in_float}</Option>
            {groups.collect_view()}
        </select>
    }
}

#[component]
fn GranularitySelect(part: Part, choice: Memo<Choice>, on_pick: Callback<Granularity>) -> impl IntoView {
    let value = Memo::new(move |_| choice.get().quantizer().map(|q| q.granularity));
    let text = Memo::new(move |_| value.get().map(|granularity| granularity.to_string()).unwrap_or_default());
    // An input has no groups of weights, so only a recipe from elsewhere asks for them.
    let offered = Memo::new(move |_| {
        let groups = GROUPS.map(Granularity::Group);
        let mut offered = vec![Granularity::Tensor, Granularity::Channel];
        offered.extend(groups.iter().filter(|_| part == Part::Weights));
        offered.extend(value.get().filter(|now| !offered.contains(now)));
        offered
    });
    let on_change = move |event| {
        if let Ok(granularity) = event_target_value(&event).parse() {
            on_pick.run(granularity);
        }
    };
    view! {
        <select class="chip" aria-label=move || words().layer.granularity title=move || words().layer.granularity_hint on:change=on_change>
            <For each=move || offered.get() key=|granularity| *granularity let(granularity)>
                <Option value=granularity.to_string() now=text>{move || (words().layer.granularity_name)(granularity)}</Option>
            </For>
        </select>
    }
}

#[component]
fn RangeSelect(choice: Memo<Choice>, on_pick: Callback<RangeMethod>) -> impl IntoView {
    let method = Memo::new(move |_| choice.get().quantizer().map_or(RangeMethod::MinMax, |q| q.range));
    let now = Memo::new(move |_| place(method.get()).to_string());
    let on_change = move |event| {
        let picked = event_target_value(&event).parse::<usize>().ok().and_then(|i| METHODS.get(i).copied());
        if let Some(method) = picked {
            on_pick.run(method);
        }
    };
    let number = Memo::new(move |_| parameter(method.get()));
    let has_number = move || number.get().is_some();
    let bound = move |i: usize| number.get().map_or_else(String::new, |(_, bounds)| bounds[i].to_string());
    let on_number = move |event| {
        if let Ok(value) = event_target_value(&event).parse::<f32>()
            && value.is_finite()
        {
            on_pick.run(with_parameter(method.get_untracked(), value));
        }
    };
    let hint = move || words().layer.method_hints[place(method.get())];
    view! {
        <select class="chip" aria-label=move || words().layer.range_method title=hint on:change=on_change>
            {(0..METHODS.len()).map(|i| view! {
                <Option value=i.to_string() now>{move || words().layer.methods[i]}</Option>
            }).collect_view()}
        </select>
        <Show when=has_number>
            <input
                class="number"
                type="number"
                min=move || bound(0)
                max=move || bound(1)
                step=move || bound(2)
                aria-label=move || words().layer.parameters[place(method.get())]
                title=move || words().layer.parameters[place(method.get())]
                prop:value=move || number.get().map(|(value, _)| value.to_string()).unwrap_or_default()
                on:change=on_number
            />
        </Show>
    }
}

/// An option that is selected while `now` is its value.
#[component]
fn Option(value: String, now: Memo<String>, children: Children) -> impl IntoView {
    let own = value.clone();
    view! { <option value=value prop:selected=move || now.with(|now| *now == own)>{children()}</option> }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_method_is_offered_once_and_keeps_its_parameter() {
        for (i, &method) in METHODS.iter().enumerate() {
            assert_eq!(place(method), i);
        }
        assert_eq!(place(RangeMethod::Mse(2.4)), 3);
        assert_eq!(with_parameter(RangeMethod::Percentile(99.0), 12.0), RangeMethod::Percentile(50.0));
        assert_eq!(with_parameter(RangeMethod::Entropy, 12.0), RangeMethod::Entropy);
    }

    #[test]
    fn every_scheme_has_every_width() {
        let formats = SCHEMES.map(|(signed, symmetry)| BITS.map(|bits| Format::new(bits, signed, symmetry)));
        let mut texts: Vec<_> = formats.as_flattened().iter().flatten().map(Format::to_string).collect();
        texts.sort();
        texts.dedup();
        assert_eq!(texts.len(), 45);
    }
}
