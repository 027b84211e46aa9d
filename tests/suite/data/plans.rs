//! Data of any kind: what is inferred for a model, what is corrected, what the model gets.

use std::collections::BTreeMap;
use std::io::{self, Cursor};

use fewbit_data::images::{Crop, Filter, Resize};
use fewbit_data::tokenizer::Named;
use fewbit_data::{
    Asked, DataError, Files, How, Kind, Plan, Preview, Samples, Stream, Wanted, factor, is_companion,
};

use crate::{golden, values};

/// Files in memory.
#[derive(Default)]
struct Memory(BTreeMap<String, Vec<u8>>);

impl Files for Memory {
    fn open(&self, path: &str) -> io::Result<Box<dyn Stream>> {
        let bytes = self.0.get(path).ok_or_else(|| io::Error::other("no such file"))?;
        Ok(Box::new(Cursor::new(bytes.clone())))
    }
}

impl Memory {
    fn of(files: &[(&str, Vec<u8>)]) -> Self {
        Self(files.iter().map(|(path, bytes)| ((*path).to_owned(), bytes.clone())).collect())
    }

    fn plan(&self, wanted: &Wanted, asked: &Asked) -> Result<Plan, DataError> {
        let paths: Vec<String> = self.0.keys().cloned().collect();
        Plan::of(&paths, wanted, asked, self)
    }

    fn read(&self, wanted: &Wanted, asked: &Asked) -> Samples {
        self.plan(wanted, asked).unwrap().read(self).unwrap()
    }
}

fn takes(sample_shape: &[usize]) -> Wanted {
    Wanted { sample_shape: sample_shape.to_vec(), ..Wanted::default() }
}

fn pictures() -> Memory {
    let picture = |name| golden(name);
    Memory::of(&[
        ("set/dog/a.png", picture("rgb.png")),
        ("set/cat/a.png", picture("grey.png")),
        ("set/cat/b.jpg", picture("rgb.jpg")),
        ("set/readme.md", b"about them".to_vec()),
    ])
}

#[test]
fn pictures_go_before_tables_and_tables_before_texts() {
    let kind = |paths: &[&str]| Kind::of(&paths.iter().map(|&path| path.to_owned()).collect::<Vec<_>>());
    assert_eq!(kind(&["a/1.PNG", "a/labels.csv", "readme.txt"]), Some(Kind::Pictures));
    assert_eq!(kind(&["iris.csv", "readme.txt"]), Some(Kind::Table));
    assert_eq!(kind(&["readme.md", "tokenizer.json"]), Some(Kind::Text));
    assert_eq!(kind(&["tokenizer.json"]), None);
    assert!(is_companion("a/Labels.csv") && is_companion("tokenizer.json") && !is_companion("a.csv"));
}

#[test]
fn a_folder_of_pictures_is_prepared_for_the_model_and_shown_as_it_sees_them() {
    let files = pictures();
    let plan = files.plan(&takes(&[3, 20, 30]), &Asked::default()).unwrap();
    let How::Pictures { preprocess, taken } = plan.how() else { panic!("{:?}", plan.how()) };
    assert_eq!((preprocess.resize, taken), (Resize::Exact([20, 30]), [3, 3]));
    let Preview::Pictures(seen) = plan.preview(&files).unwrap() else { panic!("no pictures") };
    assert_eq!(seen.len(), 3);
    assert_eq!((seen[0].path.as_str(), seen[0].class.as_deref()), ("set/cat/a.png", Some("cat")));
    let samples = plan.read(&files).unwrap();
    assert_eq!((samples.x.shape(), samples.y.as_deref()), (&[3, 3, 20, 30][..], Some(&[0, 1, 0][..])));
    // What is shown is what comes in, before it is scaled: planes in the one, pixels in the other.
    let x = values(&samples.x);
    for (seen, sample) in seen.iter().zip(x.chunks(3 * 600)) {
        assert_eq!((seen.size, seen.channels, seen.pixels.len()), ([20, 30], 3, 1800));
        for (i, pixel) in seen.pixels.chunks(3).enumerate() {
            for (channel, &byte) in pixel.iter().enumerate() {
                assert_eq!((sample[channel * 600 + i] * 255.0).round(), f32::from(byte));
            }
        }
    }
}

