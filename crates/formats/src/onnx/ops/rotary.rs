//! Rotary positions: the entries of a vector, taken as pairs, are turned by angles that its position has (Su et al. 2021).

use fewbit_graph::op::{Binary, Reshape};
use fewbit_graph::{Op, WireId};

use crate::onnx::call::{Built, Call, Fault, unsupported};
use crate::onnx::ops::index::part;

/// Which entries are turned, and which of them are pairs.
#[derive(Clone, Copy)]
pub(super) struct Turn {
    /// The entries of a vector.
    pub(super) depth: i64,
    /// Those that are turned, the first ones.
    pub(super) turned: i64,
    /// Whether neighbours are pairs; else an entry of the first half and its like in the second are.
    pub(super) interleaved: bool,
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
    let depth = call.last_length(x)? as i64;
    let turned = call.attributes.int("rotary_embedding_dim")?.filter(|dim| *dim > 0).unwrap_or(depth);
    let tables = [("cos", cosines), ("sin", sines)];
    let angles = angles(call, tables, turned / 2, |call, what, table| {
        Ok(match call.optional_wire(positions)? {
            Some(positions) => call.step(what, Op::Gather { axis: 0 }, &[table, positions]),
            None => table,
        })
    })?;
    let y = turn(call, "", x, angles, Turn { depth, turned, interleaved });
    let y = if rank == 4 {
        call.transpose("heads_first", y, vec![0, 2, 1, 3])
    } else {
        call.reshape("joined", y, &[0, 0, -1])
    };
    call.done(y)
}

/// Cosines and sines of the positions, [B, S, 1, half]: of the tables, which are inputs, those rows that `take` takes.
pub(super) fn angles(
    call: &mut Call<'_, '_>,
    tables: [(&str, usize); 2],
    half: i64,
    take: impl Fn(&mut Call<'_, '_>, &str, WireId) -> Result<WireId, Fault>,
) -> Result<[WireId; 2], Fault> {
    let mut one = |(what, i): (&str, usize)| -> Result<WireId, Fault> {
        let table = call.wire(i)?;
        let table = take(call, &format!("{what}.taken"), table)?;
        let rank = call.rank_of(table)?;
        let table = part(call, &format!("{what}.part"), table, rank, rank - 1, (0, half));
        let axes = if rank == 2 { vec![0, 2] } else { vec![2] };
        Ok(call.step(what, Op::Reshape(Reshape::Unsqueeze { axes }), &[table]))
    };
    let [cos, sin] = tables;
    Ok([one(cos)?, one(sin)?])
}

/// `x` [B, S, heads, D], each vector turned by the angles of its position. `own` tells the nodes from those of another `x`.
pub(super) fn turn(
    call: &mut Call<'_, '_>,
    own: &str,
    x: WireId,
    [cos, sin]: [WireId; 2],
    Turn { depth, turned, interleaved }: Turn,
) -> WireId {
    let half = turned / 2;
    let name = |what: &str| format!("{own}{what}");
    let rest = (turned < depth).then(|| part(call, &name("rest"), x, 4, 3, (turned, i64::MAX)));
    let (first, second) = if interleaved {
        let turned = part(call, &name("turned"), x, 4, 3, (0, turned));
        let pairs = call.reshape(&name("pairs"), turned, &[0, 0, 0, half, 2]);
        let mut half_of = |what: &str, i: i64| {
            let one = part(call, &name(&format!("{what}.own")), pairs, 5, 4, (i, i + 1));
            call.reshape(&name(what), one, &[0, 0, 0, half])
        };
        (half_of("first", 0), half_of("second", 1))
    } else {
        (part(call, &name("first"), x, 4, 3, (0, half)), part(call, &name("second"), x, 4, 3, (half, turned)))
    };
    let mut product = |what: &str, a, b| call.binary(&name(what), Binary::Mul, a, b);
    let (a, b) = (product("first.cos", first, cos), product("second.sin", second, sin));
    let (c, d) = (product("first.sin", first, sin), product("second.cos", second, cos));
    let real = call.binary(&name("real"), Binary::Sub, a, b);
    let imaginary = call.binary(&name("imaginary"), Binary::Add, c, d);
    let y = if interleaved {
        let lifted = [("real.pair", real), ("imaginary.pair", imaginary)]
            .map(|(what, x)| call.reshape(&name(what), x, &[0, 0, 0, half, 1]));
        let pairs = call.step(&name("turned.pairs"), Op::Concat { axis: 4 }, &lifted);
        call.reshape(&name("turned.flat"), pairs, &[0, 0, 0, -1])
    } else {
        call.step(&name("turned.all"), Op::Concat { axis: 3 }, &[real, imaginary])
    };
    match rest {
        Some(rest) => call.step(&name("whole"), Op::Concat { axis: 3 }, &[y, rest]),
        None => y,
    }
}
