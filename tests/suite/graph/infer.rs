//! Shape inference: tables by hand, errors with a place, no panic on anything.

use fewbit_graph::infer::{MAX_ELEMENTS, output_shape};
use fewbit_graph::op::{
    Binary, Conv, Gemm, Op, Opaque, Pad, PadMode, Pool, PoolKind, Reduce, Reducer, Reshape, Slice,
};
use fewbit_graph::tensor::Dim;
use fewbit_graph::{Bindings, Fact, Graph, InferError, Tensor, infer};
use proptest::prelude::*;

use crate::samples::{add, batch, conv2d, gemm, max_pool2d, relu, small_net};

#[track_caller]
pub(crate) fn gives(op: &Op, inputs: &[&[usize]], expected: &[usize]) {
    assert_eq!(output_shape(op, inputs).as_deref(), Ok(expected), "{op:?} of {inputs:?}");
}

#[track_caller]
pub(crate) fn refuses(op: &Op, inputs: &[&[usize]], why: &str) {
    let found = output_shape(op, inputs).expect_err("these shapes do not fit");
    assert!(found.contains(why), "{op:?} of {inputs:?}: {found}");
}

fn conv(change: impl FnOnce(&mut Conv)) -> Op {
    let mut conv = conv2d();
    change(&mut conv);
    Op::Conv(conv)
}

fn pool(kernel: usize, stride: usize, change: impl FnOnce(&mut Pool)) -> Op {
    let mut pool = max_pool2d(kernel, stride);
    change(&mut pool);
    Op::Pool(pool)
}

#[test]
fn convolutions() {
    let image: &[usize] = &[2, 3, 32, 32];
    gives(&conv(|_| ()), &[image, &[8, 3, 5, 5]], &[2, 8, 28, 28]);
    gives(&conv(|_| ()), &[image, &[8, 3, 5, 5], &[8]], &[2, 8, 28, 28]);
    let same = |c: &mut Conv| (c.pads_begin, c.pads_end) = (vec![1, 1], vec![1, 1]);
    gives(&conv(same), &[image, &[8, 3, 3, 3]], &[2, 8, 32, 32]);
    let halved = |c: &mut Conv| {
        same(c);
        c.strides = vec![2, 2];
    };
    gives(&conv(halved), &[image, &[8, 3, 3, 3]], &[2, 8, 16, 16]);
    // ONNX's SAME_LOWER for a stride of 2: more padding in front.
    let uneven = |c: &mut Conv| (c.strides, c.pads_begin) = (vec![2, 2], vec![1, 1]);
    gives(&conv(uneven), &[image, &[8, 3, 3, 3]], &[2, 8, 16, 16]);
    gives(&conv(|c| c.dilations = vec![3, 2]), &[image, &[8, 3, 3, 3]], &[2, 8, 26, 28]);
    gives(&conv(|c| c.groups = 3), &[image, &[6, 1, 1, 7]], &[2, 6, 32, 26]);
    let line = Op::Conv(Conv {
        groups: 1,
        strides: vec![4],
        dilations: vec![1],
        pads_begin: vec![0],
        pads_end: vec![2],
    });
    gives(&line, &[&[1, 2, 100], &[5, 2, 10]], &[1, 5, 24]);
}

