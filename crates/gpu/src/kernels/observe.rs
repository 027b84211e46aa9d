//! Observers: moments, comparisons, histograms. Each reads its input once, so memory is the limit.
//!
//! All of them work in parts whose number depends on the shape alone, and combine these in order: the same input gives
//! the same bits.

use bytemuck::{Pod, Zeroable};
use fewbit_graph::WireId;

use crate::kernel::{Kernel, read, write};
use crate::kernels::reduce::parts_of;
use crate::step::{Operand, Recording, Site, Step, groups_for, word};

/// `moments.wgsl`.
pub static MOMENTS: Kernel = Kernel {
    name: "moments",
    source: wgsl!("moments.wgsl"),
    params: size_of::<ChannelParams>(),
    storage: &[read(1), write(2)],
    constants: &[],
    epilogue: false,
};

/// `compare.wgsl`.
pub static COMPARE: Kernel = Kernel {
    name: "compare",
    source: wgsl!("compare.wgsl"),
    params: size_of::<ChannelParams>(),
    storage: &[read(1), read(2), write(3)],
    constants: &[],
    epilogue: false,
};

/// `statistics.wgsl`.
pub static STATISTICS: Kernel = Kernel {
    name: "statistics",
    source: wgsl!("statistics.wgsl"),
    params: size_of::<StatisticsParams>(),
    storage: &[read(1), write(2)],
    constants: &["MOMENTS"],
    epilogue: false,
};

/// `histogram.wgsl`.
pub static HISTOGRAM: Kernel = Kernel {
    name: "histogram",
    source: wgsl!("histogram.wgsl"),
    params: size_of::<HistogramParams>(),
    storage: &[read(1), read(2), write(3)],
    constants: &[],
    epilogue: false,
};

/// `histogram_sum.wgsl`.
pub static HISTOGRAM_SUM: Kernel = Kernel {
    name: "histogram_sum",
    source: wgsl!("histogram_sum.wgsl"),
    params: size_of::<SumParams>(),
    storage: &[read(1), read(2), write(3)],
    constants: &[],
    epilogue: false,
};

/// `WINDOW` of `histogram.wgsl`.
const WINDOW: usize = 520;

#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
struct ChannelParams {
    slice: [u32; 2],
    channels: u32,
    inner: u32,
    parts: u32,
    part: u32,
    len: u32,
    lowest: f32,
}

#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
struct StatisticsParams {
    slice: [u32; 2],
    parts: u32,
    count: f32,
    lowest: f32,
    pad: [u32; 3],
}

#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
struct HistogramParams {
    slice: [u32; 2],
    bins: u32,
    windows: u32,
    part: u32,
    len: u32,
    pad: [u32; 2],
}

#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
struct SumParams {
    slice: [u32; 2],
    len: u32,
    parts: u32,
    not_a_number: f32,
    pad: [u32; 3],
}

/// About what gathering one element costs, in floating-point operations of a product.
const ELEMENT: u64 = 64;

/// Records the moments of the channels along `axis`, or of the whole.
pub(crate) fn lower_moments(
    axis: Option<usize>,
    site: &Site<'_>,
    recording: &mut Recording,
) -> Result<(), String> {
    let shape = site.shape(0)?;
    let len: usize = shape.iter().product();
    let (channels, inner) = match axis {
        Some(axis) => channels_of(shape, axis)?,
        None => (1, len),
    };
    statistics(&MOMENTS, channels, inner, len, &[site.input(0)?], site, recording)
}

/// Records the comparison of two tensors along `axis`.
pub(crate) fn lower_compare(axis: usize, site: &Site<'_>, recording: &mut Recording) -> Result<(), String> {
    let shape = site.shape(0)?;
    let (channels, inner) = channels_of(shape, axis)?;
    let inputs = [site.input(0)?, site.input(1)?];
    statistics(&COMPARE, channels, inner, shape.iter().product(), &inputs, site, recording)
}

fn channels_of(shape: &[usize], axis: usize) -> Result<(usize, usize), String> {
    let channels = *shape.get(axis).ok_or_else(|| format!("there is no axis {axis}"))?;
    Ok((channels, shape.iter().skip(axis + 1).product()))
}

fn statistics(
    kernel: &'static Kernel,
    channels: usize,
    inner: usize,
    len: usize,
    inputs: &[WireId],
    site: &Site<'_>,
    recording: &mut Recording,
) -> Result<(), String> {
    let channel_len = len / channels.max(1);
    let (parts, part) = parts_of(channel_len);
    let partial = recording.passing(channels * parts * 8);
    let params = ChannelParams {
        slice: [0; 2],
        channels: word(channels)?,
        inner: word(inner)?,
        parts: word(parts)?,
        part: word(part)?,
        len: word(channel_len)?,
        lowest: f32::NEG_INFINITY,
    };
    let mut operands: Vec<Operand> = inputs.iter().map(|&wire| Operand::Wire(wire)).collect();
    operands.push(partial);
    recording.steps.push(Step::new(kernel, &params, operands, word(channels * parts)?, ELEMENT * len as u64));
    let params = StatisticsParams {
        slice: [0; 2],
        parts: word(parts)?,
        count: channel_len as f32,
        lowest: f32::NEG_INFINITY,
        pad: [0; 3],
    };
    let moments = kernel.name == MOMENTS.name;
    recording.steps.push(
        Step::new(
            &STATISTICS,
            &params,
            vec![partial, site.result()],
            word(channels)?,
            ELEMENT * (channels * parts) as u64,
        )
        .with(&[("MOMENTS", u32::from(moments))]),
    );
    Ok(())
}

/// Records a histogram of `bins` bins.
pub(crate) fn lower_histogram(bins: usize, site: &Site<'_>, recording: &mut Recording) -> Result<(), String> {
    let len = site.facts.of(site.input(0)?).len();
    let range = site.operand(1)?;
    let slots = bins + 3;
    let windows = slots.div_ceil(WINDOW);
    // A part writes all slots, so that a part much shorter than they are is not worth it.
    let parts = len.div_ceil(16_384.max(slots)).clamp(1, 64);
    let part = len.div_ceil(parts);
    let parts = len.div_ceil(part);
    let partial = recording.passing(parts * slots);
    let params = HistogramParams {
        slice: [0; 2],
        bins: word(bins)?,
        windows: word(windows)?,
        part: word(part)?,
        len: word(len)?,
        pad: [0; 2],
    };
    recording.steps.push(Step::new(
        &HISTOGRAM,
        &params,
        vec![site.operand(0)?, range, partial],
        word(parts * windows)?,
        ELEMENT * (len * windows) as u64,
    ));
    let params = SumParams {
        slice: [0; 2],
        len: word(slots)?,
        parts: word(parts)?,
        not_a_number: f32::NAN,
        pad: [0; 3],
    };
    recording.steps.push(Step::new(
        &HISTOGRAM_SUM,
        &params,
        vec![partial, range, site.result()],
        groups_for(slots)?,
        (8 * parts * slots) as u64,
    ));
    Ok(())
}
