//! What a checkpoint is refused for, in words.

use std::collections::BTreeMap;
use std::io::Cursor;

use fewbit_formats::checkpoint::{self, Weights, shards};
use fewbit_formats::safetensors::{self, Dtype, Entry};
use fewbit_formats::{Limits, TensorFile};

use crate::weights;

fn refusal(name: &str, change: impl Fn(&mut serde_json::Value)) -> String {
    let (mut weights, config) = weights(name);
    let mut config: serde_json::Value = serde_json::from_slice(&config.unwrap()).unwrap();
    change(&mut config);
    let config = serde_json::to_vec(&config).unwrap();
    let read = checkpoint::read(&mut weights, Some(&config), &BTreeMap::new(), &Limits::default());
    read.unwrap_err().to_string()
}

#[test]
fn an_unknown_architecture_is_named_beside_the_known_ones() {
    let said = refusal("llama", |config| config["architectures"] = serde_json::json!(["MambaForCausalLM"]));
    assert!(
        said.contains("MambaForCausalLM") && said.contains("LlamaForCausalLM, MistralForCausalLM"),
        "{said}"
    );
    let said = refusal("llama", |config| config["architectures"] = serde_json::Value::Null);
    assert!(said.contains("architectures is missing"), "{said}");
}

#[test]
fn a_tensor_that_does_not_fit_the_configuration_is_named() {
    let said = refusal("llama", |config| config["num_hidden_layers"] = 3.into());
    assert!(said.contains("the tensor `model.layers.2.input_layernorm.weight` is missing"), "{said}");
    let said = refusal("llama", |config| config["intermediate_size"] = 48.into());
    assert!(said.contains("model.layers.0.mlp.gate_proj.weight") && said.contains("[48, 32]"), "{said}");
    let said = refusal("vit", |config| config["image_size"] = 32.into());
    assert!(said.contains("vit.embeddings.position_embeddings"), "{said}");
}

#[test]
fn a_configuration_that_contradicts_itself_is_refused() {
    let cases: [(&str, &str, serde_json::Value, &str); 12] = [
        ("stablelm", "use_parallel_residual", true.into(), "use_parallel_residual is true"),
        ("stablelm", "partial_rotary_factor", 0.4.into(), "how many numbers of a head are turned is 3"),
        ("distilbert", "n_heads", 5.into(), "num_attention_heads is 5; it has to be a divisor of 32"),
        ("llama", "num_attention_heads", 5.into(), "num_attention_heads is 5; it has to be a divisor of 32"),
        ("llama", "num_key_value_heads", 3.into(), "it has to be a divisor of 4"),
        ("llama", "hidden_size", 0.into(), "hidden_size is 0"),
        ("llama", "hidden_size", u64::MAX.into(), "hidden_size is"),
        ("llama", "num_hidden_layers", u64::MAX.into(), "num_hidden_layers is"),
        ("llama", "rope_theta", (-1).into(), "rope_theta is -1"),
        ("llama", "hidden_act", "mish".into(), "the activation function is mish"),
        (
            "llama",
            "rope_scaling",
            serde_json::json!({ "rope_type": "yarn", "factor": 2 }),
            "is yarn; it has to be default",
        ),
        ("vit", "patch_size", 5.into(), "patch_size is 5; it has to be a divisor of 16"),
    ];
    for (name, key, value, part) in cases {
        let said = refusal(name, |config| config[key] = value.clone());
        assert!(said.contains(part), "{key}: {said}");
    }
}

#[test]
fn a_length_that_the_model_does_not_have_is_refused() {
    let (mut weights, config) = weights("gpt2");
    for (name, length, part) in
        [("T", 41, "from 1 to 40"), ("T", 0, "from 1 to 40"), ("S", 8, "T, the number of tokens")]
    {
        let lengths = BTreeMap::from([(name.to_owned(), length)]);
        let read = checkpoint::read(&mut weights, config.as_deref(), &lengths, &Limits::default());
        let said = read.unwrap_err().to_string();
        assert!(said.contains(part), "{said}");
    }
}

#[test]
fn tensors_without_a_configuration_are_no_model() {
    let (mut weights, _) = weights("gpt2");
    let said = checkpoint::read(&mut weights, None, &BTreeMap::new(), &Limits::default()).unwrap_err();
    assert!(said.to_string().contains("config.json is missing"), "{said}");
}

#[test]
fn codes_and_floats_of_eight_bits_are_no_weights_by_themselves() {
    let (_, config) = weights("gpt2");
    let path = crate::golden("gpt2/model.safetensors");
    for (dtype, size) in [(Dtype::U8, 1), (Dtype::F8_E4M3, 1), (Dtype::U64, 8)] {
        let mut before = crate::open(&path);
        let values: Vec<(String, Vec<usize>, Vec<u8>)> = (before.tensors.clone().iter())
            .map(|tensor| {
                let shape: Vec<usize> = tensor.shape.iter().map(|&n| n as usize).collect();
                let bytes = match tensor.name.ends_with("wpe.weight") {
                    true => vec![1; size * shape.iter().product::<usize>()],
                    false => before.bytes(tensor, 0, tensor.rows()).unwrap(),
                };
                (tensor.name.clone(), shape, bytes)
            })
            .collect();
        let entries: Vec<Entry<'_>> = (values.iter())
            .map(|(name, shape, bytes)| {
                let dtype = if name.ends_with("wpe.weight") { dtype } else { Dtype::F16 };
                Entry { name, dtype, shape, bytes }
            })
            .collect();
        let bytes = safetensors::write(&entries, &BTreeMap::new()).unwrap();
        let file = TensorFile::open(Cursor::new(bytes), &Limits::default()).unwrap();
        let mut weights = Weights::new(vec![file]).unwrap();
        let read = checkpoint::read(&mut weights, config.as_deref(), &BTreeMap::new(), &Limits::default());
        let said = read.unwrap_err().to_string();
        assert!(said.contains("wpe.weight") && said.contains(&format!("{dtype:?}")), "{said}");
    }
}

#[test]
fn a_tensor_in_two_files_is_refused() {
    let entry = Entry { name: "w", dtype: Dtype::U8, shape: &[1], bytes: &[1] };
    let bytes = safetensors::write(&[entry], &BTreeMap::new()).unwrap();
    let open = || TensorFile::open(Cursor::new(bytes.clone()), &Limits::default()).unwrap();
    let said = Weights::new(vec![open(), open()]).err().unwrap().to_string();
    assert!(said.contains("tensor `w`"), "{said}");
    assert!(Weights::<Cursor<Vec<u8>>>::new(Vec::new()).is_err());
}

#[test]
fn an_index_names_files_beside_it_once_each() {
    let index =
        |file: &str| serde_json::json!({ "weight_map": { "a": "x.safetensors", "b": file } }).to_string();
    assert_eq!(shards(index("x.safetensors").as_bytes()).unwrap(), ["x.safetensors"]);
    assert!(shards(index("../y.safetensors").as_bytes()).is_err());
    assert!(shards(b"{}").is_err());
}
