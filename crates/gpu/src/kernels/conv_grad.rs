//! The gradients of convolutions.
//!
//! Along the input: with strides of 1 it is a convolution of the gradient with flipped weights, whose input and output
//! channels change places. With longer strides the places of the input fall into phases, strides_h·strides_w of them,
//! and each phase is hit by taps of its own: a convolution with strides of 1 for each, and no multiplication by a zero
//! that a stride put in. So `gemm.wgsl` does it, at the forward pass's cost for as many multiply-adds.
//!
//! Along the weights: a product with few rows and columns (the weights) and great depth (all places of all images). A
//! tile of 64×64 weights reads 128 values for 4,096 multiply-adds, both operands along their rows; fewer weights than
//! that take smaller tiles, whose workgroups share out the depth. The depth is cut into chunks, so that there are enough
//! workgroups, and the chunks' sums are added in order: 8 bytes for each weight and chunk.

use bytemuck::{Pod, Zeroable};
use fewbit_graph::op::{Conv, ConvInputGrad, ConvWeightGrad};

use crate::kernel::{Kernel, read, write};
use crate::kernels::conv::{Geometry, is_thin};
use crate::kernels::gemm::{Batched, Bias, Images, Matrices, Output, Product, Taps, padded_units};
use crate::kernels::reduce::sum_of_parts;
use crate::kernels::window::Window;
use crate::step::{Operand, Recording, Site, Step, word};

/// `conv_input_grad.wgsl`.
pub static CONV_INPUT_GRAD: Kernel = Kernel {
    name: "conv_input_grad",
    source: wgsl!("conv_input_grad.wgsl"),
    params: size_of::<InputParams>(),
    storage: &[read(1), read(2), write(3)],
    constants: &["STRIDED"],
    epilogue: false,
};

/// `conv_weight_grad.wgsl`.
pub static CONV_WEIGHT_GRAD: Kernel = Kernel {
    name: "conv_weight_grad",
    source: wgsl!("conv_weight_grad.wgsl"),
    params: size_of::<WeightParams>(),
    storage: &[read(1), read(2), write(3)],
    constants: &[],
    epilogue: false,
};

/// `conv_weight_direct.wgsl`.
pub static CONV_WEIGHT_DIRECT: Kernel = Kernel {
    name: "conv_weight_direct",
    source: wgsl!("conv_weight_direct.wgsl"),
    params: size_of::<WeightDirectParams>(),
    storage: &[read(1), read(2), write(3)],
    constants: &[],
    epilogue: false,
};

#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
struct InputParams {
    slice: [u32; 2],
    place_tiles: u32,
    places: u32,
    window: Window,
    channels: u32,
    all_channels: u32,
    outputs: u32,
    outputs_per_group: u32,
}

#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
struct WeightParams {
    slice: [u32; 2],
    lane_tiles: u32,
    unit_tiles: u32,
    window: Window,
    lane_shift: u32,
    unit_shift: u32,
    batches: u32,
    units: u32,
    lanes: u32,
    channels: u32,
    depth: u32,
    chunk: u32,
}

#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
struct WeightDirectParams {
    slice: [u32; 2],
    quads: u32,
    lanes: u32,
    window: Window,
    outputs: u32,
    outputs_per_group: u32,
    channels: u32,
    all_channels: u32,
    depth: u32,
    chunk: u32,
    pad: [u32; 2],
}

/// Strides with more phases are done directly.
const MOST_PHASES: usize = 16;

/// Records the gradient of a convolution along its input.
pub(crate) fn lower_input(
    grad: &ConvInputGrad,
    site: &Site<'_>,
    recording: &mut Recording,
) -> Result<(), String> {
    let conv = &grad.conv;
    let geometry = Geometry::new(conv, site.output_shape(), site.shape(1)?, site.shape(0)?)?;
    let phases: usize = conv.strides.iter().product();
    if is_thin(conv.groups, geometry.channels) || phases > MOST_PHASES {
        return input_direct(conv, &geometry, site, recording);
    }
    let Window { in_h, in_w, out_h, out_w, kernel_h, kernel_w, .. } = geometry.window;
    let Window { stride_h, stride_w, dilation_h, dilation_w, pad_h, pad_w, .. } = geometry.window;
    for row in phases_of(in_h, kernel_h, stride_h, dilation_h, pad_h) {
        for column in phases_of(in_w, kernel_w, stride_w, dilation_w, pad_w) {
            let window = Window {
                in_h: out_h,
                in_w: out_w,
                out_h: row.places,
                out_w: column.places,
                kernel_h: row.taps,
                kernel_w: column.taps,
                stride_h: 1,
                stride_w: 1,
                dilation_h: row.dilation,
                dilation_w: column.dilation,
                pad_h: row.pad()?,
                pad_w: column.pad()?,
            };
            input_phase(conv, &geometry, (row, column), window, site, recording)?;
        }
    }
    Ok(())
}

