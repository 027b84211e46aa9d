//! Affine integer formats: which codes exist.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Where zero lies among the codes of a [`Format`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Symmetry {
    /// Symmetric around zero and without the code that has no mirror image: −(2ᵇ⁻¹−1) ..= 2ᵇ⁻¹−1, zero point 0.
    Restricted,
    /// Zero point 0, every code used: −2ᵇ⁻¹ ..= 2ᵇ⁻¹−1 (signed) or 0 ..= 2ᵇ−1 (unsigned).
    Full,
    /// Every code used; the zero point is chosen so that the range [min, max] is covered.
    Asymmetric,
}

/// An affine integer format of 1–8 or 16 bits.
///
/// Written `int4` (signed, symmetric, restricted), `int4-full`, `int4-asym`, `uint8` (unsigned, asymmetric)
/// or `uint8-sym` (unsigned, zero point 0: for data that is never negative).
/// `int1` is the binary format: its two levels are −Δ and +Δ.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Format {
    bits: u8,
    signed: bool,
    symmetry: Symmetry,
}

/// Why a text or a bit width is no [`Format`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FormatError {
    /// The bit width is none of 1–8 and 16.
    #[error("{0} bits: a format has 1 to 8 or 16 bits")]
    Bits(u32),
    /// The text is not of the grammar.
    #[error("`{0}` is no format: write int4, int4-full, int4-asym, uint8 or uint8-sym")]
    Syntax(String),
}

impl Format {
    /// The format of `bits` bits.
    ///
    /// # Errors
    /// [`FormatError::Bits`] unless `bits` is 1–8 or 16.
    pub const fn new(bits: u8, signed: bool, symmetry: Symmetry) -> Result<Self, FormatError> {
        match bits {
            1..=8 | 16 => {
                // An unsigned symmetric format has no code without a mirror image: one spelling for one thing.
                let symmetry = match symmetry {
                    Symmetry::Restricted if !signed => Symmetry::Full,
                    other => other,
                };
                Ok(Self { bits, signed, symmetry })
            }
            _ => Err(FormatError::Bits(bits as u32)),
        }
    }

    /// Signed 8 bits, symmetric, restricted: the usual format of weights.
    pub const INT8: Self = Self { bits: 8, signed: true, symmetry: Symmetry::Restricted };
    /// Unsigned 8 bits, asymmetric: the usual format of activations.
    pub const UINT8: Self = Self { bits: 8, signed: false, symmetry: Symmetry::Asymmetric };

    /// The width of a code in bits.
    pub const fn bits(self) -> u8 {
        self.bits
    }

    /// Whether codes are two's complement.
    pub const fn signed(self) -> bool {
        self.signed
    }

    /// Where zero lies.
    pub const fn symmetry(self) -> Symmetry {
        self.symmetry
    }

    /// The same format with another width, if that width exists.
    ///
    /// # Errors
    /// [`FormatError::Bits`] unless `bits` is 1–8 or 16.
    pub const fn with_bits(self, bits: u8) -> Result<Self, FormatError> {
        Self::new(bits, self.signed, self.symmetry)
    }

    /// Whether a zero point is stored beside each scale.
    pub const fn has_zero_point(self) -> bool {
        matches!(self.symmetry, Symmetry::Asymmetric)
    }

    /// Whether this is the binary format ±Δ (`int1`), whose grid has no zero.
    pub const fn is_binary(self) -> bool {
        self.bits == 1 && self.signed && matches!(self.symmetry, Symmetry::Restricted)
    }

    /// The smallest and the largest code.
    ///
    /// The binary format stores its sign as 0 (−Δ) or 1 (+Δ).
    pub const fn code_range(self) -> (i32, i32) {
        let half = 1i32 << (self.bits - 1);
        match (self.signed, self.symmetry) {
            _ if self.is_binary() => (0, 1),
            (true, Symmetry::Restricted) => (1 - half, half - 1),
            (true, _) => (-half, half - 1),
            (false, _) => (0, 2 * half - 1),
        }
    }

    /// How many levels a block can take.
    pub const fn level_count(self) -> u32 {
        let (min, max) = self.code_range();
        (max - min + 1) as u32
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.signed { "int" } else { "uint" };
        let suffix = match (self.signed, self.symmetry) {
            (true, Symmetry::Restricted) | (false, Symmetry::Asymmetric) => "",
            (true, Symmetry::Full) => "-full",
            (true, Symmetry::Asymmetric) => "-asym",
            (false, _) => "-sym",
        };
        write!(f, "{sign}{}{suffix}", self.bits)
    }
}

impl FromStr for Format {
    type Err = FormatError;

    fn from_str(text: &str) -> Result<Self, FormatError> {
        let syntax = || FormatError::Syntax(text.to_owned());
        let (signed, rest) = match (text.strip_prefix("uint"), text.strip_prefix("int")) {
            (Some(rest), _) => (false, rest),
            (None, Some(rest)) => (true, rest),
            (None, None) => return Err(syntax()),
        };
        let (digits, suffix) = rest.split_once('-').map_or((rest, None), |(d, s)| (d, Some(s)));
        let symmetry = match (signed, suffix) {
            (true, None) => Symmetry::Restricted,
            (true, Some("full")) | (false, Some("sym")) => Symmetry::Full,
            (true, Some("asym")) | (false, None) => Symmetry::Asymmetric,
            _ => return Err(syntax()),
        };
        if digits.is_empty() || digits.starts_with('0') || !digits.bytes().all(|b| b.is_ascii_digit()) {
            return Err(syntax());
        }
        let bits: u32 = digits.parse().map_err(|_| syntax())?;
        let narrow = u8::try_from(bits).map_err(|_| FormatError::Bits(bits))?;
        Self::new(narrow, signed, symmetry)
    }
}

impl Serialize for Format {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Format {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}
