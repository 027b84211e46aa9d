//! Networks module by module: the parts that transformers have in common, written in the operators that there are.

use fewbit_graph::op::{Binary, Reduce, Reducer, Reshape, Unary};
use fewbit_graph::{Graph, Op, Tensor, WireId};

use super::weights::Store;
use crate::error::{Place, Problem, ReadError};

/// What hides a score from the softmax: its exponential is 0, and no sum with a score overflows.
const HIDDEN: f32 = -1e30;

/// A graph in the making, and the tensors that it is made with.
///
/// Modules are named as in the checkpoint, `model.layers.0.mlp.up_proj`: their parameters are called `NAME.weight` and
/// `NAME.bias`, and their nodes `model/layers/0/mlp/up_proj/MatMul`.
pub(super) struct Builder<'w> {
    pub(super) graph: Graph,
    weights: &'w mut dyn Store,
    /// The most elements of a constant that no file holds.
    most_filled: u64,
}

/// How an attention is split.
#[derive(Clone, Copy, Debug)]
pub(super) struct Heads {
    /// Heads that ask.
    pub(super) query: usize,
    /// Heads that answer; each serves as many that ask.
    pub(super) key: usize,
    /// Numbers of a head.
    pub(super) depth: usize,
}

impl Heads {
    /// As many heads that answer as ask, of `width` numbers together.
    pub(super) fn equal(heads: usize, width: usize) -> Self {
        Self { query: heads, key: heads, depth: width.checked_div(heads).unwrap_or(0) }
    }
}

impl<'w> Builder<'w> {
    pub(super) fn new(weights: &'w mut dyn Store, most_filled: u64) -> Self {
        Self { graph: Graph::new(), weights, most_filled }
    }

    /// Whether the checkpoint has a tensor.
    pub(super) fn has(&self, name: &str) -> bool {
        self.weights.shape(name).is_some()
    }

    /// The length of an axis of a tensor, which has to be there.
    pub(super) fn length(&self, name: &str, axis: usize) -> Result<usize, ReadError> {
        let shape = self.weights.shape(name).ok_or_else(|| missing(name))?;
        let length = shape.get(axis).and_then(|&length| usize::try_from(length).ok());
        length.ok_or_else(|| misshaped(name, shape, format!("of more than {axis} axes")))
    }

    /// The values of a tensor of this shape.
    pub(super) fn values(&mut self, name: &str, shape: &[usize]) -> Result<Vec<f32>, ReadError> {
        let found = self.weights.shape(name).ok_or_else(|| missing(name))?;
        if !found.iter().copied().eq(shape.iter().map(|&length| length as u64)) {
            return Err(misshaped(name, found, format!("{shape:?}, after its configuration")));
        }
        self.weights.values(name)
    }

    /// Adds a tensor of the checkpoint.
    pub(super) fn parameter(&mut self, name: &str, shape: &[usize]) -> Result<WireId, ReadError> {
        let values = self.values(name, shape)?;
        self.constant(name, shape, values)
    }

    /// Adds a tensor.
    pub(super) fn constant(
        &mut self,
        name: &str,
        shape: &[usize],
        values: Vec<f32>,
    ) -> Result<WireId, ReadError> {
        let tensor = Tensor::f32(shape, values)
            .map_err(|why| Place::Tensor(name.to_owned()).error(Problem::Syntax(why.to_string())))?;
        Ok(self.graph.parameter(name, tensor))
    }

    /// Adds a node of a module.
    pub(super) fn node(&mut self, module: &str, what: &str, op: Op, inputs: &[WireId]) -> WireId {
        let module = module.replace('.', "/");
        self.graph.node(format!("{module}/{what}"), op, inputs)
    }

    pub(super) fn unary(&mut self, module: &str, function: Unary, x: WireId) -> WireId {
        self.node(module, function.name(), Op::Unary(function), &[x])
    }

    pub(super) fn binary(&mut self, module: &str, function: Binary, a: WireId, b: WireId) -> WireId {
        self.node(module, function.name(), Op::Binary(function), &[a, b])
    }

    /// A function of the elements of `a` and one number.
    pub(super) fn with_number(&mut self, module: &str, function: Binary, a: WireId, number: f32) -> WireId {
        let number = self.graph.parameter(format!("{module}.{}.by", function.name()), Tensor::scalar(number));
        self.binary(module, function, a, number)
    }

    pub(super) fn reshape(&mut self, module: &str, x: WireId, lengths: &[i64]) -> WireId {
        self.node(module, "Reshape", Op::Reshape(Reshape::To(lengths.to_vec())), &[x])
    }

    pub(super) fn transpose(&mut self, module: &str, x: WireId, perm: &[usize]) -> WireId {
        self.node(module, "Transpose", Op::Transpose { perm: perm.to_vec() }, &[x])
    }

