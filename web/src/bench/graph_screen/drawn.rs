//! The drawing of a folded graph: boxes with their texts, edges, and frames around blocks that are open.

use std::collections::BTreeSet;

use fewbit_quant::report::NodeFacts;

use super::fold::{Folded, Item, Target};
use super::groups::{self, Groups};
use super::layout::{self, Layout, Rect};

/// The height of a box.
const HEIGHT: f64 = 38.0;
/// What a letter takes across, and what stands beside the text.
const LETTER: f64 = 6.7;
const PADDING: f64 = 20.0;
/// What a block's button takes.
const BUTTON: f64 = 22.0;
/// Letters that a line has at least and at most.
const FEWEST: usize = 9;
const MOST: usize = 26;
/// Space between a frame and what is in it.
const FRAME: f64 = 9.0;
/// More of it where there are frames within.
const NESTED: f64 = 5.0;

/// A model's graph.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Scene {
    /// The nodes.
    pub nodes: Vec<NodeFacts>,
    /// What they are called: of a layer its name in every other place.
    pub names: Vec<String>,
    /// The nodes that read each node.
    pub readers: Vec<Vec<u32>>,
    /// The blocks.
    pub groups: Groups,
    /// The nodes that cannot run.
    pub stuck: Vec<u32>,
    /// The node of each layer.
    pub layers: Vec<u32>,
}

impl Scene {
    /// The graph of these nodes, with the names of its layers and of the nodes that cannot run.
    pub fn new(nodes: Vec<NodeFacts>, layer_names: &[String], stuck: &[&str]) -> Self {
        let mut readers = vec![Vec::new(); nodes.len()];
        let (mut layers, mut unfit) = (Vec::new(), Vec::new());
        for (at, node) in nodes.iter().enumerate() {
            for &input in &node.inputs {
                if let Some(readers) =
                    readers.get_mut(input as usize).filter(|r| r.last() != Some(&(at as u32)))
                {
                    readers.push(at as u32);
                }
            }
            if stuck.contains(&node.name.as_str()) {
                unfit.push(at as u32);
            }
            if let Some(layer) = node.layer {
                layers.push((layer, at as u32));
            }
        }
        layers.sort_unstable();
        let names = nodes.iter().map(|node| name_of(node, layer_names)).collect();
        let telling = groups::telling_names(&nodes, layer_names);
        let groups = Groups::of_names(telling.iter().map(String::as_str));
        Self {
            names,
            stuck: unfit,
            readers,
            groups,
            layers: layers.into_iter().map(|(_, node)| node).collect(),
            nodes,
        }
    }

    /// What a node is called; nothing if there is no such node.
    pub fn name(&self, node: u32) -> &str {
        self.names.get(node as usize).map_or("", String::as_str)
    }

    /// The nodes whose name or operator has `text` in it, in small or large letters.
    pub fn find(&self, text: &str) -> Vec<u32> {
        let text = text.trim().to_ascii_lowercase();
        let has = |(node, name): &(&NodeFacts, &String)| {
            [*name, &node.name, &node.operator].iter().any(|words| words.to_ascii_lowercase().contains(&text))
        };
        let hits = self.nodes.iter().zip(&self.names).enumerate();
        hits.filter(|(_, node)| !text.is_empty() && has(node)).map(|(at, _)| at as u32).collect()
    }
}

/// A frame around an open block.
#[derive(Clone, Debug, PartialEq)]
pub struct Frame {
    /// The block.
    pub group: u32,
    /// Its name.
    pub label: String,
    /// Where it is.
    pub rect: Rect,
}

/// The two lines of a box.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Text {
    /// Its name.
    pub name: String,
    /// What it is.
    pub about: String,
}

/// A drawing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Drawn {
    /// Which boxes there are.
    pub folded: Folded,
    /// What is written in them.
    pub texts: Vec<Text>,
    /// Where they are.
    pub layout: Layout,
    /// The frames, outer ones first.
    pub frames: Vec<Frame>,
}

impl Drawn {
    /// Draws `scene` with the blocks of `open` opened. `about` says how many nodes a closed block has.
    pub fn new(scene: &Scene, open: &BTreeSet<u32>, about: fn(usize) -> String) -> Self {
        let folded = Folded::new(&scene.nodes, &scene.groups, open);
        let text = |target: Target| match target {
            Target::Node(node) => node_text(scene.name(node), &scene.nodes[node as usize]),
            Target::Group(group) => {
                let group = &scene.groups.all[group as usize];
                Text { name: short(&group.label), about: about(group.members.len()) }
            }
        };
        let texts: Vec<Text> = folded.items.iter().map(|item| text(item.target)).collect();
        let size = |(item, text): (&Item, &Text)| match item.target {
            Target::Node(_) => (width(text), HEIGHT),
            Target::Group(_) => (width(text) + BUTTON, HEIGHT),
        };
        let sizes: Vec<(f64, f64)> = folded.items.iter().zip(&texts).map(size).collect();
        let layout = layout::lay_out(&sizes, &folded.edges);
        let frames = frames(scene, open, &folded, &layout);
        Self { folded, texts, layout, frames }
    }

