//! The attributes of a node, by name and type.

use std::collections::BTreeSet;

use crate::error::Problem;
use crate::onnx::proto::{AttributeProto, NodeProto, TensorProto, attribute_type as of};

/// The attributes of one node.
#[derive(Clone, Copy)]
pub(super) struct Attributes<'a>(&'a [AttributeProto]);

impl<'a> Attributes<'a> {
    /// The attributes of `node`, if no name stands for two.
    pub(super) fn of(node: &'a NodeProto) -> Result<Self, Problem> {
        let mut names = BTreeSet::new();
        match node.attribute.iter().find(|attribute| !names.insert(attribute.name())) {
            Some(twice) => Err(Problem::Duplicate(twice.name().to_owned())),
            None => Ok(Self(&node.attribute)),
        }
    }

    /// The attribute `name`, if it is there, which then has to be of type `wanted`.
    fn find(&self, name: &str, wanted: i32) -> Result<Option<&'a AttributeProto>, Problem> {
        let Some(attribute) = self.0.iter().find(|attribute| attribute.name() == name) else {
            return Ok(None);
        };
        let found = type_of(attribute);
        if found == wanted || (found == 0 && wanted_list_may_be_empty(wanted)) {
            return Ok(Some(attribute));
        }
        Err(Problem::Field {
            what: format!("attribute `{name}`"),
            found: type_name(found),
            needed: type_name(wanted),
        })
    }

    /// Whether an attribute stands for one of the function that the node is in.
    pub(super) fn refers_to_function(&self) -> bool {
        self.0.iter().any(|attribute| !attribute.ref_attr_name().is_empty())
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.0.iter().any(|attribute| attribute.name() == name)
    }

    pub(super) fn float(&self, name: &str) -> Result<Option<f32>, Problem> {
        Ok(self.find(name, of::FLOAT)?.map(|attribute| attribute.f.unwrap_or_default()))
    }

    pub(super) fn int(&self, name: &str) -> Result<Option<i64>, Problem> {
        Ok(self.find(name, of::INT)?.map(|attribute| attribute.i.unwrap_or_default()))
    }

    pub(super) fn flag(&self, name: &str) -> Result<Option<bool>, Problem> {
        Ok(self.int(name)?.map(|flag| flag != 0))
    }

    pub(super) fn ints(&self, name: &str) -> Result<Option<&'a [i64]>, Problem> {
        Ok(self.find(name, of::INTS)?.map(|attribute| attribute.ints.as_slice()))
    }

    pub(super) fn floats(&self, name: &str) -> Result<Option<&'a [f32]>, Problem> {
        Ok(self.find(name, of::FLOATS)?.map(|attribute| attribute.floats.as_slice()))
    }

    pub(super) fn tensor(&self, name: &str) -> Result<Option<&'a TensorProto>, Problem> {
        Ok(self.find(name, of::TENSOR)?.and_then(|attribute| attribute.t.as_deref()))
    }

    pub(super) fn text(&self, name: &str) -> Result<Option<&'a str>, Problem> {
        let Some(attribute) = self.find(name, of::STRING)? else { return Ok(None) };
        match str::from_utf8(attribute.s.as_deref().unwrap_or_default()) {
            Ok(text) => Ok(Some(text)),
            Err(_) => Err(Problem::Field {
                what: format!("attribute `{name}`"),
                found: "no UTF-8".to_owned(),
                needed: type_name(of::STRING),
            }),
        }
    }

    /// A list of texts; what is no UTF-8 is replaced, and a list that is not there is empty.
    pub(super) fn texts(&self, name: &str) -> Result<Vec<String>, Problem> {
        let list = self.find(name, of::STRINGS)?.map(|attribute| attribute.strings.as_slice());
        Ok(list.unwrap_or_default().iter().map(|text| String::from_utf8_lossy(text).into_owned()).collect())
    }
}

/// The type that an attribute says it has; files of the first IR versions leave that to be seen.
fn type_of(attribute: &AttributeProto) -> i32 {
    match attribute.r#type {
        Some(said) if said != 0 => said,
        _ if attribute.f.is_some() => of::FLOAT,
        _ if attribute.i.is_some() => of::INT,
        _ if attribute.s.is_some() => of::STRING,
        _ if attribute.t.is_some() => of::TENSOR,
        _ if attribute.g.is_some() => of::GRAPH,
        _ if !attribute.floats.is_empty() => of::FLOATS,
        _ if !attribute.ints.is_empty() => of::INTS,
        _ if !attribute.strings.is_empty() => of::STRINGS,
        _ => 0,
    }
}

fn wanted_list_may_be_empty(wanted: i32) -> bool {
    matches!(wanted, of::FLOATS | of::INTS)
}

fn type_name(attribute_type: i32) -> String {
    match attribute_type {
        of::FLOAT => "a float",
        of::INT => "an integer",
        of::STRING => "a text",
        of::TENSOR => "a tensor",
        of::GRAPH => "a graph",
        of::FLOATS => "a list of floats",
        of::INTS => "a list of integers",
        of::STRINGS => "a list of texts",
        of::TENSORS => "a list of tensors",
        of::GRAPHS => "a list of graphs",
        of::SPARSE_TENSOR => "a sparse tensor",
        of::SPARSE_TENSORS => "a list of sparse tensors",
        of::TYPE_PROTO => "a type",
        of::TYPE_PROTOS => "a list of types",
        0 => "nothing",
        other => return format!("of type {other}"),
    }
    .to_owned()
}
