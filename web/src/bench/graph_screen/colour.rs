//! What a box is coloured by, and how strongly.

use fewbit_quant::Choice;
use fewbit_quant::report::{LayerFacts, LayerReport};

/// What boxes are coloured by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Paint {
    /// The kind of operator.
    #[default]
    Kind,
    /// Bits of the weights.
    WeightBits,
    /// Bits of the input.
    InputBits,
    /// SQNR of the weights, dB.
    WeightSqnr,
    /// SQNR of the output, this layer alone quantized, dB.
    LocalSqnr,
    /// SQNR of the output in the quantized network, dB.
    CumulativeSqnr,
    /// The share of the quantized model's size.
    Size,
    /// The share of the multiply-accumulates.
    Macs,
}

impl Paint {
    /// All of them, as they are offered.
    pub const ALL: [Self; 8] = [
        Self::Kind,
        Self::WeightBits,
        Self::InputBits,
        Self::WeightSqnr,
        Self::LocalSqnr,
        Self::CumulativeSqnr,
        Self::Size,
        Self::Macs,
    ];

    /// Whether a block is as its parts together; otherwise it is as the worst of them.
    pub fn adds_up(self) -> bool {
        matches!(self, Self::Size | Self::Macs)
    }
}

/// What is known of a layer.
#[derive(Clone, Copy, Debug)]
pub struct Known<'a> {
    /// What it is.
    pub facts: &'a LayerFacts,
    /// What the recipe did to its parameters.
    pub applied: Option<&'a LayerReport>,
    /// The same with the errors of its output.
    pub measured: Option<&'a LayerReport>,
    /// The size of the quantized model, in bytes.
    pub bytes: u64,
    /// The multiply-accumulates of the model.
    pub macs: u64,
}

impl Known<'_> {
    /// Whether nothing of it is quantized.
    fn is_float(&self) -> bool {
        self.applied
            .is_some_and(|report| [report.weights.done, report.activations.done] == [Choice::Float; 2])
    }
}

/// A value to colour by. Later ones say more of a block that has several.
#[derive(Clone, Copy, Debug, Default, PartialEq, PartialOrd)]
pub enum Reading {
    /// It has none: it is no layer.
    #[default]
    Nothing,
    /// It is kept in float.
    Float,
    /// It is not known yet.
    Unknown,
    /// Bits, dB, or a share.
    Value(f64),
}

impl Reading {
    /// What `paint` shows of a layer.
    pub fn of(paint: Paint, layer: Known<'_>) -> Self {
        let known =
            |value: Option<f64>| value.filter(|value| !value.is_nan()).map_or(Self::Unknown, Self::Value);
        let bits = |choice: fn(&LayerReport) -> Choice| match layer.applied.map(choice) {
            None => Self::Unknown,
            Some(Choice::Float) => Self::Float,
            Some(quantized) => Self::Value(quantized.bits().into()),
        };
        let share = |part: f64, all: f64| if all > 0.0 { Self::Value(part / all) } else { Self::Unknown };
        match paint {
            Paint::Kind => Self::Nothing,
            Paint::WeightBits => bits(|report| report.weights.done),
            Paint::InputBits => bits(|report| report.activations.done),
            Paint::WeightSqnr => match layer.applied {
                Some(report) if report.weights.done == Choice::Float => Self::Float,
                report => known(report.and_then(|report| report.weight).map(|errors| errors.sqnr_db)),
            },
            Paint::LocalSqnr if layer.is_float() => Self::Float,
            Paint::LocalSqnr => known(layer.measured.and_then(|r| r.local).map(|errors| errors.sqnr_db)),
            Paint::CumulativeSqnr => known(layer.measured.and_then(|r| r.cumulative).map(|e| e.sqnr_db)),
            Paint::Size => {
                layer.applied.map_or(Self::Unknown, |r| share(r.bits as f64 / 8.0, layer.bytes as f64))
            }
            Paint::Macs => share(layer.facts.macs as f64, layer.macs as f64),
        }
    }

    /// What a block shows of two of its nodes: both together, or the worse of them.
    #[must_use]
    pub fn join(self, other: Self, paint: Paint) -> Self {
        match (self, other) {
            (Self::Value(a), Self::Value(b)) => Self::Value(if paint.adds_up() { a + b } else { a.min(b) }),
            (a, b) if a < b => b,
            (a, _) => a,
        }
    }
}

/// How many steps the ramp has.
pub const STEPS: u8 = 6;

/// Which values the ends of the ramp stand for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ramp {
    /// Where the colour is weakest: the better end.
    pub weak: f64,
    /// Where it is strongest.
    pub strong: f64,
}

