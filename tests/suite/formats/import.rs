//! What becomes of an ONNX file: names, shapes, operators, and what is said of those that are not known.

use fewbit_formats::Limits;
use fewbit_formats::onnx::proto::{ModelProto, TypeValue};
use fewbit_formats::onnx::{DiagnosticKind, operators as operators_of, read, supported};
use fewbit_graph::op::Reshape;
use fewbit_graph::{Dim, Model, Op, Source};

use crate::{bytes_of, file_name, files_in};

fn golden(name: &str) -> Model {
    let (model, said) =
        read(&bytes_of(&format!("tests/golden/onnx/{name}.onnx")), &Limits::default()).unwrap();
    let texts: Vec<String> = said.iter().map(ToString::to_string).collect();
    assert!(said.iter().all(|d| d.kind == DiagnosticKind::Converted), "{name}: {texts:?}");
    model
}

fn operators(model: &Model) -> Vec<&str> {
    model.graph.nodes().map(|(_, node)| node.op.name()).collect()
}

/// What is said of an operator that is not known or not computed, as people read it.
fn opaque(name: &str) -> Vec<String> {
    let path = format!("tests/golden/onnx/opaque_{name}.onnx");
    let (model, said) = read(&bytes_of(&path), &Limits::default()).unwrap();
    let nodes = model.graph.nodes().filter(|(_, node)| matches!(node.op, Op::Opaque(_))).count();
    assert!(nodes >= 1, "{name} has an opaque node");
    model.graph.check().unwrap();
    said.iter().map(ToString::to_string).collect()
}

#[test]
fn every_golden_is_read_and_only_opaque_ones_name_what_is_not_known() {
    for path in files_in("tests/golden/onnx", &["onnx"]) {
        let name = file_name(&path);
        let (model, said) = read(&std::fs::read(&path).unwrap(), &Limits::default())
            .unwrap_or_else(|why| panic!("{name}: {why}"));
        model.graph.check().unwrap_or_else(|why| panic!("{name}: {why}"));
        let unsupported: Vec<String> =
            said.iter().filter(|d| d.kind != DiagnosticKind::Converted).map(ToString::to_string).collect();
        assert_eq!(name.starts_with("opaque_"), !unsupported.is_empty(), "{name}: {unsupported:?}");
    }
}

#[test]
fn decoding_and_encoding_a_model_loses_nothing() {
    let files =
        files_in("tests/golden/onnx", &["onnx"]).into_iter().chain(files_in("assets/models", &["onnx"]));
    for path in files {
        let bytes = std::fs::read(&path).unwrap();
        let model = ModelProto::from_bytes(&bytes).unwrap();
        assert!(model.to_bytes() == bytes, "{}", file_name(&path));
    }
}

