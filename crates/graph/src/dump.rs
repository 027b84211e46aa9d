//! A graph as text, one wire a line: for tests, and for people who look for a fault.

use std::fmt;

use crate::graph::{Graph, Source};
use crate::infer::Facts;
use crate::tensor::Dim;

/// A [`Graph`] to be written out, with the facts of its wires if they are known.
#[derive(Clone, Copy, Debug)]
pub struct Dump<'a> {
    graph: &'a Graph,
    facts: Option<&'a Facts>,
}

impl Graph {
    /// The graph as text, where `facts` say what is on each wire.
    ///
    /// ```text
    /// input x: f32[N×1×28×28]
    /// parameter conv1.weight: f32[8×1×5×5]
    /// conv1 = Conv(x, conv1.weight) groups=1 strides=[1, 1] …: f32[32×8×24×24]
    /// output conv1
    /// ```
    ///
    /// A node whose name is not that of its output wire has it at the end of its line, after `@`.
    pub fn dump<'a>(&'a self, facts: &'a Facts) -> Dump<'a> {
        Dump { graph: self, facts: Some(facts) }
    }
}

impl fmt::Display for Graph {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Dump { graph: self, facts: None }.fmt(f)
    }
}

impl fmt::Display for Dump<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { graph, facts } = self;
        for (_, wire) in graph.wires() {
            match &wire.source {
                Source::Input(dims) => {
                    let dims: Vec<String> = dims.iter().map(ToString::to_string).collect();
                    writeln!(f, "input {}: f32[{}]", wire.name, dims.join("×"))?;
                }
                Source::Parameter(value) => writeln!(f, "parameter {}: {}", wire.name, value.fact())?,
                Source::Node(_) => {}
            }
        }
        for (_, node) in graph.nodes() {
            let output = &graph.wire(node.output).name;
            let inputs: Vec<&str> = node.inputs.iter().map(|&wire| graph.wire(wire).name.as_str()).collect();
            write!(f, "{output} = {}({})", node.op.name(), inputs.join(", "))?;
            for (name, value) in node.op.attributes() {
                write!(f, " {name}={value}")?;
            }
            if let Some(facts) = facts {
                write!(f, ": {}", facts.of(node.output))?;
            }
            if node.name != *output {
                write!(f, " @ {}", node.name)?;
            }
            writeln!(f)?;
        }
        graph.outputs.iter().try_for_each(|&wire| writeln!(f, "output {}", graph.wire(wire).name))?;
        graph.assignments.iter().try_for_each(|assignment| {
            let name = |wire| &graph.wire(wire).name;
            writeln!(f, "assign {} = {}", name(assignment.target), name(assignment.value))
        })
    }
}

impl fmt::Display for Dim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Known(n) => write!(f, "{n}"),
            Self::Symbol(name) => f.write_str(name),
        }
    }
}
