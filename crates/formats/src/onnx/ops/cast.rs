//! Changes of the element type. All that is computed is f32, so only the values change: a float that becomes an integer is
//! truncated (and kept within a type of at most 16 bits), and what becomes a bool is 0 or 1.

use fewbit_graph::Op;
use fewbit_graph::op::{Binary, Unary};

use crate::onnx::call::{Built, Call, unsupported};
use crate::onnx::element::Element;
use crate::onnx::proto::data_type;
use crate::onnx::{Diagnostic, DiagnosticKind};

pub(super) fn cast(call: &mut Call<'_, '_>) -> Built {
    let to = i32::try_from(call.required_int("to")?).unwrap_or_default();
    match Element::of(to) {
        Some(to) => to_element(call, to),
        None => unsupported(format!("values that are computed are float32, not {}", data_type::name(to))),
    }
}

/// To the type of the second input.
pub(super) fn cast_like(call: &mut Call<'_, '_>) -> Built {
    match call.input(1).and_then(|name| call.importer.element(name)) {
        Some(to) => to_element(call, to),
        None => unsupported("the type that it casts to is not known"),
    }
}

fn to_element(call: &mut Call<'_, '_>, to: Element) -> Built {
    let from = call.element(0);
    if matches!(to, Element::F16 | Element::BF16) && !from.is_integer() && from != to {
        call.importer.diagnostics.push(Diagnostic {
            kind: DiagnosticKind::Converted,
            name: call.name.clone(),
            operator: call.node.op_type().to_owned(),
            domain: String::new(),
            reason: format!("{} is computed as float32", to.name()),
        });
    }
    if to == from || !to.is_integer() || (from.is_integer() && to != Element::Bool && !wraps(from, to)) {
        // A computed float stays as it is, and a constant integer becomes one.
        let x = call.wire(0)?;
        return call.done(x);
    }
    let x = call.wire(0)?;
    if to == Element::Bool {
        // |sign(x)| is 1 unless x is 0.
        let sign = call.unary("sign", Unary::Sign, x);
        let is_set = call.unary("is_set", Unary::Abs, sign);
        return call.done(is_set);
    }
    let whole = if from.is_integer() { x } else { call.truncate("whole", x) };
    if !from.is_integer() {
        return match to.bounds().filter(|(_, most)| *most < 1 << 16) {
            Some((min, max)) => {
                call.finish(Op::Unary(Unary::Clip { min: min as f32, max: max as f32 }), &[whole])
            }
            None => call.done(whole),
        };
    }
    // Of an integer that does not fit, the lower bits stay.
    let Some((least, most)) = to.bounds() else { return call.done(whole) };
    let span = (most - least + 1) as f32;
    let lifted = call.with_number("lifted", Binary::Sub, whole, least as f32);
    let turns = call.with_number("turns", Binary::Div, lifted, span);
    let full = call.unary("full", Unary::Floor, turns);
    let spanned = call.with_number("spanned", Binary::Mul, full, span);
    let wrapped = call.binary("wrapped", Binary::Sub, whole, spanned);
    call.done(wrapped)
}

/// Whether an integer may not fit into its new type, of at most 16 bits: those of 32 bits are not exact anyway.
fn wraps(from: Element, to: Element) -> bool {
    match (to.bounds(), from.bounds()) {
        (Some((least, most)), from) if most < 1 << 16 => {
            from.is_none_or(|(from_least, from_most)| from_least < least || from_most > most)
        }
        _ => false,
    }
}