impl Ramp {
    /// The ramp for these readings; none where no value is known.
    pub fn new(paint: Paint, readings: impl Iterator<Item = Reading>) -> Option<Self> {
        let values = readings.filter_map(|reading| match reading {
            Reading::Value(value) if value.is_finite() => Some(value),
            _ => None,
        });
        let (low, high) = values.fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| (l.min(v), h.max(v)));
        match paint {
            _ if low > high => None,
            Paint::Kind => None,
            Paint::WeightBits | Paint::InputBits => Some(Self { weak: high.max(8.0), strong: 1.0 }),
            Paint::Size | Paint::Macs => Some(Self { weak: 0.0, strong: high }),
            _ => Some(Self { weak: high, strong: low }),
        }
    }

    /// The step of a value, 0 the weakest.
    pub fn step(&self, value: f64) -> u8 {
        let share = (value - self.weak) / (self.strong - self.weak);
        let share = if share.is_nan() { 0.0 } else { share.clamp(0.0, 1.0) };
        ((share * f64::from(STEPS)) as u8).min(STEPS - 1)
    }
}

/// How many kinds of operators are told apart.
pub const KINDS: usize = 6;

/// The kind of an operator: 0 multiplies by weights, 1 is an activation, 2 pools, reduces or normalizes, 3 combines
/// element by element, 4 moves data, 5 is anything else.
pub fn kind(operator: &str) -> u8 {
    match operator {
        "Conv" | "MatMul" | "Gemm" | "LSTM" | "GRU" | "RNN" | "ConvInputGrad" => 0,
        "Relu" | "LeakyRelu" | "Clip" | "Sigmoid" | "HardSigmoid" | "HardSwish" | "Tanh" | "Gelu"
        | "Softplus" | "Elu" | "Erf" | "Silu" | "Softmax" | "LogSoftmax" => 1,
        "BatchNorm" | "Moments" | "CumSum" | "ArgMax" | "ArgMin" | "TopK" | "TopKIndices" => 2,
        "Add" | "Sub" | "Mul" | "Div" | "Pow" | "Min" | "Max" | "Where" => 3,
        "Concat" | "Pad" | "Slice" | "Reshape" | "Transpose" | "Expand" | "Gather" | "GatherElements"
        | "GatherND" | "ScatterElements" | "ScatterND" => 4,
        _ if operator.ends_with("Pool") || operator.starts_with("Reduce") => 2,
        _ => 5,
    }
}

/// The colour of a box.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tint {
    /// None: there is nothing to show of it.
    Plain,
    /// A layer of which the value is not known.
    Unknown,
    /// Kept in float.
    Float,
    /// Of the kind of its operator.
    Kind(u8),
    /// A step of the ramp.
    Step(u8),
}

impl Tint {
    /// The colour of a reading.
    pub fn of(reading: Reading, ramp: Option<Ramp>) -> Self {
        match (reading, ramp) {
            (Reading::Nothing, _) => Self::Plain,
            (Reading::Float, _) => Self::Float,
            (Reading::Value(value), Some(ramp)) => Self::Step(ramp.step(value)),
            (Reading::Value(_), None) => Self::Step(0),
            (Reading::Unknown, _) => Self::Unknown,
        }
    }

    /// The name of the colour in the style.
    pub fn class(self) -> String {
        match self {
            Self::Plain => "plain-box".to_owned(),
            Self::Unknown => "unknown".to_owned(),
            Self::Float => "in-float".to_owned(),
            Self::Kind(kind) => format!("kind-{kind}"),
            Self::Step(step) => format!("ramp-{step}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_is_as_its_worst_layer_or_as_all_together() {
        let (a, b) = (Reading::Value(30.0), Reading::Value(12.0));
        assert_eq!(a.join(b, Paint::CumulativeSqnr), b);
        assert_eq!(a.join(b, Paint::Macs), Reading::Value(42.0));
        assert_eq!(Reading::Nothing.join(Reading::Float, Paint::WeightBits), Reading::Float);
        assert_eq!(b.join(Reading::Unknown, Paint::WeightBits), b);
        assert_eq!(Reading::Float.join(Reading::Unknown, Paint::WeightBits), Reading::Unknown);
    }

    #[test]
    fn the_ramp_is_strong_where_it_is_worse() {
        let values = [10.0, 25.0, 40.0, f64::INFINITY].map(Reading::Value);
        let ramp = Ramp::new(Paint::LocalSqnr, values.into_iter()).unwrap();
        assert_eq!([10.0, 25.0, 40.0, f64::INFINITY].map(|db| ramp.step(db)), [5, 3, 0, 0]);
        let bits = Ramp::new(Paint::WeightBits, [Reading::Value(4.0)].into_iter()).unwrap();
        assert_eq!([1.0, 4.0, 8.0].map(|n| bits.step(n)), [5, 3, 0]);
        let one = Ramp::new(Paint::LocalSqnr, [Reading::Value(3.0)].into_iter()).unwrap();
        assert_eq!(one.step(3.0), 0);
        assert_eq!(Ramp::new(Paint::Size, [Reading::Unknown].into_iter()), None);
    }

    #[test]
    fn operators_are_of_kinds() {
        let kinds = ["Gemm", "Relu", "MaxPool", "ReduceMean", "Add", "Reshape", "Sin"].map(kind);
        assert_eq!(kinds, [0, 1, 2, 2, 3, 4, 5]);
    }
}
