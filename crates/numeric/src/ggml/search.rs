//! Quantizing blocks of 256 (the K types): grids are searched for, by the error that they leave.

use super::BlockType;
use super::values::scale_and_min;
use crate::affine::round_half_even;
use crate::float16::{from_f16, to_f16};

/// Blocks whose largest magnitude is below this are zeros.
const NOTHING: f32 = 1e-15;

/// Writes one block. Bytes are zero before.
pub(super) fn write(kind: BlockType, values: &[f32], bytes: &mut [u8]) {
    match kind {
        BlockType::Q4_K => ranged(values, bytes, &Search { levels: 15, first: -1.0, steps: 20 }),
        BlockType::Q5_K => ranged(values, bytes, &Search { levels: 31, first: -0.5, steps: 15 }),
        _ => q6(values, bytes),
    }
}

fn nearest(x: f32) -> i32 {
    round_half_even(x) as i32
}

/// How grids are searched for: with 1/Δ of (first + i/10 + levels) / (max − min), i up to `steps`.
struct Search {
    levels: i32,
    first: f32,
    steps: u32,
}

/// Q4_K and Q5_K: eight parts of 32, each Δ·q − m; the eight Δ and m are codes of 6 bits themselves.
fn ranged(values: &[f32], bytes: &mut [u8], search: &Search) {
    let (mut scales, mut mins) = ([0f32; 8], [0f32; 8]);
    let mut codes = [0u8; 256];
    for (part, values) in values.chunks_exact(32).enumerate() {
        (scales[part], mins[part]) = fit(values, search, &mut codes[32 * part..][..32]);
    }
    let [max_scale, max_min] = [&scales, &mins].map(|all| all.iter().fold(0f32, |max, &x| max.max(x)));
    let to_codes = |max: f32| if max > 0.0 { 63.0 / max } else { 0.0 };
    let (scale_codes, min_codes) = (to_codes(max_scale), to_codes(max_min));
    for part in 0..8 {
        let scale = nearest(scale_codes * scales[part]).clamp(0, 63) as u8;
        let min = nearest(min_codes * mins[part]).clamp(0, 63) as u8;
        let packed = &mut bytes[4..16];
        if part < 4 {
            packed[part] = scale;
            packed[part + 4] = min;
        } else {
            packed[part + 4] = scale & 0xf | min << 4;
            packed[part - 4] |= scale >> 4 << 6;
            packed[part] |= min >> 4 << 6;
        }
    }
    let (d, dmin) = (to_f16(max_scale / 63.0), to_f16(max_min / 63.0));
    bytes[..2].copy_from_slice(&d.to_le_bytes());
    bytes[2..4].copy_from_slice(&dmin.to_le_bytes());
    for part in 0..8 {
        let (scale, min) = scale_and_min(&bytes[4..16], part);
        let (d, min) = (from_f16(d) * f32::from(scale), from_f16(dmin) * f32::from(min));
        // A part without a scale keeps the codes of the search, which stand for nothing.
        for (code, x) in codes[32 * part..][..32].iter_mut().zip(&values[32 * part..]).filter(|_| d != 0.0) {
            *code = nearest((x + min) / d).clamp(0, search.levels) as u8;
        }
    }
    let (high, low) = bytes[16..].split_at_mut(if search.levels == 31 { 32 } else { 0 });
    for (i, code) in codes.into_iter().enumerate() {
        low[i / 64 * 32 + i % 32] |= (code & 0xf) << (4 * (i / 32 % 2));
        if let Some(byte) = high.get_mut(i % 32) {
            *byte |= (code >> 4) << (i / 32);
        }
    }
}