/// Along one axis: every stride-th place of the input from `first` on, and the taps that hit them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Phase {
    first: u32,
    places: u32,
    /// The taps are last_tap, last_tap − tap_step, …: so many of them.
    last_tap: u32,
    tap_step: u32,
    taps: u32,
    /// The distance of two taps in the gradient.
    dilation: u32,
    /// The place of the gradient that `last_tap` brings to the first place of the phase.
    start: i64,
}

impl Phase {
    /// The padding of the phase's convolution; what is negative wraps around, as the kernel's arithmetic does.
    fn pad(&self) -> Result<u32, String> {
        word(self.start.unsigned_abs() as usize)?;
        Ok((-self.start) as u32)
    }
}

/// The phases of an axis: place p and tap t meet at place (p + pad − t·dilation)/stride of the gradient, if that is whole.
fn phases_of(
    input: u32,
    kernel: u32,
    stride: u32,
    dilation: u32,
    pad: u32,
) -> impl Iterator<Item = Phase> + Clone {
    let common = gcd(stride, dilation);
    let tap_step = stride / common;
    (0..stride.min(input)).map(move |first| {
        let reach = |tap: u32| i64::from(first) + i64::from(pad) - i64::from(tap) * i64::from(dilation);
        let places = (input - first).div_ceil(stride);
        let whole = |&tap: &u32| reach(tap) % i64::from(stride) == 0;
        let Some(tap) = (0..tap_step.min(kernel)).find(whole) else {
            return Phase { first, places, last_tap: 0, tap_step, taps: 0, dilation: 1, start: 0 };
        };
        let taps = (kernel - 1 - tap) / tap_step + 1;
        let last_tap = tap + (taps - 1) * tap_step;
        let start = reach(last_tap) / i64::from(stride);
        Phase { first, places, last_tap, tap_step, taps, dilation: dilation / common, start }
    })
}

fn gcd(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { gcd(b, a % b) }
}

fn input_phase(
    conv: &Conv,
    geometry: &Geometry,
    (row, column): (Phase, Phase),
    window: Window,
    site: &Site<'_>,
    recording: &mut Recording,
) -> Result<(), String> {
    let &Geometry { images, outputs, channels, in_area, out_area, taps, .. } = geometry;
    let Window { in_w, kernel_w, stride_h, stride_w, .. } = geometry.window;
    let outputs_per_group = outputs / conv.groups;
    let padded = padded_units(channels);
    let hitting = Taps {
        first: (row.last_tap * kernel_w + column.last_tap) as usize,
        rows: (row.taps as usize, -i64::from(row.tap_step * kernel_w)),
        columns: (column.taps as usize, -i64::from(column.tap_step)),
    };
    let weights = Matrices {
        batches: (conv.groups, outputs_per_group * channels * taps),
        taps: hitting,
        inner: (outputs_per_group, channels * taps),
        columns: (channels, taps),
    };
    let depth = hitting.count() * outputs_per_group;
    let w = if depth == 0 { Operand::Blank } else { weights.pack(site.input(1)?, padded, recording)? };
    let product = Product {
        window,
        batches: conv.groups,
        lanes: images * (window.out_h * window.out_w) as usize,
        units: channels,
        channels: outputs_per_group,
        x: Images {
            operand: site.operand(0)?,
            offset: 0,
            channel: out_area,
            image: outputs * out_area,
            batch: outputs_per_group * out_area,
        },
        w: Batched { operand: w, offset: 0, batch: depth * padded },
        y: Output {
            offset: (row.first * in_w + column.first) as usize,
            batch: channels * in_area,
            image: conv.groups * channels * in_area,
            row: (stride_h * in_w) as usize,
            lane: stride_w as usize,
            unit: in_area,
        },
        bias: Bias::NONE,
        alpha: 1.0,
        beta: 0.0,
    };
    recording.steps.push(product.step(site)?);
    Ok(())
}

