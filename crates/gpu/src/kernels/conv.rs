//! Convolutions: as a product where a group has enough output channels, else directly.
//!
//! The direct kernel takes 2·C·taps operations and as many loads of x for each element (C input channels in a group), so
//! it is limited by the first-level cache; of memory it moves x once for each output channel of a group.

use bytemuck::{Pod, Zeroable};
use fewbit_graph::op::Conv;

use crate::kernel::{Kernel, read, write};
use crate::kernels::epilogue::EpilogueParams;
use crate::kernels::gemm::{Batched, Bias, Images, Matrices, Output, Product, Taps, padded_units};
use crate::kernels::window::{Attributes, Window};
use crate::step::{Operand, Recording, Site, Step, word};

/// `conv_direct.wgsl`.
pub static CONV_DIRECT: Kernel = Kernel {
    name: "conv_direct",
    source: wgsl!("conv_direct.wgsl"),
    params: size_of::<Params>(),
    storage: &[read(1), read(2), read(3), write(4)],
    constants: &[],
    epilogue: true,
};

#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
struct Params {
    slice: [u32; 2],
    place_tiles: u32,
    places: u32,
    epilogue: EpilogueParams,
    window: Window,
    channels: u32,
    outputs: u32,
    outputs_per_group: u32,
    has_bias: u32,
}

/// The numbers of a convolution.
pub(crate) struct Geometry {
    pub(crate) images: usize,
    /// Output channels.
    pub(crate) outputs: usize,
    /// Input channels of one group.
    pub(crate) channels: usize,
    pub(crate) in_area: usize,
    pub(crate) out_area: usize,
    pub(crate) taps: usize,
    pub(crate) window: Window,
}

impl Geometry {
    /// Of a convolution with these shapes of x, w and y.
    pub(crate) fn new(conv: &Conv, x: &[usize], w: &[usize], y: &[usize]) -> Result<Self, String> {
        let (&[images, _, ref input @ ..], &[outputs, channels, ref kernel @ ..], &[_, _, ref output @ ..]) =
            (x, w, y)
        else {
            return Err("images need N, C and spatial axes".to_owned());
        };
        let attributes = Attributes {
            kernel,
            strides: &conv.strides,
            dilations: &conv.dilations,
            pads_begin: &conv.pads_begin,
            pads_end: &conv.pads_end,
        };
        Ok(Self {
            images,
            outputs,
            channels,
            in_area: input.iter().product(),
            out_area: output.iter().product(),
            taps: kernel.iter().product(),
            window: Window::new(input, output, &attributes)?,
        })
    }
}

/// Whether a group with so many columns of the product is better done without one: it computes eight at once,
/// whether they exist or not.
pub(crate) fn is_thin(groups: usize, per_group: usize) -> bool {
    groups > 1 && per_group < 4
}

/// Records a convolution.
pub(crate) fn lower(conv: &Conv, site: &Site<'_>, recording: &mut Recording) -> Result<(), String> {
    let geometry = Geometry::new(conv, site.shape(0)?, site.shape(1)?, site.output_shape())?;
    if is_thin(conv.groups, geometry.outputs / conv.groups) {
        direct(conv, &geometry, site, recording)
    } else {
        product(conv, &geometry, site, recording)
    }
}

fn product(
    conv: &Conv,
    geometry: &Geometry,
    site: &Site<'_>,
    recording: &mut Recording,
) -> Result<(), String> {
    let &Geometry { images, outputs, channels, in_area, out_area, taps, window } = geometry;
    let units = outputs / conv.groups;
    let depth = channels * taps;
    let weights = Matrices {
        batches: (conv.groups, units * depth),
        taps: Taps::all(taps),
        inner: (channels, taps),
        columns: (units, depth),
    };
    let padded = padded_units(units);
    let w = weights.pack(site.input(1)?, padded, recording)?;
    let bias = match site.inputs.get(2) {
        Some(&wire) => Bias { operand: Operand::Wire(wire), batch: units, lane: 0, unit: 1 },
        None => Bias::NONE,
    };
    let product = Product {
        window,
        batches: conv.groups,
        lanes: images * out_area,
        units,
        channels,
        x: Images {
            operand: site.operand(0)?,
            offset: 0,
            channel: in_area,
            image: conv.groups * channels * in_area,
            batch: channels * in_area,
        },
        w: Batched { operand: w, offset: 0, batch: depth * padded },
        y: Output {
            offset: 0,
            batch: units * out_area,
            image: outputs * out_area,
            row: window.out_w as usize,
            lane: 1,
            unit: out_area,
        },
        bias,
        alpha: 1.0,
        beta: 1.0,
    };
    recording.steps.push(product.step(site)?);
    Ok(())
}

fn direct(
    conv: &Conv,
    geometry: &Geometry,
    site: &Site<'_>,
    recording: &mut Recording,
) -> Result<(), String> {
    let &Geometry { images, outputs, channels, out_area, taps, window, .. } = geometry;
    let places = images * out_area;
    let place_tiles = places.div_ceil(4 * 64);
    let bias = site.inputs.get(2).map(|&wire| Operand::Wire(wire));
    let params = Params {
        slice: [0; 2],
        place_tiles: word(place_tiles)?,
        places: word(places)?,
        epilogue: site.epilogue.params(site.facts, site.output_shape())?,
        window,
        channels: word(channels)?,
        outputs: word(outputs)?,
        outputs_per_group: word(outputs / conv.groups)?,
        has_bias: u32::from(bias.is_some()),
    };
    let groups = word(place_tiles * outputs)?;
    // A multiply-add for each load costs several times what it does in a product.
    let cost = u64::from(groups) * 256 * 8 * (channels * taps) as u64;
    let operands = vec![site.operand(0)?, site.operand(1)?, bias.unwrap_or(Operand::Blank), site.result()];
    recording.steps.push(Step::new(&CONV_DIRECT, &params, operands, groups, cost).fused(site.epilogue));
    Ok(())
}