    /// Rows `first..last` along an axis of `x`, which has `rank` axes.
    pub(super) fn slice(
        &mut self,
        module: &str,
        x: WireId,
        rank: usize,
        axis: usize,
        range: std::ops::Range<usize>,
    ) -> WireId {
        let along = |here: i64, elsewhere: i64| {
            (0..rank).map(|i| if i == axis { here } else { elsewhere }).collect::<Vec<i64>>()
        };
        let slice = fewbit_graph::op::Slice {
            starts: along(range.start as i64, 0),
            ends: along(range.end as i64, i64::MAX),
            steps: vec![1; rank],
        };
        self.node(module, "Slice", Op::Slice(slice), &[x])
    }

    /// x·Wᵀ + b with W of `outputs` rows of `inputs` columns, as PyTorch's Linear has it; b where the checkpoint has one.
    pub(super) fn linear(
        &mut self,
        module: &str,
        x: WireId,
        inputs: usize,
        outputs: usize,
    ) -> Result<WireId, ReadError> {
        let name = format!("{module}.weight");
        let values = self.values(&name, &[outputs, inputs])?;
        let weight = self.constant(&name, &[inputs, outputs], transposed(&values, outputs, inputs))?;
        self.product(module, x, weight, outputs)
    }

    /// x·W + b with W of `inputs` rows of `outputs` columns.
    pub(super) fn linear_by_columns(
        &mut self,
        module: &str,
        x: WireId,
        inputs: usize,
        outputs: usize,
    ) -> Result<WireId, ReadError> {
        let weight = self.parameter(&format!("{module}.weight"), &[inputs, outputs])?;
        self.product(module, x, weight, outputs)
    }

    /// x·Wᵀ with the table W of an embedding, as a layer `module` of its own.
    pub(super) fn tied(
        &mut self,
        module: &str,
        table: WireId,
        x: WireId,
        outputs: usize,
    ) -> Result<WireId, ReadError> {
        let name = format!("{module}.weight");
        let Some(&[rows, columns]) = self.graph.value(table).map(Tensor::shape) else {
            return Err(missing(&name));
        };
        let values = self.graph.value(table).and_then(|table| table.as_f32().ok()).unwrap_or_default();
        let values = transposed(values, rows, columns);
        let weight = self.constant(&name, &[columns, rows], values)?;
        self.product(module, x, weight, outputs)
    }

    fn product(
        &mut self,
        module: &str,
        x: WireId,
        weight: WireId,
        outputs: usize,
    ) -> Result<WireId, ReadError> {
        let y = self.node(module, "MatMul", Op::MatMul, &[x, weight]);
        let bias = format!("{module}.bias");
        if !self.has(&bias) {
            return Ok(y);
        }
        let bias = self.parameter(&bias, &[outputs])?;
        Ok(self.binary(module, Binary::Add, y, bias))
    }

    /// The rows of a table that `ids` name: the table, and what was taken.
    pub(super) fn embedding(
        &mut self,
        module: &str,
        ids: WireId,
        width: usize,
    ) -> Result<(WireId, WireId), ReadError> {
        let name = format!("{module}.weight");
        let rows = self.length(&name, 0)?;
        let table = self.parameter(&name, &[rows, width])?;
        Ok((table, self.node(module, "Gather", Op::Gather { axis: 0 }, &[table, ids])))
    }

    /// Rows of a table of the checkpoint, which has `rows` of them.
    pub(super) fn table(
        &mut self,
        name: &str,
        rows: usize,
        width: usize,
        range: std::ops::Range<usize>,
    ) -> Result<WireId, ReadError> {
        let values = self.values(name, &[rows, width])?;
        let taken = values.chunks(width.max(1)).skip(range.start).take(range.len()).flatten().copied();
        self.constant(name, &[range.len(), width], taken.collect())
    }

    /// The state of the first token: [N, T, D] → [N, D].
    pub(super) fn first(&mut self, module: &str, x: WireId, width: usize) -> WireId {
        let first = self.slice(module, x, 3, 1, 0..1);
        self.reshape(module, first, &[0, width as i64])
    }

    /// What a pooler makes of the state of the first token: [N, T, D] → [N, D].
    pub(super) fn pooled(&mut self, module: &str, x: WireId, width: usize) -> Result<WireId, ReadError> {
        let first = self.first(module, x, width);
        let dense = self.linear(module, first, width, width)?;
        Ok(self.unary(module, Unary::Tanh, dense))
    }

    /// Scores by as many labels as the module has rows.
    pub(super) fn labels(&mut self, module: &str, x: WireId, width: usize) -> Result<WireId, ReadError> {
        let labels = self.length(&format!("{module}.weight"), 0)?;
        self.linear(module, x, width, labels)
    }

