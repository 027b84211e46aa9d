// The functions of one element, `fewbit_graph::op::Unary`: the constant ACTIVATION picks one (0: none of them).
// a and b are its attributes in the order of their declaration.
//
// WGSL promises little of exp near overflow, and nothing useful of tanh, so each formula keeps to arguments
// where the built-ins are good to a few units in the last place. Comparisons are written so that NaN stays NaN.

override ACTIVATION: u32 = 0u;

fn activate(x: f32, a: f32, b: f32) -> f32 {
  switch ACTIVATION {
    case 1u: { return select(x, 0.0, x < 0.0); }
    case 2u: { return select(x, a * x, x < 0.0); }
    case 3u: { return clip(x, a, b); }
    case 4u: { return clip(a * x + b, 0.0, 1.0); }
    case 5u: { return x * clip(x / 6.0 + 0.5, 0.0, 1.0); }
    case 6u: { return sigmoid(x); }
    case 7u: { return x * sigmoid(x); }
    case 8u: { return tangent(x); }
    case 9u: { return exp(x); }
    case 10u: { return log(x); }
    case 11u: { return sqrt(x); }
    case 12u: { return abs(x); }
    case 13u: { return -x; }
    case 14u: { return 1.0 / x; }
    case 15u: { return error_function(x); }
    case 16u: { return 0.5 * x * (1.0 + error_function(x * 0.70710678)); }
    case 17u: { return select(x, 0.0, x < 0.0) + log_1p(exp(-abs(x))); }
    case 18u: { return select(x, a * exp_m1(x), x < 0.0); }
    case 19u: { return round(x); }
    case 20u: { return floor(x); }
    case 21u: { return sign(x); }
    case 22u: { return clip(1.2 * sigmoid(x) - 0.1, 0.0, 1.0); }
    default: { return x; }
  }
}

fn clip(x: f32, low: f32, high: f32) -> f32 {
  let y = select(x, low, x < low);
  return select(y, high, y > high);
}

// 1/(1 + e⁻ˣ), by e^-|x| so that nothing overflows.
fn sigmoid(x: f32) -> f32 {
  let e = exp(-abs(x));
  return select(1.0, e, x < 0.0) / (1.0 + e);
}

// (1 − e)/(1 + e) with e = e^-2|x|.
fn tangent(x: f32) -> f32 {
  let e_m1 = exp_m1(-2.0 * abs(x));
  return sign(x) * (-e_m1 / (2.0 + e_m1));
}

// eˣ − 1 for x <= 0: near zero its Taylor series, where the difference would cancel.
fn exp_m1(x: f32) -> f32 {
  let series = x * (1.0 + x / 2.0 * (1.0 + x / 3.0 * (1.0 + x / 4.0 * (1.0 + x / 5.0 * (1.0 + x / 6.0 * (1.0 + x / 7.0))))));
  return select(exp(x) - 1.0, series, x > -0.5);
}

// ln(1 + e) for 0 <= e <= 1: 2·artanh(e/(2 + e)) as a series, since log may be off by 2⁻²¹ near 1.
fn log_1p(e: f32) -> f32 {
  let t = e / (2.0 + e);
  let s = t * t;
  return 2.0 * t * (1.0 + s * (1.0 / 3.0 + s * (0.2 + s * (1.0 / 7.0 + s * (1.0 / 9.0 + s * (1.0 / 11.0 + s / 13.0))))));
}

// Below 1 the Maclaurin series 2/√π·Σ (−1)ⁿx²ⁿ⁺¹/(n!(2n + 1)), beyond formula 7.1.26 of Abramowitz and Stegun
// (Handbook of Mathematical Functions, 1964): |error| <= 1.5e-7.
fn error_function(x: f32) -> f32 {
  let m = abs(x);
  let s = x * x;
  let series = x * (1.1283792 + s * (-0.37612639 + s * (0.11283792 + s * (-0.026866171 + s * (0.0052239776
    + s * (-0.00085483270 + s * (0.00012055333 + s * (-0.000014925650 + s * 0.0000016462115))))))));
  let t = 1.0 / (1.0 + 0.3275911 * m);
  let tail = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))));
  return select(sign(x) * (1.0 - tail * exp(-min(s, 80.0))), series, m < 1.0);
}
