//! CSV: one sample a line, numbers in columns, and a column for the class.

use std::collections::BTreeMap;

use csv::StringRecord;
use fewbit_graph::Tensor;
use serde::{Deserialize, Serialize};

use crate::error::DataError;
use crate::images::folder::some_of;
use crate::samples::{MOST_VALUES, Samples, shape_text};

/// What may stand between cells, the likeliest first.
const DELIMITERS: [u8; 4] = [b',', b';', b'\t', b'|'];
/// What columns of classes are called.
const LABELS: [&str; 8] = ["y", "label", "labels", "class", "target", "species", "category", "digit"];
/// What columns that only count lines are called; pandas leaves the name out.
const COUNTERS: [&str; 5] = ["", "id", "index", "idx", "unnamed: 0"];
/// The largest value of a byte of a picture.
const BYTE: f64 = 255.0;

/// What is known beforehand; the rest is inferred.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Asked {
    /// What stands between cells.
    pub delimiter: Option<char>,
    /// Whether the first line holds names.
    pub header: Option<bool>,
    /// The column of the class: its name, or its number from 1; an empty text for none.
    pub label: Option<String>,
    /// The columns of the values, in order: names, or numbers from 1.
    pub features: Option<Vec<String>>,
    /// What values are multiplied by.
    pub scale: Option<f64>,
}

/// How a table is read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reading {
    /// What stands between cells.
    pub delimiter: char,
    /// Whether the first line holds names.
    pub header: bool,
    /// The names of all columns, or their numbers from 1.
    pub columns: Vec<String>,
    /// The column of the class, counted from 0.
    pub label: Option<usize>,
    /// The columns of the values, counted from 0.
    pub features: Vec<usize>,
    /// What values are multiplied by.
    pub scale: f64,
}

impl Reading {
    /// How `bytes` are most probably meant for an input of N × `sample_shape`, and a sentence for each guess.
    ///
    /// # Errors
    /// [`DataError`] if they are no table, a column that was asked for is not there, or the columns are not as many as the model takes.
    pub fn infer(
        bytes: &[u8],
        sample_shape: &[usize],
        asked: &Asked,
    ) -> Result<(Self, Vec<String>), DataError> {
        let wanted: usize = sample_shape.iter().product();
        let mut notes = Vec::new();
        let Front { delimiter, header, columns, row } = Front::of(bytes, asked)?;
        notes.push(format!(
            "{} columns, {}",
            columns.len(),
            if header { "named in line 1" } else { "without names" }
        ));

        let find = |name: &String| -> Result<usize, DataError> {
            let by_number = || name.parse::<usize>().ok()?.checked_sub(1).filter(|&i| i < columns.len());
            columns.iter().position(|column| column == name).or_else(by_number).ok_or_else(|| {
                DataError::Unfit(format!("there is no column `{name}`; there are {}", some_of(&columns)))
            })
        };
        let is_number =
            |i: usize| row.get(i).is_some_and(|cell| cell.trim().is_empty() || number(cell).is_some());
        let numeric: Vec<usize> = (0..columns.len()).filter(|&i| is_number(i)).collect();
        let counts = |columns_of: &[usize]| {
            let name = columns_of.first().and_then(|&i| columns.get(i)).map(|name| name.to_lowercase());
            header && name.is_some_and(|name| COUNTERS.contains(&name.as_str()))
        };
        let label = match &asked.label {
            Some(name) if name.is_empty() => None,
            Some(name) => Some(find(name)?),
            None => {
                let rest = numeric.get(1..).filter(|rest| rest.len() == wanted + 1 && counts(&numeric));
                likeliest_label(&columns, [&numeric, rest.unwrap_or(&numeric)], &row, header, wanted)
            }
        };
        notes.push(match label.and_then(|i| columns.get(i)) {
            Some(name) if header => format!("column `{name}` holds the classes"),
            Some(number) => format!("column {number} holds the classes"),
            None => "no column holds classes".to_owned(),
        });
        let features = match &asked.features {
            Some(names) => names.iter().map(find).collect::<Result<_, _>>()?,
            None => {
                let mut features: Vec<usize> = numeric.into_iter().filter(|&i| Some(i) != label).collect();
                if features.len() == wanted + 1 && counts(&features) {
                    features.remove(0);
                    notes.push("the first column counts lines and is left out".to_owned());
                }
                features
            }
        };
        if features.len() != wanted {
            return Err(DataError::Unfit(format!(
                "the model takes {}, {wanted} values a sample, but {} columns hold numbers{}; say which columns are its values, and which one the class",
                shape_text(sample_shape),
                features.len(),
                label
                    .and_then(|i| columns.get(i))
                    .map_or(String::new(), |name| format!(" beside the class, column `{name}`"))
            )));
        }
        let left_out: Vec<String> = (0..columns.len())
            .filter(|i| !features.contains(i) && Some(*i) != label)
            .filter_map(|i| columns.get(i).map(|name| format!("`{name}`")))
            .collect();
        if !left_out.is_empty() {
            notes.push(format!("left out: {}", some_of(&left_out)));
        }
        let mut reading = Self { delimiter: delimiter.into(), header, columns, label, features, scale: 1.0 };
        reading.scale = match asked.scale {
            Some(scale) => scale,
            None if sample_shape.len() > 1 && reading.holds_bytes(bytes)? => {
                notes.push("all values are bytes, as of pictures: they are divided by 255".to_owned());
                1.0 / BYTE
            }
            None => 1.0,
        };
        Ok((reading, notes))
    }

