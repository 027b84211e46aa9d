//! Attention and rotary positions, written out: softmax(s·Q·Kᵀ + mask)·V (Vaswani et al. 2017), x turned by angles
//! (Su et al. 2021).

use fewbit_graph::op::{Binary, Unary};
use fewbit_graph::{Op, Tensor, WireId};

use crate::onnx::call::{Built, Call, Fault, unsupported};
use crate::onnx::element::Element;
use crate::onnx::ops::constant::mask;
use crate::onnx::ops::index::part;

/// `x` [B, S, heads·D] as [B, heads, S, D]; four axes are that already.
fn heads(call: &mut Call<'_, '_>, what: &str, x: WireId, rank: usize, heads: i64) -> WireId {
    if rank == 4 {
        return x;
    }
    let split = call.reshape(&format!("{what}.split"), x, &[0, 0, heads, -1]);
    call.transpose(what, split, vec![0, 2, 1, 3])
}

/// ONNX's own operator: Q, K, V, mask?, past K?, past V? → Y, K, V, scores.
pub(super) fn attention(call: &mut Call<'_, '_>) -> Built {
    let rank = call.rank(0)?;
    let count = |name: &str, axis_1: usize| -> Result<i64, Fault> {
        if rank == 4 { Ok(call.fixed_length(axis_1, 1)? as i64) } else { call.required_int(name) }
    };
    let (q_heads, kv_heads) = (count("q_num_heads", 0)?, count("kv_num_heads", 1)?);
    let mut wires = Vec::new();
    for (i, what, count) in [(0, "q", q_heads), (1, "k", kv_heads), (2, "v", kv_heads)] {
        let x = call.wire(i)?;
        wires.push(heads(call, what, x, rank, count));
    }
    let (Some(&q), Some(&(mut k)), Some(&(mut v))) = (wires.first(), wires.get(1), wires.get(2)) else {
        return unsupported("it has Q, K and V");
    };
    if let Some(past) = call.optional_wire(4)? {
        k = call.step("k.all", Op::Concat { axis: 2 }, &[past, k]);
    }
    if let Some(past) = call.optional_wire(5)? {
        v = call.step("v.all", Op::Concat { axis: 2 }, &[past, v]);
    }
    let present = (k, v);
    if q_heads != kv_heads {
        let group = q_heads.checked_div(kv_heads).filter(|group| group * kv_heads == q_heads);
        let Some(group) = group else { return unsupported("its heads do not split into groups") };
        let places: Vec<f32> = (0..q_heads).map(|head| (head / group) as f32).collect();
        let places = call.given("groups", Tensor::vector(places));
        k = call.step("k.heads", Op::Gather { axis: 1 }, &[k, places]);
        v = call.step("v.heads", Op::Gather { axis: 1 }, &[v, places]);
    }
    let depth = call.shape_last(q)?;
    let scale = call.attributes.float("scale")?.filter(|scale| *scale != 0.0);
    let scale = scale.unwrap_or(1.0 / (depth as f32).sqrt());
    let q = call.with_number("q.scaled", Binary::Mul, q, scale);
    let k = call.transpose("k.columns", k, vec![0, 1, 3, 2]);
    let raw = call.step("scores", Op::MatMul, &[q, k]);
    let mut scores = raw;
    if call.attributes.flag("is_causal")?.unwrap_or(false) {
        let shape = call.shape_of(scores)?;
        if let &[.., rows, columns] = shape.as_slice() {
            call.importer.fill((rows as u64).saturating_mul(columns as u64))?;
            let seen = mask(rows, columns, |row, column| column <= row);
            let seen = seen.map_err(|why| crate::Problem::Syntax(why.to_string()))?;
            let seen = call.given("seen", seen);
            scores = hidden(call, "causal", scores, seen);
        }
    }
    if let Some(given) = call.optional_wire(3)? {
        scores = match call.element(3) {
            Element::Bool => hidden(call, "masked", scores, given),
            _ => call.binary("masked", Binary::Add, scores, given),
        };
    }
    let masked = scores;
    let softcap = call.attributes.float("softcap")?.unwrap_or(0.0);
    if softcap > 0.0 {
        let part = call.with_number("capped.part", Binary::Div, scores, softcap);
        let tanh = call.unary("capped.tanh", Unary::Tanh, part);
        scores = call.with_number("capped", Binary::Mul, tanh, softcap);
    }
    let weights = call.step("weights", Op::Softmax { axis: 3 }, &[scores]);
    let shown = match call.attributes.int("qk_matmul_output_mode")?.unwrap_or(0) {
        0 => raw,
        1 => masked,
        2 => scores,
        _ => weights,
    };
    let mut y = call.step("mixed", Op::MatMul, &[weights, v]);
    if rank != 4 {
        y = call.transpose("joined", y, vec![0, 2, 1, 3]);
        y = call.reshape("y", y, &[0, 0, -1]);
    }
    for (i, wire) in [(3, shown), (1, present.0), (2, present.1), (0, y)] {
        call.give(i, wire);
    }
    Ok(())
}

