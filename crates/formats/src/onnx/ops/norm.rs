//! Batch normalization, as it is when a model is used.

use fewbit_graph::Op;

use crate::onnx::call::{Call, Fault, unsupported};

pub(super) fn batch_normalization(call: &mut Call<'_, '_>) -> Result<(), Fault> {
    if call.attributes.flag("training_mode")?.unwrap_or(false) {
        return unsupported("it is in training mode: export the model in evaluation mode");
    }
    if !call.attributes.flag("spatial")?.unwrap_or(true) {
        return unsupported("it normalizes every element on its own (spatial = 0)");
    }
    let epsilon = call.attributes.float("epsilon")?.unwrap_or(1e-5);
    let inputs = (0..5).map(|i| call.wire(i)).collect::<Result<Vec<_>, _>>()?;
    call.finish(Op::BatchNorm { epsilon }, &inputs)
}
