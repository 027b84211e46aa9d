//! The drawing as SVG text: thousands of boxes are written faster than they are built one by one.

use std::collections::BTreeSet;
use std::fmt::Write;

use super::colour::Tint;
use super::drawn::Drawn;
use super::fold::Target;
use super::layout::Rect;

/// The attribute that tells what a click does.
pub const ACTION: &str = "data-do";

/// What a click on a part of the drawing does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Selects what a box stands for.
    Choose(u32),
    /// Opens a block.
    Open(u32),
    /// Closes a block.
    Close(u32),
}

impl Action {
    fn write(self) -> String {
        match self {
            Self::Choose(item) => format!("box {item}"),
            Self::Open(group) => format!("open {group}"),
            Self::Close(group) => format!("close {group}"),
        }
    }

    /// The action that an attribute tells.
    pub fn read(text: &str) -> Option<Self> {
        let (what, number) = text.split_once(' ')?;
        let number = number.parse().ok()?;
        Some(match what {
            "box" => Self::Choose(number),
            "open" => Self::Open(number),
            "close" => Self::Close(number),
            _ => return None,
        })
    }
}

/// What is marked in the drawing.
#[derive(Clone, Debug, Default)]
pub struct Marks<'a> {
    /// The colours of the boxes.
    pub tints: &'a [Tint],
    /// Whether the colours are out of date.
    pub stale: bool,
    /// The selected box.
    pub chosen: Option<u32>,
    /// The box that the keyboard is at.
    pub cursor: Option<u32>,
    /// The boxes that are found.
    pub hits: BTreeSet<u32>,
    /// The boxes that are layers.
    pub layers: BTreeSet<u32>,
    /// The boxes with a node that cannot run.
    pub stuck: BTreeSet<u32>,
}

/// The id of a box.
pub fn id(item: u32) -> String {
    format!("graph-box-{item}")
}

/// Text for use within markup and its attributes.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => escaped += "&amp;",
            '<' => escaped += "&lt;",
            '>' => escaped += "&gt;",
            '"' => escaped += "&quot;",
            '\'' => escaped += "&#39;",
            _ => escaped.push(letter),
        }
    }
    escaped
}

/// Frames and edges, and these boxes above them. `value` is what a box shows that it is coloured by.
pub fn write(
    drawn: &Drawn,
    boxes: &[u32],
    edges: &[u32],
    marks: &Marks<'_>,
    value: &dyn Fn(usize) -> Option<String>,
) -> String {
    let mut out = String::from("<g aria-hidden=\"true\">");
    for frame in &drawn.frames {
        let Rect { x, y, width, height } = frame.rect;
        let (left, top) = (x - width / 2.0, y - height / 2.0);
        write!(
            out,
            "<g class=\"frame\"><rect x=\"{left:.1}\" y=\"{top:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" rx=\"10\"/>\
             <text x=\"{:.1}\" y=\"{:.1}\" {ACTION}=\"{}\">− {}</text></g>",
            left + 10.0,
            top - 5.0,
            Action::Close(frame.group).write(),
            escape(&frame.label),
        )
        .ok();
    }
    for route in edges.iter().filter_map(|&at| drawn.layout.routes.get(at as usize)) {
        let near = if [Some(route.from), Some(route.to)].contains(&marks.chosen) { " near" } else { "" };
        let (back, end) = if route.is_back() { (" back", "start") } else { ("", "end") };
        let path = route.path();
        write!(out, "<path class=\"edge{near}{back}\" d=\"{path}\" marker-{end}=\"url(#graph-arrow)\"/>")
            .ok();
    }
    out += "</g>";
    for &item in boxes {
        write_box(&mut out, drawn, item, marks, value);
    }
    out
}

fn write_box(
    out: &mut String,
    drawn: &Drawn,
    item: u32,
    marks: &Marks<'_>,
    value: &dyn Fn(usize) -> Option<String>,
) -> Option<()> {
    let at = item as usize;
    let (facts, text, rect) =
        (drawn.folded.items.get(at)?, drawn.texts.get(at)?, drawn.layout.boxes.get(at)?);
    let is_chosen = marks.chosen == Some(item);
    let mut class = marks.tints.get(at).map(|tint| tint.class()).unwrap_or_default();
    for (name, on) in [
        ("stale", marks.stale),
        ("layer", marks.layers.contains(&item)),
        ("block", matches!(facts.target, Target::Group(_))),
        ("stuck", marks.stuck.contains(&item)),
        ("hit", marks.hits.contains(&item)),
        ("chosen", is_chosen),
        ("cursor", marks.cursor == Some(item)),
    ] {
        if on {
            class = class + " " + name;
        }
    }
    let (name, about) = (escape(&text.name), escape(&text.about));
    let value = value(at).map(|value| format!(", {}", escape(&value))).unwrap_or_default();
    let expanded = if let Target::Group(_) = facts.target { " aria-expanded=\"false\"" } else { "" };
    let Rect { x, y, width, height } = *rect;
    write!(
        out,
        "<g class=\"box {class}\" id=\"{}\" role=\"treeitem\" aria-selected=\"{is_chosen}\"{expanded} \
         aria-label=\"{name} {about}{value}\" {ACTION}=\"{}\" transform=\"translate({:.1} {:.1})\">",
        id(item),
        Action::Choose(item).write(),
        x - width / 2.0,
        y - height / 2.0,
    )
    .ok()?;
    let rectangle = |inset: f64| {
        format!("<rect x=\"{inset}\" y=\"{inset}\" width=\"{width:.1}\" height=\"{height:.1}\" rx=\"7\"/>")
    };
    if let Target::Group(group) = facts.target {
        let open = Action::Open(group).write();
        let (right, middle) = (width - 15.0, height / 2.0);
        *out += &rectangle(4.0);
        *out += &rectangle(0.0);
        write!(
            out,
            "<path class=\"plus\" {ACTION}=\"{open}\" d=\"M{:.1},{middle}h10m-5,-5v10\"/>",
            right - 3.0
        )
        .ok()?;
    } else {
        *out += &rectangle(0.0);
    }
    write!(
        out,
        "<text class=\"name\" x=\"10\" y=\"16\">{name}</text> <text class=\"about\" x=\"10\" y=\"30\">{about}</text></g>"
    )
    .ok()
}

#[cfg(test)]
mod tests {
    use fewbit_quant::report::NodeFacts;

    use super::super::drawn::Scene;
    use super::*;

    #[test]
    fn a_name_from_a_file_stays_text() {
        let node = NodeFacts {
            name: "<img src=x onerror='a'>\"&".to_owned(),
            operator: "Relu".to_owned(),
            inputs: Vec::new(),
            layer: None,
            shape: "8".to_owned(),
        };
        let drawn = Drawn::new(&Scene::new(vec![node], &[], &[]), &BTreeSet::new(), |n| n.to_string());
        let marks = Marks { tints: &[Tint::Kind(1)], chosen: Some(0), ..Marks::default() };
        let markup = write(&drawn, &[0], &[], &marks, &|_| Some("4 bits".to_owned()));
        assert!(!markup.contains("<img"));
        assert!(markup.contains("&lt;img src=x onerror=&#39;a&#39;&gt;&quot;&amp; Relu 8, 4 bits\""));
        assert!(markup.contains("class=\"box kind-1 chosen\""));
    }

    #[test]
    fn an_action_is_read_as_it_was_written() {
        for action in [Action::Choose(3), Action::Open(0), Action::Close(12)] {
            assert_eq!(Action::read(&action.write()), Some(action));
        }
        assert_eq!(Action::read("box"), None);
    }
}
