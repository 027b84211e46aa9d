//! The operators: a table from names and operator sets to builders.

mod activation;
mod arithmetic;
mod attention;
mod cast;
mod constant;
mod conv;
mod einsum;
mod fused_attention;
mod index;
mod layout;
mod matmul;
mod norm;
mod pad;
mod pool;
mod quantized;
mod recurrent;
mod reduce;
mod resize;
mod rotary;
mod slice;
mod softmax;
mod window;

use fewbit_graph::op::{Binary, Unary};

use crate::onnx::Operator;
use crate::onnx::call::{Build, Built, Call};

/// The domain of ONNX Runtime's own operators.
pub(super) const MICROSOFT: &str = "com.microsoft";

const fn op(name: &'static str, since: i64, build: fn(&mut Call<'_, '_>) -> Built) -> Operator {
    Operator { domain: "", name, since, build: Build::By(build) }
}

const fn unary(name: &'static str, since: i64, function: Unary) -> Operator {
    Operator { domain: "", name, since, build: Build::Unary(function) }
}

const fn binary(name: &'static str, since: i64, function: Binary) -> Operator {
    Operator { domain: "", name, since, build: Build::Binary(function, false) }
}

const fn swapped(name: &'static str, since: i64, function: Binary) -> Operator {
    Operator { domain: "", name, since, build: Build::Binary(function, true) }
}

const fn ms(name: &'static str, build: fn(&mut Call<'_, '_>) -> Built) -> Operator {
    Operator { domain: MICROSOFT, name, since: 1, build: Build::By(build) }
}

