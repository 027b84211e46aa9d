//! Data of any kind beside a model: what they are, how they are read, and then their samples, some at a time.

use serde::{Deserialize, Serialize};

use crate::error::DataError;
use crate::files::{self, Files};
use crate::images::folder::{COMPANIONS, file_name, is_picture};
use crate::images::{self, Folder, Labels, Pictures, Preprocess, decode};
use crate::preview::{Preview, Seen};
use crate::samples::Samples;
use crate::table::{self, Reading};
use crate::text::{self, Windows};
use crate::tokenizer::{Named, Tokenizer};

/// Pictures of a preview.
const SEEN: usize = 6;
/// Lines of a preview.
const LINES: usize = 6;
/// Tokens of a preview.
const TOKENS: usize = 64;
/// The name of the file that says how tokens are made.
const TOKENIZER: &str = "tokenizer.json";
/// Tokens of bytes.
const BYTES: usize = 256;

/// What a model takes and gives.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wanted {
    /// The shape of a sample.
    pub sample_shape: Vec<usize>,
    /// The tokens that a language model knows.
    pub vocabulary: Option<usize>,
    /// The names of its classes, by their numbers, where they are known.
    pub classes: Vec<String>,
}

/// What is known beforehand of how data are read; the rest is inferred.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Asked {
    /// So many samples at most: pictures evenly from the list of their names, windows of text from the start.
    pub samples: Option<usize>,
    /// Of pictures.
    pub pictures: images::Asked,
    /// Of a table.
    pub table: table::Asked,
    /// Of texts.
    pub text: text::Asked,
}

/// Kinds of data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Kind {
    /// PNG and JPEG files, with their labels.
    Pictures,
    /// CSV.
    Table,
    /// Plain text.
    Text,
}

impl Kind {
    /// What files of these paths are: pictures if there are any, else a table, else text.
    pub fn of(paths: &[String]) -> Option<Self> {
        let any = |is: &dyn Fn(&str) -> bool| paths.iter().any(|path| is(path));
        let kinds =
            [(Self::Pictures, any(&is_picture)), (Self::Table, any(&is_table)), (Self::Text, any(&is_text))];
        kinds.into_iter().find_map(|(kind, is_there)| is_there.then_some(kind))
    }
}

/// How data are read: what was inferred, with what was asked in its place.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum How {
    /// Pictures.
    Pictures {
        /// How they are prepared.
        preprocess: Preprocess,
        /// Those that are taken, of how many.
        taken: [usize; 2],
    },
    /// A table.
    Table(Reading),
    /// Texts.
    Text {
        /// How tokens are made.
        tokenizer: Named,
        /// How many there are.
        vocabulary: usize,
        /// How windows are cut.
        windows: Windows,
        /// The tokens of all texts.
        tokens: usize,
    },
}

/// Data that were looked at and can be read.
#[derive(Clone, Debug)]
pub struct Plan {
    /// What was inferred, a sentence each.
    pub notes: Vec<String>,
    sample_shape: Vec<usize>,
    matter: Matter,
}

/// What is read, and how.
#[derive(Clone, Debug)]
enum Matter {
    Pictures { folder: Folder, labels: Labels, preprocess: Preprocess },
    Table { bytes: Vec<u8>, reading: Reading },
    Text { named: Named, tokenizer: Tokenizer, tokens: Vec<u32>, windows: Windows },
}

/// What is read, and what was inferred.
type Found = Result<(Matter, Vec<String>), DataError>;

impl Plan {
    /// How the files of these paths are to be read for a model.
    ///
    /// # Errors
    /// [`DataError`] if they are no data, cannot be read, or do not fit the model.
    pub fn of(
        paths: &[String],
        wanted: &Wanted,
        asked: &Asked,
        files: &dyn Files,
    ) -> Result<Self, DataError> {
        let (matter, notes) = match Kind::of(paths) {
            Some(Kind::Pictures) => pictures(paths, wanted, asked, files)?,
            Some(Kind::Table) => table(paths, wanted, asked, files)?,
            Some(Kind::Text) => text(paths, wanted, asked, files)?,
            None => {
                return Err(DataError::Unfit(
                    "there are no data: .png and .jpg files, a .csv or .tsv, or a .txt are read".to_owned(),
                ));
            }
        };
        Ok(Self { notes, sample_shape: wanted.sample_shape.clone(), matter })
    }

    /// How they are read.
    pub fn how(&self) -> How {
        match &self.matter {
            Matter::Pictures { folder, preprocess, .. } => {
                How::Pictures { preprocess: preprocess.clone(), taken: [folder.pictures.len(), folder.of] }
            }
            Matter::Table { reading, .. } => How::Table(reading.clone()),
            Matter::Text { named, tokenizer, tokens, windows } => How::Text {
                tokenizer: named.clone(),
                vocabulary: tokenizer.vocabulary(),
                windows: *windows,
                tokens: tokens.len(),
            },
        }
    }

