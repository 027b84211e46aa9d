// Circular and hyperbolic functions and their inverses, as far as WGSL's own promise too little: an absolute error of
// 2⁻¹¹ for sin and cos, 4096 units in the last place for atan. Needs activation.wgsl.

// sin x and cos x: x less the nearest multiple k of π/2, which is subtracted in three parts (8, 11 and 24 bits, so that
// k times the first is exact up to |x| of 10⁵), and their Taylor series around 0.
fn sine_and_cosine(x: f32) -> vec2f {
  let k = round(x * 0.63661977);
  let r = ((x - k * 1.5703125) - k * 0.0004837513) - k * 7.5497901e-8;
  let s = r * r;
  let sine = r * (1.0 - s / 6.0 * (1.0 - s / 20.0 * (1.0 - s / 42.0 * (1.0 - s / 72.0))));
  let cosine = 1.0 - s / 2.0 * (1.0 - s / 12.0 * (1.0 - s / 30.0 * (1.0 - s / 56.0 * (1.0 - s / 90.0))));
  let quarter = u32(i32(k)) & 3u;
  let turned = select(vec2f(sine, cosine), vec2f(cosine, -sine), (quarter & 1u) == 1u);
  return select(turned, -turned, quarter >= 2u);
}

fn tangent_of(x: f32) -> f32 {
  let both = sine_and_cosine(x);
  return both.x / both.y;
}

// atan z = π/2 − atan 1/z beyond 1, and π/4 + atan (z − 1)/(z + 1) beyond √2 − 1; then its Maclaurin series.
fn arctangent(x: f32) -> f32 {
  let m = abs(x);
  let z = select(m, 1.0 / m, m > 1.0);
  let upper = z > 0.41421356;
  let t = select(z, (z - 1.0) / (z + 1.0), upper);
  let s = t * t;
  let series = t * (1.0 - s * (1.0 / 3.0 - s * (0.2 - s * (1.0 / 7.0 - s * (1.0 / 9.0 - s * (1.0 / 11.0
    - s * (1.0 / 13.0 - s * (1.0 / 15.0 - s / 17.0))))))));
  let angle = select(series, 0.78539816 + series, upper);
  let whole = select(angle, 1.5707963 - angle, m > 1.0);
  return select(whole, -whole, x < 0.0);
}

// asin t = atan t/√(1 − t²), and beyond ½ π/2 − 2·asin √((1 − t)/2). The two in one: asin and acos.
fn arcsine_and_arccosine(x: f32) -> vec2f {
  let m = abs(x);
  if (m > 1.0) {
    return vec2f(not_a_number());
  }
  let outer = m > 0.5;
  let t = select(m, sqrt(0.5 - 0.5 * m), outer);
  let angle = arctangent(t / sqrt(1.0 - t * t));
  let positive = select(vec2f(angle, 1.5707963 - angle), vec2f(1.5707963 - 2.0 * angle, 2.0 * angle), outer);
  return select(positive, vec2f(-positive.x, 3.1415927 - positive.y), x < 0.0);
}

// Near 0 its Taylor series, where the difference would cancel.
fn hyperbolic_sine(x: f32) -> f32 {
  let s = x * x;
  let series = x * (1.0 + s / 6.0 * (1.0 + s / 20.0 * (1.0 + s / 42.0 * (1.0 + s / 72.0))));
  return select(0.5 * (exp(x) - exp(-x)), series, abs(x) < 1.0);
}

// ln(1 + e) for e >= 0.
fn log_above(e: f32) -> f32 {
  return select(log_1p(e), log(1.0 + e), e > 1.0);
}

// ln(m + √(m² + 1)); where the square would overflow, ln 2m.
fn inverse_hyperbolic_sine(x: f32) -> f32 {
  let m = abs(x);
  let s = m * m;
  let y = select(log_above(m + s / (1.0 + sqrt(1.0 + s))), log(m) + 0.69314718, m > 1e18);
  return select(y, -y, x < 0.0);
}

// ln(x + √(x² − 1)) by t = x − 1.
fn inverse_hyperbolic_cosine(x: f32) -> f32 {
  if (x < 1.0) {
    return not_a_number();
  }
  let t = x - 1.0;
  return select(log_above(t + sqrt(t * (t + 2.0))), log(x) + 0.69314718, x > 1e18);
}

// ½·ln((1 + x)/(1 − x)) by ln(1 + 2m/(1 − m)).
fn inverse_hyperbolic_tangent(x: f32) -> f32 {
  let m = abs(x);
  if (m > 1.0) {
    return not_a_number();
  }
  let y = 0.5 * log_above(2.0 * m / (1.0 - m));
  return select(y, -y, x < 0.0);
}