#[test]
fn convolutions_that_do_not_fit() {
    let image: &[usize] = &[2, 4, 8, 8];
    refuses(&conv(|_| ()), &[image], "it takes 2 or 3 inputs, but has 1");
    refuses(&conv(|_| ()), &[&[2, 4], &[8, 4, 3, 3]], "x must be N×C×L or N×C×H×W, and has 2 axes");
    refuses(&conv(|_| ()), &[image, &[8, 4, 3]], "the weight has 3 axes, x has 4");
    refuses(&conv(|_| ()), &[image, &[8, 3, 3, 3]], "takes 3 input channels for each group, but there are 4");
    refuses(&conv(|c| c.groups = 0), &[image, &[8, 4, 3, 3]], "0 groups");
    refuses(&conv(|c| c.groups = 3), &[image, &[9, 1, 3, 3]], "4 input channels do not split into 3 groups");
    refuses(&conv(|c| c.groups = 4), &[image, &[6, 1, 3, 3]], "6 output channels do not split into 4 groups");
    refuses(&conv(|_| ()), &[image, &[8, 4, 3, 3], &[7]], "the bias must be [8]");
    refuses(
        &conv(|_| ()),
        &[image, &[8, 4, 9, 3]],
        "a kernel of 9 taps, 1 apart, does not fit a length of 8",
    );
    refuses(&conv(|c| c.strides = vec![1, 0]), &[image, &[8, 4, 3, 3]], "stride 0");
    refuses(&conv(|c| c.dilations = vec![0, 1]), &[image, &[8, 4, 3, 3]], "dilation 0");
    refuses(
        &conv(|c| c.strides = vec![1]),
        &[image, &[8, 4, 3, 3]],
        "the window has 2 axes, but strides lists 1",
    );
    refuses(&conv(|c| c.pads_end.clear()), &[image, &[8, 4, 3, 3]], "pads_end lists 0");
    refuses(&conv(|c| c.pads_end[0] = usize::MAX), &[image, &[8, 4, 3, 3]], "does not fit");
}

#[test]
fn pools() {
    let image: &[usize] = &[1, 3, 7, 8];
    gives(&pool(2, 2, |_| ()), &[image], &[1, 3, 3, 4]);
    gives(&pool(2, 2, |p| p.ceil_mode = true), &[image], &[1, 3, 4, 4]);
    let resnet = |p: &mut Pool| (p.pads_begin, p.pads_end) = (vec![1, 1], vec![1, 1]);
    gives(&pool(3, 2, resnet), &[&[1, 64, 112, 112]], &[1, 64, 56, 56]);
    // Ceiling would give 4 windows, but the last would start in the padding at the end.
    let late = |p: &mut Pool| {
        resnet(p);
        p.ceil_mode = true;
    };
    gives(&pool(2, 2, late), &[&[1, 1, 5, 5]], &[1, 1, 3, 3]);
    gives(&pool(2, 1, |p| p.dilations = vec![2, 3]), &[image], &[1, 3, 5, 5]);
    let mean = PoolKind::Mean { count_include_pad: false };
    gives(&pool(7, 1, |p| (p.kind, p.kernel[1]) = (mean, 8)), &[image], &[1, 3, 1, 1]);
}

#[test]
fn pools_that_do_not_fit() {
    let image: &[usize] = &[1, 3, 7, 8];
    refuses(&pool(2, 2, |p| p.pads_begin[0] = 2), &[image], "a padding of 2 and 0");
    refuses(&pool(2, 2, |p| p.pads_end[1] = 2), &[image], "some windows of length 2 lie beside x");
    refuses(&pool(9, 1, |_| ()), &[image], "a kernel of 9 taps");
    refuses(&pool(2, 0, |_| ()), &[image], "stride 0");
    refuses(&pool(0, 1, |_| ()), &[image], "kernel 0");
    refuses(&pool(2, 2, |p| p.kernel.push(2)), &[image], "the window has 3 axes, but strides lists 2");
    let holes = |p: &mut Pool| {
        p.dilations = vec![2, 2];
        (p.pads_begin, p.pads_end) = (vec![1, 1], vec![1, 1]);
    };
    refuses(&pool(2, 1, holes), &[&[1, 1, 1, 4]], "skip all of x");
    refuses(&pool(2, 2, |_| ()), &[&[1, 3]], "x must be");
}

