//! Two models on the same samples: can they be told apart?
//!
//! McNemar's test looks at the samples on which exactly one of two models is right. If the models are equally good, the
//! number of those that the first one has right is binomial with p = 1/2. The exact p-value is conservative; the mid-p-value,
//! which counts the outcome itself half, keeps closest to its level (Fagerland, Lydersen and Laake 2013, BMC Medical
//! Research Methodology 13:91).

use serde::{Deserialize, Serialize};

/// On which samples a model was right, as bits: a few hundred bytes for ten thousand samples.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Correctness {
    n: u32,
    bits: Vec<u8>,
}

/// Two models, sample by sample.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Paired {
    /// Samples.
    pub n: u32,
    /// Samples that only the first has right.
    pub only_first: u32,
    /// Samples that only the second has right.
    pub only_second: u32,
    /// McNemar's exact p-value, two-sided.
    pub exact: f64,
    /// The mid-p-value, two-sided.
    pub mid_p: f64,
}

impl FromIterator<bool> for Correctness {
    fn from_iter<I: IntoIterator<Item = bool>>(right: I) -> Self {
        let mut all = Self::default();
        for right in right {
            if all.n.is_multiple_of(8) {
                all.bits.push(0);
            }
            if let Some(last) = all.bits.last_mut().filter(|_| right) {
                *last |= 1 << (all.n % 8);
            }
            all.n += 1;
        }
        all
    }
}

impl Correctness {
    /// The number of samples.
    pub fn len(&self) -> u32 {
        self.n
    }

    /// Whether nothing is known: there are no labels, or nothing was measured.
    pub fn is_empty(&self) -> bool {
        self.n == 0
    }

    /// For each sample whether it is right.
    pub fn iter(&self) -> impl Iterator<Item = bool> + '_ {
        let bits = self.bits.iter().flat_map(|byte| (0..8).map(move |bit| byte >> bit & 1 == 1));
        bits.take(self.n as usize)
    }

    /// How many are right.
    pub fn count(&self) -> u32 {
        self.iter().filter(|&right| right).count() as u32
    }
}

impl Paired {
    /// Compares two models; none if they did not see the same number of samples, or none at all.
    pub fn of(first: &Correctness, second: &Correctness) -> Option<Self> {
        if first.n != second.n || first.n == 0 {
            return None;
        }
        let pairs = || first.iter().zip(second.iter());
        let only_first = pairs().filter(|&(a, b)| a && !b).count() as u32;
        let only_second = pairs().filter(|&(a, b)| b && !a).count() as u32;
        let [exact, mid_p] = mcnemar(only_first, only_second);
        Some(Self { n: first.n, only_first, only_second, exact, mid_p })
    }

    /// By how much the second is right more often, −1 to 1.
    pub fn difference(&self) -> f64 {
        (f64::from(self.only_second) - f64::from(self.only_first)) / f64::from(self.n)
    }
}

/// McNemar's exact and mid-p-value, two-sided, where `first` and `second` samples are right in one model alone.
///
/// With n = first + second, m the smaller one and f(k) = C(n, k)/2ⁿ: exact = 2·Σ_{k≤m} f(k), at most 1; mid-p = exact − f(m),
/// and 1 − f(m)/2 where both are equal. Without such samples both are 1.
pub fn mcnemar(first: u32, second: u32) -> [f64; 2] {
    let (less, n) = (f64::from(first.min(second)), f64::from(first) + f64::from(second));
    let ln_factorial = |k: f64| libm::lgamma(k + 1.0);
    let ln_choose = ln_factorial(n) - ln_factorial(less) - ln_factorial(n - less);
    let outcome = libm::exp(ln_choose - n * std::f64::consts::LN_2);
    if n == 0.0 {
        return [1.0, 1.0];
    }
    if first == second {
        return [1.0, 1.0 - 0.5 * outcome];
    }
    let (mut tail, mut term, mut k) = (outcome, outcome, less);
    // f(k − 1) = f(k) · k / (n − k + 1)
    while k > 0.0 && term > 0.0 {
        term *= k / (n - k + 1.0);
        tail += term;
        k -= 1.0;
    }
    [(2.0 * tail).min(1.0), (2.0 * tail - outcome).min(1.0)]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(a: f64, b: f64) -> bool {
        (a - b).abs() <= 1e-10 * b.abs()
    }

    #[test]
    fn p_values_are_those_of_exact_fractions() {
        // From rational arithmetic; the first is the example of Fagerland et al. (0.0703 and 0.0391).
        let cases = [
            (1, 7, 0.0703125, 0.0390625),
            (0, 5, 0.0625, 0.03125),
            (3, 3, 1.0, 0.84375),
            (0, 0, 1.0, 1.0),
            (59, 6, 4.964650327128617e-12, 2.72580319860688e-12),
            (120, 171, 0.0033087986331269037, 0.002777393595138022),
            (2000, 2100, 0.12206497999113813, 0.1183839368612952),
        ];
        for (first, second, exact, mid_p) in cases {
            let found = mcnemar(first, second);
            assert!(near(found[0], exact) && near(found[1], mid_p), "{first}, {second}: {found:?}");
            assert_eq!(found, mcnemar(second, first), "two-sided");
        }
    }

    #[test]
    fn pairs_are_counted_sample_by_sample() {
        let first: Correctness = (0..21).map(|i| i % 3 == 0).collect();
        let second: Correctness = (0..21).map(|i| i % 2 == 0).collect();
        assert_eq!((first.len(), first.count(), second.count()), (21, 7, 11));
        let paired = Paired::of(&first, &second).unwrap_or_else(|| unreachable!("as many samples"));
        assert_eq!((paired.only_first, paired.only_second), (3, 7));
        assert!(near(paired.difference(), 4.0 / 21.0));
        assert_eq!(Paired::of(&first, &Correctness::default()), None);
    }
}
