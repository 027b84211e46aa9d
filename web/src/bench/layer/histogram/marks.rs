//! What a bar of the histogram says of itself, and the histogram's twin as a table.

use fewbit_quant::report::TensorView;

use super::plot::{bin_edges, is_quantized, levels};
use crate::bench::layer::formula;
use crate::chart::Table;
use crate::i18n::layer::Words;
use crate::ui::format;

/// Mark `i` in a few lines: code, value, count, share, scale, zero point and the formula with numbers.
pub fn lines(view: &TensorView, i: usize, words: &Words) -> Vec<String> {
    let value = |x: f64| format::significant(x);
    let share =
        |n: u64| (words.of_values)(&format::count(n), &format::percent(n as f64 / view.n.max(1) as f64));
    let Some((levels, grid)) = levels(view) else {
        let (low, high) = bin_edges(view, i);
        let at = |bins: &[u64]| bins.get(i).copied().unwrap_or(0);
        let mut lines = vec![
            (words.from_to)(&value(low), &value(high)),
            format!("{} {}", words.float, share(at(&view.float_bins))),
        ];
        if is_quantized(view) {
            lines.push(format!("{} {}", words.quantized, share(at(&view.quantized_bins))));
            lines.push(match view.grid {
                Some(grid) => (words.grid)(
                    formula::scale_name(grid),
                    &value(grid.scale.into()),
                    &formula::zero_point(grid),
                ),
                None => words.many_grids.to_owned(),
            });
        }
        return lines;
    };
    levels.get(i).map_or_else(Vec::new, |level| {
        vec![
            (words.code)(&format::signed(level.code.into(), 0), &value(level.value.into())),
            share(level.count),
            (words.grid)(formula::scale_name(grid), &value(grid.scale.into()), &formula::zero_point(grid)),
            formula::reconstruction(grid, level.code as f32),
        ]
    })
}

/// The histogram as a table: a row for each bin, and one for each level.
pub fn table(view: &TensorView, words: &Words) -> Table {
    let heads = words.histogram_heads.map(str::to_owned).to_vec();
    let bins = |name: &str, bins: &[u64]| -> Vec<Vec<String>> {
        let row = |(i, n): (usize, &u64)| {
            let (low, high) = bin_edges(view, i);
            // As f32, which the edges are: more digits would say nothing.
            let [low, high] = [low, high].map(|edge| (edge as f32).to_string());
            vec![name.to_owned(), low, high, String::new(), n.to_string()]
        };
        bins.iter().enumerate().map(row).collect()
    };
    let mut rows = bins(words.float, &view.float_bins);
    match levels(view) {
        Some((levels, grid)) => rows.extend(levels.iter().map(|level| {
            let half = 0.5 * grid.scale;
            vec![
                words.quantized.to_owned(),
                (level.value - half).to_string(),
                (level.value + half).to_string(),
                level.code.to_string(),
                level.count.to_string(),
            ]
        })),
        None if is_quantized(view) => rows.extend(bins(words.quantized, &view.quantized_bins)),
        None => {}
    }
    Table { heads, rows }
}