#[test]
fn products() {
    gives(&Op::MatMul, &[&[2, 3], &[3, 4]], &[2, 4]);
    gives(&Op::MatMul, &[&[5, 1, 2, 3], &[7, 3, 4]], &[5, 7, 2, 4]);
    refuses(&Op::MatMul, &[&[2, 3], &[4, 3]], "a has 3 columns, b has 4 rows");
    refuses(&Op::MatMul, &[&[3], &[3, 4]], "at least two axes");
    refuses(&Op::MatMul, &[&[2, 2, 3], &[3, 3, 4]], "the leading axes cannot be broadcast");

    gives(&Op::Gemm(gemm()), &[&[8, 36], &[10, 36], &[10]], &[8, 10]);
    gives(&Op::Gemm(gemm()), &[&[8, 36], &[10, 36]], &[8, 10]);
    let plain = Gemm { trans_b: false, ..gemm() };
    gives(&Op::Gemm(plain.clone()), &[&[8, 36], &[36, 10], &[8, 1]], &[8, 10]);
    let both = Gemm { trans_a: true, ..gemm() };
    gives(&Op::Gemm(both), &[&[36, 8], &[10, 36], &[]], &[8, 10]);
    refuses(&Op::Gemm(gemm()), &[&[8, 36], &[36, 10]], "a′ has 36 columns, b′ has 10 rows");
    refuses(&Op::Gemm(plain.clone()), &[&[8, 36], &[36, 10], &[8]], "c cannot be broadcast to [8, 10]");
    refuses(&Op::Gemm(plain.clone()), &[&[1, 36], &[36, 10], &[2, 10]], "c cannot be broadcast to [1, 10]");
    refuses(&Op::Gemm(plain), &[&[8, 36, 1], &[36, 10]], "two axes each");
}

#[test]
fn elementwise_and_norms() {
    gives(&relu(), &[&[2, 3]], &[2, 3]);
    gives(&relu(), &[&[]], &[]);
    refuses(&relu(), &[], "it takes 1 input, but has 0");
    gives(&add(), &[&[2, 1, 3], &[4, 1]], &[2, 4, 3]);
    refuses(&add(), &[&[2], &[3]], "cannot be broadcast");
    let norm = Op::BatchNorm { epsilon: 1e-5 };
    gives(&norm, &[&[2, 3, 4], &[3], &[3], &[3], &[3]], &[2, 3, 4]);
    refuses(&norm, &[&[2, 3, 4], &[3], &[3], &[4], &[3]], "the mean must be [3]");
    refuses(&norm, &[&[2], &[2], &[2], &[2], &[2]], "there is no axis 1 in 1 axis");
    gives(&Op::Softmax { axis: 1 }, &[&[2, 3]], &[2, 3]);
    refuses(&Op::LogSoftmax { axis: 2 }, &[&[2, 3]], "there is no axis 2 in 2 axes");
}

#[test]
fn reductions() {
    let reduce = |axes: &[usize], keep_dims| {
        Op::Reduce(Reduce { kind: Reducer::Mean, axes: axes.to_vec(), keep_dims })
    };
    gives(&reduce(&[2, 3], true), &[&[2, 3, 4, 5]], &[2, 3, 1, 1]);
    gives(&reduce(&[2, 3], false), &[&[2, 3, 4, 5]], &[2, 3]);
    gives(&reduce(&[], false), &[&[2, 3]], &[2, 3]);
    gives(&reduce(&[0], false), &[&[3]], &[]);
    refuses(&reduce(&[1, 0], true), &[&[2, 3]], "do not ascend");
    refuses(&reduce(&[1, 1], true), &[&[2, 3]], "do not ascend");
    refuses(&reduce(&[2], true), &[&[2, 3]], "there is no axis 2");
}

