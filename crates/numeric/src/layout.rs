//! Which values share a scale.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// How finely scales are laid over a tensor.
///
/// Written `tensor`, `channel` or `group32` (any size).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Granularity {
    /// One scale for the tensor.
    Tensor,
    /// One scale for each output channel.
    Channel,
    /// One scale for each run of this many values of an output channel; the last run of a channel may be shorter.
    Group(u32),
}

impl fmt::Display for Granularity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tensor => f.write_str("tensor"),
            Self::Channel => f.write_str("channel"),
            Self::Group(size) => write!(f, "group{size}"),
        }
    }
}

/// A text that is no [`Granularity`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no granularity: write tensor, channel or group32 (a size of at least 1)")]
pub struct GranularityError(pub String);

impl FromStr for Granularity {
    type Err = GranularityError;

    fn from_str(text: &str) -> Result<Self, GranularityError> {
        match text {
            "tensor" => Ok(Self::Tensor),
            "channel" => Ok(Self::Channel),
            _ => text
                .strip_prefix("group")
                .filter(|digits| digits.bytes().all(|b| b.is_ascii_digit()) && !digits.starts_with('0'))
                .and_then(|digits| digits.parse().ok())
                .map(Self::Group)
                .ok_or_else(|| GranularityError(text.to_owned())),
        }
    }
}

impl Serialize for Granularity {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Granularity {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// Where the blocks of a tensor lie: anything that walks values against scales asks here.
///
/// With the channel axis a of a shape, a value has a channel c (its index on axis a) and a place r within the
/// channel (its position among the other axes, row-major). Its block is c·groups + r/size.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlockLayout {
    outer: usize,
    channels: usize,
    inner: usize,
    granularity: Granularity,
}

impl BlockLayout {
    /// The blocks of a tensor of `shape` whose output channels lie on `axis`.
    ///
    /// An axis beyond the shape, or a group larger than a channel, gives one block for the tensor or channel.
    pub fn new(shape: &[usize], axis: usize, granularity: Granularity) -> Self {
        let (outer, channels, inner) = match shape.get(axis) {
            Some(&channels) => (shape[..axis].iter().product(), channels, shape[axis + 1..].iter().product()),
            None => (1, 1, shape.iter().product()),
        };
        Self { outer, channels, inner, granularity }
    }

    /// How finely scales are laid.
    pub fn granularity(&self) -> Granularity {
        self.granularity
    }

    /// The number of values.
    pub fn len(&self) -> usize {
        self.outer * self.channels * self.inner
    }

    /// Whether there are no values.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The number of channels.
    pub fn channels(&self) -> usize {
        self.channels
    }

    /// The product of the lengths before the channel axis.
    pub fn outer(&self) -> usize {
        self.outer
    }

    /// The product of the lengths after the channel axis.
    pub fn inner(&self) -> usize {
        self.inner
    }

    /// The number of values of one channel.
    pub fn channel_len(&self) -> usize {
        self.outer * self.inner
    }

    /// The number of blocks in one channel; 1 unless grouped.
    pub fn groups(&self) -> usize {
        match self.granularity {
            Granularity::Tensor | Granularity::Channel => 1,
            Granularity::Group(size) => self.channel_len().div_ceil(size.max(1) as usize).max(1),
        }
    }

    /// The number of blocks, so of scales.
    pub fn block_count(&self) -> usize {
        match self.granularity {
            Granularity::Tensor => 1,
            _ => self.channels * self.groups(),
        }
    }

    /// The channel of the value at `index` (row-major).
    #[inline]
    pub fn channel_of(&self, index: usize) -> usize {
        (index / self.inner) % self.channels
    }

    /// The block of the value at `index` (row-major).
    #[inline]
    pub fn block_of(&self, index: usize) -> usize {
        match self.granularity {
            Granularity::Tensor => 0,
            Granularity::Channel => self.channel_of(index),
            Granularity::Group(size) => {
                let within = (index / (self.inner * self.channels)) * self.inner + index % self.inner;
                self.channel_of(index) * self.groups() + within / size.max(1) as usize
            }
        }
    }

    /// The tensor as runs of neighbouring values of one block: (block, indices), in row-major order.
    ///
    /// Each value is in exactly one run. This is the fast way to walk values against scales.
    pub fn runs(&self) -> impl Iterator<Item = (usize, std::ops::Range<usize>)> + use<> {
        let groups = self.groups();
        let (outer, channels, inner, size) = match self.granularity {
            Granularity::Tensor => (1, 1, self.len(), usize::MAX),
            Granularity::Channel => (self.outer, self.channels, self.inner, usize::MAX),
            Granularity::Group(size) => (self.outer, self.channels, self.inner, size.max(1) as usize),
        };
        (0..outer).flat_map(move |o| {
            // Every channel has the places `within` of this slice, and so the same groups in it.
            let within = o * inner..(o + 1) * inner;
            let groups_within = within.start / size..within.end.div_ceil(size);
            (0..channels).flat_map(move |channel| {
                let (within, to_index) = (within.clone(), (o * channels + channel) * inner - o * inner);
                groups_within.clone().map(move |group| {
                    let start = within.start.max(group * size);
                    let end = within.end.min((group + 1).saturating_mul(size));
                    (channel * groups + group, start + to_index..end + to_index)
                })
            })
        })
    }

    /// The indices of the values of `block`, in row-major order.
    pub fn indices(&self, block: usize) -> impl Iterator<Item = usize> + use<> {
        let layout = *self;
        let (channel, first, last) = match self.granularity {
            Granularity::Tensor => (None, 0, self.len()),
            Granularity::Channel => (Some(block), 0, self.channel_len()),
            Granularity::Group(size) => {
                let size = size.max(1) as usize;
                let start = (block % self.groups()) * size;
                (Some(block / self.groups()), start, (start + size).min(self.channel_len()))
            }
        };
        (first..last).map(move |within| match channel {
            None => within,
            Some(c) => {
                (within / layout.inner) * layout.inner * layout.channels
                    + c * layout.inner
                    + within % layout.inner
            }
        })
    }
}
