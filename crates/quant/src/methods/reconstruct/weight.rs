//! A layer's weight with its rounding open, by either rule.

use fewbit_graph::{Graph, WireId};
use fewbit_numeric::Quantized;

use super::settings::{Rule, Settings};
use crate::error::QuantError;
use crate::learn::rounding::Rounding;
use crate::learn::sign_round::{SMALLEST_FACTOR, SignRound};
use crate::network::Network;

/// A layer's weight that learns.
pub(super) struct Weight {
    pub(super) layer: usize,
    pub(super) kind: Kind,
}

/// By which rule.
pub(super) enum Kind {
    Soft(Rounding),
    /// And its best offsets and factors so far, in the order of [`Weight::learned`].
    Sign(SignRound, Vec<WireId>),
}

/// One layer's weights as they round now.
pub(super) struct Rounded {
    pub(super) layer: usize,
    pub(super) codes: Quantized,
    /// Those of rounding to nearest on the same grids.
    pub(super) nearest: Vec<i32>,
}

impl Rounded {
    /// How many weights round otherwise than to nearest.
    pub(super) fn flips(&self) -> u64 {
        std::iter::zip(&self.codes.codes, &self.nearest).filter(|(a, b)| a != b).count() as u64
    }
}

/// A parameter that learns, and where it must stay.
pub(super) type Target = (WireId, Option<[f32; 2]>);

impl Weight {
    /// Adds a layer's weight to `graph`; none if it is kept in float.
    pub(super) fn new(
        graph: &mut Graph,
        network: &Network,
        layer: usize,
        settings: Settings,
    ) -> Result<Option<Self>, QuantError> {
        let Some(codes) = &network.layer(layer)?.codes else { return Ok(None) };
        let prepared = network.prepared();
        let (float, site) = (prepared.weights(layer)?, prepared.layer(layer)?);
        let (name, shape, axis) = (format!("{}.weight", site.name), float.shape(), site.channel_axis);
        let values = (codes, float.as_f32()?);
        let kind = match settings.rule {
            Rule::Soft => Kind::Soft(Rounding::new(graph, &name, shape, axis, values, settings.learn_scale)?),
            Rule::Sign => Kind::Sign(SignRound::new(graph, &name, shape, axis, values)?, Vec::new()),
        };
        Ok(Some(Self { layer, kind }))
    }

    /// The weight that the layer reads.
    pub(super) fn wire(&self) -> WireId {
        match &self.kind {
            Kind::Soft(rounding) => rounding.weight,
            Kind::Sign(sign, _) => sign.weight,
        }
    }

    /// The variables of a soft rounding.
    pub(super) fn rounding(&self) -> Option<WireId> {
        match &self.kind {
            Kind::Soft(rounding) => Some(rounding.v),
            Kind::Sign(..) => None,
        }
    }

    /// What the optimizer of roundings moves.
    pub(super) fn roundings(&self) -> Vec<Target> {
        match &self.kind {
            Kind::Soft(rounding) => vec![(rounding.v, None)],
            Kind::Sign(sign, _) => {
                let ends = [Some(sign.upper), sign.lower].into_iter().flatten();
                let ends = ends.map(|wire| (wire, Some([SMALLEST_FACTOR, 1.0])));
                std::iter::once((sign.offset, Some([-0.5, 0.5]))).chain(ends).collect()
            }
        }
    }

    /// The factors of the scales, if they are learned.
    pub(super) fn factor(&self) -> Option<WireId> {
        match &self.kind {
            Kind::Soft(rounding) => rounding.factor,
            Kind::Sign(..) => None,
        }
    }

    /// All that is learned, in the order that [`Self::rounded`] takes.
    pub(super) fn learned(&self, best: bool) -> Vec<WireId> {
        match &self.kind {
            Kind::Soft(rounding) => std::iter::once(rounding.v).chain(rounding.factor).collect(),
            Kind::Sign(_, kept) if best => kept.clone(),
            Kind::Sign(sign, _) => {
                [Some(sign.offset), Some(sign.upper), sign.lower].into_iter().flatten().collect()
            }
        }
    }

    /// The weights for these values; counts in `soft` where the roundings lie.
    pub(super) fn rounded(&self, learned: &[&[f32]], soft: &mut [u32]) -> Rounded {
        let get = |at: usize| learned.get(at).copied();
        let open = get(0).unwrap_or_default();
        let bins = soft.len();
        let mut count = |h: f32| {
            let bin = ((h * bins as f32) as usize).min(bins.saturating_sub(1));
            soft.iter_mut().skip(bin).take(1).for_each(|n| *n += 1);
        };
        let (codes, float) = match &self.kind {
            Kind::Soft(rounding) => {
                Rounding::soft(open).for_each(&mut count);
                (rounding.harden(open, get(1)), rounding.float())
            }
            Kind::Sign(sign, _) => {
                open.iter().for_each(|v| count(v + 0.5));
                (sign.harden(open, get(1).unwrap_or_default(), get(2)), sign.float())
            }
        };
        let nearest = Quantized::nearest(codes.format, codes.layout, codes.grids.clone(), float).codes;
        Rounded { layer: self.layer, codes, nearest }
    }
}
