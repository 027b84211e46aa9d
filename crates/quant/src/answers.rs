//! The answers of two models to the same samples, compared.

use fewbit_graph::{Tensor, TensorError};
use fewbit_numeric::ErrorStats;
use fewbit_numeric::error::{Z_95, cross_entropy, kl_divergence, wilson_interval};
use serde::{Deserialize, Serialize};

use crate::report::{Errors, Evaluation};

/// A class, and how sure a model is of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Guess {
    /// The class with the largest score, the first of equals.
    pub class: u32,
    /// Its probability.
    pub probability: f32,
    /// By how much its probability is larger than that of the second.
    pub margin: f32,
}

/// What both models say of one sample.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Prediction {
    /// The sample's place; of a model with several answers for each sample, the answer's.
    pub sample: u32,
    /// The right class, if known.
    pub label: Option<u32>,
    /// The float model's.
    pub float: Guess,
    /// The quantized model's.
    pub quantized: Guess,
}

/// How the outputs of a sample are read as classes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Classes {
    /// What a score means.
    pub(crate) scores: Scores,
    /// How many classes there are.
    pub(crate) count: usize,
    /// The answers of one sample, each a score for each class.
    pub(crate) per_sample: usize,
}

/// How a row of outputs says which class it means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scores {
    /// Softmax makes probabilities of them: logits, and also logarithms of probabilities.
    Logits,
    /// They are probabilities already; one that is too small for f32 counts as the smallest that is not.
    Probabilities,
}

/// The comparison of one part of the samples.
#[derive(Clone, Debug, Default)]
pub(crate) struct Part {
    pub(crate) predictions: Vec<Prediction>,
    answers: u32,
    kl: f64,
    loss: [f64; 2],
    channels: Vec<ErrorStats>,
}

impl Part {
    /// Compares outputs [n, K, 1 …] or [n, T, K] of two models; sample 0 is the `first` of all. `classes` is none where the
    /// outputs are no classes: then only the values are compared.
    pub(crate) fn compare(
        float: &Tensor,
        quantized: &Tensor,
        classes: Option<Classes>,
        labels: Option<&[i64]>,
        first: usize,
    ) -> Result<Self, TensorError> {
        let samples = float.shape().first().copied().unwrap_or(0);
        let (float, quantized) = (float.as_f32()?, quantized.as_f32()?);
        let mut part = Self { answers: samples as u32, ..Self::default() };
        match classes {
            None => part.channels = vec![ErrorStats::between(float, quantized)],
            Some(Classes { scores, count: width, per_sample }) => {
                let rows = float.chunks_exact(width).zip(quantized.chunks_exact(width));
                let first = first * per_sample;
                part.answers = rows.len() as u32;
                for (i, (a, b)) in rows.enumerate() {
                    let (a, b) = (scores.logits(a), scores.logits(b));
                    part.kl += kl_divergence(&a, &b);
                    let label = labels.and_then(|labels| labels.get(first + i)).copied();
                    for (sum, logits) in part.loss.iter_mut().zip([&b, &a]) {
                        *sum += label.map_or(0.0, |label| cross_entropy(logits, label));
                    }
                    part.predictions.push(Prediction {
                        sample: (first + i) as u32,
                        label: label.and_then(|label| u32::try_from(label).ok()),
                        float: guess(&a),
                        quantized: guess(&b),
                    });
                }
                for class in 0..width {
                    let column = |values: &[f32]| values.iter().skip(class).step_by(width).copied().collect();
                    let (a, b): (Vec<f32>, Vec<f32>) = (column(float), column(quantized));
                    part.channels.push(ErrorStats::between(&a, &b));
                }
            }
        }
        Ok(part)
    }
}

impl Scores {
    fn logits(self, row: &[f32]) -> Vec<f32> {
        match self {
            Self::Logits => row.to_vec(),
            Self::Probabilities => row.iter().map(|&p| libm::logf(p.max(f32::MIN_POSITIVE))).collect(),
        }
    }
}

/// The evaluation of the parts that are there, `of` so many answers. `labelled` says whether the labels are known.
pub(crate) fn evaluation<'a>(
    parts: impl Iterator<Item = &'a Part> + Clone,
    of: usize,
    labelled: bool,
    classes: Option<Classes>,
) -> Evaluation {
    let predictions = || parts.clone().flat_map(|part| &part.predictions);
    let count = |right: &dyn Fn(&Prediction) -> bool| predictions().filter(|p| right(p)).count() as u32;
    let n: u32 = parts.clone().map(|part| part.answers).sum();
    let mean = |sum: f64| sum / f64::from(n.max(1));
    let classifies = classes.is_some();
    let labelled = labelled && classifies;
    let correct = count(&|p| p.label == Some(p.quantized.class));
    let mut channels: Vec<ErrorStats> = Vec::new();
    for part in parts.clone() {
        channels.resize(channels.len().max(part.channels.len()), ErrorStats::default());
        for (sum, more) in channels.iter_mut().zip(&part.channels) {
            sum.merge(more);
        }
    }
    Evaluation {
        n,
        of: of as u32,
        correct: labelled.then_some(correct),
        float_correct: labelled.then(|| count(&|p| p.label == Some(p.float.class))),
        interval: labelled.then(|| wilson_interval(u64::from(correct), u64::from(n), Z_95)),
        agree: count(&|p| p.float.class == p.quantized.class),
        kl: mean(parts.clone().map(|part| part.kl).sum()),
        loss: labelled.then(|| [0, 1].map(|model| mean(parts.clone().map(|part| part.loss[model]).sum()))),
        per_sample: classes.map_or(1, |classes| classes.per_sample as u32),
        logits: Errors::of_channels(&channels),
        classifies,
    }
}

/// The class that `logits` mean, and how sure they are.
fn guess(logits: &[f32]) -> Guess {
    let probabilities = softmax(logits);
    let (mut class, mut second) = (0, None);
    for (i, &logit) in logits.iter().enumerate().skip(1) {
        if logit > logits[class] || logits[class].is_nan() {
            (class, second) = (i, Some(class));
        } else if second.is_none_or(|second: usize| logit > logits[second]) {
            second = Some(i);
        }
    }
    let at = |i: usize| probabilities.get(i).copied().unwrap_or(0.0);
    let margin = at(class) - second.map_or(0.0, at);
    Guess { class: class as u32, probability: at(class), margin }
}

/// The probabilities that `logits` mean.
pub fn softmax(logits: &[f32]) -> Vec<f32> {
    let largest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let terms: Vec<f64> = logits.iter().map(|&x| libm::exp(f64::from(x) - f64::from(largest))).collect();
    let total: f64 = terms.iter().sum();
    terms.iter().map(|term| (term / total) as f32).collect()
}
