//! Matrix products, on which convolutions and dense layers run.
//!
//! A product of L lanes, U units and depth K takes 2·L·U·K floating-point operations and moves at least 4·(L + U)·K + 4·L·U
//! bytes. An invocation holds 8×8 sums in registers and for each k loads 8 values of x (neighbouring invocations load
//! neighbouring values) and 8 of w (the same for all invocations of a row, two vectors): 16 loads for 64
//! multiply-adds. A GPU that loads one value for every four multiply-adds is then limited by arithmetic; shared memory
//! would save loads that the first-level cache serves already, and would cost barriers. Software adapters are
//! limited by the number of loads, and take those of equal or neighbouring addresses in one go.
//! Small products (fewer than some thousand sums) leave a GPU idle: there the number of dispatches counts.

use bytemuck::{Pod, Zeroable};

use crate::kernel::{Kernel, read, write};
use crate::kernels::epilogue::EpilogueParams;
use crate::kernels::pack;
use crate::kernels::window::Window;
use crate::step::{Operand, Site, Step, word};

/// `gemm.wgsl`.
pub static GEMM: Kernel = Kernel {
    name: "gemm",
    source: wgsl!("gemm.wgsl"),
    params: size_of::<Params>(),
    storage: &[read(1), read(2), read(3), write(4)],
    constants: &[],
    epilogue: true,
};

#[repr(C)]
#[derive(Clone, Copy, Debug, Default, Pod, Zeroable)]
struct Params {
    slice: [u32; 2],
    lane_tiles: u32,
    unit_tiles: u32,
    epilogue: EpilogueParams,
    window: Window,
    lane_shift: u32,
    lanes: u32,
    units: u32,
    unit_quads: u32,
    channels: u32,
    channel_stride: u32,
    image_stride: u32,
    x_offset: u32,
    x_batch: u32,
    w_offset: u32,
    w_batch: u32,
    y_offset: u32,
    y_batch: u32,
    y_image: u32,
    y_row: u32,
    y_lane: u32,
    y_unit: u32,
    bias_batch: u32,
    bias_lane: u32,
    bias_unit: u32,
    alpha: f32,
    beta: f32,
    pad: [u32; 2],
}

/// A product for [`GEMM`], in elements.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Product {
    /// How lanes lie in x.
    pub(crate) window: Window,
    /// The number of products.
    pub(crate) batches: usize,
    /// The rows of a product: places of the output.
    pub(crate) lanes: usize,
    /// The columns.
    pub(crate) units: usize,
    /// The depth, without the window's taps.
    pub(crate) channels: usize,
    pub(crate) x: Images,
    /// Packed by [`pack::PACK`]; offset and stride are multiples of the padded units.
    pub(crate) w: Batched,
    pub(crate) y: Output,
    pub(crate) bias: Bias,
    /// The factor of the product.
    pub(crate) alpha: f32,
    /// The factor of the bias.
    pub(crate) beta: f32,
}

/// Where x lies.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Images {
    pub(crate) operand: Operand,
    pub(crate) offset: usize,
    pub(crate) channel: usize,
    pub(crate) image: usize,
    pub(crate) batch: usize,
}

/// Where w lies.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Batched {
    pub(crate) operand: Operand,
    pub(crate) offset: usize,
    pub(crate) batch: usize,
}

/// Where y goes.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Output {
    pub(crate) offset: usize,
    pub(crate) batch: usize,
    pub(crate) image: usize,
    /// Of the lanes of an image.
    pub(crate) row: usize,
    pub(crate) lane: usize,
    pub(crate) unit: usize,
}

/// Where the bias lies.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bias {
    pub(crate) operand: Operand,
    pub(crate) batch: usize,
    pub(crate) lane: usize,
    pub(crate) unit: usize,
}

impl Bias {
    /// No bias: a zero for all.
    pub(crate) const NONE: Self = Self { operand: Operand::Blank, batch: 0, lane: 0, unit: 0 };
}

impl Product {
    /// The step that computes it.
    pub(crate) fn step(&self, site: &Site<'_>) -> Result<Step, String> {
        let padded = padded_units(self.units);
        let tiling = Tiling::of(self.lanes, self.units);
        let depth = self.channels * (self.window.kernel_h * self.window.kernel_w) as usize;
        let params = Params {
            slice: [0; 2],
            lane_tiles: word(tiling.lane_tiles)?,
            unit_tiles: word(tiling.unit_tiles)?,
            epilogue: site.epilogue.params(site.facts, site.output_shape())?,
            window: self.window,
            lane_shift: tiling.lane_shift,
            lanes: word(self.lanes)?,
            units: word(self.units)?,
            unit_quads: word(padded / 4)?,
            channels: word(self.channels)?,
            channel_stride: word(self.x.channel)?,
            image_stride: word(self.x.image)?,
            x_offset: word(self.x.offset)?,
            x_batch: word(self.x.batch)?,
            w_offset: word(self.w.offset / 4)?,
            w_batch: word(self.w.batch / 4)?,
            y_offset: word(self.y.offset)?,
            y_batch: word(self.y.batch)?,
            y_image: word(self.y.image)?,
            y_row: word(self.y.row)?,
            y_lane: word(self.y.lane)?,
            y_unit: word(self.y.unit)?,
            bias_batch: word(self.bias.batch)?,
            bias_lane: word(self.bias.lane)?,
            bias_unit: word(self.bias.unit)?,
            alpha: self.alpha,
            beta: self.beta,
            pad: [0; 2],
        };
        let groups = word(tiling.lane_tiles * tiling.unit_tiles * self.batches)?;
        // Idle lanes and units of a tile cost as much as others.
        let cost = u64::from(groups) * 64 * 64 * 2 * depth as u64;
        let operands = vec![self.x.operand, self.w.operand, self.bias.operand, site.result()];
        Ok(Step::new(&GEMM, &params, operands, groups, cost).fused(site.epilogue))
    }
}

/// Units are computed eight at a time.
pub(crate) fn padded_units(units: usize) -> usize {
    units.next_multiple_of(8)
}

/// How the 64 invocations of a workgroup, each with 8×8 sums, lie on a product.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Tiling {
    lane_shift: u32,
    lane_tiles: usize,
    unit_tiles: usize,
}

impl Tiling {
    /// The one with the fewest workgroups; 128 lanes × 32 units where that leaves a choice.
    pub(crate) fn of(lanes: usize, units: usize) -> Self {
        let tiling = |lane_shift: u32| Self {
            lane_shift,
            lane_tiles: lanes.div_ceil(8 << lane_shift),
            unit_tiles: units.div_ceil(8 * (64 >> lane_shift)),
        };
        [5, 3, 6]
            .into_iter()
            .map(tiling)
            .fold(tiling(4), |best, other| if other.groups() < best.groups() { other } else { best })
    }

    /// The number of workgroups of one product.
    pub(crate) fn groups(self) -> usize {
        self.lane_tiles * self.unit_tiles
    }
}

/// The floats that a packed operand of `batches` matrices takes.
pub(crate) fn packed_len(batches: usize, depth: usize, units: usize) -> usize {
    batches * depth * padded_units(units)
}

pub(crate) use pack::{Matrices, Taps};
