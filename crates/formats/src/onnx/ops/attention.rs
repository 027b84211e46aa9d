//! Attention, written out: softmax(s·Q·Kᵀ + mask)·V (Vaswani et al. 2017).

use fewbit_graph::op::{Binary, Unary};
use fewbit_graph::{Op, Tensor, WireId};

use crate::onnx::call::{Built, Call, Fault, dynamic, unsupported};
use crate::onnx::element::Element;
use crate::onnx::ops::constant::mask;

/// `x` [B, S, heads·D] as [B, heads, S, D]; four axes are that already.
pub(super) fn heads(call: &mut Call<'_, '_>, what: &str, x: WireId, rank: usize, heads: i64) -> WireId {
    if rank == 4 {
        return x;
    }
    let split = call.reshape(&format!("{what}.split"), x, &[0, 0, heads, -1]);
    call.transpose(what, split, vec![0, 2, 1, 3])
}

/// The other way round.
pub(super) fn joined(call: &mut Call<'_, '_>, y: WireId) -> WireId {
    let y = call.transpose("joined", y, vec![0, 2, 1, 3]);
    call.reshape("y", y, &[0, 0, -1])
}

/// Keys or values of `kv_heads` heads for `q_heads`: each serves a group of them (Ainslie et al. 2023).
pub(super) fn grouped(
    call: &mut Call<'_, '_>,
    what: &str,
    x: WireId,
    q_heads: i64,
    kv_heads: i64,
) -> Result<WireId, Fault> {
    if q_heads == kv_heads {
        return Ok(x);
    }
    let group = q_heads.checked_div(kv_heads).filter(|group| group * kv_heads == q_heads && *group > 0);
    let Some(group) = group else { return unsupported("its heads do not split into groups") };
    let places: Vec<f32> = (0..q_heads).map(|head| (head / group) as f32).collect();
    let places = call.given(&format!("{what}.groups"), Tensor::vector(places));
    Ok(call.step(&format!("{what}.heads"), Op::Gather { axis: 1 }, &[x, places]))
}

/// s·Q·Kᵀ, with s = 1/√D if `scale` is none.
pub(super) fn scores(
    call: &mut Call<'_, '_>,
    q: WireId,
    k: WireId,
    scale: Option<f32>,
) -> Result<WireId, Fault> {
    let depth = call.last_length(q)?;
    let scale = scale.filter(|scale| *scale != 0.0).unwrap_or(1.0 / (depth as f32).sqrt());
    let q = call.with_number("q.scaled", Binary::Mul, q, scale);
    let k = call.transpose("k.columns", k, vec![0, 1, 3, 2]);
    Ok(call.step("scores", Op::MatMul, &[q, k]))
}

/// `scores` where a position (its row, of so many rows and columns) sees another (its column), and else −∞.
pub(super) fn seen(
    call: &mut Call<'_, '_>,
    what: &str,
    scores: WireId,
    sees: impl Fn([i64; 2], [i64; 2]) -> bool,
) -> Result<WireId, Fault> {
    let [rows, columns] = call.last_lengths(scores)?;
    call.importer.fill((rows as u64).saturating_mul(columns as u64))?;
    let size = [rows as i64, columns as i64];
    let seen = mask(rows, columns, |row, column| sees([row, column], size));
    let seen = seen.map_err(|why| crate::Problem::Syntax(why.to_string()))?;
    let seen = call.given(&format!("{what}.seen"), seen);
    Ok(hidden(call, what, scores, seen))
}

/// −∞ where `seen` is 0.
pub(super) fn hidden(call: &mut Call<'_, '_>, what: &str, scores: WireId, seen: WireId) -> WireId {
    let nothing = call.number(&format!("{what}.hidden"), f32::NEG_INFINITY);
    call.step(what, Op::Where, &[seen, scores, nothing])
}

