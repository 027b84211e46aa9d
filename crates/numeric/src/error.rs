//! How far quantized values are from the true ones.
//!
//! Every sum is taken in f64, one value after the other in the order given, so that the same values give the same
//! bits on every machine. A value that is not finite is not passed over: it makes the sums infinite or NaN.

use serde::{Deserialize, Serialize};

use crate::layout::BlockLayout;
use crate::quantized::Quantized;

/// The sums from which every error measure of true values a and their approximations b follows, with e = b − a.
///
/// Sums of disjoint parts can be [merged](Self::merge). The default is the sums of no values.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ErrorStats {
    /// The number of values.
    pub n: u64,
    /// Σ a².
    pub signal: f64,
    /// Σ e².
    pub noise: f64,
    /// Σ a.
    pub sum_signal: f64,
    /// Σ e.
    pub sum_noise: f64,
    /// Σ a·e.
    pub cross: f64,
    /// max |e|; 0 for no values, NaN if an error is NaN.
    pub max_abs: f64,
}

impl ErrorStats {
    /// The sums for true values `a` and approximations `b`, of the same length.
    pub fn between(a: &[f32], b: &[f32]) -> Self {
        debug_assert_eq!(a.len(), b.len(), "one approximation for each true value");
        let mut stats = Self { n: a.len().min(b.len()) as u64, ..Self::default() };
        for (&a, &b) in a.iter().zip(b) {
            let (a, b) = (f64::from(a), f64::from(b));
            let e = b - a;
            stats.signal += a * a;
            stats.noise += e * e;
            stats.sum_signal += a;
            stats.sum_noise += e;
            stats.cross += a * e;
            stats.max_abs = larger(stats.max_abs, e.abs());
        }
        stats
    }

    /// The sums for each block of `layout`, which `a` and `b` both have.
    pub fn per_block(layout: &BlockLayout, a: &[f32], b: &[f32]) -> Vec<Self> {
        let mut blocks = vec![Self::default(); layout.block_count()];
        for (block, run) in layout.runs() {
            blocks[block].merge(&Self::between(&a[run.clone()], &b[run]));
        }
        blocks
    }

    /// Adds the sums of other values. Floating-point sums depend on the order: merge parts in a fixed one.
    pub fn merge(&mut self, other: &Self) {
        self.n += other.n;
        self.signal += other.signal;
        self.noise += other.noise;
        self.sum_signal += other.sum_signal;
        self.sum_noise += other.sum_noise;
        self.cross += other.cross;
        self.max_abs = larger(self.max_abs, other.max_abs);
    }

    /// The mean squared error Σe²/n; 0 for no values.
    pub fn mse(&self) -> f64 {
        mean(self.noise, self.n)
    }

    /// The mean error Σe/n, which a shift of the values would take away; 0 for no values.
    pub fn mean_error(&self) -> f64 {
        mean(self.sum_noise, self.n)
    }

    /// The signal-to-quantization-noise ratio 10·log₁₀(Σa²/Σe²) in decibels.
    ///
    /// Without noise it is +∞ (also for no values and for all zeros); with noise but no signal it is −∞.
    pub fn sqnr_db(&self) -> f64 {
        if self.noise == 0.0 { f64::INFINITY } else { 10.0 * libm::log10(self.signal / self.noise) }
    }

    /// The cosine Σab / √(Σa²·Σb²) of the angle between a and b, in [−1, 1].
    ///
    /// It is 1 if both are all zeros (or there are no values), and 0 if only one of them is.
    pub fn cosine(&self) -> f64 {
        let approximation = self.signal + 2.0 * self.cross + self.noise;
        if self.signal == 0.0 && self.noise == 0.0 {
            return 1.0;
        }
        if self.signal == 0.0 || approximation <= 0.0 {
            return 0.0;
        }
        ((self.signal + self.cross) / (self.signal.sqrt() * approximation.sqrt())).clamp(-1.0, 1.0)
    }
}

/// The share of the noise that one shift for each channel would take away: Σ_c n_c·ē_c² / Σ_c Σe², in [0, 1].
///
/// This is ‖E e‖² / E‖e‖², the part of the error that bias correction removes. It is 0 if there is no noise.
pub fn correctable_fraction(channels: &[ErrorStats]) -> f64 {
    let noise: f64 = channels.iter().map(|c| c.noise).sum();
    let mean_noise: f64 = channels.iter().map(|c| c.mean_error() * c.sum_noise).sum();
    if noise == 0.0 { 0.0 } else { (mean_noise / noise).clamp(0.0, 1.0) }
}

