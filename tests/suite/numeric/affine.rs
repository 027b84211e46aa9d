//! The quantizer of one value.

use fewbit_numeric::affine::round_half_even;
use fewbit_numeric::{Affine, Format, Range, Symmetry};
use proptest::prelude::*;

use crate::formats;

/// The grids of `format` with a power of two as scale, so that quotients are exact: every zero point that an
/// asymmetric range can give, the one zero point of others.
fn exact_grids(format: Format) -> Vec<Affine> {
    let (min, max) = format.code_range();
    let grid = |zero_point| Affine { scale: 0.25, zero_point, min_code: min as f32, max_code: max as f32 };
    match format.symmetry() {
        Symmetry::Asymmetric if format.bits() <= 4 => (min..=max).map(|z| grid(z as f32)).collect(),
        Symmetry::Asymmetric => [min, min / 2 + max / 2, 3, max].map(|z| grid(z as f32)).to_vec(),
        _ if format.is_binary() => vec![grid(0.5)],
        _ => vec![grid(0.0)],
    }
}

/// The codes that lie nearest to `x` among all codes of the grid, by looking at each.
fn nearest_codes(grid: Affine, x: f32) -> Vec<f32> {
    let codes = (grid.min_code as i32..=grid.max_code as i32).map(|q| q as f32);
    let distance = |q: f32| {
        let level = f64::from(grid.scale) * (f64::from(q) - f64::from(grid.zero_point));
        (f64::from(x) - level).abs()
    };
    let least = codes.clone().map(distance).fold(f64::INFINITY, f64::min);
    codes.filter(|&q| distance(q) == least).collect()
}

#[test]
fn every_code_is_the_nearest_and_ties_go_to_even_steps_from_zero() {
    for format in formats().into_iter().filter(|f| f.bits() <= 8) {
        for grid in exact_grids(format) {
            // Sixteenths of a step, from three steps before the first level to three after the last.
            let (first, last) =
                (grid.min_code - grid.zero_point - 3.0, grid.max_code - grid.zero_point + 3.0);
            for sixteenth in (first * 16.0) as i32..=(last * 16.0) as i32 {
                let x = sixteenth as f32 / 16.0 * grid.scale;
                let code = grid.code(x);
                let expected = match *nearest_codes(grid, x) {
                    [only] => only,
                    [a, b] if (a - grid.zero_point.floor()) % 2.0 == 0.0 && a != b => a,
                    [_, b] => b,
                    _ => unreachable!("a grid has a level next to every value"),
                };
                assert_eq!(code, expected, "{format} {grid:?} at {x}");
            }
        }
    }
}

#[test]
fn every_level_stands_for_itself() {
    for format in formats() {
        let covering = [(-1.0, 1.0), (-0.3, 0.7), (0.0, 3.1), (-1e-30, 2e-30), (-1e30, 3e30)]
            .map(|(min, max)| Affine::covering(format, Range { min, max }));
        for grid in exact_grids(format).into_iter().chain(covering) {
            for code in grid.min_code as i32..=grid.max_code as i32 {
                let level = grid.value(code as f32);
                assert_eq!(grid.code(level), code as f32, "{format} {grid:?}");
                assert_eq!(grid.fake(level).to_bits(), level.to_bits(), "{format} {grid:?}");
            }
        }
    }
}

#[test]
fn grids_of_known_ranges_are_those_of_their_definitions() {
    let grid = |text: &str, min, max| {
        let grid = Affine::covering(text.parse().unwrap(), Range { min, max });
        (grid.scale, grid.zero_point)
    };
    assert_eq!(grid("int8", -1.0, 0.5), (1.0 / 127.0, 0.0));
    assert_eq!(grid("int8-full", -1.0, 0.5), (1.0 / 127.5, 0.0));
    assert_eq!(grid("uint8-sym", -1.0, 0.5), (0.5 / 255.0, 0.0));
    assert_eq!(grid("uint8", -1.0, 0.5), (1.5 / 255.0, 170.0));
    assert_eq!(grid("int8-asym", -1.0, 0.5), (1.5 / 255.0, 42.0));
    assert_eq!(grid("uint8", 1.0, 2.0), (2.0 / 255.0, 0.0));
    assert_eq!(grid("uint8", -2.0, -1.0), (2.0 / 255.0, 255.0));
    assert_eq!(grid("int1", -1.0, 0.5), (2.0, 0.5));
    assert_eq!(grid("int4", 0.0, 0.0), (1.0, 0.0));
    assert_eq!(grid("int1", 0.0, 0.0), (1.0, 0.5));
}

#[test]
fn the_binary_format_has_two_levels_and_no_zero() {
    let grid = Affine::covering("int1".parse().unwrap(), Range { min: -0.5, max: 0.75 });
    assert_eq!([-9.0, -0.1, 0.1, 9.0].map(|x| grid.fake(x)), [-0.75, -0.75, 0.75, 0.75]);
    assert_eq!(grid.level_range(), Range { min: -0.75, max: 0.75 });
}

#[test]
fn values_that_are_no_numbers_get_the_zero_points_code() {
    for format in formats() {
        for grid in exact_grids(format) {
            assert_eq!(grid.code(f32::NAN), grid.zero_point.floor(), "{format}");
            assert_eq!(grid.code(f32::INFINITY), grid.max_code, "{format}");
            assert_eq!(grid.code(f32::NEG_INFINITY), grid.min_code, "{format}");
            assert_eq!(grid.code(f32::MAX), grid.max_code, "{format}");
        }
    }
}