#[test]
fn layouts() {
    let concat = Op::Concat { axis: 1 };
    gives(&concat, &[&[2, 3, 4], &[2, 5, 4], &[2, 1, 4]], &[2, 9, 4]);
    refuses(&concat, &[], "it takes 1 or more inputs");
    refuses(&concat, &[&[2, 3, 4], &[2, 5, 5]], "input 1 differs from input 0 beside axis 1");
    refuses(&concat, &[&[2, 3, 4], &[2, 5]], "input 1 differs");
    refuses(&Op::Concat { axis: 3 }, &[&[2, 3, 4]], "there is no axis 3");
    refuses(&concat, &[&[1, usize::MAX], &[1, 2]], "overflows");

    gives(&Op::Transpose { perm: vec![2, 0, 1] }, &[&[2, 3, 4]], &[4, 2, 3]);
    refuses(&Op::Transpose { perm: vec![0, 0, 1] }, &[&[2, 3, 4]], "does not permute 3 axes");
    refuses(&Op::Transpose { perm: vec![0, 3, 1] }, &[&[2, 3, 4]], "does not permute");
    refuses(&Op::Transpose { perm: vec![0, 1] }, &[&[2, 3, 4]], "does not permute");

    let pad =
        |mode, begin: &[i64], end: &[i64]| Op::Pad(Pad { mode, begin: begin.to_vec(), end: end.to_vec() });
    let zeros = PadMode::Constant(0.0);
    gives(&pad(zeros, &[0, 1], &[0, 2]), &[&[2, 3]], &[2, 6]);
    gives(&pad(zeros, &[0, -1], &[0, 2]), &[&[2, 3]], &[2, 4]);
    gives(&pad(PadMode::Reflect, &[0, 2], &[0, 2]), &[&[2, 3]], &[2, 7]);
    gives(&pad(PadMode::Edge, &[9, 0], &[0, 0]), &[&[2, 3]], &[11, 3]);
    refuses(
        &pad(PadMode::Reflect, &[0, 3], &[0, 0]),
        &[&[2, 3]],
        "3 elements along axis 1 cannot be mirrored to 3",
    );
    refuses(&pad(PadMode::Reflect, &[0, -1], &[0, 2]), &[&[2, 3]], "2 elements along axis 1");
    refuses(&pad(zeros, &[0, -3], &[0, 5]), &[&[2, 3]], "leaves nothing of axis 1, which is 3 long");
    refuses(&pad(zeros, &[0, i64::MIN], &[0, i64::MIN]), &[&[2, 3]], "leaves nothing");
    refuses(&pad(zeros, &[0], &[0, 0]), &[&[2, 3]], "x has 2 axes, but begin lists 1");

    let slice = |starts: &[i64], ends: &[i64], steps: &[i64]| {
        Op::Slice(Slice { starts: starts.to_vec(), ends: ends.to_vec(), steps: steps.to_vec() })
    };
    gives(&slice(&[0, -2], &[i64::MAX, i64::MAX], &[1, 1]), &[&[4, 5]], &[4, 2]);
    gives(&slice(&[3, -1], &[0, i64::MIN], &[-1, -2]), &[&[4, 5]], &[3, 3]);
    refuses(&slice(&[0, 0], &[1, 1], &[1, 0]), &[&[4, 5]], "the step along axis 1 is 0");
    refuses(&slice(&[0], &[1, 1], &[1, 1]), &[&[4, 5]], "starts lists 1");
}

#[test]
fn reshapes() {
    let to = |lengths: &[i64]| Op::Reshape(Reshape::To(lengths.to_vec()));
    gives(&to(&[0, -1]), &[&[2, 3, 4]], &[2, 12]);
    gives(&to(&[4, 0, 2]), &[&[2, 3, 4]], &[4, 3, 2]);
    gives(&to(&[]), &[&[1, 1]], &[]);
    gives(&to(&[-1]), &[&[]], &[1]);
    refuses(&to(&[-1, -1]), &[&[2, 3]], "more than one length is -1");
    refuses(&to(&[5, -1]), &[&[2, 3]], "6 elements do not split into 5");
    refuses(&to(&[4]), &[&[2, 3]], "6 elements do not fill [4]");
    refuses(&to(&[2, 3, 0]), &[&[2, 3]], "length 0 at place 2 copies an axis that x does not have");
    refuses(&to(&[-2]), &[&[2, 3]], "a length of -2");
    refuses(&to(&[i64::MAX, i64::MAX]), &[&[2, 3]], "overflows");

    let flatten = |axis| Op::Reshape(Reshape::Flatten { axis });
    gives(&flatten(0), &[&[2, 3, 4]], &[1, 24]);
    gives(&flatten(1), &[&[2, 3, 4]], &[2, 12]);
    gives(&flatten(3), &[&[2, 3, 4]], &[24, 1]);
    refuses(&flatten(4), &[&[2, 3, 4]], "there is no axis 4");

    let squeeze = |axes: &[usize]| Op::Reshape(Reshape::Squeeze { axes: axes.to_vec() });
    gives(&squeeze(&[2, 3]), &[&[2, 3, 1, 1]], &[2, 3]);
    gives(&squeeze(&[]), &[&[1, 3, 1]], &[3]);
    refuses(&squeeze(&[1]), &[&[2, 3]], "axis 1 has length 3, not 1");
    refuses(&squeeze(&[2]), &[&[2, 3]], "there is no axis 2");

    let unsqueeze = |axes: &[usize]| Op::Reshape(Reshape::Unsqueeze { axes: axes.to_vec() });
    gives(&unsqueeze(&[0, 3]), &[&[2, 3]], &[1, 2, 3, 1]);
    gives(&unsqueeze(&[0]), &[&[]], &[1]);
    refuses(&unsqueeze(&[4]), &[&[2, 3]], "there is no axis 4 in 3 axes");
    refuses(&unsqueeze(&[3, 0]), &[&[2, 3]], "do not ascend");
    refuses(&unsqueeze(&(0..1000).collect::<Vec<_>>()), &[&[2, 3]], "1002 axes are more than the 8");
}

