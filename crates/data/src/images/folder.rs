//! A folder of pictures: which files are pictures, and what their labels are.

use std::collections::BTreeMap;

use crate::error::DataError;

/// What says something about pictures: their labels, the names of the classes (by either name), their preparation.
pub(crate) const COMPANIONS: [&str; 4] =
    ["labels.csv", "labels.txt", "classes.txt", "preprocessor_config.json"];

/// What a folder holds, by the paths of its files.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Folder {
    /// The pictures: the first of each folder, the second of each, and so on, so that the first few show all classes.
    pub pictures: Vec<String>,
    /// A table of labels beside them: `labels.csv`, lines of a file and its class.
    pub table: Option<String>,
    /// A list of the classes beside them: `labels.txt` or `classes.txt`, a name a line, in the order of their numbers.
    pub names: Option<String>,
    /// `preprocessor_config.json` beside them.
    pub config: Option<String>,
    /// How many pictures there are, of which `pictures` may be a part.
    pub of: usize,
}

/// The class of each picture.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Labels {
    /// The number of each picture's class; none if nothing says so.
    pub y: Option<Vec<i64>>,
    /// The names of the classes, by their numbers; empty if numbers are all that is known.
    pub classes: Vec<String>,
    /// Where the labels come from, in a sentence.
    pub note: String,
}

impl Labels {
    /// What people call a class.
    pub(crate) fn name(&self, class: i64) -> String {
        let name = usize::try_from(class).ok().and_then(|class| self.classes.get(class));
        name.cloned().unwrap_or_else(|| class.to_string())
    }
}

impl Folder {
    /// What is in a folder with files of these paths (`/` between parts). Hidden files are passed over. If there are more than `most`
    /// pictures, so many are taken, evenly from the sorted list.
    pub fn of(paths: &[String], most: Option<usize>) -> Self {
        let is_hidden = |path: &str| path.split('/').any(|part| part.starts_with('.') || part == "__MACOSX");
        let mut seen: Vec<&String> = paths.iter().filter(|path| !is_hidden(path)).collect();
        seen.sort();
        let [table, names @ .., config] = COMPANIONS;
        // The shallowest wins where there are several.
        let named = |names: &[&str]| {
            let found =
                seen.iter().filter(|path| names.contains(&file_name(path).to_ascii_lowercase().as_str()));
            found.min_by_key(|path| path.matches('/').count()).map(|path| (*path).clone())
        };
        let all: Vec<&String> = seen.iter().copied().filter(|path| is_picture(path)).collect();
        let of = all.len();
        let take = most.unwrap_or(of).min(of);
        let taken = (0..take).filter_map(|i| all.get(i * of / take.max(1))).map(|&path| path.clone());
        Self {
            pictures: in_turn(taken),
            table: named(&[table]),
            names: named(&names),
            config: named(&[config]),
            of,
        }
    }

    /// The labels of the pictures, from the text of [`Self::table`] if it is there, else from the folders in which they lie. `names`
    /// is the text of [`Self::names`].
    ///
    /// Classes are numbered as `names` has them; without it as `known`, the model's own, if it has them all; else folders whose names
    /// are numbers are those numbers, and others are numbered in the order of their names.
    ///
    /// # Errors
    /// [`DataError`] if the table cannot be read or lacks a picture, or a class is not among `names`.
    pub fn labels(
        &self,
        table: Option<&[u8]>,
        names: Option<&str>,
        known: &[String],
    ) -> Result<Labels, DataError> {
        let (words, source) = match table {
            Some(table) => (self.words_of_table(table)?, "labels.csv".to_owned()),
            None => match self.words_of_folders() {
                Some(words) => (words, "the folders' names".to_owned()),
                None => {
                    let note =
                        "the pictures have no labels: they do not lie in a folder for each class".to_owned();
                    return Ok(Labels { note, ..Labels::default() });
                }
            },
        };
        number(&words, names, known, &source)
    }

    /// For each picture the first folder in which they differ; none if some lie in none.
    fn words_of_folders(&self) -> Option<Vec<String>> {
        let folders: Vec<Vec<&str>> = self
            .pictures
            .iter()
            .map(|path| {
                path.rsplit_once('/').map_or_else(Vec::new, |(folder, _)| folder.split('/').collect())
            })
            .collect();
        let at = |depth: usize| folders.iter().map(move |parts| parts.get(depth).copied());
        let first = folders.first()?;
        let depth =
            (0..first.len()).find(|&depth| at(depth).any(|part| part != first.get(depth).copied()))?;
        at(depth).map(|part| part.map(str::to_owned)).collect()
    }