    /// The box beside another on its level.
    pub fn beside(&self, item: u32, right: bool) -> Option<u32> {
        let row = self.layout.levels.iter().find(|row| row.contains(&item))?;
        let at = row.iter().position(|&other| other == item)?;
        let next = if right { at.checked_add(1)? } else { at.checked_sub(1)? };
        row.get(next).copied()
    }

    /// The box that an edge leads to, down or up: of several the nearest.
    pub fn along(&self, item: u32, down: bool) -> Option<u32> {
        let from = *self.layout.boxes.get(item as usize)?;
        let far = |&other: &u32| {
            let to = self.layout.boxes.get(other as usize).copied().unwrap_or_default();
            // Levels first.
            HEIGHT * (to.y - from.y).abs() + (to.x - from.x).abs()
        };
        self.folded.neighbours(item, down).min_by(|a, b| far(a).total_cmp(&far(b)))
    }
}

/// What a node is called. Of `…/act/Relu` its operator is said elsewhere.
fn name_of(node: &NodeFacts, layer_names: &[String]) -> String {
    if let Some(layer) = node.layer.and_then(|layer| layer_names.get(layer as usize)) {
        return layer.clone();
    }
    let rest = node.name.strip_suffix(node.operator.as_str()).and_then(|rest| rest.strip_suffix('/'));
    rest.filter(|rest| !rest.is_empty()).unwrap_or(&node.name).to_owned()
}

fn node_text(name: &str, node: &NodeFacts) -> Text {
    let about = match node.shape.as_str() {
        "" => node.operator.clone(),
        shape => format!("{} {shape}", node.operator),
    };
    Text { name: short(name), about: short(&about) }
}

/// The end of a text that is too long: names differ there.
fn short(text: &str) -> String {
    match text.char_indices().rev().nth(MOST - 1) {
        Some((start, _)) if start > 0 => {
            let rest: String = text[start..].chars().skip(1).collect();
            format!("…{rest}")
        }
        _ => text.to_owned(),
    }
}

fn width(text: &Text) -> f64 {
    let letters = |line: &str| line.chars().map(|c| if c > '\u{2e80}' { 2 } else { 1 }).sum::<usize>();
    letters(&text.name).max(letters(&text.about)).max(FEWEST) as f64 * LETTER + PADDING
}

fn frames(scene: &Scene, open: &BTreeSet<u32>, folded: &Folded, layout: &Layout) -> Vec<Frame> {
    let groups = &scene.groups;
    let mut frames = Vec::new();
    for (group, facts) in groups.all.iter().enumerate() {
        let group = group as u32;
        if !groups.around(Some(group)).all(|group| open.contains(&group)) {
            continue;
        }
        let boxes =
            facts.members.iter().filter_map(|&node| layout.boxes.get(folded.item_of[node as usize] as usize));
        let has_blocks = groups.all.iter().any(|inner| inner.parent == Some(group));
        if let Some(rect) = boxes.copied().reduce(Rect::join) {
            let rect = rect.grown(if has_blocks { FRAME + NESTED } else { FRAME });
            frames.push(Frame { group, label: facts.label.clone(), rect });
        }
    }
    frames
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(name: &str, operator: &str, inputs: &[u32]) -> NodeFacts {
        NodeFacts {
            name: name.to_owned(),
            operator: operator.to_owned(),
            inputs: inputs.to_vec(),
            layer: None,
            shape: "8×4×4".to_owned(),
        }
    }

    fn scene() -> Scene {
        let nodes = vec![
            node("stem", "Conv", &[]),
            node("s1.a", "Conv", &[0]),
            node("s1.b", "Conv", &[0]),
            node("s1.add", "Add", &[1, 2]),
            node("head", "Gemm", &[3]),
            node("out", "Softmax", &[4]),
        ];
        Scene::new(nodes, &[], &[])
    }

    #[test]
    fn arrows_lead_along_edges_and_to_the_box_beside() {
        let drawn = Drawn::new(&scene(), &BTreeSet::from([0]), |n| n.to_string());
        assert_eq!(drawn.along(3, true), Some(4));
        assert_eq!(drawn.along(0, false), None);
        assert_eq!(drawn.beside(1, true), Some(2));
        assert_eq!(drawn.beside(1, false), None);
        assert_eq!(drawn.frames.len(), 1);
        assert!(drawn.frames[0].rect.meets(&drawn.layout.boxes[3]));
        assert!(!drawn.frames[0].rect.meets(&drawn.layout.boxes[0]));
    }

    #[test]
    fn names_and_operators_are_found_in_small_and_large_letters() {
        assert_eq!(scene().find("CONV"), [0, 1, 2]);
        assert_eq!(scene().find("s1."), [1, 2, 3]);
        assert!(scene().find(" ").is_empty());
    }

    #[test]
    fn long_names_keep_their_ends() {
        let node = node("/model/layers.11/self_attn/q_proj/MatMul", "MatMul", &[]);
        let text = node_text(&name_of(&node, &[]), &node);
        assert_eq!(text.name, "…ayers.11/self_attn/q_proj");
        assert_eq!(text.about, "MatMul 8×4×4");
        assert_eq!(short("层层"), "层层");
    }
}
