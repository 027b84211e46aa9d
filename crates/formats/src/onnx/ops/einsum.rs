//! Einstein's summation: operands are contracted two at a time, each time by a matrix product.

use std::collections::BTreeMap;

use fewbit_graph::op::{Reducer, Slice};
use fewbit_graph::{Op, WireId};

use crate::error::Problem;
use crate::onnx::call::{Built, Call, Fault};
use crate::onnx::ops::slice::everything;

/// A subscript: a letter, or an axis of the ellipsis counted from its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Label {
    Ellipsis(usize),
    Letter(char),
}

struct Operand {
    wire: WireId,
    labels: Vec<Label>,
}

pub(super) fn einsum(call: &mut Call<'_, '_>) -> Built {
    let equation: String = call
        .attributes
        .text("equation")?
        .unwrap_or_default()
        .chars()
        .filter(|c| !c.is_whitespace())
        .collect();
    let (left, right) = match equation.split_once("->") {
        Some((left, right)) => (left, Some(right)),
        None => (equation.as_str(), None),
    };
    let terms: Vec<&str> = left.split(',').collect();
    let wrong = || -> Fault {
        Problem::Field {
            what: "attribute `equation`".to_owned(),
            found: equation.clone(),
            needed: "one with a term for each input and a subscript for each of its axes".to_owned(),
        }
        .into()
    };
    if terms.len() != call.node.input.len() {
        return Err(wrong());
    }
    let mut operands = Vec::new();
    let mut widest = 0;
    for (i, term) in terms.iter().enumerate() {
        let rank = call.rank(i)?;
        let labels = labels(term, Some(rank)).filter(|labels| labels.len() == rank).ok_or_else(wrong)?;
        widest = labels.iter().filter(|label| matches!(label, Label::Ellipsis(_))).count().max(widest);
        let wire = call.wire(i)?;
        operands.push(diagonal(call, &format!("diagonal{i}"), Operand { wire, labels })?);
    }
    let output = match right {
        Some(right) => {
            labels(right, Some(right.chars().filter(|c| *c != '.').count() + widest)).ok_or_else(wrong)?
        }
        None => implicit(&operands, &terms, widest),
    };
    let mut rest = operands.into_iter();
    let Some(mut sum) = rest.next() else { return Err(wrong()) };
    let mut rest: Vec<Operand> = rest.collect();
    rest.reverse();
    let mut number = 0;
    while let Some(next) = rest.pop() {
        let needed: Vec<Label> =
            rest.iter().flat_map(|operand| &operand.labels).chain(&output).copied().collect();
        sum = contract(call, &format!("pair{number}"), sum, next, &needed)?;
        number += 1;
    }
    let sum = reduced(call, "sum", sum, |label| output.contains(&label));
    if sum.labels.len() != output.len() || output.iter().any(|label| !sum.labels.contains(label)) {
        return Err(wrong());
    }
    let wire = ordered(call, "ordered", sum, &output).wire;
    call.done(wire)
}

/// The subscripts of a term for a tensor of `rank` axes.
fn labels(term: &str, rank: Option<usize>) -> Option<Vec<Label>> {
    let letter = |c: char| c.is_alphabetic().then_some(Label::Letter(c));
    let Some((before, after)) = term.split_once("...") else { return term.chars().map(letter).collect() };
    let letters = before.chars().count() + after.chars().count();
    let count = rank?.checked_sub(letters)?;
    let ellipsis = (0..count).rev().map(|i| Some(Label::Ellipsis(i)));
    before.chars().map(letter).chain(ellipsis).chain(after.chars().map(letter)).collect()
}

/// Without an arrow: the ellipsis, and then the letters that occur once, in their order.
fn implicit(operands: &[Operand], terms: &[&str], widest: usize) -> Vec<Label> {
    let mut counts = BTreeMap::new();
    for c in terms.iter().flat_map(|term| term.chars()).filter(|c| c.is_alphabetic()) {
        *counts.entry(c).or_insert(0) += 1;
    }
    let has_ellipsis =
        operands.iter().any(|operand| operand.labels.iter().any(|l| matches!(l, Label::Ellipsis(_))));
    let ellipsis = (0..if has_ellipsis { widest } else { 0 }).rev().map(Label::Ellipsis);
    ellipsis
        .chain(counts.into_iter().filter(|(_, count)| *count == 1).map(|(c, _)| Label::Letter(c)))
        .collect()
}

