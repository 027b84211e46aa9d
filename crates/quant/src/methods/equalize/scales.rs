//! Weights on their way to be equal, in f64.

use fewbit_graph::Tensor;
use fewbit_graph::op::{Op, Unary};

use super::chains::{Link, is_depthwise};
use crate::error::QuantError;
use crate::prepare::Prepared;
use crate::rewrite::Changes;
use crate::statistics::Statistics;

/// When the scales of a turn are all this near to 1, nothing moves any more.
const STILL: f64 = 1e-7;
/// The most turns.
const TURNS: usize = 1000;

/// The weights and biases of all layers.
pub(super) struct Weights {
    layers: Vec<Layer>,
}

struct Layer {
    weights: Vec<f64>,
    bias: Option<Vec<f64>>,
    statistics: Option<Statistics>,
    /// For each output channel the indices of its weights.
    outputs: Vec<Vec<usize>>,
    /// For each input channel the indices of the weights that it is multiplied with.
    inputs: Vec<Vec<usize>>,
    /// What each output channel was multiplied with so far.
    scales: Vec<f64>,
    /// What was taken from each output channel.
    absorbed: Vec<f64>,
}

impl Weights {
    pub(super) fn of(prepared: &Prepared) -> Result<Self, QuantError> {
        let layer = |index: usize| Layer::of(prepared, index);
        Ok(Self { layers: (0..prepared.layers.len()).map(layer).collect::<Result<_, _>>()? })
    }

    /// Scales the channels of all chains by turns until nothing moves.
    pub(super) fn equalize(&mut self, chains: &[Vec<usize>]) {
        for _ in 0..TURNS {
            let moves = chains.iter().map(|chain| self.equalize_chain(chain));
            if moves.fold(0.0, f64::max) < STILL {
                break;
            }
        }
    }

    /// Makes the ranges of one chain equal, and tells how far from equal they were.
    fn equalize_chain(&mut self, chain: &[usize]) -> f64 {
        let Some((&last, sources)) = chain.split_last() else { return 0.0 };
        let channels = sources.first().map_or(0, |&first| self.layers[first].outputs.len());
        let mut most = 0.0f64;
        for channel in 0..channels {
            let mut ranges: Vec<f64> = sources
                .iter()
                .map(|&layer| self.layers[layer].range(&self.layers[layer].outputs[channel]))
                .collect();
            let columns = self.layers[last].columns(channel, channels);
            ranges.push(self.layers[last].range(&columns));
            if ranges.iter().any(|&range| range <= 0.0) {
                continue;
            }
            let logs: f64 = ranges.iter().map(|&range| libm::log(range)).sum();
            let mean = libm::exp(logs / ranges.len() as f64);
            // What the channel is multiplied with behind each layer: 1 before the first and after the last.
            let mut before = 1.0;
            for (&layer, range) in sources.iter().zip(&ranges) {
                let factor = mean / range;
                most = most.max(libm::log(factor).abs());
                let own = self.layers[layer].outputs[channel].clone();
                self.layers[layer].multiply(&own, factor);
                before *= factor;
                self.layers[layer].scale_channel(channel, before);
            }
            self.layers[last].multiply(&columns, 1.0 / before);
        }
        most
    }

    /// Moves what a channel is never below into the next layer's bias. For each layer that leads to another, the most that
    /// was moved.
    pub(super) fn absorb(
        &mut self,
        prepared: &Prepared,
        links: &[Result<Link, String>],
    ) -> Vec<(usize, f64)> {
        let mut moved = Vec::new();
        for (index, link) in links.iter().enumerate() {
            let Ok(link) = link else { continue };
            let mut most = 0.0f64;
            if can_absorb(prepared, link) && self.layers[link.to].bias.is_some() {
                for (channel, c) in self.layers[index].high_biases().into_iter().enumerate() {
                    let columns = self.layers[link.to].columns(channel, self.layers[index].outputs.len());
                    self.layers[index].lower(channel, c);
                    self.layers[link.to].take(&columns, c);
                    most = most.max(c);
                }
            }
            moved.push((index, most));
        }
        moved
    }