    /// Reads the samples, each of `sample_shape`. Classes that are no numbers are numbered in the order of their names.
    ///
    /// # Errors
    /// [`DataError::Line`] and [`DataError::Cell`] for the first line or cell that is not as it has to be.
    pub fn read(&self, bytes: &[u8], sample_shape: &[usize]) -> Result<Samples, DataError> {
        let mut values = Vec::new();
        let mut words: Vec<(u64, String)> = Vec::new();
        self.each(bytes, |line, record| {
            if values.len() + self.features.len() > MOST_VALUES {
                let why = format!(
                    "a table of more than {MOST_VALUES} values is not read at a time; take fewer lines"
                );
                return Err(DataError::Line { line, why });
            }
            for &column in &self.features {
                values.push((self.value(line, column, record)? * self.scale) as f32);
            }
            if let Some(label) = self.label {
                words.push((line, record.get(label).unwrap_or_default().trim().to_owned()));
            }
            Ok(())
        })?;
        let n = values.len() / self.features.len().max(1);
        if n == 0 {
            return Err(no_samples());
        }
        let mut notes = Vec::new();
        let (y, classes) = match self.label {
            None => (None, Vec::new()),
            Some(column) => {
                let (y, classes) = labels(&words, column)?;
                if !classes.is_empty() {
                    notes.push(format!(
                        "classes are numbered from 0 in the order of their names: {}",
                        some_of(&classes)
                    ));
                }
                (Some(y), classes)
            }
        };
        let shape: Vec<usize> = std::iter::once(n).chain(sample_shape.iter().copied()).collect();
        let x = Tensor::f32(shape, values).map_err(|why| DataError::Unfit(why.to_string()))?;
        Ok(Samples { x, y, classes, notes })
    }

    /// The number in a cell.
    fn value(&self, line: u64, column: usize, record: &StringRecord) -> Result<f64, DataError> {
        let cell = record.get(column).unwrap_or_default();
        number(cell).filter(|&x| (x as f32).is_finite()).ok_or_else(|| {
            let name = self
                .columns
                .get(column)
                .filter(|_| self.header)
                .map_or(String::new(), |name| format!(" (`{name}`)"));
            let found = if cell.trim().is_empty() {
                "it is empty".to_owned()
            } else {
                format!("it is `{}`", shortened(cell))
            };
            DataError::Cell { line, column: column + 1, why: format!("{found}; a number is needed{name}") }
        })
    }