/// Where a subscript occurs twice in an operand, the diagonal of the two axes.
fn diagonal(call: &mut Call<'_, '_>, what: &str, mut operand: Operand) -> Result<Operand, Fault> {
    let twice = |labels: &[Label]| {
        labels
            .iter()
            .enumerate()
            .find_map(|(i, label)| Some((i, labels.iter().skip(i + 1).position(|l| l == label)? + i + 1)))
    };
    while let Some((i, j)) = twice(&operand.labels) {
        let shape = call.shape_of(operand.wire)?;
        let length = shape.get(i).copied().unwrap_or(1);
        let mut perm: Vec<usize> = (0..shape.len()).filter(|axis| *axis != i && *axis != j).collect();
        let rest = perm.clone();
        perm.extend([i, j]);
        let last = call.transpose(&format!("{what}.last"), operand.wire, perm);
        let mut flat: Vec<i64> = rest.iter().filter_map(|&axis| shape.get(axis)).map(|&n| n as i64).collect();
        flat.push((length * length) as i64);
        let flat = call.reshape(&format!("{what}.flat"), last, &flat);
        let Slice { starts, ends, mut steps } = everything(rest.len() + 1);
        steps.last_mut().into_iter().for_each(|step| *step = length as i64 + 1);
        operand.wire = call.step(what, Op::Slice(Slice { starts, ends, steps }), &[flat]);
        let label = operand.labels.remove(i);
        operand.labels.remove(j - 1);
        operand.labels.push(label);
    }
    Ok(operand)
}

/// The sum over the subscripts that are not kept.
fn reduced(call: &mut Call<'_, '_>, what: &str, operand: Operand, keep: impl Fn(Label) -> bool) -> Operand {
    let Operand { wire, labels } = operand;
    let axes: Vec<usize> =
        (0..labels.len()).filter(|&axis| labels.get(axis).is_some_and(|&l| !keep(l))).collect();
    if axes.is_empty() {
        return Operand { wire, labels };
    }
    let reduce = fewbit_graph::op::Reduce { kind: Reducer::Sum, axes, keep_dims: false };
    let wire = call.step(what, Op::Reduce(reduce), &[wire]);
    Operand { wire, labels: labels.into_iter().filter(|&label| keep(label)).collect() }
}

/// The operand with its axes in this order of its subscripts.
fn ordered(call: &mut Call<'_, '_>, what: &str, operand: Operand, order: &[Label]) -> Operand {
    let perm: Vec<usize> =
        order.iter().filter_map(|label| operand.labels.iter().position(|own| own == label)).collect();
    let wire = if perm.is_sorted() { operand.wire } else { call.transpose(what, operand.wire, perm) };
    Operand { wire, labels: order.to_vec() }
}

/// The product of two operands, summed over what only they have.
fn contract(
    call: &mut Call<'_, '_>,
    what: &str,
    a: Operand,
    b: Operand,
    needed: &[Label],
) -> Result<Operand, Fault> {
    let a = reduced(call, &format!("{what}.a.sum"), a, |label| {
        b.labels.contains(&label) || needed.contains(&label)
    });
    let b = reduced(call, &format!("{what}.b.sum"), b, |label| {
        a.labels.contains(&label) || needed.contains(&label)
    });
    let (mut batch, mut inner, mut rows) = (Vec::new(), Vec::new(), Vec::new());
    for &label in &a.labels {
        match (b.labels.contains(&label), needed.contains(&label)) {
            (true, true) => batch.push(label),
            (true, false) => inner.push(label),
            _ => rows.push(label),
        }
    }
    let columns: Vec<Label> = b.labels.iter().filter(|label| !a.labels.contains(label)).copied().collect();
    let a = ordered(call, &format!("{what}.a"), a, &[&batch[..], &rows, &inner].concat());
    let b = ordered(call, &format!("{what}.b"), b, &[&batch[..], &inner, &columns].concat());
    let length = |call: &Call<'_, '_>, operand: &Operand, label: &Label| -> Result<i64, Fault> {
        let shape = call.shape_of(operand.wire)?;
        let axis = operand.labels.iter().position(|own| own == label);
        Ok(axis.and_then(|axis| shape.get(axis)).map_or(1, |&n| n as i64))
    };
    // The batch keeps its axes; the others become two: 0 copies a length, and −1 takes what is left.
    let merged =
        |call: &mut Call<'_, '_>, what: String, operand: &Operand, first: &[Label], second: &[Label]| {
            if first.len() == 1 && second.len() == 1 {
                return Ok(operand.wire);
            }
            let mut lengths = vec![0; batch.len()];
            let first = match first {
                [_] => 0,
                labels => labels.iter().try_fold(1i64, |product, label| {
                    Ok::<_, Fault>(product * length(call, operand, label)?)
                })?,
            };
            lengths.extend([first, -1]);
            Ok::<_, Fault>(call.reshape(&what, operand.wire, &lengths))
        };
    let left = merged(call, format!("{what}.a.flat"), &a, &rows, &inner)?;
    let right = merged(call, format!("{what}.b.flat"), &b, &inner, &columns)?;
    let product = call.step(&format!("{what}.product"), Op::MatMul, &[left, right]);
    let labels = [&batch[..], &rows, &columns].concat();
    if rows.len() == 1 && columns.len() == 1 {
        return Ok(Operand { wire: product, labels });
    }
    let mut lengths = vec![0; batch.len()];
    for label in &rows {
        lengths.push(if rows.len() == 1 { 0 } else { length(call, &a, label)? });
    }
    for label in &columns {
        lengths.push(if columns.len() == 1 { -1 } else { length(call, &b, label)? });
    }
    let wire = call.reshape(&format!("{what}.split"), product, &lengths);
    Ok(Operand { wire, labels })
}