#[test]
fn every_operator_of_the_table_has_a_golden() {
    let mut read = std::collections::BTreeSet::new();
    for path in files_in("tests/golden/onnx", &["onnx"]) {
        let model = ModelProto::from_bytes(&std::fs::read(&path).unwrap()).unwrap();
        let nodes = model.graph.unwrap().node;
        read.extend(nodes.iter().map(|node| node.op_type().to_owned()));
    }
    // Newer than any operator set that the goldens are made for.
    let exempt = ["Swish"];
    let unread: Vec<&str> = supported().iter().map(|operator| operator.name).collect();
    let missing: Vec<&&str> =
        unread.iter().filter(|name| !read.contains(**name) && !exempt.contains(name)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn weights_and_values_keep_their_names() {
    let (model, said) = read(&bytes_of("assets/models/fashion-lenet.onnx"), &Limits::default()).unwrap();
    assert_eq!(said, []);
    let layers: Vec<String> = model.layers().into_iter().map(|layer| layer.name).collect();
    assert_eq!(layers.first().map(String::as_str), Some("conv1"), "{layers:?}");
    let graph = &model.graph;
    let input = graph.wire(graph.inputs[0]);
    let shape = vec![Dim::Symbol("N".to_owned()), Dim::Known(1), Dim::Known(28), Dim::Known(28)];
    assert_eq!((input.name.as_str(), &input.source), ("x", &Source::Input(shape)));
    assert_eq!(graph.outputs.iter().map(|w| graph.wire(*w).name.as_str()).collect::<Vec<_>>(), ["logits"]);
    assert!(graph.find("conv1.weight").is_some());
    assert_eq!(model.metadata["producer_name"], "pytorch");
    assert_eq!(model.metadata["opset"], "13");
}

#[test]
fn the_gallery_is_read_whole() {
    for path in files_in("assets/models", &["onnx"]) {
        let (model, said) = read(&std::fs::read(&path).unwrap(), &Limits::default()).unwrap();
        assert_eq!(said, [], "{}", file_name(&path));
        assert!(!model.layers().is_empty());
        assert!(operators(&model).contains(&"BatchNorm"), "the gallery keeps its BatchNorm");
    }
}

#[test]
fn arithmetic_on_shapes_leaves_one_reshape() {
    for (name, lengths) in [
        ("view_9", vec![0, -1]),
        ("view_13", vec![0, -1]),
        ("view_fixed_batch_13", vec![2, -1]),
        ("merge_batch_15", vec![-1, 16]),
        ("scaled_shape_13", vec![0, 3, 2, 2, -1]),
    ] {
        let model = golden(name);
        let ops: Vec<Op> = model.graph.nodes().map(|(_, node)| node.op.clone()).collect();
        assert_eq!(ops, [Op::Reshape(Reshape::To(lengths))], "{name}");
    }
    assert_eq!(operators(&golden("channel_shuffle_13")), ["Reshape", "Transpose", "Reshape"]);
    assert_eq!(operators(&golden("pad_pytorch_chain_11")), ["Pad"]);
    assert_eq!(operators(&golden("slice_to_batch_13")), ["Slice"]);
}

#[test]
fn what_only_matters_in_training_is_left_away() {
    assert_eq!(operators(&golden("dropout_7")), ["Relu", "Neg"]);
    assert_eq!(operators(&golden("dropout_13")), ["Neg"]);
}

#[test]
fn every_output_is_found_by_its_name() {
    for name in ["identity_output_13", "same_output_twice_13", "input_as_output_13"] {
        let model = golden(name);
        let proto = ModelProto::from_bytes(&bytes_of(&format!("tests/golden/onnx/{name}.onnx"))).unwrap();
        let wanted: Vec<String> = proto.graph.unwrap().output.iter().map(|o| o.name().to_owned()).collect();
        let outputs = model.graph.outputs.iter().map(|wire| model.graph.wire(*wire).name.clone());
        assert_eq!(outputs.collect::<Vec<_>>(), wanted, "{name}");
    }
}

#[test]
fn padding_that_is_named_same_is_resolved() {
    let model = golden("conv_same_upper_11");
    let (_, node) = model.graph.nodes().next().unwrap();
    let Op::Conv(conv) = &node.op else { panic!("{:?}", node.op) };
    // 7 and 8 long, kernel 2×3, strides 2 and 3: 4 and 3 windows.
    assert_eq!((&conv.pads_begin, &conv.pads_end), (&vec![0, 0], &vec![1, 1]));
}

#[test]
fn initializers_that_are_inputs_too_are_parameters() {
    let model = golden("initializer_as_input_7");
    assert_eq!(model.graph.inputs.len(), 1);
}

#[test]
fn narrower_floats_are_read_as_f32_and_that_is_said() {
    for (name, said) in [
        ("float16", "`w`: its float16 values are read as float32"),
        ("bfloat16", "`w`: its bfloat16 values are read as float32"),
        ("double", "`w`: its float64 values are read as float32"),
    ] {
        let path = format!("tests/golden/onnx/initializer_{name}_13.onnx");
        let (_, diagnostics) = read(&bytes_of(&path), &Limits::default()).unwrap();
        assert_eq!(diagnostics.iter().map(ToString::to_string).collect::<Vec<_>>(), [said]);
    }
}

#[test]
fn what_is_not_computed_is_named_with_its_reason() {
    for (name, said) in [
        ("grid_sample", "GridSample `g`: the operator is not supported"),
        ("domain", "com.microsoft.FusedConv `fused`: operators of the domain `com.microsoft` are not known"),
        ("lp_pool", "LpPool `y`: the operator is not supported"),
        ("conv_3d", "Conv `y`: its window has 3 spatial axes; 1 or 2 are computed"),
        ("training", "BatchNormalization `y`: it is in training mode: export the model in evaluation mode"),
        ("max_pool_indices", "MaxPool `y`: its output `i` is used, but only the first is computed"),
        ("same_upper_dynamic", "Conv `y`: the length of axis 2 of its input depends on the model's input"),
    ] {
        assert_eq!(opaque(name), [said], "{name}");
    }
    assert_eq!(
        opaque("int4"),
        [
            "Constant `k`: elements of type int4 are not read",
            "DequantizeLinear `w`: the operator is not supported"
        ]
    );
    let doubling = opaque("doubling_shape");
    assert_eq!(doubling[0], "Concat `c11`: its input 0 holds integers, and only floats are computed");
    assert_eq!(doubling.last().unwrap(), "Reshape `y`: its input 1 is only known when it runs");
    assert_eq!(
        opaque("expand_shape"),
        [
            "Expand `e`: it is computed on shapes alone",
            "Shape `s`: it computes a shape that such an operator uses"
        ]
    );
}

#[test]
fn an_unknown_operator_keeps_its_node_for_writing_it_out_again() {
    let path = "tests/golden/onnx/opaque_domain.onnx";
    let (model, _) = read(&bytes_of(path), &Limits::default()).unwrap();
    let node = ModelProto::from_bytes(&bytes_of(path)).unwrap().graph.unwrap().node.remove(0);
    let (_, built) = model.graph.nodes().next().unwrap();
    let Op::Opaque(opaque) = &built.op else { panic!("{:?}", built.op) };
    assert_eq!((opaque.domain.as_str(), opaque.name.as_str()), ("com.microsoft", "FusedConv"));
    assert_eq!(opaque.encoded, node.to_bytes());
    assert_eq!(built.inputs.len(), 2);
}

#[test]
fn nodes_may_come_in_any_order() {
    let mut proto = ModelProto::from_bytes(&bytes_of("tests/golden/onnx/channel_shuffle_13.onnx")).unwrap();
    proto.graph.as_mut().unwrap().node.reverse();
    let (model, said) = read(&proto.to_bytes(), &Limits::default()).unwrap();
    assert_eq!(said, []);
    assert_eq!(operators(&model), ["Reshape", "Transpose", "Reshape"]);
}

#[test]
fn nodes_of_the_same_name_are_told_apart() {
    let mut proto = ModelProto::from_bytes(&bytes_of("tests/golden/onnx/mish_18.onnx")).unwrap();
    let graph = proto.graph.as_mut().unwrap();
    graph.node.push(graph.node[0].clone());
    graph.node[1].input[0] = "y".to_owned();
    graph.node[1].output[0] = "z".to_owned();
    graph.output[0].name = Some("z".to_owned());
    graph.node.iter_mut().for_each(|node| node.name = Some("same".to_owned()));
    let (model, _) = read(&proto.to_bytes(), &Limits::default()).unwrap();
    let names: Vec<&str> = model.graph.nodes().map(|(_, node)| node.name.as_str()).collect();
    let expected = ["same/softplus", "same/gate", "same", "same.2/softplus", "same.2/gate", "same.2"];
    assert_eq!(names, expected);
}

#[test]
fn what_no_output_needs_is_left_away() {
    let mut proto = ModelProto::from_bytes(&bytes_of("tests/golden/onnx/conv_7.onnx")).unwrap();
    let graph = proto.graph.as_mut().unwrap();
    let mut dead = graph.node[0].clone();
    dead.op_type = Some("Nonsense".to_owned());
    dead.output[0] = "unused".to_owned();
    graph.node.push(dead);
    let (model, said) = read(&proto.to_bytes(), &Limits::default()).unwrap();
    assert_eq!((operators(&model), said), (vec!["Conv"], vec![]));
}

#[test]
fn lengths_without_a_name_get_one() {
    let mut proto = ModelProto::from_bytes(&bytes_of("tests/golden/onnx/dynamic_image_13.onnx")).unwrap();
    let input = &mut proto.graph.as_mut().unwrap().input[0];
    let Some(TypeValue::Tensor(tensor)) = input.r#type.as_mut().and_then(|r#type| r#type.value.as_mut())
    else {
        panic!("a tensor")
    };
    tensor.shape.as_mut().unwrap().dim.iter_mut().for_each(|dim| dim.value = None);
    let (model, _) = read(&proto.to_bytes(), &Limits::default()).unwrap();
    let Source::Input(dims) = &model.graph.wire(model.graph.inputs[0]).source else { panic!("an input") };
    let names = ["N", "x.1", "x.2", "x.3"].map(|name| Dim::Symbol(name.to_owned()));
    assert_eq!(*dims, names);
}

#[test]
fn a_newer_operator_set_is_read_with_a_word_about_it() {
    let mut proto = ModelProto::from_bytes(&bytes_of("tests/golden/onnx/relu_14.onnx")).unwrap();
    proto.opset_import[0].version = Some(24);
    let (model, said) = read(&proto.to_bytes(), &Limits::default()).unwrap();
    assert_eq!(operators(&model), ["Relu"]);
    assert_eq!(
        said[0].to_string(),
        "`opset_import`: operator set 24 is read as 21, the newest that is known"
    );
}

#[test]
fn shapes_that_do_not_fit_are_told() {
    let mut proto = ModelProto::from_bytes(&bytes_of("tests/golden/onnx/conv_7.onnx")).unwrap();
    let weight = &mut proto.graph.as_mut().unwrap().initializer[0];
    weight.dims = vec![3, 4, 3, 3];
    let (_, said) = read(&proto.to_bytes(), &Limits::default()).unwrap();
    assert_eq!(said[0].kind, DiagnosticKind::Shapes);
    assert_eq!(
        said[0].to_string(),
        "Conv `y`: the weight takes 4 input channels for each group, but there are 3 (inputs [5, 3, 4, 4], [3, 4, 3, 3], [4])"
    );
}

#[test]
fn operators_are_counted_as_the_file_names_them() {
    let counts = operators_of(&bytes_of("assets/models/fashion-lenet.onnx")).unwrap();
    assert_eq!(counts["Conv"], 2);
    assert_eq!(counts["BatchNormalization"], 2);
    let counts = operators_of(&bytes_of("tests/golden/onnx/opaque_domain.onnx")).unwrap();
    assert_eq!(counts.into_iter().collect::<Vec<_>>(), [("com.microsoft.FusedConv".to_owned(), 1)]);
}
