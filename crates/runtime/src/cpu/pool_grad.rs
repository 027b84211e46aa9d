//! The gradient of pooling, one channel at a time, one row of windows after the other.

use fewbit_graph::op::PoolKind;

use crate::backend::RunError;
use crate::control::Control;
use crate::cpu::pieces::{self, in_pieces};
use crate::cpu::pool::{Axis, Pool};
use crate::cpu::simd::{Level, dispatch};

/// No element yet.
const NONE: u32 = u32::MAX;

/// What is known of the windows of a row.
#[derive(Clone, Debug, Default)]
struct Row {
    /// The largest element that each has seen, or the share of its gradient that each element gets.
    values: Vec<f32>,
    /// Where in the channel the largest element lies.
    places: Vec<u32>,
}

/// Gives the gradient `g` of each window to its first maximum, or in equal parts to what it saw. `pool` is the forward
/// operator; an element's parts are summed in the order of the windows.
pub(crate) async fn run(
    pool: &Pool,
    level: Level,
    [g, x]: [&[f32]; 2],
    y: &mut [f32],
    control: &Control<'_>,
) -> Result<(), RunError> {
    let [rows, columns] = &pool.axes;
    let (input, output) = (rows.input * columns.input, rows.output * columns.output);
    let cost = output * rows.taps.len() * columns.taps.len() * pieces::ELEMENT;
    let mut row = Row { values: vec![0.0; columns.output], places: vec![NONE; columns.output] };
    in_pieces(x.len() / input, cost, control, |planes| {
        let gradients = g[planes.start * output..planes.end * output].chunks_exact(output);
        let part = planes.start * input..planes.end * input;
        let planes = x[part.clone()].chunks_exact(input).zip(y[part].chunks_exact_mut(input));
        dispatch!(level, _simd => {
            for (g, (x, y)) in gradients.zip(planes) {
                y.fill(0.0);
                match pool.kind {
                    PoolKind::Max => max(&pool.axes, g, x, y, &mut row),
                    PoolKind::Mean { .. } => mean(&pool.axes, g, y, &mut row),
                }
            }
        });
        Ok(())
    })
    .await
}

#[inline(always)]
fn max([rows, columns]: &[Axis; 2], g: &[f32], x: &[f32], y: &mut [f32], row: &mut Row) {
    for (i, g) in g.chunks_exact(columns.output).enumerate() {
        row.values.fill(f32::NEG_INFINITY);
        row.places.fill(NONE);
        for tap in rows.taps.iter().filter(|tap| tap.windows.contains(&i)) {
            let first = (tap.from + (i - tap.windows.start) * rows.stride) * columns.input;
            for tap in &columns.taps {
                let first = first + tap.from;
                let values = &mut row.values[tap.windows.clone()];
                let places = &mut row.places[tap.windows.clone()];
                let x = x.get(first..).unwrap_or_default();
                match columns.stride {
                    1 => see::<1>(1, values, places, x, first),
                    2 => see::<2>(2, values, places, x, first),
                    stride => see::<0>(stride, values, places, x, first),
                }
            }
        }
        for (&g, &place) in g.iter().zip(&row.places) {
            if let Some(y) = y.get_mut(place as usize) {
                *y += g;
            }
        }
    }
}

/// Lets each window see its element of `x`, which begins at `first`. `STRIDE` is `stride`, or 0.
#[inline(always)]
fn see<const STRIDE: usize>(stride: usize, values: &mut [f32], places: &mut [u32], x: &[f32], first: usize) {
    let stride = if STRIDE > 0 { STRIDE } else { stride };
    let places = places.iter_mut().zip((first as u32..).step_by(stride));
    for ((max, (place, at)), x) in values.iter_mut().zip(places).zip(x.chunks(stride)) {
        // The forward operator's rule, and the first element where all are −∞.
        let is_larger = (x[0] > *max) | x[0].is_nan() | (*place == NONE);
        *max = if is_larger { x[0] } else { *max };
        *place = if is_larger { at } else { *place };
    }
}

#[inline(always)]
fn mean([rows, columns]: &[Axis; 2], g: &[f32], y: &mut [f32], row: &mut Row) {
    for (i, (g, &in_row)) in g.chunks_exact(columns.output).zip(&rows.counts).enumerate() {
        let counted = row.values.iter_mut().zip(g.iter().zip(&columns.counts));
        counted.for_each(|(share, (&g, &in_column))| *share = g / (in_row * in_column) as f32);
        for tap in rows.taps.iter().filter(|tap| tap.windows.contains(&i)) {
            let first = (tap.from + (i - tap.windows.start) * rows.stride) * columns.input;
            for tap in &columns.taps {
                let first = (first + tap.from).min(y.len());
                let seen = y[first..].iter_mut().step_by(columns.stride);
                seen.zip(&row.values[tap.windows.clone()]).for_each(|(y, &share)| *y += share);
            }
        }
    }
}
