//! Round numbers along an axis.

use crate::ui::format;

/// At most `most` round values within `low..=high`, ascending: multiples of 1, 2 or 5 times a power of ten.
pub fn linear(low: f64, high: f64, most: usize) -> Vec<f64> {
    let span = high - low;
    if !span.is_finite() || span <= 0.0 || most == 0 {
        return Vec::new();
    }
    let rough = span / most as f64;
    let power = 10f64.powf(rough.log10().floor());
    let within = |step: f64| ((high / step + 1e-9).floor() - (low / step - 1e-9).ceil()) as i64 + 1;
    let step = [1.0, 2.0, 5.0, 10.0, 20.0].map(|factor| factor * power);
    let step = step.into_iter().find(|&step| within(step) <= most as i64).unwrap_or(span);
    let first = (low / step - 1e-9).ceil() as i64;
    (0..within(step).max(0)).map(|i| (first + i) as f64 * step).collect()
}

/// Powers of ten within `low..=high`, with 0 where the axis begins there.
pub fn powers(low: f64, high: f64) -> Vec<f64> {
    let first = low.max(1.0).log10().ceil() as i32;
    let last = high.max(1.0).log10().floor() as i32;
    let zero = (low <= 0.0).then_some(0.0);
    zero.into_iter().chain((first..=last).map(|power| 10f64.powi(power))).collect()
}

/// A tick's label, with as many digits as `ticks` need to differ.
pub fn label(value: f64, ticks: &[f64]) -> String {
    let step = ticks.windows(2).map(|pair| (pair[1] - pair[0]).abs()).fold(f64::INFINITY, f64::min);
    let digits = if step.is_finite() && step > 0.0 {
        (-(step * 1.001).log10().floor()).clamp(0.0, 6.0) as usize
    } else {
        2
    };
    format::signed(value, digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_few() {
        assert_eq!(linear(0.0, 100.0, 5), [0.0, 50.0, 100.0]);
        assert_eq!(linear(-0.41, 0.41, 5), [-0.4, -0.2, 0.0, 0.2, 0.4]);
        assert!(linear(1.0, 1.0, 5).is_empty());
        assert!(linear(0.0, f64::NAN, 5).is_empty());
    }

    #[test]
    fn labels_have_the_digits_that_they_need() {
        let ticks = linear(-0.41, 0.41, 5);
        assert_eq!(
            ticks.iter().map(|&t| label(t, &ticks)).collect::<Vec<_>>(),
            ["−0.4", "−0.2", "0.0", "0.2", "0.4"]
        );
        assert_eq!(label(50.0, &[0.0, 50.0, 100.0]), "50");
    }

    #[test]
    fn powers_begin_at_zero_where_the_axis_does() {
        assert_eq!(powers(0.0, 250.0), [0.0, 1.0, 10.0, 100.0]);
    }
}
