//! Writing ONNX: codes, quantizers and biases as the file has them.

use std::collections::BTreeMap;

use fewbit_formats::onnx::proto::{ModelProto, NodeProto, TensorProto, data_type};
use fewbit_formats::onnx::write::{self, Export, Layers, Written};
use fewbit_formats::{Limits, onnx};
use fewbit_graph::op::Gemm;
use fewbit_graph::{Dim, Graph, Op, Tensor, WireId};
use fewbit_numeric::{Affine, BlockLayout, Quantized, Range};

use crate::bytes_of;

/// x·Wᵀ + b with a quantizer before it: W is 3×8.
fn layer(bounds: [f32; 2], zero_point: f32) -> (Graph, WireId) {
    let mut graph = Graph::new();
    let x = graph.input("x", vec![Dim::Symbol("N".into()), Dim::Known(8)]);
    let scale = graph.parameter("scale", Tensor::vector(vec![0.5]));
    let zero = graph.parameter("zero", Tensor::vector(vec![zero_point]));
    let bounds = graph.parameter("bounds", Tensor::vector(bounds.to_vec()));
    let quantized = graph.node("q", Op::fake_quantize(0), &[x, scale, zero, bounds]);
    let values: Vec<f32> = (0..24).map(|i| (i as f32 - 11.5) / 10.0).collect();
    let weight = graph.parameter("fc.weight", Tensor::f32([3, 8], values).unwrap());
    let bias = graph.parameter("fc.bias", Tensor::vector(vec![1.0, -2.0, 0.1]));
    let gemm = Gemm { alpha: 1.0, beta: 1.0, trans_a: false, trans_b: true };
    let y = graph.node("fc", Op::Gemm(gemm), &[quantized, weight, bias]);
    graph.outputs.push(y);
    (graph, weight)
}

fn quantized(format: &str, granularity: &str, values: &[f32]) -> Quantized {
    let format = format.parse().unwrap();
    let layout = BlockLayout::new(&[3, 8], 0, granularity.parse().unwrap());
    let grids = vec![Affine::covering(format, Range::of(values.iter().copied())); layout.block_count()];
    Quantized::nearest(format, layout, grids, values)
}

fn written(graph: &Graph, weight: WireId, quantized: &Quantized) -> (Written, ModelProto) {
    let codes = BTreeMap::from([(weight, quantized)]);
    let metadata = BTreeMap::from([("made by".to_owned(), "a test".to_owned())]);
    let written =
        write::write(&Export { graph, codes, layers: Layers::Float { integer_biases: true }, metadata })
            .unwrap();
    let model = ModelProto::from_bytes(&written.bytes).unwrap();
    (written, model)
}

fn nodes(model: &ModelProto) -> Vec<(&str, &NodeProto)> {
    model.graph.as_ref().unwrap().node.iter().map(|node| (node.op_type(), node)).collect()
}

fn tensor<'m>(model: &'m ModelProto, name: &str) -> &'m TensorProto {
    let mut all = model.graph.as_ref().unwrap().initializer.iter();
    all.find(|tensor| tensor.name() == name).unwrap_or_else(|| panic!("no {name}"))
}

#[test]
fn eight_bits_are_written_with_an_integer_bias_for_integer_kernels() {
    let (graph, weight) = layer([0.0, 255.0], 7.0);
    let codes = quantized("int8", "channel", graph.value(weight).unwrap().as_f32().unwrap());
    let (written, model) = written(&graph, weight, &codes);
    assert_eq!((written.opset, written.notes.len(), model.ir_version()), (17, 0, 8));
    let names: Vec<&str> = nodes(&model).into_iter().map(|(name, _)| name).collect();
    let dequantize = "DequantizeLinear";
    assert_eq!(names, ["QuantizeLinear", dequantize, dequantize, dequantize, "Gemm"]);
    let stored = tensor(&model, "fc.weight.codes");
    assert_eq!((stored.data_type(), stored.dims.as_slice()), (data_type::INT8, &[3, 8][..]));
    let bytes: Vec<u8> = codes.codes.iter().map(|code| *code as u8).collect();
    assert_eq!(stored.raw_data.as_deref(), Some(&bytes[..]));
    let bias = tensor(&model, "fc.bias.codes");
    assert_eq!(bias.data_type(), data_type::INT32);
    let unit = 0.5 * codes.grids[0].scale;
    let first = i32::from_le_bytes(bias.raw_data.as_ref().unwrap()[..4].try_into().unwrap());
    assert_eq!(first, (1.0 / unit).round_ties_even() as i32);
    let told = &model.metadata_props;
    assert!(told.iter().any(|entry| entry.key() == "made by" && entry.value() == "a test"));
}

