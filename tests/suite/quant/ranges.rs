//! Each way of setting a range, against its reference.

use fewbit_numeric::{Affine, Format, Granularity, Range};
use fewbit_quant::range::{self, Magnitudes, Spread, aciq, entropy, moving_average, mse, percentile};
use fewbit_quant::{Quantizer, RangeMethod};
use fewbit_tests::Rng;
use proptest::prelude::*;

use crate::golden;

fn close(found: Range, expected: Range, tolerance: f32) -> bool {
    let near = |a: f32, b: f32| (a - b).abs() <= tolerance * expected.max_abs();
    near(found.min, expected.min) && near(found.max, expected.max)
}

fn format(name: &str) -> Format {
    name.parse().unwrap()
}

#[test]
fn percentiles_are_those_of_onnx_runtime() {
    for case in golden::cases("percentile") {
        let (seen, expected) = (golden::range(&case["seen"]), golden::range(&case["range"]));
        let (counts, percent) = (golden::histogram(&case), golden::float(&case["percent"]));
        let found = match case["symmetric"].as_bool().unwrap() {
            true => percentile::of_absolute(&counts, seen, percent),
            false => percentile::of_signed(&counts, seen, percent),
        };
        assert!(close(found, expected, 1e-6), "{} {percent}: {found:?}, not {expected:?}", case["name"]);
    }
}

#[test]
fn entropy_ort_is_that_of_onnx_runtime() {
    for case in golden::cases("entropy_ort") {
        let (seen, expected) = (golden::range(&case["seen"]), golden::range(&case["range"]));
        let bins = case["quantized_bins"].as_u64().unwrap() as usize;
        let found = entropy::onnx_runtime(&golden::histogram(&case), seen, bins);
        assert!(close(found, expected, 1e-6), "{} {bins}: {found:?}, not {expected:?}", case["name"]);
    }
}

#[test]
fn magnitudes_count_like_onnx_runtimes_histogram() {
    for case in golden::cases("entropy_ort") {
        let name = golden::text(&case["name"]);
        if name == "student" {
            continue;
        }
        let expected = golden::histogram(&case);
        let bins = expected.counts.len();
        let found = Magnitudes::of(&golden::sample(name), bins / 2).signed(bins);
        assert_eq!(found.counts, expected.counts, "{name}");
    }
}

#[test]
fn with_the_defaults_of_onnx_runtime_entropy_is_min_max() {
    for name in ["normal", "outlier", "relu"] {
        let values = golden::sample(name);
        let seen = Range::of(values.iter().copied());
        assert_eq!(range::of_values(RangeMethod::EntropyOrt, Format::INT8, &values), seen, "{name}");
    }
}

#[test]
fn entropy_is_that_of_tensorrt() {
    for case in golden::cases("entropy_tensorrt") {
        let (counts, levels) = (golden::histogram(&case), case["levels"].as_u64().unwrap() as usize);
        let expected = counts.edge(case["kept"].as_u64().unwrap() as usize);
        assert_eq!(entropy::tensorrt(&counts, levels), expected, "{} {levels}", case["name"]);
    }
}

#[test]
fn least_error_is_that_of_the_plain_search() {
    for case in golden::cases("mse") {
        let (name, form) = (golden::text(&case["name"]), golden::text(&case["format"]));
        let (power, expected) = (golden::float(&case["power"]), golden::range(&case["range"]));
        let values = golden::sample(name);
        let found = range::of_values(RangeMethod::Mse(power), format(form), &values);
        assert!(close(found, expected, 1e-6), "{name} {form} {power}: {found:?}, not {expected:?}");
    }
}

#[test]
fn least_error_of_counted_values_is_near_that_of_the_values() {
    for name in ["normal", "laplace", "relu", "skewed"] {
        let values = golden::sample(name);
        let seen = Range::of(values.iter().copied());
        let magnitudes = Magnitudes::of(&values, 2048);
        for form in ["int4", "uint4", "int8"] {
            let method = RangeMethod::Mse(2.0);
            let counted = range::of_magnitudes(method, format(form), seen, &magnitudes);
            let exact = range::of_values(method, format(form), &values);
            assert!(close(counted, exact, 0.03), "{name} {form}: {counted:?}, not {exact:?}");
        }
    }
}

