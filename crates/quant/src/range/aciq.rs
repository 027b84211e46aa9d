//! ACIQ: the clipping value that is best for a Gauss or a Laplace distribution (Banner et al. 2019, arXiv 1810.05723).
//!
//! For M bits over [−α, α] the expected squared error is the rounding error α²/(3·4ᴹ) and the clipping error:
//! 2b²·e^(−α/b) for Laplace with b = E|x − μ|; 2∫(x − α)²φ(x)dx from α on for Gauss with the standard deviation σ. Values that are never
//! negative fill half the interval with the same codes, which is as if there were one bit more. The distribution is
//! told by the kurtosis: 3 for Gauss, 6 for Laplace, 4½ parts them.
//!
//! The authors tabulate α/b and α/σ with two decimals; here the equations themselves are solved, for any M.

use fewbit_numeric::Range;

/// Above this kurtosis values count as Laplace distributed.
const KURTOSIS_LAPLACE: f64 = 4.5;
/// Halvings of an interval: more than f64 can tell.
const HALVINGS: u32 = 64;

/// How values spread around their mean.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Spread {
    /// μ.
    pub mean: f64,
    /// b = E|x − μ|.
    pub mean_deviation: f64,
    /// σ, of the values as a whole population.
    pub standard_deviation: f64,
    /// E(x − μ)⁴/σ⁴; 3 for a normal distribution. 0 where σ is 0.
    pub kurtosis: f64,
}

impl Spread {
    /// The spread of values, each with how often it occurs. All zeros for none.
    pub fn of<I: IntoIterator<Item = (f32, u64), IntoIter: Clone>>(points: I) -> Self {
        let points = points.into_iter().map(|(x, n)| (f64::from(x), n as f64));
        let (sum, n) = points.clone().fold((0.0, 0.0), |(sum, total), (x, n)| (sum + n * x, total + n));
        if n == 0.0 {
            return Self::default();
        }
        let mean = sum / n;
        let (mut first, mut second, mut fourth) = (0.0, 0.0, 0.0);
        for (x, n) in points {
            let d = x - mean;
            first += n * d.abs();
            second += n * d * d;
            fourth += n * (d * d) * (d * d);
        }
        let variance = second / n;
        let kurtosis = if variance > 0.0 { fourth / n / (variance * variance) } else { 0.0 };
        Self { mean, mean_deviation: first / n, standard_deviation: variance.sqrt(), kurtosis }
    }
}

/// The clipped range for `bits`-bit codes: [μ − α, μ + α], or [0, max(μ, 0) + α] of values that are never negative,
/// and never wider than the values seen.
pub fn range(spread: &Spread, seen: Range, bits: u8) -> Range {
    let one_sided = seen.min >= 0.0;
    let bits = bits + u8::from(one_sided);
    let alpha = if spread.kurtosis > KURTOSIS_LAPLACE {
        laplace(bits) * spread.mean_deviation
    } else {
        gauss(bits) * spread.standard_deviation
    };
    let (low, high) = match one_sided {
        true => (0.0, spread.mean.max(0.0) + alpha),
        false => (spread.mean - alpha, spread.mean + alpha),
    };
    let min = if one_sided { 0.0 } else { (low as f32).max(seen.min) };
    Range { min, max: (high as f32).min(seen.max).max(min) }
}

/// The best α/b for a Laplace distribution: the root t of t·eᵗ = 3·4ᴹ.
pub fn laplace(bits: u8) -> f64 {
    let target = libm::log(3.0 * levels_squared(bits));
    root(|t| t + libm::log(t) - target)
}

/// The best α/σ for a normal distribution: the root t of t/(3·4ᴹ) = 2·(φ(t) − t·(1 − Φ(t))).
pub fn gauss(bits: u8) -> f64 {
    let rounding = 1.0 / (3.0 * levels_squared(bits));
    let density = |t: f64| libm::exp(-0.5 * t * t) / (2.0 * std::f64::consts::PI).sqrt();
    let tail = |t: f64| 0.5 * libm::erfc(t / std::f64::consts::SQRT_2);
    root(|t| t * rounding - 2.0 * (density(t) - t * tail(t)))
}

/// 4ᴹ.
fn levels_squared(bits: u8) -> f64 {
    (0..bits).fold(1.0, |product, _| product * 4.0)
}

/// Where a function that grows on (0, 64) passes 0.
fn root(f: impl Fn(f64) -> f64) -> f64 {
    let (mut low, mut high) = (0.0, 64.0);
    for _ in 0..HALVINGS {
        let middle = 0.5 * (low + high);
        if f(middle) < 0.0 {
            low = middle;
        } else {
            high = middle;
        }
    }
    0.5 * (low + high)
}
