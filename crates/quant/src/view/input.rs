//! A layer's input for looking at, by what was observed of it.

use fewbit_numeric::{Affine, ErrorStats, Range};

use super::{Split, clip_lines, count, levels};
use crate::observation::Observation;
use crate::range::Magnitudes;
use crate::report::{Errors, Level, TensorView};

/// The input on `grids`: none in float, one for the tensor, or one for each channel. None before its distribution was
/// observed.
///
/// On one grid, each bin of the observer moves to the level of its centre. With a grid for each channel, where the
/// observer's bins do not tell, the kept sample stands for all values.
pub(super) fn view(seen: &Observation, grids: Option<&[Affine]>, bins: usize) -> Option<TensorView> {
    let fine = Fine::of(seen.magnitudes.as_ref()?);
    let grids = grids.unwrap_or_default();
    let sample = Sample::of(seen, grids);
    let shown = match grids {
        [] => Quantized { places: fine.places(), ..Quantized::default() },
        &[grid] => fine.quantized(grid),
        _ => sample.places(fine.width),
    };
    let coarse = Coarse::covering(&fine.places(), &shown.places, bins);
    let scaled = |n: u64| if grids.len() > 1 { sample.for_all(n, seen.n) } else { n };
    Some(TensorView {
        n: seen.n,
        range: seen.range(),
        bins_range: coarse.range(fine.width),
        float_bins: coarse.counts(&fine.places()),
        quantized_bins: coarse.counts(&shown.places).into_iter().map(scaled).collect(),
        outside: [0, 0],
        levels: shown.levels,
        grid: if let &[grid] = grids { Some(grid) } else { None },
        clip: clip_lines(grids),
        clipped: shown.clipped.map(scaled),
        rounding_mse: sample.mean(sample.split.rounding),
        clipping_mse: sample.mean(sample.split.clipping),
        errors: Errors::of_channels(&sample.errors),
    })
}

/// The observer's bins on one axis: bin i covers i·width to (i + 1)·width, negative i below zero.
struct Fine {
    width: f64,
    /// Place, centre and count of each bin that holds something.
    bins: Vec<(i64, f32, u64)>,
}

/// Quantized values: where they lie, and what became of them.
#[derive(Default)]
struct Quantized {
    places: Vec<(i64, u64)>,
    levels: Vec<Level>,
    clipped: [u64; 2],
}

impl Fine {
    fn of(magnitudes: &Magnitudes) -> Self {
        let width = f64::from(magnitudes.positive.high) / magnitudes.positive.counts.len() as f64;
        let points = magnitudes.points().into_iter();
        let bins = points.map(|(centre, n)| (place(centre, width), centre, n)).collect();
        Self { width, bins }
    }

    fn places(&self) -> Vec<(i64, u64)> {
        self.bins.iter().map(|&(place, _, n)| (place, n)).collect()
    }

    fn quantized(&self, grid: Affine) -> Quantized {
        let mut levels = levels(grid);
        let mut split = [0, 0];
        let clip = grid.clip_range();
        let mut places = Vec::with_capacity(self.bins.len());
        for &(_, centre, n) in &self.bins {
            let code = grid.code(centre);
            count(&mut levels, grid, code, n);
            places.push((place(grid.value(code), self.width), n));
            split[0] += if centre < clip.min { n } else { 0 };
            split[1] += if centre > clip.max { n } else { 0 };
        }
        Quantized { places, levels, clipped: split }
    }
}

fn place(x: f32, width: f64) -> i64 {
    if width > 0.0 { (f64::from(x) / width).floor() as i64 } else { 0 }
}

/// The kept values on their grids.
struct Sample {
    /// The sums of each channel.
    errors: Vec<ErrorStats>,
    split: Split,
    n: u64,
    /// The quantized values, where there is a grid for each channel.
    quantized: Vec<f32>,
}

impl Sample {
    fn of(seen: &Observation, grids: &[Affine]) -> Self {
        let mut sample = Self { errors: Vec::new(), split: Split::default(), n: 0, quantized: Vec::new() };
        let mut quantized = Vec::new();
        for (channel, values) in seen.sample.iter().enumerate() {
            quantized.clear();
            match if grids.len() > 1 { grids.get(channel) } else { grids.first() } {
                None => quantized.extend_from_slice(values),
                Some(grid) => {
                    quantized.extend(values.iter().map(|&x| grid.fake(x)));
                    let clip = grid.clip_range();
                    values.iter().zip(&quantized).for_each(|(&x, &q)| sample.split.add(x, q, clip));
                }
            }
            sample.errors.push(ErrorStats::between(values, &quantized));
            sample.n += values.len() as u64;
            if grids.len() > 1 {
                sample.quantized.extend_from_slice(&quantized);
            }
        }
        sample
    }

    fn places(&self, width: f64) -> Quantized {
        let places = self.quantized.iter().map(|&x| (place(x, width), 1)).collect();
        Quantized { places, levels: Vec::new(), clipped: self.split.clipped }
    }

    fn mean(&self, sum: f64) -> f64 {
        sum / self.n.max(1) as f64
    }

    /// What `count` of the sample stands for among `n` values, to the nearest whole number.
    fn for_all(&self, count: u64, n: u64) -> u64 {
        let kept = u128::from(self.n.max(1));
        ((u128::from(count) * u128::from(n) + kept / 2) / kept) as u64
    }
}

/// Bins for display, each of a whole number of fine ones.
struct Coarse {
    first: i64,
    fine_in_each: i64,
    bins: usize,
}

impl Coarse {
    /// At most `bins` of them, wide enough for all places.
    fn covering(a: &[(i64, u64)], b: &[(i64, u64)], bins: usize) -> Self {
        let places = || a.iter().chain(b).map(|&(place, _)| place);
        let (first, last) = (places().min().unwrap_or(0), places().max().unwrap_or(0));
        let (span, bins) = (last - first + 1, bins as i64);
        let fine_in_each = (span + bins - 1) / bins;
        Self { first, fine_in_each, bins: ((span + fine_in_each - 1) / fine_in_each) as usize }
    }

    fn range(&self, width: f64) -> Range {
        let edge = |place: i64| (place as f64 * width) as f32;
        Range { min: edge(self.first), max: edge(self.first + self.bins as i64 * self.fine_in_each) }
    }

    fn counts(&self, places: &[(i64, u64)]) -> Vec<u64> {
        let mut counts = vec![0; self.bins];
        for &(place, n) in places {
            if let Some(bin) = counts.get_mut(((place - self.first) / self.fine_in_each) as usize) {
                *bin += n;
            }
        }
        counts
    }
}
