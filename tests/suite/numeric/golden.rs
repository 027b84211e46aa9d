//! Reference values of other implementations; tools/golden/numeric.py makes them.

use fewbit_numeric::pack::{pack, unpack};
use fewbit_numeric::{Affine, BlockLayout, Format, Philox, Quantized};
use serde_json::Value;

fn golden(json: &str) -> Value {
    serde_json::from_str(json).unwrap()
}

fn list<'a>(case: &'a Value, key: &str) -> &'a [Value] {
    case[key].as_array().unwrap()
}

fn text<'a>(case: &'a Value, key: &str) -> &'a str {
    case[key].as_str().unwrap()
}

fn integers<T: TryFrom<i64, Error: std::fmt::Debug>>(case: &Value, key: &str) -> Vec<T> {
    list(case, key).iter().map(|v| T::try_from(v.as_i64().unwrap()).unwrap()).collect()
}

/// Floats are stored as their bits.
fn floats(case: &Value, key: &str) -> Vec<f32> {
    integers(case, key).into_iter().map(f32::from_bits).collect()
}

/// The format whose codes are those of ONNX's type of that name: all codes, any zero point.
fn format_of(case: &Value) -> Format {
    let name = text(case, "type");
    let asymmetric = if name.starts_with('u') { name.to_owned() } else { format!("{name}-asym") };
    asymmetric.parse().unwrap()
}

fn layout_of(case: &Value) -> BlockLayout {
    let shape: Vec<usize> = integers(case, "shape");
    BlockLayout::new(
        &shape,
        case["axis"].as_u64().unwrap() as usize,
        text(case, "granularity").parse().unwrap(),
    )
}

fn grids_of(case: &Value) -> Vec<Affine> {
    let (min, max) = format_of(case).code_range();
    let grid = |(&scale, &zero): (&f32, &i32)| Affine {
        scale,
        zero_point: zero as f32,
        min_code: min as f32,
        max_code: max as f32,
    };
    floats(case, "scale").iter().zip(&integers::<i32>(case, "zero_point")).map(grid).collect()
}

fn quantized(case: &Value) -> Quantized {
    Quantized::nearest(format_of(case), layout_of(case), grids_of(case), &floats(case, "x"))
}

fn assert_same_bits(found: &[f32], expected: &[f32], case: &Value) {
    assert_eq!(found.len(), expected.len());
    for (i, (found, expected)) in found.iter().zip(expected).enumerate() {
        let (name, granularity) = (&case["type"], &case["granularity"]);
        assert_eq!(
            found.to_bits(),
            expected.to_bits(),
            "{name} {granularity} value {i}: {found} for {expected}"
        );
    }
}

#[test]
fn codes_and_values_are_those_of_onnx_quantize_linear_and_dequantize_linear() {
    let golden = golden(include_str!("../../golden/numeric/onnx.json"));
    for case in list(&golden, "quantize") {
        let quantized = quantized(case);
        assert_eq!(
            quantized.codes,
            integers::<i32>(case, "codes"),
            "{} {}",
            case["type"],
            case["granularity"]
        );
        assert_same_bits(&quantized.dequantize(), &floats(case, "y"), case);
    }
    assert_eq!(list(&golden, "quantize").len(), 8 * 5);
}

#[test]
fn packed_codes_are_those_of_onnx_tensors() {
    let golden = golden(include_str!("../../golden/numeric/onnx.json"));
    for case in list(&golden, "packed") {
        let (format, codes, bytes) =
            (format_of(case), integers::<i32>(case, "codes"), integers::<u8>(case, "bytes"));
        assert_eq!(pack(format, &codes).unwrap(), bytes, "{format}");
        assert_eq!(unpack(format, &bytes, codes.len()).unwrap(), codes, "{format}");
    }
    assert_eq!(list(&golden, "packed").len(), 8);
}

/// PyTorch's rule for one value: it multiplies by 1/Δ where ONNX and we divide by Δ.
fn torch_fake(grid: Affine, x: f32) -> f32 {
    let code = (x * (1.0 / grid.scale)).round_ties_even() + grid.zero_point;
    (code.clamp(grid.min_code, grid.max_code) - grid.zero_point) * grid.scale
}

#[test]
fn values_are_those_of_pytorch_where_the_scale_is_a_power_of_two() {
    let golden = golden(include_str!("../../golden/numeric/torch.json"));
    let exact = |case: &&Value| case["power_of_two"] == true;
    for case in list(&golden, "fake_quantize").iter().filter(exact) {
        assert_same_bits(&quantized(case).dequantize(), &floats(case, "y"), case);
    }
    assert_eq!(list(&golden, "fake_quantize").iter().filter(exact).count(), 4 * 3);
}

/// With any other scale, only quotients within a rounding of a tie can differ, and then by one step.
#[test]
fn values_differ_from_pytorchs_by_its_reciprocal_and_nothing_else() {
    let golden = golden(include_str!("../../golden/numeric/torch.json"));
    let (mut count, mut other) = (0, 0);
    for case in list(&golden, "fake_quantize") {
        let (layout, grids, values) = (layout_of(case), grids_of(case), floats(case, "x"));
        let grid = |i| grids[layout.block_of(i)];
        let expected = floats(case, "y");
        let by_their_rule: Vec<f32> =
            values.iter().enumerate().map(|(i, &x)| torch_fake(grid(i), x)).collect();
        assert_same_bits(&by_their_rule, &expected, case);
        for (i, (&x, &theirs)) in values.iter().zip(&expected).enumerate() {
            let (grid, ours) = (grid(i), grid(i).fake(x));
            count += 1;
            if ours.to_bits() != theirs.to_bits() {
                other += 1;
                let quotient = f64::from(x) / f64::from(grid.scale);
                let from_tie = (quotient.abs().fract() - 0.5).abs();
                assert!(from_tie <= 2e-7 * quotient.abs(), "{x} is no tie of {grid:?}");
                assert!(((ours - theirs) / grid.scale).abs() < 1.001);
            }
        }
    }
    // A quarter of the values were planted on ties, or this would be far rarer.
    assert!(other > 0 && other * 20 < count, "{other} of {count}");
}

#[test]
fn streams_are_those_of_another_philox() {
    let golden = golden(include_str!("../../golden/numeric/philox.json"));
    for case in golden.as_array().unwrap() {
        let number = |key| text(case, key).parse::<u64>().unwrap();
        let (random, stream) = (Philox::new(number("seed")), number("stream"));
        assert_eq!(random.words(stream).take(10).collect::<Vec<_>>(), integers::<u32>(case, "words"));
        for (found, expected) in random.normals(stream).zip(floats(case, "normals")) {
            // Python's logarithm and cosine may differ from libm's in the last bit of an f64.
            assert!((found - expected).abs() <= f32::EPSILON * expected.abs(), "{found} for {expected}");
        }
    }
}
