//! What a tensor looks like: from its view to paths and labels.

use fewbit_numeric::{Affine, Range};
use fewbit_quant::report::{Level, TensorView};

use crate::chart::scale::Kind;
use crate::chart::{Area, Scale, Size, path, ticks};
use crate::ui::format;

const LEFT: f64 = 36.0;
const RIGHT: f64 = 8.0;
const TOP: f64 = 14.0;
const BOTTOM: f64 = 18.0;
/// Beyond this many levels, the boundaries between them are not drawn.
const MOST_BOUNDARIES: usize = 32;
/// Pixels that a label of the axis needs.
const LABEL: f64 = 46.0;
/// Bars that rise above this many times the highest float bin are cut there, unless counts are logarithmic.
const CUT: f64 = 3.0;
/// The share of the width of a level's cell that its bar takes, and the most it takes in pixels.
const BAR: (f64, f64) = (0.62, 16.0);

/// The values on the axis: everything drawn, clip lines too, with a little room.
pub fn domain(view: &TensorView) -> (f64, f64) {
    around(view.bins_range, view.clip)
}

/// The values from the first bin or clip line to the last, with a little room.
pub fn around(bins: Range, clip: Option<Range>) -> (f64, f64) {
    let all = bins.union(clip.unwrap_or(bins));
    let (low, high) = (f64::from(all.min), f64::from(all.max));
    let room = if high > low { 0.03 * (high - low) } else { 0.5 };
    (low - room, high + room)
}

/// Where everything lies.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Plot {
    /// Values across.
    pub x: Scale,
    /// Counts for each bin, upwards.
    pub y: Scale,
    size: Size,
}

/// The width of a bin.
fn bin(view: &TensorView) -> f64 {
    let range = view.bins_range;
    f64::from(range.max - range.min) / view.float_bins.len().max(1) as f64
}

/// What a level's count is multiplied by to stand beside counts of bins: equal areas are then equal counts.
fn density(view: &TensorView, grid: Affine) -> f64 {
    let bin = bin(view);
    if bin > 0.0 { bin / f64::from(grid.scale) } else { 1.0 }
}

/// The levels with their grid, where all values share one.
pub fn levels(view: &TensorView) -> Option<(&[Level], Affine)> {
    let grid = view.grid.filter(|_| !view.levels.is_empty())?;
    Some((&view.levels, grid))
}

/// Whether there is anything quantized to draw.
pub fn is_quantized(view: &TensorView) -> bool {
    view.clip.is_some()
}

/// The highest float bin and the highest bar.
fn highest(view: &TensorView) -> (f64, f64) {
    let most = |counts: &mut dyn Iterator<Item = u64>| counts.max().unwrap_or(0) as f64;
    let quantized = match levels(view) {
        Some((levels, grid)) => most(&mut levels.iter().map(|level| level.count)) * density(view, grid),
        None if is_quantized(view) => most(&mut view.quantized_bins.iter().copied()),
        None => 0.0,
    };
    (most(&mut view.float_bins.iter().copied()).max(1.0), quantized)
}

impl Plot {
    /// Lays `view` out over `domain`, counts on a logarithmic scale or not.
    pub fn new(view: &TensorView, domain: (f64, f64), log: bool, size: Size) -> Self {
        let (float, quantized) = highest(view);
        let (kind, top) = match log {
            true => (Kind::Log1p, float.max(quantized)),
            false => (Kind::Linear, float.max(quantized.min(CUT * float))),
        };
        Self {
            x: Scale::linear(domain, (LEFT, (size.width - RIGHT).max(LEFT + 1.0))),
            y: Scale::new(kind, (0.0, top), ((size.height - BOTTOM).max(TOP + 1.0), TOP)),
            size,
        }
    }

    /// The part that values lie in.
    pub fn area(&self) -> Area {
        let floor = self.floor();
        Area { left: LEFT, top: TOP, width: self.size.width - LEFT - RIGHT, height: floor - TOP }
    }

    /// The line that bars stand on.
    pub fn floor(&self) -> f64 {
        (self.size.height - BOTTOM).max(TOP + 1.0)
    }

    fn edges(&self, view: &TensorView) -> Vec<f64> {
        let (low, bin) = (f64::from(view.bins_range.min), bin(view));
        (0..=view.float_bins.len()).map(|i| self.x.pixel(low + i as f64 * bin)).collect()
    }

    /// The float values: the area under a line through the middle of each bin's top.
    pub fn float(&self, view: &TensorView) -> String {
        let edges = self.edges(view);
        let floor = self.floor();
        let tops = view
            .float_bins
            .iter()
            .zip(edges.windows(2))
            .map(|(&n, edge)| (0.5 * (edge[0] + edge[1]), self.y.pixel(n as f64)));
        let ends = [edges.first(), edges.last()].map(|edge| edge.map(|&x| (x, floor)));
        let points: Vec<_> = ends[0].into_iter().chain(tops).chain(ends[1]).collect();
        path::area(&points, floor)
    }

