//! Weights as rows, one for each block that shares a scale: how every layout of scales becomes the same graph.

use fewbit_graph::WireId;
use fewbit_graph::op::{Op, Reshape, Slice};
use fewbit_numeric::BlockLayout;

/// How a weight of some shape lies in rows.
#[derive(Clone, Debug)]
pub(crate) struct Rows {
    layout: BlockLayout,
    shape: Vec<usize>,
    axis: usize,
    /// The number of rows: blocks of the layout.
    pub(crate) count: usize,
    /// The length of a row. The last group of a channel may be shorter, and is filled up with zeros.
    pub(crate) len: usize,
}

impl Rows {
    /// The rows of a weight of `shape` with output channels on `axis`, laid out as `layout` says.
    pub(crate) fn new(layout: BlockLayout, shape: &[usize], axis: usize) -> Self {
        let count = layout.block_count();
        let len = (0..count).map(|block| layout.indices(block).count()).max().unwrap_or(0);
        Self { layout, shape: shape.to_vec(), axis, count, len }
    }

    /// The length of each row without what fills it up.
    pub(crate) fn lengths(&self) -> impl Iterator<Item = usize> + '_ {
        (0..self.count).map(|block| self.layout.indices(block).count())
    }

    /// The values of a weight as rows.
    pub(crate) fn of_weight(&self, values: &[f32]) -> Vec<f32> {
        let mut rows = vec![0.0; self.count * self.len];
        for (block, row) in rows.chunks_exact_mut(self.len.max(1)).enumerate() {
            for (slot, index) in row.iter_mut().zip(self.layout.indices(block)) {
                *slot = values.get(index).copied().unwrap_or(0.0);
            }
        }
        rows
    }

    /// The values of rows as a weight.
    pub(crate) fn to_weight(&self, rows: &[f32]) -> Vec<f32> {
        let mut values = vec![0.0; self.layout.len()];
        for (block, row) in rows.chunks_exact(self.len.max(1)).enumerate() {
            for (&value, index) in row.iter().zip(self.layout.indices(block)) {
                if let Some(slot) = values.get_mut(index) {
                    *slot = value;
                }
            }
        }
        values
    }

    /// Adds, by `node`, what makes the weight of rows \[count, len\].
    pub(crate) fn weight(
        &self,
        node: &mut dyn FnMut(String, Op, &[WireId]) -> WireId,
        name: &str,
        rows: WireId,
    ) -> WireId {
        let to = |shape: &[usize]| Op::Reshape(Reshape::To(shape.iter().map(|&n| n as i64).collect()));
        if self.count == 1 {
            return node(format!("{name}.weight"), to(&self.shape), &[rows]);
        }
        let (channels, channel_len) = (self.layout.channels(), self.layout.channel_len());
        let groups = self.layout.groups();
        let mut wire = rows;
        if groups > 1 {
            let padded = self.len * groups;
            wire = node(format!("{name}.channels"), to(&[channels, padded]), &[wire]);
            if padded != channel_len {
                let ends = vec![channels as i64, channel_len as i64];
                let slice = Slice { starts: vec![0, 0], ends, steps: vec![1, 1] };
                wire = node(format!("{name}.whole"), Op::Slice(slice), &[wire]);
            }
        }
        // Channels first, the other axes in their order.
        let mut front = self.shape.clone();
        let first = if self.axis < front.len() { front.remove(self.axis) } else { channels };
        front.insert(0, first);
        wire = node(format!("{name}.front"), to(&front), &[wire]);
        if self.axis == 0 {
            return wire;
        }
        let perm: Vec<usize> = (0..self.shape.len())
            .map(|axis| match axis.cmp(&self.axis) {
                std::cmp::Ordering::Less => axis + 1,
                std::cmp::Ordering::Equal => 0,
                std::cmp::Ordering::Greater => axis,
            })
            .collect();
        node(format!("{name}.weight"), Op::Transpose { perm }, &[wire])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use fewbit_graph::passes::Evaluate;
    use fewbit_graph::{Bindings, Graph, Tensor};
    use fewbit_numeric::Granularity;
    use fewbit_runtime::cpu::Cpu;

    /// Runs the graph of `weight` with the constant folder.
    fn through_graph(rows: &Rows, values: &[f32]) -> Vec<f32> {
        let mut graph = Graph::new();
        let start = graph.parameter("rows", Tensor::f32([rows.count, rows.len], values.to_vec()).unwrap());
        let end = rows.weight(&mut |name, op, inputs| graph.node(name, op, inputs), "w", start);
        let mut found = vec![None; graph.wires().len()];
        found[start.0 as usize] = graph.value(start).cloned();
        for (_, node) in graph.nodes() {
            let input = found[node.inputs[0].0 as usize].clone().unwrap();
            found[node.output.0 as usize] = Cpu::new().evaluate(&node.op, &[&input]);
        }
        assert_eq!(fewbit_graph::infer(&graph, &Bindings::new()).unwrap().shape(end), rows.shape);
        found[end.0 as usize].as_ref().unwrap().as_f32().unwrap().to_vec()
    }

    #[test]
    fn rows_and_weights_are_the_same_values() {
        let shape = [3, 4, 5];
        let values: Vec<f32> = (1..=60).map(|x| x as f32).collect();
        for axis in 0..3 {
            for granularity in
                [Granularity::Tensor, Granularity::Channel, Granularity::Group(4), Granularity::Group(7)]
            {
                let rows = Rows::new(BlockLayout::new(&shape, axis, granularity), &shape, axis);
                let laid = rows.of_weight(&values);
                assert_eq!(rows.to_weight(&laid), values, "axis {axis}, {granularity}");
                assert_eq!(through_graph(&rows, &laid), values, "axis {axis}, {granularity}");
            }
        }
    }
}
