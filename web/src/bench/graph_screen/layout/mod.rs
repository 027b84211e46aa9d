//! Where boxes and their edges stand, from top to bottom: the layered drawing of Sugiyama, Tagawa and Toda (1981).
//!
//! Longest-path levels, virtual vertices where an edge passes levels by, barycentre sweeps against crossings, and
//! coordinates that are the closest to their neighbours' that the boxes' widths allow. The same graph always gives the
//! same drawing, in time about linear in its size.

pub mod levels;
pub mod order;
pub mod place;
pub mod rank;

use levels::Levels;

/// Between the boxes of a level.
pub const GAP: f64 = 18.0;
/// Between two levels.
pub const LEVEL_GAP: f64 = 36.0;

/// A box, by its middle, or its size alone.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Rect {
    /// The middle.
    pub x: f64,
    /// The middle.
    pub y: f64,
    /// Across.
    pub width: f64,
    /// Down.
    pub height: f64,
}

impl Rect {
    /// The smallest that has both in it.
    #[must_use]
    pub fn join(self, other: Self) -> Self {
        let span = |a: f64, a_size: f64, b: f64, b_size: f64| {
            let low = (a - a_size / 2.0).min(b - b_size / 2.0);
            let high = (a + a_size / 2.0).max(b + b_size / 2.0);
            ((low + high) / 2.0, high - low)
        };
        let (x, width) = span(self.x, self.width, other.x, other.width);
        let (y, height) = span(self.y, self.height, other.y, other.height);
        Self { x, y, width, height }
    }

    /// Larger by this much on every side.
    #[must_use]
    pub fn grown(self, by: f64) -> Self {
        Self { width: self.width + 2.0 * by, height: self.height + 2.0 * by, ..self }
    }

    /// Whether the two have a point in common.
    pub fn meets(&self, other: &Self) -> bool {
        2.0 * (self.x - other.x).abs() <= self.width + other.width
            && 2.0 * (self.y - other.y).abs() <= self.height + other.height
    }
}

/// An edge as it is drawn, from above to below.
#[derive(Clone, Debug, PartialEq)]
pub struct Route {
    /// The box that it leaves.
    pub from: u32,
    /// The box that it leads to.
    pub to: u32,
    /// Where it begins, passes levels (top and bottom of each), and ends.
    pub points: Vec<(f64, f64)>,
}

impl Route {
    /// Whether it leads upwards: between blocks that take turns.
    pub fn is_back(&self) -> bool {
        self.from > self.to
    }

    /// The route as an SVG path: curves between levels, straight lines through them.
    pub fn path(&self) -> String {
        let mut points = self.points.iter();
        let Some(&(mut x, mut y)) = points.next() else { return String::new() };
        let mut path = format!("M{x:.1},{y:.1}");
        for (i, &(to_x, to_y)) in points.enumerate() {
            if i % 2 == 1 {
                path += &format!("V{to_y:.1}");
            } else {
                let middle = (y + to_y) / 2.0;
                path += &format!("C{x:.1},{middle:.1} {to_x:.1},{middle:.1} {to_x:.1},{to_y:.1}");
            }
            (x, y) = (to_x, to_y);
        }
        path
    }

    /// What it covers.
    pub fn bounds(&self) -> Rect {
        let points = self.points.iter().map(|&(x, y)| Rect { x, y, width: 0.0, height: 0.0 });
        points.reduce(Rect::join).unwrap_or_default()
    }
}

/// A drawing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Layout {
    /// The boxes.
    pub boxes: Vec<Rect>,
    /// The edges, in the order in which they were given.
    pub routes: Vec<Route>,
    /// The boxes of each level, from left to right.
    pub levels: Vec<Vec<u32>>,
    /// What all boxes cover.
    pub bounds: Rect,
}

