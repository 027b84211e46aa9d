//! Error measures against their definitions.

use fewbit_numeric::error::{Z_95, correctable_fraction, kl_divergence, wilson_interval};
use fewbit_numeric::{BlockLayout, ErrorStats, Granularity, Philox};
use proptest::prelude::*;

fn close(a: f64, b: f64) -> bool {
    a == b || (a - b).abs() <= 1e-9 * a.abs().max(b.abs()).max(1e-3)
}

#[test]
fn measures_are_those_of_their_formulas() {
    let stats = ErrorStats::between(&[3.0, -4.0], &[3.0, -3.0]);
    assert_eq!((stats.n, stats.signal, stats.noise), (2, 25.0, 1.0));
    assert_eq!((stats.sum_signal, stats.sum_noise, stats.cross, stats.max_abs), (-1.0, 1.0, -4.0, 1.0));
    assert_eq!((stats.mse(), stats.mean_error()), (0.5, 0.5));
    assert!(close(stats.sqnr_db(), 13.979_400_086_720_377));
    assert!(close(stats.cosine(), 21.0 / (5.0 * 18f64.sqrt())));
}

#[test]
fn degenerate_errors_have_the_documented_measures() {
    let measures = |a: &[f32], b: &[f32]| {
        let stats = ErrorStats::between(a, b);
        (stats.mse(), stats.sqnr_db(), stats.cosine())
    };
    assert_eq!(measures(&[], &[]), (0.0, f64::INFINITY, 1.0));
    assert_eq!(measures(&[0.0], &[0.0]), (0.0, f64::INFINITY, 1.0));
    assert_eq!(measures(&[2.0], &[2.0]), (0.0, f64::INFINITY, 1.0));
    assert_eq!(measures(&[0.0], &[2.0]), (4.0, f64::NEG_INFINITY, 0.0));
    assert_eq!(measures(&[2.0, -3.0], &[0.0, 0.0]), (6.5, 0.0, 0.0));
    assert_eq!(measures(&[2.0], &[-2.0]).2, -1.0);
}

#[test]
fn values_that_are_not_finite_are_not_passed_over() {
    for b in [[f32::NAN, 1.0], [1.0, f32::NAN]] {
        let stats = ErrorStats::between(&[1.0, 1.0], &b);
        assert!(stats.mse().is_nan() && stats.sqnr_db().is_nan() && stats.max_abs.is_nan());
        let mut merged = ErrorStats::between(&[1.0], &[1.0]);
        merged.merge(&stats);
        assert!(merged.max_abs.is_nan());
    }
    let stats = ErrorStats::between(&[1.0], &[f32::INFINITY]);
    assert_eq!(
        (stats.mse(), stats.sqnr_db(), stats.max_abs),
        (f64::INFINITY, f64::NEG_INFINITY, f64::INFINITY)
    );
}

#[test]
fn extreme_floats_do_not_overflow_the_sums() {
    let stats = ErrorStats::between(&[f32::MAX, f32::from_bits(1)], &[f32::MIN, 0.0]);
    assert!(stats.noise.is_finite() && stats.sqnr_db().is_finite());
    let smallest = ErrorStats::between(&[f32::from_bits(1)], &[0.0]);
    assert!(smallest.noise > 0.0 && smallest.sqnr_db() == 0.0);
}

#[test]
fn a_shift_of_each_channel_is_all_correctable_and_centred_noise_is_not() {
    let shifted = [ErrorStats::between(&[1.0, 2.0], &[1.5, 2.5]), ErrorStats::between(&[1.0], &[0.0])];
    assert_eq!(correctable_fraction(&shifted), 1.0);
    let centred = [ErrorStats::between(&[1.0, 2.0], &[1.5, 1.5])];
    assert_eq!(correctable_fraction(&centred), 0.0);
    let half = [ErrorStats::between(&[0.0, 0.0], &[2.0, 0.0])];
    assert_eq!(correctable_fraction(&half), 0.5);
    assert_eq!(correctable_fraction(&[]), 0.0);
    assert_eq!(correctable_fraction(&[ErrorStats::between(&[1.0], &[1.0])]), 0.0);
}

#[test]
fn shifting_by_the_mean_error_takes_away_the_correctable_part() {
    let a: Vec<f32> = Philox::new(1).normals(0).take(600).collect();
    let mut b: Vec<f32> = a.iter().map(|x| (x * 2.0).round() / 2.0 + 0.1).collect();
    let layout = BlockLayout::new(&[5, 40, 3], 1, Granularity::Channel);
    let channels = ErrorStats::per_block(&layout, &a, &b);
    let before = ErrorStats::between(&a, &b).noise;
    for (i, b) in b.iter_mut().enumerate() {
        *b -= channels[layout.channel_of(i)].mean_error() as f32;
    }
    let after = ErrorStats::between(&a, &b).noise;
    assert!((1.0 - after / before - correctable_fraction(&channels)).abs() < 1e-5);
}

#[test]
fn divergence_is_the_known_one_of_known_distributions() {
    // Softmax of ln p is p.
    let logits = |p: [f64; 3]| p.map(|p| p.ln() as f32);
    let (p, q) = ([0.5, 0.25, 0.25], [0.25, 0.25, 0.5]);
    let expected = 0.25 * 2f64.ln();
    assert!((kl_divergence(&logits(p), &logits(q)) - expected).abs() < 1e-7);
    assert_eq!(kl_divergence(&logits(p), &logits(p)), 0.0);
}

