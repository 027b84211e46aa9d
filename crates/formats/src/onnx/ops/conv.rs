//! Convolution.

use fewbit_graph::Op;
use fewbit_graph::op;

use crate::error::Problem;
use crate::onnx::call::{Call, Fault, unsupported};
use crate::onnx::ops::window::{Windows, windows};

pub(super) fn conv(call: &mut Call<'_, '_>) -> Result<(), Fault> {
    let kernel = kernel(call)?;
    let groups = match call.attributes.int("group")? {
        None => 1,
        Some(groups) => {
            usize::try_from(groups).ok().filter(|groups| *groups > 0).ok_or_else(|| Problem::Field {
                what: "attribute `group`".to_owned(),
                found: groups.to_string(),
                needed: "a number from 1 on".to_owned(),
            })?
        }
    };
    let Windows { strides, dilations, pads_begin, pads_end, .. } = windows(call, kernel)?;
    let mut inputs = vec![call.wire(0)?, call.wire(1)?];
    inputs.extend(call.optional_wire(2)?);
    call.finish(Op::Conv(op::Conv { groups, strides, dilations, pads_begin, pads_end }), &inputs)
}

/// The spatial lengths of the weight, with which the attribute, if it is there, has to agree.
fn kernel(call: &Call<'_, '_>) -> Result<Vec<usize>, Fault> {
    let said = call.window("kernel_shape", 1)?;
    let [shape, other] = match (call.shape(1), &said) {
        (Ok(shape), _) => shape,
        (Err(_), Some(said)) => return Ok(said.clone()),
        (Err(fault), None) => return Err(fault),
    };
    let kernel = shape.get(2..).unwrap_or_default().to_vec();
    if shape != other {
        return unsupported("the shape of its weight depends on the model's input");
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
