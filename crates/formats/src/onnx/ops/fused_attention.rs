//! Attention as ONNX Runtime's optimizer writes it: with projections, packed inputs and masks of several kinds
//! ([ContribOperators](https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md)).

use fewbit_graph::op::{Binary, Reshape};
use fewbit_graph::{Op, Tensor, WireId};

use crate::onnx::call::{Built, Call, Fault, unsupported};
use crate::onnx::ops::attention::{capped, grouped, heads, hidden, joined, scores, seen};
use crate::onnx::ops::index::part;
use crate::onnx::ops::rotary::{Turn, angles, turn};

/// What a mask adds to the scores that it hides, where the node does not say.
const HIDDEN: f32 = -10_000.0;

/// x·W + b holds Q, K and V side by side.
pub(super) fn attention(call: &mut Call<'_, '_>) -> Built {
    if call.attributes.flag("do_rotary")?.unwrap_or(false) {
        return unsupported("it turns by positions (do_rotary)");
    }
    let count = call.required_int("num_heads")?;
    let all = call.fixed_length(1, 1)? as i64;
    let widths = match call.attributes.ints("qkv_hidden_sizes")? {
        Some(&[q, k, v]) if q > 0 && k > 0 && v > 0 => [q, k, v],
        _ => [all / 3; 3],
    };
    let (x, weight) = (call.wire(0)?, call.wire(1)?);
    let mut projected = call.step("projected", Op::MatMul, &[x, weight]);
    if let Some(bias) = call.optional_wire(2)? {
        projected = call.binary("biased", Binary::Add, projected, bias);
    }
    let mut from = 0;
    let [q, k, v] = [("q", 0), ("k", 1), ("v", 2)].map(|(what, i): (&str, usize)| {
        let to = from + widths.get(i).copied().unwrap_or(0);
        let own = part(call, &format!("{what}.part"), projected, 3, 2, (from, to));
        from = to;
        heads(call, what, own, 3, count)
    });
    let (mut k, mut v) = (k, v);
    if let Some(past) = call.optional_wire(4)? {
        let mut of = |what: &str, i: i64, now: WireId| {
            let own = part(call, &format!("{what}.past"), past, 5, 0, (i, i + 1));
            let squeeze = Op::Reshape(Reshape::Squeeze { axes: vec![0] });
            let own = call.step(&format!("{what}.before"), squeeze, &[own]);
            call.step(&format!("{what}.all"), Op::Concat { axis: 2 }, &[own, now])
        };
        (k, v) = (of("k", 0, k), of("v", 1, v));
    }
    if call.importer.is_used(call.output(1)) && !call.output(1).is_empty() {
        let lifted = [("k.lifted", k), ("v.lifted", v)].map(|(what, x)| {
            let unsqueeze = Op::Reshape(Reshape::Unsqueeze { axes: vec![0] });
            call.step(what, unsqueeze, &[x])
        });
        let present = call.step("present", Op::Concat { axis: 0 }, &lifted);
        call.give(1, present);
    }
    mixed(call, [q, k, v], 3, 5)
}

/// Q, K and V, projected already: three inputs, or packed into one or two.
pub(super) fn multi_head_attention(call: &mut Call<'_, '_>) -> Built {
    let count = call.required_int("num_heads")?;
    let mut wires = Vec::new();
    for (what, i, packed) in [("q", 0, 3), ("k", 1, 2), ("v", 2, 1)] {
        // Where an input is missing, the one before holds it as well: [B, S, heads, 2 or 3, D].
        let of = (0..=i).rev().find(|&i| call.input(i).is_some()).unwrap_or(0);
        let (x, rank) = (call.wire(of)?, call.rank(of)?);
        let x = if rank == 5 {
            let at = (i - of) as i64;
            let own = part(call, &format!("{what}.part"), x, 5, 3, (at, at + 1));
            call.reshape(&format!("{what}.own"), own, &[0, 0, -1])
        } else if of == i {
            x
        } else {
            return unsupported(format!("its inputs 0 to {i} hold fewer than {packed} of Q, K and V"));
        };
        wires.push((what, x, if rank == 4 { 4 } else { 3 }));
    }
    if let Some(bias) = call.optional_wire(3)? {
        let mut from = 0;
        for (what, x, rank) in &mut wires {
            if *rank == 4 {
                return unsupported("it adds a bias to keys that are split into heads already");
            }
            let to = from + call.last_length(*x)? as i64;
            let own = part(call, &format!("{what}.bias"), bias, 1, 0, (from, to));
            *x = call.binary(&format!("{what}.biased"), Binary::Add, *x, own);
            from = to;
        }
    }
    let [q, mut k, mut v] = match wires.as_slice() {
        &[q, k, v] => [q, k, v].map(|(what, x, rank)| heads(call, what, x, rank, count)),
        _ => return unsupported("it has Q, K and V"),
    };
    if let (Some(past_k), Some(past_v)) = (call.optional_wire(6)?, call.optional_wire(7)?) {
        if call.input(8).is_some() {
            return unsupported("its keys and values share a buffer with those of before");
        }
        k = call.step("k.all", Op::Concat { axis: 2 }, &[past_k, k]);
        v = call.step("v.all", Op::Concat { axis: 2 }, &[past_v, v]);
    }
    call.give(1, k);
    call.give(2, v);
    mixed(call, [q, k, v], 4, 5)
}

