//! The graph that trains a whole network: the quantized network, its float teacher, the loss, gradients, and the optimizer.

use fewbit_graph::op::{Binary, Estimator, Op, Reshape};
use fewbit_graph::{Graph, Patch, Tensor, WireId};
use fewbit_numeric::{Affine, BlockLayout, Format};

use super::binary;
use super::norm::{self, Norm};
use super::rows::Rows;
use super::ternary;
use crate::error::QuantError;
use crate::network::Network;

/// How quantizers learn.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Rules {
    /// How gradients pass through quantizers of weights.
    pub(super) weights: Estimator,
    /// How gradients pass through quantizers of inputs.
    pub(super) inputs: Estimator,
    /// Where the levels of weights come from.
    pub(super) levels: Levels,
    /// Whether the scales of inputs are learned.
    pub(super) learn_input_scales: bool,
    /// Whether the zero points of inputs are learned, where the format has one.
    pub(super) learn_zero_points: bool,
    /// Whether BatchNorms that were folded come back and learn with the statistics of each batch.
    pub(super) batch_norm: bool,
}

/// Where the levels of weights come from while latent weights move.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Levels {
    /// Scales are learned.
    Learned,
    /// Scales follow the range of the weights, as rounding to nearest would choose them.
    Range,
    /// Thresholds and levels follow the magnitudes of the weights, see [`super::ternary`]; in other formats as `Range`.
    Ternary,
    /// Binary weights are balanced, and their levels powers of two, see [`super::binary`]; in other formats as `Range`.
    Balanced,
}

/// Where a quantizer's numbers are.
#[derive(Clone, Copy, Debug)]
pub(super) struct Grid {
    /// \[1\], \[channels\] or \[blocks\].
    pub(super) scale: WireId,
    /// Likewise.
    pub(super) zero_point: WireId,
    /// \[2\].
    pub(super) bounds: WireId,
    /// The smallest and the largest code.
    pub(super) codes: [f32; 2],
}

/// A quantizer of weights that learns.
#[derive(Clone, Debug)]
pub(super) struct WeightQuantizer {
    pub(super) rows: Rows,
    pub(super) layout: BlockLayout,
    pub(super) format: Format,
    pub(super) grid: Grid,
    /// What the quantizer gives, in rows.
    pub(super) quantized: WireId,
    pub(super) follows: Follows,
}

/// [`Levels`], as a format has them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Follows {
    /// The gradient of the loss.
    Gradient,
    /// The range of the latent weights.
    Range,
    /// Their magnitudes. Levels are no multiples of the quantizer's scale: `gain`, \[rows\], is a factor of what it gives.
    Magnitudes { gain: WireId },
    /// Powers of two. The quantizer reads the latent weights less the means of their rows.
    Powers,
}

impl WeightQuantizer {
    pub(super) fn is_balanced(&self) -> bool {
        self.follows == Follows::Powers
    }
}

/// A quantizer of an input that learns.
#[derive(Clone, Copy, Debug)]
pub(super) struct InputQuantizer {
    pub(super) grid: Grid,
    /// Whether the format has a zero point.
    pub(super) has_zero_point: bool,
}

/// A layer in training.
#[derive(Clone, Debug)]
pub(super) struct TrainedLayer {
    /// The latent weights: rows if quantized, else of the weight's own shape.
    pub(super) latent: WireId,
    pub(super) weights: Option<WeightQuantizer>,
    /// Its bias, if it learns.
    pub(super) bias: Option<WireId>,
    pub(super) input: Option<InputQuantizer>,
    /// The BatchNorm behind it, if it is there again. It takes the part of the bias, which then stays.
    pub(super) norm: Option<Norm>,
}

impl Grid {
    fn new(patch: &mut Patch, name: &str, grids: &[Affine]) -> Self {
        let of = |value: fn(&Affine) -> f32| Tensor::vector(grids.iter().map(value).collect::<Vec<f32>>());
        let codes = grids.first().map_or([0.0, 0.0], |grid| [grid.min_code, grid.max_code]);
        Self {
            scale: patch.parameter(format!("{name}.scale"), of(|grid| grid.scale)),
            zero_point: patch.parameter(format!("{name}.zero_point"), of(|grid| grid.zero_point)),
            bounds: patch.parameter(format!("{name}.bounds"), Tensor::vector(codes.to_vec())),
            codes,
        }
    }

    fn inputs(&self, wire: WireId) -> [WireId; 4] {
        [wire, self.scale, self.zero_point, self.bounds]
    }

    fn move_to(&mut self, moved: &impl Fn(WireId) -> WireId) {
        for wire in [&mut self.scale, &mut self.zero_point, &mut self.bounds] {
            *wire = moved(*wire);
        }
    }

