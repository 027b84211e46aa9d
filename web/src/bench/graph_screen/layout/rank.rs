//! Which level each vertex stands on.

/// The length of the longest path that leads to each of `count` vertices. Edges lead from a vertex to one with a larger
/// number. A vertex that nothing leads to stands just above the first that reads it.
pub fn longest_path(count: usize, edges: &[(usize, usize)]) -> Vec<usize> {
    let mut below = vec![Vec::new(); count];
    let mut is_source = vec![true; count];
    for &(from, to) in edges {
        below[from].push(to);
        is_source[to] = false;
    }
    let mut ranks = vec![0; count];
    for from in 0..count {
        for &to in &below[from] {
            ranks[to] = ranks[to].max(ranks[from] + 1);
        }
    }
    for from in (0..count).filter(|&from| is_source[from]) {
        if let Some(first) = below[from].iter().map(|&to| ranks[to]).min() {
            ranks[from] = first - 1;
        }
    }
    ranks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_way_counts_and_sources_come_down_to_their_readers() {
        // 0 → 1 → 3, 0 → 3, 2 → 3.
        assert_eq!(longest_path(4, &[(0, 1), (1, 3), (0, 3), (2, 3)]), [0, 1, 1, 2]);
        assert_eq!(longest_path(2, &[]), [0, 0]);
    }
}