    /// The columns of the table among these files, even of one that cannot be read for a model as it is.
    pub fn columns(paths: &[String], asked: &Asked, files: &dyn Files) -> Vec<String> {
        let table = paths.iter().find(|path| is_table(path)).filter(|_| Kind::of(paths) == Some(Kind::Table));
        let bytes = table.and_then(|path| files::read(files, path).ok());
        bytes.and_then(|bytes| table::columns(&bytes, &asked.table).ok()).unwrap_or_default()
    }

    /// A few of the samples.
    ///
    /// # Errors
    /// [`DataError`] if one of them cannot be read.
    pub fn preview(&self, files: &dyn Files) -> Result<Preview, DataError> {
        match &self.matter {
            Matter::Pictures { folder, labels, preprocess } => {
                let seen = folder.pictures.iter().take(SEEN).enumerate().map(|(i, path)| {
                    let image = decode(&files::read(files, path)?);
                    let image = image.map_err(|why| DataError::file(path, why))?;
                    let (size, pixels) = preprocess.seen(&image).map_err(|why| DataError::file(path, why))?;
                    let class = labels.y.as_ref().and_then(|y| y.get(i)).map(|&class| labels.name(class));
                    let stored = [image.height, image.width];
                    let channels = preprocess.channels();
                    Ok(Seen { path: path.clone(), class, stored, size, channels, pixels })
                });
                Ok(Preview::Pictures(seen.collect::<Result<_, DataError>>()?))
            }
            Matter::Table { bytes, reading } => {
                Ok(Preview::Lines(table::first_lines(bytes, reading.delimiter, LINES)?))
            }
            Matter::Text { tokenizer, tokens, windows, .. } => {
                let first = tokens.iter().take(windows.length.min(TOKENS));
                let texts = first.map(|&token| Ok((token, tokenizer.decode(&[token])?)));
                Ok(Preview::Tokens(texts.collect::<Result<_, DataError>>()?))
            }
        }
    }

    /// Begins to read.
    ///
    /// # Errors
    /// [`DataError`] if the way of reading cannot be gone.
    pub fn begin(self) -> Result<Work, DataError> {
        let Self { notes, sample_shape, matter } = self;
        let rest = match matter {
            Matter::Pictures { folder, labels, preprocess } => {
                let pictures = Pictures::new(preprocess, &sample_shape)?;
                Rest::Pictures { paths: folder.pictures, labels, pictures }
            }
            Matter::Table { bytes, reading } => Rest::Table { bytes, reading, sample_shape },
            Matter::Text { tokens, windows, .. } => Rest::Text { tokens, windows },
        };
        Ok(Work { notes, rest })
    }

    /// Reads everything at once.
    ///
    /// # Errors
    /// [`DataError`] for the first file, line or cell that is not as it has to be.
    pub fn read(self, files: &dyn Files) -> Result<Samples, DataError> {
        let mut work = self.begin()?;
        while !work.step(files)? {}
        work.finish()
    }
}

/// Data that are being read.
#[derive(Debug)]
pub struct Work {
    notes: Vec<String>,
    rest: Rest,
}

/// What is read.
#[derive(Debug)]
enum Rest {
    Pictures { paths: Vec<String>, labels: Labels, pictures: Pictures },
    Table { bytes: Vec<u8>, reading: Reading, sample_shape: Vec<usize> },
    Text { tokens: Vec<u32>, windows: Windows },
}

impl Work {
    /// Reads the next picture, if there is one. Returns whether all is there that [`Self::finish`] needs.
    ///
    /// # Errors
    /// [`DataError`] if it is not as it has to be.
    pub fn step(&mut self, files: &dyn Files) -> Result<bool, DataError> {
        let Rest::Pictures { paths, pictures, .. } = &mut self.rest else { return Ok(true) };
        if let Some(path) = paths.get(pictures.len()) {
            pictures.push(path, &files::read(files, path)?)?;
        }
        Ok(pictures.len() >= paths.len())
    }

    /// How much is done, 0 to 1.
    pub fn progress(&self) -> f64 {
        match &self.rest {
            Rest::Pictures { paths, pictures, .. } => pictures.len() as f64 / paths.len().max(1) as f64,
            Rest::Table { .. } | Rest::Text { .. } => 0.0,
        }
    }

    /// The samples; of a table or a text, all of it is read here.
    ///
    /// # Errors
    /// [`DataError`] for the first line or cell that is not as it has to be.
    pub fn finish(self) -> Result<Samples, DataError> {
        let samples = match self.rest {
            Rest::Pictures { labels: Labels { y, classes, .. }, pictures, .. } => {
                Samples { x: pictures.finish()?, y, classes, notes: Vec::new() }
            }
            Rest::Table { bytes, reading, sample_shape } => reading.read(&bytes, &sample_shape)?,
            Rest::Text { tokens, windows } => windows.of(&tokens)?,
        };
        let notes = self.notes.into_iter().chain(samples.notes).collect();
        Ok(Samples { notes, ..samples })
    }
}