/// softmax(scores + masks)·V, with the mask at input `padding` and what is added to the scores at input `bias`.
fn mixed(call: &mut Call<'_, '_>, [q, k, v]: [WireId; 3], padding: usize, bias: usize) -> Built {
    refuse_output(call, 3)?;
    let mut scores = scores(call, q, k, call.attributes.float("scale")?)?;
    if let Some(bias) = call.optional_wire(bias)? {
        scores = call.binary("with_bias", Binary::Add, scores, bias);
    }
    if call.input(padding).is_some() {
        let mask = padded(call, padding, scores)?;
        let value = call.attributes.float("mask_filter_value")?.unwrap_or(HIDDEN);
        let mask = call.with_number("mask", Binary::Mul, mask, value);
        scores = call.binary("masked", Binary::Add, scores, mask);
    }
    if call.attributes.flag("unidirectional")?.unwrap_or(false) {
        scores =
            seen(call, "causal", scores, |[row, column], [rows, columns]| column <= row + columns - rows)?;
    }
    let weights = call.step("weights", Op::Softmax { axis: 3 }, &[scores]);
    let y = call.step("mixed", Op::MatMul, &[weights, v]);
    let y = joined(call, y);
    call.give(0, y);
    Ok(())
}

/// A 1 where the mask at input `i` hides a position, in a shape that broadcasts with the scores.
fn padded(call: &mut Call<'_, '_>, i: usize, scores: WireId) -> Result<WireId, Fault> {
    let (given, shape, x) = (call.wire(i)?, call.shape(i)?, call.shape(0)?);
    let [rows, columns] = call.last_lengths(scores)?;
    let lengths = match shape.each_ref().map(Vec::as_slice) {
        // How many positions each sample has.
        [&[a], &[b]] if [Some(&a), Some(&b)] == x.each_ref().map(|shape| shape.first()) => {
            let lengths = call.reshape("lengths", given, &[-1, 1, 1, 1]);
            let places =
                call.given("places", Tensor::vector((0..columns).map(|at| at as f32).collect::<Vec<_>>()));
            return Ok(call.binary("beyond", Binary::LessOrEqual, lengths, places));
        }
        [&[_, last], _] if last == columns => vec![0, 1, 1, -1],
        [&[_, middle, last], _] if (middle, last) == (rows, columns) => vec![0, 1, rows as i64, -1],
        [&[_, 1, middle, last], _] if (middle, last) == (rows, columns) => vec![0, 1, rows as i64, -1],
        [shape, _] => return unsupported(format!("its mask has the shape {shape:?}")),
    };
    let mask = match lengths.as_slice() {
        [0, 1, 1, -1] => {
            let axes = vec![1, 2];
            call.step("mask.lifted", Op::Reshape(Reshape::Unsqueeze { axes }), &[given])
        }
        lengths => {
            let flat = call.reshape("mask.flat", given, &[0, -1]);
            let lengths: Vec<i64> = lengths.to_vec();
            call.reshape("mask.lifted", flat, &lengths)
        }
    };
    let nothing = call.number("mask.none", 0.0);
    Ok(call.binary("mask.hidden", Binary::LessOrEqual, mask, nothing))
}