/// Where the noise Σe² of a quantized tensor comes from.
///
/// A value between the smallest and the largest level of its grid has a rounding error, any other a clipping error.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct NoiseSplit {
    /// Σe² over the values within the levels (and those that are NaN).
    pub rounding: f64,
    /// Σe² over the values outside the levels.
    pub clipping: f64,
    /// The number of values outside the levels.
    pub clipped: u64,
}

impl NoiseSplit {
    /// The split for `quantized` and the float `values` that it stands for, row-major and as many as its codes.
    pub fn of(quantized: &Quantized, values: &[f32]) -> Self {
        debug_assert_eq!(values.len(), quantized.codes.len(), "one value for each code");
        let mut split = Self::default();
        for (block, run) in quantized.layout.runs() {
            let grid = quantized.grids[block];
            for (&x, &code) in values[run.clone()].iter().zip(&quantized.codes[run]) {
                let e = f64::from(grid.value(code as f32)) - f64::from(x);
                if grid.clips(x) {
                    split.clipping += e * e;
                    split.clipped += 1;
                } else {
                    split.rounding += e * e;
                }
            }
        }
        split
    }
}

/// The Kullback–Leibler divergence Σ p·ln(p/q), in nats, of the distributions p and q that the softmax makes of one
/// row of logits each.
///
/// A logit of −∞ is a probability of 0: where p is 0 the term is 0, where only q is 0 the divergence is +∞.
/// Two empty rows have divergence 0. Rows without a finite distribution (NaN, +∞, nothing but −∞) give NaN.
pub fn kl_divergence(p_logits: &[f32], q_logits: &[f32]) -> f64 {
    debug_assert_eq!(p_logits.len(), q_logits.len(), "two rows over the same classes");
    let (p_norm, q_norm) = (log_sum_exp(p_logits), log_sum_exp(q_logits));
    let mut divergence = 0.0;
    for (&p, &q) in p_logits.iter().zip(q_logits) {
        let (ln_p, ln_q) = (f64::from(p) - p_norm, f64::from(q) - q_norm);
        let p = libm::exp(ln_p);
        // ln 0 is −∞, and 0·(−∞) is no number; a NaN must pass.
        if p != 0.0 {
            divergence += p * (ln_p - ln_q);
        } else if ln_q.is_nan() {
            return f64::NAN;
        }
    }
    // It is never negative; its rounding error may be.
    if divergence < 0.0 { 0.0 } else { divergence }
}

/// −ln of the probability, in nats, that the softmax makes of one row of logits for the class `label`; +∞ for a class that there is not.
pub fn cross_entropy(logits: &[f32], label: i64) -> f64 {
    let logit = usize::try_from(label).ok().and_then(|label| logits.get(label));
    logit.map_or(f64::INFINITY, |&logit| log_sum_exp(logits) - f64::from(logit))
}

/// The two-sided 95 % quantile of the normal distribution, as commonly rounded.
pub const Z_95: f64 = 1.96;

/// Wilson's score interval [low, high] for a proportion of which `successes` of `n` trials were seen
/// (Wilson 1927, J. Am. Stat. Assoc. 22:209), at the normal quantile `z` (see [`Z_95`]).
///
/// It is [0, 1] for no trials. More successes than trials count as all.
pub fn wilson_interval(successes: u64, n: u64, z: f64) -> [f64; 2] {
    if n == 0 {
        return [0.0, 1.0];
    }
    let successes = successes.min(n);
    let trials = n as f64;
    let p = successes as f64 / trials;
    let z2_per_n = z * z / trials;
    let centre = (p + z2_per_n / 2.0) / (1.0 + z2_per_n);
    let half = (p * (1.0 - p) * z2_per_n + z2_per_n * z2_per_n / 4.0).sqrt() / (1.0 + z2_per_n);
    let low = if successes == 0 { 0.0 } else { centre - half };
    let high = if successes == n { 1.0 } else { centre + half };
    [low, high]
}

/// The larger of the two; NaN if either is.
fn larger(a: f64, b: f64) -> f64 {
    if a.is_nan() || a > b { a } else { b }
}

fn mean(sum: f64, n: u64) -> f64 {
    if n == 0 { 0.0 } else { sum / n as f64 }
}

/// ln Σ exp(x), shifted by the largest x so that no term overflows; −∞ for no values.
fn log_sum_exp(logits: &[f32]) -> f64 {
    let largest = logits.iter().fold(f64::NEG_INFINITY, |m, &x| larger(m, f64::from(x)));
    largest + libm::log(logits.iter().map(|&x| libm::exp(f64::from(x) - largest)).sum())
}