    /// The grids with these numbers.
    pub(super) fn read(&self, scales: &[f32], zero_points: &[f32]) -> Vec<Affine> {
        let [min_code, max_code] = self.codes;
        let grid = |(&scale, &zero_point): (&f32, &f32)| Affine { scale, zero_point, min_code, max_code };
        scales.iter().zip(zero_points).map(grid).collect()
    }
}

impl TrainedLayer {
    fn move_to(&mut self, moved: &impl Fn(WireId) -> WireId) {
        self.latent = moved(self.latent);
        self.bias = self.bias.map(moved);
        if let Some(weights) = &mut self.weights {
            weights.grid.move_to(moved);
            weights.quantized = moved(weights.quantized);
            if let Follows::Magnitudes { gain } = &mut weights.follows {
                *gain = moved(*gain);
            }
        }
        if let Some(input) = &mut self.input {
            input.grid.move_to(moved);
        }
    }
}

/// A network whose weights and quantizers can be learned.
pub(super) struct Student {
    pub(super) graph: Graph,
    /// The samples of a batch.
    pub(super) input: WireId,
    /// \[batch, classes\].
    pub(super) logits: WireId,
    pub(super) classes: usize,
    pub(super) layers: Vec<TrainedLayer>,
}

impl Student {
    /// `network` with quantizers for a batch of `batch` samples.
    pub(super) fn new(network: &Network, rules: Rules, batch: usize) -> Result<Self, QuantError> {
        let prepared = network.prepared();
        let face = prepared.face()?;
        let mut patch = Patch::new(&prepared.graph, "quantizers that learn");
        let mut layers = Vec::new();
        for (i, layer) in prepared.layers.iter().enumerate() {
            let quantized = network.layer(i)?;
            let (latent, weights) = match &quantized.codes {
                None => {
                    (patch.parameter(format!("{}.latent", layer.name), prepared.weights(i)?.clone()), None)
                }
                Some(codes) => {
                    let float = prepared.weights(i)?;
                    let rows = Rows::new(codes.layout, float.shape(), layer.channel_axis);
                    let values = rows.of_weight(float.as_f32()?);
                    let (follows, grids) = match rules.levels {
                        Levels::Ternary if ternary::fits(codes.format) => {
                            let levels = ternary::levels(&rows, &values);
                            let gain =
                                patch.parameter(format!("{}.gain", layer.name), ternary::gains(&levels));
                            (Follows::Magnitudes { gain }, ternary::grids(&codes.grids, &levels))
                        }
                        Levels::Balanced if binary::fits(codes.format, &rows) => {
                            let centred = binary::centred(&rows, &values);
                            (Follows::Powers, binary::grids(&codes.grids, &rows, &centred))
                        }
                        Levels::Learned => (Follows::Gradient, learned_start(&codes.grids, &rows, &values)),
                        Levels::Range | Levels::Ternary | Levels::Balanced => {
                            (Follows::Range, codes.grids.clone())
                        }
                    };
                    let latent = Tensor::f32([rows.count, rows.len], values)?;
                    let latent = patch.parameter(format!("{}.latent", layer.name), latent);
                    let grid = Grid::new(&mut patch, &layer.name, &grids);
                    let op = Op::FakeQuantize { axis: 0, estimator: rules.weights };
                    let mut node = |name, op, inputs: &[WireId]| patch.node(name, op, inputs);
                    let seen = match follows {
                        Follows::Powers => binary::balanced(&mut node, &layer.name, latent),
                        _ => latent,
                    };
                    let quantized = node(format!("{}.quantized", layer.name), op, &grid.inputs(seen));
                    let (layout, format) = (codes.layout, codes.format);
                    (latent, Some(WeightQuantizer { rows, layout, format, grid, quantized, follows }))
                }
            };
            let weight = match &weights {
                None => latent,
                Some(weights) => {
                    let mut node = |name, op, inputs: &[WireId]| patch.node(name, op, inputs);
                    let levels = match weights.follows {
                        Follows::Magnitudes { gain } => {
                            let column = Op::Reshape(Reshape::To(vec![weights.rows.count as i64, 1]));
                            let gain = node(format!("{}.gain.column", layer.name), column, &[gain]);
                            let times = Op::Binary(Binary::Mul);
                            node(format!("{}.levels", layer.name), times, &[weights.quantized, gain])
                        }
                        _ => weights.quantized,
                    };
                    weights.rows.weight(&mut node, &layer.name, levels)
                }
            };
            patch.replace_input(layer.node, 1, weight);
            let bias = match (prepared.bias(i)?, &quantized.bias) {
                (Some(float), corrected) => {
                    // A correction made before is where training starts.
                    let start = corrected.as_ref().unwrap_or(float).clone();
                    let bias = patch.parameter(format!("{}.bias", layer.name), start);
                    patch.replace_input(layer.node, 2, bias);
                    Some(bias)
                }
                (None, _) => None,
            };
            let grids = quantized.input.as_deref().filter(|grids| !grids.is_empty());
            let input = grids.zip(face.layers.get(i)).map(|(grids, wires)| {
                let name = format!("{}.input", layer.name);
                let grid = Grid::new(&mut patch, &name, grids);
                let axis = if grids.len() == 1 { 0 } else { wires.input_axis };
                let op = Op::FakeQuantize { axis, estimator: rules.inputs };
                let wire = patch.node(format!("{name}.quantized"), op, &grid.inputs(wires.input));
                patch.replace_input(layer.node, 0, wire);
                let format = quantized.input_applied.done.quantizer().map(|q| q.format);
                InputQuantizer { grid, has_zero_point: format.is_some_and(Format::has_zero_point) }
            });
            layers.push(TrainedLayer { latent, weights, bias, input, norm: None });
        }
        let patched = patch.apply(&prepared.graph)?;
        // In a prepared graph outputs need every layer, so each of ours is there.
        let moved = |wire: WireId| patched.wire(wire).unwrap_or(wire);
        layers.iter_mut().for_each(|layer| layer.move_to(&moved));
        let (mut input, mut output) = (moved(face.input), moved(face.output));
        let outputs = prepared.layers.iter().map(|layer| moved(prepared.graph.node_of(layer.node).output));
        let outputs: Vec<WireId> = outputs.collect();
        let mut graph = patched.graph;
        if rules.batch_norm {
            let normed = norm::insert(network, &graph, &outputs, batch)?;
            let moved = |wire: WireId| normed.wire(wire);
            layers.iter_mut().for_each(|layer| layer.move_to(&moved));
            (input, output) = (moved(input), moved(output));
            for (layer, norm) in layers.iter_mut().zip(normed.norms) {
                layer.bias = layer.bias.filter(|_| norm.is_none());
                layer.norm = norm;
            }
            graph = normed.graph;
        }
        let (classes, logits) = logits(&mut graph, network, output, batch)?;
        graph.outputs.clear();
        Ok(Self { input, logits, classes, layers, graph })
    }

