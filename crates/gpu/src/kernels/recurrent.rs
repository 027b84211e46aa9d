//! Recurrent layers: R is transposed, and then workgroups go through time.

use bytemuck::{Pod, Zeroable};
use fewbit_graph::op::{Cell, Direction, Recurrent, Unary};

use crate::kernel::{Kernel, WORKGROUP, read, write};
use crate::kernels::epilogue::function;
use crate::kernels::layout;
use crate::kernels::strided::Axis;
use crate::step::{Operand, Recording, Site, Step, word};

/// `recurrent.wgsl`.
pub static RECURRENT: Kernel = Kernel {
    name: "recurrent",
    source: wgsl!("recurrent.wgsl"),
    params: size_of::<Params>(),
    storage: &[read(1), read(2), read(3), read(4), read(5), write(6), write(7)],
    constants: &["CELL", "ACTIVATION"],
    epilogue: false,
};

#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
struct Params {
    slice: [u32; 2],
    steps: u32,
    batch: u32,
    directions: u32,
    hidden: u32,
    reverse: u32,
    has_h: u32,
    has_c: u32,
    with_cell: u32,
    begin: u32,
    end: u32,
}

/// The most turns of its loops that an invocation takes in one run. Mesa's llvmpipe ends loops after 65,535 turns in
/// all, without a word; and no run is long.
const TURNS: usize = 1 << 15;

/// Records a recurrent layer.
pub(crate) fn lower(layer: Recurrent, site: &Site<'_>, recording: &mut Recording) -> Result<(), String> {
    let (&[steps, batch, _], &[directions, rows, hidden]) = (site.shape(0)?, site.shape(1)?) else {
        return Err("the gates or R have other axes".to_owned());
    };
    let r = recording.kept(directions * rows * hidden);
    let axes = [
        Axis { length: directions, first: (rows * hidden) as i64, second: (rows * hidden) as i64 },
        Axis { length: hidden, first: 1, second: rows as i64 },
        Axis { length: rows, first: hidden as i64, second: 1 },
    ];
    let mut transposed = layout::copy_step(&axes, 0, 0, site.operand(1)?, r)?;
    transposed.cached_on = Some(site.input(1)?);
    recording.steps.push(transposed);

    let kept = recording.passing(3 * directions * batch * hidden);
    let [has_h, has_c] = [3, 4].map(|input| site.inputs.len() > input);
    let state = |input: usize, there: bool| if there { site.operand(input) } else { Ok(Operand::Blank) };
    let (h, c) = (state(3, has_h)?, state(4, has_c)?);
    let (cell, activation) = match layer.cell {
        Cell::Lstm => (0, Unary::Tanh),
        Cell::Gru { linear_before_reset: false } => (1, Unary::Tanh),
        Cell::Gru { linear_before_reset: true } => (2, Unary::Tanh),
        Cell::Rnn { relu: false } => (3, Unary::Tanh),
        Cell::Rnn { relu: true } => (3, Unary::Relu),
    };
    let constants = [("CELL", cell), ("ACTIVATION", function(activation).0)];
    let each = (2 * rows * hidden + 128 * rows) as u64;
    let turns = hidden.div_ceil(WORKGROUP as usize) * (hidden + 1) * if cell == 1 { 2 } else { 1 };
    let most = (TURNS / turns.max(1)).max(1);
    for begin in (0..steps).step_by(most) {
        let end = steps.min(begin + most);
        let params = Params {
            slice: [0; 2],
            steps: word(steps)?,
            batch: word(batch)?,
            directions: word(directions)?,
            hidden: word(hidden)?,
            reverse: u32::from(layer.direction == Direction::Reverse),
            has_h: has_h.into(),
            has_c: has_c.into(),
            with_cell: layer.with_cell.into(),
            begin: word(begin)?,
            end: word(end)?,
        };
        let operands = vec![site.operand(0)?, r, site.operand(2)?, h, c, site.result(), kept];
        let groups = directions * batch;
        let cost = each * (groups * (end - begin)) as u64;
        recording.steps.push(Step::new(&RECURRENT, &params, operands, word(groups)?, cost).with(&constants));
    }
    Ok(())
}
