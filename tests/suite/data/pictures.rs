//! Pictures against Pillow.

use fewbit_data::images::{
    Colors, Filter, Folder, Image, Layout, Pictures, Preprocess, Resize, decode, resize,
};
use fewbit_formats::{Limits, Values, npz};

use crate::{golden, values};

/// The pixels of a golden array, with its shape.
fn pixels(name: &str) -> (Vec<usize>, Vec<u8>) {
    let arrays = npz::read(&golden("pictures.npz"), &Limits::default()).unwrap();
    let array = arrays.get(name).unwrap_or_else(|| panic!("no golden {name}"));
    let Values::U8(pixels) = array.values() else { panic!("{name}: other types") };
    (array.shape().to_vec(), pixels.clone())
}

fn shape(image: &Image) -> Vec<usize> {
    let mut shape = vec![image.height(), image.width()];
    shape.extend((image.channels() == 3).then_some(3));
    shape
}

#[test]
fn png_files_have_the_pixels_that_pillow_reads() {
    for name in ["rgb.png", "grey.png", "alpha.png", "palette.png", "bilevel.png", "deep.png"] {
        let image = decode(&golden(name)).unwrap();
        assert_eq!((shape(&image), image.pixels().to_vec()), pixels(name), "{name}");
    }
}

#[test]
fn jpeg_files_have_the_pixels_that_pillow_reads_but_for_rounding() {
    for (name, most) in [("rgb.jpg", 3), ("progressive.jpg", 3), ("grey.jpg", 3)] {
        let image = decode(&golden(name)).unwrap();
        let (wanted_shape, wanted) = pixels(name);
        assert_eq!(shape(&image), wanted_shape, "{name}");
        let worst = image.pixels().iter().zip(&wanted).map(|(a, b)| a.abs_diff(*b)).max();
        assert!(worst <= Some(most), "{name}: {worst:?}");
    }
}

#[test]
fn resizing_gives_the_bits_of_pillow() {
    let image = decode(&golden("rgb.png")).unwrap();
    let filters = [
        ("nearest", Filter::Nearest),
        ("bilinear", Filter::Bilinear),
        ("bicubic", Filter::Bicubic),
        ("lanczos", Filter::Lanczos),
    ];
    for (name, filter) in filters {
        for (width, height) in [(16, 16), (23, 37), (64, 48), (5, 41), (37, 9), (1, 1), (90, 23)] {
            let resized = resize(&image, width, height, filter);
            let (wanted_shape, wanted) = pixels(&format!("resize {name} {width}x{height}"));
            assert_eq!(shape(&resized), wanted_shape, "{name} {width}×{height}");
            assert_eq!(resized.pixels(), wanted, "{name} {width}×{height}");
        }
    }
}

#[test]
fn a_picture_is_prepared_as_for_imagenet() {
    let (mut preprocess, notes) = Preprocess::infer(&[3, 224, 224], None).unwrap();
    assert_eq!((preprocess.resize, preprocess.crop), (Resize::Shorter(256), Some([224, 224])));
    assert_eq!(
        notes[1],
        "pictures are read as RGB, their shorter side resized to 256 (bilinear), cropped to 224×224, (pixel × 1/255 − (0.485, 0.456, 0.406)) / (0.229, 0.224, 0.225)"
    );
    (preprocess.resize, preprocess.crop) = (Resize::Shorter(18), Some([16, 16]));
    let mut pictures = Pictures::new(preprocess, &[3, 16, 16]).unwrap();
    pictures.push("rgb.png", &golden("rgb.png")).unwrap();
    let x = pictures.finish().unwrap();
    let arrays = npz::read(&golden("pictures.npz"), &Limits::default()).unwrap();
    assert_eq!((x.shape(), values(&x)), (&[1, 3, 16, 16][..], &arrays["prepared"].to_f32()[..]));
}

#[test]
fn other_inputs_get_other_preparations() {
    let of = |shape: &[usize]| Preprocess::infer(shape, None).unwrap().0;
    let (first, last) = (of(&[1, 28, 28]), of(&[32, 48, 3]));
    assert_eq!(
        (first.colors, first.layout, first.resize),
        (Colors::Grey, Layout::ChannelsFirst, Resize::Exact([28, 28]))
    );
    assert_eq!(
        (last.colors, last.layout, last.resize),
        (Colors::Rgb, Layout::ChannelsLast, Resize::Exact([32, 48]))
    );
    assert_eq!(of(&[784]).resize, Resize::Exact([28, 28]));
    let refused = Preprocess::infer(&[4], None).map(|(it, _)| it.resize);
    assert_eq!(refused.unwrap(), Resize::Exact([2, 2]));
    let message = Preprocess::infer(&[10], None).unwrap_err().to_string();
    assert!(message.contains("N×10, which is no picture"), "{message}");
}

