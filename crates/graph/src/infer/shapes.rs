//! The shape rule of each operator.

use crate::infer::MAX_RANK;
use crate::infer::geometry::{Window, broadcast_shapes, slice_axis, window_output};
use crate::infer::{indexed, learn, recurrent};
use crate::op::{Conv, Gemm, Op, Pad, PadMode, Pool, Reduce, Reducer, Reshape, Slice};

pub(super) type Shape = Result<Vec<usize>, String>;

/// The shape of `op`'s output for inputs of these shapes.
///
/// # Errors
/// What does not fit, in words. The size of the result is not judged here: [`crate::infer::infer`] does that.
pub fn output_shape(op: &Op, inputs: &[&[usize]]) -> Shape {
    match op {
        Op::Conv(conv) => {
            let (x, w, bias) = two_or_three(inputs)?;
            conv_shape(conv, x, w, bias)
        }
        Op::MatMul => matmul_shape(two(inputs)?),
        Op::Gemm(gemm) => {
            let (a, b, c) = two_or_three(inputs)?;
            gemm_shape(gemm, a, b, c)
        }
        Op::BatchNorm { .. } => batch_norm_shape(inputs),
        Op::Unary(_) => Ok(one(inputs)?.to_vec()),
        Op::Binary(_) => {
            let (a, b) = two(inputs)?;
            broadcast_shapes(a, b).ok_or_else(|| "the shapes cannot be broadcast to each other".to_owned())
        }
        Op::Pool(pool) => pool_shape(pool, one(inputs)?),
        Op::Reduce(reduce) => reduce_shape(reduce, one(inputs)?),
        Op::Softmax { axis } | Op::LogSoftmax { axis } | Op::CumSum { axis, .. } => {
            let x = one(inputs)?;
            length(x, *axis)?;
            Ok(x.to_vec())
        }
        Op::Concat { axis } => concat_shape(*axis, inputs),
        Op::Pad(pad) => pad_shape(pad, one(inputs)?),
        Op::Slice(slice) => slice_shape(slice, one(inputs)?),
        Op::Reshape(reshape) => reshape_shape(reshape, one(inputs)?),
        Op::Transpose { perm } => transpose_shape(perm, one(inputs)?),
        Op::FakeQuantize { axis, estimator } => {
            learn::estimator(*estimator)?;
            fake_quantize_shape(*axis, inputs)
        }
        Op::FakeQuantizeGrad { axis, estimator, .. } => {
            learn::estimator(*estimator)?;
            learn::fake_quantize_grad(*axis, inputs)
        }
        Op::SoftRound { axis } => learn::soft_round(*axis, inputs),
        Op::SoftRoundGrad { axis, .. } => learn::soft_round_grad(*axis, inputs),
        Op::ConvInputGrad(grad) => learn::conv_input_grad(grad, two(inputs)?),
        Op::ConvWeightGrad(grad) => learn::conv_weight_grad(grad, two(inputs)?),
        Op::PoolGrad(grad) => learn::pool_grad(&grad.pool, two(inputs)?),
        Op::UnaryGrad(_) => {
            let (g, x) = two(inputs)?;
            learn::same(g, x, "the gradient", "x")?;
            Ok(x.to_vec())
        }
        Op::Where => indexed::choice(inputs),
        Op::ArgReduce { axis, keep_dims, .. } => {
            let x = one(inputs)?;
            length(x, *axis)?;
            let kept = if *keep_dims { &[1][..] } else { &[] };
            Ok([&x[..*axis], kept, &x[axis + 1..]].concat())
        }
        Op::TopK { axis, k, .. } => indexed::top_k(*axis, *k, one(inputs)?),
        Op::GatherElements { axis } => indexed::gather_elements(*axis, two(inputs)?),
        Op::GatherNd { batch_dims } => indexed::gather_nd(*batch_dims, two(inputs)?),
        Op::ScatterElements { axis, .. } => indexed::scatter_elements(*axis, inputs),
        Op::ScatterNd { .. } => indexed::scatter_nd(inputs),
        Op::Recurrent(recurrent) => recurrent::shape(*recurrent, inputs),
        Op::Gather { axis } => learn::gather(*axis, two(inputs)?),
        Op::GatherGrad { axis, length } => learn::gather_grad(*axis, *length, two(inputs)?),
        Op::Expand { shape } => learn::expand(shape, one(inputs)?),
        Op::Bernoulli(draw) => learn::bernoulli(draw, two(inputs)?),
        Op::Update(update) => learn::update(*update, inputs),
        Op::Compare { axis } => {
            let (a, b) = two(inputs)?;
            check(a == b, || "the two tensors differ in shape".to_owned())?;
            Ok(vec![length(a, *axis)?, 8])
        }
        Op::Moments { axis } => {
            let x = one(inputs)?;
            let channels = axis.map_or(Ok(1), |axis| length(x, axis))?;
            Ok(vec![channels, 5])
        }
        Op::Histogram { bins } => histogram_shape(*bins, two(inputs)?),
        Op::Opaque(_) => Err("its meaning is not known".to_owned()),
    }
}

