//! Layers written in integers: which operators they become, and that these compute what the layers do.

use std::collections::BTreeMap;

use fewbit_formats::onnx::proto::ModelProto;
use fewbit_formats::onnx::write::{self, Export, Layers, Written};
use fewbit_formats::{Limits, onnx};
use fewbit_graph::op::{Conv, Gemm, Pool, PoolKind, Reshape, Unary};
use fewbit_graph::{Dim, Graph, Op, Tensor, WireId};
use fewbit_numeric::{Affine, BlockLayout, Quantized, Range};
use fewbit_tests::Rng;

use crate::parity::run;

/// A graph of quantized layers.
struct Net {
    graph: Graph,
    codes: BTreeMap<WireId, Quantized>,
    rng: Rng,
}

impl Net {
    fn new(shape: &[usize]) -> (Self, WireId) {
        let mut graph = Graph::new();
        let dims = std::iter::once(Dim::Symbol("N".into())).chain(shape.iter().copied().map(Dim::Known));
        let x = graph.input("x", dims.collect());
        (Self { graph, codes: BTreeMap::new(), rng: Rng::new(7) }, x)
    }

    fn quantizer(&mut self, name: &str, x: WireId, scale: f32, zero_point: f32, bounds: [f32; 2]) -> WireId {
        let mut of = |what: &str, values: Vec<f32>| {
            self.graph.parameter(format!("{name}.{what}"), Tensor::vector(values))
        };
        let inputs =
            [x, of("scale", vec![scale]), of("zero", vec![zero_point]), of("bounds", bounds.to_vec())];
        self.graph.node(name, Op::fake_quantize(0), &inputs)
    }

    /// A weight of the values of its codes, whose channels are on the first axis.
    fn weight(&mut self, name: &str, shape: &[usize], format: &str, granularity: &str) -> WireId {
        let values = self.rng.floats(shape.iter().product());
        let format = format.parse().unwrap();
        let layout = BlockLayout::new(shape, 0, granularity.parse().unwrap());
        let blocks = layout.block_count();
        let grids = values
            .chunks(values.len() / blocks)
            .map(|own| Affine::covering(format, Range::of(own.iter().copied())));
        let codes = Quantized::nearest(format, layout, grids.collect(), &values);
        let wire = self.graph.parameter(name, Tensor::f32(shape, codes.dequantize()).unwrap());
        self.codes.insert(wire, codes);
        wire
    }

    fn written(&self) -> (Written, Vec<String>) {
        let codes = self.codes.iter().map(|(&wire, codes)| (wire, codes)).collect();
        let export = Export { graph: &self.graph, codes, layers: Layers::Integer, metadata: BTreeMap::new() };
        let written = write::write(&export).unwrap();
        let model = ModelProto::from_bytes(&written.bytes).unwrap();
        let names = model.graph.as_ref().unwrap().node.iter().map(|node| node.op_type().to_owned());
        let names = names.collect();
        (written, names)
    }

    /// The largest difference between the outputs of the graph and of what is written, read again.
    fn difference(&mut self, written: &Written, shape: &[usize]) -> f32 {
        let (again, _) = onnx::read(&written.bytes, &Limits::default()).unwrap();
        let x = Tensor::f32(shape, self.rng.floats(shape.iter().product())).unwrap();
        let [a, b] = [&self.graph, &again.graph].map(|graph| {
            let inputs = BTreeMap::from([(graph.inputs[0], x.clone())]);
            run(graph, &inputs).unwrap().remove(0)
        });
        assert_eq!(a.shape(), b.shape());
        let pairs = a.as_f32().unwrap().iter().zip(b.as_f32().unwrap());
        pairs.map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
    }
}

fn conv(pad: usize) -> Op {
    let (strides, dilations) = (vec![1; 2], vec![1; 2]);
    Op::Conv(Conv { groups: 1, strides, dilations, pads_begin: vec![pad; 2], pads_end: vec![pad; 2] })
}

const U8: [f32; 2] = [0.0, 255.0];

