//! What a step of learning adds: random masks, and the arithmetic of optimizers. Both are limited by memory.

use bytemuck::{Pod, Zeroable};
use fewbit_graph::op::{Bernoulli, Update};

use crate::kernel::{Kernel, read, write};
use crate::step::{Operand, Recording, Site, Step, groups_for, word};

/// `bernoulli.wgsl`.
pub static BERNOULLI: Kernel = Kernel {
    name: "bernoulli",
    source: wgsl!("bernoulli.wgsl"),
    params: size_of::<BernoulliParams>(),
    storage: &[read(1), write(2)],
    constants: &[],
    epilogue: false,
};

/// `update.wgsl`.
pub static UPDATE: Kernel = Kernel {
    name: "update",
    source: wgsl!("update.wgsl"),
    params: size_of::<UpdateParams>(),
    storage: &[read(1), read(2), read(3), read(4), write(5)],
    constants: &["RULE"],
    epilogue: false,
};

#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
struct BernoulliParams {
    slice: [u32; 2],
    len: u32,
    stream: u32,
    key: [u32; 2],
    probability: f32,
    pad: u32,
}

#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
struct UpdateParams {
    slice: [u32; 2],
    len: u32,
    decay: f32,
    complement: f32,
    epsilon: f32,
    pad: [u32; 2],
}

/// Records a draw of zeros and ones.
pub(crate) fn lower_bernoulli(
    draw: &Bernoulli,
    site: &Site<'_>,
    recording: &mut Recording,
) -> Result<(), String> {
    let blocks = site.output_len().div_ceil(4);
    let params = BernoulliParams {
        slice: [0; 2],
        len: word(blocks)?,
        stream: draw.stream,
        key: [draw.seed as u32, (draw.seed >> 32) as u32],
        probability: draw.probability,
        pad: 0,
    };
    let operands = vec![site.operand(1)?, site.result()];
    recording.steps.push(Step::new(&BERNOULLI, &params, operands, groups_for(blocks)?, 256 * blocks as u64));
    Ok(())
}

/// Records an optimizer's arithmetic.
pub(crate) fn lower_update(update: Update, site: &Site<'_>, recording: &mut Recording) -> Result<(), String> {
    let (rule, decay, epsilon) = match update {
        Update::Momentum { momentum } => (0, momentum, 0.0),
        Update::Mean { decay } => (1, decay, 0.0),
        Update::Square { decay } => (2, decay, 0.0),
        Update::Descend => (3, 0.0, 0.0),
        Update::Sign => (4, 0.0, 0.0),
        Update::Adam { epsilon } => (5, 0.0, epsilon),
    };
    let len = site.output_len();
    let params =
        UpdateParams { slice: [0; 2], len: word(len)?, decay, complement: 1.0 - decay, epsilon, pad: [0; 2] };
    let (tensors, rates) = update.inputs();
    let input = |i: usize, there: bool| if there { site.operand(i) } else { Ok(Operand::Blank) };
    let operands = vec![
        input(0, true)?,
        input(1, true)?,
        input(2, tensors > 2)?,
        input(tensors, rates > 0)?,
        site.result(),
    ];
    recording.steps.push(
        Step::new(&UPDATE, &params, operands, groups_for(len)?, 32 * len as u64).with(&[("RULE", rule)]),
    );
    Ok(())
}