    fn mean(&mut self, module: &str, x: WireId, axis: usize) -> WireId {
        let mean = Reduce { kind: Reducer::Mean, axes: vec![axis], keep_dims: true };
        self.node(module, "ReduceMean", Op::Reduce(mean), &[x])
    }

    /// x/√(mean x² + ε)·(w + offset) along `axis`, the last one (Zhang & Sennrich 2019, arXiv 1910.07467).
    pub(super) fn rms_norm(
        &mut self,
        module: &str,
        x: WireId,
        axis: usize,
        width: usize,
        epsilon: f32,
        offset: f32,
    ) -> Result<WireId, ReadError> {
        let square = self.binary(module, Binary::Mul, x, x);
        let mean = self.mean(module, square, axis);
        let raised = self.with_number(module, Binary::Add, mean, epsilon);
        let root = self.unary(module, Unary::Sqrt, raised);
        let inverse = self.unary(module, Unary::Reciprocal, root);
        let normal = self.binary(module, Binary::Mul, x, inverse);
        let name = format!("{module}.weight");
        let mut weight = self.values(&name, &[width])?;
        weight.iter_mut().for_each(|w| *w += offset);
        let weight = self.constant(&name, &[width], weight)?;
        Ok(self.binary(module, Binary::Mul, normal, weight))
    }

    /// (x − mean)/√(variance + ε)·w + b along axis 2, the last one (Ba et al. 2016, arXiv 1607.06450). Checkpoints of before
    /// 2019 call w and b `gamma` and `beta`.
    pub(super) fn layer_norm(
        &mut self,
        module: &str,
        x: WireId,
        width: usize,
        epsilon: f32,
    ) -> Result<WireId, ReadError> {
        let old = !self.has(&format!("{module}.weight")) && self.has(&format!("{module}.gamma"));
        let [weight, bias] = if old { ["gamma", "beta"] } else { ["weight", "bias"] };
        let mean = self.mean(module, x, 2);
        let centred = self.binary(module, Binary::Sub, x, mean);
        let square = self.binary(module, Binary::Mul, centred, centred);
        let variance = self.mean(module, square, 2);
        let raised = self.with_number(module, Binary::Add, variance, epsilon);
        let root = self.unary(module, Unary::Sqrt, raised);
        let inverse = self.unary(module, Unary::Reciprocal, root);
        let normal = self.binary(module, Binary::Mul, centred, inverse);
        let weight = self.parameter(&format!("{module}.{weight}"), &[width])?;
        let scaled = self.binary(module, Binary::Mul, normal, weight);
        let bias = self.parameter(&format!("{module}.{bias}"), &[width])?;
        Ok(self.binary(module, Binary::Add, scaled, bias))
    }

    /// A function of elements by the name that configurations give it.
    pub(super) fn activation(&mut self, module: &str, name: &str, x: WireId) -> Result<WireId, ReadError> {
        Ok(match name {
            "gelu" => self.unary(module, Unary::Gelu, x),
            "relu" => self.unary(module, Unary::Relu, x),
            "silu" | "swish" => self.unary(module, Unary::Silu, x),
            "tanh" => self.unary(module, Unary::Tanh, x),
            "gelu_new" | "gelu_pytorch_tanh" | "gelu_fast" => self.gelu_by_tanh(module, x),
            _ => {
                return Err(super::config::field(
                    "the activation function",
                    name,
                    "gelu, gelu_new, gelu_pytorch_tanh, relu, silu or tanh",
                ));
            }
        })
    }

    /// x/2·(1 + tanh(√(2/π)·(x + 0.044715·x³))) (Hendrycks & Gimpel 2016, arXiv 1606.08415).
    fn gelu_by_tanh(&mut self, module: &str, x: WireId) -> WireId {
        let square = self.binary(module, Binary::Mul, x, x);
        let cube = self.binary(module, Binary::Mul, square, x);
        let small = self.with_number(module, Binary::Mul, cube, 0.044_715);
        let sum = self.binary(module, Binary::Add, x, small);
        let inner = self.with_number(module, Binary::Mul, sum, 0.797_884_6);
        let tanh = self.unary(module, Unary::Tanh, inner);
        let raised = self.with_number(module, Binary::Add, tanh, 1.0);
        let half = self.with_number(module, Binary::Mul, x, 0.5);
        self.binary(module, Binary::Mul, half, raised)
    }

    /// [N, T, heads·depth] as [N, T, heads, depth].
    pub(super) fn split_heads(&mut self, module: &str, x: WireId, heads: usize, depth: usize) -> WireId {
        self.reshape(module, x, &[0, 0, heads as i64, depth as i64])
    }