fn input_direct(
    conv: &Conv,
    geometry: &Geometry,
    site: &Site<'_>,
    recording: &mut Recording,
) -> Result<(), String> {
    let &Geometry { images, outputs, channels, in_area, taps, window, .. } = geometry;
    let places = images * in_area;
    let place_tiles = places.div_ceil(4 * 64);
    let all_channels = conv.groups * channels;
    let outputs_per_group = outputs / conv.groups;
    let params = InputParams {
        slice: [0; 2],
        place_tiles: word(place_tiles)?,
        places: word(places)?,
        window,
        channels: word(channels)?,
        all_channels: word(all_channels)?,
        outputs: word(outputs)?,
        outputs_per_group: word(outputs_per_group)?,
    };
    let groups = word(place_tiles * all_channels)?;
    // As in the forward pass, a multiply-add for each load.
    let cost = u64::from(groups) * 256 * 8 * (outputs_per_group * taps) as u64;
    let operands = vec![site.operand(0)?, site.operand(1)?, site.result()];
    let strided = (window.stride_h, window.stride_w) != (1, 1);
    recording.steps.push(
        Step::new(&CONV_INPUT_GRAD, &params, operands, groups, cost).with(&[("STRIDED", u32::from(strided))]),
    );
    Ok(())
}

/// The most chunks of a depth: one invocation adds them.
const MOST_CHUNKS: usize = 64;

/// How many workgroups keep a device busy.
const ENOUGH_GROUPS: usize = 512;

/// How `depth` is cut for products that take `groups` workgroups: the number of chunks and the length of each, which is a
/// multiple of 8 and at least `least`. It depends on shapes alone, so that the order of a sum is the same on every run.
fn chunks_of(depth: usize, groups: usize, least: usize) -> (usize, usize) {
    let wanted = ENOUGH_GROUPS.div_ceil(groups.max(1)).min(depth / least).clamp(1, MOST_CHUNKS);
    let chunk = depth.div_ceil(wanted).next_multiple_of(8).max(8);
    (depth.div_ceil(chunk).max(1), chunk)
}

/// Records the gradient of a convolution along its weights.
pub(crate) fn lower_weight(
    grad: &ConvWeightGrad,
    site: &Site<'_>,
    recording: &mut Recording,
) -> Result<(), String> {
    let conv = &grad.conv;
    let geometry = Geometry::new(conv, site.shape(1)?, site.output_shape(), site.shape(0)?)?;
    let &Geometry { images, outputs, channels, out_area, taps, window, .. } = &geometry;
    let (units, lanes) = (outputs / conv.groups, channels * taps);
    let depth = images * out_area;
    let thin = is_thin(conv.groups, units);
    let tiling = WeightTiling::of(lanes, units);
    // A chunk that is much shorter costs more to add up than it saves.
    let (tiles, least) = if thin {
        (outputs * lanes.div_ceil(4), 1024)
    } else {
        (conv.groups * tiling.groups(), 128 * tiling.slices())
    };
    let (chunks, chunk) = chunks_of(depth, tiles, least);

    let len = site.output_len();
    let sums = if chunks == 1 { site.result() } else { recording.passing(chunks * len) };
    let operands = vec![site.operand(0)?, site.operand(1)?, sums];
    let groups = word(tiles * chunks)?;
    recording.steps.push(if thin {
        let params = WeightDirectParams {
            slice: [0; 2],
            quads: word(lanes.div_ceil(4))?,
            lanes: word(lanes)?,
            window,
            outputs: word(outputs)?,
            outputs_per_group: word(units)?,
            channels: word(channels)?,
            all_channels: word(conv.groups * channels)?,
            depth: word(depth)?,
            chunk: word(chunk)?,
            pad: [0; 2],
        };
        // A load for each multiply-add, and finding each place.
        let cost = u64::from(groups) * 64 * chunk.div_ceil(64) as u64 * 64;
        Step::new(&CONV_WEIGHT_DIRECT, &params, operands, groups, cost)
    } else {
        let params = WeightParams {
            slice: [0; 2],
            lane_tiles: word(tiling.lane_tiles)?,
            unit_tiles: word(tiling.unit_tiles)?,
            window,
            lane_shift: tiling.lane_shift,
            unit_shift: tiling.unit_shift,
            batches: word(conv.groups)?,
            units: word(units)?,
            lanes: word(lanes)?,
            channels: word(channels)?,
            depth: word(depth)?,
            chunk: word(chunk)?,
        };
        let cost = 2 * u64::from(groups) * (tiling.work() * chunk) as u64;
        Step::new(&CONV_WEIGHT_GRAD, &params, operands, groups, cost)
    });
    if chunks > 1 {
        recording.steps.push(sum_of_parts(chunks, len, sums, site.result())?);
    }
    Ok(())
}