/// Δ and m ≥ 0 for values Δ·q − m, and the codes q, by weighted least squares: of the grids tried, the one with the least weighted
/// error.
fn fit(values: &[f32], search: &Search, codes: &mut [u8]) -> (f32, f32) {
    let squares = values.iter().fold(0f32, |sum, x| sum + x * x);
    let mean = (squares / 32.0).sqrt();
    let weights: Vec<f32> = values.iter().map(|x| mean + x.abs()).collect();
    let weighted = || weights.iter().copied().zip(values.iter().copied());
    let min = values.iter().fold(values[0], |min, &x| min.min(x)).min(0.0);
    let max = values.iter().fold(values[0], |max, &x| max.max(x));
    let (sum_w, sum_x) = weighted().fold((0f32, 0f32), |(w_sum, x_sum), (w, x)| (w_sum + w, x_sum + w * x));
    if max == min {
        return (0.0, -min);
    }
    let levels = search.levels as f32;
    // The codes of a try count from the minimum of the best one before it.
    let code = |inverse: f32, min: f32, x: f32| nearest(inverse * (x - min)).clamp(0, search.levels) as f32;
    let error = |tried: [f32; 2], scale: f32, low: f32| {
        weighted().fold(0f32, |sum, (w, x)| {
            let difference = scale * code(tried[0], tried[1], x) + low - x;
            sum + w * (difference * difference)
        })
    };
    let mut best_try = [levels / (max - min), min];
    let mut best = (1.0 / best_try[0], min);
    let mut least = error(best_try, best.0, min);
    for step in 0..=search.steps {
        let tried = [(search.first + 0.1 * step as f32 + levels) / (max - best.1), best.1];
        let (mut sum_l, mut sum_ll, mut sum_xl) = (0f32, 0f32, 0f32);
        for (w, x) in weighted() {
            let l = code(tried[0], tried[1], x);
            sum_l += w * l;
            sum_ll += w * l * l;
            sum_xl += w * l * x;
        }
        let determinant = sum_w * sum_ll - sum_l * sum_l;
        if determinant > 0.0 {
            let mut scale = (sum_w * sum_xl - sum_x * sum_l) / determinant;
            let mut low = (sum_ll * sum_x - sum_l * sum_xl) / determinant;
            if low > 0.0 {
                low = 0.0;
                scale = sum_xl / sum_ll;
            }
            let found = error(tried, scale, low);
            if found < least {
                least = found;
                best = (scale, low);
                best_try = tried;
            }
        }
    }
    for (to, x) in codes.iter_mut().zip(values) {
        *to = code(best_try[0], best_try[1], *x) as u8;
    }
    (best.0, -best.1)
}

/// Q6_K: sixteen parts of 16, each Δ·(q − 32); the sixteen Δ are codes of 8 bits.
fn q6(values: &[f32], bytes: &mut [u8]) {
    let mut scales = [0f32; 16];
    let mut codes = [0u8; 256];
    let mut extreme = 0f32;
    for (i, (scale, part)) in scales.iter_mut().zip(values.chunks_exact(16)).enumerate() {
        *scale = fit_signed(part, &mut codes[16 * i..][..16]);
        if scale.abs() > extreme.abs() {
            extreme = *scale;
        }
    }
    if extreme.abs() < NOTHING {
        return;
    }
    let inverse = -128.0 / extreme;
    let d = to_f16(1.0 / inverse);
    bytes[208..].copy_from_slice(&d.to_le_bytes());
    for (part, scale) in scales.into_iter().enumerate() {
        let code = nearest(inverse * scale).min(127) as i8;
        bytes[192 + part] = code as u8;
        let d = from_f16(d) * f32::from(code);
        for i in 16 * part..16 * part + 16 {
            let code = if d == 0.0 { codes[i] } else { (nearest(values[i] / d).clamp(-32, 31) + 32) as u8 };
            let (half, within) = (i / 128, i % 128);
            bytes[64 * half + within % 64] |= (code & 0xf) << (4 * (within / 64));
            bytes[128 + 32 * half + within % 32] |= (code >> 4) << (2 * (within / 32));
        }
    }
}

/// Δ for values Δ·q, q from −32 to 31, and the codes q + 32, by least squares weighted with the squares of the values.
fn fit_signed(values: &[f32], codes: &mut [u8]) -> f32 {
    let extreme = values.iter().fold(0f32, |extreme, &x| if x.abs() > extreme.abs() { x } else { extreme });
    if extreme.abs() < NOTHING {
        return 0.0;
    }
    let sums = |inverse: f32| {
        values.iter().fold((0f32, 0f32), |(xl, ll), &x| {
            let l = nearest(inverse * x).clamp(-32, 31) as f32;
            let w = x * x;
            (xl + w * x * l, ll + w * l * l)
        })
    };
    let mut best_inverse = -32.0 / extreme;
    let (xl, ll) = sums(best_inverse);
    let mut scale = if ll == 0.0 { 0.0 } else { xl / ll };
    let mut best = scale * xl;
    for step in (-9..=9i8).filter(|&step| step != 0) {
        let inverse = -(32.0 + 0.1 * f32::from(step)) / extreme;
        let (xl, ll) = sums(inverse);
        if ll > 0.0 && xl * xl > best * ll {
            scale = xl / ll;
            best = scale * xl;
            best_inverse = inverse;
        }
    }
    for (to, x) in codes.iter_mut().zip(values) {
        *to = (nearest(best_inverse * x).clamp(-32, 31) + 32) as u8;
    }
    scale
}