    /// Calls `f` with each sample and its line.
    fn each(
        &self,
        bytes: &[u8],
        mut f: impl FnMut(u64, &StringRecord) -> Result<(), DataError>,
    ) -> Result<(), DataError> {
        let delimiter = u8::try_from(self.delimiter).unwrap_or(b',');
        for record in reader(bytes, delimiter).records().skip(usize::from(self.header)) {
            let record = record.map_err(malformed)?;
            f(record.position().map_or(0, csv::Position::line), &record)?;
        }
        Ok(())
    }

    /// Whether every value is a whole number from 0 to 255, and one is more than 1.
    fn holds_bytes(&self, bytes: &[u8]) -> Result<bool, DataError> {
        let (mut all, mut most) = (true, 0.0f64);
        self.each(bytes, |_, record| {
            for x in self.features.iter().filter_map(|&column| number(record.get(column)?)) {
                all &= (0.0..=BYTE).contains(&x) && x.fract() == 0.0;
                most = most.max(x);
            }
            Ok(())
        })?;
        Ok(all && most > 1.0)
    }
}

/// The number of each class, and their names if they are no numbers.
fn labels(words: &[(u64, String)], column: usize) -> Result<(Vec<i64>, Vec<String>), DataError> {
    let cell = |line: u64, why: String| DataError::Cell { line, column: column + 1, why };
    if let Some((line, _)) = words.iter().find(|(_, word)| word.is_empty()) {
        return Err(cell(*line, "the class is missing".to_owned()));
    }
    if words.first().is_some_and(|(_, word)| number(word).is_some()) {
        let class = |(line, word): &(u64, String)| {
            let is_class = |x: &f64| x.fract() == 0.0 && (0.0..=f64::from(u32::MAX)).contains(x);
            number(word).filter(is_class).map(|x| x as i64).ok_or_else(|| {
                cell(
                    *line,
                    format!("it is `{}`; the number of a class, from 0 on, is needed", shortened(word)),
                )
            })
        };
        return Ok((words.iter().map(class).collect::<Result<_, _>>()?, Vec::new()));
    }
    let numbers: BTreeMap<&str, i64> = {
        let mut names: Vec<&str> = words.iter().map(|(_, word)| word.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        names.into_iter().zip(0..).collect()
    };
    let y = words.iter().filter_map(|(_, word)| numbers.get(word.as_str()).copied()).collect();
    Ok((y, numbers.into_keys().map(str::to_owned).collect()))
}

fn likeliest_delimiter(bytes: &[u8]) -> u8 {
    let line = bytes.split(|&byte| byte == b'\n').next().unwrap_or_default();
    let count = |delimiter: u8| line.iter().filter(|&&byte| byte == delimiter).count();
    DELIMITERS.into_iter().rev().max_by_key(|&delimiter| count(delimiter)).unwrap_or(b',')
}

/// Whether names stand where numbers follow, or no number stands at all.
fn is_header(first: &StringRecord, second: Option<&StringRecord>) -> bool {
    let is_name = |cell: &str| !cell.trim().is_empty() && number(cell).is_none();
    let is_number_below = |i: usize| second.and_then(|second| second.get(i)).and_then(number).is_some();
    let names_a_number = first.iter().enumerate().any(|(i, cell)| is_name(cell) && is_number_below(i));
    names_a_number || first.iter().all(is_name)
}

/// The column that most probably holds the classes. `numeric` are those that hold numbers, `samples` of them those that do not count lines.
fn likeliest_label(
    columns: &[String],
    [numeric, samples]: [&[usize]; 2],
    row: &StringRecord,
    header: bool,
    wanted: usize,
) -> Option<usize> {
    let named = |name: &&str| columns.iter().position(|column| column.eq_ignore_ascii_case(name));
    if let Some(label) = LABELS.iter().find_map(named).filter(|_| header) {
        return Some(label);
    }
    let mut texts = (0..columns.len()).filter(|i| !numeric.contains(i));
    if let (Some(text), None) = (texts.next(), texts.next()) {
        return Some(text);
    }
    let is_class = |i: &&usize| {
        let x = row.get(**i).and_then(number);
        x.is_some_and(|x| x >= 0.0 && x.fract() == 0.0)
    };
    if samples.len() == wanted + 1 {
        return samples.last().filter(is_class).or_else(|| samples.first().filter(is_class)).copied();
    }
    None
}

fn reader(bytes: &[u8], delimiter: u8) -> csv::Reader<&[u8]> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    csv::ReaderBuilder::new().has_headers(false).delimiter(delimiter).from_reader(bytes)
}

