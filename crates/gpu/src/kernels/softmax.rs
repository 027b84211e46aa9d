//! Softmax and its logarithm: three passes over rows that the cache holds.

use bytemuck::{Pod, Zeroable};

use crate::kernel::{Kernel, WORKGROUP, read, write};
use crate::step::{Recording, Site, Step, word};

/// `softmax.wgsl`.
pub static SOFTMAX: Kernel = Kernel {
    name: "softmax",
    source: wgsl!("softmax.wgsl"),
    params: size_of::<Params>(),
    storage: &[read(1), write(2)],
    constants: &["LOGARITHM", "LANES"],
    epilogue: false,
};

#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
struct Params {
    slice: [u32; 2],
    rows: u32,
    length: u32,
    stride: u32,
    lowest: f32,
    pad: [u32; 2],
}

/// Rows of up to so many elements are done by one invocation each.
const ALONE: usize = 64;

/// Records a softmax along `axis`, or its logarithm.
pub(crate) fn lower(
    axis: usize,
    logarithm: bool,
    site: &Site<'_>,
    recording: &mut Recording,
) -> Result<(), String> {
    let (shape, len) = (site.output_shape(), site.output_len());
    let length = *shape.get(axis).ok_or_else(|| format!("there is no axis {axis}"))?;
    let stride = shape.iter().skip(axis + 1).product();
    let rows = len / length.max(1);
    let params = Params {
        slice: [0; 2],
        rows: word(rows)?,
        length: word(length)?,
        stride: word(stride)?,
        lowest: f32::NEG_INFINITY,
        pad: [0; 2],
    };
    let lanes = if length <= ALONE { 1 } else { WORKGROUP };
    recording.steps.push(
        Step::new(
            &SOFTMAX,
            &params,
            vec![site.operand(0)?, site.result()],
            word(rows.div_ceil((WORKGROUP / lanes) as usize))?,
            128 * len as u64,
        )
        .with(&[("LOGARITHM", u32::from(logarithm)), ("LANES", lanes)]),
    );
    Ok(())
}