pub(super) fn conv_shape(conv: &Conv, x: &[usize], w: &[usize], bias: Option<&[usize]>) -> Shape {
    let spatial = spatial_axes(x)?;
    check(w.len() == x.len(), || format!("the weight has {} axes, x has {}", w.len(), x.len()))?;
    let (channels, outputs) = (x[1], w[0]);
    let groups = conv.groups;
    check(groups >= 1, || "0 groups".to_owned())?;
    check(channels.is_multiple_of(groups), || {
        format!("{channels} input channels do not split into {groups} groups")
    })?;
    check(outputs.is_multiple_of(groups), || {
        format!("{outputs} output channels do not split into {groups} groups")
    })?;
    check(w[1] == channels / groups, || {
        format!(
            "the weight takes {} input channels for each group, but there are {}",
            w[1],
            channels / groups
        )
    })?;
    check(bias.is_none_or(|bias| bias == [outputs]), || format!("the bias must be [{outputs}]"))?;
    let windows = windows(&w[2..], &conv.strides, &conv.dilations, &conv.pads_begin, &conv.pads_end)?;
    let mut shape = vec![x[0], outputs];
    for (&input, window) in spatial.iter().zip(windows) {
        shape.push(slide(input, window, false)?);
    }
    Ok(shape)
}

pub(super) fn pool_shape(pool: &Pool, x: &[usize]) -> Shape {
    let spatial = spatial_axes(x)?;
    let windows = windows(&pool.kernel, &pool.strides, &pool.dilations, &pool.pads_begin, &pool.pads_end)?;
    let mut shape = x[..2].to_vec();
    for (&input, window) in spatial.iter().zip(windows) {
        let output = slide(input, window, pool.ceil_mode)?;
        // Every window then covers at least one element, so no maximum or mean is taken of nothing.
        let reach = window.extent().unwrap_or(1) - 1;
        let (begin, end) = (window.pad_begin, window.pad_end);
        check(begin <= reach && end <= reach, || {
            format!("with a padding of {begin} and {end} some windows of length {} lie beside x", reach + 1)
        })?;
        check(begin + end == 0 || window.dilation == 1 || window.dilation <= input, || {
            format!("some windows with taps {} apart skip all of x, which is {input} long", window.dilation)
        })?;
        shape.push(output);
    }
    Ok(shape)
}

/// The spatial axes of an image: one or two.
fn spatial_axes(x: &[usize]) -> Result<&[usize], String> {
    match x {
        [_, _, spatial @ ..] if matches!(spatial.len(), 1 | 2) => Ok(spatial),
        _ => Err(format!("x must be N×C×L or N×C×H×W, and has {}", axes(x.len()))),
    }
}

