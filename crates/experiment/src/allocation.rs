//! The bits that a GGUF file gives each tensor, as rules of a recipe: so that they can be measured on a float model.

use std::collections::{BTreeMap, BTreeSet};

use fewbit_formats::TensorEntry;
use fewbit_formats::checkpoint::to_gguf;
use fewbit_numeric::ggml::BlockType;
use fewbit_quant::{Choice, Recipe, Rule};

/// What came of reading a file's types.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Allocation {
    /// A rule for each layer that the file has a tensor for.
    pub rules: Vec<Rule>,
    /// What is only near to the file.
    pub notes: Vec<String>,
}

impl Allocation {
    /// Puts the rules before those of `recipe`, so that the recipe's own win.
    pub fn precede(&self, recipe: &mut Recipe) {
        recipe.rules.splice(0..0, self.rules.iter().cloned());
    }
}

/// The choice that is nearest to a type of ggml's, and in what it differs from that.
fn nearest(kind: BlockType) -> (&'static str, &'static str) {
    use BlockType as T;
    const SMALL_SCALES: &str = "the file's scales have few bits and share a larger one";
    const WIDE_SCALES: &str = "the file's scales have 16 bits";
    const LATTICE: &str = "the file's values lie on a lattice of its own, not on a grid";
    match kind {
        T::F32 | T::F64 | T::I64 | T::I32 => ("float", ""),
        T::F16 | T::BF16 | T::I16 => ("float", "the file's values have 16 bits"),
        T::Q4_0 => ("int4@group32", "the file uses the code −8, too, and its scales have 16 bits"),
        T::Q5_0 => ("int5@group32", "the file uses the code −16, too, and its scales have 16 bits"),
        T::Q4_1 => ("uint4@group32", WIDE_SCALES),
        T::Q5_1 => ("uint5@group32", WIDE_SCALES),
        T::Q8_0 | T::Q8_1 | T::I8 => ("int8@group32", WIDE_SCALES),
        T::Q8_K => ("int8@group256", ""),
        T::Q2_K => ("uint2@group16", SMALL_SCALES),
        T::Q3_K => ("int3@group16", SMALL_SCALES),
        T::Q4_K => ("uint4@group32", SMALL_SCALES),
        T::Q5_K => ("uint5@group32", SMALL_SCALES),
        T::Q6_K => ("int6@group16", SMALL_SCALES),
        T::IQ4_NL | T::IQ4_XS | T::MXFP4 => ("int4@group32", LATTICE),
        T::NVFP4 => ("int4@group16", LATTICE),
        T::IQ3_XXS | T::IQ3_S => ("int3@group32", LATTICE),
        T::IQ2_XXS | T::IQ2_XS | T::IQ2_S | T::IQ1_S | T::IQ1_M => ("int2@group32", LATTICE),
        T::TQ1_0 | T::TQ2_0 => ("int2@group256", WIDE_SCALES),
    }
}

/// The types of `tensors`, those of a GGUF file, as rules for `layers`, which are called as in a checkpoint of Hugging Face's or
/// of llama.cpp's.
///
/// A layer that the file has no tensor for stays as the recipe has it; that is noted, and so is what is only near to the file.
pub fn of_gguf(tensors: &[TensorEntry], layers: &[String]) -> Allocation {
    let types: BTreeMap<&str, BlockType> =
        tensors.iter().filter_map(|tensor| Some((tensor.name.as_str(), tensor.ggml()?))).collect();
    let mut allocation = Allocation::default();
    let (mut near, mut without) = (BTreeMap::<BlockType, usize>::new(), Vec::new());
    for layer in layers {
        let name = format!("{layer}.weight");
        let named = to_gguf(&name).unwrap_or(name);
        // A head without a tensor of its own is the embedding.
        let embedding = types.get("token_embd.weight").filter(|_| named == "output.weight");
        let Some(&kind) = types.get(named.as_str()).or(embedding) else {
            without.push(layer.as_str());
            continue;
        };
        let (choice, differs) = nearest(kind);
        let Ok(weights) = choice.parse::<Choice>() else { continue };
        allocation.rules.push(Rule { pattern: layer.clone(), weights: Some(weights), activations: None });
        if !differs.is_empty() {
            *near.entry(kind).or_default() += 1;
        }
    }
    for (kind, count) in near {
        let (choice, differs) = nearest(kind);
        allocation.notes.push(format!("{kind} ({count} layers) is measured as {choice}: {differs}"));
    }
    if !without.is_empty() {
        allocation.notes.push(format!("the file has no tensor for {}", without.join(", ")));
    }
    let used: BTreeSet<String> = layers
        .iter()
        .map(|layer| format!("{layer}.weight"))
        .map(|name| to_gguf(&name).unwrap_or(name))
        .collect();
    let others = tensors.iter().filter(|tensor| tensor.shape.len() > 1 && !used.contains(&tensor.name));
    let others: Vec<String> = others.map(|tensor| format!("{} ({})", tensor.name, tensor.element)).collect();
    if !others.is_empty() {
        allocation.notes.push(format!("not among the layers, so in float: {}", others.join(", ")));
    }
    allocation
}