    /// The quantized values: a bar for each level, or bins where there are several grids.
    pub fn quantized(&self, view: &TensorView) -> String {
        if !is_quantized(view) {
            return String::new();
        }
        let floor = self.floor();
        match levels(view) {
            Some((levels, grid)) => {
                let (density, half) = (density(view, grid), 0.5 * self.bar_width(grid));
                let bars = levels.iter().filter(|level| level.count > 0).map(|level| {
                    let x = self.x.pixel(f64::from(level.value));
                    let top = self.height(level.count as f64 * density);
                    path::area(&[(x - half, top), (x + half, top)], floor)
                });
                bars.collect()
            }
            None => {
                let tops: Vec<_> = view.quantized_bins.iter().map(|&n| self.height(n as f64)).collect();
                path::steps(&self.edges(view), &tops, floor)
            }
        }
    }

    /// The upper end of a bar; one that is cut rises a little above the rest.
    fn height(&self, count: f64) -> f64 {
        if count > self.y.domain().1 { TOP - 6.0 } else { self.y.pixel(count) }
    }

    /// Where the highest bar is cut, if one is, and its count.
    pub fn cut(&self, view: &TensorView) -> Option<(f64, u64)> {
        let (density, bars): (f64, Vec<(f64, u64)>) = match levels(view) {
            Some((levels, grid)) => {
                let bars = levels.iter().map(|level| (f64::from(level.value), level.count));
                (density(view, grid), bars.collect())
            }
            None if is_quantized(view) => {
                let middle = |i: usize| 0.5 * (bin_edges(view, i).0 + bin_edges(view, i).1);
                (1.0, view.quantized_bins.iter().enumerate().map(|(i, &n)| (middle(i), n)).collect())
            }
            None => return None,
        };
        let (value, n) = bars.into_iter().max_by_key(|&(_, n)| n)?;
        (n as f64 * density > self.y.domain().1).then(|| (self.x.pixel(value), n))
    }

    fn bar_width(&self, grid: Affine) -> f64 {
        let cell = self.x.pixel(f64::from(grid.scale)) - self.x.pixel(0.0);
        (BAR.0 * cell).clamp(1.0, BAR.1)
    }

    /// Dotted lines between the levels, where they are few.
    pub fn boundaries(&self, view: &TensorView) -> String {
        let Some((levels, grid)) = levels(view).filter(|(levels, _)| levels.len() <= MOST_BOUNDARIES) else {
            return String::new();
        };
        let half = 0.5 * f64::from(grid.scale);
        levels
            .iter()
            .skip(1)
            .map(|level| self.x.pixel(f64::from(level.value) - half))
            .map(|x| path::line([(x, TOP), (x, self.floor())]))
            .collect()
    }

    /// Labels of the axis: the levels themselves where there is room, else round values.
    pub fn across(&self, view: &TensorView) -> Vec<(f64, String)> {
        let (low, high) = self.x.domain();
        if let Some((levels, grid)) = levels(view)
            && self.x.pixel(f64::from(grid.scale)) - self.x.pixel(0.0) >= LABEL
        {
            // Two digits of the scale tell levels apart.
            let digits = (1.0 - f64::from(grid.scale).log10().floor()).clamp(0.0, 5.0) as usize;
            let values = levels.iter().map(|level| f64::from(level.value));
            let shown = values.filter(|value| (low..=high).contains(value));
            return shown.map(|value| (self.x.pixel(value), format::signed(value, digits))).collect();
        }
        let values = ticks::linear(low, high, ((self.size.width - LEFT) / (1.6 * LABEL)) as usize);
        values.iter().map(|&value| (self.x.pixel(value), ticks::label(value, &values))).collect()
    }

    /// Labels of the counts.
    pub fn up(&self, log: bool) -> Vec<(f64, f64)> {
        let highest = self.y.domain().1;
        let counts = if log { ticks::powers(0.0, highest) } else { ticks::linear(0.0, highest, 3) };
        counts.into_iter().map(|count| (self.y.pixel(count), count)).collect()
    }

    /// From where to where mark `i` reaches: the cell of a level, or a bin.
    pub fn mark(&self, view: &TensorView, i: usize) -> Option<(f64, f64)> {
        let (low, high) = match levels(view) {
            Some((levels, grid)) => {
                let (value, half) = (f64::from(levels.get(i)?.value), 0.5 * f64::from(grid.scale));
                (value - half, value + half)
            }
            None => {
                let low = f64::from(view.bins_range.min) + i as f64 * bin(view);
                (low, low + bin(view))
            }
        };
        Some((self.x.pixel(low), self.x.pixel(high)))
    }