#[test]
fn layouts_and_colours_are_arranged() {
    let pushed = |colors: Colors, layout: Layout, shape: &[usize]| {
        let (mut preprocess, _) = Preprocess::infer(shape, None).unwrap();
        (preprocess.colors, preprocess.layout, preprocess.scale) = (colors, layout, 1.0);
        let mut pictures = Pictures::new(preprocess, shape).unwrap();
        pictures.push("rgb.png", &golden("rgb.png")).unwrap();
        values(&pictures.finish().unwrap()).to_vec()
    };
    let (_, rgb) = pixels("rgb.png");
    let first = pushed(Colors::Rgb, Layout::ChannelsFirst, &[3, 37, 23]);
    let last = pushed(Colors::Bgr, Layout::ChannelsLast, &[37, 23, 3]);
    for (i, pixel) in rgb.chunks(3).enumerate() {
        for c in 0..3 {
            assert_eq!((first[c * 851 + i], last[3 * i + 2 - c]), (f32::from(pixel[c]), f32::from(pixel[c])));
        }
    }
    let (_, luma) = pixels("rgb.png luma");
    let grey = pushed(Colors::Grey, Layout::ChannelsFirst, &[1, 37, 23]);
    assert_eq!(grey, luma.iter().map(|&x| f32::from(x)).collect::<Vec<_>>());
}

#[test]
fn what_a_preprocessor_config_says_goes_before_guesses() {
    let config =
        br#"{"do_resize": true, "size": {"shortest_edge": 40}, "resample": 3, "do_center_crop": true,
        "crop_size": {"height": 32, "width": 32}, "do_rescale": true, "rescale_factor": 0.00392156862745098,
        "do_normalize": true, "image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5]}"#;
    let (it, notes) = Preprocess::infer(&[3, 32, 32], Some(config)).unwrap();
    assert_eq!((it.resize, it.crop, it.filter), (Resize::Shorter(40), Some([32, 32]), Filter::Bicubic));
    assert_eq!((it.mean, it.std), (vec![0.5; 3], vec![0.5; 3]));
    assert!(notes[0].contains("preprocessor_config.json"));
    let vit = br#"{"do_normalize": false, "do_resize": true, "resample": 2, "size": 32}"#;
    let message = Preprocess::infer(&[3, 32, 32], Some(vit)).unwrap_err().to_string();
    assert!(message.contains("needs a crop"), "{message}");
    let message = Preprocess::infer(&[3, 32, 32], Some(b"{")).unwrap_err().to_string();
    assert!(message.starts_with("`preprocessor_config.json`: EOF"), "{message}");
    let wrong = br#"{"size": {"height": 30, "width": 32}, "crop_size": null}"#;
    let message = Preprocess::infer(&[3, 32, 32], Some(wrong)).unwrap_err().to_string();
    assert_eq!(message, "pictures become N×3×30×32, but the model takes N×3×32×32");
}

fn folder(paths: &[&str], most: Option<usize>) -> Folder {
    Folder::of(&paths.iter().map(|&path| path.to_owned()).collect::<Vec<_>>(), most)
}

#[test]
fn folders_are_classes_in_the_order_of_their_names() {
    let paths = ["set/dog/1.PNG", "set/cat/b.jpg", "set/cat/.hidden.png", "set/cat/a.jpeg", "set/readme.md"];
    let found = folder(&paths, None);
    // One of each class in turn, so that the first samples show all.
    assert_eq!(found.pictures, ["set/cat/a.jpeg", "set/dog/1.PNG", "set/cat/b.jpg"]);
    let labels = found.labels(None, None, &[]).unwrap();
    assert_eq!((labels.y, labels.classes), (Some(vec![0, 1, 0]), vec!["cat".to_owned(), "dog".to_owned()]));
    let numbered = folder(&["10/a.png", "2/a.png"], None).labels(None, None, &[]).unwrap();
    assert_eq!((numbered.y, numbered.classes.len()), (Some(vec![10, 2]), 0));
    let named = found.labels(None, Some("bird\ndog\ncat\n"), &[]).unwrap();
    assert_eq!(named.y, Some(vec![2, 1, 2]));
    let message = found.labels(None, Some("bird\ndog\n"), &[]).unwrap_err().to_string();
    assert_eq!(message, "the class `cat` is not among the 2 of labels.txt");
    let flat = folder(&["a.png", "b.png"], None).labels(None, None, &[]).unwrap();
    assert_eq!((flat.y, flat.note.contains("no labels")), (None, true));
}

#[test]
fn a_table_names_the_class_of_each_picture() {
    let found = folder(&["x/a.png", "x/b.png", "x/labels.csv"], None);
    assert_eq!(found.table.as_deref(), Some("x/labels.csv"));
    let labels = found.labels(Some(b"file,label\na.png,dog\nb.png,cat\n"), None, &[]).unwrap();
    assert_eq!((labels.y, labels.classes[0].as_str()), (Some(vec![1, 0]), "cat"));
    let message = found.labels(Some(b"a.png,dog\n"), None, &[]).unwrap_err().to_string();
    assert_eq!(message, "`x/b.png`: labels.csv has no line for it");
    let message = found.labels(Some(b"a.png,dog\nb.png\n"), None, &[]).unwrap_err().to_string();
    assert_eq!(message, "`labels.csv`: line 2: a file and its class are needed, with a comma between");
}

#[test]
fn fewer_pictures_are_taken_evenly() {
    let paths: Vec<String> =
        (0..100).map(|i| format!("{}/{i:03}.png", if i < 80 { "a" } else { "b" })).collect();
    let found = Folder::of(&paths, Some(10));
    assert_eq!((found.pictures.len(), found.of), (10, 100));
    assert_eq!(found.pictures.iter().filter(|path| path.starts_with("b/")).count(), 2);
}
