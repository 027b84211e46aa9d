//! The kernels: each a `.wgsl` file, and beside it the Rust that turns an operator into steps.
//!
//! To add one: write the file and its [`Kernel`], list it in [`ALL`], and answer for the operator in `lower`.

pub mod choice;
pub mod conv;
pub mod conv_grad;
pub mod elementwise;
pub(crate) mod epilogue;
pub mod gather;
pub mod gemm;
pub mod layout;
pub mod learn;
mod matmul;
pub mod observe;
pub mod order;
pub mod pack;
pub mod pool;
pub mod pool_grad;
pub mod quantizer;
pub mod recurrent;
pub mod reduce;
pub mod scatter;
pub mod softmax;
pub(crate) mod strided;
pub(crate) mod window;

use fewbit_graph::Op;

use crate::kernel::Kernel;
use crate::kernels::epilogue::is_activation;
use crate::kernels::order::Order;
use crate::step::{Recording, Site};

/// Every kernel.
pub static ALL: &[&Kernel] = &[
    &elementwise::BATCH_NORM,
    &learn::BERNOULLI,
    &elementwise::BINARY,
    &choice::CHOICE,
    &observe::COMPARE,
    &conv::CONV_DIRECT,
    &conv_grad::CONV_INPUT_GRAD,
    &conv_grad::CONV_WEIGHT_DIRECT,
    &conv_grad::CONV_WEIGHT_GRAD,
    &layout::COPY,
    &order::CUMSUM,
    &elementwise::FUNCTION,
    &gather::GATHER,
    &scatter::GATHER_ELEMENTS,
    &gather::GATHER_GRAD,
    &scatter::GATHER_ND,
    &gemm::GEMM,
    &observe::HISTOGRAM,
    &observe::HISTOGRAM_SUM,
    &observe::MOMENTS,
    &pack::PACK,
    &layout::PAD,
    &elementwise::POINTWISE,
    &pool::POOL,
    &pool_grad::POOL_ARGMAX,
    &pool_grad::POOL_GRAD,
    &quantizer::QUANTIZER_GRAD,
    &recurrent::RECURRENT,
    &reduce::REDUCE,
    &scatter::SCATTER_ELEMENTS,
    &scatter::SCATTER_ND,
    &quantizer::SOFT_ROUND,
    &softmax::SOFTMAX,
    &observe::STATISTICS,
    &order::TOP_K,
    &elementwise::UNARY_GRAD,
    &learn::UPDATE,
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
        Op::Unary(unary) if !is_activation(*unary) => elementwise::lower_function(*unary, site, recording),
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
        Op::FakeQuantizeGrad { axis, estimator, wrt } => {
            quantizer::lower_grad(*axis, *estimator, *wrt, site, recording)
        }
        Op::SoftRound { axis } => quantizer::lower_soft_round(*axis, site, recording),
        Op::SoftRoundGrad { axis, wrt } => quantizer::lower_soft_round_grad(*axis, *wrt, site, recording),
        Op::ConvInputGrad(grad) => conv_grad::lower_input(grad, site, recording),
        Op::ConvWeightGrad(grad) => conv_grad::lower_weight(grad, site, recording),
        Op::PoolGrad(grad) => pool_grad::lower(&grad.pool, site, recording),
        Op::UnaryGrad(unary) => elementwise::lower_unary_grad(*unary, site, recording),
        Op::Where => choice::lower(site, recording),
        Op::ArgReduce { max, axis, last, .. } => {
            let order = Order { k: 1, largest: *max, indices: true, last: *last, nan_first: true };
            order::lower_top_k(*axis, order, site, recording)
        }
        Op::TopK { axis, k, largest, indices } => {
            let order =
                Order { k: *k, largest: *largest, indices: *indices, last: false, nan_first: *largest };
            order::lower_top_k(*axis, order, site, recording)
        }
        Op::CumSum { axis, exclusive, reverse } => {
            order::lower_cumsum(*axis, (*exclusive, *reverse), site, recording)
        }
        Op::GatherElements { axis } => scatter::lower_gather_elements(*axis, site, recording),
        Op::GatherNd { batch_dims } => scatter::lower_gather_nd(*batch_dims, site, recording),
        Op::ScatterElements { axis, reduction } => {
            scatter::lower_scatter_elements(*axis, *reduction, site, recording)
        }
        Op::ScatterNd { reduction } => scatter::lower_scatter_nd(*reduction, site, recording),
        Op::Recurrent(layer) => recurrent::lower(*layer, site, recording),
        Op::Gather { axis } => gather::lower(*axis, site, recording),
        Op::GatherGrad { axis, length } => gather::lower_grad(*axis, *length, site, recording),
        Op::Expand { .. } => layout::lower_expand(site, recording),
        Op::Bernoulli(draw) => learn::lower_bernoulli(draw, site, recording),
        Op::Update(update) => learn::lower_update(*update, site, recording),
        Op::Opaque(_) => Err("its meaning is not known".to_owned()),
    }
}