fn first_records(bytes: &[u8], delimiter: u8) -> Result<(StringRecord, Option<StringRecord>), DataError> {
    let mut records = reader(bytes, delimiter).into_records();
    let first = records.next().ok_or_else(no_samples)?.map_err(malformed)?;
    let second = records.next().transpose().map_err(malformed)?;
    Ok((first, second))
}

/// The names of a table's columns, or their numbers from 1.
///
/// # Errors
/// [`DataError`] if it is no table.
pub fn columns(bytes: &[u8], asked: &Asked) -> Result<Vec<String>, DataError> {
    Front::of(bytes, asked).map(|front| front.columns)
}

/// The beginning of a table.
struct Front {
    delimiter: u8,
    header: bool,
    columns: Vec<String>,
    /// The first sample.
    row: StringRecord,
}

impl Front {
    fn of(bytes: &[u8], asked: &Asked) -> Result<Self, DataError> {
        let delimiter = match asked.delimiter {
            Some(c) => u8::try_from(c).map_err(|_| {
                DataError::Unfit(format!("`{c}` cannot stand between cells; use an ASCII character"))
            })?,
            None => likeliest_delimiter(bytes),
        };
        let (first, second) = first_records(bytes, delimiter)?;
        let header = asked.header.unwrap_or_else(|| is_header(&first, second.as_ref()));
        let (columns, row) = if header {
            (first.iter().map(|name| name.trim().to_owned()).collect(), second.ok_or_else(no_samples)?)
        } else {
            ((1..=first.len()).map(|i| i.to_string()).collect(), first)
        };
        Ok(Self { delimiter, header, columns, row })
    }
}

/// The first lines of a table, as they stand there.
pub(crate) fn first_lines(
    bytes: &[u8],
    delimiter: char,
    lines: usize,
) -> Result<Vec<Vec<String>>, DataError> {
    let delimiter = u8::try_from(delimiter).unwrap_or(b',');
    let records = reader(bytes, delimiter).into_records().take(lines);
    let cells = |record: StringRecord| record.iter().map(shortened).collect();
    records.map(|record| record.map(cells).map_err(malformed)).collect()
}

fn number(cell: &str) -> Option<f64> {
    cell.trim().parse().ok().filter(|x: &f64| x.is_finite())
}

fn malformed(why: csv::Error) -> DataError {
    let line = why.position().map_or(1, csv::Position::line);
    let why = match why.kind() {
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            format!("{len} cells, but the first line has {expected_len}")
        }
        csv::ErrorKind::Utf8 { err, .. } => format!("cell {} is no UTF-8 text", err.field() + 1),
        _ => why.to_string(),
    };
    DataError::Line { line, why }
}

fn no_samples() -> DataError {
    DataError::Unfit("the table has no samples".to_owned())
}

/// The beginning of a cell, for messages.
fn shortened(cell: &str) -> String {
    const SHOWN: usize = 40;
    let mut chars = cell.trim().chars();
    let start: String = chars.by_ref().take(SHOWN).collect();
    if chars.next().is_some() { start + "…" } else { start }
}
