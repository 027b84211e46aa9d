//! Shape inference of the operators that only learning needs, and of assignments.

use fewbit_graph::infer::output_shape;
use fewbit_graph::op::{
    Bernoulli, Conv, ConvInputGrad, ConvWeightGrad, Estimator, PoolGrad, QuantizerInput, Slope,
    SoftRoundInput, Unary, Update,
};
use fewbit_graph::tensor::Dim;
use fewbit_graph::{Bindings, Graph, InferError, Op, Tensor, infer};
use proptest::prelude::*;

use crate::infer::{any_op, gives, length, lengths, refuses};
use crate::samples::{conv2d, max_pool2d};

fn quantizer_grad(axis: usize, slope: Slope) -> Op {
    let estimator = Estimator { slope, ..Estimator::default() };
    Op::FakeQuantizeGrad { axis, estimator, wrt: QuantizerInput::Scale }
}

#[test]
fn gradients_of_quantizers_have_the_shape_of_the_values() {
    let grad = quantizer_grad(1, Slope::Straight);
    let x: &[usize] = &[2, 3, 4];
    gives(&grad, &[x, x, &[1], &[1], &[2]], x);
    gives(&grad, &[x, x, &[3], &[3], &[2]], x);
    refuses(&grad, &[x, x, &[1], &[1]], "it takes 5 inputs, but has 4");
    refuses(&grad, &[&[2, 3], x, &[1], &[1], &[2]], "the gradient is [2, 3], but x is [2, 3, 4]");
    refuses(&grad, &[x, x, &[4], &[1], &[2]], "axis 1 of x has 3 channels");
    refuses(&grad, &[x, x, &[3], &[1], &[3]], "the bounds must be [2]");
    let grid: &[&[usize]] = &[x, x, &[1], &[1], &[2]];
    refuses(&quantizer_grad(1, Slope::Dsq { alpha: 1.0 }), grid, "DSQ's α of 1");
    refuses(&quantizer_grad(1, Slope::Ewgs { delta: f32::NAN }), grid, "EWGS's δ");
}

#[test]
fn soft_rounding_has_the_shape_of_its_variables() {
    let (soft, v): (Op, &[usize]) = (Op::SoftRound { axis: 0 }, &[5, 2]);
    gives(&soft, &[v, v, &[5], &[1], &[2]], v);
    refuses(&soft, &[&[5], v, &[5], &[1], &[2]], "the base is [5], but v is [5, 2]");
    refuses(&soft, &[v, v, &[2], &[1], &[2]], "the scale has 2 elements");
    let grad = Op::SoftRoundGrad { axis: 0, wrt: SoftRoundInput::Rounding };
    gives(&grad, &[v, v, v, &[1], &[1], &[2]], v);
    refuses(&grad, &[&[2, 5], v, v, &[1], &[1], &[2]], "the gradient is [2, 5], but v is [5, 2]");
    refuses(&grad, &[], "it takes 6 inputs");
    refuses(&grad, &[v, v, v, &[1], &[1]], "it takes 5 inputs, but has 4");
}

fn halving() -> Conv {
    Conv { strides: vec![2; 2], pads_begin: vec![1; 2], pads_end: vec![1; 2], ..conv2d() }
}

