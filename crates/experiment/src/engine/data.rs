//! The data beside a model.

use fewbit_formats::{Dataset, Limits};
use fewbit_graph::Tensor;
use fewbit_quant::methods::Calibration;
use fewbit_quant::prepare::Face;
use fewbit_quant::{Prepared, QuantError};

use crate::failure::{Code, Failure};
use crate::protocol::DataFacts;

/// Test and calibration samples.
#[derive(Default)]
pub(super) struct Data {
    /// What is answered.
    pub(super) test: Option<Dataset>,
    /// What is observed and learned from.
    calibration: Option<Dataset>,
    /// Whether the calibration samples are the test samples, for want of others.
    pub(super) calibration_from_test: bool,
    classes: Vec<String>,
}

impl Data {
    /// Reads both sets. What does not fit a model of one's own is left out, with a warning.
    pub(super) fn read(
        prepared: &Prepared,
        test: Option<&[u8]>,
        calibration: Option<&[u8]>,
        classes: Vec<String>,
    ) -> Result<(Self, Vec<Failure>), Failure> {
        let read = |bytes: &[u8], what: &str| {
            Dataset::read(bytes, &Limits::default()).map_err(|error| {
                Failure::new(Code::UnreadableData, error.to_string())
                    .at(what)
                    .hint("an npz with x (N×…, pictures N×C×H×W; floats, uint8 or whole numbers) and y (int64, N) is needed")
            })
        };
        let test = test.map(|bytes| read(bytes, "test set")).transpose()?;
        let calibration = calibration.map(|bytes| read(bytes, "calibration set")).transpose()?;
        let (mut warnings, mut misfits) = (Vec::new(), Vec::new());
        let mut fit = |set: Dataset, what: &'static str| match fitted(prepared, set) {
            Ok((set, note)) => {
                warnings.extend(note.map(|note| note.at(what)));
                Some(set)
            }
            // No data fit a model that cannot run, and that is said of the model.
            Err(_) if prepared.face().is_err() => None,
            Err(error) => {
                misfits.push((what, unfit(&error)));
                None
            }
        };
        let test = test.and_then(|test| fit(test, "test set"));
        let calibration = calibration.and_then(|set| fit(set, "calibration set"));
        // Two sets that do not fit are one thing to know.
        let sets = misfits.iter().map(|(set, _)| *set).collect::<Vec<_>>().join(", ");
        warnings.extend(misfits.into_iter().next().map(|(_, misfit)| misfit.at(sets)));
        let data = Self {
            calibration_from_test: calibration.is_none() && test.is_some(),
            calibration: calibration.or_else(|| test.clone()),
            test,
            classes,
        };
        Ok((data, warnings))
    }

    /// One labelled set for both, and what is worth knowing of it.
    pub(super) fn one(
        prepared: &Prepared,
        name: &str,
        bytes: &[u8],
        classes: Vec<String>,
    ) -> Result<(Self, Option<Failure>), Failure> {
        let unreadable = |message: String| Failure::new(Code::UnreadableData, message).at(name);
        let data = Dataset::read(bytes, &Limits::default()).map_err(|error| unreadable(error.to_string()))?;
        let (data, note) = fitted(prepared, data).map_err(|error| unreadable(error.to_string()))?;
        let data =
            Self { calibration: Some(data.clone()), calibration_from_test: true, test: Some(data), classes };
        Ok((data, note.map(|note| note.at(name))))
    }

    /// Puts a longer calibration set in the place of one that is its beginning.
    pub(super) fn extend_calibration(&mut self, prepared: &Prepared, bytes: &[u8]) -> Result<(), Failure> {
        let what = "calibration set";
        let unreadable = |message: String| Failure::new(Code::UnreadableData, message).at(what);
        let set = Dataset::read(bytes, &Limits::default()).map_err(|error| unreadable(error.to_string()))?;
        let (set, _) = fitted(prepared, set).map_err(|error| unreadable(error.to_string()))?;
        let n = self.calibration.as_ref().map_or(0, |begun| count(&begun.x));
        if self.calibration.as_ref().is_some_and(|begun| begun.x != set.x.rows(0, n as usize)) {
            return Err(unreadable(format!("it does not begin with the {n} samples that are there")));
        }
        self.calibration = Some(set);
        self.calibration_from_test = false;
        Ok(())
    }

    /// The first `samples` calibration samples.
    pub(super) fn calibration(&self, samples: u32) -> Result<Tensor, QuantError> {
        let all = self.calibration.as_ref().ok_or_else(no_data)?;
        Ok(all.x.rows(0, samples as usize))
    }

    /// The same with their labels; none if there are no calibration samples at all.
    pub(super) fn labelled_calibration(&self, samples: u32) -> Result<Calibration, QuantError> {
        let Some(all) = &self.calibration else {
            return Ok(Calibration { samples: Tensor::f32([0], Vec::new())?, labels: None });
        };
        let samples = all.x.rows(0, samples as usize);
        let labels = first_labels(all, &samples);
        Ok(Calibration { labels: labels.map(<[i64]>::to_vec), samples })
    }

    /// Whether there is nothing to observe.
    pub(super) fn is_empty(&self) -> bool {
        self.calibration.is_none()
    }

    /// What errors of layers are measured on.
    pub(super) fn samples(&self) -> Option<&Tensor> {
        self.test.as_ref().or(self.calibration.as_ref()).map(|set| &set.x)
    }

    /// What there is.
    pub(super) fn facts(&self, prepared: &Prepared) -> DataFacts {
        let test = self.test.as_ref();
        let sample_shape = match (prepared.face(), test) {
            (Ok(face), _) => face.sample_shape.clone(),
            (Err(_), Some(test)) => test.x.shape().iter().skip(1).copied().collect(),
            (Err(_), None) => Vec::new(),
        };
        DataFacts {
            test: test.map_or(0, |test| count(&test.x)),
            labelled: test.is_some_and(|test| test.y.is_some()),
            calibration: self.calibration.as_ref().map_or(0, |set| count(&set.x)),
            calibration_labelled: self.calibration.as_ref().is_some_and(|set| set.y.is_some()),
            calibration_from_test: self.calibration_from_test,
            sample_shape,
            vocabulary: prepared.face().ok().and_then(Face::vocabulary),
            classes: self.classes.clone(),
        }
    }
}