#[test]
fn divergence_of_extreme_logits_is_exact_in_the_limit() {
    let inf = f32::INFINITY;
    assert_eq!(kl_divergence(&[], &[]), 0.0);
    assert_eq!(kl_divergence(&[5.0], &[-7.0]), 0.0);
    assert_eq!(kl_divergence(&[3e38, -3e38], &[3e38, -3e38]), 0.0);
    assert_eq!(kl_divergence(&[1000.0, 0.0], &[0.0, 1000.0]), 1000.0);
    assert!(close(kl_divergence(&[0.0, -inf], &[0.0, 0.0]), 2f64.ln()));
    assert_eq!(kl_divergence(&[0.0, 0.0], &[0.0, -inf]), f64::INFINITY);
    assert_eq!(kl_divergence(&[0.0, -inf], &[0.0, -inf]), 0.0);
    for broken in [[f32::NAN, 0.0], [inf, 0.0], [-inf, -inf]] {
        assert!(kl_divergence(&broken, &[0.0, 0.0]).is_nan(), "{broken:?}");
        assert!(kl_divergence(&[0.0, 0.0], &broken).is_nan(), "{broken:?}");
    }
    assert!(kl_divergence(&[0.0, -inf], &[0.0, f32::NAN]).is_nan());
}

#[test]
fn wilson_intervals_are_those_of_the_literature() {
    let near = |found: [f64; 2], expected: [f64; 2]| {
        assert!(
            found.iter().zip(expected).all(|(f, e)| (f - e).abs() < 5e-5),
            "{found:?} is not {expected:?}"
        );
    };
    // Newcombe 1998, Statistics in Medicine 17:857, table I: method 3 at z = 1.96.
    near(wilson_interval(81, 263, Z_95), [0.2553, 0.3662]);
    near(wilson_interval(15, 148, Z_95), [0.0624, 0.1605]);
    near(wilson_interval(0, 20, Z_95), [0.0, 0.1611]);
    near(wilson_interval(1, 29, Z_95), [0.0061, 0.1718]);
}

#[test]
fn wilson_intervals_stay_within_0_and_1() {
    assert_eq!(wilson_interval(0, 0, Z_95), [0.0, 1.0]);
    assert_eq!(wilson_interval(0, 7, Z_95)[0], 0.0);
    assert_eq!(wilson_interval(7, 7, Z_95)[1], 1.0);
    assert_eq!(wilson_interval(9, 7, Z_95), wilson_interval(7, 7, Z_95));
    assert_eq!(wilson_interval(3, 10, 0.0), [0.3, 0.3]);
}

fn pairs() -> impl Strategy<Value = (Vec<f32>, Vec<f32>)> {
    prop::collection::vec((-100.0f32..100.0, -100.0f32..100.0), 0..40)
        .prop_map(|pairs| pairs.into_iter().unzip())
}

proptest! {
    #[test]
    fn parts_merge_to_the_whole((a, b) in pairs(), cut in 0usize..40) {
        let cut = cut.min(a.len());
        let whole = ErrorStats::between(&a, &b);
        let mut merged = ErrorStats::between(&a[..cut], &b[..cut]);
        merged.merge(&ErrorStats::between(&a[cut..], &b[cut..]));
        prop_assert_eq!((whole.n, whole.max_abs), (merged.n, merged.max_abs));
        let fields = |s: &ErrorStats| [s.signal, s.noise, s.sum_signal, s.sum_noise, s.cross];
        for (w, m) in fields(&whole).into_iter().zip(fields(&merged)) {
            prop_assert!((w - m).abs() <= 1e-12 * whole.signal.max(whole.noise).max(1.0));
        }
    }

    #[test]
    fn cosine_is_that_of_the_vectors((a, b) in pairs()) {
        let dot = |x: &[f32], y: &[f32]| x.iter().zip(y).map(|(&x, &y)| f64::from(x) * f64::from(y)).sum::<f64>();
        prop_assume!(dot(&a, &a) > 0.0 && dot(&b, &b) > 1e-6 * dot(&a, &a));
        let expected = dot(&a, &b) / (dot(&a, &a) * dot(&b, &b)).sqrt();
        prop_assert!((ErrorStats::between(&a, &b).cosine() - expected).abs() < 1e-8);
    }

    #[test]
    fn divergence_is_not_negative_and_knows_no_shift((p, q) in pairs(), shift in -50i16..50) {
        prop_assume!(!p.is_empty());
        let plain = kl_divergence(&p, &q);
        prop_assert!(plain >= 0.0);
        // Whole shifts of multiples of 1/64 are exact.
        let grid = |v: &[f32], s: i16| v.iter().map(|x| (x * 64.0).round() / 64.0 + f32::from(s)).collect::<Vec<_>>();
        let (still, moved) = (kl_divergence(&grid(&p, 0), &q), kl_divergence(&grid(&p, shift), &q));
        prop_assert!((still - moved).abs() <= 1e-9 * still.max(1.0));
    }

    #[test]
    fn the_proportion_lies_in_its_interval(n in 1u64..10_000, share in 0.0f64..=1.0, z in 0.0f64..5.0) {
        let successes = (share * n as f64) as u64;
        let [low, high] = wilson_interval(successes, n, z);
        let p = successes as f64 / n as f64;
        prop_assert!(0.0 <= low && low <= p + 1e-12 && p <= high + 1e-12 && high <= 1.0, "[{}, {}]", low, high);
    }
}
