//! Randomness and optimizers.

use fewbit_graph::op::{Bernoulli, Update};
use fewbit_numeric::philox::{Philox, uniform};

use crate::array::Array;

pub(super) fn bernoulli(draw: &Bernoulli, like: &Array, step: &Array) -> Array {
    let step = step.values[0] as u32;
    let values = (0..like.values.len()).map(|i| {
        let words = Philox::new(draw.seed).block([(i / 4) as u32, 0, step, draw.stream]);
        f64::from(u8::from(uniform(words[i % 4]) < draw.probability))
    });
    Array { shape: like.shape.clone(), values: values.collect() }
}

pub(super) fn update(update: Update, inputs: &[&Array]) -> Array {
    let (tensors, _) = update.inputs();
    let rate = |i: usize| inputs[tensors].values[i];
    let f = f64::from;
    let at = |i: usize, of: &Array| of.values[i];
    let values = (0..inputs[0].values.len()).map(|i| {
        let (a, b) = (at(i, inputs[0]), at(i, inputs[1]));
        match update {
            Update::Momentum { momentum } => f(momentum) * a + b,
            Update::Mean { decay } => f(decay) * a + (1.0 - f(decay)) * b,
            Update::Square { decay } => f(decay) * a + (1.0 - f(decay)) * b * b,
            Update::Descend => a - rate(0) * (b + rate(1) * a),
            Update::Sign if b == 0.0 => a,
            Update::Sign => a - rate(0) * b.signum(),
            Update::Adam { epsilon } => {
                let v = at(i, inputs[2]);
                a - rate(0) * (b * rate(1) / ((v * rate(2)).sqrt() + f(epsilon)) + rate(3) * a)
            }
        }
    });
    Array { shape: inputs[0].shape.clone(), values: values.collect() }
}
