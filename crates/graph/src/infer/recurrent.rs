//! The shape rule of recurrent layers.

use crate::infer::shapes::{Shape, check};
use crate::op::{Cell, Recurrent};

pub(super) fn shape(recurrent: Recurrent, inputs: &[&[usize]]) -> Shape {
    let (most, directions, gates) = (
        if recurrent.cell == Cell::Lstm { 5 } else { 4 },
        recurrent.direction.count(),
        recurrent.cell.gates(),
    );
    let &[x, r, bias, ref states @ ..] = inputs else {
        return Err(format!("it takes gates, R and bias, but has {} inputs", inputs.len()));
    };
    check(inputs.len() <= most, || format!("it takes 3 to {most} inputs, but has {}", inputs.len()))?;
    let (&[steps, batch, columns], &[_, _, hidden]) = (x, r) else {
        return Err("the gates must be [T, B, D·G·H], and R [D, G·H, H]".to_owned());
    };
    let rows = hidden.checked_mul(gates).ok_or("H overflows")?;
    check(r == [directions, rows, hidden], || {
        format!(
            "with {directions} directions, {gates} gates and {hidden} hidden units R must be [{directions}, {rows}, {hidden}]"
        )
    })?;
    check(Some(columns) == rows.checked_mul(directions), || {
        format!("the gates have {columns} columns, but there are {directions}·{gates}·{hidden}")
    })?;
    check(bias == [directions, rows], || format!("the bias must be [{directions}, {rows}]"))?;
    for state in states {
        check(*state == [directions, batch, hidden], || {
            format!(
                "a state before the first step must be [{directions}, {batch}, {hidden}], and is {state:?}"
            )
        })?;
    }
    check(!recurrent.with_cell || recurrent.cell == Cell::Lstm, || {
        format!("{} has no cell state", recurrent.name())
    })?;
    let steps = steps.checked_add(usize::from(recurrent.with_cell)).ok_or("T overflows")?;
    Ok(vec![steps, directions, batch, hidden])
}
