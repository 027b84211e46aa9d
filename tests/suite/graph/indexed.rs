//! Shape inference of operators that choose elements, and of recurrent layers.

use std::collections::BTreeSet;

use fewbit_graph::infer::output_shape;
use fewbit_graph::op::{Cell, Direction, Recurrent, ScatterReduction, Unary};
use fewbit_graph::tensor::Dim;
use fewbit_graph::{Bindings, Graph, Op, infer};
use proptest::prelude::*;

use crate::infer::{gives, length, refuses};

const DIRECTIONS: [Direction; 3] = [Direction::Forward, Direction::Reverse, Direction::Bidirectional];

#[test]
fn a_choice_has_the_shape_that_all_three_broadcast_to() {
    gives(&Op::Where, &[&[4, 1], &[3], &[2, 1, 1]], &[2, 4, 3]);
    gives(&Op::Where, &[&[], &[], &[]], &[]);
    refuses(&Op::Where, &[&[2], &[3], &[1]], "cannot be broadcast to each other");
    refuses(&Op::Where, &[&[2], &[2]], "it takes 3 inputs, but has 2");
}

#[test]
fn order_shortens_an_axis_or_takes_it_away() {
    let arg = |axis, keep_dims| Op::ArgReduce { max: true, axis, keep_dims, last: false };
    gives(&arg(1, true), &[&[2, 5, 3]], &[2, 1, 3]);
    gives(&arg(1, false), &[&[2, 5, 3]], &[2, 3]);
    refuses(&arg(3, false), &[&[2, 5, 3]], "there is no axis 3");
    let top = |axis, k| Op::TopK { axis, k, largest: true, indices: false };
    gives(&top(1, 5), &[&[2, 5, 3]], &[2, 5, 3]);
    refuses(&top(1, 6), &[&[2, 5, 3]], "it takes 1 to 5 elements of axis 1, not 6");
    refuses(&top(1, 0), &[&[2, 5, 3]], "not 0");
    let sum = |axis| Op::CumSum { axis, exclusive: false, reverse: false };
    gives(&sum(0), &[&[2, 5]], &[2, 5]);
    refuses(&sum(2), &[&[2, 5]], "there is no axis 2");
}

#[test]
fn elements_by_their_places_have_the_shape_of_the_indices() {
    let gather = Op::GatherElements { axis: 1 };
    gives(&gather, &[&[3, 4], &[2, 9]], &[2, 9]);
    refuses(&gather, &[&[3, 4], &[4, 1]], "the indices [4, 1] do not fit into [3, 4] beside axis 1");
    refuses(&gather, &[&[3, 4], &[4]], "do not fit");
    let scatter = Op::ScatterElements { axis: 1, reduction: ScatterReduction::Add };
    gives(&scatter, &[&[3, 4], &[2, 9], &[2, 9]], &[3, 4]);
    refuses(&scatter, &[&[3, 4], &[2, 9], &[2, 8]], "the updates are [2, 8], but the indices are [2, 9]");
}

#[test]
fn parts_by_their_places_follow_the_batches_and_the_places() {
    let gather = |batch_dims| Op::GatherNd { batch_dims };
    gives(&gather(0), &[&[3, 4, 5], &[7, 2]], &[7, 5]);
    gives(&gather(1), &[&[3, 4, 5], &[3, 6, 1]], &[3, 6, 5]);
    gives(&gather(0), &[&[3, 4], &[2]], &[]);
    refuses(&gather(1), &[&[3, 4, 5], &[2, 6, 1]], "the first 1 axes of x [3, 4, 5] and of the indices");
    refuses(&gather(0), &[&[3, 4], &[7, 3]], "list 3 numbers for each place, but x has 2 axes for them");
    refuses(&gather(0), &[&[3, 4], &[]], "have no axis that lists them");
    let scatter = Op::ScatterNd { reduction: ScatterReduction::Replace };
    gives(&scatter, &[&[3, 4, 5], &[7, 2], &[7, 5]], &[3, 4, 5]);
    refuses(&scatter, &[&[3, 4, 5], &[7, 2], &[7, 4]], "the updates are [7, 4], not [7, 5]");
}

fn lstm(direction: Direction, with_cell: bool) -> Op {
    Op::Recurrent(Recurrent { cell: Cell::Lstm, direction, with_cell })
}