fn pictures(paths: &[String], wanted: &Wanted, asked: &Asked, files: &dyn Files) -> Found {
    let folder = Folder::of(paths, asked.samples);
    let read = |path: &Option<String>| path.as_ref().map(|path| files::read(files, path)).transpose();
    let config = asked.pictures.config.clone().or_else(|| folder.config.clone());
    let (guess, mut notes) = Preprocess::infer(&wanted.sample_shape, read(&config)?.as_deref())?;
    let preprocess = asked.pictures.corrected(guess.clone());
    if preprocess != guess {
        notes.pop();
        notes.push(format!("as asked, {preprocess}"));
    }
    preprocess.check(&wanted.sample_shape)?;
    let names = folder.names.as_ref().map(|path| files::text(files, path)).transpose()?;
    let labels = folder.labels(read(&folder.table)?.as_deref(), names.as_deref(), &wanted.classes)?;
    let (taken, of) = (folder.pictures.len(), folder.of);
    if taken < of {
        notes.push(format!("{taken} of {of} pictures, evenly from the list of their names"));
    }
    notes.push(labels.note.clone());
    Ok((Matter::Pictures { folder, labels, preprocess }, notes))
}

fn table(paths: &[String], wanted: &Wanted, asked: &Asked, files: &dyn Files) -> Found {
    let mut tables = paths.iter().filter(|path| is_table(path));
    let (Some(path), None) = (tables.next(), tables.next()) else {
        return Err(DataError::Unfit("one table is read at a time; give one".to_owned()));
    };
    let bytes = files::read(files, path)?;
    let (reading, notes) = Reading::infer(&bytes, &wanted.sample_shape, &asked.table)?;
    Ok((Matter::Table { bytes, reading }, notes))
}

fn text(paths: &[String], wanted: &Wanted, asked: &Asked, files: &dyn Files) -> Found {
    let (mut windows, mut notes) = Windows::infer(&wanted.sample_shape)?;
    windows.stride = asked.text.stride.unwrap_or(windows.stride);
    windows.most = asked.samples;
    if windows.stride != windows.length {
        let Windows { length, stride, .. } = windows;
        notes =
            vec![format!("windows of {length} tokens, {stride} apart; each token's label is the next one")];
    }
    let mut sorted: Vec<&String> =
        paths.iter().filter(|path| is_text(path) && Some(path.as_str()) != asked.text.file()).collect();
    sorted.sort();
    let texts: Vec<String> = sorted.iter().map(|path| files::text(files, path)).collect::<Result<_, _>>()?;
    let text = texts.join("\n");
    if texts.len() > 1 {
        notes.push(format!("{} texts, in the order of their names", texts.len()));
    }
    let named = match &asked.text.tokenizer {
        Some(named) => named.clone(),
        None => likeliest_tokenizer(paths, wanted, &text, &mut notes)?,
    };
    let tokenizer = named.open(&text, files)?;
    notes.push(format!("tokens are {tokenizer}"));
    let vocabulary = tokenizer.vocabulary();
    if let Some(known) = wanted.vocabulary.filter(|&known| known < vocabulary) {
        return Err(DataError::Unfit(format!(
            "the tokenizer has {vocabulary} tokens, but the model knows {known}: it belongs to another model"
        )));
    }
    let tokens = tokenizer.encode(&text)?;
    Ok((Matter::Text { named, tokenizer, tokens, windows }, notes))
}

/// How tokens are made, if nobody says so: by the tokenizer beside the text, or by what the model's vocabulary tells.
fn likeliest_tokenizer(
    paths: &[String],
    wanted: &Wanted,
    text: &str,
    notes: &mut Vec<String>,
) -> Result<Named, DataError> {
    if let Some(path) = paths.iter().find(|path| is_tokenizer(path)) {
        notes.push(format!("`{path}` says how tokens are made"));
        return Ok(Named::File(path.clone()));
    }
    let known = wanted.vocabulary;
    if known == Some(BYTES) {
        notes.push(format!("the model knows {BYTES} tokens: they are taken for bytes"));
        return Ok(Named::Bytes);
    }
    if Tokenizer::chars(text).is_ok_and(|chars| known == Some(chars.vocabulary())) {
        notes.push("the model knows as many tokens as the text has different characters".to_owned());
        return Ok(Named::Chars);
    }
    let known = known.map_or(String::new(), |known| format!(" of the {known} that the model knows"));
    Err(DataError::Tokenizer(format!(
        "nothing says how tokens{known} are made; name one: bytes, chars, a tokenizer.json, or a .gguf with a vocabulary"
    )))
}

/// Whether a file only says how others are read: their labels, their preparation, their tokens.
pub fn is_companion(path: &str) -> bool {
    let name = file_name(path).to_ascii_lowercase();
    name == TOKENIZER || COMPANIONS.contains(&name.as_str())
}

fn is_table(path: &str) -> bool {
    ends(path, &["csv", "tsv"])
}

fn is_text(path: &str) -> bool {
    ends(path, &["txt", "text", "md"])
}

fn is_tokenizer(path: &str) -> bool {
    file_name(path).eq_ignore_ascii_case(TOKENIZER) || ends(path, &["gguf"])
}

fn ends(path: &str, with: &[&str]) -> bool {
    let end = path.rsplit_once('.').map(|(_, end)| end.to_ascii_lowercase());
    end.is_some_and(|end| with.contains(&end.as_str()))
}