    /// For each picture its class in a table of files and classes.
    fn words_of_table(&self, table: &[u8]) -> Result<Vec<String>, DataError> {
        let mut reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .trim(csv::Trim::All)
            .from_reader(table);
        let mut classes: BTreeMap<String, String> = BTreeMap::new();
        for record in reader.records() {
            let record = record.map_err(|why| DataError::file("labels.csv", why))?;
            let line = record.position().map_or(0, csv::Position::line);
            let (Some(file), Some(class)) = (record.get(0), record.get(1)) else {
                let why = "a file and its class are needed, with a comma between".to_owned();
                return Err(DataError::file("labels.csv", DataError::Line { line, why }));
            };
            classes.insert(file.trim_start_matches("./").to_owned(), class.to_owned());
        }
        let class_of = |path: &String| {
            // The table's paths may start at a folder further down.
            let mut rest = path.as_str();
            loop {
                match (classes.get(rest), rest.split_once('/')) {
                    (Some(class), _) => return Ok(class.clone()),
                    (None, Some((_, below))) => rest = below,
                    (None, None) => return Err(DataError::file(path, "labels.csv has no line for it")),
                }
            }
        };
        self.pictures.iter().map(class_of).collect()
    }
}

/// Sorted paths in another order: one of each folder in turn.
fn in_turn(sorted: impl Iterator<Item = String>) -> Vec<String> {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    let mut placed: Vec<(usize, String)> = sorted
        .map(|path| {
            let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder).to_owned();
            let count = counts.entry(folder).or_default();
            *count += 1;
            (*count, path)
        })
        .collect();
    placed.sort();
    placed.into_iter().map(|(_, path)| path).collect()
}

/// Numbers for the classes that `words` name.
fn number(
    words: &[String],
    names: Option<&str>,
    known: &[String],
    source: &str,
) -> Result<Labels, DataError> {
    if let Some(names) = names {
        let classes: Vec<String> =
            names.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect();
        let by_number = |word: &String| {
            word.parse().ok().filter(|&n: &i64| usize::try_from(n).is_ok_and(|n| n < classes.len()))
        };
        let find = |word: &String| {
            place(&classes, word).or_else(|| by_number(word)).ok_or_else(|| {
                DataError::Unfit(format!(
                    "the class `{word}` is not among the {} of labels.txt",
                    classes.len()
                ))
            })
        };
        let y = words.iter().map(find).collect::<Result<_, _>>()?;
        let note = format!("classes are {source}, numbered as in labels.txt");
        return Ok(Labels { y: Some(y), classes, note });
    }
    if let Some(y) = words.iter().map(|word| place(known, word)).collect() {
        let note = format!("classes are {source}, numbered as the model's classes of these names");
        return Ok(Labels { y: Some(y), classes: known.to_vec(), note });
    }
    let numbers: Option<Vec<i64>> =
        words.iter().map(|word| word.parse().ok().filter(|&n: &i64| n >= 0)).collect();
    if let Some(y) = numbers {
        let note = format!("classes are {source}, which are numbers");
        return Ok(Labels { y: Some(y), classes: Vec::new(), note });
    }
    let mut classes = words.to_vec();
    classes.sort();
    classes.dedup();
    let y = words.iter().filter_map(|word| classes.binary_search(word).ok()).map(|at| at as i64).collect();
    let note =
        format!("classes are {source}, numbered from 0 in the order of their names: {}", some_of(&classes));
    Ok(Labels { y: Some(y), classes, note })
}

fn place(names: &[String], word: &str) -> Option<i64> {
    names.iter().position(|name| name == word).map(|at| at as i64)
}

/// The first names of a list.
pub(crate) fn some_of(names: &[String]) -> String {
    const SHOWN: usize = 12;
    let shown: Vec<&str> = names.iter().take(SHOWN).map(String::as_str).collect();
    let more = names.len().saturating_sub(SHOWN);
    if more == 0 { shown.join(", ") } else { format!("{} and {more} more", shown.join(", ")) }
}

pub(crate) fn file_name(path: &str) -> &str {
    path.rsplit_once('/').map_or(path, |(_, name)| name)
}

pub(crate) fn is_picture(path: &str) -> bool {
    let end = path.rsplit_once('.').map(|(_, end)| end.to_ascii_lowercase());
    matches!(end.as_deref(), Some("png" | "jpg" | "jpeg"))
}