#[test]
fn quantizers_and_observers() {
    let quantizer = Op::fake_quantize(1);
    gives(&quantizer, &[&[2, 3, 4], &[1], &[1], &[2]], &[2, 3, 4]);
    gives(&quantizer, &[&[2, 3, 4], &[3], &[1], &[2]], &[2, 3, 4]);
    gives(&quantizer, &[&[2, 3, 4], &[3], &[3], &[2]], &[2, 3, 4]);
    gives(&Op::fake_quantize(0), &[&[], &[1], &[1], &[2]], &[]);
    refuses(
        &quantizer,
        &[&[2, 3, 4], &[2], &[1], &[2]],
        "the scale has 2 elements, axis 1 of x has 3 channels",
    );
    refuses(&quantizer, &[&[2, 3, 4], &[3], &[4], &[2]], "the zero point has 4 elements");
    refuses(&quantizer, &[&[2, 3, 4], &[], &[1], &[2]], "the scale must have one axis");
    refuses(&quantizer, &[&[2, 3, 4], &[1], &[1], &[3]], "the bounds must be [2]");
    refuses(&quantizer, &[&[2, 3, 4], &[1], &[1]], "it takes 4 inputs, but has 3");
    refuses(&Op::fake_quantize(3), &[&[2, 3, 4], &[3], &[1], &[2]], "there is no axis 3");

    gives(&Op::Compare { axis: 1 }, &[&[2, 3, 4], &[2, 3, 4]], &[3, 8]);
    refuses(&Op::Compare { axis: 1 }, &[&[2, 3, 4], &[2, 3, 1]], "differ in shape");
    refuses(&Op::Compare { axis: 3 }, &[&[2, 3, 4], &[2, 3, 4]], "there is no axis 3");
    gives(&Op::Moments { axis: None }, &[&[2, 3, 4]], &[1, 5]);
    gives(&Op::Moments { axis: Some(2) }, &[&[2, 3, 4]], &[4, 5]);
    refuses(&Op::Moments { axis: Some(3) }, &[&[2, 3, 4]], "there is no axis 3");
    gives(&Op::Histogram { bins: 2048 }, &[&[2, 3, 4], &[2]], &[2051]);
    refuses(&Op::Histogram { bins: 0 }, &[&[2, 3, 4], &[2]], "0 bins");
    refuses(&Op::Histogram { bins: usize::MAX }, &[&[2, 3, 4], &[2]], "it takes 1 to");
    refuses(&Op::Histogram { bins: 4 }, &[&[2, 3, 4], &[1]], "the range must be [2]");
}

