//! The kernels: each a `.wgsl` file, and beside it the Rust that turns an operator into steps.
//!
//! To add one: write the file and its [`Kernel`], list it in [`ALL`], and answer for the operator in `lower`.

pub mod conv;
pub mod elementwise;
pub(crate) mod epilogue;
pub mod gemm;
pub mod layout;
mod matmul;
pub mod observe;
pub mod pack;
pub mod pool;
pub mod reduce;
pub mod softmax;
pub(crate) mod strided;
pub(crate) mod window;

use fewbit_graph::Op;

use crate::kernel::Kernel;
use crate::step::{Recording, Site};

/// Every kernel.
pub static ALL: &[&Kernel] = &[
    &elementwise::BATCH_NORM,
    &elementwise::BINARY,
    &observe::COMPARE,
    &conv::CONV_DIRECT,
    &layout::COPY,
    &gemm::GEMM,
    &observe::HISTOGRAM,
    &observe::HISTOGRAM_SUM,
    &observe::MOMENTS,
    &pack::PACK,
    &layout::PAD,
    &elementwise::POINTWISE,
    &pool::POOL,
    &reduce::REDUCE,
    &softmax::SOFTMAX,
    &observe::STATISTICS,
];

/// Records the steps of an operator. A Reshape has none: its output is its input.
///
/// # Errors
/// Why it cannot run here, in words.
pub(crate) fn lower(op: &Op, site: &Site<'_>, recording: &mut Recording) -> Result<(), String> {
    match op {
        Op::Conv(conv) => conv::lower(conv, site, recording),
        Op::MatMul => matmul::lower_matmul(site, recording),
        Op::Gemm(gemm) => matmul::lower_gemm(gemm, site, recording),
        Op::BatchNorm { epsilon } => elementwise::lower_batch_norm(*epsilon, site, recording),
        Op::Unary(_) | Op::FakeQuantize { .. } => elementwise::lower_pointwise(site, recording),
        Op::Binary(binary) => elementwise::lower_binary(*binary, site, recording),
        Op::Pool(pool) => pool::lower(pool, site, recording),
        Op::Reduce(reduce) => reduce::lower(reduce, site, recording),
        Op::Softmax { axis } => softmax::lower(*axis, false, site, recording),
        Op::LogSoftmax { axis } => softmax::lower(*axis, true, site, recording),
        Op::Concat { axis } => layout::lower_concat(*axis, site, recording),
        Op::Pad(pad) => layout::lower_pad(pad, site, recording),
        Op::Slice(slice) => layout::lower_slice(slice, site, recording),
        Op::Reshape(_) => Ok(()),
        Op::Transpose { perm } => layout::lower_transpose(perm, site, recording),
        Op::Compare { axis } => observe::lower_compare(*axis, site, recording),
        Op::Moments { axis } => observe::lower_moments(*axis, site, recording),
        Op::Histogram { bins } => observe::lower_histogram(*bins, site, recording),
        Op::FakeQuantizeGrad { .. }
        | Op::SoftRound { .. }
        | Op::SoftRoundGrad { .. }
        | Op::ConvInputGrad(_)
        | Op::ConvWeightGrad(_)
        | Op::PoolGrad(_)
        | Op::UnaryGrad(_)
        | Op::Gather { .. }
        | Op::GatherGrad { .. }
        | Op::Expand { .. }
        | Op::Bernoulli(_)
        | Op::Update(_) => Err("this engine has no kernel for it".to_owned()),
        Op::Opaque(_) => Err("its meaning is not known".to_owned()),
    }
}