fn windows(
    kernel: &[usize],
    strides: &[usize],
    dilations: &[usize],
    pads_begin: &[usize],
    pads_end: &[usize],
) -> Result<Vec<Window>, String> {
    let spatial = kernel.len();
    for (what, list) in
        [("strides", strides), ("dilations", dilations), ("pads_begin", pads_begin), ("pads_end", pads_end)]
    {
        check(list.len() == spatial, || {
            format!("the window has {}, but {what} lists {}", axes(spatial), list.len())
        })?;
    }
    Ok((0..spatial)
        .map(|i| Window {
            kernel: kernel[i],
            stride: strides[i],
            dilation: dilations[i],
            pad_begin: pads_begin[i],
            pad_end: pads_end[i],
        })
        .collect())
}

fn slide(input: usize, window: Window, ceil_mode: bool) -> Result<usize, String> {
    let Window { kernel, stride, dilation, pad_begin, pad_end } = window;
    check(kernel >= 1 && stride >= 1 && dilation >= 1, || {
        format!("kernel {kernel}, stride {stride} and dilation {dilation} must be at least 1")
    })?;
    window_output(input, window, ceil_mode).ok_or_else(|| {
        format!(
            "a kernel of {kernel} taps, {dilation} apart, does not fit a length of {input} padded by {pad_begin} and {pad_end}"
        )
    })
}

fn matmul_shape((a, b): (&[usize], &[usize])) -> Shape {
    let ([a_batch @ .., m, k], [b_batch @ .., b_k, n]) = (a, b) else {
        return Err("both matrices need at least two axes".to_owned());
    };
    check(k == b_k, || format!("a has {k} columns, b has {b_k} rows"))?;
    let mut shape = broadcast_shapes(a_batch, b_batch)
        .ok_or_else(|| "the leading axes cannot be broadcast to each other".to_owned())?;
    shape.extend([*m, *n]);
    Ok(shape)
}

fn gemm_shape(gemm: &Gemm, a: &[usize], b: &[usize], c: Option<&[usize]>) -> Shape {
    let (&[a_rows, a_columns], &[b_rows, b_columns]) = (a, b) else {
        return Err("a and b need two axes each".to_owned());
    };
    let (m, k) = if gemm.trans_a { (a_columns, a_rows) } else { (a_rows, a_columns) };
    let (b_k, n) = if gemm.trans_b { (b_columns, b_rows) } else { (b_rows, b_columns) };
    check(k == b_k, || format!("a′ has {k} columns, b′ has {b_k} rows"))?;
    let shape = vec![m, n];
    let fits = c.is_none_or(|c| broadcast_shapes(c, &shape).as_deref() == Some(shape.as_slice()));
    check(fits, || format!("c cannot be broadcast to [{m}, {n}]"))?;
    Ok(shape)
}

fn batch_norm_shape(inputs: &[&[usize]]) -> Shape {
    let &[x, scale, bias, mean, variance] = inputs else { return Err(takes("5 inputs", inputs.len())) };
    let channels = length(x, 1)?;
    for (what, shape) in [("scale", scale), ("bias", bias), ("mean", mean), ("variance", variance)] {
        check(shape == [channels], || format!("the {what} must be [{channels}]"))?;
    }
    Ok(x.to_vec())
}

fn reduce_shape(reduce: &Reduce, x: &[usize]) -> Shape {
    ascending(&reduce.axes, x.len())?;
    if reduce.kind != Reducer::Sum {
        check(reduce.axes.iter().all(|&axis| x[axis] > 0), || "a reduction of no elements".to_owned())?;
    }
    let reduced = x.iter().enumerate().map(|(axis, &n)| (reduce.axes.contains(&axis), n));
    Ok(if reduce.keep_dims {
        reduced.map(|(vanishes, n)| if vanishes { 1 } else { n }).collect()
    } else {
        reduced.filter(|(vanishes, _)| !vanishes).map(|(_, n)| n).collect()
    })
}