/// c·tanh(x/c), if there is a cap.
pub(super) fn capped(call: &mut Call<'_, '_>, scores: WireId) -> Result<WireId, Fault> {
    let cap = call.attributes.float("softcap")?.unwrap_or(0.0);
    if cap <= 0.0 {
        return Ok(scores);
    }
    let part = call.with_number("capped.part", Binary::Div, scores, cap);
    let tanh = call.unary("capped.tanh", Unary::Tanh, part);
    Ok(call.with_number("capped", Binary::Mul, tanh, cap))
}

/// ONNX's own operator: Q, K, V, mask?, past K?, past V? → Y, K, V, scores.
pub(super) fn attention(call: &mut Call<'_, '_>) -> Built {
    let rank = call.rank(0)?;
    let count = |name: &str, axis_1: usize| -> Result<i64, Fault> {
        if rank == 4 { Ok(call.fixed_length(axis_1, 1)? as i64) } else { call.required_int(name) }
    };
    let (q_heads, kv_heads) = (count("q_num_heads", 0)?, count("kv_num_heads", 1)?);
    let (q, k, v) = (call.wire(0)?, call.wire(1)?, call.wire(2)?);
    let q = heads(call, "q", q, rank, q_heads);
    let mut k = heads(call, "k", k, rank, kv_heads);
    let mut v = heads(call, "v", v, rank, kv_heads);
    if let Some(past) = call.optional_wire(4)? {
        k = call.step("k.all", Op::Concat { axis: 2 }, &[past, k]);
    }
    if let Some(past) = call.optional_wire(5)? {
        v = call.step("v.all", Op::Concat { axis: 2 }, &[past, v]);
    }
    let present = (k, v);
    let (k, v) = (grouped(call, "k", k, q_heads, kv_heads)?, grouped(call, "v", v, q_heads, kv_heads)?);
    let raw = scores(call, q, k, call.attributes.float("scale")?)?;
    let mut scores = raw;
    if call.attributes.flag("is_causal")?.unwrap_or(false) {
        scores = seen(call, "causal", scores, |[row, column], _| column <= row)?;
    }
    if let Some(given) = call.optional_wire(3)? {
        scores = match call.element(3) {
            Element::Bool => hidden(call, "masked", scores, given),
            _ => call.binary("masked", Binary::Add, scores, given),
        };
    }
    let masked = scores;
    let scores = capped(call, scores)?;
    let weights = call.step("weights", Op::Softmax { axis: 3 }, &[scores]);
    let shown = match call.attributes.int("qk_matmul_output_mode")?.unwrap_or(0) {
        0 => raw,
        1 => masked,
        2 => scores,
        _ => weights,
    };
    let mut y = call.step("mixed", Op::MatMul, &[weights, v]);
    if rank != 4 {
        y = joined(call, y);
    }
    for (i, wire) in [(3, shown), (1, present.0), (2, present.1), (0, y)] {
        call.give(i, wire);
    }
    Ok(())
}

impl Call<'_, '_> {
    /// The length of the last axis of a wire that this node has made.
    pub(super) fn last_length(&self, wire: WireId) -> Result<usize, Fault> {
        match self.importer.shape_of_wire(wire) {
            Some([shape, other]) if shape.last() == other.last() => Ok(shape.last().copied().unwrap_or(1)),
            Some(_) => dynamic("its last length depends on the model's input"),
            None => unsupported("a shape on the way is not known"),
        }
    }

    /// The lengths of its last two axes.
    pub(super) fn last_lengths(&self, wire: WireId) -> Result<[usize; 2], Fault> {
        match self.importer.shape_of_wire(wire).map(|both| both.each_ref().map(Vec::as_slice)) {
            Some([&[.., rows, columns], &[.., more_rows, more_columns]])
                if (rows, columns) == (more_rows, more_columns) =>
            {
                Ok([rows, columns])
            }
            Some(_) => dynamic("its number of positions depends on the model's input"),
            None => unsupported("a shape on the way is not known"),
        }
    }
}
