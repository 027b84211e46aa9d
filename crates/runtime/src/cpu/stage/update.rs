//! Steps of optimizers: one f32 operation after the other, as [`Update`] writes them.

use fewbit_graph::op::Update;

use crate::cpu::simd::{Level, dispatch};

/// Replaces `data`, which is input number `main` of the update, by its result; `others` are the other tensors, in order.
pub(super) fn apply(
    level: Level,
    update: Update,
    main: usize,
    data: &mut [f32],
    others: [&[f32]; 2],
    rates: &[f32],
) {
    let rate = |i: usize| rates.get(i).copied().unwrap_or_default();
    let pair = (main == 1, others[0]);
    match update {
        Update::Momentum { momentum } => zip(level, data, pair, |m, g| momentum * m + g),
        Update::Mean { decay } => zip(level, data, pair, |m, g| decay * m + (1.0 - decay) * g),
        Update::Square { decay } => zip(level, data, pair, |v, g| decay * v + (1.0 - decay) * (g * g)),
        Update::Descend => {
            let (speed, decay) = (rate(0), rate(1));
            zip(level, data, pair, |p, g| p - speed * (g + decay * p));
        }
        Update::Sign => {
            let speed = rate(0);
            zip(level, data, pair, |p, g| p - speed * sign(g));
        }
        Update::Adam { epsilon } => {
            let [speed, first, second, decay] = [0, 1, 2, 3].map(rate);
            dispatch!(level, _simd => {
                for (p, (&m, &v)) in data.iter_mut().zip(others[0].iter().zip(others[1])) {
                    let deviation = (v * second).sqrt() + epsilon;
                    *p -= speed * (m * first / deviation + decay * *p);
                }
            });
        }
    }
}

/// Replaces each element by f of the pair that it makes with the element of `other`, which comes first if `swapped`.
#[inline(always)]
fn zip(level: Level, data: &mut [f32], (swapped, other): (bool, &[f32]), f: impl Fn(f32, f32) -> f32) {
    dispatch!(level, _simd => {
        if swapped {
            data.iter_mut().zip(other).for_each(|(b, &a)| *b = f(a, *b));
        } else {
            data.iter_mut().zip(other).for_each(|(a, &b)| *a = f(*a, b));
        }
    });
}

#[inline(always)]
fn sign(x: f32) -> f32 {
    let positive = if x > 0.0 { 1.0 } else { 0.0 };
    if x < 0.0 { -1.0 } else { positive }
}