fn concat_shape(axis: usize, inputs: &[&[usize]]) -> Shape {
    let Some((first, others)) = inputs.split_first() else { return Err(takes("1 or more inputs", 0)) };
    let mut shape = first.to_vec();
    length(first, axis)?;
    for (i, other) in others.iter().enumerate() {
        let fits = other.len() == shape.len() && (0..shape.len()).all(|k| k == axis || other[k] == shape[k]);
        check(fits, || format!("input {} differs from input 0 beside axis {axis}", i + 1))?;
        shape[axis] = shape[axis].checked_add(other[axis]).ok_or_else(overflow)?;
    }
    Ok(shape)
}

fn pad_shape(pad: &Pad, x: &[usize]) -> Shape {
    listed(x.len(), &[("begin", pad.begin.len()), ("end", pad.end.len())])?;
    (0..x.len())
        .map(|axis| {
            let (begin, end) = (pad.begin[axis], pad.end[axis]);
            let kept = i128::from(x[axis] as u64) + i128::from(begin.min(0)) + i128::from(end.min(0));
            check(kept > 0, || {
                format!(
                    "padding by {begin} and {end} leaves nothing of axis {axis}, which is {} long",
                    x[axis]
                )
            })?;
            let (before, after) = (i128::from(begin.max(0)), i128::from(end.max(0)));
            check(pad.mode != PadMode::Reflect || before.max(after) < kept, || {
                format!("{kept} elements along axis {axis} cannot be mirrored to {} more", before.max(after))
            })?;
            usize::try_from(kept + before + after).map_err(|_| overflow())
        })
        .collect()
}

fn slice_shape(slice: &Slice, x: &[usize]) -> Shape {
    let (starts, ends, steps) = (&slice.starts, &slice.ends, &slice.steps);
    listed(x.len(), &[("starts", starts.len()), ("ends", ends.len()), ("steps", steps.len())])?;
    (0..x.len())
        .map(|axis| {
            check(steps[axis] != 0, || format!("the step along axis {axis} is 0"))?;
            Ok(slice_axis(x[axis], starts[axis], ends[axis], steps[axis]).1)
        })
        .collect()
}

fn reshape_shape(reshape: &Reshape, x: &[usize]) -> Shape {
    match reshape {
        Reshape::To(lengths) => reshape_to(lengths, x),
        Reshape::Flatten { axis } => {
            check(*axis <= x.len(), || no_axis(*axis, x.len()))?;
            let (before, after) = x.split_at(*axis);
            Ok(vec![product(before)?, product(after)?])
        }
        Reshape::Squeeze { axes } => {
            ascending(axes, x.len())?;
            if let Some(axis) = axes.iter().find(|&&axis| x[axis] != 1) {
                return Err(format!("axis {axis} has length {}, not 1", x[*axis]));
            }
            let stays = |axis: usize, n: usize| if axes.is_empty() { n != 1 } else { !axes.contains(&axis) };
            Ok(x.iter().enumerate().filter(|&(axis, &n)| stays(axis, n)).map(|(_, &n)| n).collect())
        }
        Reshape::Unsqueeze { axes } => {
            let rank = x.len() + axes.len();
            check(rank <= MAX_RANK, || {
                format!("{rank} axes are more than the {MAX_RANK} that a tensor may have")
            })?;
            ascending(axes, rank)?;
            let mut old = x.iter().copied();
            Ok((0..rank).filter_map(|i| if axes.contains(&i) { Some(1) } else { old.next() }).collect())
        }
    }
}

fn reshape_to(lengths: &[i64], x: &[usize]) -> Shape {
    let mut inferred = None;
    let mut shape = Vec::with_capacity(lengths.len());
    for (i, &n) in lengths.iter().enumerate() {
        shape.push(match n {
            0 => *x
                .get(i)
                .ok_or_else(|| format!("length 0 at place {i} copies an axis that x does not have"))?,
            -1 if inferred.is_none() => {
                inferred = Some(i);
                1
            }
            -1 => return Err("more than one length is -1".to_owned()),
            n => usize::try_from(n).map_err(|_| format!("a length of {n}"))?,
        });
    }
    let (wanted, found) = (product(&shape)?, product(x)?);
    match inferred {
        Some(place) => {
            check(wanted > 0 && found.is_multiple_of(wanted), || {
                format!("{found} elements do not split into {wanted}, so -1 has no length")
            })?;
            shape[place] = found / wanted;
        }
        None => check(wanted == found, || format!("{found} elements do not fill {shape:?}"))?,
    }
    Ok(shape)
}