    /// The smallest and the largest factor of a layer's output channels.
    pub(super) fn scaled(&self, index: usize) -> (f64, f64) {
        let scales = self.layers.get(index).map_or(&[][..], |layer| &layer.scales);
        scales.iter().fold((f64::INFINITY, 0.0), |(min, max), &s| (min.min(s), max.max(s)))
    }

    /// The root mean square of what was taken from the channels of a layer.
    pub(super) fn absorbed_rms(&self, index: usize) -> f64 {
        let absorbed = self.layers.get(index).map_or(&[][..], |layer| &layer.absorbed);
        (absorbed.iter().map(|c| c * c).sum::<f64>() / absorbed.len().max(1) as f64).sqrt()
    }

    /// Why nothing was taken from a layer.
    pub(super) fn not_absorbed(
        &self,
        prepared: &Prepared,
        links: &[Result<Link, String>],
        index: usize,
    ) -> String {
        let known = self.layers.get(index).is_some_and(|layer| layer.statistics.is_some());
        match links.get(index) {
            Some(Ok(link)) if !can_absorb(prepared, link) => {
                "its high biases cannot be absorbed: more than a ReLU stands before the next layer, or that one pads".to_owned()
            }
            _ if !known => "no BatchNorm tells where its output lies: nothing was absorbed".to_owned(),
            _ => "no channel is high enough for anything to be absorbed".to_owned(),
        }
    }

    /// What has to change in the graph, and the statistics afterwards.
    pub(super) fn changes(
        &self,
        prepared: &Prepared,
        links: &[Result<Link, String>],
    ) -> Result<(Changes, Vec<Option<Statistics>>), QuantError> {
        let mut changes = Changes::default();
        for (index, layer) in self.layers.iter().enumerate() {
            let wire = prepared.layer(index)?.weight;
            changes.values.insert(wire, like(prepared.weights(index)?, &layer.weights)?);
            let bias = prepared.bias(index)?.zip(prepared.bias_wire(prepared.layer(index)?));
            if let (Some((old, wire)), Some(bias)) = (bias, &layer.bias) {
                changes.values.insert(wire, like(old, bias)?);
            }
        }
        for node in links.iter().flatten().flat_map(|link| &link.relu6) {
            changes.ops.insert(*node, Op::Unary(Unary::Relu));
        }
        Ok((changes, self.layers.iter().map(|layer| layer.statistics.clone()).collect()))
    }
}

/// Whether a constant may be taken before the link's layer: padding would put zeros where the constant should be.
fn can_absorb(prepared: &Prepared, link: &Link) -> bool {
    let pads = match prepared.layers.get(link.to).map(|layer| &prepared.graph.node_of(layer.node).op) {
        Some(Op::Conv(conv)) => conv.pads_begin.iter().chain(&conv.pads_end).any(|&pad| pad > 0),
        _ => false,
    };
    link.only_relu && !pads
}

fn like(tensor: &Tensor, values: &[f64]) -> Result<Tensor, QuantError> {
    Ok(Tensor::f32(tensor.shape(), values.iter().map(|&x| x as f32).collect::<Vec<f32>>())?)
}

