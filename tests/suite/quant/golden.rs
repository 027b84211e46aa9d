//! Reference values made by `tools/golden/quant.py`.

use fewbit_numeric::{Histogram, Range};
use serde_json::Value;

/// One of the files, an array of cases or an object.
pub(crate) fn read(name: &str) -> Value {
    let path = format!("{}/golden/quant/{name}.json", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{path}: {e}"));
    serde_json::from_str(&text).unwrap()
}

/// The cases of a file.
pub(crate) fn cases(name: &str) -> Vec<Value> {
    read(name).as_array().unwrap().clone()
}

/// One of the named samples.
pub(crate) fn sample(name: &str) -> Vec<f32> {
    floats(&read("samples")[name])
}

pub(crate) fn number(value: &Value) -> f64 {
    value.as_f64().unwrap()
}

pub(crate) fn float(value: &Value) -> f32 {
    number(value) as f32
}

pub(crate) fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

pub(crate) fn floats(value: &Value) -> Vec<f32> {
    value.as_array().unwrap().iter().map(float).collect()
}

pub(crate) fn integers(value: &Value) -> Vec<i64> {
    value.as_array().unwrap().iter().map(|x| x.as_i64().unwrap()).collect()
}

pub(crate) fn range(value: &Value) -> Range {
    Range { min: float(&value[0]), max: float(&value[1]) }
}

/// The histogram of a case: `low`, `high`, `counts`.
pub(crate) fn histogram(case: &Value) -> Histogram {
    let low = case.get("low").map_or(0.0, float);
    let mut histogram =
        Histogram::new(low, float(&case["high"]), case["counts"].as_array().unwrap().len()).unwrap();
    histogram.counts = integers(&case["counts"]).iter().map(|&n| n as u64).collect();
    histogram
}
