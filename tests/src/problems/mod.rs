//! The problems, one function for each operator: from a seed to a [`Problem`](crate::Problem).

pub(crate) mod conv;
mod conv_grad;
pub(crate) mod elementwise;
mod gather;
mod indexed;
mod layout;
pub(crate) mod linear;
mod network;
mod observe;
pub(crate) mod pool;
mod pool_grad;
pub(crate) mod quantize;
mod quantizer_grad;
mod recurrent;
pub(crate) mod reduce;
mod unary_grad;
mod update;

use crate::problem::Problem;

pub use conv::{conv, conv_1d, conv_depthwise, conv_pointwise};
pub use conv_grad::{
    conv_input_grad, conv_input_grad_1d, conv_input_grad_depthwise, conv_weight_grad, conv_weight_grad_1d,
    conv_weight_grad_depthwise,
};
pub use elementwise::{batch_norm, binary, comparison, function, unary};
pub use gather::{expand, gather, gather_grad};
pub use indexed::{
    arg_reduce, choice, cum_sum, gather_elements, gather_nd, scatter_elements, scatter_nd, top_k,
};
pub use layout::{concat, pad, reshape, slice, transpose};
pub use linear::{gemm, matmul};
pub use network::{network, quantized_network};
pub use observe::{compare, histogram, moments};
pub use pool::{pool, pool_1d};
pub use pool_grad::{pool_grad, pool_grad_1d};
pub use quantize::fake_quantize;
pub use quantizer_grad::{fake_quantize_grad, soft_round, soft_round_grad};
pub use recurrent::recurrent;
pub use reduce::{log_softmax, product, reduce, softmax};
pub use unary_grad::{function_grad, unary_grad};
pub use update::{bernoulli, update};

/// Makes the problem of a seed.
pub type Generator = fn(u64) -> Problem;

/// Every problem, by name.
pub const ALL: &[(&str, Generator)] = &[
    ("conv", conv),
    ("conv_1d", conv_1d),
    ("conv_depthwise", conv_depthwise),
    ("conv_pointwise", conv_pointwise),
    ("matmul", matmul),
    ("gemm", gemm),
    ("batch_norm", batch_norm),
    ("unary", unary),
    ("binary", binary),
    ("pool", pool),
    ("pool_1d", pool_1d),
    ("reduce", reduce),
    ("softmax", softmax),
    ("log_softmax", log_softmax),
    ("concat", concat),
    ("pad", pad),
    ("slice", slice),
    ("reshape", reshape),
    ("transpose", transpose),
    ("fake_quantize", fake_quantize),
    ("compare", compare),
    ("moments", moments),
    ("histogram", histogram),
    ("function", function),
    ("comparison", comparison),
    ("product", product),
    ("choice", choice),
    ("arg_reduce", arg_reduce),
    ("top_k", top_k),
    ("cum_sum", cum_sum),
    ("gather_elements", gather_elements),
    ("gather_nd", gather_nd),
    ("scatter_elements", scatter_elements),
    ("scatter_nd", scatter_nd),
    ("recurrent", recurrent),
    ("network", network),
    ("quantized_network", quantized_network),
];

/// The problems of the operators that only learning needs, by name.
pub const LEARNING: &[(&str, Generator)] = &[
    ("fake_quantize_grad", fake_quantize_grad),
    ("soft_round", soft_round),
    ("soft_round_grad", soft_round_grad),
    ("unary_grad", unary_grad),
    ("function_grad", function_grad),
    ("update", update),
    ("bernoulli", bernoulli),
    ("expand", expand),
    ("gather", gather),
    ("gather_grad", gather_grad),
    ("conv_input_grad", conv_input_grad),
    ("conv_input_grad_1d", conv_input_grad_1d),
    ("conv_input_grad_depthwise", conv_input_grad_depthwise),
    ("conv_weight_grad", conv_weight_grad),
    ("conv_weight_grad_1d", conv_weight_grad_1d),
    ("conv_weight_grad_depthwise", conv_weight_grad_depthwise),
    ("pool_grad", pool_grad),
    ("pool_grad_1d", pool_grad_1d),
];