#[test]
fn a_whole_network_has_the_facts_worked_out_by_hand() {
    let graph = small_net().graph;
    let facts = infer(&graph, &batch(5)).unwrap();
    let shape = |name: &str| facts.of(graph.find(name).unwrap()).to_string();
    assert_eq!(shape("x"), "f32[5×1×8×8]");
    assert_eq!(shape("/conv1/Conv"), "f32[5×4×6×6]");
    assert_eq!(shape("pool1"), "f32[5×4×3×3]");
    assert_eq!(shape("flatten"), "f32[5×36]");
    assert_eq!(shape("logits"), "f32[5×10]");
    assert_eq!(shape("fc1.bias"), "f32[10]");
    assert_eq!(facts.len(), graph.wires().len());
}

#[test]
fn an_error_names_node_operator_reason_and_facts() {
    let mut graph = Graph::new();
    let x = graph.input("x", vec![Dim::Symbol("N".to_owned()), Dim::Known(3)]);
    let row = graph.parameter("row", Tensor::vector(vec![0.0; 4]));
    graph.node("sum", add(), &[x, row]);
    assert_eq!(
        infer(&graph, &batch(2)).unwrap_err().to_string(),
        "Add `sum`: the shapes cannot be broadcast to each other (inputs f32[2×3], f32[4])"
    );
    assert_eq!(infer(&graph, &Bindings::new()), Err(InferError::Unbound("N".to_owned())));
}

#[test]
fn an_opaque_operator_is_refused_by_name() {
    let mut graph = Graph::new();
    let x = graph.input("x", vec![Dim::Known(3)]);
    let opaque = Opaque { domain: "com.example".to_owned(), name: "GridSample".to_owned(), encoded: vec![1] };
    graph.node("warp", Op::Opaque(opaque), &[x]);
    let error = infer(&graph, &Bindings::new()).unwrap_err();
    assert_eq!(error, InferError::Unsupported { node: "warp".to_owned(), op: "GridSample".to_owned() });
}

#[test]
fn integers_do_not_enter_arithmetic() {
    let mut graph = Graph::new();
    let labels = graph.parameter("labels", Tensor::i64([2], vec![1, 2]).unwrap());
    graph.node("y", relu(), &[labels]);
    let error = infer(&graph, &Bindings::new()).unwrap_err().to_string();
    assert!(error.contains("input 0 is i64"), "{error}");
}

#[test]
fn empty_and_huge_tensors_are_refused() {
    let mut graph = Graph::new();
    let x = graph.input("x", vec![Dim::Symbol("N".to_owned()), Dim::Known(1)]);
    let y = graph.node("y", Op::Transpose { perm: vec![1, 0] }, &[x]);
    graph.node("z", Op::Binary(Binary::Add), &[x, y]);
    let error = |n: usize| infer(&graph, &batch(n)).unwrap_err().to_string();
    assert_eq!(error(0), "the input `x` f32[0×1] has no elements");
    assert!(error(1 << 15).contains("the output f32[32768×32768] has more than the"), "{}", error(1 << 15));
    assert!(error(usize::MAX).starts_with("the input `x`"), "{}", error(usize::MAX));
    assert!(infer(&graph, &batch(1 << 14)).is_ok());

    let mut graph = Graph::new();
    let empty = graph.parameter("empty", Tensor::vector(vec![]));
    let full = graph.parameter("full", Tensor::vector(vec![1.0]));
    assert!(infer(&graph, &Bindings::new()).is_ok(), "an empty parameter that nobody reads does no harm");
    graph.node("joined", Op::Concat { axis: 0 }, &[empty, full]);
    let error = infer(&graph, &Bindings::new()).unwrap_err().to_string();
    assert!(error.contains("input 0 has no elements"), "{error}");

    let mut graph = Graph::new();
    graph.input("x", vec![Dim::Known(1); 9]);
    let error = infer(&graph, &Bindings::new()).unwrap_err().to_string();
    assert!(error.contains("has 9 axes"), "{error}");
}

pub(crate) fn length() -> impl Strategy<Value = usize> {
    prop_oneof![6 => 0usize..6, 1 => Just(usize::MAX), 1 => Just(1 << 31), 1 => Just(1 << 62)]
}

fn signed() -> impl Strategy<Value = i64> {
    prop_oneof![6 => -5i64..6, 1 => Just(i64::MAX), 1 => Just(i64::MIN), 1 => Just(-(1 << 40))]
}

