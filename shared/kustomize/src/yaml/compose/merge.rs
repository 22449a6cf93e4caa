//! The merge keys (`<<`) of resources.

use std::collections::{HashMap, HashSet};

use compact_str::CompactString;

use crate::node::{Node, Scalar, Style, Tag};
use crate::yaml::YamlError;

/// Applies `<<` as kustomize does before anything else looks at the map. `flow` says whether the map is a flow collection.
pub(super) fn merge(
    mut fields: Vec<(Scalar, Node)>,
    flow: bool,
    line: usize,
) -> Result<Vec<(Scalar, Node)>, YamlError> {
    let Some(value) = take_merge(&mut fields, line)? else { return Ok(fields) };
    let sources = match value {
        Node::Map(fields) => vec![fields],
        Node::Seq(items) => {
            let mut sources = Vec::new();
            for item in items.into_iter().rev() {
                match item {
                    Node::Map(fields) => sources.push(fields),
                    _ => return Err(YamlError::at(line, "map merge requires maps")),
                }
            }
            sources
        }
        Node::Scalar(_) => {
            return Err(YamlError::at(line, "map merge requires map or sequence of maps as the value"));
        }
    };
    let own = fields;
    let mut at: HashMap<CompactString, usize> = HashMap::new();
    for (index, (key, _)) in own.iter().enumerate() {
        at.entry(key.value.clone()).or_insert(index);
    }
    let taken: HashSet<CompactString> = at.keys().cloned().collect();
    let mut result = own;
    for (key, mut value) in sources.into_iter().flatten() {
        if let Node::Scalar(scalar) = &mut value
            && scalar.tag == Tag::Null
        {
            scalar.style = absent_style(scalar, flow);
        }
        if taken.contains(&key.value) {
            continue;
        }
        match at.get(&key.value).copied().and_then(|index| result.get_mut(index)) {
            Some(slot) => *slot = (key, value),
            None => {
                at.insert(key.value.clone(), result.len());
                result.push((key, value));
            }
        }
    }
    Ok(result)
}

/// Takes the merge key out, and gives its value. kustomize takes the first key out that reads `<<`, even a quoted one.
fn take_merge(fields: &mut Vec<(Scalar, Node)>, line: usize) -> Result<Option<Node>, YamlError> {
    let merges = fields.iter().filter(|(key, _)| key.tag == Tag::Merge);
    if merges.clone().any(|(key, _)| key.value != "<<") {
        return Err(YamlError::at(line, "only `<<` can be tagged as a merge key"));
    }
    if merges.count() > 1 {
        return Err(YamlError::at(line, "duplicate merge key"));
    }
    let Some(first) = fields.iter().position(|(key, _)| key.value == "<<") else { return Ok(None) };
    let (key, value) = fields.remove(first);
    if key.tag == Tag::Merge {
        return Ok(Some(value));
    }
    let other = fields.iter().position(|(key, _)| key.tag == Tag::Merge);
    Ok(other.map(|at| fields.remove(at).1))
}

/// The style of a null that moves into another map: kustomize writes one that is not there in quotes within flow
/// collections, so that it becomes an empty string.
fn absent_style(null: &Scalar, flow: bool) -> Style {
    match (null.value.is_empty() && !null.tagged, flow) {
        (true, true) => Style::Single,
        (true, false) => Style::Plain,
        (false, _) => null.style,
    }
}
