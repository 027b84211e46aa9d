//! The loop over passes, constant folding, and dropping identities.

use std::cell::RefCell;

use fewbit_graph::model::layers;
use fewbit_graph::op::{Op, Pad, PadMode, Slice, Unary};
use fewbit_graph::passes::{self, DropIdentity, Evaluate, FoldConstants};
use fewbit_graph::tensor::Dim;
use fewbit_graph::{Graph, Tensor};

use crate::samples::{add, node_names, relu, small_net};

/// Adds and transposes, and remembers how often it was asked.
#[derive(Default)]
struct Calculator(RefCell<usize>);

impl Evaluate for Calculator {
    fn evaluate(&self, op: &Op, inputs: &[&Tensor]) -> Option<Tensor> {
        *self.0.borrow_mut() += 1;
        match (op, inputs) {
            (Op::Binary(_), [a, b]) => {
                let values: Vec<f32> =
                    std::iter::zip(a.as_f32().ok()?, b.as_f32().ok()?).map(|(a, b)| a + b).collect();
                Tensor::f32(a.shape(), values).ok()
            }
            (Op::Transpose { .. }, [x]) => {
                let &[m, n] = x.shape() else { return None };
                let x = x.as_f32().ok()?;
                let values: Vec<f32> = (0..m * n).map(|i| x[i % m * n + i / m]).collect();
                Tensor::f32([n, m], values).ok()
            }
            _ => None,
        }
    }
}

#[test]
fn constants_fold_until_an_input_is_met() {
    let mut graph = Graph::new();
    let x = graph.input("x", vec![Dim::Known(2)]);
    let a = graph.parameter("a", Tensor::vector(vec![1.0, 2.0]));
    let b = graph.parameter("b", Tensor::vector(vec![10.0, 20.0]));
    let first = graph.node("first", add(), &[a, b]);
    let second = graph.node("second", add(), &[first, a]);
    let y = graph.node("y", add(), &[x, second]);
    graph.outputs.push(y);
    let evaluator = Calculator::default();
    let (folded, explanations) = passes::run(&graph, &[&FoldConstants { evaluator: &evaluator }]).unwrap();
    assert_eq!(explanations, ["computed Add first beforehand", "computed Add second beforehand"]);
    assert_eq!(
        folded.to_string(),
        "input x: f32[2]\nparameter second: f32[2]\ny = Add(x, second)\noutput y\n"
    );
    let value = folded.value(folded.find("second").unwrap()).unwrap();
    assert_eq!(value.as_f32().unwrap(), [12.0, 24.0]);
}

#[test]
fn a_transposed_weight_keeps_its_name() {
    let mut graph = Graph::new();
    let x = graph.input("x", vec![Dim::Known(1), Dim::Known(3)]);
    let weight = graph.parameter("fc.weight", Tensor::f32([2, 3], [1., 2., 3., 4., 5., 6.]).unwrap());
    let turned = graph.node("/fc/Transpose", Op::Transpose { perm: vec![1, 0] }, &[weight]);
    let y = graph.node("/fc/MatMul", Op::MatMul, &[x, turned]);
    graph.outputs.push(y);
    let evaluator = Calculator::default();
    let (folded, _) = passes::run(&graph, &[&FoldConstants { evaluator: &evaluator }]).unwrap();
    let layer = &layers(&folded)[0];
    assert_eq!(layer.name, "fc");
    let weight = folded.value(layer.weight).unwrap();
    assert_eq!((weight.shape(), weight.as_f32().unwrap()), (&[3, 2][..], &[1., 4., 2., 5., 3., 6.][..]));
}

#[test]
fn quantizers_and_unknown_values_do_not_fold() {
    let mut graph = Graph::new();
    let x = graph.parameter("x", Tensor::vector(vec![1.0]));
    let scale = graph.parameter("scale", Tensor::vector(vec![1.0]));
    let bounds = graph.parameter("bounds", Tensor::vector(vec![-1.0, 1.0]));
    let quantized = graph.node("q", Op::fake_quantize(0), &[x, scale, scale, bounds]);
    let unknown = graph.node("unknown", relu(), &[x]);
    let sum = graph.node("sum", add(), &[quantized, unknown]);
    graph.outputs.push(sum);
    let evaluator = Calculator::default();
    let (folded, explanations) = passes::run(&graph, &[&FoldConstants { evaluator: &evaluator }]).unwrap();
    assert_eq!((folded, explanations), (graph, Vec::new()));
    assert_eq!(*evaluator.0.borrow(), 1, "only the Relu was tried");
}

#[test]
fn nodes_that_change_nothing_are_dropped_but_not_outputs() {
    let mut graph = Graph::new();
    let x = graph.input("x", vec![Dim::Known(2), Dim::Known(3)]);
    let same = Op::Transpose { perm: vec![0, 1] };
    let none = Op::Pad(Pad { mode: PadMode::Constant(0.0), begin: vec![0, 0], end: vec![0, 0] });
    let all = Op::Slice(Slice { starts: vec![0, 0], ends: vec![i64::MAX; 2], steps: vec![1, 1] });
    let mut wire = x;
    for (name, op) in [("same", same.clone()), ("none", none), ("all", all), ("one", Op::Concat { axis: 0 })]
    {
        wire = graph.node(name, op, &[wire]);
    }
    let tanh = graph.node("tanh", Op::Unary(Unary::Tanh), &[wire]);
    let turned = graph.node("turned", Op::Transpose { perm: vec![1, 0] }, &[tanh]);
    let last = graph.node("last", same, &[turned]);
    graph.outputs.push(last);
    let (dropped, explanations) = passes::run(&graph, &[&DropIdentity]).unwrap();
    assert_eq!(node_names(&dropped), ["tanh", "turned", "last"]);
    assert_eq!(explanations.len(), 4);
    assert_eq!(explanations[1], "dropped Pad none, which changes nothing");
}

#[test]
fn without_passes_a_graph_stays_as_it_is() {
    let graph = small_net().graph;
    assert_eq!(passes::run(&graph, &[]).unwrap(), (graph, Vec::new()));
}