pub(crate) fn lengths() -> impl Strategy<Value = Vec<usize>> {
    prop_oneof![3 => prop::collection::vec(length(), 2), 1 => prop::collection::vec(length(), 0..4)]
}

fn signeds() -> impl Strategy<Value = Vec<i64>> {
    prop::collection::vec(signed(), 0..5)
}

/// Any operator with any attributes; those that only learning needs are beside.
pub(crate) fn any_op() -> impl Strategy<Value = Op> {
    let windows = (lengths(), lengths(), lengths(), lengths());
    let pools = (lengths(), lengths(), lengths(), lengths(), lengths(), any::<bool>(), any::<bool>());
    prop_oneof![
        4 => (length(), windows).prop_map(|(groups, (strides, dilations, pads_begin, pads_end))| {
            Op::Conv(Conv { groups, strides, dilations, pads_begin, pads_end })
        }),
        4 => pools.prop_map(|(kernel, strides, dilations, pads_begin, pads_end, max, ceil_mode)| {
            let kind = if max { PoolKind::Max } else { PoolKind::Mean { count_include_pad: ceil_mode } };
            Op::Pool(Pool { kind, kernel, strides, dilations, pads_begin, pads_end, ceil_mode })
        }),
        1 => Just(Op::MatMul),
        1 => any::<(bool, bool)>().prop_map(|(trans_a, trans_b)| {
            Op::Gemm(Gemm { alpha: 1.0, beta: 1.0, trans_a, trans_b })
        }),
        1 => Just(Op::BatchNorm { epsilon: 0.0 }),
        1 => Just(relu()),
        1 => Just(add()),
        1 => (lengths(), any::<bool>()).prop_map(|(axes, keep_dims)| {
            Op::Reduce(Reduce { kind: Reducer::Max, axes, keep_dims })
        }),
        1 => length().prop_map(|axis| Op::Softmax { axis }),
        1 => length().prop_map(|axis| Op::Concat { axis }),
        2 => (signeds(), signeds(), 0..3).prop_map(|(begin, end, mode)| {
            let mode = [PadMode::Constant(0.0), PadMode::Edge, PadMode::Reflect][mode as usize];
            Op::Pad(Pad { mode, begin, end })
        }),
        2 => (signeds(), signeds(), signeds()).prop_map(|(starts, ends, steps)| {
            Op::Slice(Slice { starts, ends, steps })
        }),
        2 => signeds().prop_map(|lengths| Op::Reshape(Reshape::To(lengths))),
        1 => length().prop_map(|axis| Op::Reshape(Reshape::Flatten { axis })),
        1 => lengths().prop_map(|axes| Op::Reshape(Reshape::Squeeze { axes })),
        1 => lengths().prop_map(|axes| Op::Reshape(Reshape::Unsqueeze { axes })),
        1 => lengths().prop_map(|perm| Op::Transpose { perm }),
        1 => length().prop_map(Op::fake_quantize),
        1 => length().prop_map(|axis| Op::Compare { axis }),
        1 => prop::option::of(length()).prop_map(|axis| Op::Moments { axis }),
        1 => length().prop_map(|bins| Op::Histogram { bins }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    #[test]
    fn no_attribute_and_no_shape_makes_inference_panic(
        op in any_op(),
        shapes in prop::collection::vec(prop::collection::vec(length(), 0..6), 0..6),
    ) {
        let mut graph = Graph::new();
        let inputs: Vec<_> = shapes
            .iter()
            .map(|shape| graph.input("x", shape.iter().copied().map(Dim::Known).collect()))
            .collect();
        let output = graph.node("y", op.clone(), &inputs);
        if let Ok(facts) = infer(&graph, &Bindings::new()) {
            let fact: &Fact = facts.of(output);
            prop_assert!((1..=MAX_ELEMENTS).contains(&fact.len()), "{:?} gives {}", op, fact);
        }
        let shapes: Vec<&[usize]> = shapes.iter().map(Vec::as_slice).collect();
        // Without the limits on its inputs it may refuse, but not panic either.
        output_shape(&op, &shapes).ok();
    }
}
