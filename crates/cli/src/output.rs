//! What a command answers: one object, and the same as text.

use std::io::{self, Write};

use serde_json::Value;

/// The answer of a command.
pub(crate) struct Answer {
    pub(crate) json: Value,
    pub(crate) text: String,
    pub(crate) status: u8,
}

impl Answer {
    pub(crate) fn new(json: Value, text: String) -> Self {
        Self { json, text, status: 0 }
    }

    pub(crate) fn write_json(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "{}", self.json)
    }

    pub(crate) fn write_text(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "{}", self.text.trim_end())
    }
}

/// A table with columns as wide as their widest cell; cells that begin with a digit or a sign are right-aligned.
pub(crate) fn table(heads: &[&str], rows: &[Vec<String>]) -> String {
    let widths: Vec<usize> = heads
        .iter()
        .enumerate()
        .map(|(i, head)| {
            let cells = rows.iter().filter_map(|row| row.get(i)).map(|cell| cell.chars().count());
            cells.fold(head.chars().count(), usize::max)
        })
        .collect();
    let line = |cells: &[String]| {
        let cells = cells.iter().zip(&widths).map(|(cell, &width)| {
            let is_number = cell.starts_with(|c: char| c.is_ascii_digit() || c == '-' || c == '∞');
            if is_number { format!("{cell:>width$}") } else { format!("{cell:<width$}") }
        });
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    let heads: Vec<String> = heads.iter().map(|&head| head.to_owned()).collect();
    let lines = std::iter::once(line(&heads)).chain(rows.iter().map(|row| line(row)));
    lines.map(|line| line + "\n").collect()
}
