//! Along an axis: the first elements by their size, and running sums.

use bytemuck::{Pod, Zeroable};

use crate::kernel::{Kernel, WORKGROUP, read, write};
use crate::step::{Recording, Site, Step, groups_for, word};

/// `top_k.wgsl`.
pub static TOP_K: Kernel = Kernel {
    name: "top_k",
    source: wgsl!("top_k.wgsl"),
    params: size_of::<Params>(),
    storage: &[read(1), write(2)],
    constants: &["LARGEST", "INDICES", "LAST", "NAN_FIRST", "LANES"],
    epilogue: false,
};

/// `cumsum.wgsl`.
pub static CUMSUM: Kernel = Kernel {
    name: "cumsum",
    source: wgsl!("cumsum.wgsl"),
    params: size_of::<Params>(),
    storage: &[read(1), write(2)],
    constants: &["EXCLUSIVE", "REVERSE"],
    epilogue: false,
};

#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
struct Params {
    slice: [u32; 2],
    lines: u32,
    length: u32,
    stride: u32,
    k: u32,
    pad: [u32; 2],
}

/// Lines of up to so many elements are done by one invocation each.
const ALONE: usize = 64;

/// What is looked for in each line.
#[derive(Clone, Copy)]
pub(crate) struct Order {
    pub(crate) k: usize,
    pub(crate) largest: bool,
    pub(crate) indices: bool,
    /// Whether of equal elements the last comes first.
    pub(crate) last: bool,
    /// Whether NaN comes first, not last.
    pub(crate) nan_first: bool,
}

/// The lines of x along `axis`.
fn lines(axis: usize, k: usize, x: &[usize]) -> Result<Params, String> {
    let length = *x.get(axis).ok_or_else(|| format!("there is no axis {axis}"))?;
    let len: usize = x.iter().product();
    Ok(Params {
        slice: [0; 2],
        lines: word(len / length.max(1))?,
        length: word(length)?,
        stride: word(x.iter().skip(axis + 1).product())?,
        k: word(k)?,
        pad: [0; 2],
    })
}

/// Records the search for the first elements along `axis`.
pub(crate) fn lower_top_k(
    axis: usize,
    order: Order,
    site: &Site<'_>,
    recording: &mut Recording,
) -> Result<(), String> {
    let x = site.shape(0)?;
    let params = lines(axis, order.k, x)?;
    let lanes = if params.length as usize <= ALONE { 1 } else { WORKGROUP };
    let constants = [
        ("LARGEST", u32::from(order.largest)),
        ("INDICES", u32::from(order.indices)),
        ("LAST", u32::from(order.last)),
        ("NAN_FIRST", u32::from(order.nan_first)),
        ("LANES", lanes),
    ];
    let groups = params.lines.div_ceil(WORKGROUP / lanes);
    let cost = 16 * (order.k * x.iter().product::<usize>()) as u64;
    let operands = vec![site.operand(0)?, site.result()];
    recording.steps.push(Step::new(&TOP_K, &params, operands, groups, cost).with(&constants));
    Ok(())
}

/// Records running sums along `axis`.
pub(crate) fn lower_cumsum(
    axis: usize,
    (exclusive, reverse): (bool, bool),
    site: &Site<'_>,
    recording: &mut Recording,
) -> Result<(), String> {
    let params = lines(axis, 0, site.shape(0)?)?;
    let operands = vec![site.operand(0)?, site.result()];
    let groups = groups_for(params.lines as usize)?;
    recording.steps.push(
        Step::new(&CUMSUM, &params, operands, groups, 32 * site.output_len() as u64)
            .with(&[("EXCLUSIVE", u32::from(exclusive)), ("REVERSE", u32::from(reverse))]),
    );
    Ok(())
}
