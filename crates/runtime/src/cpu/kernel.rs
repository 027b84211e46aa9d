//! What a step of a plan computes.

use fewbit_graph::Op;
use fewbit_graph::op;

use crate::backend::RunError;
use crate::control::Control;
use crate::cpu::bernoulli;
use crate::cpu::broadcast::Broadcast;
use crate::cpu::choice::Choice;
use crate::cpu::conv::Conv;
use crate::cpu::conv::grad::{ConvInputGrad, ConvWeightGrad};
use crate::cpu::cumsum::CumSum;
use crate::cpu::gather::Gather;
use crate::cpu::layout::{Concat, Pad, View};
use crate::cpu::matmul::MatMul;
use crate::cpu::observe;
use crate::cpu::order::{ArgReduce, TopK};
use crate::cpu::pool::Pool;
use crate::cpu::pool_grad;
use crate::cpu::recurrent::Recurrent;
use crate::cpu::reduce::Reduce;
use crate::cpu::scatter::{Elements, Parts};
use crate::cpu::softmax::Softmax;
use crate::cpu::stage::Finish;
use crate::cpu::values::{Place, Scratch};

/// An operator made ready: all that depends on shapes alone is computed.
#[derive(Clone, Debug)]
pub(crate) enum Kernel {
    /// Copies its input, for elementwise stages to work on.
    Load,
    View(View),
    Conv(Conv),
    ConvInputGrad(ConvInputGrad),
    ConvWeightGrad(ConvWeightGrad),
    MatMul(MatMul),
    Pool(Pool),
    PoolGrad(Pool),
    Reduce(Reduce),
    Softmax(Softmax),
    Concat(Concat),
    Pad(Pad),
    Where(Choice),
    ArgReduce(ArgReduce),
    TopK(TopK),
    CumSum(CumSum),
    GatherElements(Elements),
    GatherNd(Parts),
    ScatterElements(Elements, op::ScatterReduction),
    ScatterNd(Parts, op::ScatterReduction),
    Recurrent(Recurrent),
    Gather(Gather),
    GatherGrad(Gather),
    Bernoulli(op::Bernoulli),
    Compare(Broadcast),
    Moments(Broadcast),
    Histogram,
}

impl Kernel {
    /// The kernel of an operator that is neither elementwise nor a reshape, for shapes that were inferred.
    pub(crate) fn new(op: &Op, inputs: &[&[usize]], output: &[usize]) -> Option<Self> {
        let (&x, more) = inputs.split_first()?;
        let w = more.first().copied();
        Some(match op {
            Op::Conv(conv) => Self::Conv(Conv::new(conv, x, w?, output)?),
            Op::ConvInputGrad(grad) => Self::ConvInputGrad(ConvInputGrad::new(&grad.conv, x, w?, output)?),
            Op::ConvWeightGrad(grad) => Self::ConvWeightGrad(ConvWeightGrad::new(&grad.conv, x, w?, output)?),
            Op::MatMul => Self::MatMul(MatMul::new(x, w?)),
            Op::Gemm(gemm) => Self::MatMul(MatMul::gemm(gemm, x, more.get(1).copied(), output)),
            Op::Pool(pool) => Self::Pool(Pool::new(pool, x, output)),
            Op::PoolGrad(grad) => Self::PoolGrad(Pool::new(&grad.pool, output, x)),
            Op::Reduce(reduce) => Self::Reduce(Reduce::new(reduce, x)),
            Op::Softmax { axis } => Self::Softmax(Softmax::new(*axis, x, false)),
            Op::LogSoftmax { axis } => Self::Softmax(Softmax::new(*axis, x, true)),
            Op::Concat { axis } => Self::Concat(Concat::new(*axis, inputs)),
            Op::Pad(pad) => Self::Pad(Pad::new(pad, x)),
            Op::Slice(slice) => Self::View(View::slice(slice, x)),
            Op::Transpose { perm } => Self::View(View::transpose(perm, x)),
            Op::Expand { shape } => Self::View(View::broadcast(x, shape)),
            Op::Where => Self::Where(Choice::new([x, w?, more.get(1)?], output)),
            Op::ArgReduce { max, axis, last, .. } => Self::ArgReduce(ArgReduce::new(*axis, x, *max, *last)),
            Op::TopK { axis, k, largest, indices } => Self::TopK(TopK::new(*axis, x, *k, *largest, *indices)),
            Op::CumSum { axis, exclusive, reverse } => {
                Self::CumSum(CumSum::new(*axis, x, *exclusive, *reverse))
            }
            Op::GatherElements { axis } => Self::GatherElements(Elements::new(*axis, x, w?)),
            Op::GatherNd { batch_dims } => Self::GatherNd(Parts::new(*batch_dims, x, w?)),
            Op::ScatterElements { axis, reduction } => {
                Self::ScatterElements(Elements::new(*axis, x, w?), *reduction)
            }
            Op::ScatterNd { reduction } => Self::ScatterNd(Parts::new(0, x, w?), *reduction),
            Op::Recurrent(recurrent) => Self::Recurrent(Recurrent::new(*recurrent, x, w?)),
            Op::Gather { axis } => Self::Gather(Gather::new(*axis, x)),
            Op::GatherGrad { axis, .. } => Self::GatherGrad(Gather::new(*axis, output)),
            Op::Bernoulli(draw) => Self::Bernoulli(*draw),
            Op::Compare { axis } => Self::Compare(Broadcast::along(*axis, x[*axis], x)),
            Op::Moments { axis } => {
                Self::Moments(axis.map_or_else(|| Broadcast::new(&[], x), |a| Broadcast::along(a, x[a], x)))
            }
            Op::Histogram { .. } => Self::Histogram,
            Op::BatchNorm { .. }
            | Op::Unary(_)
            | Op::Binary(_)
            | Op::FakeQuantize { .. }
            | Op::Reshape(_)
            | Op::Opaque(_)
            | Op::FakeQuantizeGrad { .. }
            | Op::SoftRound { .. }
            | Op::SoftRoundGrad { .. }
            | Op::UnaryGrad(_)
            | Op::Update(_) => return None,
        })
    }

