//! The second pass over a tensor: its values in bins, quantized, and against each other.

use fewbit_formats::TensorEntry;
use fewbit_numeric::ggml::BlockType;
use fewbit_numeric::quantized::SCALE_BITS;
use fewbit_numeric::{Affine, ErrorStats, Granularity, Histogram, Quantized, Range};
use fewbit_quant::observation::BINS;
use fewbit_quant::range::{self, Magnitudes};
use fewbit_quant::report::{Errors, Level, TensorView};
use fewbit_quant::{Choice, QuantError, Quantizer, RangeMethod, weights};

use super::{Channels, InspectError, Inspected, OUTLIER, PIECE, Statistics, Surveyed, Target};

/// The bins of the histograms.
const VIEW_BINS: usize = 96;
/// Grids of more levels have none listed.
const MOST_LEVELS: usize = 256;
/// Blocks are searched for in smaller pieces: some searches take long.
const BLOCKS_PIECE: u64 = 1 << 16;

/// The pass.
pub(super) struct Measure {
    channels: Channels,
    done: Target,
    reason: Option<String>,
    way: Way,
    /// Values seen, of all that are to be seen.
    seen: [u64; 2],
    tally: Tally,
}

/// How values are quantized.
enum Way {
    /// Not at all.
    Float,
    /// As blocks.
    Blocks(BlockType),
    /// So many values at a time, which have scales of their own.
    Pieces(Quantizer, u64),
    /// A run of values shares a scale that is too long for memory.
    Runs(Box<Runs>),
}

/// Runs of values that are read twice where their range is not known: once for it, once for the codes.
struct Runs {
    quantizer: Quantizer,
    /// The values of a run.
    len: u64,
    /// The smallest and largest value of each.
    ranges: Vec<Range>,
    run: usize,
    /// Values seen of this run.
    within: u64,
    state: State,
}

enum State {
    Counting(Magnitudes),
    Coding(Affine),
}

impl Measure {
    pub(super) fn new(
        tensor: &TensorEntry,
        asked: Target,
        surveyed: &Surveyed,
    ) -> Result<Self, InspectError> {
        let channels = Channels::of(tensor);
        let statistics = &surveyed.statistics;
        let (done, way, reason) = if statistics.not_finite > 0 && asked != Target::Float {
            let reason = format!("{} of {} values are not finite", statistics.not_finite, statistics.n);
            (Target::Float, Way::Float, Some(reason))
        } else {
            way(tensor, channels, asked, surveyed)
        };
        let passes = match &way {
            Way::Runs(runs) if !runs.is_known() => 2,
            _ => 1,
        };
        let seen = [0, passes * channels.values()];
        Ok(Self { channels, done, reason, way, seen, tally: Tally::new(statistics)? })
    }

    /// The values that are wanted next.
    pub(super) fn wanted(&self) -> Option<(u64, u64)> {
        let (first, piece, end) = match &self.way {
            Way::Float => (self.seen[0], PIECE, self.channels.values()),
            Way::Blocks(_) => (self.seen[0], BLOCKS_PIECE, self.channels.values()),
            Way::Pieces(_, piece) if *piece < self.channels.len => {
                let channel = self.seen[0] / self.channels.len;
                (self.seen[0], *piece, (channel + 1) * self.channels.len)
            }
            Way::Pieces(_, piece) => (self.seen[0], *piece, self.channels.values()),
            Way::Runs(runs) => {
                let first = runs.run as u64 * runs.len;
                (first + runs.within, PIECE, first + runs.len)
            }
        };
        (self.seen[0] < self.seen[1]).then(|| (first, (first + piece).min(end)))
    }

    pub(super) fn progress(&self) -> f64 {
        self.seen[0] as f64 / self.seen[1].max(1) as f64
    }

    /// Takes the values that were wanted.
    pub(super) fn add(&mut self, values: &[f32]) -> Result<(), InspectError> {
        self.seen[0] += values.len() as u64;
        match &mut self.way {
            Way::Float => self.tally.float.add(values),
            Way::Blocks(kind) => {
                let quantized = kind.dequantize(&kind.quantize(values)?)?;
                let clip = Range::of(quantized.iter().copied());
                self.tally.widen(clip);
                self.tally.add(values, &quantized, clip);
            }
            Way::Pieces(quantizer, _) => {
                let len = usize::try_from(self.channels.len).unwrap_or(usize::MAX).min(values.len()).max(1);
                let shape = [values.len() / len, len];
                let choice = Choice::Quantize(*quantizer);
                let (codes, applied) = weights::quantize("tensor", values, &shape, 0, choice)?;
                self.reason = self.reason.take().or(applied.reason);
                if let Some(codes) = codes {
                    self.tally.add_codes(values, &codes);
                }
            }
            Way::Runs(runs) => runs.add(values, &mut self.tally),
        }
        Ok(())
    }

