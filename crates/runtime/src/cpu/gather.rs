//! Elements by number, along an axis.

use crate::backend::RunError;
use crate::control::Control;
use crate::cpu::pieces::{self, in_pieces};

/// The most indices of a piece of work.
const PART: usize = 1 << 14;

/// A gather or its gradient, made ready. Either way the elements behind the axis follow one another: a *row*.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Gather {
    /// The length of the axis.
    length: usize,
    /// The length of a row.
    row: usize,
}

impl Gather {
    /// Of a tensor of this shape, along `axis`.
    pub(crate) fn new(axis: usize, x: &[usize]) -> Self {
        Self { length: x[axis], row: x[axis + 1..].iter().product() }
    }

    /// Copies, before each place of the axes in front, the rows of these numbers.
    pub(crate) async fn run(
        &self,
        [x, numbers]: [&[f32]; 2],
        y: &mut [f32],
        control: &Control<'_>,
    ) -> Result<(), RunError> {
        let Self { length, row } = *self;
        let places: Vec<usize> = numbers.iter().map(|&number| index(number, length) * row).collect();
        // Long lists are cut, short ones are walked for several places of the axes in front.
        let part = places.len().min(PART);
        let parts = places.len().div_ceil(part);
        let outer = x.len() / (length * row);
        in_pieces(outer * parts, part * (row + pieces::ELEMENT), control, |pieces| {
            for piece in pieces {
                let (block, first) = (piece / parts, piece % parts * part);
                let x = &x[block * length * row..][..length * row];
                let places = &places[first..places.len().min(first + part)];
                let y = &mut y[(block * numbers.len() + first) * row..][..places.len() * row];
                if row == 1 {
                    y.iter_mut().zip(places).for_each(|(y, &place)| *y = x[place]);
                } else {
                    for (y, &place) in y.chunks_exact_mut(row).zip(places) {
                        y.copy_from_slice(&x[place..place + row]);
                    }
                }
            }
            Ok(())
        })
        .await
    }

    /// Adds each row of g to the row of y that it was taken from, in order.
    pub(crate) async fn run_grad(
        &self,
        [g, numbers]: [&[f32]; 2],
        y: &mut [f32],
        control: &Control<'_>,
    ) -> Result<(), RunError> {
        y.fill(0.0);
        in_pieces(g.len() / self.row, self.row + pieces::ELEMENT, control, |rows| {
            let sources = g[rows.start * self.row..rows.end * self.row].chunks_exact(self.row);
            for (place, source) in rows.zip(sources) {
                let target = &mut y[self.from(place, numbers)..][..self.row];
                target.iter_mut().zip(source).for_each(|(y, &g)| *y += g);
            }
            Ok(())
        })
        .await
    }

    /// Where the row begins from which row `place` of the gathered tensor was taken.
    fn from(&self, place: usize, numbers: &[f32]) -> usize {
        let number = numbers[place % numbers.len()];
        (place / numbers.len() * self.length + index(number, self.length)) * self.row
    }
}

/// The place that a number means on an axis of this length: a negative one counts from the end; one beyond the axis
/// means its nearest end, and what is no number its first element.
pub(crate) fn index(number: f32, length: usize) -> usize {
    let (number, length) = (number as i64, length as i64);
    let from_front = if number < 0 { number + length } else { number };
    from_front.clamp(0, length - 1) as usize
}
