//! Operators on values whose axes are in another order: y = op(transpose(x)) as transpose(op′(x)).

use super::{Delay, Held, reshape_to};
use crate::graph::{Node, WireId};
use crate::op::{Op, Pad, Reduce, Slice};

/// The operator, the order that is held back behind it, and what it reads.
type Moved = (Op, Option<Vec<usize>>, Vec<WireId>);

/// `node` on what is not transposed; none if nothing is, or the order of axes means something to it.
pub(super) fn moved(delay: &mut Delay<'_>, node: &Node) -> Option<Moved> {
    let perm = node.inputs.iter().find_map(|&input| delay.held(input).perm)?;
    match &node.op {
        Op::Unary(_)
        | Op::Softmax { .. }
        | Op::LogSoftmax { .. }
        | Op::CumSum { .. }
        | Op::TopK { .. }
        | Op::Pad(_)
        | Op::Slice(_) => {
            let inputs = vec![delay.held(node.inputs[0]).wire];
            Some((renamed(&node.op, &perm), Some(perm), inputs))
        }
        Op::Binary(_) | Op::Where => {
            Some((node.op.clone(), Some(perm.clone()), together(delay, node, &perm, true)?))
        }
        Op::Concat { .. } => {
            Some((renamed(&node.op, &perm), Some(perm.clone()), together(delay, node, &perm, false)?))
        }
        Op::Reduce(reduce) => {
            let input = delay.held(node.inputs[0]).wire;
            let (op, perm) = reduced(reduce, &perm);
            Some((op, perm, vec![input]))
        }
        Op::Reshape(_) => reshaped(delay, node, &perm),
        _ => None,
    }
}

/// The inputs of an operator on several values that all wait for the same order. Constants are brought into the order that the
/// others have now; `broadcasts` says whether they may have fewer axes.
fn together(delay: &mut Delay<'_>, node: &Node, perm: &[usize], broadcasts: bool) -> Option<Vec<WireId>> {
    for &input in &node.inputs {
        let is_constant = delay.graph.value(input).is_some();
        let waits = delay.held(input).perm.as_deref() == Some(perm);
        let rank = delay.lengths(input).len();
        if !(waits || is_constant && (rank == perm.len() || broadcasts && rank < perm.len())) {
            return None;
        }
    }
    let inputs = node.inputs.clone();
    Some(
        inputs
            .into_iter()
            .map(|input| match delay.graph.value(input) {
                Some(_) => delay.constant(input, perm),
                None => delay.held(input).wire,
            })
            .collect(),
    )
}

/// An operator on the same number of axes, each called by its place in what is not transposed.
fn renamed(op: &Op, perm: &[usize]) -> Op {
    fn placed<T: Copy>(list: &[T], perm: &[usize]) -> Vec<T> {
        let mut placed = list.to_vec();
        for (&value, &axis) in list.iter().zip(perm) {
            placed[axis] = value;
        }
        placed
    }
    let mut op = op.clone();
    match &mut op {
        Op::Softmax { axis }
        | Op::LogSoftmax { axis }
        | Op::Concat { axis }
        | Op::CumSum { axis, .. }
        | Op::TopK { axis, .. } => *axis = perm[*axis],
        Op::Pad(Pad { begin, end, .. }) => (*begin, *end) = (placed(begin, perm), placed(end, perm)),
        Op::Slice(Slice { starts, ends, steps }) => {
            (*starts, *ends, *steps) = (placed(starts, perm), placed(ends, perm), placed(steps, perm));
        }
        _ => {}
    }
    op
}

/// A reduction, and the order of the axes that are left.
fn reduced(reduce: &Reduce, perm: &[usize]) -> (Op, Option<Vec<usize>>) {
    let mut axes: Vec<usize> = reduce.axes.iter().map(|&axis| perm[axis]).collect();
    axes.sort_unstable();
    let left = if reduce.keep_dims {
        perm.to_vec()
    } else {
        let stays = perm.iter().filter(|axis| !axes.contains(axis));
        stays.map(|&axis| axis - axes.iter().filter(|&&gone| gone < axis).count()).collect()
    };
    (Op::Reduce(Reduce { axes, ..reduce.clone() }), ordered(left))
}

/// A Reshape that only adds and drops axes of length 1: those that it adds come last.
fn reshaped(delay: &Delay<'_>, node: &Node, perm: &[usize]) -> Option<Moved> {
    let (before, after) = (delay.lengths(node.inputs[0]), delay.lengths(node.output));
    let is_long = |length: &&[usize; 2]| **length != [1, 1];
    if !before.iter().filter(is_long).eq(after.iter().filter(is_long)) {
        return None;
    }
    let Held { wire, .. } = delay.held(node.inputs[0]);
    // The long axes as they are named in what is not transposed, in the order in which the result has them.
    let long: Vec<usize> =
        perm.iter().zip(&before).filter(|(_, length)| is_long(length)).map(|(&axis, _)| axis).collect();
    let place = |axis: usize| long.iter().filter(|&&other| other < axis).count();
    let (mut next_long, mut next_one) = (long.iter(), long.len()..);
    let order: Option<Vec<usize>> = after
        .iter()
        .map(|length| match is_long(&length) {
            true => next_long.next().map(|&axis| place(axis)),
            false => next_one.next(),
        })
        .collect();
    let order = order?;
    let mut lengths = vec![[1; 2]; after.len()];
    for (&at, &length) in order.iter().zip(&after) {
        lengths[at] = length;
    }
    Some((Op::Reshape(reshape_to(&lengths)?), ordered(order), vec![wire]))
}

/// None for the order that changes nothing.
fn ordered(perm: Vec<usize>) -> Option<Vec<usize>> {
    (!perm.iter().copied().eq(0..perm.len())).then_some(perm)
}
