//! One of two values, by a condition.

use crate::cpu::layout::strides;

/// A choice, made ready.
#[derive(Clone, Debug)]
pub(crate) struct Choice {
    /// Axes of the output, merged where all three inputs allow it; never empty.
    axes: Vec<Axis>,
}

#[derive(Clone, Copy, Debug)]
struct Axis {
    len: usize,
    /// How far a step along the axis is in each input; 0 where it repeats.
    strides: [usize; 3],
}

impl Choice {
    /// Of condition, a and b of these shapes, which broadcast to `output`.
    pub(crate) fn new(inputs: [&[usize]; 3], output: &[usize]) -> Self {
        let own = inputs.map(strides);
        let stride = |input: usize, axis: usize| {
            let shape = inputs[input];
            match (axis + shape.len()).checked_sub(output.len()) {
                Some(axis) if shape[axis] != 1 => own[input][axis] as usize,
                _ => 0,
            }
        };
        let mut axes: Vec<Axis> = Vec::new();
        for (axis, &len) in output.iter().enumerate().filter(|(_, len)| **len != 1) {
            let next = Axis { len, strides: [0, 1, 2].map(|input| stride(input, axis)) };
            match axes.last_mut() {
                Some(outer) if outer.strides == next.strides.map(|stride| stride * len) => {
                    *outer = Axis { len: outer.len * len, ..next };
                }
                _ => axes.push(next),
            }
        }
        if axes.is_empty() {
            axes.push(Axis { len: 1, strides: [0; 3] });
        }
        Self { axes }
    }

    /// Chooses.
    pub(crate) fn run(&self, inputs: [&[f32]; 3], y: &mut [f32]) {
        let (outer, inner) = self.axes.split_at(self.axes.len() - 1);
        let Axis { len, strides: step } = inner[0];
        for (row, y) in y.chunks_exact_mut(len).enumerate() {
            let (mut rest, mut from) = (row, [0; 3]);
            for axis in outer.iter().rev() {
                let place = rest % axis.len;
                from.iter_mut().zip(axis.strides).for_each(|(from, stride)| *from += place * stride);
                rest /= axis.len;
            }
            let [condition, a, b] = [0, 1, 2].map(|i| &inputs[i][from[i]..]);
            for (i, y) in y.iter_mut().enumerate() {
                *y = if condition[i * step[0]] != 0.0 { a[i * step[1]] } else { b[i * step[2]] };
            }
        }
    }
}
