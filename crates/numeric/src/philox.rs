//! Random numbers as a function of a place: Philox 4×32-10.
//!
//! A counter-based generator (Salmon, Moraes, Dror & Shaw 2011, "Parallel random numbers: as easy as 1, 2, 3") has no
//! state: the key says which sequence, the counter which place in it. So any order of work, any number of threads, a
//! CPU and a GPU, all find the same words.

use std::f64::consts::TAU;

/// The multipliers of the two halves of a round.
const MULTIPLIERS: [u32; 2] = [0xD251_1F53, 0xCD9E_8D57];
/// What the key grows by from round to round: the golden ratio and √3 − 1, as 32-bit fractions.
const WEYL: [u32; 2] = [0x9E37_79B9, 0xBB67_AE85];
const ROUNDS: usize = 10;

/// The generator of one key.
///
/// A *stream* is the sequence of words with one 64-bit number in the high half of the counter: word i of stream s is
/// word i mod 4 of the block at [⌊i/4⌋ low, ⌊i/4⌋ high, s low, s high]. Give each use of randomness its own stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Philox {
    /// The key: the seed.
    pub key: [u32; 2],
}

impl Philox {
    /// The generator of a seed; its low half is the first word of the key.
    pub const fn new(seed: u64) -> Self {
        Self { key: halves(seed) }
    }

    /// The four words at `counter`.
    #[inline]
    pub const fn block(self, counter: [u32; 4]) -> [u32; 4] {
        let [mut c0, mut c1, mut c2, mut c3] = counter;
        let [mut k0, mut k1] = self.key;
        let mut round = 0;
        while round < ROUNDS {
            let [low_0, high_0] = halves(MULTIPLIERS[0] as u64 * c0 as u64);
            let [low_1, high_1] = halves(MULTIPLIERS[1] as u64 * c2 as u64);
            [c0, c1, c2, c3] = [high_1 ^ c1 ^ k0, low_1, high_0 ^ c3 ^ k1, low_0];
            (k0, k1) = (k0.wrapping_add(WEYL[0]), k1.wrapping_add(WEYL[1]));
            round += 1;
        }
        [c0, c1, c2, c3]
    }

    /// The blocks at `counter` and the next `N` − 1, which count on in the first word alone: word w of block i is
    /// `[w][i]`. The same words as those of [`block`](Self::block), in a form that compiles to vectors.
    #[inline(always)]
    pub fn adjacent<const N: usize>(self, counter: [u32; 4]) -> [[u32; N]; 4] {
        let mut words = counter.map(|word| [word; N]);
        for (i, word) in (0..).zip(&mut words[0]) {
            *word = word.wrapping_add(i);
        }
        let [mut k0, mut k1] = self.key;
        for _ in 0..ROUNDS {
            let [c0, c1, c2, c3] = words;
            for i in 0..N {
                let products = [u64::from(c0[i]), u64::from(c2[i])];
                let [[low_0, high_0], [low_1, high_1]] = [
                    halves(products[0] * u64::from(MULTIPLIERS[0])),
                    halves(products[1] * u64::from(MULTIPLIERS[1])),
                ];
                words[0][i] = high_1 ^ c1[i] ^ k0;
                words[1][i] = low_1;
                words[2][i] = high_0 ^ c3[i] ^ k1;
                words[3][i] = low_0;
            }
            (k0, k1) = (k0.wrapping_add(WEYL[0]), k1.wrapping_add(WEYL[1]));
        }
        words
    }

    /// The words of a stream, without end.
    pub fn words(self, stream: u64) -> impl Iterator<Item = u32> {
        self.blocks(stream).flatten()
    }

    /// Uniform numbers in [0, 1): one word each, see [`uniform`].
    pub fn uniforms(self, stream: u64) -> impl Iterator<Item = f32> {
        self.words(stream).map(uniform)
    }

    /// Standard normal numbers: two for each two words, see [`normal_pair`].
    pub fn normals(self, stream: u64) -> impl Iterator<Item = f32> {
        self.blocks(stream).flat_map(|[a, b, c, d]| {
            let ([w, x], [y, z]) = (normal_pair(a, b), normal_pair(c, d));
            [w, x, y, z]
        })
    }

    /// Puts `items` in a random order, every order as likely as any other (Fisher–Yates).
    pub fn shuffle<T>(self, stream: u64, items: &mut [T]) {
        let mut words = self.words(stream);
        for end in (2..=items.len()).rev() {
            items.swap(end - 1, below(end as u64, &mut words) as usize);
        }
    }

    /// `count` different indices below `population`, in random order; all of them if `count` is larger.
    pub fn sample(self, stream: u64, population: usize, count: usize) -> Vec<usize> {
        let mut words = self.words(stream);
        let mut indices: Vec<usize> = (0..population).collect();
        let count = count.min(population);
        for i in 0..count {
            indices.swap(i, i + below((population - i) as u64, &mut words) as usize);
        }
        indices.truncate(count);
        indices
    }

    fn blocks(self, stream: u64) -> impl Iterator<Item = [u32; 4]> {
        let [s0, s1] = halves(stream);
        (0..=u64::MAX).map(move |i| {
            let [i0, i1] = halves(i);
            self.block([i0, i1, s0, s1])
        })
    }
}

/// A uniform number in [0, 1): the upper 24 bits of `word`, over 2²⁴. Exact, so the same on a GPU.
#[inline]
pub const fn uniform(word: u32) -> f32 {
    (word >> 8) as f32 / (1 << 24) as f32
}

/// Two independent standard normal numbers of two words (Box & Muller 1958).
///
/// With u₁ in (0, 1] and u₂ in [0, 1) of 32 bits each, √(−2 ln u₁)·(cos 2πu₂, sin 2πu₂), in f64 and then rounded.
/// Magnitudes reach √(64 ln 2) ≈ 6.66.
pub fn normal_pair(word_1: u32, word_2: u32) -> [f32; 2] {
    const WORDS: f64 = (1u64 << 32) as f64;
    let radius = (-2.0 * libm::log((f64::from(word_1) + 1.0) / WORDS)).sqrt();
    let (sin, cos) = libm::sincos(TAU * (f64::from(word_2) / WORDS));
    [(radius * cos) as f32, (radius * sin) as f32]
}

/// A uniform integer below `n` ≥ 1, of two words a try (Lemire 2019, arXiv 1805.10941, algorithm 5).
fn below(n: u64, words: &mut impl Iterator<Item = u32>) -> u64 {
    let mut product = || {
        let (low, high) = (words.next().unwrap_or(0), words.next().unwrap_or(0));
        u128::from(u64::from(high) << 32 | u64::from(low)) * u128::from(n)
    };
    let mut m = product();
    if (m as u64) < n {
        // 2⁶⁴ mod n: as many low products would be one draw too many.
        let surplus = n.wrapping_neg() % n;
        while (m as u64) < surplus {
            m = product();
        }
    }
    (m >> 64) as u64
}

const fn halves(word: u64) -> [u32; 2] {
    [word as u32, (word >> 32) as u32]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Known answers of Random123, the authors' library.
    #[test]
    fn blocks_are_those_of_random123() {
        let block = |key, counter| Philox { key }.block(counter);
        assert_eq!(block([0; 2], [0; 4]), [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8]);
        assert_eq!(block([!0; 2], [!0; 4]), [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd]);
        assert_eq!(
            block([0xa409_3822, 0x299f_31d0], [0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344]),
            [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1]
        );
    }
}
