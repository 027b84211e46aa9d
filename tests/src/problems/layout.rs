//! Operators that only move values.

use fewbit_graph::Op;
use fewbit_graph::op::{Pad, PadMode, Reshape, Slice};

use crate::array::Array;
use crate::problem::{Builder, Problem};
use crate::tolerance::Tolerance;

/// One to four tensors along any axis.
pub fn concat(seed: u64) -> Problem {
    let mut b = Builder::new("concat", seed, Tolerance::Exact);
    let shape = b.shape(1, 4);
    let axis = b.rng.between(0, shape.len() - 1);
    let parts: Vec<_> = (0..b.rng.between(1, 4))
        .map(|i| {
            let mut shape = shape.clone();
            shape[axis] = b.rng.between(1, 4);
            b.input(&format!("x{i}"), &shape)
        })
        .collect();
    let mut whole = shape;
    whole[axis] = parts.iter().map(|(_, part)| part.shape[axis]).sum();
    let y = Array::from_fn(&whole, |index| {
        let mut index = index.to_vec();
        for (_, part) in &parts {
            if index[axis] < part.shape[axis] {
                return part.at(&index);
            }
            index[axis] -= part.shape[axis];
        }
        unreachable!("the parts fill the whole")
    });
    let wires: Vec<_> = parts.iter().map(|(wire, _)| *wire).collect();
    let wire = b.node("y", Op::Concat { axis }, &wires);
    b.expect(wire, y);
    b.build()
}

/// Padding and cropping in every mode.
pub fn pad(seed: u64) -> Problem {
    let mut b = Builder::new("pad", seed, Tolerance::Exact);
    let shape = b.shape(1, 4);
    let mode =
        b.rng.pick(&[PadMode::Constant(0.0), PadMode::Constant(-1.5), PadMode::Reflect, PadMode::Edge]);
    let mut draw = |n: usize| match mode {
        PadMode::Constant(_) => b.rng.between(0, 4) as i64 - (n / 3) as i64,
        PadMode::Reflect => b.rng.between(0, n - 1) as i64,
        PadMode::Edge => b.rng.between(0, 3) as i64,
    };
    let begin: Vec<i64> = shape.iter().map(|&n| draw(n)).collect();
    let end: Vec<i64> = shape.iter().map(|&n| draw(n)).collect();
    let (x_wire, x) = b.input("x", &shape);
    let padded: Vec<usize> =
        shape.iter().zip(&begin).zip(&end).map(|((&n, b), e)| (n as i64 + b + e) as usize).collect();
    let y = Array::from_fn(&padded, |index| {
        let from: Vec<i64> = index.iter().zip(&begin).map(|(&i, b)| i as i64 - b).collect();
        let folded = from.iter().zip(&shape).map(|(&i, &n)| {
            let last = n as i64 - 1;
            match mode {
                PadMode::Constant(_) => i,
                PadMode::Edge => i.clamp(0, last),
                PadMode::Reflect if i < 0 => -i,
                PadMode::Reflect if i > last => 2 * last - i,
                PadMode::Reflect => i,
            }
        });
        let outside = if let PadMode::Constant(value) = mode { f64::from(value) } else { f64::NAN };
        x.get(&folded.collect::<Vec<_>>(), outside)
    });
    let wire = b.node("y", Op::Pad(Pad { mode, begin, end }), &[x_wire]);
    b.expect(wire, y);
    b.build()
}

/// Slices forwards and backwards, with ends that count from the end or lie far beyond it.
pub fn slice(seed: u64) -> Problem {
    let mut b = Builder::new("slice", seed, Tolerance::Exact);
    let shape = b.shape(1, 4);
    let (mut starts, mut ends, mut steps, mut picked) = (vec![], vec![], vec![], vec![]);
    while picked.len() < shape.len() {
        let n = shape[picked.len()];
        let step = b.rng.pick(&[1, 1, 1, 2, -1, -2, 3]);
        let n = n as i64;
        let mut end_of = |far: i64| match b.rng.between(0, 4) {
            0 => far,
            1 => b.rng.between(0, n as usize) as i64 - n,
            _ => b.rng.between(0, n as usize) as i64,
        };
        let (start, end) =
            if step > 0 { (end_of(-99), end_of(i64::MAX)) } else { (end_of(99), end_of(i64::MIN)) };
        // Counted the long way: walk from the clamped start while not past the clamped end.
        let absolute = |i: i64| if i < 0 { i.saturating_add(n) } else { i };
        let (low, high) = if step > 0 { (0, n) } else { (-1, n - 1) };
        let (mut at, stop) = (absolute(start).clamp(0, high), absolute(end).clamp(low, high));
        let mut places = vec![];
        while if step > 0 { at < stop } else { at > stop } {
            places.push(at as usize);
            at += step;
        }
        if places.is_empty() {
            continue;
        }
        starts.push(start);
        ends.push(end);
        steps.push(step);
        picked.push(places);
    }
    let (x_wire, x) = b.input("x", &shape);
    let cut: Vec<usize> = picked.iter().map(Vec::len).collect();
    let y = Array::from_fn(&cut, |index| {
        x.at(&index.iter().zip(&picked).map(|(&i, places)| places[i]).collect::<Vec<_>>())
    });
    let wire = b.node("y", Op::Slice(Slice { starts, ends, steps }), &[x_wire]);
    b.expect(wire, y);
    b.build()
}

/// Every way to another shape, then a function of the elements, so that both the alias and its use are seen.
pub fn reshape(seed: u64) -> Problem {
    let mut b = Builder::new("reshape", seed, Tolerance::Exact);
    let n = b.batch();
    let (c, h) = (b.rng.between(1, 4), b.rng.between(1, 4));
    let (x_wire, x) = b.input("x", &[n, c, 1, h]);
    let (op, shape) = match b.rng.between(0, 5) {
        0 => (Reshape::To(vec![0, -1]), vec![n, c * h]),
        1 => (Reshape::To(vec![0, h as i64, c as i64]), vec![n, h, c]),
        2 => (Reshape::Flatten { axis: 1 }, vec![n, c * h]),
        3 => (Reshape::Flatten { axis: 2 }, vec![n * c, h]),
        4 => (Reshape::Squeeze { axes: vec![2] }, vec![n, c, h]),
        _ => (Reshape::Unsqueeze { axes: vec![0, 3] }, vec![1, n, c, 1, 1, h]),
    };
    let y = b.node("y", Op::Reshape(op), &[x_wire]);
    let reshaped = Array { shape, values: x.values };
    let z = b.node("z", Op::Unary(fewbit_graph::op::Unary::Neg), &[y]);
    b.expect(z, reshaped.map(|x| -x));
    b.expect(y, reshaped);
    b.build()
}

/// Any permutation of up to five axes.
pub fn transpose(seed: u64) -> Problem {
    let mut b = Builder::new("transpose", seed, Tolerance::Exact);
    let shape = b.shape(1, 5);
    let mut perm: Vec<usize> = (0..shape.len()).collect();
    for i in 0..perm.len() {
        perm.swap(i, b.rng.between(i, shape.len() - 1));
    }
    let (x_wire, x) = b.input("x", &shape);
    let turned: Vec<usize> = perm.iter().map(|&a| shape[a]).collect();
    let y = Array::from_fn(&turned, |index| {
        let mut from = vec![0; perm.len()];
        for (&axis, &i) in perm.iter().zip(index) {
            from[axis] = i;
        }
        x.at(&from)
    });
    let wire = b.node("y", Op::Transpose { perm }, &[x_wire]);
    b.expect(wire, y);
    b.build()
}
