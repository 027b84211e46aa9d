//! Functions of one element, of two, and batch normalization. All are limited by memory.

use bytemuck::{Pod, Zeroable};
use fewbit_graph::op::Binary;

use crate::kernel::{Kernel, read, write};
use crate::kernels::epilogue::{self, EpilogueParams};
use crate::kernels::strided::{Axis, Strided, broadcast_strides};
use crate::step::{Operand, Recording, Site, Step, groups_for, word};

/// `pointwise.wgsl`.
pub static POINTWISE: Kernel = Kernel {
    name: "pointwise",
    source: include_str!("pointwise.wgsl"),
    workgroup: 64,
    params: size_of::<PointwiseParams>(),
    storage: &[read(1), write(4), epilogue::BINDINGS[0], epilogue::BINDINGS[1], epilogue::BINDINGS[2]],
    constants: &epilogue::CONSTANTS,
};

/// `binary.wgsl`.
pub static BINARY: Kernel = Kernel {
    name: "binary",
    source: include_str!("binary.wgsl"),
    workgroup: 64,
    params: size_of::<BinaryParams>(),
    storage: &[
        read(1),
        read(2),
        write(4),
        epilogue::BINDINGS[0],
        epilogue::BINDINGS[1],
        epilogue::BINDINGS[2],
    ],
    constants: &[epilogue::CONSTANTS[0], epilogue::CONSTANTS[1], "FUNCTION"],
};

/// `batch_norm.wgsl`.
pub static BATCH_NORM: Kernel = Kernel {
    name: "batch_norm",
    source: include_str!("batch_norm.wgsl"),
    workgroup: 64,
    params: size_of::<BatchNormParams>(),
    storage: &[read(1), read(2), read(3), read(5), read(6), write(4)],
    constants: &[],
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
    let [scale, zero_point, bounds] = site.epilogue.operands();
    recording.steps.push(Step {
        kernel: &POINTWISE,
        constants: site.epilogue.constants(),
        params: bytemuck::bytes_of(&params).to_vec(),
        operands: vec![Operand::Wire(site.input(0)?), Operand::Wire(site.output), scale, zero_point, bounds],
        groups: groups_for(len, POINTWISE.workgroup)?,
        cost: ELEMENT * len as u64,
        cached_on: None,
    });
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
    };
    let mut constants = site.epilogue.constants();
    constants.push(("FUNCTION", f64::from(number)));
    let [scale, zero_point, bounds] = site.epilogue.operands();
    recording.steps.push(Step {
        kernel: &BINARY,
        constants,
        params: bytemuck::bytes_of(&params).to_vec(),
        operands: vec![
            Operand::Wire(site.input(0)?),
            Operand::Wire(site.input(1)?),
            Operand::Wire(site.output),
            scale,
            zero_point,
            bounds,
        ],
        groups: groups_for(len, BINARY.workgroup)?,
        cost: ELEMENT * len as u64,
        cached_on: None,
    });
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
    let inputs = [0, 1, 2, 3, 4].map(|i| site.input(i).map(Operand::Wire));
    let mut operands = inputs.into_iter().collect::<Result<Vec<_>, _>>()?;
    operands.push(Operand::Wire(site.output));
    recording.steps.push(Step {
        kernel: &BATCH_NORM,
        constants: Vec::new(),
        params: bytemuck::bytes_of(&params).to_vec(),
        operands,
        groups: groups_for(len, BATCH_NORM.workgroup)?,
        cost: ELEMENT * len as u64,
        cached_on: None,
    });
    Ok(())
}
