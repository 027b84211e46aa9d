//! Delayed Transposes: what they leave, and that no value changes.

use fewbit_graph::op::{Binary, Op, Pad, PadMode, Reduce, Reducer, Reshape, Slice, Unary};
use fewbit_graph::passes::{self, DelayTransposes, DropIdentity, FoldConstants};
use fewbit_graph::tensor::Dim;
use fewbit_graph::{Graph, Tensor, WireId, infer};
use fewbit_runtime::cpu::Cpu;
use fewbit_tests::{Array, Rng, naive};

use crate::samples::{add, conv2d, node_names, random, relu};

fn last() -> Op {
    Op::Transpose { perm: vec![0, 2, 3, 1] }
}

fn first() -> Op {
    Op::Transpose { perm: vec![0, 3, 1, 2] }
}

fn delayed(graph: &Graph) -> (Graph, Vec<String>) {
    let fold = FoldConstants { evaluator: &Cpu::new() };
    passes::run(graph, &[&DropIdentity, &fold, &DelayTransposes]).unwrap()
}

fn transposes(graph: &Graph) -> usize {
    graph.nodes().filter(|(_, node)| matches!(node.op, Op::Transpose { .. })).count()
}

/// A block as TensorFlow's exporter writes it: each Conv between two Transposes.
#[test]
fn convolutions_between_transposes_are_joined() {
    let mut rng = Rng::new(1);
    let mut graph = Graph::new();
    let dims = [Dim::Symbol("N".to_owned()), Dim::Known(6), Dim::Known(6), Dim::Known(3)];
    let x = graph.input("x", dims.to_vec());
    let mut conv = |graph: &mut Graph, name: &str, x: WireId, channels: usize| {
        let weight = graph.parameter(format!("{name}.weight"), random(&mut rng, &[4, channels, 1, 1]));
        let x = graph.node(format!("{name}.first"), first(), &[x]);
        let y = graph.node(name, Op::Conv(conv2d()), &[x, weight]);
        graph.node(format!("{name}.last"), last(), &[y])
    };
    let a = conv(&mut graph, "a", x, 3);
    let bias = graph.parameter("bias", Tensor::vector(vec![1.0, 2.0, 3.0, 4.0]));
    let a = graph.node("biased", add(), &[a, bias]);
    let a = graph.node("relu", relu(), &[a]);
    let b = conv(&mut graph, "b", a, 4);
    let sum = graph.node("sum", add(), &[a, b]);
    let mean = Op::Reduce(Reduce { kind: Reducer::Mean, axes: vec![1, 2], keep_dims: false });
    let y = graph.node("y", mean, &[sum]);
    let y = graph.node("out", relu(), &[y]);
    graph.outputs.push(y);
    let (short, said) = delayed(&graph);
    assert_eq!(said.first().unwrap(), "took away 3 of 4 Transposes");
    assert_eq!(node_names(&short), ["a.first.order", "a", "biased", "relu", "b", "sum", "y", "out"]);
}

fn rank(shape: &[usize]) -> usize {
    shape.len()
}