#[test]
fn gradients_of_convolutions_know_the_lengths_that_strides_leave_open() {
    let along_x = |size: usize| Op::ConvInputGrad(ConvInputGrad { conv: halving(), spatial: vec![size; 2] });
    let (g, w): (&[usize], &[usize]) = (&[2, 8, 7, 7], &[8, 3, 3, 3]);
    gives(&along_x(13), &[g, w], &[2, 3, 13, 13]);
    gives(&along_x(14), &[g, w], &[2, 3, 14, 14]);
    refuses(
        &along_x(15),
        &[g, w],
        "the gradient is [2, 8, 7, 7], but the convolution's output is [2, 8, 8, 8]",
    );
    refuses(&along_x(14), &[&[2, 6, 7, 7], w], "the gradient is [2, 6, 7, 7]");
    refuses(&along_x(14), &[g], "2 inputs");
    let grouped = Conv { groups: 4, ..halving() };
    let grouped = Op::ConvInputGrad(ConvInputGrad { conv: grouped, spatial: vec![14; 2] });
    gives(&grouped, &[g, &[8, 3, 3, 3]], &[2, 12, 14, 14]);
    let along_w = |taps: usize| Op::ConvWeightGrad(ConvWeightGrad { conv: halving(), kernel: vec![taps; 2] });
    gives(&along_w(3), &[g, &[2, 3, 14, 14]], &[8, 3, 3, 3]);
    gives(&along_w(4), &[g, &[2, 3, 14, 14]], &[8, 3, 4, 4]);
    refuses(&along_w(5), &[g, &[2, 3, 14, 14]], "the gradient is [2, 8, 7, 7], but the convolution's output");
    refuses(&along_w(3), &[g, &[1, 3, 14, 14]], "the gradient is [2, 8, 7, 7]");
    refuses(&along_w(3), &[&[2], &[2, 3, 14, 14]], "g and x must be N×C×H×W");
}

#[test]
fn gradients_of_poolings_and_functions_have_the_shape_of_x() {
    let pool = Op::PoolGrad(PoolGrad { pool: max_pool2d(2, 2) });
    gives(&pool, &[&[1, 3, 3, 4], &[1, 3, 7, 8]], &[1, 3, 7, 8]);
    refuses(&pool, &[&[1, 3, 4, 4], &[1, 3, 7, 8]], "the gradient is [1, 3, 4, 4]");
    let relu = Op::UnaryGrad(Unary::Relu);
    gives(&relu, &[&[2, 3], &[2, 3]], &[2, 3]);
    refuses(&relu, &[&[2, 3], &[3]], "[3]");
}

#[test]
fn gathering_replaces_an_axis_by_those_of_the_numbers() {
    let gather = |axis| Op::Gather { axis };
    gives(&gather(0), &[&[60, 1, 28], &[32]], &[32, 1, 28]);
    gives(&gather(1), &[&[2, 9, 4], &[3, 5]], &[2, 3, 5, 4]);
    gives(&gather(1), &[&[2, 9, 4], &[]], &[2, 4]);
    refuses(&gather(3), &[&[2, 9, 4], &[5]], "there is no axis 3");
    let grad = |axis, length| Op::GatherGrad { axis, length };
    gives(&grad(1, 9), &[&[2, 3, 5, 4], &[3, 5]], &[2, 9, 4]);
    gives(&grad(0, 60), &[&[32, 1, 28], &[32]], &[60, 1, 28]);
    refuses(&grad(0, 9), &[&[2, 3, 5, 4], &[3, 5]], "does not have the axes of the indices");
    refuses(&grad(1, 0), &[&[2, 3], &[3]], "the axis has no elements");
    refuses(&grad(7, 9), &[&[2, 3], &[3]], "does not have the axes");
}

#[test]
fn broadcasting_goes_to_larger_shapes_alone() {
    let expand = |shape: &[usize]| Op::Expand { shape: shape.to_vec() };
    gives(&expand(&[2, 3, 4]), &[&[3, 1]], &[2, 3, 4]);
    gives(&expand(&[2, 3]), &[&[]], &[2, 3]);
    refuses(&expand(&[3, 1]), &[&[3, 4]], "[3, 4] cannot be broadcast to [3, 1]");
    refuses(&expand(&[4]), &[&[1, 4]], "cannot be broadcast");
}

#[test]
fn draws_have_the_shape_that_they_are_like() {
    let draw = |probability| Op::Bernoulli(Bernoulli { seed: 1, stream: 2, probability });
    gives(&draw(0.5), &[&[2, 3], &[1]], &[2, 3]);
    refuses(&draw(1.5), &[&[2, 3], &[1]], "1.5 is no probability");
    refuses(&draw(f32::NAN), &[&[2, 3], &[1]], "NaN is no probability");
    refuses(&draw(0.5), &[&[2, 3], &[2]], "the step must be [1]");
}

