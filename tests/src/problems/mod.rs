//! The problems, one function for each operator: from a seed to a [`Problem`](crate::Problem).

pub(crate) mod conv;
pub(crate) mod elementwise;
mod layout;
pub(crate) mod linear;
mod network;
mod observe;
pub(crate) mod pool;
pub(crate) mod quantize;
pub(crate) mod reduce;

use crate::problem::Problem;

pub use conv::{conv, conv_1d, conv_depthwise, conv_pointwise};
pub use elementwise::{batch_norm, binary, unary};
pub use layout::{concat, pad, reshape, slice, transpose};
pub use linear::{gemm, matmul};
pub use network::{network, quantized_network};
pub use observe::{compare, histogram, moments};
pub use pool::{pool, pool_1d};
pub use quantize::fake_quantize;
pub use reduce::{log_softmax, reduce, softmax};

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
    ("network", network),
    ("quantized_network", quantized_network),
];
