//! What becomes of an ONNX file: names, shapes, operators, and what is said of those that are not known.

use fewbit_formats::Limits;
use fewbit_formats::onnx::proto::{ModelProto, StringStringEntryProto, TypeValue};
use fewbit_formats::onnx::{
    DiagnosticKind, Element, ReadOptions, embed, external_files, operators as operators_of, read, read_with,
    supported,
};
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
fn every_operator_of_the_table_has_a_golden_or_a_test_of_the_onnx_project() {
    let mut read = std::collections::BTreeSet::new();
    for path in files_in("tests/golden/onnx", &["onnx"]) {
        let model = ModelProto::from_bytes(&std::fs::read(&path).unwrap()).unwrap();
        let nodes = model.graph.unwrap().node;
        read.extend(nodes.iter().map(|node| node.op_type().to_owned()));
    }
    // Or is held by the ONNX project's own tests; and one is newer than any operator set that either is made for.
    let table = String::from_utf8(bytes_of("docs/operators.md")).unwrap();
    let rows = table.lines().filter_map(|line| line.strip_prefix("| ")?.split(' ').next());
    read.extend(rows.chain(["Swish"]).map(str::to_owned));
    let known: Vec<&str> = supported().iter().map(|operator| operator.name).collect();
    let missing: Vec<&&str> = known.iter().filter(|name| !read.contains(**name)).collect();
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
    let other = golden("ms_gelu_17").metadata;
    assert_eq!((&*other["opset"], &*other["opset.com.microsoft"]), ("17", "1"));
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
        ("domain", "org.example.FusedConv `fused`: operators of the domain `org.example` are not known"),
        ("lp_pool", "LpPool `y`: the operator is not supported"),
        ("conv_3d", "Conv `y`: its window has 3 spatial axes; 1 to 2 are computed"),
        ("training", "BatchNormalization `y`: it is in training mode: export the model in evaluation mode"),
        ("max_pool_indices", "MaxPool `y`: its output `i` is used, but only the first is computed"),
    ] {
        assert_eq!(opaque(name), [said], "{name}");
    }
    assert_eq!(
        opaque("doubling_shape").last().unwrap(),
        "Reshape `y`: its input 1 is only known when it runs"
    );
}

#[test]
fn lengths_that_stand_in_the_way_become_numbers_and_that_is_said() {
    for (name, lengths) in
        [("expand_shape", &[("N", 1)][..]), ("same_upper_dynamic", &[("H", 224), ("W", 224)])]
    {
        let bytes = bytes_of(&format!("tests/golden/onnx/bound_{name}.onnx"));
        let (_, said) = read(&bytes, &Limits::default()).unwrap();
        let said: Vec<String> = said.iter().map(ToString::to_string).collect();
        let expected = lengths.iter().map(|(name, length)| {
            format!("`{name}`: this length is taken as {length}; another can be given")
        });
        assert_eq!(said, expected.collect::<Vec<_>>());

        let dims: std::collections::BTreeMap<String, usize> =
            lengths.iter().map(|(name, length)| ((*name).to_owned(), length + 3)).collect();
        let import =
            read_with(&bytes, &Limits::default(), &ReadOptions { dims, ..ReadOptions::default() }).unwrap();
        assert_eq!(import.diagnostics, []);
        for (name, length) in lengths {
            assert_eq!(import.lengths.get(*name), Some(&Some(length + 3)));
        }
    }
}

#[test]
fn only_the_batch_stays_free_where_that_is_wanted() {
    let bytes = bytes_of("tests/golden/onnx/conv_same_upper_dynamic_11.onnx");
    let free = |fixed| {
        let options = ReadOptions { fixed, ..ReadOptions::default() };
        let import = read_with(&bytes, &Limits::default(), &options).unwrap();
        (import.lengths.into_values().collect::<Vec<_>>(), import.diagnostics.len())
    };
    assert_eq!(free(false), (vec![None, None, None], 0));
    assert_eq!(free(true), (vec![Some(224), None, Some(224)], 2));
}

#[test]
fn a_branch_whose_condition_is_known_is_written_out() {
    assert_eq!(operators(&golden("if_shape_13")), ["Mul", "Abs", "Exp"]);
}

#[test]
fn values_in_files_beside_a_model_become_part_of_it() {
    let whole = bytes_of("tests/golden/onnx/conv_7.onnx");
    let mut proto = ModelProto::from_bytes(&whole).unwrap();
    let mut beside = vec![0; 3];
    for tensor in &mut proto.graph.as_mut().unwrap().initializer {
        let values = tensor.raw_data.take().unwrap();
        let entries = [
            ("location", "w.bin".to_owned()),
            ("offset", beside.len().to_string()),
            ("length", values.len().to_string()),
        ];
        tensor.external_data = entries
            .map(|(key, value)| StringStringEntryProto { key: Some(key.to_owned()), value: Some(value) })
            .to_vec();
        tensor.data_location = Some(1);
        beside.extend(values);
    }
    let apart = proto.to_bytes();
    let limits = Limits::default();
    let refused = read(&apart, &limits).unwrap_err().to_string();
    assert!(refused.contains("its values are in another file, `w.bin`"), "{refused}");
    assert_eq!(external_files(&apart, &limits).unwrap().into_iter().collect::<Vec<_>>(), ["w.bin"]);
    let files = std::collections::BTreeMap::from([("w.bin".to_owned(), beside.clone())]);
    assert!(embed(&apart, &files, &limits).unwrap() == whole);

    let short = std::collections::BTreeMap::from([("w.bin".to_owned(), beside[..9].to_vec())]);
    let refused = embed(&apart, &short, &limits).unwrap_err().to_string();
    assert!(refused.contains("has to be within its 9 bytes"), "{refused}");
}

#[test]
fn the_types_of_a_models_face_are_known() {
    let mut proto = ModelProto::from_bytes(&bytes_of("tests/golden/onnx/relu_14.onnx")).unwrap();
    let input = &mut proto.graph.as_mut().unwrap().input[0];
    let Some(TypeValue::Tensor(tensor)) = input.r#type.as_mut().and_then(|r#type| r#type.value.as_mut())
    else {
        panic!("a tensor")
    };
    tensor.elem_type = Some(6);
    let import = read_with(&proto.to_bytes(), &Limits::default(), &ReadOptions::default()).unwrap();
    assert_eq!(
        import.elements.into_iter().collect::<Vec<_>>(),
        [("x".to_owned(), Element::I32), ("y".to_owned(), Element::I32)]
    );
}

#[test]
fn an_unknown_operator_keeps_its_node_for_writing_it_out_again() {
    let path = "tests/golden/onnx/opaque_domain.onnx";
    let (model, _) = read(&bytes_of(path), &Limits::default()).unwrap();
    let node = ModelProto::from_bytes(&bytes_of(path)).unwrap().graph.unwrap().node.remove(0);
    let (_, built) = model.graph.nodes().next().unwrap();
    let Op::Opaque(opaque) = &built.op else { panic!("{:?}", built.op) };
    assert_eq!((opaque.domain.as_str(), opaque.name.as_str()), ("org.example", "FusedConv"));
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
        "`opset_import`: operator set 24 is read as 23, the newest that is known"
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
    assert_eq!(counts.into_iter().collect::<Vec<_>>(), [("org.example.FusedConv".to_owned(), 1)]);
}
