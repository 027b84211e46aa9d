//! Counts in bins.

use fewbit_numeric::histogram::{HistogramError, MAX_BINS};
use fewbit_numeric::{Histogram, Philox};
use proptest::prelude::*;

#[test]
fn bins_are_half_open_and_the_last_is_closed() {
    let mut histogram = Histogram::new(-1.0, 1.0, 4).unwrap();
    assert_eq!(histogram.edges(), [-1.0, -0.5, 0.0, 0.5, 1.0]);
    let bins = [-1.0, -0.6, -0.5, -0.0, 0.0, 0.4, 0.5, 1.0].map(|x| histogram.bin_of(x));
    assert_eq!(bins, [0, 0, 1, 2, 2, 2, 3, 3].map(Some));
    histogram.add(&[-1.0, -0.6, -0.5, -0.0, 0.0, 0.4, 0.5, 1.0]);
    assert_eq!(histogram.counts, [2, 1, 3, 2]);
}

#[test]
fn no_value_is_dropped() {
    let mut histogram = Histogram::new(0.0, 1.0, 2).unwrap();
    histogram.add(&[-0.1, f32::MIN, 1.1, f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 0.5]);
    assert_eq!((histogram.below, histogram.above, histogram.not_finite), (2, 1, 3));
    assert_eq!((histogram.counts.as_slice(), histogram.total()), ([0, 1].as_slice(), 7));
    assert_eq!([-0.1, 1.1, f32::NAN, f32::INFINITY].map(|x| histogram.bin_of(x)), [None; 4]);
}

#[test]
fn a_range_too_narrow_for_bins_has_one() {
    for (low, high) in [(3.0, 3.0), (0.0, f32::from_bits(1))] {
        let mut histogram = Histogram::new(low, high, 2048).unwrap();
        histogram.add(&[low, high, high]);
        assert_eq!((histogram.counts[0], histogram.total()), (3, 3));
    }
}

#[test]
fn histograms_that_cannot_be_are_refused() {
    assert_eq!(Histogram::new(0.0, 1.0, 0), Err(HistogramError::Bins(0)));
    assert_eq!(Histogram::new(0.0, 1.0, MAX_BINS + 1), Err(HistogramError::Bins(MAX_BINS + 1)));
    for (low, high) in
        [(1.0, 0.0), (f32::NAN, 1.0), (0.0, f32::NAN), (0.0, f32::INFINITY), (f32::MIN, f32::MAX)]
    {
        assert!(matches!(Histogram::new(low, high, 8), Err(HistogramError::Ends { .. })), "{low} to {high}");
    }
}

#[test]
fn only_equal_bins_merge() {
    let mut histogram = Histogram::new(0.0, 1.0, 4).unwrap();
    for other in [Histogram::new(0.0, 1.0, 5), Histogram::new(0.0, 2.0, 4), Histogram::new(-1.0, 1.0, 4)] {
        let error = histogram.merge(&other.unwrap()).unwrap_err();
        assert!(error.to_string().starts_with("4 bins over [0, 1] cannot be merged with"), "{error}");
    }
}

#[test]
fn a_gaussian_fills_the_bins_as_it_should() {
    let mut histogram = Histogram::new(-3.0, 3.0, 6).unwrap();
    histogram.add(&Philox::new(1).normals(0).take(100_000).collect::<Vec<_>>());
    // Φ over whole σ, times n, and four standard deviations of a count at most.
    for (count, share) in histogram.counts.iter().zip([0.0214, 0.1359, 0.3413, 0.3413, 0.1359, 0.0214]) {
        assert!((*count as f64 - 1e5 * share).abs() < 620.0, "{count}");
    }
    assert!((histogram.below as f64 - 135.0).abs() < 50.0 && (histogram.above as f64 - 135.0).abs() < 50.0);
}

fn any_histogram() -> impl Strategy<Value = Histogram> {
    (-1e3f32..1e3, 1e-3f32..1e3, 1usize..300)
        .prop_map(|(low, width, bins)| Histogram::new(low, low + width, bins).unwrap())
}

proptest! {
    #[test]
    fn edges_lead_from_low_to_high(histogram in any_histogram()) {
        let edges = histogram.edges();
        prop_assert_eq!(edges.len(), histogram.counts.len() + 1);
        prop_assert_eq!((edges[0], edges[edges.len() - 1]), (histogram.low, histogram.high));
        prop_assert!(edges.windows(2).all(|pair| pair[0] <= pair[1]));
    }

    #[test]
    fn bins_are_those_between_edges_to_a_rounding(histogram in any_histogram(), at in 0.0f32..=1.0) {
        let x = (histogram.low + at * (histogram.high - histogram.low)).clamp(histogram.low, histogram.high);
        let bin = histogram.bin_of(x).unwrap();
        let slack = 4.0 * f32::EPSILON * histogram.low.abs().max(histogram.high.abs());
        prop_assert!(histogram.edge(bin) - slack <= x && x <= histogram.edge(bin + 1) + slack);
    }

    #[test]
    fn bins_do_not_decrease(histogram in any_histogram(), a in 0.0f32..=1.0, b in 0.0f32..=1.0) {
        let at = |t: f32| (histogram.low + t * (histogram.high - histogram.low)).min(histogram.high);
        prop_assert!(histogram.bin_of(at(a.min(b))) <= histogram.bin_of(at(a.max(b))));
    }

    #[test]
    fn counting_is_finding_the_bin(histogram in any_histogram(), x in prop::num::f32::ANY) {
        let mut one = histogram.clone();
        one.add(&[x]);
        prop_assert_eq!(one.total(), 1);
        prop_assert_eq!(one.counts.iter().position(|&c| c == 1), histogram.bin_of(x));
    }

    #[test]
    fn parts_merge_to_the_whole(values in prop::collection::vec(-3.0f32..3.0, 0..60), cut in 0usize..60) {
        let count = |values: &[f32]| {
            let mut histogram = Histogram::new(-2.0, 2.0, 7).unwrap();
            histogram.add(values);
            histogram
        };
        let cut = cut.min(values.len());
        let mut merged = count(&values[..cut]);
        merged.merge(&count(&values[cut..])).unwrap();
        prop_assert_eq!(merged, count(&values));
    }
}