#[test]
fn few_bits_and_blocks_need_the_newer_operator_set() {
    let (graph, weight) = layer([0.0, 255.0], 0.0);
    let values = graph.value(weight).unwrap().as_f32().unwrap().to_vec();
    let codes = quantized("int4", "channel", &values);
    let (found, model) = written(&graph, weight, &codes);
    assert_eq!((found.opset, model.ir_version()), (21, 10));
    let stored = tensor(&model, "fc.weight.codes");
    assert_eq!((stored.data_type(), stored.raw_data.as_ref().unwrap().len()), (data_type::INT4, 12));
    let first = stored.raw_data.as_ref().unwrap()[0];
    let pair = [&codes.codes[0], &codes.codes[1]].map(|code| *code as u8 & 0xf);
    assert_eq!(first, pair[0] | pair[1] << 4, "the first code is in the low half");

    // Groups of 3 of 8: the last one is shorter.
    let codes = quantized("int8", "group3", &values);
    let (found, model) = written(&graph, weight, &codes);
    assert_eq!(found.opset, 21);
    assert_eq!(tensor(&model, "fc.weight.scale").dims, [3, 3]);
    let (_, node) = nodes(&model).into_iter().find(|(_, node)| node.output == ["fc.weight"]).unwrap();
    let attributes: Vec<(&str, i64)> = node.attribute.iter().map(|each| (each.name(), each.i())).collect();
    assert_eq!(attributes, [("block_size", 3), ("axis", 1)]);
}

#[test]
fn what_onnx_has_no_type_for_is_said() {
    // 5-bit inputs are clipped as 8-bit codes, 3-bit weights stored in 4.
    let (graph, weight) = layer([0.0, 31.0], 3.0);
    let values = graph.value(weight).unwrap().as_f32().unwrap().to_vec();
    let (found, model) = written(&graph, weight, &quantized("int3", "channel", &values));
    assert_eq!(found.notes, ["fc.weight: int3 codes are stored in 4 bits each"]);
    let names: Vec<&str> = nodes(&model).into_iter().map(|(name, _)| name).collect();
    assert!(names.starts_with(&["QuantizeLinear", "Clip", "DequantizeLinear"]), "{names:?}");
    let told = model.metadata_props.iter().find(|entry| entry.key() == "fewbit.notes").unwrap();
    assert_eq!(told.value(), found.notes[0]);

    // ±Δ: the same values with a scale half as large.
    let binary = quantized("int1", "tensor", &values);
    let (_, model) = written(&graph, weight, &binary);
    let scale = tensor(&model, "fc.weight.scale").raw_data.clone().unwrap();
    assert_eq!(f32::from_le_bytes(scale.try_into().unwrap()), binary.grids[0].scale / 2.0);

    // A zero point with a fraction is in float.
    let mut codes = quantized("uint4", "channel", &values);
    codes.grids[1].zero_point += 0.25;
    let (found, model) = written(&graph, weight, &codes);
    assert!(found.notes[0].contains("a zero point is no code"), "{:?}", found.notes);
    let stored = tensor(&model, "fc.weight");
    let bytes: Vec<u8> = codes.dequantize().iter().flat_map(|x| x.to_le_bytes()).collect();
    assert_eq!(stored.raw_data.as_deref(), Some(&bytes[..]));
    // So is a quantizer with one.
    let (graph, weight) = layer([0.0, 15.0], 2.5);
    let (found, model) = written(&graph, weight, &quantized("int8", "tensor", &values));
    assert!(found.notes[0].contains("float arithmetic"), "{:?}", found.notes);
    assert!(nodes(&model).iter().any(|(name, _)| *name == "Round"));
}

#[test]
fn opaque_nodes_are_written_back_as_they_were() {
    for path in ["tests/golden/onnx/opaque_domain.onnx", "tests/golden/onnx/opaque_grid_sample.onnx"] {
        let bytes = bytes_of(path);
        let (model, _) = onnx::read(&bytes, &Limits::default()).unwrap();
        let export = Export {
            graph: &model.graph,
            codes: BTreeMap::new(),
            layers: Layers::Float { integer_biases: true },
            metadata: BTreeMap::new(),
        };
        let written = write::write(&export).unwrap();
        assert!(written.notes.iter().any(|note| note.contains("is written back as it was")), "{path}");
        let [before, after] = [&bytes, &written.bytes].map(|bytes| ModelProto::from_bytes(bytes).unwrap());
        let opaque = |model: &ModelProto| -> Vec<NodeProto> {
            let known = |node: &NodeProto| !node.domain().is_empty() || node.op_type() == "GridSample";
            model.graph.as_ref().unwrap().node.iter().filter(|node| known(node)).cloned().collect()
        };
        assert_eq!(opaque(&before), opaque(&after), "{path}");
        let (again, _) = onnx::read(&written.bytes, &Limits::default()).unwrap();
        assert_eq!(again.graph.nodes().len(), model.graph.nodes().len(), "{path}");
    }
}