/// Sorted by domain, name and operator set.
pub(super) const TABLE: &[Operator] = &[
    unary("Abs", 6, Unary::Abs),
    unary("Acos", 7, Unary::Acos),
    unary("Acosh", 9, Unary::Acosh),
    binary("Add", 7, Binary::Add),
    binary("And", 7, Binary::And),
    op("ArgMax", 1, index::arg_max),
    op("ArgMin", 1, index::arg_min),
    unary("Asin", 7, Unary::Asin),
    unary("Asinh", 9, Unary::Asinh),
    unary("Atan", 7, Unary::Atan),
    unary("Atanh", 9, Unary::Atanh),
    op("Attention", 23, attention::attention),
    op("AveragePool", 7, pool::average),
    op("BatchNormalization", 7, norm::batch_normalization),
    op("Cast", 6, cast::cast),
    op("CastLike", 15, cast::cast_like),
    unary("Ceil", 6, Unary::Ceil),
    op("Celu", 12, activation::celu),
    op("Clip", 6, activation::clip),
    op("Concat", 4, layout::concat),
    op("Constant", 1, constant::constant),
    op("ConstantOfShape", 9, constant::constant_of_shape),
    op("Conv", 1, conv::conv),
    op("ConvInteger", 10, quantized::conv_integer),
    op("ConvTranspose", 1, conv::conv_transpose),
    unary("Cos", 7, Unary::Cos),
    unary("Cosh", 9, Unary::Cosh),
    op("CumSum", 11, index::cum_sum),
    op("DepthToSpace", 1, layout::depth_to_space),
    op("DequantizeLinear", 10, quantized::dequantize_linear),
    op("Div", 7, arithmetic::div),
    op("Dropout", 7, layout::dropout),
    op("DynamicQuantizeLinear", 11, quantized::dynamic_quantize_linear),
    op("Einsum", 12, einsum::einsum),
    op("Elu", 6, activation::elu),
    binary("Equal", 7, Binary::Equal),
    unary("Erf", 9, Unary::Erf),
    unary("Exp", 6, Unary::Exp),
    op("Expand", 8, layout::expand),
    op("EyeLike", 9, constant::eye_like),
    op("Flatten", 1, layout::flatten),
    unary("Floor", 6, Unary::Floor),
    op("GRU", 7, recurrent::gru),
    op("Gather", 1, slice::gather),
    op("GatherElements", 11, index::gather_elements),
    op("GatherND", 11, index::gather_nd),
    op("Gelu", 20, activation::gelu),
    op("Gemm", 7, matmul::gemm),
    op("GlobalAveragePool", 1, reduce::global_average_pool),
    op("GlobalMaxPool", 1, reduce::global_max_pool),
    swapped("Greater", 7, Binary::Less),
    swapped("GreaterOrEqual", 12, Binary::LessOrEqual),
    op("GroupNormalization", 18, norm::group_normalization),
    op("HardSigmoid", 6, activation::hard_sigmoid),
    unary("HardSwish", 14, Unary::HardSwish),
    op("Hardmax", 13, index::hardmax),
    op("Identity", 1, layout::identity),
    op("If", 1, constant::branch),
    op("InstanceNormalization", 6, norm::instance_normalization),
    op("IsInf", 10, index::is_inf),
    unary("IsNaN", 9, Unary::IsNan),
    op("LRN", 1, norm::lrn),
    op("LSTM", 7, recurrent::lstm),
    op("LayerNormalization", 17, norm::layer_normalization),
    op("LeakyRelu", 6, activation::leaky_relu),
    binary("Less", 7, Binary::Less),
    binary("LessOrEqual", 12, Binary::LessOrEqual),
    unary("Log", 6, Unary::Log),
    op("LogSoftmax", 1, softmax::log_softmax_flat),
    op("LogSoftmax", 13, softmax::log_softmax),
    op("LpNormalization", 1, norm::lp_normalization),
    op("MatMul", 1, matmul::matmul),
    op("MatMulInteger", 10, quantized::matmul_integer),
    op("Max", 6, arithmetic::max),
    op("MaxPool", 1, pool::max),
    op("Mean", 6, arithmetic::mean),
    op("MeanVarianceNormalization", 9, norm::mean_variance_normalization),
    op("Min", 6, arithmetic::min),
    op("Mish", 18, activation::mish),
    op("Mod", 10, index::modulo),
    binary("Mul", 7, Binary::Mul),
    unary("Neg", 6, Unary::Neg),
    unary("Not", 1, Unary::Not),
    op("OneHot", 9, index::one_hot),
    binary("Or", 7, Binary::Or),
    op("PRelu", 7, activation::prelu),
    op("Pad", 2, pad::pad),
    op("Pow", 7, arithmetic::pow),
    op("QLinearConv", 10, quantized::qlinear_conv),
    op("QLinearMatMul", 10, quantized::qlinear_matmul),
    op("QuantizeLinear", 10, quantized::quantize_linear),
    op("RMSNormalization", 23, norm::rms_normalization),
    op("RNN", 7, recurrent::rnn),
    op("Range", 11, constant::range),
    unary("Reciprocal", 6, Unary::Reciprocal),
    op("ReduceL1", 1, reduce::l1),
    op("ReduceL2", 1, reduce::l2),
    op("ReduceLogSum", 1, reduce::log_sum),
    op("ReduceLogSumExp", 1, reduce::log_sum_exp),
    op("ReduceMax", 1, reduce::max),
    op("ReduceMean", 1, reduce::mean),
    op("ReduceMin", 1, reduce::min),
    op("ReduceProd", 1, reduce::prod),
    op("ReduceSum", 1, reduce::sum),
    op("ReduceSumSquare", 1, reduce::sum_square),
    unary("Relu", 6, Unary::Relu),
    op("Reshape", 5, layout::reshape),
    op("Resize", 10, resize::resize),
    op("RotaryEmbedding", 23, rotary::rotary_embedding),
    unary("Round", 11, Unary::Round),
    op("Scatter", 9, index::scatter_elements),
    op("ScatterElements", 11, index::scatter_elements),
    op("ScatterND", 11, index::scatter_nd),
    op("Selu", 6, activation::selu),
    op("Shape", 1, constant::shape),
    op("Shrink", 9, index::shrink),
    unary("Sigmoid", 6, Unary::Sigmoid),
    unary("Sign", 9, Unary::Sign),
    unary("Sin", 7, Unary::Sin),
    unary("Sinh", 9, Unary::Sinh),
    op("Size", 1, constant::size),
    op("Slice", 1, slice::slice_attributes),
    op("Slice", 10, slice::slice_inputs),
    op("Softmax", 1, softmax::softmax_flat),
    op("Softmax", 13, softmax::softmax),
    unary("Softplus", 1, Unary::Softplus),
    op("Softsign", 1, activation::softsign),
    op("SpaceToDepth", 1, layout::space_to_depth),
    op("Split", 2, slice::split),
    unary("Sqrt", 6, Unary::Sqrt),
    op("Squeeze", 1, layout::squeeze),
    binary("Sub", 7, Binary::Sub),
    op("Sum", 6, arithmetic::sum),
    op("Swish", 24, activation::swish),
    unary("Tan", 7, Unary::Tan),
    unary("Tanh", 6, Unary::Tanh),
    op("ThresholdedRelu", 10, index::thresholded_relu),
    op("Tile", 6, layout::tile),
    op("TopK", 1, index::top_k),
    op("Transpose", 1, layout::transpose),
    op("Trilu", 14, constant::trilu),
    op("Unsqueeze", 1, layout::unsqueeze),
    op("Upsample", 7, resize::resize),
    op("Where", 9, index::choose),
    binary("Xor", 7, Binary::Xor),
    ms("Attention", fused_attention::attention),
    ms("BiasGelu", activation::bias_gelu),
    ms("DequantizeLinear", quantized::dequantize_linear),
    ms("DynamicQuantizeMatMul", quantized::dynamic_quantize_matmul),
    ms("EmbedLayerNormalization", norm::embed_layer_normalization),
    ms("FastGelu", activation::fast_gelu),
    ms("FusedConv", conv::fused_conv),
    ms("FusedGemm", matmul::fused_gemm),
    ms("FusedMatMul", matmul::fused_matmul),
    ms("Gelu", activation::gelu),
    ms("GroupQueryAttention", fused_attention::group_query_attention),
    ms("MatMulIntegerToFloat", quantized::matmul_integer_to_float),
    ms("MatMulNBits", quantized::matmul_nbits),
    ms("MultiHeadAttention", fused_attention::multi_head_attention),
    ms("QGemm", quantized::qgemm),
    ms("QLinearAdd", quantized::qlinear_add),
    ms("QLinearConcat", quantized::qlinear_concat),
    ms("QLinearGlobalAveragePool", quantized::qlinear_global_average_pool),
    ms("QLinearLeakyRelu", quantized::qlinear_leaky_relu),
    ms("QLinearMul", quantized::qlinear_mul),
    ms("QLinearSigmoid", quantized::qlinear_sigmoid),
    ms("QLinearSoftmax", quantized::qlinear_softmax),
    ms("QuantizeLinear", quantized::quantize_linear),
    ms("QuickGelu", activation::quick_gelu),
    ms("RotaryEmbedding", rotary::rotary_embedding_microsoft),
    ms("SkipLayerNormalization", norm::skip_layer_normalization),
    ms("SkipSimplifiedLayerNormalization", norm::skip_simplified_layer_normalization),
];

/// The form of the operator `name` that operator set `opset` has. Sets of other domains are not told apart.
///
/// # Errors
/// The reason why there is none.
pub(super) fn find(domain: &str, name: &str, opset: i64) -> Result<&'static Operator, String> {
    let known = |operator: &&Operator| operator.domain == domain && operator.name == name;
    let mut forms = TABLE.iter().filter(known).peekable();
    if forms.peek().is_none() {
        return Err("the operator is not supported".to_owned());
    }
    let form = forms.rfind(|operator| operator.since <= opset || !domain.is_empty());
    form.ok_or_else(|| format!("operator set {opset} does not have it"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted() {
        assert!(TABLE.is_sorted_by_key(|operator| (operator.domain, operator.name, operator.since)));
    }

    #[test]
    fn a_form_holds_until_the_next_one() {
        assert_eq!(find("", "Softmax", 7).map(|operator| operator.since), Ok(1));
        assert_eq!(find("", "Softmax", 12).map(|operator| operator.since), Ok(1));
        assert_eq!(find("", "Softmax", 21).map(|operator| operator.since), Ok(13));
        assert!(find("", "Gelu", 19).is_err());
        assert!(find("", "GridSample", 21).is_err());
    }
}