/// −∞ where `seen` is 0.
fn hidden(call: &mut Call<'_, '_>, what: &str, scores: WireId, seen: WireId) -> WireId {
    let nothing = call.number(&format!("{what}.hidden"), f32::NEG_INFINITY);
    call.step(what, Op::Where, &[seen, scores, nothing])
}

/// x, cosines, sines, positions?: the first `rotary_embedding_dim` entries are pairs, each turned by its angle.
pub(super) fn rotary_embedding(call: &mut Call<'_, '_>) -> Built {
    rotate(call, 1, 2, 3)
}

/// com.microsoft: x, positions, cosines, sines.
pub(super) fn rotary_embedding_microsoft(call: &mut Call<'_, '_>) -> Built {
    if call.rank(1)? != 2 {
        return unsupported("its positions are an offset");
    }
    rotate(call, 2, 3, 1)
}

fn rotate(call: &mut Call<'_, '_>, cosines: usize, sines: usize, positions: usize) -> Built {
    let rank = call.rank(0)?;
    let interleaved = call.attributes.flag("interleaved")?.unwrap_or(false);
    let mut x = call.wire(0)?;
    if rank == 4 {
        // To [B, S, heads, D], where the angles of a position are the same for all heads.
        x = call.transpose("positions_first", x, vec![0, 2, 1, 3]);
    } else {
        let count = match call.attributes.int("num_heads")?.unwrap_or(0) {
            0 => {
                // The cache has half the entries of a head.
                let half = call.fixed_length(cosines, call.rank(cosines)?.saturating_sub(1))?;
                (call.fixed_length(0, 2)? / (2 * half).max(1)) as i64
            }
            count => count,
        };
        x = call.reshape("heads", x, &[0, 0, count, -1]);
    }
    let depth = call.shape_last(x)? as i64;
    let turned = call.attributes.int("rotary_embedding_dim")?.filter(|dim| *dim > 0).unwrap_or(depth);
    let half = turned / 2;
    let mut angles = Vec::new();
    for (what, i) in [("cos", cosines), ("sin", sines)] {
        let mut table = call.wire(i)?;
        if let Some(positions) = call.optional_wire(positions)? {
            table = call.step(&format!("{what}.taken"), Op::Gather { axis: 0 }, &[table, positions]);
        }
        let table_rank = call.rank_of(table)?;
        let table = part(call, &format!("{what}.part"), table, table_rank, table_rank - 1, (0, half));
        let unsqueeze = fewbit_graph::op::Reshape::Unsqueeze { axes: vec![2] };
        angles.push(call.step(what, Op::Reshape(unsqueeze), &[table]));
    }
    let (Some(&cos), Some(&sin)) = (angles.first(), angles.get(1)) else {
        return unsupported("it has angles");
    };
    let rest = (turned < depth).then(|| part(call, "rest", x, 4, 3, (turned, i64::MAX)));
    let (first, second) = if interleaved {
        let turned = part(call, "turned", x, 4, 3, (0, turned));
        let pairs = call.reshape("pairs", turned, &[0, 0, 0, half, 2]);
        let mut half_of = |what: &str, i: i64| {
            let own = part(call, &format!("{what}.own"), pairs, 5, 4, (i, i + 1));
            call.reshape(what, own, &[0, 0, 0, half])
        };
        (half_of("first", 0), half_of("second", 1))
    } else {
        (part(call, "first", x, 4, 3, (0, half)), part(call, "second", x, 4, 3, (half, turned)))
    };
    let product = |call: &mut Call<'_, '_>, what: &str, a, b| call.binary(what, Binary::Mul, a, b);
    let (a, b) = (product(call, "first.cos", first, cos), product(call, "second.sin", second, sin));
    let real = call.binary("real", Binary::Sub, a, b);
    let (a, b) = (product(call, "first.sin", first, sin), product(call, "second.cos", second, cos));
    let imaginary = call.binary("imaginary", Binary::Add, a, b);
    let mut y = if interleaved {
        let lifted = [("real.pair", real), ("imaginary.pair", imaginary)]
            .map(|(what, x)| call.reshape(what, x, &[0, 0, 0, half, 1]));
        let pairs = call.step("turned.pairs", Op::Concat { axis: 4 }, &lifted);
        call.reshape("turned.flat", pairs, &[0, 0, 0, -1])
    } else {
        call.step("turned.all", Op::Concat { axis: 3 }, &[real, imaginary])
    };
    if let Some(rest) = rest {
        y = call.step("whole", Op::Concat { axis: 3 }, &[y, rest]);
    }
    let y = if rank == 4 {
        call.transpose("heads_first", y, vec![0, 2, 1, 3])
    } else {
        call.reshape("joined", y, &[0, 0, -1])
    };
    call.done(y)
}

impl Call<'_, '_> {
    /// The length of the last axis of a wire that this node has made.
    fn shape_last(&self, wire: WireId) -> Result<usize, Fault> {
        match self.importer.shape_of_wire(wire) {
            Some([shape, other]) if shape.last() == other.last() => Ok(shape.last().copied().unwrap_or(1)),
            Some(_) => crate::onnx::call::dynamic("its last length depends on the model's input"),
            None => unsupported("a shape on the way is not known"),
        }
    }
}
