//! Windows that slide over one or two spatial axes, for Conv and pooling.

use crate::error::Problem;
use crate::onnx::call::{Call, Fault, unsupported};

/// Attributes of a window, one entry for each spatial axis.
pub(super) struct Windows {
    pub(super) kernel: Vec<usize>,
    pub(super) strides: Vec<usize>,
    pub(super) dilations: Vec<usize>,
    pub(super) pads_begin: Vec<usize>,
    pub(super) pads_end: Vec<usize>,
}

/// Resolves the attributes of a window with this kernel over the spatial axes of input 0, of which there are at most `most`.
pub(super) fn windows(call: &Call<'_, '_>, kernel: Vec<usize>, most: usize) -> Result<Windows, Fault> {
    let axes = kernel.len();
    if !(1..=most).contains(&axes) {
        return unsupported(format!("its window has {axes} spatial axes; 1 to {most} are computed"));
    }
    let strides = call.window("strides", 1)?.unwrap_or_else(|| vec![1; axes]);
    let dilations = call.window("dilations", 1)?.unwrap_or_else(|| vec![1; axes]);
    check_length("strides", strides.len(), axes)?;
    check_length("dilations", dilations.len(), axes)?;
    let (pads_begin, pads_end) = pads(call, &kernel, &strides, &dilations)?;
    Ok(Windows { kernel, strides, dilations, pads_begin, pads_end })
}

pub(super) fn check_length(name: &str, found: usize, axes: usize) -> Result<(), Problem> {
    if found == axes {
        return Ok(());
    }
    Err(Problem::Field {
        what: format!("attribute `{name}`"),
        found: format!("a list of {found}"),
        needed: format!("a list of {axes}"),
    })
}

/// Padding at the beginnings and the ends.
type Pads = (Vec<usize>, Vec<usize>);

fn pads(
    call: &Call<'_, '_>,
    kernel: &[usize],
    strides: &[usize],
    dilations: &[usize],
) -> Result<Pads, Fault> {
    let axes = kernel.len();
    let Some(lower) = auto_pad(call)? else {
        if call.attributes.text("auto_pad")? == Some("VALID") {
            return Ok((vec![0; axes], vec![0; axes]));
        }
        let pads = call.window("pads", 0)?.unwrap_or_else(|| vec![0; 2 * axes]);
        check_length("pads", pads.len(), 2 * axes)?;
        let (begin, end) = pads.split_at_checked(axes).unwrap_or_default();
        return Ok((begin.to_vec(), end.to_vec()));
    };
    let (mut begin, mut end) = (Vec::new(), Vec::new());
    for (i, ((kernel, stride), dilation)) in kernel.iter().zip(strides).zip(dilations).enumerate() {
        // ⌈n / stride⌉ windows have to fit. With a stride of 1 that does not depend on n.
        let reach = (kernel.max(&1) - 1) * dilation;
        let total = if *stride == 1 {
            reach
        } else {
            let length = call.fixed_length(0, i + 2)?;
            let last_start = length.div_ceil(*stride).saturating_sub(1) * stride;
            (last_start + reach + 1).saturating_sub(length)
        };
        let (small, large) = (total / 2, total - total / 2);
        begin.push(if lower { large } else { small });
        end.push(if lower { small } else { large });
    }
    Ok((begin, end))
}

/// Whether padding is such that the output is as long as the input, or its part of the stride; then whether the larger half
/// comes first.
pub(super) fn auto_pad(call: &Call<'_, '_>) -> Result<Option<bool>, Problem> {
    match call.attributes.text("auto_pad")?.unwrap_or("NOTSET") {
        "" | "NOTSET" | "VALID" => Ok(None),
        "SAME_UPPER" => Ok(Some(false)),
        "SAME_LOWER" => Ok(Some(true)),
        other => Err(Problem::Field {
            what: "attribute `auto_pad`".to_owned(),
            found: other.to_owned(),
            needed: "NOTSET, VALID, SAME_UPPER or SAME_LOWER".to_owned(),
        }),
    }
}
