//! Operators that move values: Concat, Slice, Transpose, Expand, Pad. All are limited by memory.

use bytemuck::{Pod, Zeroable};
use fewbit_graph::infer::slice_axis;
use fewbit_graph::op::{Pad, PadMode, Slice};

use crate::kernel::{Kernel, read, write};
use crate::kernels::strided::{Axis, Eight, Strided, broadcast_strides, eight, signed, strides};
use crate::step::{Operand, Recording, Site, Step, groups_for, word};

/// `copy.wgsl`.
pub static COPY: Kernel = Kernel {
    name: "copy",
    source: wgsl!("copy.wgsl"),
    params: size_of::<CopyParams>(),
    storage: &[read(1), write(2)],
    constants: &[],
    epilogue: false,
};

/// `pad.wgsl`.
pub static PAD: Kernel = Kernel {
    name: "pad",
    source: wgsl!("pad.wgsl"),
    params: size_of::<PadParams>(),
    storage: &[read(1), write(2)],
    constants: &["MODE"],
    epilogue: false,
};

#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
struct CopyParams {
    slice: [u32; 2],
    len: u32,
    pad: u32,
    strided: Strided,
}

#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
struct PadParams {
    slice: [u32; 2],
    len: u32,
    rank: u32,
    value: f32,
    pad: [u32; 3],
    lengths: Eight<u32>,
    begin: Eight<i32>,
    low: Eight<i32>,
    high: Eight<i32>,
    strides: Eight<i32>,
}

/// About what moving one element costs, in floating-point operations of a product.
const ELEMENT: u64 = 24;

/// Records the move of the elements of `axes`: from their first to their second place.
fn copy(
    axes: &[Axis],
    first_offset: i64,
    second_offset: i64,
    input: usize,
    site: &Site<'_>,
    recording: &mut Recording,
) -> Result<(), String> {
    recording.steps.push(copy_step(axes, first_offset, second_offset, site.operand(input)?, site.result())?);
    Ok(())
}

/// The move of the elements of `axes` from their first place in `x` to their second place in `y`.
pub(crate) fn copy_step(
    axes: &[Axis],
    first_offset: i64,
    second_offset: i64,
    x: Operand,
    y: Operand,
) -> Result<Step, String> {
    let len = axes.iter().map(|axis| axis.length).product();
    let params = CopyParams {
        slice: [0; 2],
        len: word(len)?,
        pad: 0,
        strided: Strided::new(axes, first_offset, second_offset)?,
    };
    Ok(Step::new(&COPY, &params, vec![x, y], groups_for(len)?, ELEMENT * len as u64))
}

/// Records a concatenation along `axis`.
pub(crate) fn lower_concat(axis: usize, site: &Site<'_>, recording: &mut Recording) -> Result<(), String> {
    let whole = strides(site.output_shape());
    let stride = *whole.get(axis).ok_or_else(|| format!("there is no axis {axis}"))?;
    let mut offset = 0;
    for i in 0..site.inputs.len() {
        let shape = site.shape(i)?;
        let axes: Vec<Axis> = shape
            .iter()
            .zip(strides(shape).into_iter().zip(&whole))
            .map(|(&length, (own, &whole))| Axis { length, first: own as i64, second: whole as i64 })
            .collect();
        copy(&axes, 0, offset, i, site, recording)?;
        offset += shape.get(axis).map_or(0, |&n| (n * stride) as i64);
    }
    Ok(())
}

/// Records a transposition.
pub(crate) fn lower_transpose(
    perm: &[usize],
    site: &Site<'_>,
    recording: &mut Recording,
) -> Result<(), String> {
    let own = strides(site.shape(0)?);
    let shape = site.output_shape();
    let axes: Vec<Axis> = perm
        .iter()
        .zip(shape.iter().zip(strides(shape)))
        .map(|(&axis, (&length, second))| Axis {
            length,
            first: own.get(axis).map_or(0, |&stride| stride as i64),
            second: second as i64,
        })
        .collect();
    copy(&axes, 0, 0, 0, site, recording)
}

/// Records NumPy's broadcasting.
pub(crate) fn lower_expand(site: &Site<'_>, recording: &mut Recording) -> Result<(), String> {
    let shape = site.output_shape();
    let axes: Vec<Axis> = shape
        .iter()
        .zip(broadcast_strides(site.shape(0)?, shape).into_iter().zip(strides(shape)))
        .map(|(&length, (first, second))| Axis { length, first, second: second as i64 })
        .collect();
    copy(&axes, 0, 0, 0, site, recording)
}

/// Records a slice.
pub(crate) fn lower_slice(slice: &Slice, site: &Site<'_>, recording: &mut Recording) -> Result<(), String> {
    let (x, y) = (site.shape(0)?, site.output_shape());
    let own = strides(x);
    let mut offset = 0;
    let mut axes = Vec::with_capacity(y.len());
    let bounds = slice.starts.iter().zip(&slice.ends).zip(&slice.steps);
    for ((((&n, &stride), ((&start, &end), &step)), &length), second) in
        x.iter().zip(&own).zip(bounds).zip(y).zip(strides(y))
    {
        let (first, _) = slice_axis(n, start, end, step);
        offset += (first * stride) as i64;
        // A single element has no neighbour; its step may be absurd.
        let step = if length > 1 { step } else { 0 };
        axes.push(Axis { length, first: step * stride as i64, second: second as i64 });
    }
    copy(&axes, offset, 0, 0, site, recording)
}

/// Records padding and cropping.
pub(crate) fn lower_pad(pad: &Pad, site: &Site<'_>, recording: &mut Recording) -> Result<(), String> {
    let (x, y, len) = (site.shape(0)?, site.output_shape(), site.output_len());
    let (mode, value) = match pad.mode {
        PadMode::Constant(value) => (0, value),
        PadMode::Reflect => (1, 0.0),
        PadMode::Edge => (2, 0.0),
    };
    let last = |(&n, &end): (&usize, &i64)| signed(n as i64 - 1 + end.min(0));
    let params = PadParams {
        slice: [0; 2],
        len: word(len)?,
        rank: x.len() as u32,
        value,
        pad: [0; 3],
        lengths: eight(y.iter().map(|&n| word(n)))?,
        begin: eight(pad.begin.iter().map(|&begin| signed(begin)))?,
        low: eight(pad.begin.iter().map(|&begin| signed((-begin).max(0))))?,
        high: eight(x.iter().zip(&pad.end).map(last))?,
        strides: eight(strides(x).into_iter().map(|stride| signed(stride as i64)))?,
    };
    recording.steps.push(
        Step::new(
            &PAD,
            &params,
            vec![site.operand(0)?, site.result()],
            groups_for(len)?,
            ELEMENT * len as u64,
        )
        .with(&[("MODE", mode)]),
    );
    Ok(())
}