#[test]
fn aciq_solves_what_its_authors_tabulate() {
    let golden = golden::read("aciq");
    for (i, bits) in golden::integers(&golden["bits"]).into_iter().enumerate() {
        let bits = bits as u8;
        let found = [aciq::laplace(bits), aciq::gauss(bits)];
        let solved = [golden::number(&golden["laplace"][i]), golden::number(&golden["gauss"][i])];
        for (found, solved) in found.into_iter().zip(solved) {
            assert!((found - solved).abs() < 1e-5, "{bits} bits: {found}, not {solved}");
        }
        // The tables are cut or rounded to two decimals.
        for (found, table) in found.into_iter().zip(["laplace_table", "gauss_table"]) {
            let Some(printed) = golden[table][i].as_f64() else { continue };
            assert!((found - printed).abs() < 0.01, "{bits} bits: {found}, printed {printed}");
        }
    }
}

#[test]
fn aciq_tells_spread_and_shape() {
    for case in golden::read("aciq")["spreads"].as_array().unwrap() {
        let values = golden::sample(golden::text(&case["name"]));
        let found = Spread::of(values.iter().map(|&x| (x, 1)));
        let pairs = [
            (found.mean, "mean"),
            (found.mean_deviation, "mean_deviation"),
            (found.standard_deviation, "standard_deviation"),
            (found.kurtosis, "kurtosis"),
        ];
        for (found, key) in pairs {
            let expected = golden::number(&case[key]);
            assert!(
                (found - expected).abs() <= 1e-9 * expected.abs().max(1.0),
                "{key}: {found}, not {expected}"
            );
        }
    }
}

#[test]
fn aciq_clips_signed_values_around_their_mean_and_one_sided_ones_from_zero() {
    let spread = Spread { mean: 0.5, mean_deviation: 0.7, standard_deviation: 1.0, kurtosis: 3.0 };
    let wide = Range { min: -100.0, max: 100.0 };
    let signed = aciq::range(&spread, wide, 4);
    let gauss = aciq::gauss(4) as f32;
    assert!(close(signed, Range { min: 0.5 - gauss, max: 0.5 + gauss }, 1e-6));
    let one_sided = aciq::range(&spread, Range { min: 0.0, max: 100.0 }, 4);
    assert!(close(one_sided, Range { min: 0.0, max: 0.5 + aciq::gauss(5) as f32 }, 1e-6));
    let heavy = aciq::range(&Spread { kurtosis: 6.0, ..spread }, wide, 4);
    assert!(close(
        heavy,
        Range { min: 0.5 - 0.7 * aciq::laplace(4) as f32, max: 0.5 + 0.7 * aciq::laplace(4) as f32 },
        1e-6
    ));
    let seen = Range { min: -0.5, max: 1.0 };
    assert_eq!(aciq::range(&spread, seen, 4), seen, "never wider than what was seen");
}

#[test]
fn moving_averages_are_those_of_the_formula() {
    for case in golden::cases("moving_average") {
        let batches = case["batches"].as_array().unwrap().iter().map(golden::range);
        let found = moving_average::of_batches(batches, golden::float(&case["past"]));
        assert!(close(found, golden::range(&case["range"]), 1e-6));
    }
}

#[test]
fn the_best_binary_scale_is_the_mean_magnitude() {
    let values = golden::sample("laplace");
    let mean = values.iter().map(|x| f64::from(x.abs())).sum::<f64>() / values.len() as f64;
    let found = range::of_values(RangeMethod::Mse(2.0), format("int1"), &values);
    assert_eq!(found, Range { min: -(mean as f32), max: mean as f32 });
    let error = |half: f64| values.iter().map(|&x| (f64::from(x).abs() - half).powi(2)).sum::<f64>();
    assert!(error(mean) < error(mean * 1.01) && error(mean) < error(mean * 0.99));
}

#[test]
fn percentile_of_single_values_is_the_inverse_of_their_distribution() {
    let values: Vec<f32> = (1..=1000).map(|i| i as f32 - 500.5).collect();
    // 1 % outside, half at each end: the 5 lowest stay below the fifth, 5 of 1000 above the 995th.
    assert_eq!(percentile::of_values(&values, 99.0, false), Range { min: -495.5, max: 494.5 });
    // Of the magnitudes, 990 of 1000 are at most 494.5.
    assert_eq!(percentile::of_values(&values, 99.0, true), Range { min: -494.5, max: 494.5 });
    let all = percentile::of_values(&values, 100.0, false);
    assert_eq!(all, Range::of(values.iter().copied()));
}

