//! CSV.

use fewbit_data::table::{Asked, Reading};

use crate::values;

/// The samples of a table, with the notes.
fn read(text: &str, shape: &[usize], asked: &Asked) -> Result<(fewbit_data::Samples, Vec<String>), String> {
    let (reading, notes) = Reading::infer(text.as_bytes(), shape, asked).map_err(|why| why.to_string())?;
    let samples = reading.read(text.as_bytes(), shape).map_err(|why| why.to_string())?;
    Ok((samples, notes))
}

fn refusal(text: &str, shape: &[usize], asked: &Asked) -> String {
    read(text, shape, asked).unwrap_err()
}

#[test]
fn a_table_with_names_and_a_class_in_words_is_read() {
    let text = "Id,a,b,Species\n1,0.5,2,setosa\n2,-1e1,3,virginica\n3,4,5,setosa\n";
    let (samples, notes) = read(text, &[2], &Asked::default()).unwrap();
    assert_eq!((samples.x.shape(), values(&samples.x)), (&[3, 2][..], &[0.5, 2.0, -10.0, 3.0, 4.0, 5.0][..]));
    assert_eq!(samples.y, Some(vec![0, 1, 0]));
    assert_eq!(samples.classes, ["setosa", "virginica"]);
    assert_eq!(
        notes,
        [
            "4 columns, named in line 1",
            "column `Species` holds the classes",
            "the first column counts lines and is left out",
            "left out: `Id`"
        ]
    );
}

#[test]
fn a_table_without_names_has_its_class_last_or_first() {
    let (last, _) = read("0.5;2;1\n1.5;3;0\n", &[2], &Asked::default()).unwrap();
    assert_eq!((values(&last.x), last.y), (&[0.5, 2.0, 1.5, 3.0][..], Some(vec![1, 0])));
    let (first, _) = read("7\t0.5\t2.5\n3\t1.5\t3.5\n", &[2], &Asked::default()).unwrap();
    assert_eq!((values(&first.x), first.y), (&[0.5, 2.5, 1.5, 3.5][..], Some(vec![7, 3])));
    let (none, notes) = read("0.5,2\n1.5,3\n", &[2], &Asked::default()).unwrap();
    assert_eq!((values(&none.x), none.y), (&[0.5, 2.0, 1.5, 3.0][..], None));
    assert_eq!(notes[1], "no column holds classes");
}

#[test]
fn bytes_of_pictures_are_divided_by_255() {
    let text = "label,p0,p1,p2,p3\n4,0,255,51,102\n";
    let (samples, notes) = read(text, &[1, 2, 2], &Asked::default()).unwrap();
    assert_eq!((samples.x.shape(), samples.y), (&[1, 1, 2, 2][..], Some(vec![4])));
    assert_eq!(values(&samples.x), [0.0, 1.0, 0.2, 0.4]);
    assert!(notes.iter().any(|note| note.contains("255")), "{notes:?}");
    let asked = Asked { scale: Some(1.0), ..Asked::default() };
    assert_eq!(values(&read(text, &[1, 2, 2], &asked).unwrap().0.x), [0.0, 255.0, 51.0, 102.0]);
}

#[test]
fn what_was_inferred_can_be_corrected() {
    let text = "a,b,c\n1,2,3\n4,5,6\n";
    let name = |name: &str| Some(name.to_owned());
    let asked = Asked { label: name("a"), ..Asked::default() };
    let (samples, _) = read(text, &[2], &asked).unwrap();
    assert_eq!((values(&samples.x), samples.y), (&[2.0, 3.0, 5.0, 6.0][..], Some(vec![1, 4])));
    let features = Some(vec!["c".to_owned(), "2".to_owned()]);
    let asked = Asked { label: name(""), features, ..Asked::default() };
    let (samples, notes) = read(text, &[2], &asked).unwrap();
    assert_eq!((values(&samples.x), samples.y), (&[3.0, 2.0, 6.0, 5.0][..], None));
    assert!(notes.contains(&"left out: `a`".to_owned()), "{notes:?}");
    let asked = Asked { label: name("class"), ..Asked::default() };
    assert_eq!(refusal(text, &[2], &asked), "there is no column `class`; there are a, b, c");
    let asked = Asked { header: Some(false), label: name("3"), ..Asked::default() };
    assert_eq!(refusal("1,2,x\n3,y,z\n", &[2], &asked), "line 2, column 2: it is `y`; a number is needed");
}

#[test]
fn what_is_wrong_has_a_line_and_a_column() {
    let of = |text: &str| refusal(text, &[2], &Asked::default());
    assert_eq!(of("a,b,y\n1,2,0\n1,two,0\n"), "line 3, column 2: it is `two`; a number is needed (`b`)");
    assert_eq!(of("a,b,y\n1,2,0\n1,,0\n"), "line 3, column 2: it is empty; a number is needed (`b`)");
    assert_eq!(of("a,b,y\n1,2,0\n1,1e999,0\n"), "line 3, column 2: it is `1e999`; a number is needed (`b`)");
    assert_eq!(
        of("a,b,y\n1,2,0\n1,2,-1\n"),
        "line 3, column 3: it is `-1`; the number of a class, from 0 on, is needed"
    );
    assert_eq!(of("a,b,y\n1,2,0\n1,2,\n"), "line 3, column 3: the class is missing");
    assert_eq!(of("a,b,y\n1,2,0\n1,2\n"), "line 3: 2 cells, but the first line has 3");
    assert_eq!(of(""), "the table has no samples");
    assert_eq!(of("a,b,y\n"), "the table has no samples");
    assert_eq!(
        of("a,b,c,d,y\n1,2,3,4,0\n"),
        "the model takes N×2, 2 values a sample, but 4 columns hold numbers beside the class, column `y`; say which columns are its values, and which one the class"
    );
}

#[test]
fn quotes_byte_order_marks_and_windows_lines_are_read() {
    let text = "\u{feff}\"a\",\"b\",\"y\"\r\n\"1\",\" 2 \",\"x, \"\"y\"\"\"\r\n";
    let (samples, _) = read(text, &[2], &Asked::default()).unwrap();
    assert_eq!((values(&samples.x), samples.classes), (&[1.0, 2.0][..], vec!["x, \"y\"".to_owned()]));
}
