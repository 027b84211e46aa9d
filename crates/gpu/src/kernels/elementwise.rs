//! Functions of one element and their gradients, functions of two, and batch normalization. All are limited by memory.

use bytemuck::{Pod, Zeroable};
use fewbit_graph::op::{Binary, Unary};

use crate::kernel::{Kernel, read, write};
use crate::kernels::epilogue;
use crate::kernels::epilogue::EpilogueParams;
use crate::kernels::strided::{Axis, Strided, broadcast_strides};
use crate::step::{Operand, Recording, Site, Step, groups_for, word};

/// `pointwise.wgsl`.
pub static POINTWISE: Kernel = Kernel {
    name: "pointwise",
    source: wgsl!("pointwise.wgsl"),
    params: size_of::<PointwiseParams>(),
    storage: &[read(1), write(4)],
    constants: &[],
    epilogue: true,
};

/// `binary.wgsl`.
pub static BINARY: Kernel = Kernel {
    name: "binary",
    source: wgsl!("binary.wgsl"),
    params: size_of::<BinaryParams>(),
    storage: &[read(1), read(2), write(4)],
    constants: &["FUNCTION"],
    epilogue: true,
};

/// `function.wgsl`.
pub static FUNCTION: Kernel = Kernel {
    name: "function",
    source: wgsl!("function.wgsl"),
    params: size_of::<FunctionParams>(),
    storage: &[read(1), write(2)],
    constants: &["ACTIVATION"],
    epilogue: false,
};

/// `unary_grad.wgsl`.
pub static UNARY_GRAD: Kernel = Kernel {
    name: "unary_grad",
    source: wgsl!("unary_grad.wgsl"),
    params: size_of::<FunctionParams>(),
    storage: &[read(1), read(2), write(3)],
    constants: &["ACTIVATION"],
    epilogue: false,
};

/// `batch_norm.wgsl`.
pub static BATCH_NORM: Kernel = Kernel {
    name: "batch_norm",
    source: wgsl!("batch_norm.wgsl"),
    params: size_of::<BatchNormParams>(),
    storage: &[read(1), read(2), read(3), read(5), read(6), write(4)],
    constants: &[],
    epilogue: false,
};

#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
struct PointwiseParams {
    slice: [u32; 2],
    len: u32,
    pad: u32,
    epilogue: EpilogueParams,
}

#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
struct BinaryParams {
    slice: [u32; 2],
    len: u32,
    pad: u32,
    epilogue: EpilogueParams,
    strided: Strided,
}

#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
struct FunctionParams {
    slice: [u32; 2],
    len: u32,
    a: f32,
    b: f32,
    pad: [u32; 3],
}

#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
struct BatchNormParams {
    slice: [u32; 2],
    len: u32,
    channels: u32,
    inner: u32,
    epsilon: f32,
    pad: [u32; 2],
}

/// About what reading, computing and writing one element costs, in floating-point operations of a product.
const ELEMENT: u64 = 32;

/// Records the site's epilogue on its own: a function of one element, or a quantizer.
pub(crate) fn lower_pointwise(site: &Site<'_>, recording: &mut Recording) -> Result<(), String> {
    let len = site.output_len();
    let params = PointwiseParams {
        slice: [0; 2],
        len: word(len)?,
        pad: 0,
        epilogue: site.epilogue.params(site.facts, site.output_shape())?,
    };
    recording.steps.push(
        Step::new(
            &POINTWISE,
            &params,
            vec![site.operand(0)?, site.result()],
            groups_for(len)?,
            ELEMENT * len as u64,
        )
        .fused(site.epilogue),
    );
    Ok(())
}

/// Records a function of one element that is no activation.
pub(crate) fn lower_function(
    function: Unary,
    site: &Site<'_>,
    recording: &mut Recording,
) -> Result<(), String> {
    let len = site.output_len();
    let (number, a, b) = epilogue::function(function);
    let params = FunctionParams { slice: [0; 2], len: word(len)?, a, b, pad: [0; 3] };
    let operands = vec![site.operand(0)?, site.result()];
    recording.steps.push(
        Step::new(&FUNCTION, &params, operands, groups_for(len)?, ELEMENT * len as u64)
            .with(&[("ACTIVATION", number)]),
    );
    Ok(())
}

/// Records the gradient of a function of one element.
pub(crate) fn lower_unary_grad(
    function: Unary,
    site: &Site<'_>,
    recording: &mut Recording,
) -> Result<(), String> {
    let len = site.output_len();
    let (number, a, b) = epilogue::function(function);
    let params = FunctionParams { slice: [0; 2], len: word(len)?, a, b, pad: [0; 3] };
    let operands = vec![site.operand(0)?, site.operand(1)?, site.result()];
    recording.steps.push(
        Step::new(&UNARY_GRAD, &params, operands, groups_for(len)?, ELEMENT * len as u64)
            .with(&[("ACTIVATION", number)]),
    );
    Ok(())
}

/// Records a function of two elements.
pub(crate) fn lower_binary(
    function: Binary,
    site: &Site<'_>,
    recording: &mut Recording,
) -> Result<(), String> {
    let (shape, len) = (site.output_shape(), site.output_len());
    let firsts = broadcast_strides(site.shape(0)?, shape);
    let seconds = broadcast_strides(site.shape(1)?, shape);
    let axes: Vec<Axis> = shape
        .iter()
        .zip(firsts.into_iter().zip(seconds))
        .map(|(&length, (first, second))| Axis { length, first, second })
        .collect();
    let params = BinaryParams {
        slice: [0; 2],
        len: word(len)?,
        pad: 0,
        epilogue: site.epilogue.params(site.facts, shape)?,
        strided: Strided::new(&axes, 0, 0)?,
    };
    let number = match function {
        Binary::Add => 0,
        Binary::Sub => 1,
        Binary::Mul => 2,
        Binary::Div => 3,
        Binary::Max => 4,
        Binary::Min => 5,
        Binary::Pow => 6,
        Binary::Mod => 7,
        Binary::Fmod => 8,
        Binary::Equal => 9,
        Binary::Less => 10,
        Binary::LessOrEqual => 11,
        Binary::And => 12,
        Binary::Or => 13,
        Binary::Xor => 14,
    };
    recording.steps.push(
        Step::new(
            &BINARY,
            &params,
            vec![site.operand(0)?, site.operand(1)?, site.result()],
            groups_for(len)?,
            ELEMENT * len as u64,
        )
        .with(&[("FUNCTION", number)])
        .fused(site.epilogue),
    );
    Ok(())
}

/// Records a batch normalization.
pub(crate) fn lower_batch_norm(
    epsilon: f32,
    site: &Site<'_>,
    recording: &mut Recording,
) -> Result<(), String> {
    let (shape, len) = (site.output_shape(), site.output_len());
    let params = BatchNormParams {
        slice: [0; 2],
        len: word(len)?,
        channels: word(site.facts.of(site.input(1)?).len())?,
        inner: word(shape.iter().skip(2).product())?,
        epsilon,
        pad: [0; 2],
    };
    let operands = site.inputs.iter().map(|&wire| Operand::Wire(wire)).chain([site.result()]).collect();
    recording.steps.push(Step::new(&BATCH_NORM, &params, operands, groups_for(len)?, ELEMENT * len as u64));
    Ok(())
}
