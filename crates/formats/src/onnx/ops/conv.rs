//! Convolution and its transpose.

use fewbit_graph::op::{self, Binary, ConvInputGrad};
use fewbit_graph::{Op, WireId};

use crate::error::Problem;
use crate::onnx::call::{Built, Call, Fault, dynamic, unsupported};
use crate::onnx::ops::activation::activation;
use crate::onnx::ops::window::{Windows, auto_pad, check_length, windows};

pub(super) fn conv(call: &mut Call<'_, '_>) -> Built {
    let (conv, inputs) = parts(call, 0, 1, 2)?;
    call.finish(Op::Conv(conv), &inputs)
}

/// com.microsoft: a convolution, what is added to it, and an activation.
pub(super) fn fused_conv(call: &mut Call<'_, '_>) -> Built {
    let (conv, inputs) = parts(call, 0, 1, 2)?;
    let mut y = call.step("conv", Op::Conv(conv), &inputs);
    if let Some(z) = call.optional_wire(3)? {
        y = call.binary("sum", Binary::Add, y, z);
    }
    let y = activation(call, y)?;
    call.done(y)
}

/// The attributes of a convolution of the inputs with these numbers, and their wires.
pub(super) fn parts(
    call: &mut Call<'_, '_>,
    x: usize,
    weight: usize,
    bias: usize,
) -> Result<(op::Conv, Vec<WireId>), Fault> {
    let conv = attributes(call, weight)?;
    let mut inputs = vec![call.wire(x)?, call.wire(weight)?];
    inputs.extend(call.optional_wire(bias)?);
    Ok((conv, inputs))
}

/// The attributes of a convolution with input `weight` as its weight.
pub(super) fn attributes(call: &Call<'_, '_>, weight: usize) -> Result<op::Conv, Fault> {
    let kernel = kernel(call, weight)?;
    let groups = groups(call)?;
    let Windows { strides, dilations, pads_begin, pads_end, .. } = windows(call, kernel, 2)?;
    Ok(op::Conv { groups, strides, dilations, pads_begin, pads_end })
}

fn groups(call: &Call<'_, '_>) -> Result<usize, Problem> {
    let groups = call.attributes.int("group")?.unwrap_or(1);
    usize::try_from(groups).ok().filter(|groups| *groups > 0).ok_or_else(|| Problem::Field {
        what: "attribute `group`".to_owned(),
        found: groups.to_string(),
        needed: "a number from 1 on".to_owned(),
    })
}

/// The spatial lengths of the weight, with which the attribute, if it is there, has to agree.
fn kernel(call: &Call<'_, '_>, weight: usize) -> Result<Vec<usize>, Fault> {
    let said = call.window("kernel_shape", 1)?;
    let [shape, other] = match (call.shape(weight), &said) {
        (Ok(shape), _) => shape,
        (Err(_), Some(said)) => return Ok(said.clone()),
        (Err(fault), None) => return Err(fault),
    };
    let kernel = shape.get(2..).unwrap_or_default().to_vec();
    if shape != other {
        return dynamic("the shape of its weight depends on the model's input");
    }
    match said {
        Some(said) if said != kernel => Err(Problem::Field {
            what: "attribute `kernel_shape`".to_owned(),
            found: format!("{said:?}"),
            needed: format!("{kernel:?}, as the weight has it"),
        }
        .into()),
        _ => Ok(kernel),
    }
}

/// The gradient of a convolution along its input, which is what a transposed convolution computes.
pub(super) fn conv_transpose(call: &mut Call<'_, '_>) -> Built {
    let kernel = kernel(call, 1)?;
    let axes = kernel.len();
    if !(1..=2).contains(&axes) {
        return unsupported(format!("its window has {axes} spatial axes; 1 to 2 are computed"));
    }
    let list = |name: &str, least: i64, default: usize| -> Result<Vec<usize>, Fault> {
        let list = call.window(name, least)?.unwrap_or_else(|| vec![default; axes]);
        check_length(name, list.len(), axes)?;
        Ok(list)
    };
    let (strides, dilations) = (list("strides", 1, 1)?, list("dilations", 1, 1)?);
    let extra = list("output_padding", 0, 0)?;
    let said = call.window("output_shape", 1)?;
    let padding = auto_pad(call)?;
    let pads = call.window("pads", 0)?.unwrap_or_else(|| vec![0; 2 * axes]);
    check_length("pads", pads.len(), 2 * axes)?;
    let (mut begin, mut end, mut spatial) = (Vec::new(), Vec::new(), Vec::new());
    let geometry = kernel.iter().zip(&strides).zip(&dilations).zip(&extra).enumerate();
    for (i, (((&kernel, &stride), &dilation), &extra)) in geometry {
        let length = call.fixed_length(0, i + 2)?;
        let full = length.saturating_sub(1).saturating_mul(stride)
            + (kernel.max(1) - 1).saturating_mul(dilation)
            + 1
            + extra;
        // Lists that begin with batch and channels are those of old exporters.
        let wanted = said.as_ref().and_then(|said| said.get(said.len().checked_sub(axes)? + i).copied());
        let wanted = wanted.or_else(|| padding.is_some().then(|| length.saturating_mul(stride)));
        let (before, after) = match wanted {
            Some(wanted) => {
                let total = full.saturating_sub(wanted);
                let (small, large) = (total / 2, total - total / 2);
                // The larger half is at the end, unless the padding is SAME_LOWER's mirror.
                if padding == Some(true) { (large, small) } else { (small, large) }
            }
            None => (pads.get(i).copied().unwrap_or(0), pads.get(i + axes).copied().unwrap_or(0)),
        };
        begin.push(before);
        end.push(after);
        let left = wanted.or_else(|| full.checked_sub(before + after)).filter(|left| *left > 0);
        spatial.push(left.ok_or_else(|| Problem::Field {
            what: format!("its padding along axis {}", i + 2),
            found: format!("{before} and {after}"),
            needed: format!("less than {full}"),
        })?);
    }
    let conv = op::Conv { groups: groups(call)?, strides, dilations, pads_begin: begin, pads_end: end };
    let grad = Op::ConvInputGrad(ConvInputGrad { conv, spatial });
    let (x, w) = (call.wire(0)?, call.wire(1)?);
    let Some(bias) = call.optional_wire(2)? else { return call.finish(grad, &[x, w]) };
    let y = call.step("transposed", grad, &[x, w]);
    let mut channels = vec![-1];
    channels.resize(axes + 1, 1);
    let bias = call.reshape("bias", bias, &channels);
    call.finish(Op::Binary(Binary::Add), &[y, bias])
}
