//! A text of resources to objects: documents checked, lists expanded.

use std::collections::VecDeque;
use std::rc::Rc;

use crate::Error;
use crate::loader::Loader;
use crate::node::{Node, Scalar, Style, Tag};
use crate::resource::Resource;
use crate::schemas::Schemas;
use crate::yaml::{documents, from_json, node_to_json};

/// Annotations by which kustomize passes state between its stages; it would act on them in a file.
const STATE: &str = "internal.config.kubernetes.io/";

/// The objects of a text, in order; the items of a list come last.
pub(crate) fn read(text: &str, loader: &mut Loader<'_>) -> Result<Vec<Resource>, Error> {
    let budget = &mut loader.budget;
    let mut queue: VecDeque<Node> = VecDeque::new();
    for node in documents(text, budget)? {
        queue.extend(checked(node)?);
    }
    let mut resources = Vec::new();
    while let Some(node) = queue.pop_front() {
        let is_list = node.get("kind").is_some_and(|kind| kind.text().ends_with("List"));
        if !is_list || node.get("items").is_none() {
            resources.push(resource(node, &loader.schemas)?);
            continue;
        }
        let items = match node.get("items") {
            Some(Node::Seq(items)) => items,
            Some(items) if items.is_null() => continue,
            _ => return Err(Error::invalid("`items` of a list is not a list")),
        };
        for item in items {
            let value = node_to_json(&unfolded(item))?;
            budget.spend_value(&value)?;
            queue.extend(checked(from_json(&value))?);
        }
    }
    Ok(resources)
}

/// The items are decoded at once, not written and read again, so that no folded text is changed on the way.
fn unfolded(node: &Node) -> Node {
    match node {
        Node::Scalar(scalar) if matches!(scalar.style, Style::Literal | Style::Folded) => {
            Node::Scalar(Scalar { style: Style::Double, ..scalar.clone() })
        }
        Node::Scalar(_) => node.clone(),
        Node::Seq(items) => Node::Seq(items.iter().map(unfolded).collect()),
        Node::Map(fields) => {
            Node::Map(fields.iter().map(|(key, value)| (key.clone(), unfolded(value))).collect())
        }
    }
}

/// Drops what is empty, refuses what is no Kubernetes object.
fn checked(node: Node) -> Result<Option<Node>, Error> {
    if node.is_nil_or_empty() {
        return Ok(None);
    }
    let filled = |node: &Node, field: &str| node.get(field).filter(|v| !v.is_nil_or_empty()).is_some();
    let text = |node: &Node, field: &str| node.get(field).map_or("", Node::non_null_text).to_owned();
    let kind = text(&node, "kind");
    if kind.is_empty() {
        let what = if filled(&node, "apiVersion") || filled(&node, "metadata") {
            "kind"
        } else {
            "resource metadata"
        };
        return Err(Error::invalid(format!("missing {what} in an object")));
    }
    let name = node.get("metadata").map(|m| text(m, "name")).unwrap_or_default();
    if name.is_empty() && !kind.ends_with("List") {
        return Err(Error::invalid(format!("missing metadata.name in an object of kind `{kind}`")));
    }
    Ok(Some(node))
}

fn resource(node: Node, schemas: &Rc<Schemas>) -> Result<Resource, Error> {
    if let Some(Node::Map(annotations)) = node.get("metadata").and_then(|m| m.get("annotations"))
        && let Some((key, _)) =
            annotations.iter().find(|(k, _)| k.tag != Tag::Null && k.value.starts_with(STATE))
    {
        return Err(Error::unsupported(format!("annotation {}", key.value)));
    }
    let mut resource = Resource::new(node);
    resource.schemas = Some(Rc::clone(schemas));
    schemas.note_kind(resource.current().gvk);
    Ok(resource)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;
    use crate::{MemoryTree, Options};

    #[test]
    fn lists_are_expanded_behind_the_rest() {
        let text =
            "kind: FooList\nitems: [{kind: A, metadata: {name: a}}]\n---\nkind: B\nmetadata: {name: b}\n";
        let (tree, options) = (MemoryTree::default(), Options::default());
        let read = |text: &str| read(text, &mut Loader::new(&tree, &options));
        let kinds: Vec<String> = read(text).unwrap().iter().map(|r| r.kind().to_owned()).collect();
        assert_eq!(kinds, ["B", "A"]);
        for bad in ["a: 1", "hello", "kind: A", "kind: A\nmetadata: {}", "[1]"] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }
}
