//! Reductions: limited by memory where x is long, by the number of dispatches where it is short.

use bytemuck::{Pod, Zeroable};
use fewbit_graph::op::{Reduce, Reducer};

use crate::kernel::{Kernel, WORKGROUP, read, write};
use crate::kernels::strided::{Axis, Eight, Strided, collapse, eight, signed, strides};
use crate::step::{Operand, Recording, Site, Step, word};

/// `reduce.wgsl`.
pub static REDUCE: Kernel = Kernel {
    name: "reduce",
    source: wgsl!("reduce.wgsl"),
    params: size_of::<Params>(),
    storage: &[read(1), write(2)],
    constants: &["KIND", "LANES"],
    epilogue: false,
};

#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
struct Params {
    slice: [u32; 2],
    outputs: u32,
    parts: u32,
    reduced: u32,
    part: u32,
    identity: f32,
    divisor: f32,
    strided: Strided,
    rank: u32,
    pad: [u32; 3],
    lengths: Eight<u32>,
    strides: Eight<i32>,
}

/// Reductions of up to so many elements are done by one invocation each.
const ALONE: usize = 64;

/// How many elements a workgroup takes before it is worth to cut the reduction into parts.
const PART: usize = 4096;

/// The most parts.
const MOST_PARTS: usize = 256;

/// The parts of a reduction of `reduced` elements, and the length of each. They depend on nothing else, so that the order
/// of a sum is the same on every run.
pub(crate) fn parts_of(reduced: usize) -> (usize, usize) {
    let parts = reduced.div_ceil(PART).clamp(1, MOST_PARTS);
    let part = reduced.div_ceil(parts).max(1);
    (reduced.div_ceil(part).max(1), part)
}

/// One run of the kernel: kept axes, reduced axes (row-major, with the strides of x as `first`).
struct Run {
    kept: Vec<Axis>,
    reduced: Vec<Axis>,
    parts: usize,
    part: usize,
    divisor: f32,
}

/// The step that sums `parts` blocks of `len` elements in a fixed order.
pub(crate) fn sum_of_parts(parts: usize, len: usize, x: Operand, y: Operand) -> Result<Step, String> {
    let run = Run {
        kept: vec![Axis { length: len, first: 1, second: 0 }],
        reduced: vec![Axis { length: parts, first: len as i64, second: 0 }],
        parts: 1,
        part: parts,
        divisor: 1.0,
    };
    run.step(Reducer::Sum, x, y)
}

/// Records a reduction.
pub(crate) fn lower(reduce: &Reduce, site: &Site<'_>, recording: &mut Recording) -> Result<(), String> {
    let shape = site.shape(0)?;
    let axes: Vec<Axis> = shape
        .iter()
        .zip(strides(shape))
        .map(|(&length, stride)| Axis { length, first: stride as i64, second: 0 })
        .collect();
    let (reduced, kept): (Vec<_>, Vec<_>) =
        axes.iter().enumerate().partition(|(axis, _)| reduce.axes.contains(axis));
    let pick = |axes: Vec<(usize, &Axis)>| axes.into_iter().map(|(_, axis)| *axis).collect::<Vec<_>>();
    let (reduced, kept) = (pick(reduced), pick(kept));
    let count: usize = reduced.iter().map(|axis| axis.length).product();
    let outputs: usize = kept.iter().map(|axis| axis.length).product();
    let divisor = if reduce.kind == Reducer::Mean { count as f32 } else { 1.0 };

    let (parts, part) = parts_of(count);
    let (x, y) = (site.operand(0)?, site.result());
    if parts == 1 {
        let run = Run { kept, reduced, parts, part, divisor };
        recording.steps.push(run.step(reduce.kind, x, y)?);
        return Ok(());
    }
    let partial = recording.passing(outputs * parts);
    let first = Run { kept, reduced, parts, part, divisor: 1.0 };
    recording.steps.push(first.step(reduce.kind, x, partial)?);
    let second = Run {
        kept: vec![Axis { length: outputs, first: parts as i64, second: 0 }],
        reduced: vec![Axis { length: parts, first: 1, second: 0 }],
        parts: 1,
        part: parts,
        divisor,
    };
    recording.steps.push(second.step(reduce.kind, partial, y)?);
    Ok(())
}

impl Run {
    fn step(&self, kind: Reducer, x: Operand, y: Operand) -> Result<Step, String> {
        let outputs: usize = self.kept.iter().map(|axis| axis.length).product();
        let count: usize = self.reduced.iter().map(|axis| axis.length).product();
        let reduced = collapse(&self.reduced);
        let (number, identity) = match kind {
            Reducer::Max => (0, f32::NEG_INFINITY),
            Reducer::Min => (1, f32::INFINITY),
            Reducer::Mean | Reducer::Sum => (2, 0.0),
            Reducer::Prod => (3, 1.0),
        };
        let params = Params {
            slice: [0; 2],
            outputs: word(outputs)?,
            parts: word(self.parts)?,
            reduced: word(count)?,
            part: word(self.part)?,
            identity,
            divisor: self.divisor,
            strided: Strided::new(&self.kept, 0, 0)?,
            rank: reduced.len() as u32,
            pad: [0; 3],
            lengths: eight(reduced.iter().map(|axis| word(axis.length)))?,
            strides: eight(reduced.iter().map(|axis| signed(axis.first)))?,
        };
        let lanes = if count <= ALONE { 1 } else { WORKGROUP };
        let results = outputs * self.parts;
        Ok(Step::new(
            &REDUCE,
            &params,
            vec![x, y],
            word(results.div_ceil((WORKGROUP / lanes) as usize))?,
            32 * (outputs * count) as u64,
        )
        .with(&[("KIND", number), ("LANES", lanes)]))
    }
}
