//! Operators that only move values.

use fewbit_graph::infer::slice_axis;
use fewbit_graph::op;
use fewbit_graph::op::PadMode;

/// A strided view of a tensor, copied out: transposes, slices, broadcasts.
#[derive(Clone, Debug)]
pub(crate) struct View {
    first: usize,
    /// Length and stride of each axis of the result, merged where they can be; never empty.
    axes: Vec<(usize, isize)>,
}

impl View {
    /// y's axis i is x's axis perm\[i\].
    pub(crate) fn transpose(perm: &[usize], x: &[usize]) -> Self {
        let strides = strides(x);
        Self::new(0, perm.iter().map(|&axis| (x[axis], strides[axis])))
    }

    /// A part of x.
    pub(crate) fn slice(op: &op::Slice, x: &[usize]) -> Self {
        let mut first = 0;
        let mut axes = Vec::with_capacity(x.len());
        for (axis, stride) in strides(x).into_iter().enumerate() {
            let (start, count) = slice_axis(x[axis], op.starts[axis], op.ends[axis], op.steps[axis]);
            first += start * stride as usize;
            // A step that overflows is never taken: it leads out of the axis, so there is one element.
            axes.push((count, stride.wrapping_mul(op.steps[axis] as isize)));
        }
        Self::new(first, axes)
    }

    /// x repeated to a shape that it broadcasts to.
    pub(crate) fn broadcast(x: &[usize], y: &[usize]) -> Self {
        let missing = y.len() - x.len();
        let own = strides(x);
        let stride = |axis: usize| match axis.checked_sub(missing) {
            Some(axis) if x[axis] != 1 => own[axis],
            _ => 0,
        };
        Self::new(0, y.iter().enumerate().map(|(axis, &n)| (n, stride(axis))))
    }

    fn new(first: usize, axes: impl IntoIterator<Item = (usize, isize)>) -> Self {
        let mut merged: Vec<(usize, isize)> = Vec::new();
        for (len, stride) in axes {
            match merged.last_mut() {
                _ if len == 1 => {}
                Some((outer, step)) if *step == stride * len as isize => {
                    (*outer, *step) = (*outer * len, stride)
                }
                _ => merged.push((len, stride)),
            }
        }
        if merged.is_empty() {
            merged.push((1, 1));
        }
        Self { first, axes: merged }
    }

    /// Copies the view.
    pub(crate) fn run(&self, x: &[f32], y: &mut [f32]) {
        let (outer, inner) = self.axes.split_at(self.axes.len() - 1);
        let (len, stride) = inner[0];
        for (i, row) in y.chunks_exact_mut(len).enumerate() {
            let (mut rest, mut from) = (i, self.first as isize);
            for &(len, stride) in outer.iter().rev() {
                from += (rest % len) as isize * stride;
                rest /= len;
            }
            if stride == 1 {
                row.copy_from_slice(&x[from as usize..][..len]);
            } else {
                for (i, y) in row.iter_mut().enumerate() {
                    *y = x[(from + i as isize * stride) as usize];
                }
            }
        }
    }
}

pub(crate) fn strides(shape: &[usize]) -> Vec<isize> {
    (1..=shape.len()).map(|axis| shape[axis..].iter().product::<usize>() as isize).collect()
}

/// A concatenation, made ready.
#[derive(Clone, Debug)]
pub(crate) struct Concat {
    /// For each input how many elements of it follow one another in the output.
    lens: Vec<usize>,
}

impl Concat {
    /// Of tensors of these shapes along `axis`.
    pub(crate) fn new(axis: usize, inputs: &[&[usize]]) -> Self {
        Self { lens: inputs.iter().map(|shape| shape[axis..].iter().product()).collect() }
    }

    /// Copies input number `i` into its places.
    pub(crate) fn run(&self, i: usize, x: &[f32], y: &mut [f32]) {
        let before: usize = self.lens[..i].iter().sum();
        let (len, row) = (self.lens[i], self.lens.iter().sum());
        for (y, x) in y.chunks_exact_mut(row).zip(x.chunks_exact(len)) {
            y[before..before + len].copy_from_slice(x);
        }
    }
}

/// Padding, made ready.
#[derive(Clone, Debug)]
pub(crate) struct Pad {
    fill: f32,
    /// For each axis, and for each of its places in y, where in x its value lies (in elements); `None` is the constant.
    places: Vec<Vec<Option<usize>>>,
}

impl Pad {
    /// Of x of this shape. First comes what is removed, then what is added: a mirror shows what is left.
    pub(crate) fn new(op: &op::Pad, x: &[usize]) -> Self {
        let fill = if let PadMode::Constant(value) = op.mode { value } else { 0.0 };
        let places = strides(x).into_iter().enumerate().map(|(axis, stride)| {
            let (begin, end) = (op.begin[axis], op.end[axis]);
            let (first, last) = ((-begin).max(0), x[axis] as i64 - 1 + end.min(0));
            let of = |i: i64| match op.mode {
                PadMode::Constant(_) => (first..=last).contains(&i).then_some(i),
                PadMode::Edge => Some(i.clamp(first, last)),
                PadMode::Reflect if i < first => Some(2 * first - i),
                PadMode::Reflect if i > last => Some(2 * last - i),
                PadMode::Reflect => Some(i),
            };
            let indices = -begin..x[axis] as i64 + end;
            indices.map(|i| of(i).map(|i| i as usize * stride as usize)).collect()
        });
        Self { fill, places: places.collect() }
    }

    /// Pads x.
    pub(crate) fn run(&self, x: &[f32], y: &mut [f32]) {
        let Some((inner, outer)) = self.places.split_last() else {
            y.copy_from_slice(x);
            return;
        };
        for (i, row) in y.chunks_exact_mut(inner.len()).enumerate() {
            let mut rest = i;
            let from = outer.iter().rev().try_fold(0, |from, places| {
                let place = places[rest % places.len()];
                rest /= places.len();
                place.map(|place| from + place)
            });
            match from {
                None => row.fill(self.fill),
                Some(from) => row.iter_mut().zip(inner).for_each(|(y, place)| {
                    *y = place.map_or(self.fill, |place| x[from + place]);
                }),
            }
        }
    }
}