#[test]
fn corrections_are_taken_over_and_what_cannot_be_is_said() {
    let (files, mut asked) = (pictures(), Asked::default());
    asked.pictures.resize = Some("24".parse().unwrap());
    asked.pictures.crop = Some("20×20".parse().unwrap());
    asked.pictures.filter = Some(Filter::Nearest);
    asked.pictures.mean = Some(vec![0.5]);
    asked.samples = Some(2);
    let plan = files.plan(&takes(&[1, 20, 20]), &asked).unwrap();
    let How::Pictures { preprocess, taken } = plan.how() else { panic!("{:?}", plan.how()) };
    assert_eq!((preprocess.resize, preprocess.crop), (Resize::Shorter(24), Some([20, 20])));
    assert_eq!(taken, [2, 3]);
    assert!(plan.notes.iter().any(|note| note.starts_with("as asked, pictures are read as grey")));
    let samples = plan.read(&files).unwrap();
    assert!(values(&samples.x).iter().all(|x| (-0.5..=0.5).contains(x)));
    asked.pictures.crop = Some(Crop(None));
    let why = files.plan(&takes(&[1, 20, 20]), &asked).unwrap_err().to_string();
    assert!(why.contains("needs a crop"), "{why}");
    assert_eq!(
        "big".parse::<Resize>().unwrap_err(),
        "`big` is no number of pixels; write 224, 224x192 or none"
    );
    for (text, resize) in [("none", Resize::None), ("7", Resize::Shorter(7)), ("7x9", Resize::Exact([7, 9]))]
    {
        assert_eq!(text.parse::<Resize>().unwrap(), resize);
        assert_eq!(resize.to_string(), text);
    }
    assert_eq!((factor::parse("1/255"), factor::parse(" 0.5 ")), (Ok(1.0 / 255.0), Ok(0.5)));
    assert!(factor::parse("1/x").is_err());
}

#[test]
fn classes_that_the_model_knows_keep_its_numbers() {
    let known = |names: &[&str]| Wanted {
        classes: names.iter().map(|&name| name.to_owned()).collect(),
        ..takes(&[1, 8, 8])
    };
    let files = pictures();
    let samples = files.read(&known(&["bird", "dog", "cat"]), &Asked::default());
    assert_eq!((samples.y, samples.classes.len()), (Some(vec![2, 1, 2]), 3));
    let samples = files.read(&known(&["bird", "dog"]), &Asked::default());
    assert_eq!((samples.y, samples.classes.len()), (Some(vec![0, 1, 0]), 2));
}

#[test]
fn pictures_are_read_one_at_a_time() {
    let files = pictures();
    let mut work = files.plan(&takes(&[1, 8, 8]), &Asked::default()).unwrap().begin().unwrap();
    for done in 0..3 {
        assert_eq!(work.progress(), f64::from(done) / 3.0);
        assert_eq!(work.step(&files).unwrap(), done == 2);
    }
    assert_eq!(work.finish().unwrap().len(), 3);
}

