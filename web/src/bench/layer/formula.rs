//! The reconstruction formula with numbers.

use fewbit_numeric::Affine;

use crate::ui::format;

/// Whether `grid` is that of the binary format ±Δ: scale 2Δ, zero point ½.
pub fn is_binary(grid: Affine) -> bool {
    grid.zero_point.fract() != 0.0
}

/// The name of the grid's scale: the binary format's is twice its Δ.
pub fn scale_name(grid: Affine) -> &'static str {
    if is_binary(grid) { "2Δ" } else { "Δ" }
}

/// The grid's zero point.
pub fn zero_point(grid: Affine) -> String {
    if is_binary(grid) { "½".to_owned() } else { format::signed(f64::from(grid.zero_point), 0) }
}

/// How `code` becomes a value: `x̂ = Δ·(q − z) = 0.078·(3 − 0) = 0.234`.
pub fn reconstruction(grid: Affine, code: f32) -> String {
    let zero = if is_binary(grid) { "½" } else { "z" };
    let number = zero_point(grid);
    let number = if number.starts_with('−') { format!("({number})") } else { number };
    format!(
        "x̂ = {}·(q − {zero}) = {}·({} − {number}) = {}",
        scale_name(grid),
        format::significant(f64::from(grid.scale)),
        format::signed(f64::from(code), 0),
        format::significant(f64::from(grid.value(code))),
    )
}

#[cfg(test)]
mod tests {
    use fewbit_numeric::{Format, Range};

    use super::*;

    #[test]
    fn the_formula_has_the_numbers_of_the_grid() {
        let range = Range { min: -0.75, max: 0.75 };
        let int3 = Affine::covering("int3".parse().unwrap(), range);
        assert_eq!(reconstruction(int3, -2.0), "x̂ = Δ·(q − z) = 0.2500·(−2 − 0) = −0.5000");
        let asymmetric = Affine { zero_point: -3.0, ..int3 };
        assert_eq!(reconstruction(asymmetric, 1.0), "x̂ = Δ·(q − z) = 0.2500·(1 − (−3)) = 1.000");
        let binary = Affine::covering("int1".parse::<Format>().unwrap(), range);
        assert_eq!(reconstruction(binary, 1.0), "x̂ = 2Δ·(q − ½) = 1.500·(1 − ½) = 0.7500");
    }
}