#[test]
fn ranges_of_nothing_and_of_zeros_are_empty() {
    use RangeMethod::{Aciq, Entropy, EntropyOrt, MinMax, MovingAverage, Mse, Percentile};
    let methods =
        [MinMax, MovingAverage(0.9), Percentile(99.0), Mse(2.0), Mse(2.4), Entropy, EntropyOrt, Aciq];
    for method in methods {
        for form in ["int8", "int1", "uint4", "uint8-sym"] {
            for values in [vec![], vec![0.0; 50]] {
                let zero = Range { min: 0.0, max: 0.0 };
                assert_eq!(range::of_values(method, format(form), &values), zero, "{method} {form}");
                let counted = Magnitudes::of(&values, 2048);
                assert_eq!(
                    range::of_magnitudes(method, format(form), zero, &counted),
                    zero,
                    "{method} {form}"
                );
            }
        }
    }
}

#[test]
fn no_method_but_the_binary_mean_goes_beyond_the_values_seen() {
    use RangeMethod::{Aciq, Entropy, EntropyOrt, MinMax, Mse, Percentile};
    for name in ["normal", "laplace", "outlier", "relu", "skewed", "filter"] {
        let values = golden::sample(name);
        let seen = Range::of(values.iter().copied());
        for method in [MinMax, Percentile(99.0), Mse(2.0), Mse(2.4), Entropy, EntropyOrt, Aciq] {
            for form in ["int8", "int4", "uint4", "int3-asym"] {
                let found = range::of_values(method, format(form), &values);
                assert!(seen.min <= found.min && found.max <= seen.max, "{name} {method} {form}: {found:?}");
                assert!(found.min <= found.max, "{name} {method} {form}: {found:?}");
            }
        }
    }
}

fn squared_error(values: &[f32], grid: Affine) -> f64 {
    values.iter().map(|&x| f64::from(grid.fake(x) - x).powi(2)).sum()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn least_error_is_never_worse_than_min_max(seed: u64, bits in 1u8..=8, asymmetric: bool) {
        let mut rng = Rng::new(seed);
        let values: Vec<f32> = (0..40).map(|_| rng.float(-1.0, 1.0) * if rng.one_in(10) { 8.0 } else { 1.0 }).collect();
        let form = format(&if asymmetric { format!("uint{bits}") } else { format!("int{bits}") });
        let error = |method| squared_error(&values, Affine::covering(form, range::of_values(method, form, &values)));
        prop_assert!(error(RangeMethod::Mse(2.0)) <= error(RangeMethod::MinMax) * (1.0 + 1e-9));
    }

    #[test]
    fn magnitudes_lose_no_value(values in prop::collection::vec(-1e3f32..1e3, 1..300), bins in 1usize..300) {
        let magnitudes = Magnitudes::of(&values, bins);
        let n = values.len() as u64;
        prop_assert_eq!(magnitudes.total(), n);
        prop_assert_eq!(magnitudes.absolute().counts.iter().sum::<u64>(), n);
        prop_assert_eq!(magnitudes.signed(2 * bins).counts.iter().sum::<u64>(), n);
        prop_assert_eq!(magnitudes.points().iter().map(|&(_, n)| n).sum::<u64>(), n);
    }

    #[test]
    fn a_wider_moving_average_stays_between_the_batches(past in 0f32..=1.0, low in -9f32..0.0, high in 0f32..9.0) {
        let batches = [Range { min: low, max: high }, Range { min: low - 1.0, max: high + 2.0 }];
        let found = moving_average::of_batches(batches, past);
        prop_assert!(low - 1.001 <= found.min && found.min <= low + 1e-3);
        prop_assert!(high - 1e-3 <= found.max && found.max <= high + 2.001);
    }
}

#[test]
fn the_error_of_a_single_search_does_not_depend_on_who_counts() {
    let values = golden::sample("normal");
    let seen = Range::of(values.iter().copied());
    let points: Vec<(f32, u64)> = values.iter().map(|&x| (x, 1)).collect();
    for form in ["int4", "uint3"] {
        assert_eq!(
            mse::of_values(&values, seen, format(form), 2.4),
            mse::of_points(&points, seen, format(form), 2.4)
        );
    }
}

#[test]
fn a_hand_on_the_clip_line_scales_the_range_that_was_found() {
    let layout = fewbit_numeric::BlockLayout::new(&[4], 0, Granularity::Tensor);
    let mut quantizer = Quantizer::new(format("int4"), Granularity::Tensor);
    quantizer.shrink = 0.5;
    let grids = fewbit_quant::weights::grids(&[0.1, -1.4, 0.7, 0.2], layout, quantizer);
    assert_eq!(grids[0].scale, 0.7 / 7.0);
}