fn transpose_shape(perm: &[usize], x: &[usize]) -> Shape {
    let mut seen = vec![false; x.len()];
    let fits = perm.len() == x.len()
        && perm.iter().all(|&axis| seen.get_mut(axis).is_some_and(|seen| !std::mem::replace(seen, true)));
    check(fits, || format!("{perm:?} does not permute {}", axes(x.len())))?;
    Ok(perm.iter().map(|&axis| x[axis]).collect())
}

fn fake_quantize_shape(axis: usize, inputs: &[&[usize]]) -> Shape {
    let &[x, scale, zero_point, bounds] = inputs else { return Err(takes("4 inputs", inputs.len())) };
    learn::grid_shapes(x, axis, [scale, zero_point, bounds])?;
    Ok(x.to_vec())
}

fn histogram_shape(bins: usize, (_, range): (&[usize], &[usize])) -> Shape {
    let most = fewbit_numeric::histogram::MAX_BINS;
    check((1..=most).contains(&bins), || format!("{bins} bins; it takes 1 to {most}"))?;
    check(range == [2], || "the range must be [2]: the lower and the upper end".to_owned())?;
    Ok(vec![bins + 3])
}

fn one<'a>(inputs: &[&'a [usize]]) -> Result<&'a [usize], String> {
    if let &[x] = inputs { Ok(x) } else { Err(takes("1 input", inputs.len())) }
}

fn two<'a>(inputs: &[&'a [usize]]) -> Result<(&'a [usize], &'a [usize]), String> {
    if let &[a, b] = inputs { Ok((a, b)) } else { Err(takes("2 inputs", inputs.len())) }
}

type TwoOrThree<'a> = (&'a [usize], &'a [usize], Option<&'a [usize]>);

fn two_or_three<'a>(inputs: &[&'a [usize]]) -> Result<TwoOrThree<'a>, String> {
    match *inputs {
        [a, b] => Ok((a, b, None)),
        [a, b, c] => Ok((a, b, Some(c))),
        _ => Err(takes("2 or 3 inputs", inputs.len())),
    }
}

pub(super) fn length(x: &[usize], axis: usize) -> Result<usize, String> {
    x.get(axis).copied().ok_or_else(|| no_axis(axis, x.len()))
}

fn ascending(list: &[usize], rank: usize) -> Result<(), String> {
    check(list.is_sorted_by(|a, b| a < b), || format!("the axes {list:?} do not ascend"))?;
    match list.last() {
        Some(&last) if last >= rank => Err(no_axis(last, rank)),
        _ => Ok(()),
    }
}

fn listed(rank: usize, lists: &[(&str, usize)]) -> Result<(), String> {
    match lists.iter().find(|(_, found)| *found != rank) {
        Some((what, found)) => Err(format!("x has {}, but {what} lists {found}", axes(rank))),
        None => Ok(()),
    }
}

fn product(lengths: &[usize]) -> Result<usize, String> {
    lengths.iter().try_fold(1usize, |product, &n| product.checked_mul(n)).ok_or_else(overflow)
}

pub(super) fn check(holds: bool, why: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(why()) }
}

pub(super) fn takes(wanted: &str, found: usize) -> String {
    format!("it takes {wanted}, but has {found}")
}

fn no_axis(axis: usize, rank: usize) -> String {
    format!("there is no axis {axis} in {}", axes(rank))
}

fn axes(rank: usize) -> String {
    if rank == 1 { "1 axis".to_owned() } else { format!("{rank} axes") }
}

fn overflow() -> String {
    "the size of the output overflows".to_owned()
}
