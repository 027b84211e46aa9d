//! Least error: of 80 shrunken min-max ranges (1 − 0.01·i)·[min, max] the one with the least Σ|x̂ − x|ᵖ.
//!
//! This is the search of BRECQ (Li et al. 2021, arXiv 2102.05426) and MQBench, with p = 2.4 in the former. The first of equal
//! ranges wins, so the result is never worse than min-max. For the binary format and p = 2 the best Δ has a closed
//! form, the mean magnitude (Rastegari et al. 2016, arXiv 1603.05279, eq. 6), and no search is made.

use fewbit_numeric::{Affine, Format, Range};

/// How many ranges are tried.
const STEPS: u32 = 80;
/// How many values are summed before looking whether the best so far is already exceeded.
const CHUNK: usize = 64;

/// The best range for `values`, whose min-max is `seen`; `power` is p.
pub fn of_values(values: &[f32], seen: Range, format: Format, power: f32) -> Range {
    if format.is_binary() && power == 2.0 {
        return mean_magnitude(values.iter().map(|&x| (x, 1)));
    }
    let penalty = Penalty::new(power);
    search(seen, format, |grid, best| {
        let mut total = 0.0;
        for chunk in values.chunks(CHUNK) {
            for &x in chunk {
                total += penalty.of(grid.fake(x) - x);
            }
            if total >= best {
                break;
            }
        }
        total
    })
}

/// The best range for values that were counted: each point is a value and how often it occurs.
pub fn of_points(points: &[(f32, u64)], seen: Range, format: Format, power: f32) -> Range {
    if format.is_binary() && power == 2.0 {
        return mean_magnitude(points.iter().copied());
    }
    let penalty = Penalty::new(power);
    search(seen, format, |grid, _| {
        points.iter().map(|&(x, count)| count as f64 * penalty.of(grid.fake(x) - x)).sum()
    })
}

/// The shrunken range with the least error; `error` may stop at anything not below the best so far.
fn search(seen: Range, format: Format, error: impl Fn(Affine, f64) -> f64) -> Range {
    let (mut best, mut least) = (seen, f64::INFINITY);
    for i in 0..STEPS {
        let range = seen.scaled((1.0 - 0.01 * f64::from(i)) as f32);
        let total = error(Affine::covering(format, range), least);
        if total < least {
            (best, least) = (range, total);
        }
    }
    best
}

fn mean_magnitude(points: impl Iterator<Item = (f32, u64)>) -> Range {
    let (mut sum, mut n) = (0.0, 0);
    for (x, count) in points {
        sum += f64::from(x.abs()) * count as f64;
        n += count;
    }
    let mean = if n == 0 { 0.0 } else { (sum / n as f64) as f32 };
    Range { min: -mean, max: mean }
}

/// |e|ᵖ.
#[derive(Clone, Copy)]
enum Penalty {
    Square,
    Power(f32),
}

impl Penalty {
    fn new(power: f32) -> Self {
        if power == 2.0 { Self::Square } else { Self::Power(power) }
    }

    #[inline]
    fn of(self, e: f32) -> f64 {
        match self {
            Self::Square => f64::from(e) * f64::from(e),
            // As good as powf for a sum, and three times as fast. No error is 2^(−∞) = 0.
            Self::Power(p) => f64::from(libm::exp2f(p * libm::log2f(e.abs()))),
        }
    }
}
