//! The first pass over a tensor: what its values are.

use fewbit_numeric::Range;

use super::{Channel, Channels, LISTED, PIECE, Statistics};

/// The channels whose ranges are remembered, at most: more take too much memory.
const REMEMBERED: u64 = 1 << 20;

/// What the first pass found; it need not be made again for another target.
#[derive(Clone, Debug, PartialEq)]
pub struct Surveyed {
    /// What the values are.
    pub statistics: Statistics,
    /// The range of each channel; empty if there are too many.
    pub(super) ranges: Vec<Range>,
}

/// The pass.
pub(super) struct Survey {
    channels: Channels,
    /// Values seen.
    seen: u64,
    sum: f64,
    squares: f64,
    zeros: u64,
    not_finite: u64,
    range: Seen,
    ranges: Vec<Seen>,
}

/// The smallest and the largest value so far.
#[derive(Clone, Copy)]
struct Seen {
    min: f32,
    max: f32,
}

impl Seen {
    const NOTHING: Self = Self { min: f32::INFINITY, max: f32::NEG_INFINITY };

    fn add(&mut self, other: Self) {
        *self = Self { min: self.min.min(other.min), max: self.max.max(other.max) };
    }

    fn range(self) -> Range {
        if self.min <= self.max {
            Range { min: self.min, max: self.max }
        } else {
            Range { min: 0.0, max: 0.0 }
        }
    }
}

impl Survey {
    pub(super) fn new(channels: Channels) -> Self {
        let remembered = if channels.count <= REMEMBERED { channels.count as usize } else { 0 };
        Self {
            channels,
            seen: 0,
            sum: 0.0,
            squares: 0.0,
            zeros: 0,
            not_finite: 0,
            range: Seen::NOTHING,
            ranges: vec![Seen::NOTHING; remembered],
        }
    }

    /// The values that are wanted next.
    pub(super) fn wanted(&self) -> Option<(u64, u64)> {
        let all = self.channels.values();
        (self.seen < all).then(|| (self.seen, (self.seen + PIECE).min(all)))
    }

    pub(super) fn progress(&self) -> f64 {
        self.seen as f64 / self.channels.values().max(1) as f64
    }

    /// Takes the values that were wanted.
    pub(super) fn add(&mut self, values: &[f32]) {
        let mut rest = values;
        while !rest.is_empty() {
            let (channel, within) = (self.seen / self.channels.len, self.seen % self.channels.len);
            let left = usize::try_from(self.channels.len - within).unwrap_or(usize::MAX);
            let (run, others) = rest.split_at(left.min(rest.len()));
            let range = self.add_run(run);
            self.range.add(range);
            if let Some(seen) = self.ranges.get_mut(channel as usize) {
                seen.add(range);
            }
            self.seen += run.len() as u64;
            rest = others;
        }
    }

    fn add_run(&mut self, values: &[f32]) -> Seen {
        let mut range = Seen::NOTHING;
        for &x in values {
            if x.is_finite() {
                range.add(Seen { min: x, max: x });
                self.sum += f64::from(x);
                self.squares += f64::from(x) * f64::from(x);
                self.zeros += u64::from(x == 0.0);
            } else {
                self.not_finite += 1;
            }
        }
        range
    }

    pub(super) fn finish(&self) -> Surveyed {
        let count = (self.seen - self.not_finite).max(1) as f64;
        let mean = self.sum / count;
        let ranges: Vec<Range> = self.ranges.iter().map(|seen| seen.range()).collect();
        let listed = if self.channels.count > 1 { widest(&ranges) } else { Vec::new() };
        let statistics = Statistics {
            n: self.seen,
            range: self.range.range(),
            mean,
            deviation: (self.squares / count - mean * mean).max(0.0).sqrt(),
            zeros: self.zeros,
            not_finite: self.not_finite,
            channels: self.channels.count,
            median_magnitude: listed.first().and_then(|_| median(&ranges)),
            widest: listed,
        };
        Surveyed { statistics, ranges }
    }
}

/// The channels with the largest magnitudes, the largest first, equal ones in order.
fn widest(ranges: &[Range]) -> Vec<Channel> {
    let mut listed: Vec<Channel> = Vec::new();
    for (index, &range) in ranges.iter().enumerate() {
        let place = listed.partition_point(|other| other.range.max_abs() >= range.max_abs());
        if place < LISTED {
            listed.insert(place, Channel { index: index as u64, range });
            listed.truncate(LISTED);
        }
    }
    listed
}

/// The middle one of the largest magnitudes; of an even number the upper.
fn median(ranges: &[Range]) -> Option<f32> {
    let mut magnitudes: Vec<f32> = ranges.iter().map(|range| range.max_abs()).collect();
    let middle = magnitudes.len() / 2;
    (middle < magnitudes.len()).then(|| *magnitudes.select_nth_unstable_by(middle, f32::total_cmp).1)
}
