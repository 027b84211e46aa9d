//! Where the weights of one channel lie on the map: a tile for each input channel, a cell for each weight.

use crate::chart::{Arrow, Size, path};

/// The largest and the smallest cell, in pixels.
const CELL: (f64, f64) = (24.0, 1.5);
/// Between tiles, in pixels.
const GAP: f64 = 4.0;
/// How strongly a magnitude can be drawn.
pub const TONES: usize = 8;

/// The map of one channel.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tiles {
    tiles: usize,
    rows: usize,
    columns: usize,
    /// Tiles side by side.
    across: usize,
    gap: f64,
    /// The edge of a cell, in pixels.
    pub cell: f64,
}

impl Tiles {
    /// Weights of `shape` on a map of `size`: windows of a convolution stay together, all else is one row after
    /// another. Cells are as large as there is room for.
    pub fn new(shape: &[usize], size: Size) -> Self {
        let n = shape.iter().product::<usize>();
        let (tiles, rows, columns) = match *shape {
            [.., rows, columns] if shape.len() > 2 && rows * columns > 1 => {
                (n / (rows * columns), rows, columns)
            }
            _ => (n, 1, 1),
        };
        let gap = if rows * columns > 1 { GAP } else { 0.0 };
        let at = |cell: f64| {
            let across = ((size.width + gap) / (columns as f64 * cell + gap)).floor().max(1.0) as usize;
            Self { tiles, rows, columns, across: across.min(tiles.max(1)), gap, cell }
        };
        let sizes = (0..).map(|step| CELL.0 - 0.5 * f64::from(step)).take_while(|&cell| cell >= CELL.1);
        sizes.map(at).find(|map| map.height() <= size.height).unwrap_or_else(|| at(CELL.1))
    }

    fn pitch(&self) -> (f64, f64) {
        (self.columns as f64 * self.cell + self.gap, self.rows as f64 * self.cell + self.gap)
    }

    /// How far down the map reaches, in pixels.
    pub fn height(&self) -> f64 {
        self.tiles.div_ceil(self.across) as f64 * self.pitch().1 - self.gap
    }

    /// How far across.
    pub fn width(&self) -> f64 {
        self.across as f64 * self.pitch().0 - self.gap
    }

    /// The upper left corner of weight `i`.
    pub fn place(&self, i: usize) -> (f64, f64) {
        let window = (self.rows * self.columns).max(1);
        let (tile, within) = (i / window, i % window);
        let (right, down) = self.pitch();
        let (column, row) = (within % self.columns.max(1), within / self.columns.max(1));
        (
            (tile % self.across) as f64 * right + column as f64 * self.cell,
            (tile / self.across) as f64 * down + row as f64 * self.cell,
        )
    }

    /// The weight at a place; none between tiles and beyond the last.
    pub fn at(&self, x: f64, y: f64) -> Option<usize> {
        let (right, down) = self.pitch();
        let inside = |value: f64| value >= 0.0;
        if !inside(x) || !inside(y) || self.cell <= 0.0 {
            return None;
        }
        let (tile_column, tile_row) = ((x / right) as usize, (y / down) as usize);
        let column = ((x - tile_column as f64 * right) / self.cell) as usize;
        let row = ((y - tile_row as f64 * down) / self.cell) as usize;
        let tile = tile_row * self.across + tile_column;
        let exists =
            tile_column < self.across && tile < self.tiles && column < self.columns && row < self.rows;
        exists.then_some((tile * self.rows + row) * self.columns + column)
    }

    /// The neighbour of weight `i` in a direction, across gaps; itself at the edge.
    pub fn step(&self, i: usize, arrow: Arrow) -> usize {
        let (x, y) = self.place(i);
        let (x, y) = (x + 0.5 * self.cell, y + 0.5 * self.cell);
        let (right, down) = match arrow {
            Arrow::Left => (-1.0, 0.0),
            Arrow::Right => (1.0, 0.0),
            Arrow::Up => (0.0, -1.0),
            Arrow::Down => (0.0, 1.0),
        };
        [self.cell, self.cell + self.gap]
            .iter()
            .find_map(|by| self.at(x + right * by, y + down * by))
            .unwrap_or(i)
    }

    /// The cells by sign and strength: [`TONES`] paths of positive values, weakest first, then as many of negative
    /// ones. A value of 0 is in none.
    pub fn tones(&self, values: &[f32]) -> Vec<String> {
        let most = values.iter().fold(0.0f32, |most, value| most.max(value.abs()));
        let mut paths = vec![String::new(); 2 * TONES];
        let edge = if self.cell > 6.0 { 1.0 } else { 0.25 };
        for (i, &value) in values.iter().enumerate() {
            let strength = (value.abs() / most * TONES as f32).ceil();
            // Where all are 0, the strength is no number.
            if strength.is_nan() || strength < 1.0 {
                continue;
            }
            let tone = (strength as usize).min(TONES) - 1 + if value < 0.0 { TONES } else { 0 };
            // Negative ones are outlines, which are drawn half inside.
            let inset = if value < 0.0 { edge + 0.75 } else { edge };
            let (x, y) = self.place(i);
            let (left, right) = (x + inset, x + self.cell - inset);
            if let Some(path) = paths.get_mut(tone) {
                path.push_str(&path::area(&[(left, y + inset), (right, y + inset)], y + self.cell - inset));
            }
        }
        paths
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZE: Size = Size { width: 200.0, height: 100.0 };

    #[test]
    fn every_weight_is_found_where_it_is_placed() {
        for shape in [&[16, 3, 3][..], &[1, 5, 5], &[300], &[64, 1, 1], &[128, 3, 3]] {
            let map = Tiles::new(shape, SIZE);
            assert!(map.width() <= SIZE.width + 1e-9, "{shape:?}");
            for i in 0..shape.iter().product() {
                let (x, y) = map.place(i);
                assert_eq!(map.at(x + 0.5 * map.cell, y + 0.5 * map.cell), Some(i), "{shape:?}");
            }
        }
    }

    #[test]
    fn arrows_cross_the_gaps_and_stop_at_the_edge() {
        let map = Tiles::new(&[4, 3, 3], Size { width: 400.0, height: 80.0 });
        assert_eq!(map.step(0, Arrow::Right), 1);
        assert_eq!(map.step(2, Arrow::Right), 9);
        assert_eq!(map.step(0, Arrow::Down), 3);
        assert_eq!(map.step(0, Arrow::Up), 0);
        assert_eq!(map.step(9, Arrow::Left), 2);
    }

    #[test]
    fn the_largest_magnitude_is_the_strongest_and_zero_is_not_drawn() {
        let map = Tiles::new(&[4], SIZE);
        let tones = map.tones(&[0.0, 1.0, -2.0, 0.1]);
        let drawn: Vec<_> = (0..tones.len()).filter(|&i| !tones[i].is_empty()).collect();
        assert_eq!(drawn, [0, TONES / 2 - 1, 2 * TONES - 1]);
        assert!(map.tones(&[0.0; 4]).iter().all(String::is_empty));
    }
}