    /// Computes `y` from the values at `inputs` and hands it to `finish`. A value that the operator cannot work with
    /// is reported by `refuse`.
    pub(crate) async fn run(
        &self,
        inputs: &[Place],
        y: &mut [f32],
        scratch: &mut Scratch,
        finish: Finish<'_>,
        control: &Control<'_>,
        refuse: impl Fn(String) -> RunError,
    ) -> Result<(), RunError> {
        let level = finish.level;
        let input = |i: usize| inputs.get(i).map_or(Ok(&[][..]), |&place| finish.values.at(place));
        let third = || inputs.get(2).map(|&place| finish.values.at(place)).transpose();
        match self {
            Self::Load => return finish.load(input(0)?, y, control).await,
            Self::Conv(conv) => {
                let factors = [input(0)?, input(1)?];
                return conv.run(factors, third()?, y, scratch, finish, control).await;
            }
            Self::ConvInputGrad(grad) => {
                return grad.run([input(0)?, input(1)?], y, scratch, finish, control).await;
            }
            Self::ConvWeightGrad(grad) => {
                grad.run([input(0)?, input(1)?], y, scratch, level, control).await?;
            }
            Self::MatMul(matmul) => {
                matmul.run([input(0)?, input(1)?], third()?, y, scratch, level, control).await?;
            }
            Self::View(view) => view.run(input(0)?, y),
            Self::Pool(pool) => pool.run(level, input(0)?, y, control).await?,
            Self::Reduce(reduce) => reduce.run(level, input(0)?, y),
            Self::Softmax(softmax) => softmax.run(input(0)?, y, control).await?,
            Self::Concat(concat) => {
                for i in 0..inputs.len() {
                    concat.run(i, input(i)?, y);
                }
            }
            Self::Pad(pad) => pad.run(input(0)?, y),
            Self::PoolGrad(pool) => pool_grad::run(pool, level, [input(0)?, input(1)?], y, control).await?,
            Self::Where(choice) => choice.run([input(0)?, input(1)?, input(2)?], y),
            Self::ArgReduce(reduce) => reduce.run(level, input(0)?, y, control).await?,
            Self::TopK(top) => top.run(input(0)?, y, control).await?,
            Self::CumSum(sum) => sum.run(level, input(0)?, y, control).await?,
            Self::GatherElements(elements) => elements.gather([input(0)?, input(1)?], y, control).await?,
            Self::GatherNd(parts) => parts.gather([input(0)?, input(1)?], y, control).await?,
            Self::ScatterElements(elements, reduction) => {
                elements.scatter(*reduction, [input(0)?, input(1)?, input(2)?], y, control).await?;
            }
            Self::ScatterNd(parts, reduction) => {
                parts.scatter(*reduction, [input(0)?, input(1)?, input(2)?], y, control).await?;
            }
            Self::Recurrent(recurrent) => {
                let inputs = [input(0)?, input(1)?, input(2)?];
                recurrent.run(inputs, [input(3)?, input(4)?], y, scratch, level, control).await?;
            }
            Self::Gather(gather) => gather.run([input(0)?, input(1)?], y, control).await?,
            Self::GatherGrad(gather) => gather.run_grad([input(0)?, input(1)?], y, control).await?,
            Self::Bernoulli(draw) => {
                let step = input(1)?.first().copied().unwrap_or_default();
                bernoulli::run(*draw, step, y, level, control).await?;
            }
            Self::Compare(channels) => {
                observe::compare(level, channels, [input(0)?, input(1)?], &mut scratch.sums, y);
            }
            Self::Moments(channels) => observe::moments(level, channels, input(0)?, &mut scratch.sums, y),
            Self::Histogram => {
                observe::histogram(input(0)?, input(1)?, y).map_err(|error| refuse(error.to_string()))?;
            }
        }
        finish.apply_all(y, control).await
    }
}