    /// The mark at a pixel.
    pub fn mark_at(&self, view: &TensorView, pixel: f64) -> Option<usize> {
        let value = self.x.value(pixel);
        let (first, step) = match levels(view) {
            Some((levels, grid)) => {
                let scale = f64::from(grid.scale);
                (f64::from(levels.first()?.value) - 0.5 * scale, scale)
            }
            None => (f64::from(view.bins_range.min), bin(view)),
        };
        let place = ((value - first) / step).floor();
        let last = marks(view).checked_sub(1)?;
        (place.is_finite()).then(|| place.clamp(0.0, last as f64) as usize)
    }
}

/// How many marks there are: levels, or bins.
pub fn marks(view: &TensorView) -> usize {
    levels(view).map_or(view.float_bins.len(), |(levels, _)| levels.len())
}

/// The values in bin `i`.
pub fn bin_edges(view: &TensorView, i: usize) -> (f64, f64) {
    let low = f64::from(view.bins_range.min) + i as f64 * bin(view);
    (low, low + bin(view))
}

#[cfg(test)]
mod tests {
    use fewbit_quant::report::Errors;

    use super::*;

    const SIZE: Size = Size { width: 444.0, height: 232.0 };

    fn view(grid: Option<Affine>) -> TensorView {
        let range = Range { min: -2.0, max: 2.0 };
        TensorView {
            n: 10,
            range,
            bins_range: range,
            float_bins: vec![1, 4, 4, 1],
            quantized_bins: vec![2, 3, 3, 2],
            outside: [0, 0],
            levels: grid
                .into_iter()
                .flat_map(|grid| {
                    (-1..=1).map(move |code| Level { code, value: grid.value(code as f32), count: 2 })
                })
                .collect(),
            grid,
            clip: grid.map(|grid| grid.clip_range()),
            clipped: [0, 0],
            rounding_mse: 0.0,
            clipping_mse: 0.0,
            errors: Errors::default(),
        }
    }

    const GRID: Affine = Affine { scale: 2.0, zero_point: 0.0, min_code: -1.0, max_code: 1.0 };

    #[test]
    fn the_axis_holds_the_values_and_the_clip_lines() {
        let (low, high) = domain(&view(Some(GRID)));
        assert!(low < -3.0 && low > -3.4 && high > 3.0 && high < 3.4);
        let (low, high) = domain(&view(None));
        assert!(low < -2.0 && low > -2.3 && high > 2.0 && high < 2.3);
    }

    #[test]
    fn a_level_is_as_high_as_its_count_for_a_bin() {
        let view = view(Some(GRID));
        let plot = Plot::new(&view, (-4.0, 4.0), false, SIZE);
        // Bins are 1 wide and cells 2, so a count of 2 stands as high as a bin of 1.
        let bars = plot.quantized(&view);
        let top = format!("{:.2}", plot.y.pixel(1.0));
        assert_eq!(bars.matches(&top).count(), 6, "{bars}");
    }

    #[test]
    fn pointing_finds_the_level_or_the_bin() {
        let quantized = view(Some(GRID));
        let plot = Plot::new(&quantized, (-4.0, 4.0), false, SIZE);
        assert_eq!(plot.mark_at(&quantized, plot.x.pixel(0.9)), Some(1));
        assert_eq!(plot.mark_at(&quantized, plot.x.pixel(1.1)), Some(2));
        assert_eq!(plot.mark_at(&quantized, plot.x.pixel(-3.9)), Some(0));
        let float = view(None);
        assert_eq!(plot.mark_at(&float, plot.x.pixel(1.5)), Some(3));
        assert_eq!(marks(&float), 4);
    }

    #[test]
    fn a_bar_far_above_the_float_values_is_cut_and_says_so() {
        let mut view = view(Some(GRID));
        view.levels[1].count = 900;
        let plot = Plot::new(&view, (-4.0, 4.0), false, SIZE);
        assert_eq!(plot.y.domain().1, 12.0);
        assert_eq!(plot.cut(&view), Some((plot.x.pixel(0.0), 900)));
        assert_eq!(Plot::new(&view, (-4.0, 4.0), true, SIZE).cut(&view), None);
    }

    #[test]
    fn boundaries_lie_between_levels() {
        let view = view(Some(GRID));
        let plot = Plot::new(&view, (-4.0, 4.0), false, SIZE);
        assert_eq!(plot.boundaries(&view).matches('M').count(), 2);
        assert!(plot.boundaries(&view).starts_with(&format!("M{:.2}", plot.x.pixel(-1.0))));
    }
}
