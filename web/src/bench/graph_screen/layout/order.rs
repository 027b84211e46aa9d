//! In which order the vertices of a level stand, so that few edges cross.

use super::levels::Levels;

/// Sweeps down and up.
const SWEEPS: usize = 8;

/// Orders the rows by the barycentres of their neighbours, down and up in turn, and keeps the order with the fewest
/// crossings.
pub fn reduce_crossings(levels: &mut Levels) {
    let mut places = vec![0.0; levels.len()];
    for row in &levels.rows {
        settle(row, &mut places);
    }
    let mut best = (crossings(levels), levels.rows.clone());
    for sweep in 0..SWEEPS {
        if best.0 == 0 {
            break;
        }
        let Levels { rows, above, below, .. } = levels;
        if sweep % 2 == 0 {
            rows.iter_mut().for_each(|row| sort(row, above, &mut places));
        } else {
            rows.iter_mut().rev().for_each(|row| sort(row, below, &mut places));
        }
        let count = crossings(levels);
        if count < best.0 {
            best = (count, levels.rows.clone());
        }
    }
    levels.rows = best.1;
}

fn settle(row: &[usize], places: &mut [f64]) {
    for (place, &vertex) in row.iter().enumerate() {
        places[vertex] = place as f64;
    }
}

fn sort(row: &mut [usize], neighbours: &[Vec<usize>], places: &mut [f64]) {
    let centre = |&vertex: &usize| match neighbours[vertex].as_slice() {
        [] => places[vertex],
        all => all.iter().map(|&other| places[other]).sum::<f64>() / all.len() as f64,
    };
    let mut keyed: Vec<(f64, usize)> = row.iter().map(|vertex| (centre(vertex), *vertex)).collect();
    keyed.sort_by(|a, b| a.0.total_cmp(&b.0));
    for (slot, (_, vertex)) in row.iter_mut().zip(keyed) {
        *slot = vertex;
    }
    settle(row, places);
}

/// How many pairs of edges cross.
pub fn crossings(levels: &Levels) -> u64 {
    let mut places = vec![0; levels.len()];
    for row in &levels.rows {
        for (place, &vertex) in row.iter().enumerate() {
            places[vertex] = place;
        }
    }
    levels.rows.windows(2).map(|pair| between(levels, &pair[0], pair[1].len(), &places)).sum()
}

/// The crossings between a row and the next, by counting, for each edge, those before it that end further right
/// (Barth, Mutzel and Jünger 2002), in a Fenwick tree.
fn between(levels: &Levels, row: &[usize], next: usize, places: &[usize]) -> u64 {
    let mut tree = vec![0u64; next + 1];
    let (mut seen, mut crossed) = (0, 0);
    for &vertex in row {
        let mut ends: Vec<usize> = levels.below[vertex].iter().map(|&to| places[to]).collect();
        ends.sort_unstable();
        for end in ends {
            let mut upto = 0;
            let mut i = end + 1;
            while i > 0 {
                upto += tree[i];
                i &= i - 1;
            }
            crossed += seen - upto;
            seen += 1;
            let mut i = end + 1;
            while i <= next {
                tree[i] += 1;
                i += i & i.wrapping_neg();
            }
        }
    }
    crossed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crossings_are_counted_and_taken_out_where_they_can_be() {
        // Two chains whose lower ends are listed crosswise, and one vertex that both reach.
        let mut levels = Levels::new(&[0, 0, 1, 1, 2], &[(0, 3), (1, 2), (2, 4), (3, 4)]);
        assert_eq!(crossings(&levels), 1);
        reduce_crossings(&mut levels);
        assert_eq!(crossings(&levels), 0);
        assert_eq!(levels.rows[1], [3, 2]);
    }

    #[test]
    fn edges_that_meet_do_not_cross() {
        let levels = Levels::new(&[0, 0, 1, 1], &[(0, 2), (0, 3), (1, 2), (1, 3)]);
        assert_eq!(crossings(&levels), 1);
    }
}