#[test]
fn what_is_quantized_next_leaves_a_layer_as_codes() {
    let (mut net, x) = Net::new(&[2, 6, 6]);
    let q = net.quantizer("q1", x, 4.0 / 255.0, 128.0, U8);
    let w = net.weight("c1.weight", &[4, 2, 3, 3], "int8", "channel");
    let b = net.graph.parameter("c1.bias", Tensor::vector(vec![0.5, -0.5, 0.25, 0.0]));
    let y = net.graph.node("c1", conv(1), &[q, w, b]);
    let y = net.graph.node("r1", Op::Unary(Unary::Relu), &[y]);
    let pool = Pool {
        kind: PoolKind::Max,
        kernel: vec![2; 2],
        strides: vec![2; 2],
        dilations: vec![1; 2],
        pads_begin: vec![0; 2],
        pads_end: vec![0; 2],
        ceil_mode: false,
    };
    let y = net.graph.node("p1", Op::Pool(pool), &[y]);
    let y = net.graph.node("flat", Op::Reshape(Reshape::Flatten { axis: 1 }), &[y]);
    let q = net.quantizer("q2", y, 0.1, 0.0, U8);
    // Its bias belongs to no QLinearMatMul.
    let w = net.weight("fc.weight", &[5, 36], "int6", "tensor");
    let b = net.graph.parameter("fc.bias", Tensor::vector(vec![1.0, 2.0, 3.0, 4.0, 5.0]));
    let gemm = Gemm { alpha: 1.0, beta: 1.0, trans_a: false, trans_b: true };
    let y = net.graph.node("fc", Op::Gemm(gemm), &[q, w, b]);
    net.graph.outputs.push(y);

    let (written, names) = net.written();
    let layers = ["QuantizeLinear", "QLinearConv", "MaxPool", "Flatten", "MatMulInteger"];
    assert_eq!(names, [&layers[..], &["Add", "Cast", "Mul"]].concat());
    assert_eq!((written.opset, written.notes.len()), (17, 0));
    // A bias moves by half a unit: 0.1 of a step of q2 here.
    let difference = net.difference(&written, &[3, 2, 6, 6]);
    assert!(difference < 0.3, "{difference}");
}

#[test]
fn a_layer_whose_output_stays_in_float_sums_in_integers() {
    let (mut net, x) = Net::new(&[3, 5, 5]);
    let q = net.quantizer("q", x, 4.0 / 255.0, 100.0, U8);
    let w = net.weight("c.weight", &[3, 3, 1, 1], "int8", "channel");
    let y = net.graph.node("c", conv(0), &[q, w]);
    let sum = net.graph.node("sum", Op::Binary(fewbit_graph::op::Binary::Add), &[y, x]);
    let out = net.quantizer("q2", y, 0.1, 0.0, U8);
    let out = net.graph.node("out", Op::Binary(fewbit_graph::op::Binary::Add), &[sum, out]);
    net.graph.outputs.push(out);
    let (written, names) = net.written();
    assert_eq!(names[..4], ["QuantizeLinear", "ConvInteger", "Cast", "Mul"]);
    let difference = net.difference(&written, &[2, 3, 5, 5]);
    assert!(difference < 1e-5, "{difference}");
}

#[test]
fn a_relu_stays_where_the_grid_goes_below_it() {
    let (mut net, x) = Net::new(&[4]);
    let q = net.quantizer("q", x, 0.02, 0.0, [-128.0, 127.0]);
    let w = net.weight("a.weight", &[4, 4], "int8", "tensor");
    let y = net.graph.node("a", Op::MatMul, &[q, w]);
    let y = net.graph.node("relu", Op::Unary(Unary::Relu), &[y]);
    let q = net.quantizer("q2", y, 0.05, 0.0, [-128.0, 127.0]);
    let w = net.weight("b.weight", &[4, 4], "int8", "tensor");
    let y = net.graph.node("b", Op::MatMul, &[q, w]);
    let q = net.quantizer("q3", y, 0.2, 0.0, [-128.0, 127.0]);
    let w = net.weight("c.weight", &[4, 4], "uint4", "tensor");
    let y = net.graph.node("c", Op::MatMul, &[q, w]);
    net.graph.outputs.push(y);
    let (written, names) = net.written();
    let start = ["QuantizeLinear", "MatMulInteger", "Cast", "Mul", "Relu", "QuantizeLinear", "QLinearMatMul"];
    assert_eq!(names[..7], start);
    assert!(
        written.notes.iter().any(|note| note.starts_with("c: this layer is not written in integers")),
        "{:?}",
        written.notes
    );
    assert!(net.difference(&written, &[6, 4]) < 0.05 * 4.0);
}