#[test]
fn a_recurrent_layer_has_a_state_for_each_step() {
    let (x, r, bias, state): (&[usize], &[usize], &[usize], &[usize]) =
        (&[7, 2, 24], &[2, 12, 3], &[2, 12], &[2, 2, 3]);
    gives(&lstm(Direction::Bidirectional, false), &[x, r, bias], &[7, 2, 2, 3]);
    gives(&lstm(Direction::Bidirectional, true), &[x, r, bias, state, state], &[8, 2, 2, 3]);
    refuses(&lstm(Direction::Forward, false), &[x, r, bias], "R must be [1, 12, 3]");
    refuses(&lstm(Direction::Bidirectional, false), &[x, r], "it takes gates, R and bias");
    refuses(&lstm(Direction::Bidirectional, false), &[x, r, &[12]], "the bias must be [2, 12]");
    refuses(&lstm(Direction::Bidirectional, false), &[&[7, 2, 12], r, bias], "the gates have 12 columns");
    refuses(
        &lstm(Direction::Bidirectional, false),
        &[x, r, bias, &[2, 3]],
        "must be [2, 2, 3], and is [2, 3]",
    );
    let gru = |with_cell| {
        let cell = Cell::Gru { linear_before_reset: true };
        Op::Recurrent(Recurrent { cell, direction: Direction::Reverse, with_cell })
    };
    gives(&gru(false), &[&[7, 2, 9], &[1, 9, 3], &[1, 9]], &[7, 1, 2, 3]);
    refuses(&gru(true), &[&[7, 2, 9], &[1, 9, 3], &[1, 9]], "GRU has no cell state");
    refuses(
        &gru(false),
        &[&[7, 2, 9], &[1, 9, 3], &[1, 9], &[1, 2, 3], &[1, 2, 3]],
        "it takes 3 to 4 inputs",
    );
}

#[test]
fn names_and_attributes_tell_operators_apart() {
    let bools = [false, true];
    let mut ops = vec![Op::Where];
    for (a, b) in bools.into_iter().flat_map(|a| bools.map(|b| (a, b))) {
        ops.extend([
            Op::ArgReduce { max: a, axis: 0, keep_dims: b, last: false },
            Op::ArgReduce { max: a, axis: 1, keep_dims: b, last: true },
            Op::TopK { axis: 0, k: 2, largest: a, indices: b },
            Op::CumSum { axis: 0, exclusive: a, reverse: b },
            Op::Unary(Unary::IsInf { positive: a, negative: b }),
        ]);
    }
    for direction in DIRECTIONS {
        let cells = bools.map(|flag| Cell::Gru { linear_before_reset: flag });
        let cells = cells.into_iter().chain(bools.map(|relu| Cell::Rnn { relu }));
        ops.extend(cells.map(|cell| Op::Recurrent(Recurrent { cell, direction, with_cell: false })));
        ops.extend(bools.map(|with_cell| lstm(direction, with_cell)));
    }
    for reduction in [ScatterReduction::Replace, ScatterReduction::Add, ScatterReduction::Max] {
        ops.extend([Op::ScatterElements { axis: 0, reduction }, Op::ScatterNd { reduction }]);
    }
    let read: BTreeSet<String> =
        ops.iter().map(|op| format!("{} {:?}", op.name(), op.attributes())).collect();
    assert_eq!(read.len(), ops.len(), "{read:#?}");
}

fn any_indexed_op() -> impl Strategy<Value = Op> {
    let reduction = ScatterReduction::Add;
    let layers = (prop::sample::select(DIRECTIONS.to_vec()), any::<bool>());
    prop_oneof![
        1 => Just(Op::Where),
        1 => (length(), any::<bool>())
            .prop_map(|(axis, keep_dims)| Op::ArgReduce { max: true, axis, keep_dims, last: false }),
        1 => (length(), length()).prop_map(|(axis, k)| Op::TopK { axis, k, largest: true, indices: true }),
        1 => length().prop_map(|axis| Op::CumSum { axis, exclusive: true, reverse: true }),
        2 => length().prop_map(|axis| Op::GatherElements { axis }),
        2 => length().prop_map(|batch_dims| Op::GatherNd { batch_dims }),
        2 => length().prop_map(move |axis| Op::ScatterElements { axis, reduction }),
        2 => Just(Op::ScatterNd { reduction }),
        2 => layers.prop_map(|(direction, with_cell)| lstm(direction, with_cell)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    #[test]
    fn no_attribute_and_no_shape_makes_inference_of_choices_panic(
        op in any_indexed_op(),
        shapes in prop::collection::vec(prop::collection::vec(length(), 0..5), 0..6),
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