    pub(super) fn finish(&self, statistics: Statistics) -> Inspected {
        let tally = &self.tally;
        let bits = match self.done {
            Target::Float => None,
            Target::Blocks(kind) => kind.bytes_of(self.channels.values()).map(|bytes| 8 * bytes),
            Target::Grid(quantizer) => Some(storage_bits(self.channels, quantizer)),
        };
        let n = statistics.n.max(1) as f64;
        let view = TensorView {
            n: statistics.n,
            range: statistics.range,
            bins_range: Range { min: tally.float.low, max: tally.float.high },
            float_bins: tally.float.counts.clone(),
            quantized_bins: tally.quantized.counts.clone(),
            outside: [tally.float.below, tally.float.above],
            levels: tally.levels.clone(),
            grid: tally.grid,
            clip: tally.clip,
            clipped: tally.clipped,
            rounding_mse: tally.rounding / n,
            clipping_mse: tally.clipping / n,
            errors: Errors::of_channels(&[tally.errors]),
        };
        Inspected { statistics, view, done: self.done, reason: self.reason.clone(), bits }
    }
}

/// What is done with a tensor, how, and why it is not what was asked.
fn way(
    tensor: &TensorEntry,
    channels: Channels,
    asked: Target,
    surveyed: &Surveyed,
) -> (Target, Way, Option<String>) {
    let refused = |reason: String| (Target::Float, Way::Float, Some(reason));
    let quantizer = match asked {
        Target::Float => return (asked, Way::Float, None),
        Target::Blocks(kind) if !kind.is_written() => {
            return refused(format!("nothing is quantized to {kind}"));
        }
        Target::Blocks(kind) => {
            let block = kind.block_len() as u64;
            if !tensor.row_len().is_multiple_of(block) {
                let row = tensor.row_len();
                return refused(format!("rows of {row} are no whole number of blocks of {block}"));
            }
            return (asked, Way::Blocks(kind), None);
        }
        Target::Grid(quantizer) => quantizer,
    };
    let whole = channels.values();
    let pieces = |piece| (asked, Way::Pieces(quantizer, piece), None);
    let runs = |len: u64, ranges: Vec<Range>| {
        let runs = Runs::new(quantizer, len, ranges);
        let reason = (!runs.is_known()).then(|| {
            let method = quantizer.range;
            format!("{len} values share a scale: its range ({method}) is found from {BINS} counts of magnitudes for each sign")
        });
        (asked, Way::Runs(Box::new(runs)), reason)
    };
    match quantizer.granularity {
        _ if whole <= PIECE => pieces(whole),
        Granularity::Tensor => runs(whole, vec![surveyed.statistics.range]),
        _ if channels.len <= PIECE => pieces((PIECE / channels.len) * channels.len),
        Granularity::Channel => runs(channels.len, surveyed.ranges.clone()),
        Granularity::Group(size) => {
            // Groups stay whole, and so do the blocks that the values are read from.
            let step = least_common_multiple(u64::from(size.max(1)), 256);
            if step > PIECE {
                return refused(format!(
                    "groups of {size} do not fit the {PIECE} values that are read at a time"
                ));
            }
            pieces(PIECE / step * step)
        }
    }
}

fn least_common_multiple(a: u64, b: u64) -> u64 {
    let (mut x, mut y) = (a, b);
    while y != 0 {
        (x, y) = (y, x % y);
    }
    a / x * b
}

/// The codes, and for each block a scale and, where there is one, a zero point; in bits. As
/// [`fewbit_numeric::quantized::storage_bits`], of tensors that do not fit memory.
fn storage_bits(channels: Channels, quantizer: Quantizer) -> u64 {
    let (width, values) = (u64::from(quantizer.format.bits()), channels.values());
    let zero_point = if quantizer.format.has_zero_point() { width } else { 0 };
    let blocks = match quantizer.granularity {
        Granularity::Tensor => 1,
        Granularity::Channel => channels.count,
        Granularity::Group(size) => channels.count * channels.len.div_ceil(u64::from(size.max(1))),
    };
    values * width + blocks * (SCALE_BITS as u64 + zero_point)
}

impl Runs {
    fn new(quantizer: Quantizer, len: u64, ranges: Vec<Range>) -> Self {
        let mut runs = Self {
            quantizer,
            len,
            ranges,
            run: 0,
            within: 0,
            state: State::Counting(Magnitudes::new(0.0, 1)),
        };
        runs.begin();
        runs
    }

    /// Whether the smallest and the largest value are all that the range takes.
    fn is_known(&self) -> bool {
        matches!(self.quantizer.range, RangeMethod::MinMax | RangeMethod::MovingAverage(_))
    }

