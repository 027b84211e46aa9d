//! The models and data that ship with Fewbit, by name. Their bytes are under `assets/`.

/// The model that the page starts with.
pub const FIRST: &str = "fashion-lenet";

/// Samples in [`Exhibit::first_calibration`].
pub const FIRST_CALIBRATION: u32 = 256;

/// The classes of Fashion-MNIST, by label.
pub const FASHION_CLASSES: [&str; 10] =
    ["T-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "boot"];

/// A model that ships with Fewbit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exhibit {
    /// Its id.
    pub id: &'static str,
    /// The model's file, relative to the page.
    pub model: &'static str,
    /// The labelled test set.
    pub test: &'static str,
    /// The calibration set.
    pub calibration: &'static str,
    /// Its first [`FIRST_CALIBRATION`] samples, which are enough to begin with and sooner there.
    pub first_calibration: &'static str,
    /// The names of the classes.
    pub classes: &'static [&'static str],
}

/// All of them, in the order in which they are offered.
pub const ALL: &[Exhibit] = &[
    fashion("fashion-lenet", "assets/models/fashion-lenet.onnx"),
    fashion("fashion-resnet", "assets/models/fashion-resnet.onnx"),
    fashion("fashion-mobilenet", "assets/models/fashion-mobilenet.onnx"),
];

const fn fashion(id: &'static str, model: &'static str) -> Exhibit {
    Exhibit {
        id,
        model,
        test: "assets/data/fashion-test.npz",
        calibration: "assets/data/fashion-calibration.npz",
        first_calibration: "assets/data/fashion-calibration-first.npz",
        classes: &FASHION_CLASSES,
    }
}

/// The exhibit of this id.
pub fn find(id: &str) -> Option<&'static Exhibit> {
    ALL.iter().find(|exhibit| exhibit.id == id)
}