    /// softmax(q·kᵀ/√depth + mask)·v (Vaswani et al. 2017, arXiv 1706.03762): q, k, v [N, T, heads, depth] → [N, T,
    /// heads·depth]. The mask is broadcast to [N, heads, T, T].
    pub(super) fn attend(
        &mut self,
        module: &str,
        [q, k, v]: [WireId; 3],
        heads: Heads,
        mask: Option<WireId>,
    ) -> WireId {
        let q = self.transpose(module, q, &[0, 2, 1, 3]);
        let mut k = self.transpose(module, k, &[0, 2, 3, 1]);
        let mut v = self.transpose(module, v, &[0, 2, 1, 3]);
        let group = heads.query.checked_div(heads.key).unwrap_or(1);
        if group > 1 {
            let served: Vec<f32> = (0..heads.query).map(|head| (head / group) as f32).collect();
            let served = self.graph.parameter(format!("{module}.heads"), Tensor::vector(served));
            k = self.node(module, "Gather", Op::Gather { axis: 1 }, &[k, served]);
            v = self.node(module, "Gather", Op::Gather { axis: 1 }, &[v, served]);
        }
        let scores = self.node(module, "Scores", Op::MatMul, &[q, k]);
        let mut scores = self.with_number(module, Binary::Mul, scores, 1.0 / (heads.depth as f32).sqrt());
        if let Some(mask) = mask {
            scores = self.binary(module, Binary::Add, scores, mask);
        }
        let shares = self.node(module, "Softmax", Op::Softmax { axis: 3 }, &[scores]);
        let mixed = self.node(module, "Mixed", Op::MatMul, &[shares, v]);
        let mixed = self.transpose(module, mixed, &[0, 2, 1, 3]);
        self.reshape(module, mixed, &[0, 0, -1])
    }

    /// Attention of `x` [N, T, D] to itself, with queries, keys and values by the modules `parts`.
    pub(super) fn attention(
        &mut self,
        module: &str,
        x: WireId,
        parts: [String; 3],
        heads: Heads,
        mask: Option<WireId>,
    ) -> Result<WireId, ReadError> {
        let width = heads.query.saturating_mul(heads.depth);
        let mut split = [x; 3];
        for (wire, part) in split.iter_mut().zip(&parts) {
            let flat = self.linear(part, x, width, width)?;
            *wire = self.split_heads(part, flat, heads.query, heads.depth);
        }
        Ok(self.attend(module, split, heads, mask))
    }

    /// A mask [T, T] that hides what comes later, and what is `window` places back or more.
    pub(super) fn causal_mask(
        &mut self,
        name: &str,
        length: usize,
        window: Option<usize>,
    ) -> Result<WireId, ReadError> {
        self.fill(&[length, length])?;
        let seen = |i: usize, j: usize| j <= i && window.is_none_or(|window| i - j < window);
        let row = |i: usize| (0..length).map(move |j| if seen(i, j) { 0.0 } else { HIDDEN });
        self.constant(name, &[length, length], (0..length).flat_map(row).collect())
    }

    /// A mask [N, 1, 1, T] that hides places of `ids` [N, T] that are `padding`.
    pub(super) fn padding_mask(&mut self, module: &str, ids: WireId, padding: u32) -> WireId {
        let is_padding = self.with_number(module, Binary::Equal, ids, padding as f32);
        let mask = self.with_number(module, Binary::Mul, is_padding, HIDDEN);
        let length = Reshape::Unsqueeze { axes: vec![1, 2] };
        self.node(module, "Unsqueeze", Op::Reshape(length), &[mask])
    }

    /// Refuses a constant that would be too large.
    pub(super) fn fill(&self, shape: &[usize]) -> Result<(), ReadError> {
        let found = shape.iter().fold(1u64, |product, &n| product.saturating_mul(n as u64));
        let (limit, what) = (self.most_filled, "elements of a table");
        if found <= limit {
            return Ok(());
        }
        Err(Place::File.error(Problem::TooLarge { what, found, limit }))
    }

    /// Makes a wire an output of this name.
    pub(super) fn output(&mut self, name: &str, wire: WireId) {
        self.graph.rename(wire, name);
        self.graph.outputs.push(wire);
    }
}

fn missing(name: &str) -> ReadError {
    let problem = Problem::Missing { what: "the tensor", name: name.to_owned(), found: Vec::new() };
    Place::File.error(problem)
}

fn misshaped(name: &str, found: &[u64], needed: String) -> ReadError {
    let found = found.iter().map(|&length| usize::try_from(length).unwrap_or(usize::MAX)).collect();
    Place::Tensor(name.to_owned()).error(Problem::Shape { found, needed })
}

/// A matrix of `rows` rows with its axes exchanged.
pub(super) fn transposed(values: &[f32], rows: usize, columns: usize) -> Vec<f32> {
    let mut out = Vec::with_capacity(values.len());
    for column in 0..columns {
        out.extend((0..rows).filter_map(|row| values.get(row * columns + column)));
    }
    out
}