impl Layer {
    fn of(prepared: &Prepared, index: usize) -> Result<Self, QuantError> {
        let layer = prepared.layer(index)?;
        let weights = prepared.weights(index)?;
        let shape = weights.shape();
        let wide = |tensor: &Tensor| -> Result<Vec<f64>, QuantError> {
            Ok(tensor.as_f32()?.iter().map(|&x| f64::from(x)).collect())
        };
        let bias = match prepared.bias(index)? {
            Some(bias) if prepared.has_channel_bias(index)? => Some(wide(bias)?),
            _ => None,
        };
        let inner: usize = shape.iter().skip(layer.channel_axis + 1).product();
        let channels = shape.get(layer.channel_axis).copied().unwrap_or(0);
        let mut outputs = vec![Vec::new(); channels];
        for i in 0..weights.len() {
            outputs[i / inner.max(1) % channels.max(1)].push(i);
        }
        // Of a convolution [O, C/groups, *K], of a matrix the other axis.
        let (groups, own, taps) = match &prepared.graph.node_of(layer.node).op {
            Op::Conv(conv) => {
                let own = shape.get(1).copied().unwrap_or(1);
                (conv.groups, own, shape.iter().skip(2).product::<usize>())
            }
            _ => (1, weights.len() / channels.max(1), 1),
        };
        let mut inputs = vec![Vec::new(); groups * own];
        for (channel, indices) in outputs.iter().enumerate() {
            let group = channel * groups / channels.max(1);
            for (place, &i) in indices.iter().enumerate() {
                if let Some(input) = inputs.get_mut(group * own + place / taps.max(1)) {
                    input.push(i);
                }
            }
        }
        debug_assert!(!is_depthwise(prepared, index) || inputs.len() == channels);
        Ok(Self {
            weights: wide(weights)?,
            bias,
            statistics: prepared.statistics.get(index).cloned().flatten(),
            outputs,
            inputs,
            scales: vec![1.0; channels],
            absorbed: vec![0.0; channels],
        })
    }

    /// The weights that read `channel`, one of `channels` of the layer before.
    fn columns(&self, channel: usize, channels: usize) -> Vec<usize> {
        let repeat = self.inputs.len() / channels.max(1);
        let columns = self.inputs.get(channel * repeat..(channel + 1) * repeat).unwrap_or_default();
        columns.concat()
    }

    fn range(&self, indices: &[usize]) -> f64 {
        indices.iter().fold(0.0, |max: f64, &i| max.max(self.weights[i].abs()))
    }

    fn multiply(&mut self, indices: &[usize], factor: f64) {
        indices.iter().for_each(|&i| self.weights[i] *= factor);
    }

    /// The layer's output channel is now `factor` times what it was.
    fn scale_channel(&mut self, channel: usize, factor: f64) {
        self.scales[channel] *= factor;
        if let Some(bias) = self.bias.as_mut().and_then(|bias| bias.get_mut(channel)) {
            *bias *= factor;
        }
        if let Some(statistics) = &mut self.statistics {
            let of = [&mut statistics.mean, &mut statistics.deviation];
            of.into_iter().filter_map(|values| values.get_mut(channel)).for_each(|x| *x *= factor);
        }
    }

    /// max(0, β − 3γ) of each channel; nothing without statistics or a bias.
    fn high_biases(&self) -> Vec<f64> {
        let Some(statistics) = self.statistics.as_ref().filter(|_| self.bias.is_some()) else {
            return Vec::new();
        };
        let high = |(mean, deviation): (&f64, &f64)| (mean - 3.0 * deviation).max(0.0);
        statistics.mean.iter().zip(&statistics.deviation).map(high).collect()
    }

    /// Takes `c` from a channel of the output.
    fn lower(&mut self, channel: usize, c: f64) {
        self.absorbed[channel] += c;
        if let Some(bias) = self.bias.as_mut().and_then(|bias| bias.get_mut(channel)) {
            *bias -= c;
        }
        if let Some(mean) = self.statistics.as_mut().and_then(|known| known.mean.get_mut(channel)) {
            *mean -= c;
        }
    }

    /// Gives the bias what these weights made of `c`.
    fn take(&mut self, columns: &[usize], c: f64) {
        for (channel, own) in self.outputs.iter().enumerate() {
            let sum: f64 =
                columns.iter().filter(|i| own.binary_search(i).is_ok()).map(|&i| self.weights[i]).sum();
            if let Some(bias) = self.bias.as_mut().and_then(|bias| bias.get_mut(channel)) {
                *bias += sum * c;
            }
        }
    }
}