#[test]
fn a_table_shows_its_first_lines() {
    let files = Memory::of(&[("iris.csv", b"a,b,kind\n1,2,x\n3,4,y\n".to_vec())]);
    let plan = files.plan(&takes(&[2]), &Asked::default()).unwrap();
    let Preview::Lines(lines) = plan.preview(&files).unwrap() else { panic!("no lines") };
    assert_eq!(lines, [["a", "b", "kind"], ["1", "2", "x"], ["3", "4", "y"]]);
    assert_eq!(plan.read(&files).unwrap().y, Some(vec![0, 1]));
    let numbers = Memory::of(&[("n.csv", b"id,a,b,kind\n0,1.5,2,1\n1,3,4,0\n".to_vec())]);
    let samples = numbers.read(&takes(&[2]), &Asked::default());
    assert_eq!((values(&samples.x), samples.y), (&[1.5, 2.0, 3.0, 4.0][..], Some(vec![1, 0])));
    assert!(numbers.plan(&takes(&[7]), &Asked::default()).is_err());
    let columns = Plan::columns(&["n.csv".to_owned()], &Asked::default(), &numbers);
    assert_eq!(columns, ["id", "a", "b", "kind"], "to choose among, where none fit");
    let two = Memory::of(&[("a.csv", Vec::new()), ("b.csv", Vec::new())]);
    let why = two.plan(&takes(&[2]), &Asked::default()).unwrap_err().to_string();
    assert_eq!(why, "one table is read at a time; give one");
}

#[test]
fn the_vocabulary_or_a_file_tells_how_tokens_are_made() {
    let knows = |vocabulary| Wanted { vocabulary: Some(vocabulary), ..takes(&[4]) };
    let text = ("b.txt", b"hello there".to_vec());
    let files = Memory::of(&[("a.txt", b"one".to_vec()), text.clone()]);
    let tokenizer = |files: &Memory, wanted: &Wanted, asked: &Asked| {
        files.plan(wanted, asked).map(|plan| match plan.how() {
            How::Text { tokenizer, tokens, .. } => (tokenizer, tokens),
            how => panic!("{how:?}"),
        })
    };
    let usual = Asked::default();
    assert_eq!(tokenizer(&files, &knows(256), &usual), Ok((Named::Bytes, 15)), "two texts, a line each");
    let alone = Memory::of(std::slice::from_ref(&text));
    assert_eq!(tokenizer(&alone, &knows(7), &usual), Ok((Named::Chars, 11)));
    let why = tokenizer(&alone, &knows(500), &usual).unwrap_err().to_string();
    assert!(why.contains("of the 500 that the model knows are made; name one: bytes, chars"), "{why}");
    let beside = Memory::of(&[text.clone(), ("tokenizer.json", golden("byte-level.json"))]);
    let (named, _) = tokenizer(&beside, &knows(500), &usual).unwrap();
    assert_eq!(named, Named::File("tokenizer.json".to_owned()));
    let why = tokenizer(&beside, &knows(256), &usual).unwrap_err().to_string();
    assert_eq!(why, "the tokenizer has 500 tokens, but the model knows 256: it belongs to another model");
    let mut asked = Asked::default();
    asked.text.tokenizer = Some("other.json".parse().unwrap());
    let why = tokenizer(&alone, &knows(500), &asked).unwrap_err().to_string();
    assert_eq!(why, "`other.json`: no such file");
    let broken = Memory::of(&[("a.txt", vec![b'a', 0xff])]);
    let why = tokenizer(&broken, &knows(256), &usual).unwrap_err().to_string();
    assert_eq!(why, "`a.txt`: this is no UTF-8 text: byte 1 is no part of a character");
}

#[test]
fn windows_of_text_are_shown_by_their_first_tokens() {
    let files = Memory::of(&[("a.txt", b"abcdefgh".to_vec())]);
    let wanted = Wanted { vocabulary: Some(256), ..takes(&[3]) };
    let mut asked = Asked::default();
    asked.text.stride = Some(2);
    let plan = files.plan(&wanted, &asked).unwrap();
    let Preview::Tokens(tokens) = plan.preview(&files).unwrap() else { panic!("no tokens") };
    assert_eq!(tokens, [(97, "a".to_owned()), (98, "b".to_owned()), (99, "c".to_owned())]);
    let samples = plan.read(&files).unwrap();
    assert_eq!((samples.x.shape(), values(&samples.x)[3]), (&[3, 3][..], 99.0));
    assert_eq!(samples.y.unwrap()[..3], [98, 99, 100]);
}
