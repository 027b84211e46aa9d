//! The graph as it is drawn: nodes, and blocks that are closed.

use std::collections::BTreeSet;

use fewbit_quant::report::NodeFacts;

use super::groups::Groups;

/// A node or a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Target {
    /// A node, by its place among the nodes.
    Node(u32),
    /// A block.
    Group(u32),
}

/// What is drawn as one box.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// What it is.
    pub target: Target,
    /// Its nodes.
    pub members: Vec<u32>,
}

/// The graph as it is drawn.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Folded {
    /// The boxes, in the order of their first nodes.
    pub items: Vec<Item>,
    /// The box of each node.
    pub item_of: Vec<u32>,
    /// The edges between boxes, each once.
    pub edges: Vec<(u32, u32)>,
}

impl Folded {
    /// The graph with the blocks of `open` opened, where those around them are open too.
    pub fn new(nodes: &[NodeFacts], groups: &Groups, open: &BTreeSet<u32>) -> Self {
        let mut folded = Self::default();
        let mut item_of_group: Vec<Option<u32>> = vec![None; groups.all.len()];
        for (node, &innermost) in groups.of.iter().enumerate() {
            let node = node as u32;
            let closed = groups.around(innermost).filter(|group| !open.contains(group)).last();
            let target = closed.map_or(Target::Node(node), Target::Group);
            let there = closed.and_then(|group| item_of_group[group as usize]);
            let item = there.unwrap_or(folded.items.len() as u32);
            match folded.items.get_mut(item as usize) {
                Some(item) => item.members.push(node),
                None => folded.items.push(Item { target, members: vec![node] }),
            }
            if let Some(group) = closed {
                item_of_group[group as usize] = Some(item);
            }
            folded.item_of.push(item);
        }
        for (to, node) in nodes.iter().enumerate() {
            let froms = node.inputs.iter().filter_map(|&from| folded.item_of.get(from as usize));
            let edges = froms.map(|&from| (from, folded.item_of[to]));
            folded.edges.extend(edges.filter(|(from, to)| from != to));
        }
        folded.edges.sort_unstable();
        folded.edges.dedup();
        folded
    }

    /// The box that a node or block is drawn as, or in. None for a block that is open.
    pub fn box_of(&self, target: Target) -> Option<u32> {
        match target {
            Target::Node(node) => self.item_of.get(node as usize).copied(),
            Target::Group(_) => self.items.iter().position(|item| item.target == target).map(|at| at as u32),
        }
    }

    /// The boxes that a box reads, or that read it.
    pub fn neighbours(&self, item: u32, below: bool) -> impl Iterator<Item = u32> {
        self.edges.iter().filter_map(move |&(from, to)| match below {
            true => (from == item).then_some(to),
            false => (to == item).then_some(from),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nodes(list: &[(&str, &[u32])]) -> Vec<NodeFacts> {
        let node = |&(name, inputs): &(&str, &[u32])| NodeFacts {
            name: name.to_owned(),
            operator: String::new(),
            inputs: inputs.to_vec(),
            layer: None,
            shape: String::new(),
        };
        list.iter().map(node).collect()
    }

    #[test]
    fn a_closed_block_is_one_box_with_the_edges_of_its_nodes() {
        let nodes =
            nodes(&[("stem", &[]), ("a.x", &[0]), ("a.y", &[0, 1]), ("head", &[2, 1]), ("out", &[3])]);
        let groups = Groups::of_names(nodes.iter().map(|node| node.name.as_str()));
        let closed = Folded::new(&nodes, &groups, &BTreeSet::new());
        assert_eq!(closed.items.len(), 4);
        assert_eq!(closed.edges, [(0, 1), (1, 2), (2, 3)]);
        assert_eq!(closed.box_of(Target::Node(2)), Some(1));
        assert_eq!(closed.box_of(Target::Group(0)), Some(1));
        assert_eq!(closed.neighbours(1, false).collect::<Vec<_>>(), [0]);
        let open = Folded::new(&nodes, &groups, &BTreeSet::from([0]));
        assert_eq!(open.items.len(), 5);
        assert_eq!(open.edges.len(), 6);
        assert_eq!(open.box_of(Target::Group(0)), None);
    }

    #[test]
    fn an_outer_block_that_is_closed_hides_those_in_it() {
        let names = [("a.b.x", &[][..]), ("a.b.y", &[0]), ("a.z", &[1]), ("c", &[2]), ("d", &[3])];
        let nodes = nodes(&names);
        let groups = Groups::of_names(nodes.iter().map(|node| node.name.as_str()));
        assert_eq!(groups.all.len(), 2);
        let folded = Folded::new(&nodes, &groups, &BTreeSet::from([1]));
        assert_eq!(folded.items[0].target, Target::Group(0));
        assert_eq!(folded.items.len(), 3);
    }
}
