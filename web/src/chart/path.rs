//! SVG paths.

use std::fmt::Write as _;

/// A line through points.
pub fn line(points: impl IntoIterator<Item = (f64, f64)>) -> String {
    let mut path = String::new();
    for (i, (x, y)) in points.into_iter().enumerate() {
        write!(path, "{}{x:.2},{y:.2}", if i == 0 { 'M' } else { 'L' }).ok();
    }
    path
}

/// The area between a line and the height `base`.
pub fn area(points: &[(f64, f64)], base: f64) -> String {
    let (Some(first), Some(last)) = (points.first(), points.last()) else { return String::new() };
    let ends = [(last.0, base), (first.0, base)];
    format!("{}Z", line(points.iter().copied().chain(ends)))
}

/// The outline of bars that touch: `edges` has one more entry than `heights`.
pub fn steps(edges: &[f64], heights: &[f64], base: f64) -> String {
    let points: Vec<_> =
        heights.iter().zip(edges.windows(2)).flat_map(|(&y, edge)| [(edge[0], y), (edge[1], y)]).collect();
    area(&points, base)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_closed_where_they_should_be() {
        assert_eq!(line([(0.0, 1.0), (2.0, 3.0)]), "M0.00,1.00L2.00,3.00");
        assert_eq!(area(&[(0.0, 1.0), (2.0, 3.0)], 9.0), "M0.00,1.00L2.00,3.00L2.00,9.00L0.00,9.00Z");
        assert_eq!(steps(&[0.0, 1.0], &[5.0], 9.0), "M0.00,5.00L1.00,5.00L1.00,9.00L0.00,9.00Z");
        assert_eq!(area(&[], 1.0), "");
    }
}