#[test]
fn updates_take_tensors_of_one_shape_and_their_rates() {
    let p: &[usize] = &[4, 3];
    gives(&Op::Update(Update::Momentum { momentum: 0.9 }), &[p, p], p);
    gives(&Op::Update(Update::Descend), &[p, p, &[2]], p);
    gives(&Op::Update(Update::Sign), &[p, p, &[1]], p);
    let adam = Op::Update(Update::Adam { epsilon: 1e-8 });
    gives(&adam, &[p, p, p, &[4]], p);
    refuses(&adam, &[p, p, p, &[3]], "the rates must be [4]");
    refuses(&adam, &[p, p, &[4]], "it takes 4 inputs, but has 3");
    refuses(&adam, &[p, &[3, 4], p, &[4]], "an input is [3, 4], but the first is [4, 3]");
    refuses(&Op::Update(Update::Descend), &[], "it takes 3 inputs, but has 0");
}

#[test]
fn what_is_assigned_has_the_shape_of_its_parameter() {
    let mut graph = Graph::new();
    let x = graph.input("x", vec![Dim::Symbol("N".to_owned()), Dim::Known(3)]);
    let p = graph.parameter("p", Tensor::zeros([2, 3]));
    let next = graph.node("next", Op::Unary(Unary::Relu), &[x]);
    graph.assign(p, next);
    assert!(infer(&graph, &Bindings::from([("N".to_owned(), 2)])).is_ok());
    let error = infer(&graph, &Bindings::from([("N".to_owned(), 4)])).unwrap_err();
    assert!(matches!(error, InferError::Assignment { .. }), "{error}");
    assert!(error.to_string().contains("`next`") && error.to_string().contains("`p`"), "{error}");
}

/// Any operator that only learning needs, with any attributes.
fn any_learning_op() -> impl Strategy<Value = Op> {
    let windows = (any_op(), lengths(), any::<bool>());
    let windows = windows.prop_filter_map("windows alone", |(op, lengths, along_x)| match op {
        Op::Conv(conv) if along_x => Some(Op::ConvInputGrad(ConvInputGrad { conv, spatial: lengths })),
        Op::Conv(conv) => Some(Op::ConvWeightGrad(ConvWeightGrad { conv, kernel: lengths })),
        Op::Pool(pool) => Some(Op::PoolGrad(PoolGrad { pool })),
        _ => None,
    });
    let rates = prop::sample::select(vec![
        Update::Momentum { momentum: 0.9 },
        Update::Descend,
        Update::Sign,
        Update::Adam { epsilon: 1e-8 },
    ]);
    prop_oneof![
        4 => windows,
        1 => length().prop_map(|axis| quantizer_grad(axis, Slope::Straight)),
        1 => length().prop_map(|axis| Op::SoftRound { axis }),
        1 => length().prop_map(|axis| Op::SoftRoundGrad { axis, wrt: SoftRoundInput::Scale }),
        1 => Just(Op::UnaryGrad(Unary::Relu)),
        2 => length().prop_map(|axis| Op::Gather { axis }),
        2 => (length(), length()).prop_map(|(axis, length)| Op::GatherGrad { axis, length }),
        1 => lengths().prop_map(|shape| Op::Expand { shape }),
        1 => Just(Op::Bernoulli(Bernoulli { seed: 0, stream: 0, probability: 0.5 })),
        1 => rates.prop_map(Op::Update),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    #[test]
    fn no_attribute_and_no_shape_makes_inference_of_learning_panic(
        op in any_learning_op(),
        shapes in prop::collection::vec(prop::collection::vec(length(), 0..6), 0..6),
    ) {
        let mut graph = Graph::new();
        let inputs: Vec<_> = shapes
            .iter()
            .map(|shape| graph.input("x", shape.iter().copied().map(Dim::Known).collect()))
            .collect();
        graph.node("y", op.clone(), &inputs);
        infer(&graph, &Bindings::new()).ok();
        let shapes: Vec<&[usize]> = shapes.iter().map(Vec::as_slice).collect();
        output_shape(&op, &shapes).ok();
    }
}