    fn seen(&self) -> Range {
        self.ranges.get(self.run).copied().unwrap_or(Range { min: 0.0, max: 0.0 })
    }

    fn begin(&mut self) {
        self.within = 0;
        self.state = if self.is_known() {
            State::Coding(weights::cover(self.seen(), self.quantizer))
        } else {
            State::Counting(Magnitudes::new(self.seen().max_abs(), BINS))
        };
    }

    fn add(&mut self, values: &[f32], tally: &mut Tally) {
        self.within += values.len() as u64;
        let (is_last, seen) = (self.within >= self.len, self.seen());
        match &mut self.state {
            State::Counting(magnitudes) => {
                magnitudes.add(values);
                if is_last {
                    let Quantizer { range, format, .. } = self.quantizer;
                    let range = range::of_magnitudes(range, format, seen, magnitudes);
                    self.state = State::Coding(weights::cover(range, self.quantizer));
                    self.within = 0;
                }
            }
            State::Coding(grid) => {
                let is_only = self.ranges.len() == 1;
                tally.add_grid(values, *grid, is_only);
                if is_last {
                    self.run += 1;
                    self.begin();
                }
            }
        }
    }
}

/// What is counted.
struct Tally {
    float: Histogram,
    quantized: Histogram,
    /// The grid, while there was only one.
    grid: Option<Affine>,
    levels: Vec<Level>,
    clip: Option<Range>,
    clipped: [u64; 2],
    rounding: f64,
    clipping: f64,
    errors: ErrorStats,
}

impl Tally {
    /// Nothing counted yet. Bins reach over all values but outliers.
    fn new(statistics: &Statistics) -> Result<Self, InspectError> {
        let Statistics { range, mean, deviation, .. } = *statistics;
        let end = |x: f64| (x as f32).max(range.min).min(range.max);
        let (low, high) = (end(mean - OUTLIER * deviation), end(mean + OUTLIER * deviation));
        let bins = Histogram::new(low, high, VIEW_BINS)
            .map_err(|why| InspectError::Quantize(QuantError::from(why)))?;
        Ok(Self {
            quantized: bins.clone(),
            float: bins,
            grid: None,
            levels: Vec::new(),
            clip: None,
            clipped: [0; 2],
            rounding: 0.0,
            clipping: 0.0,
            errors: ErrorStats::default(),
        })
    }

    fn widen(&mut self, clip: Range) {
        self.clip = Some(self.clip.map_or(clip, |before| before.union(clip)));
    }

    fn add(&mut self, values: &[f32], quantized: &[f32], clip: Range) {
        self.float.add(values);
        self.quantized.add(quantized);
        self.errors.merge(&ErrorStats::between(values, quantized));
        for (&x, &q) in values.iter().zip(quantized) {
            let e = f64::from(q) - f64::from(x);
            if x < clip.min {
                self.clipping += e * e;
                self.clipped[0] += 1;
            } else if x > clip.max {
                self.clipping += e * e;
                self.clipped[1] += 1;
            } else {
                self.rounding += e * e;
            }
        }
    }

    /// Values that share a grid.
    fn add_grid(&mut self, values: &[f32], grid: Affine, is_only: bool) {
        let codes: Vec<f32> = values.iter().map(|&x| grid.code(x)).collect();
        let quantized: Vec<f32> = codes.iter().map(|&code| grid.value(code)).collect();
        self.widen(grid.clip_range());
        self.add(values, &quantized, grid.clip_range());
        if is_only {
            self.count(grid, codes);
        }
    }

    /// Values with their codes, each on the grid of its block.
    fn add_codes(&mut self, values: &[f32], codes: &Quantized) {
        let quantized = codes.dequantize();
        for (block, run) in codes.layout.runs() {
            let Some(grid) = codes.grids.get(block) else { continue };
            if let (Some(values), Some(quantized)) = (values.get(run.clone()), quantized.get(run)) {
                self.widen(grid.clip_range());
                self.add(values, quantized, grid.clip_range());
            }
        }
        if let [grid] = codes.grids.as_slice()
            && codes.layout.granularity() == Granularity::Tensor
        {
            self.count(*grid, codes.codes.iter().map(|&code| code as f32));
        }
    }

    /// Counts the codes of the one grid that there is.
    fn count(&mut self, grid: Affine, codes: impl IntoIterator<Item = f32>) {
        if self.grid.is_none() {
            let (min, max) = (grid.min_code as i32, grid.max_code as i32);
            if ((max - min) as usize) < MOST_LEVELS {
                let level = |code: i32| Level { code, value: grid.value(code as f32), count: 0 };
                self.levels = (min..=max).map(level).collect();
            }
            self.grid = Some(grid);
        }
        for code in codes {
            if let Some(level) = self.levels.get_mut((code - grid.min_code) as usize) {
                level.count += 1;
            }
        }
    }
}
