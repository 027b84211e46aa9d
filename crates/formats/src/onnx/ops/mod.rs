//! The operators: a table from names and operator sets to builders.

mod activation;
mod arithmetic;
mod constant;
mod conv;
mod layout;
mod matmul;
mod norm;
mod pad;
mod pool;
mod reduce;
mod slice;
mod softmax;
mod window;

use crate::onnx::Operator;
use crate::onnx::call::Build;

const fn op(name: &'static str, since: i64, build: Build) -> Operator {
    Operator { name, since, build }
}

/// Sorted by name, then by operator set.
pub(super) const TABLE: &[Operator] = &[
    op("Abs", 6, activation::abs),
    op("Add", 7, arithmetic::add),
    op("AveragePool", 7, pool::average),
    op("BatchNormalization", 7, norm::batch_normalization),
    op("Cast", 6, constant::cast),
    op("Ceil", 6, activation::ceil),
    op("Clip", 6, activation::clip_attributes),
    op("Clip", 11, activation::clip_inputs),
    op("Concat", 4, layout::concat),
    op("Constant", 1, constant::constant),
    op("ConstantOfShape", 9, constant::constant_of_shape),
    op("Conv", 1, conv::conv),
    op("Div", 7, arithmetic::div),
    op("Dropout", 7, layout::identity),
    op("Dropout", 12, layout::dropout),
    op("Elu", 6, activation::elu),
    op("Erf", 9, activation::erf),
    op("Exp", 6, activation::exp),
    op("Expand", 8, constant::only_shapes),
    op("Flatten", 1, layout::flatten),
    op("Floor", 6, activation::floor),
    op("Gather", 1, slice::gather),
    op("Gelu", 20, activation::gelu),
    op("Gemm", 7, matmul::gemm),
    op("GlobalAveragePool", 1, reduce::global_average_pool),
    op("GlobalMaxPool", 1, reduce::global_max_pool),
    op("HardSigmoid", 6, activation::hard_sigmoid),
    op("HardSwish", 14, activation::hard_swish),
    op("Identity", 1, layout::identity),
    op("LeakyRelu", 6, activation::leaky_relu),
    op("Log", 6, activation::log),
    op("LogSoftmax", 1, softmax::log_softmax_flat),
    op("LogSoftmax", 13, softmax::log_softmax),
    op("MatMul", 1, matmul::matmul),
    op("Max", 6, arithmetic::max),
    op("MaxPool", 1, pool::max),
    op("Mean", 6, arithmetic::mean),
    op("Min", 6, arithmetic::min),
    op("Mish", 18, activation::mish),
    op("Mul", 7, arithmetic::mul),
    op("Neg", 6, activation::neg),
    op("PRelu", 7, activation::prelu),
    op("Pad", 2, pad::pad_attributes),
    op("Pad", 11, pad::pad_inputs),
    op("Pow", 7, arithmetic::pow),
    op("Range", 11, constant::only_shapes),
    op("Reciprocal", 6, activation::reciprocal),
    op("ReduceMax", 1, reduce::max_attributes),
    op("ReduceMax", 18, reduce::max_inputs),
    op("ReduceMean", 1, reduce::mean_attributes),
    op("ReduceMean", 18, reduce::mean_inputs),
    op("ReduceMin", 1, reduce::min_attributes),
    op("ReduceMin", 18, reduce::min_inputs),
    op("ReduceSum", 1, reduce::sum_attributes),
    op("ReduceSum", 13, reduce::sum_inputs),
    op("Relu", 6, activation::relu),
    op("Reshape", 5, layout::reshape),
    op("Round", 11, activation::round),
    op("Shape", 1, constant::shape),
    op("Sigmoid", 6, activation::sigmoid),
    op("Size", 1, constant::size),
    op("Slice", 1, slice::slice_attributes),
    op("Slice", 10, slice::slice_inputs),
    op("Softmax", 1, softmax::softmax_flat),
    op("Softmax", 13, softmax::softmax),
    op("Softplus", 1, activation::softplus),
    op("Split", 2, slice::split_attributes),
    op("Split", 13, slice::split_inputs),
    op("Sqrt", 6, activation::sqrt),
    op("Squeeze", 1, layout::squeeze_attributes),
    op("Squeeze", 13, layout::squeeze_inputs),
    op("Sub", 7, arithmetic::sub),
    op("Sum", 6, arithmetic::sum),
    op("Swish", 24, activation::swish),
    op("Tanh", 6, activation::tanh),
    op("Transpose", 1, layout::transpose),
    op("Unsqueeze", 1, layout::unsqueeze_attributes),
    op("Unsqueeze", 13, layout::unsqueeze_inputs),
    op("Where", 9, constant::only_shapes),
];

/// The form of the operator `name` that operator set `opset` has.
///
/// # Errors
/// The reason why there is none.
pub(super) fn find(name: &str, opset: i64) -> Result<&'static Operator, String> {
    let mut forms = TABLE.iter().filter(|operator| operator.name == name).peekable();
    if forms.peek().is_none() {
        return Err("the operator is not supported".to_owned());
    }
    let form = forms.rfind(|operator| operator.since <= opset);
    form.ok_or_else(|| format!("operator set {opset} does not have it"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted() {
        assert!(TABLE.is_sorted_by_key(|operator| (operator.name, operator.since)));
    }

    #[test]
    fn a_form_holds_until_the_next_one() {
        assert_eq!(find("Clip", 7).map(|operator| operator.since), Ok(6));
        assert_eq!(find("Clip", 10).map(|operator| operator.since), Ok(6));
        assert_eq!(find("Clip", 21).map(|operator| operator.since), Ok(11));
        assert!(find("Gelu", 19).is_err());
        assert!(find("GridSample", 21).is_err());
    }
}
