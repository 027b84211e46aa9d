//! LSTM, GRU and RNN: the gates' own part is a matrix product for all steps, and what recurs is one node.

use fewbit_graph::op::{Binary, Cell, Direction, Recurrent, Reshape};
use fewbit_graph::{Op, Tensor, WireId};

use crate::onnx::call::{Built, Call, Fault, unsupported};
use crate::onnx::ops::index::part;

pub(super) fn lstm(call: &mut Call<'_, '_>) -> Built {
    if call.input(7).is_some() || call.attributes.flag("input_forget")?.unwrap_or(false) {
        return unsupported("it has peepholes, or couples its input and forget gates");
    }
    activations(call, &["Sigmoid", "Tanh", "Tanh"])?;
    recurrent(call, Cell::Lstm)
}

pub(super) fn gru(call: &mut Call<'_, '_>) -> Built {
    activations(call, &["Sigmoid", "Tanh"])?;
    let linear_before_reset = call.attributes.flag("linear_before_reset")?.unwrap_or(false);
    recurrent(call, Cell::Gru { linear_before_reset })
}

pub(super) fn rnn(call: &mut Call<'_, '_>) -> Built {
    let relu = call.attributes.texts("activations")?.first().is_some_and(|name| name == "Relu");
    activations(call, if relu { &["Relu"] } else { &["Tanh"] })?;
    recurrent(call, Cell::Rnn { relu })
}

/// Refuses other activations than these, which every direction has.
fn activations(call: &Call<'_, '_>, wanted: &[&str]) -> Result<(), Fault> {
    let found = call.attributes.texts("activations")?;
    match found.iter().zip(wanted.iter().cycle()).find(|(found, wanted)| !found.eq_ignore_ascii_case(wanted))
    {
        Some((found, _)) => unsupported(format!("one of its activations is {found}")),
        None if call.attributes.has("clip") => unsupported("it clips its gates"),
        None => Ok(()),
    }
}

fn recurrent(call: &mut Call<'_, '_>, cell: Cell) -> Built {
    let direction = match call.attributes.text("direction")?.unwrap_or("forward") {
        "forward" => Direction::Forward,
        "reverse" => Direction::Reverse,
        "bidirectional" => Direction::Bidirectional,
        other => return unsupported(format!("its direction is {other}")),
    };
    let batch_first = call.attributes.flag("layout")?.unwrap_or(false);
    let time = usize::from(batch_first);
    if call.input(4).is_some() {
        let steps = call.fixed_length(0, time)? as i64;
        if call.fixed_integers(4)?.is_none_or(|lengths| lengths.iter().any(|length| *length != steps)) {
            return unsupported("its sequences differ in length");
        }
    }
    let shape = call.fixed_shape(2)?;
    let &[directions, rows, hidden] = shape.as_slice() else {
        return unsupported("its R has not three axes");
    };
    let columns = (directions * rows) as i64;
    let mut x = call.wire(0)?;
    if batch_first {
        x = call.transpose("steps_first", x, vec![1, 0, 2]);
    }
    let w = call.wire(1)?;
    let inputs = call.fixed_length(1, 2)? as i64;
    let w = call.reshape("w.rows", w, &[columns, inputs]);
    let w = call.transpose("w", w, vec![1, 0]);
    let mut gates = call.step("gates", Op::MatMul, &[x, w]);
    let bias = match call.optional_wire(3)? {
        Some(bias) => {
            let own = part(call, "bias.w", bias, 2, 1, (0, rows as i64));
            let own = call.reshape("bias.flat", own, &[columns]);
            gates = call.binary("gates.biased", Binary::Add, gates, own);
            part(call, "bias.r", bias, 2, 1, (rows as i64, i64::MAX))
        }
        None => call.given("bias", Tensor::zeros([directions, rows])),
    };
    let r = call.wire(2)?;
    let mut all = vec![gates, r, bias];
    let states = if cell == Cell::Lstm { [Some(5), Some(6)] } else { [Some(5), None] };
    let mut given = Vec::new();
    for i in states.into_iter().flatten() {
        given.push(match call.optional_wire(i)? {
            Some(state) if batch_first => Some(call.transpose(&format!("state{i}"), state, vec![1, 0, 2])),
            state => state,
        });
    }
    // A cell state without a hidden one comes after zeros.
    if let [None, Some(_)] = given.as_slice() {
        let batch = call.fixed_length(0, 1 - time)?;
        given = vec![
            Some(call.given("state5", Tensor::zeros([directions, batch, hidden]))),
            given.pop().flatten(),
        ];
    }
    all.extend(given.into_iter().flatten());
    let used =
        |call: &Call<'_, '_>, i: usize| !call.output(i).is_empty() && call.importer.is_used(call.output(i));
    let with_cell = used(call, 2);
    let op = Op::Recurrent(Recurrent { cell, direction, with_cell });
    if !with_cell && !used(call, 1) && !batch_first {
        let name = call.name.clone();
        call.finish_output(0, &name, op, &all);
        return Ok(());
    }
    let y = call.step("steps", op, &all);
    let after = if with_cell { -1 } else { i64::MAX };
    if used(call, 2) {
        let cell = part(call, "y_c.step", y, 4, 0, (-1, i64::MAX));
        give_state(call, 2, "y_c", cell, batch_first);
    }
    if used(call, 1) {
        let last = if with_cell { (-2, -1) } else { (-1, i64::MAX) };
        let mut ends = Vec::new();
        for i in 0..directions {
            let own = part(call, &format!("y_h.direction{i}"), y, 4, 1, (i as i64, i as i64 + 1));
            let step = if direction.is_reverse(i) { (0, 1) } else { last };
            ends.push(part(call, &format!("y_h.step{i}"), own, 4, 0, step));
        }
        let state = match ends.as_slice() {
            &[end] => end,
            ends => call.step("y_h.all", Op::Concat { axis: 1 }, ends),
        };
        give_state(call, 1, "y_h", state, batch_first);
    }
    if used(call, 0) {
        let mut y = y;
        if with_cell {
            y = part(call, "y.steps", y, 4, 0, (0, after));
        }
        if batch_first {
            y = call.transpose("y", y, vec![2, 0, 1, 3]);
        }
        call.give(0, y);
    }
    Ok(())
}

/// A state [1, D, B, H] as output `i`.
fn give_state(call: &mut Call<'_, '_>, i: usize, what: &str, state: WireId, batch_first: bool) {
    let squeeze = Op::Reshape(Reshape::Squeeze { axes: vec![0] });
    let mut state = call.step(what, squeeze, &[state]);
    if batch_first {
        state = call.transpose(&format!("{what}.batch_first"), state, vec![1, 0, 2]);
    }
    call.give(i, state);
}
