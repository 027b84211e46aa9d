//! Where on its level each vertex stands.

use super::GAP;
use super::levels::Levels;

/// How much more a box weighs than a place that an edge passes: chains of boxes stay straight, edges go around.
const BOX_WEIGHT: f64 = 16.0;
/// Half of what an edge needs to pass.
const PASS: f64 = 4.0;
/// Sweeps down and up.
const SWEEPS: usize = 9;

/// The x of the middle of each vertex. `width` is that of the graph's own vertices.
pub fn across(levels: &Levels, width: &dyn Fn(usize) -> f64) -> Vec<f64> {
    let is_box = |vertex: usize| vertex < levels.real;
    let half = |vertex: usize| if is_box(vertex) { width(vertex) / 2.0 } else { PASS };
    let weight = |vertex: usize| if is_box(vertex) { BOX_WEIGHT } else { 1.0 };
    let mut x = vec![0.0; levels.len()];
    for sweep in 0..SWEEPS {
        let down = sweep % 2 == 0;
        let neighbours = if down { &levels.above } else { &levels.below };
        for step in 0..levels.rows.len() {
            let row = &levels.rows[if down { step } else { levels.rows.len() - 1 - step }];
            let wish = |&vertex: &usize| {
                let near = &neighbours[vertex];
                let all: f64 = near.iter().map(|&other| weight(other)).sum();
                if all == 0.0 {
                    return x[vertex];
                }
                near.iter().map(|&other| weight(other) * x[other]).sum::<f64>() / all
            };
            let wishes: Vec<(f64, f64)> = row.iter().map(|v| (wish(v), weight(*v))).collect();
            let apart = row.windows(2).map(|pair| half(pair[0]) + GAP + half(pair[1]));
            let found = nearest(&wishes, apart);
            for (&vertex, at) in row.iter().zip(found) {
                x[vertex] = at;
            }
        }
    }
    x
}

/// The places nearest to the wishes (place, weight), in weighted squares, that keep the order and are at least so far
/// `apart`: isotonic regression by pooling what is too close.
fn nearest(wishes: &[(f64, f64)], apart: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut offsets = vec![0.0];
    offsets.extend(apart.scan(0.0, |at, step| {
        *at += step;
        Some(*at)
    }));
    // Pools of (place, weight, how many).
    let mut pools: Vec<(f64, f64, usize)> = Vec::new();
    for (&(wish, weight), offset) in wishes.iter().zip(&offsets) {
        let mut pool = (wish - offset, weight, 1);
        while let Some(last) = pools.pop_if(|last| last.0 > pool.0) {
            let all = last.1 + pool.1;
            pool = ((last.0 * last.1 + pool.0 * pool.1) / all, all, last.2 + pool.2);
        }
        pools.push(pool);
    }
    let places = pools.into_iter().flat_map(|(place, _, count)| std::iter::repeat_n(place, count));
    places.zip(offsets).map(|(place, offset)| place + offset).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn those_who_wish_for_the_same_place_stand_around_it() {
        let places = nearest(&[(0.0, 1.0), (0.0, 1.0), (50.0, 1.0)], [10.0, 10.0].into_iter());
        assert_eq!(places, [-5.0, 5.0, 50.0]);
        let weighted = nearest(&[(0.0, 3.0), (0.0, 1.0)], [8.0].into_iter());
        assert_eq!(weighted, [-2.0, 6.0]);
    }
}
