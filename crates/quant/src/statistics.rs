//! What BatchNorms told of the outputs of layers, kept when they are folded away.

use std::collections::BTreeMap;

use fewbit_graph::op::Op;
use fewbit_graph::{Graph, Layer, Tensor};

/// The distribution of a layer's output, channel by channel, as its BatchNorm left it: mean β and standard deviation |γ|
/// over the data that the model was trained on (Nagel et al. 2019, arXiv 1906.04721, §4.2).
#[derive(Clone, Debug, PartialEq)]
pub struct Statistics {
    /// β of each channel.
    pub mean: Vec<f64>,
    /// |γ| of each channel.
    pub deviation: Vec<f64>,
}

/// For the output of each BatchNorm in `graph`, by its name, what it tells.
pub(crate) fn of_batch_norms(graph: &Graph) -> BTreeMap<String, Statistics> {
    let statistics = graph.nodes().filter_map(|(_, node)| {
        let (Op::BatchNorm { .. }, &[_, scale, bias, _, _]) = (&node.op, node.inputs.as_slice()) else {
            return None;
        };
        let values = |tensor: &Tensor| -> Option<Vec<f64>> {
            Some(tensor.as_f32().ok()?.iter().map(|&x| f64::from(x)).collect())
        };
        let mean = values(graph.value(bias)?)?;
        let deviation = values(graph.value(scale)?)?.into_iter().map(f64::abs).collect();
        Some((graph.wire(node.output).name.clone(), Statistics { mean, deviation }))
    });
    statistics.collect()
}

/// The statistics of each layer's output. A layer into which a BatchNorm was folded has its output.
pub(crate) fn of_layers(
    graph: &Graph,
    layers: &[Layer],
    known: &BTreeMap<String, Statistics>,
) -> Vec<Option<Statistics>> {
    let output = |layer: &Layer| &graph.wire(graph.node_of(layer.node).output).name;
    layers.iter().map(|layer| known.get(output(layer)).cloned()).collect()
}