/// The samples as the model takes them: as they are; with axes of length 1 more or less; or with channels first that were last. Says so
/// where anything was done to them.
fn fitted(prepared: &Prepared, set: Dataset) -> Result<(Dataset, Option<Failure>), QuantError> {
    let Err(error) = prepared.check_samples(&set.x) else { return Ok((set, None)) };
    let wanted = &prepared.face()?.sample_shape;
    let Some((&n, found)) = set.x.shape().split_first() else { return Err(error) };
    let long = |shape: &[usize]| shape.iter().copied().filter(|&length| length != 1).collect::<Vec<_>>();
    let mut shape = vec![n];
    shape.extend(wanted);
    let x = match (found, wanted.as_slice()) {
        (&[height, width, channels], wanted) if wanted == [channels, height, width] => {
            let values = set.x.as_f32()?;
            let pixels = height * width;
            let at = |i: usize| {
                let (image, channel, pixel) = (i / (channels * pixels), i / pixels % channels, i % pixels);
                values.get((image * pixels + pixel) * channels + channel).copied().unwrap_or_default()
            };
            Tensor::f32(shape, (0..values.len()).map(at).collect::<Vec<f32>>())?
        }
        (found, wanted) if long(found) == long(wanted) => Tensor::f32(shape, set.x.as_f32()?.to_vec())?,
        _ => return Err(error),
    };
    let as_text = |tensor: &Tensor| tensor.shape().iter().map(usize::to_string).collect::<Vec<_>>().join("×");
    let message = format!(
        "the samples are {} and the model takes {}: they were arranged so",
        as_text(&set.x),
        as_text(&x)
    );
    Ok((Dataset { x, y: set.y }, Some(Failure::new(Code::ArrangedData, message))))
}

/// The labels of the first samples of a set.
pub(super) fn first_labels<'a>(set: &'a Dataset, first: &Tensor) -> Option<&'a [i64]> {
    let labels = set.y.as_deref()?;
    labels.get(..labels.len() / set.len().max(1) * count(first) as usize)
}

/// The number of samples.
pub(super) fn count(samples: &Tensor) -> u32 {
    samples.shape().first().map_or(0, |&n| n as u32)
}

fn no_data() -> QuantError {
    QuantError::NotObserved { layer: "every layer: there are no calibration samples".to_owned() }
}

fn unfit(error: &QuantError) -> Failure {
    Failure::new(Code::UnreadableData, error.to_string())
        .hint("open labelled data for this model: an npz with x (N×…) and y (N)")
}