/// Several heads of Q share one of K and V; causal, with rotary positions if that is asked for.
pub(super) fn group_query_attention(call: &mut Call<'_, '_>) -> Built {
    for (i, what) in
        [(3, "keys of before"), (4, "values of before"), (12, "scales of keys"), (14, "norms of Q")]
    {
        if call.input(i).is_some() {
            return unsupported(format!("it has {what}; it is computed without a cache"));
        }
    }
    refuse_output(call, 3)?;
    let (q_heads, kv_heads) = (call.required_int("num_heads")?, call.required_int("kv_num_heads")?);
    let (q, k, v) = match (call.optional_wire(1)?, call.optional_wire(2)?) {
        (Some(k), Some(v)) => (call.wire(0)?, k, v),
        _ => {
            let packed = call.wire(0)?;
            let depth = call.fixed_length(0, 2)? as i64 / (q_heads + 2 * kv_heads).max(1);
            let ends = [q_heads, q_heads + kv_heads, q_heads + 2 * kv_heads].map(|end| end * depth);
            let [a, b, c] = ends;
            let mut own = |what: &str, range| part(call, &format!("{what}.part"), packed, 3, 2, range);
            (own("q", (0, a)), own("k", (a, b)), own("v", (b, c)))
        }
    };
    let split = |call: &mut Call<'_, '_>, what: &str, x, count| {
        call.reshape(&format!("{what}.split"), x, &[0, 0, count, -1])
    };
    let (mut q, mut k) = (split(call, "q", q, q_heads), split(call, "k", k, kv_heads));
    if call.attributes.flag("do_rotary")?.unwrap_or(false) {
        let depth = call.last_length(q)? as i64;
        let half = call.fixed_length(7, 1)? as i64;
        let [rows, _] = call.positions(q)?;
        let angles = angles(call, [("cos", 7), ("sin", 8)], half, |call, what, table| {
            Ok(match call.optional_wire(9)? {
                Some(positions) => call.step(what, Op::Gather { axis: 0 }, &[table, positions]),
                None => part(call, what, table, 2, 0, (0, rows as i64)),
            })
        })?;
        let interleaved = call.attributes.flag("rotary_interleaved")?.unwrap_or(false);
        let by = Turn { depth, turned: 2 * half, interleaved };
        (q, k) = (turn(call, "q.", q, angles, by), turn(call, "k.", k, angles, by));
    }
    let [q, k] = [("q", q), ("k", k)].map(|(what, x)| call.transpose(what, x, vec![0, 2, 1, 3]));
    let v = heads(call, "v", v, 3, kv_heads);
    call.give(1, k);
    call.give(2, v);
    let (k, v) = (grouped(call, "k", k, q_heads, kv_heads)?, grouped(call, "v", v, q_heads, kv_heads)?);
    let raw = scores(call, q, k, call.attributes.float("scale")?)?;
    let mut scores = capped(call, raw)?;
    if let Some(bias) = call.optional_wire(10)? {
        scores = call.binary("with_bias", Binary::Add, scores, bias);
    }
    if call.attributes.flag("causal")?.unwrap_or(true) {
        let window = call.attributes.int("local_window_size")?.filter(|window| *window >= 0);
        let near = |row: i64, column: i64| window.is_none_or(|window| column > row - window);
        scores = seen(call, "causal", scores, |[row, column], _| column <= row && near(row, column))?;
    } else {
        let [_, columns] = call.last_lengths(scores)?;
        let last = call.wire(5)?;
        let last = call.reshape("last", last, &[-1, 1, 1, 1]);
        let places =
            call.given("places", Tensor::vector((0..columns).map(|at| at as f32).collect::<Vec<_>>()));
        let within = call.binary("within", Binary::LessOrEqual, places, last);
        scores = hidden(call, "padded", scores, within);
    }
    let sink = match call.optional_wire(11)? {
        Some(sink) => Some(call.reshape("sink.heads", sink, &[1, -1, 1, 1])),
        None if call.attributes.flag("smooth_softmax")?.unwrap_or(false) => {
            Some(call.number("sink.zero", 0.0))
        }
        None => None,
    };
    let weights = match sink {
        Some(sink) => with_sink(call, raw, scores, sink)?,
        None => call.step("weights", Op::Softmax { axis: 3 }, &[scores]),
    };
    let y = call.step("mixed", Op::MatMul, &[weights, v]);
    let y = joined(call, y);
    call.give(0, y);
    Ok(())
}

/// Softmax of `scores` with one score more in each row, `sink`, that no value belongs to. `raw` has their shape and is finite.
fn with_sink(call: &mut Call<'_, '_>, raw: WireId, scores: WireId, sink: WireId) -> Result<WireId, Fault> {
    let [_, columns] = call.last_lengths(scores)?;
    let column = part(call, "sink.column", raw, 4, 3, (0, 1));
    let none = call.with_number("sink.none", Binary::Mul, column, 0.0);
    let column = call.binary("sink", Binary::Add, none, sink);
    let all = call.step("with_sink", Op::Concat { axis: 3 }, &[scores, column]);
    let weights = call.step("all_weights", Op::Softmax { axis: 3 }, &[all]);
    Ok(part(call, "weights", weights, 4, 3, (0, columns as i64)))
}

/// Refuses a node whose output `i` is used.
fn refuse_output(call: &Call<'_, '_>, i: usize) -> Built {
    match call.output(i) {
        name if !name.is_empty() && call.importer.is_used(name) => {
            unsupported(format!("its output `{name}` is used, but its scores are not given out"))
        }
        _ => Ok(()),
    }
}

impl Call<'_, '_> {
    /// The positions and heads of `x` [B, S, heads, D].
    fn positions(&self, x: WireId) -> Result<[usize; 2], Fault> {
        match self.importer.shape_of_wire(x).map(|both| both.each_ref().map(Vec::as_slice)) {
            Some([&[_, a, heads, _], &[_, b, _, _]]) if a == b => Ok([a, heads]),
            Some(_) => crate::onnx::call::dynamic("its number of positions depends on the model's input"),
            None => unsupported("a shape on the way is not known"),
        }
    }
}
