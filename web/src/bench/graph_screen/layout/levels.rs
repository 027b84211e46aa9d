//! A graph whose edges all lead from a level to the next.

/// Virtual vertices for each vertex and edge of the graph, at most: where there are more, the longest edges do without.
const MOST_VIRTUAL: usize = 12;

/// A graph whose edges all lead from a level to the next: the first vertices are the graph's own, those after them are
/// virtual and stand where an edge passes a level by. Edges that leave the same vertex share theirs.
#[derive(Clone, Debug, PartialEq)]
pub struct Levels {
    /// The vertices of each level, from left to right.
    pub rows: Vec<Vec<usize>>,
    /// The neighbours of each vertex on the level above.
    pub above: Vec<Vec<usize>>,
    /// The neighbours of each vertex on the level below.
    pub below: Vec<Vec<usize>>,
    /// The virtual vertices of each edge, from above to below.
    pub chains: Vec<Vec<usize>>,
    /// How many vertices are the graph's own.
    pub real: usize,
    ranks: Vec<usize>,
}

impl Levels {
    /// The vertices on their levels, and what stands on the ways of `edges`, which all lead down.
    pub fn new(ranks: &[usize], edges: &[(usize, usize)]) -> Self {
        let mut levels = Self {
            rows: vec![Vec::new(); ranks.iter().max().map_or(0, |most| most + 1)],
            above: vec![Vec::new(); ranks.len()],
            below: vec![Vec::new(); ranks.len()],
            chains: vec![Vec::new(); edges.len()],
            real: ranks.len(),
            ranks: ranks.to_vec(),
        };
        for (vertex, &rank) in ranks.iter().enumerate() {
            levels.rows[rank].push(vertex);
        }
        let span = |&(from, to): &(usize, usize)| ranks[to] - ranks[from];
        let longest = longest_with_vertices(ranks, edges);
        let mut shared: Vec<Vec<usize>> = vec![Vec::new(); ranks.len()];
        for (edge, &(from, to)) in edges.iter().enumerate() {
            let passed = span(&(from, to)).saturating_sub(1);
            if passed + 1 > longest {
                continue;
            }
            while shared[from].len() < passed {
                let last = shared[from].last().copied().unwrap_or(from);
                let vertex = levels.add(ranks[from] + shared[from].len() + 1);
                levels.link(last, vertex);
                shared[from].push(vertex);
            }
            let chain = shared[from][..passed].to_vec();
            levels.link(chain.last().copied().unwrap_or(from), to);
            levels.chains[edge] = chain;
        }
        levels
    }

    fn add(&mut self, rank: usize) -> usize {
        let vertex = self.ranks.len();
        self.ranks.push(rank);
        self.rows[rank].push(vertex);
        self.above.push(Vec::new());
        self.below.push(Vec::new());
        vertex
    }

    fn link(&mut self, from: usize, to: usize) {
        self.below[from].push(to);
        self.above[to].push(from);
    }

    /// The level of a vertex.
    pub fn rank(&self, vertex: usize) -> usize {
        self.ranks[vertex]
    }

    /// How many vertices there are.
    pub fn len(&self) -> usize {
        self.ranks.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.ranks.is_empty()
    }
}

/// The most levels that an edge with virtual vertices goes down.
fn longest_with_vertices(ranks: &[usize], edges: &[(usize, usize)]) -> usize {
    let mut longest = vec![0; ranks.len()];
    for &(from, to) in edges {
        longest[from] = longest[from].max(ranks[to] - ranks[from]);
    }
    let room = MOST_VIRTUAL * (ranks.len() + edges.len());
    if longest.iter().sum::<usize>() <= room {
        return usize::MAX;
    }
    longest.sort_unstable();
    let mut taken = 0;
    let fits = |&&span: &&usize| {
        taken += span;
        taken <= room
    };
    longest.iter().take_while(fits).last().copied().unwrap_or(1).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edges_of_one_vertex_share_what_stands_on_their_way() {
        // 0 → 1 → 2 → 3, 0 → 2 and 0 → 3.
        let levels = Levels::new(&[0, 1, 2, 3], &[(0, 1), (1, 2), (2, 3), (0, 2), (0, 3)]);
        assert_eq!(levels.len(), 6);
        assert_eq!(levels.chains[3], [4]);
        assert_eq!(levels.chains[4], [4, 5]);
        assert_eq!(levels.rows, [vec![0], vec![1, 4], vec![2, 5], vec![3]]);
        assert_eq!(levels.above[3], [2, 5]);
    }

    #[test]
    fn where_everything_reads_everything_there_are_not_more_vertices_than_edges_allow() {
        let count = 400;
        let ranks: Vec<usize> = (0..count).collect();
        let mut edges: Vec<_> = (1..count).map(|i| (i - 1, i)).collect();
        edges.extend((0..count - 2).map(|from| (from, count - 1)));
        let levels = Levels::new(&ranks, &edges);
        assert!(levels.len() <= MOST_VIRTUAL * (count + edges.len()) + count);
    }
}
