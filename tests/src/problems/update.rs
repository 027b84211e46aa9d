//! Steps of optimizers, and random zeros and ones.

use fewbit_graph::Op;
use fewbit_graph::op::{Bernoulli, Update};
use fewbit_numeric::Philox;
use fewbit_numeric::philox::uniform;

use crate::array::Array;
use crate::problem::{Builder, Problem};
use crate::tolerance::Tolerance;

const UPDATES: [Update; 6] = [
    Update::Momentum { momentum: 0.9 },
    Update::Mean { decay: 0.9 },
    Update::Square { decay: 0.999 },
    Update::Descend,
    Update::Sign,
    Update::Adam { epsilon: 1e-8 },
];

/// Every step in turn. Second moments are not negative; every eighth gradient is 0.
pub fn update(seed: u64) -> Problem {
    let update = UPDATES[seed as usize % UPDATES.len()];
    let mut b = Builder::new("update", seed, Tolerance::Relative(1e-6));
    let shape = b.shape(0, 4);
    let (tensors, rates) = update.inputs();
    let mut inputs: Vec<_> = (0..tensors)
        .map(|i| {
            let mut values = b.rng.floats(shape.iter().product());
            for x in &mut values {
                *x = match i {
                    1 if b.rng.one_in(8) => 0.0,
                    2 => x.abs() + 0.01,
                    _ => *x,
                };
            }
            if i == 1 { b.input_of("g", &shape, values) } else { b.parameter_of("p", &shape, values) }
        })
        .collect();
    if rates > 0 {
        let values = (0..rates).map(|_| b.rng.float(0.01, 1.5)).collect();
        inputs.push(b.parameter_of("rates", &[rates], values));
    }
    let (wires, arrays): (Vec<_>, Vec<_>) = inputs.into_iter().unzip();
    let y = Array::from_fn(&shape, |index| {
        let at = |i: usize| arrays[i].at(index);
        let rate = |i: usize| arrays[tensors].at(&[i]);
        let mixed = |decay: f32, x: f64| f64::from(decay) * at(0) + (1.0 - f64::from(decay)) * x;
        match update {
            Update::Momentum { momentum } => f64::from(momentum) * at(0) + at(1),
            Update::Mean { decay } => mixed(decay, at(1)),
            Update::Square { decay } => mixed(decay, at(1) * at(1)),
            Update::Descend => at(0) - rate(0) * (at(1) + rate(1) * at(0)),
            Update::Sign if at(1) == 0.0 => at(0),
            Update::Sign => at(0) - rate(0) * at(1).signum(),
            Update::Adam { epsilon } => {
                let deviation = (at(2) * rate(2)).sqrt() + f64::from(epsilon);
                at(0) - rate(0) * (at(1) * rate(1) / deviation + rate(3) * at(0))
            }
        }
    });
    let wire = b.node("y", Op::Update(update), &wires);
    b.expect(wire, y);
    b.build()
}

/// Of any probability, also 0 and 1, at any step.
pub fn bernoulli(seed: u64) -> Problem {
    let mut b = Builder::new("bernoulli", seed, Tolerance::Exact);
    let shape = b.shape(0, 4);
    let probability = b.rng.float(-0.2, 1.2).clamp(0.0, 1.0);
    let draw = Bernoulli { seed: b.rng.between(0, usize::MAX - 1) as u64, stream: 7, probability };
    let step = b.rng.between(0, (1 << 24) - 1);
    let (like_wire, like) = b.input("like", &shape);
    let (step_wire, _) = b.parameter_of("step", &[1], vec![step as f32]);
    let philox = Philox::new(draw.seed);
    let ones = (0..like.values.len()).map(|i| {
        let word = philox.block([(i / 4) as u32, 0, step as u32, draw.stream])[i % 4];
        if uniform(word) < probability { 1.0 } else { 0.0 }
    });
    let y = Array { values: ones.collect(), shape };
    let wire = b.node("y", Op::Bernoulli(draw), &[like_wire, step_wire]);
    b.expect(wire, y);
    b.build()
}