/// A chain of operators that do not care for the order of axes, with Transposes between them, some values read twice.
fn random_graph(rng: &mut Rng) -> Graph {
    let mut graph = Graph::new();
    let shape: Vec<usize> = (0..rng.between(2, 4)).map(|_| rng.between(1, 4)).collect();
    let mut x = graph.input("x", shape.iter().copied().map(Dim::Known).collect());
    let mut older = x;
    for i in 0..rng.between(3, 14) {
        let name = format!("n{i}");
        let facts = infer(&graph, &Default::default()).unwrap();
        let shape = facts.shape(x).to_vec();
        let axis = rng.between(0, rank(&shape).max(1) - 1);
        let y = match rng.between(0, 12) {
            0..=3 if !shape.is_empty() => {
                let mut perm: Vec<usize> = (0..rank(&shape)).collect();
                for i in 0..perm.len() {
                    perm.swap(i, rng.between(0, i));
                }
                graph.node(&name, Op::Transpose { perm }, &[x])
            }
            4 => graph.node(&name, Op::Unary(Unary::Abs), &[x]),
            5 => {
                let short = rng.between(0, rank(&shape));
                let mut of: Vec<usize> = shape[short..].to_vec();
                of.iter_mut().for_each(|length| *length = if rng.one_in(3) { 1 } else { *length });
                let constant = graph.parameter(format!("c{i}"), random(rng, &of));
                graph.node(&name, Op::Binary(Binary::Sub), &[constant, x])
            }
            6 if facts.shape(older) == shape => graph.node(&name, add(), &[x, older]),
            7 if !shape.is_empty() && facts.shape(older).len() == shape.len() => {
                let fits =
                    facts.shape(older).iter().zip(&shape).enumerate().all(|(i, (a, b))| i == axis || a == b);
                if !fits {
                    continue;
                }
                graph.node(&name, Op::Concat { axis }, &[older, x])
            }
            8 if !shape.is_empty() => {
                let kind = rng.pick(&[Reducer::Max, Reducer::Min]);
                graph.node(
                    &name,
                    Op::Reduce(Reduce { kind, axes: vec![axis], keep_dims: rng.one_in(2) }),
                    &[x],
                )
            }
            9 if rank(&shape) < 5 => {
                let axes = vec![rng.between(0, rank(&shape))];
                graph.node(&name, Op::Reshape(Reshape::Unsqueeze { axes }), &[x])
            }
            10 if shape.contains(&1) => {
                graph.node(&name, Op::Reshape(Reshape::Squeeze { axes: Vec::new() }), &[x])
            }
            11 if !shape.is_empty() => {
                let pads = |rng: &mut Rng| (0..rank(&shape)).map(|_| rng.between(0, 1) as i64).collect();
                let pad = Pad { mode: PadMode::Constant(0.5), begin: pads(rng), end: pads(rng) };
                graph.node(&name, Op::Pad(pad), &[x])
            }
            12 if !shape.is_empty() => {
                let mut slice = Slice {
                    starts: vec![0; rank(&shape)],
                    ends: vec![i64::MAX; rank(&shape)],
                    steps: vec![1; rank(&shape)],
                };
                slice.starts[axis] = shape[axis] as i64 - 1;
                graph.node(&name, Op::Slice(slice), &[x])
            }
            _ => graph.node(&name, Op::Reshape(Reshape::To(vec![-1])), &[x]),
        };
        if rng.one_in(3) {
            older = x;
        }
        x = y;
    }
    let computed = |wire: &WireId| graph.producer(*wire).is_some();
    let outputs: Vec<WireId> = [x, older].into_iter().filter(computed).collect();
    graph.outputs = outputs;
    graph.outputs.dedup();
    graph
}

#[test]
fn delaying_takes_transposes_away_and_changes_no_value() {
    let (mut before, mut after, mut rewritten) = (0, 0, 0);
    for seed in 0..600 {
        let mut rng = Rng::new(seed);
        let graph = random_graph(&mut rng);
        let (short, said) = delayed(&graph);
        short.check().unwrap();
        before += transposes(&graph);
        after += transposes(&short);
        rewritten += usize::from(said.iter().any(|said| said.starts_with("took away")));
        assert!(transposes(&short) <= transposes(&graph), "seed {seed}\n{graph}\n{short}");
        let names = |graph: &Graph| {
            graph.outputs.iter().map(|&wire| graph.wire(wire).name.clone()).collect::<Vec<_>>()
        };
        assert_eq!(names(&graph), names(&short), "seed {seed}");
        let facts = infer(&graph, &Default::default()).unwrap();
        let x = Array::of(&random(&mut rng, facts.shape(graph.inputs[0])));
        let [old, new] = [&graph, &short].map(|graph| naive::run(graph, &[(graph.inputs[0], x.clone())]));
        assert!(old == new, "seed {seed}\n{graph}\n{short}");
    }
    assert!(
        rewritten > 200 && 2 * after < before,
        "{rewritten} rewritten, {before} Transposes, then {after}"
    );
}