/// How the 64 invocations of a workgroup, each with 8×8 sums, lie on a product of lanes, units and depth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct WeightTiling {
    lane_shift: u32,
    unit_shift: u32,
    lane_tiles: usize,
    unit_tiles: usize,
}

impl WeightTiling {
    /// The one with the least work; the largest tile where that leaves a choice.
    fn of(lanes: usize, units: usize) -> Self {
        let tiling = |lane_shift: u32, unit_shift: u32| Self {
            lane_shift,
            unit_shift,
            lane_tiles: lanes.div_ceil(8 << lane_shift),
            unit_tiles: units.div_ceil(8 << unit_shift),
        };
        // What the kernel's workgroup memory holds.
        let all = (2..=5).rev().flat_map(|lane_shift| (1..=3).rev().map(move |unit| (lane_shift, unit)));
        all.filter(|(lane_shift, unit_shift)| lane_shift + unit_shift <= 6)
            .map(|(lane_shift, unit_shift)| tiling(lane_shift, unit_shift))
            .fold(tiling(3, 3), |best, other| {
                let work = |tiling: Self| tiling.groups() * tiling.work();
                if work(other) < work(best) { other } else { best }
            })
    }

    /// The number of workgroups for one chunk of one batch.
    fn groups(self) -> usize {
        self.lane_tiles * self.unit_tiles
    }

    /// Among how many slices of a workgroup its chunk is shared out.
    fn slices(self) -> usize {
        64 >> (self.lane_shift + self.unit_shift)
    }

    /// What a workgroup does for each place, in multiply-adds: finding the place, and finding and loading a value, cost as
    /// much as some.
    fn work(self) -> usize {
        let (lanes, units) = (8 << self.lane_shift, 8 << self.unit_shift);
        lanes * units + 12 * lanes + 5 * units + 320 / self.slices()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every place and tap that meet in the gradient do so in exactly one phase, at the place that the phase says.
    #[test]
    fn phases_hold_every_tap_of_every_place_once() {
        for (input, kernel, stride, dilation, pad) in [
            (9, 3, 1, 1, 1),
            (10, 3, 2, 1, 1),
            (11, 4, 2, 2, 0),
            (7, 5, 3, 2, 4),
            (12, 3, 4, 6, 2),
            (2, 1, 3, 1, 0),
        ] {
            let mut met = Vec::new();
            for phase in phases_of(input, kernel, stride, dilation, pad) {
                for i in 0..phase.places {
                    for j in 0..phase.taps {
                        let tap = phase.last_tap - j * phase.tap_step;
                        let place = phase.start + i64::from(i) + i64::from(j * phase.dilation);
                        met.push((phase.first + i * stride, tap, place));
                    }
                }
            }
            met.sort_unstable();
            let pairs = (0..input).flat_map(|place| (0..kernel).map(move |tap| (place, tap)));
            let expected: Vec<_> = pairs
                .filter_map(|(place, tap)| {
                    let reach = i64::from(place + pad) - i64::from(tap * dilation);
                    (reach % i64::from(stride) == 0).then_some((place, tap, reach / i64::from(stride)))
                })
                .collect();
            assert_eq!(met, expected, "{input} {kernel} {stride} {dilation} {pad}");
        }
    }
}