/// Lays out boxes of these sizes (width, height). An edge (from, to) should lead to a later box; where it does not, it is
/// drawn upwards. Edges from a box to itself are left out.
pub fn lay_out(sizes: &[(f64, f64)], edges: &[(u32, u32)]) -> Layout {
    let edges: Vec<(u32, u32)> = edges.iter().copied().filter(|(from, to)| from != to).collect();
    let down: Vec<(usize, usize)> =
        edges.iter().map(|&(a, b)| (a.min(b) as usize, a.max(b) as usize)).collect();
    let ranks = rank::longest_path(sizes.len(), &down);
    let mut levels = Levels::new(&ranks, &down);
    order::reduce_crossings(&mut levels);
    let width = |vertex: usize| sizes.get(vertex).map_or(0.0, |size| size.0);
    let x = place::across(&levels, &width);

    let mut tops = Vec::with_capacity(levels.rows.len());
    let mut y = 0.0;
    for row in &levels.rows {
        let height = row.iter().filter_map(|&v| sizes.get(v)).map(|size| size.1).fold(0.0, f64::max);
        tops.push((y, height));
        y += height + LEVEL_GAP;
    }
    let boxes: Vec<Rect> = sizes
        .iter()
        .enumerate()
        .map(|(i, &(width, height))| {
            let (top, room) = tops[ranks[i]];
            Rect { x: x[i], y: top + room / 2.0, width, height }
        })
        .collect();
    let routes = edges
        .iter()
        .zip(&down)
        .zip(&levels.chains)
        .map(|((&(from, to), &(above, below)), chain)| {
            let mut points = vec![(x[above], boxes[above].y + boxes[above].height / 2.0)];
            for &vertex in chain {
                let (top, height) = tops[levels.rank(vertex)];
                points.extend([(x[vertex], top), (x[vertex], top + height)]);
            }
            points.push((x[below], boxes[below].y - boxes[below].height / 2.0));
            Route { from, to, points }
        })
        .collect();
    let real = |row: &Vec<usize>| row.iter().filter(|&&v| v < sizes.len()).map(|&v| v as u32).collect();
    Layout {
        bounds: boxes.iter().copied().reduce(Rect::join).unwrap_or_default(),
        levels: levels.rows.iter().map(real).collect(),
        boxes,
        routes,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Widths and heights of boxes, and edges.
    type Boxes = (Vec<(f64, f64)>, Vec<(u32, u32)>);

    /// Residual blocks of a chain of four and an edge around it.
    fn residual(blocks: u32) -> Boxes {
        let edges = (0..blocks).flat_map(|block| {
            let first = 5 * block;
            (first..first + 5).map(|i| (i, i + 1)).chain([(first, first + 5)])
        });
        (vec![(100.0, 40.0); 5 * blocks as usize + 1], edges.collect())
    }

    #[test]
    fn boxes_stand_below_what_they_read_and_never_on_one_another() {
        let (sizes, edges) = residual(12);
        let layout = lay_out(&sizes, &edges);
        for route in &layout.routes {
            let (from, to) = (&layout.boxes[route.from as usize], &layout.boxes[route.to as usize]);
            assert!(from.y + from.height / 2.0 < to.y - to.height / 2.0);
        }
        for (i, one) in layout.boxes.iter().enumerate() {
            assert!(layout.boxes[i + 1..].iter().all(|other| !one.meets(other)));
        }
    }

    #[test]
    fn an_edge_around_a_chain_stays_clear_of_its_boxes() {
        let (sizes, edges) = residual(1);
        let layout = lay_out(&sizes, &edges);
        let around = &layout.routes[5];
        assert_eq!(around.points.len(), 2 + 2 * 4);
        for &(x, y) in &around.points[1..9] {
            let point = Rect { x, y, width: 0.0, height: 0.0 };
            assert!(layout.boxes.iter().all(|at| !at.meets(&point)), "{x} {y}");
        }
        assert!((layout.boxes[0].x - layout.boxes[5].x).abs() < 30.0, "the chain is about straight");
    }

    #[test]
    fn two_thousand_nodes_with_edges_far_and_wide_are_laid_out_at_once_and_always_the_same() {
        let (mut sizes, mut edges) = residual(400);
        let last = sizes.len() as u32;
        sizes.push((80.0, 40.0));
        edges.extend((0..last).step_by(3).map(|from| (from, last)));
        let start = std::time::Instant::now();
        let layout = lay_out(&sizes, &edges);
        assert!(start.elapsed().as_secs_f64() < 5.0, "{:?} even where nothing is optimised", start.elapsed());
        assert_eq!(layout.routes.len(), edges.len());
        assert_eq!(layout, lay_out(&sizes, &edges));
    }

    #[test]
    fn an_edge_to_an_earlier_box_is_drawn_upwards() {
        let layout = lay_out(&[(10.0, 10.0); 2], &[(0, 1), (1, 0), (1, 1)]);
        assert_eq!(layout.routes.iter().map(Route::is_back).collect::<Vec<_>>(), [false, true]);
        assert_eq!(layout.routes[1].points[0], (layout.boxes[0].x, 10.0));
    }

    #[test]
    fn nothing_is_laid_out_as_nothing() {
        assert_eq!(lay_out(&[], &[]), Layout::default());
    }

    #[test]
    fn a_route_is_a_path_of_curves_and_lines() {
        let route = Route { from: 0, to: 1, points: vec![(0.0, 0.0), (4.0, 10.0), (4.0, 20.0), (0.0, 30.0)] };
        assert_eq!(route.path(), "M0.0,0.0C0.0,5.0 4.0,5.0 4.0,10.0V20.0C4.0,25.0 0.0,25.0 0.0,30.0");
        assert_eq!(route.bounds(), Rect { x: 2.0, y: 15.0, width: 4.0, height: 30.0 });
    }
}
