//! Elements and parts of a tensor by their places: taken out, or put in.

use bytemuck::{Pod, Zeroable};
use fewbit_graph::op::ScatterReduction;

use crate::kernel::{Kernel, read, write};
use crate::kernels::layout;
use crate::kernels::strided::{Axis, Eight, Strided, eight, strides};
use crate::step::{Recording, Site, Step, groups_for, word};

/// `gather_elements.wgsl`.
pub static GATHER_ELEMENTS: Kernel = Kernel {
    name: "gather_elements",
    source: wgsl!("gather_elements.wgsl"),
    params: size_of::<ElementsParams>(),
    storage: &[read(1), read(2), write(3)],
    constants: &[],
    epilogue: false,
};

/// `scatter_elements.wgsl`.
pub static SCATTER_ELEMENTS: Kernel = Kernel {
    name: "scatter_elements",
    source: wgsl!("scatter_elements.wgsl"),
    params: size_of::<ElementsParams>(),
    storage: &[read(1), read(2), write(3)],
    constants: &["REDUCTION"],
    epilogue: false,
};

/// `gather_nd.wgsl`.
pub static GATHER_ND: Kernel = Kernel {
    name: "gather_nd",
    source: wgsl!("gather_nd.wgsl"),
    params: size_of::<PartsParams>(),
    storage: &[read(1), read(2), write(3)],
    constants: &[],
    epilogue: false,
};

/// `scatter_nd.wgsl`.
pub static SCATTER_ND: Kernel = Kernel {
    name: "scatter_nd",
    source: wgsl!("scatter_nd.wgsl"),
    params: size_of::<PartsParams>(),
    storage: &[read(1), read(2), write(3)],
    constants: &["REDUCTION"],
    epilogue: false,
};

#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
struct ElementsParams {
    slice: [u32; 2],
    len: u32,
    length: u32,
    strided: Strided,
    stride: u32,
    count: u32,
    index_stride: u32,
    pad: u32,
}

#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
struct PartsParams {
    slice: [u32; 2],
    len: u32,
    pad: u32,
    listed: u32,
    inner: u32,
    batch: u32,
    count: u32,
    lengths: Eight<u32>,
    strides: Eight<u32>,
}

fn number(reduction: ScatterReduction) -> u32 {
    match reduction {
        ScatterReduction::Replace => 0,
        ScatterReduction::Add => 1,
        ScatterReduction::Mul => 2,
        ScatterReduction::Max => 3,
        ScatterReduction::Min => 4,
    }
}

/// The parameters for x and indices of these shapes. `whole` says whether the index space has the axis itself.
fn elements(axis: usize, x: &[usize], indices: &[usize], whole: bool) -> Result<ElementsParams, String> {
    let (own, theirs) = (strides(x), strides(indices));
    let (Some(&length), Some(&count)) = (x.get(axis), indices.get(axis)) else {
        return Err(format!("there is no axis {axis}"));
    };
    let axes: Vec<Axis> = (0..indices.len())
        .filter(|&i| whole || i != axis)
        .map(|i| Axis {
            length: indices[i],
            first: if i == axis { 0 } else { own[i] as i64 },
            second: theirs[i] as i64,
        })
        .collect();
    Ok(ElementsParams {
        slice: [0; 2],
        len: word(axes.iter().map(|axis| axis.length).product())?,
        length: word(length)?,
        strided: Strided::new(&axes, 0, 0)?,
        stride: word(own[axis])?,
        count: word(count)?,
        index_stride: word(theirs[axis])?,
        pad: 0,
    })
}

/// Records the taking of single elements.
pub(crate) fn lower_gather_elements(
    axis: usize,
    site: &Site<'_>,
    recording: &mut Recording,
) -> Result<(), String> {
    let params = elements(axis, site.shape(0)?, site.shape(1)?, true)?;
    let (groups, cost) = (groups_for(site.output_len())?, 32 * site.output_len() as u64);
    let operands = vec![site.operand(0)?, site.operand(1)?, site.result()];
    recording.steps.push(Step::new(&GATHER_ELEMENTS, &params, operands, groups, cost));
    Ok(())
}

/// Records updates of single elements.
pub(crate) fn lower_scatter_elements(
    axis: usize,
    reduction: ScatterReduction,
    site: &Site<'_>,
    recording: &mut Recording,
) -> Result<(), String> {
    let params = elements(axis, site.shape(0)?, site.shape(1)?, false)?;
    update(&SCATTER_ELEMENTS, &params, params.len, reduction, site, recording)
}

/// The parameters for x and indices of these shapes, whose first axes are batches.
fn parts(batch_dims: usize, x: &[usize], indices: &[usize]) -> Result<PartsParams, String> {
    let (listed, places) = indices.split_last().ok_or("the indices have no axis")?;
    let (batches, rest) = x.split_at_checked(batch_dims).ok_or("x has too few axes")?;
    let (axes, part) = rest.split_at_checked(*listed).ok_or("x has too few axes")?;
    let own = strides(rest);
    Ok(PartsParams {
        slice: [0; 2],
        len: 0,
        pad: 0,
        listed: word(*listed)?,
        inner: word(part.iter().product())?,
        batch: word(rest.iter().product())?,
        count: word(places.iter().skip(batches.len()).product())?,
        lengths: eight(axes.iter().map(|&n| word(n)))?,
        strides: eight(own.iter().take(*listed).map(|&stride| word(stride)))?,
    })
}

/// Records the taking of parts.
pub(crate) fn lower_gather_nd(
    batch_dims: usize,
    site: &Site<'_>,
    recording: &mut Recording,
) -> Result<(), String> {
    let len = site.output_len();
    let params = PartsParams { len: word(len)?, ..parts(batch_dims, site.shape(0)?, site.shape(1)?)? };
    let operands = vec![site.operand(0)?, site.operand(1)?, site.result()];
    recording.steps.push(Step::new(&GATHER_ND, &params, operands, groups_for(len)?, 48 * len as u64));
    Ok(())
}

/// Records updates of parts.
pub(crate) fn lower_scatter_nd(
    reduction: ScatterReduction,
    site: &Site<'_>,
    recording: &mut Recording,
) -> Result<(), String> {
    let params = parts(0, site.shape(0)?, site.shape(1)?)?;
    let params = PartsParams { len: params.inner, ..params };
    update(&SCATTER_ND, &params, params.len, reduction, site, recording)
}

/// A copy of x, and then the updates in it.
fn update(
    kernel: &'static Kernel,
    params: &impl Pod,
    invocations: u32,
    reduction: ScatterReduction,
    site: &Site<'_>,
    recording: &mut Recording,
) -> Result<(), String> {
    layout::lower_expand(site, recording)?;
    let cost = 48 * site.facts.of(site.input(2)?).len() as u64;
    let operands = vec![site.operand(1)?, site.operand(2)?, site.result()];
    recording.steps.push(
        Step::new(kernel, params, operands, groups_for(invocations as usize)?, cost)
            .with(&[("REDUCTION", number(reduction))]),
    );
    Ok(())
}
