//! Blocks: nodes whose names begin alike, `stage1` for `stage1.conv1`, `layers.0` for `/model/layers.0/attn/MatMul`.

use std::collections::BTreeMap;

use fewbit_quant::report::NodeFacts;

/// The names that nodes are put into blocks by. A node whose own name tells no block, as in `Conv_12`, goes by the name of
/// its layer, as in `layer1.0.conv1`, or into the block of the first node that it reads.
pub fn telling_names(nodes: &[NodeFacts], layers: &[String]) -> Vec<String> {
    let mut names: Vec<String> = Vec::with_capacity(nodes.len());
    for node in nodes {
        let layer = node.layer.and_then(|layer| layers.get(layer as usize));
        let first = node.inputs.first().and_then(|&input| names.get(input as usize));
        let name = match (layer, first) {
            _ if !ends(&node.name).is_empty() => node.name.clone(),
            (Some(layer), _) => layer.clone(),
            (None, Some(first)) => match ends(first).last() {
                Some(&end) => format!("{}{}", &first[..=end], node.name),
                None => node.name.clone(),
            },
            (None, None) => node.name.clone(),
        };
        names.push(name);
    }
    names
}

/// A block with more than this share of all nodes says nothing.
const MOST: f64 = 0.9;

/// A block of nodes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// What the names of its nodes begin with.
    pub path: String,
    /// The last part of that.
    pub label: String,
    /// The block that it is in.
    pub parent: Option<u32>,
    /// Its nodes, with those of blocks in it, in order.
    pub members: Vec<u32>,
}

/// The blocks of a graph.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Groups {
    /// Outer ones before those in them.
    pub all: Vec<Group>,
    /// The innermost block of each node.
    pub of: Vec<Option<u32>>,
}

impl Groups {
    /// The blocks of nodes of these names: those of two nodes and more, unless nearly all nodes are in it, or just those
    /// of the block around it.
    pub fn of_names<'a>(names: impl Iterator<Item = &'a str> + Clone) -> Self {
        let mut members: BTreeMap<&str, Vec<u32>> = BTreeMap::new();
        for (node, name) in names.clone().enumerate() {
            for end in ends(name) {
                members.entry(&name[..end]).or_default().push(node as u32);
            }
        }
        let count = names.clone().count();
        let mut groups = Self { all: Vec::new(), of: vec![None; count] };
        // In order, so that a prefix comes before what it begins.
        for (path, members) in members {
            if members.len() < 2 || members.len() as f64 > MOST * count as f64 {
                continue;
            }
            let parent = members.first().and_then(|&first| groups.of[first as usize]);
            if parent.is_some_and(|parent| groups.all[parent as usize].members.len() == members.len()) {
                continue;
            }
            let id = groups.all.len() as u32;
            for &member in &members {
                groups.of[member as usize] = Some(id);
            }
            groups.all.push(Group { path: path.to_owned(), label: label(path).to_owned(), parent, members });
        }
        groups
    }

    /// A block and those around it, from the innermost.
    pub fn around(&self, innermost: Option<u32>) -> impl Iterator<Item = u32> {
        std::iter::successors(innermost, |&group| self.all.get(group as usize)?.parent)
    }
}

/// Where the prefixes of a name end that may be blocks: before each `/`; in a name without, before each `.` unless a
/// number comes next, which belongs to what it counts.
fn ends(name: &str) -> Vec<usize> {
    let separator = if name.contains('/') { '/' } else { '.' };
    let is_number = |rest: &str| {
        let part = rest.split(separator).next().unwrap_or_default();
        separator == '.' && !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit())
    };
    name.match_indices(separator)
        .filter(|&(at, _)| at > 0 && !is_number(&name[at + 1..]))
        .map(|(at, _)| at)
        .collect()
}

/// The last part of a path, with the number that counts it.
fn label(path: &str) -> &str {
    if path.contains('/') {
        return path.rsplit('/').next().unwrap_or(path);
    }
    let start = ends(path).last().map_or(0, |end| end + 1);
    &path[start..]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(names: &[&str]) -> Vec<String> {
        Groups::of_names(names.iter().copied()).all.into_iter().map(|group| group.label).collect()
    }

    #[test]
    fn dotted_names_make_blocks_and_numbers_stay_with_what_they_count() {
        assert_eq!(labels(&["stem", "stage1.conv1", "stage1.conv2", "head"]), ["stage1"]);
        let names = ["h.0.attn.q", "h.0.attn.k", "h.0.ln", "h.1.attn.q", "h.1.attn.k", "h.1.ln", "out"];
        assert_eq!(labels(&names), ["h.0", "attn", "h.1", "attn"]);
    }

    #[test]
    fn slashed_names_make_blocks_within_what_all_have() {
        let names = [
            "/model/embed/Gather",
            "/model/layers.0/attn/q/MatMul",
            "/model/layers.0/attn/k/MatMul",
            "/model/layers.0/mlp/MatMul",
            "/model/layers.1/mlp/MatMul",
            "/model/layers.1/mlp/Relu",
        ];
        let groups = Groups::of_names(names.into_iter());
        let labels: Vec<_> = groups.all.iter().map(|group| group.label.as_str()).collect();
        assert_eq!(labels, ["layers.0", "attn", "layers.1"]);
        assert_eq!(groups.of, [None, Some(1), Some(1), Some(0), Some(2), Some(2)]);
        assert_eq!(groups.around(Some(1)).collect::<Vec<_>>(), [1, 0]);
    }

    #[test]
    fn a_node_with_a_bare_name_goes_with_its_layer_or_with_what_it_reads() {
        let node = |name: &str, inputs: &[u32], layer| NodeFacts {
            name: name.to_owned(),
            operator: String::new(),
            inputs: inputs.to_vec(),
            layer,
            shape: String::new(),
        };
        let nodes = [node("Conv_0", &[], Some(0)), node("Relu_1", &[0], None), node("Flatten_2", &[], None)];
        let names = telling_names(&nodes, &["layer1.0.conv1".to_owned()]);
        assert_eq!(names, ["layer1.0.conv1", "layer1.0.Relu_1", "Flatten_2"]);
    }

    #[test]
    fn names_without_parts_make_none() {
        assert!(labels(&["Conv_0", "Relu_1", ".", "/", "", "a.", "conv1.5"]).is_empty());
    }
}