#[test]
fn ranges_pass_over_what_is_not_finite() {
    let range = Range::of([1.0, f32::NAN, -2.0, f32::INFINITY, f32::NEG_INFINITY]);
    assert_eq!(range, Range { min: -2.0, max: 1.0 });
    assert_eq!(Range::of([]), Range { min: 0.0, max: 0.0 });
    assert_eq!(Range::of([f32::NAN]), Range { min: 0.0, max: 0.0 });
    assert_eq!((range.max_abs(), range.scaled(2.0).min), (2.0, -4.0));
    assert_eq!(range.union(Range { min: 0.0, max: 9.0 }), Range { min: -2.0, max: 9.0 });
}

#[test]
fn half_even_rounding_is_the_standard_librarys_bit_for_bit() {
    // A prime stride meets every exponent about 500 times with either sign.
    for bits in (0..=u32::MAX).step_by(16_381) {
        let x = f32::from_bits(bits);
        assert_eq!(round_half_even(x).to_bits(), x.round_ties_even().to_bits(), "{x:e}");
    }
    for half in -20..20 {
        let x = half as f32 / 2.0;
        assert_eq!(round_half_even(x).to_bits(), x.round_ties_even().to_bits(), "{x}");
    }
    for x in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 8_388_607.5, 8_388_608.0, 8_388_609.0, 4_194_304.5]
    {
        assert_eq!(round_half_even(x).to_bits(), x.round_ties_even().to_bits(), "{x}");
        assert_eq!(round_half_even(-x).to_bits(), (-x).round_ties_even().to_bits(), "{}", -x);
    }
}

fn any_format() -> impl Strategy<Value = Format> {
    prop::sample::select(formats())
}

/// Any finite float, all exponents alike; the absurd ones among them.
fn any_finite() -> impl Strategy<Value = f32> {
    prop_oneof![
        8 => prop::num::f32::NORMAL,
        2 => -10.0f32..10.0,
        1 => prop::num::f32::SUBNORMAL,
        1 => prop::sample::select(vec![0.0, -0.0, f32::MAX, f32::MIN, f32::MIN_POSITIVE, f32::from_bits(1)]),
    ]
}

fn any_range() -> impl Strategy<Value = Range> {
    (any_finite(), any_finite()).prop_map(|(a, b)| Range { min: a.min(b), max: a.max(b) })
}

proptest! {
    #[test]
    fn every_finite_range_has_a_usable_grid(format in any_format(), range in any_range()) {
        let grid = Affine::covering(format, range);
        prop_assert!(grid.scale.is_normal() && grid.scale > 0.0);
        prop_assert!(grid.min_code <= grid.zero_point && grid.zero_point <= grid.max_code);
        prop_assert_eq!((grid.min_code as i32, grid.max_code as i32), format.code_range());
    }

    #[test]
    fn a_grid_covers_its_range_to_half_a_step(format in any_format(), a in -1e6f32..1e6, width in 1e-3f32..1e6) {
        let range = Range { min: a, max: a + width };
        // An unsigned format with zero point 0 promises nothing for negative values.
        let low = if !format.signed() && !format.has_zero_point() { range.min.max(0.0) } else { range.min };
        prop_assume!(low <= range.max);
        let grid = Affine::covering(format, range);
        let slack = 1e-5 * (range.max_abs() + grid.scale);
        let covered = grid.clip_range();
        prop_assert!(covered.min - slack <= low && range.max <= covered.max + slack, "{:?} {:?}", grid, covered);
        let error = (grid.fake(range.max) - range.max).abs().max((grid.fake(low) - low).abs());
        prop_assert!(format.is_binary() || error <= 0.5 * grid.scale + slack);
    }

    #[test]
    fn codes_are_whole_numbers_of_the_format(format in any_format(), range in any_range(), x in any_finite()) {
        let grid = Affine::covering(format, range);
        let code = grid.code(x);
        prop_assert!(code.fract() == 0.0 && grid.min_code <= code && code <= grid.max_code);
    }

    #[test]
    fn quantizing_twice_is_quantizing_once(format in any_format(), range in any_range(), x in any_finite()) {
        let grid = Affine::covering(format, range);
        let once = grid.fake(x);
        prop_assert_eq!(grid.fake(once).to_bits(), once.to_bits());
    }

    #[test]
    fn no_level_is_nearer_beyond_a_rounding(format in any_format(), a in 0.01f32..10.0, x in -12.0f32..12.0) {
        prop_assume!(format.bits() <= 8);
        let grid = Affine::covering(format, Range { min: -a, max: a / 3.0 });
        let nearest = nearest_codes(grid, x)[0];
        let found = (f64::from(grid.fake(x)) - f64::from(x)).abs();
        let least = (f64::from(grid.value(nearest)) - f64::from(x)).abs();
        prop_assert!(found <= least + 1e-5 * f64::from(a), "{} for {}", grid.fake(x), x);
    }

    #[test]
    fn codes_do_not_decrease(format in any_format(), range in any_range(), x in any_finite(), y in any_finite()) {
        let grid = Affine::covering(format, range);
        prop_assert!(grid.code(x.min(y)) <= grid.code(x.max(y)));
    }

    #[test]
    fn clipping_is_lying_outside_the_levels(format in any_format(), range in any_range(), x in any_finite()) {
        let grid = Affine::covering(format, range);
        let beyond = (grid.code(x) == grid.min_code && x < grid.value(grid.min_code))
            || (grid.code(x) == grid.max_code && x > grid.value(grid.max_code));
        prop_assert_eq!(grid.clips(x), beyond);
    }
}