    /// Adds the float network beside it, reading the same samples, and gives its logits \[batch, classes\].
    pub(super) fn add_teacher(&mut self, network: &Network, batch: usize) -> Result<WireId, QuantError> {
        let prepared = network.prepared();
        let face = prepared.face()?;
        let input = self.input;
        let wires = self
            .graph
            .splice(&prepared.graph, "teacher/", &mut |wire, _| (wire == face.input).then_some(input));
        let (_, logits) = logits(&mut self.graph, network, wires[face.output.0 as usize], batch)?;
        Ok(logits)
    }
}

/// The logits behind `output` as \[batch, classes\], and how many classes there are.
fn logits(
    graph: &mut Graph,
    network: &Network,
    output: WireId,
    batch: usize,
) -> Result<(usize, WireId), QuantError> {
    let face = network.prepared().face()?;
    let classes = face.classes().ok_or_else(|| QuantError::Method {
        method: "training",
        why: "the model's answers are no scores of classes, and there is nothing else to learn from yet; use adaround or brecq, which learn from the layers' outputs".to_owned(),
    })?;
    // Behind a softmax are probabilities; before it, logits.
    let before = graph.producer(output).map(|node| graph.node_of(node)).and_then(|node| match node.op {
        Op::Softmax { .. } => node.inputs.first().copied(),
        _ => None,
    });
    let to = vec![batch as i64, classes as i64];
    let wire = graph.node("logits", Op::Reshape(Reshape::To(to)), &[before.unwrap_or(output)]);
    Ok((classes, wire))
}

/// Where learned scales start: at LSQ's 2·mean|w|/√Q_P (Esser et al. 2020, arXiv 1902.08153, §2.1), unless the grid
/// that was found before is finer.
fn learned_start(grids: &[Affine], rows: &Rows, values: &[f32]) -> Vec<Affine> {
    let blocks = values.chunks_exact(rows.len.max(1));
    let start = |(grid, row): (&Affine, &[f32])| {
        let mean = row.iter().map(|&w| f64::from(w.abs())).sum::<f64>() / row.len().max(1) as f64;
        let reach = f64::from(grid.max_code - grid.zero_point).max(1.0);
        let scale = (2.0 * mean / reach.sqrt()) as f32;
        let finer = scale > f32::MIN_POSITIVE && scale < grid.scale;
        Affine { scale: if finer { scale } else { grid.scale }, ..*grid }
    };
    grids.iter().zip(blocks).map(start).collect()
}
