//! `$patch` in a strategic merge patch, and which of the two nodes a walk goes on with.

use super::list::set_element;
use super::{Walked, present};
use crate::Error;
use crate::node::{Node, Scalar, Tag};

/// What a patch asks for.
#[derive(PartialEq)]
pub(super) enum Directive {
    Merge,
    Replace,
    Delete,
}

/// The field that says so.
pub(super) const DIRECTIVE: &str = "$patch";

/// Reads `$patch` and takes it out.
pub(super) fn directive(patch: &mut Node) -> Result<Directive, Error> {
    let value = match patch {
        Node::Map(_) => patch.get(DIRECTIVE).map(Node::text),
        Node::Seq(items) => items
            .iter()
            .find(|item| item.get(DIRECTIVE).is_some())
            .filter(|item| matches!(item, Node::Map(fields) if fields.len() == 1))
            .and_then(|item| item.get(DIRECTIVE))
            .map(Node::text),
        Node::Scalar(_) => return Err(Error::invalid("no strategic merge patch strategy for a scalar")),
    };
    let directive = match value {
        None => return Ok(Directive::Merge),
        Some("merge") => Directive::Merge,
        Some("replace") => Directive::Replace,
        Some("delete") => Directive::Delete,
        Some(other) => return Err(Error::invalid(format!("unknown patch strategy `{other}`"))),
    };
    let value = value.unwrap_or_default().to_owned();
    match patch {
        Node::Map(_) => {
            patch.remove(DIRECTIVE);
        }
        Node::Seq(items) => set_element(items, None, &[DIRECTIVE.to_owned()], &[value])?,
        Node::Scalar(_) => {}
    }
    Ok(directive)
}

/// Decides which node the walk goes on with, and whether it is the object's own.
pub(super) fn choose(
    dest: Option<Node>,
    patch: &mut Option<Node>,
    list: bool,
    shared: bool,
) -> Result<Walked, Error> {
    if present(&dest).is_none() {
        if let Some(patch) = patch.as_mut().filter(|_| !list)
            && matches!(directive(patch), Ok(Directive::Delete))
        {
            return Ok(Walked::GONE);
        }
        return Ok(match (&patch, dest) {
            (None, Some(Node::Scalar(null))) if !null.value.is_empty() && !list => {
                let kept = Scalar { keep: true, ..Scalar::tagged(null.value, Tag::Null) };
                Walked { node: Some(Node::Scalar(kept)), own: false }
            }
            (patch, _) => Walked { node: (*patch).clone(), own: false },
        });
    }
    let Some(patch_node) = patch.as_mut() else { return Ok(Walked { node: dest, own: true }) };
    if patch_node.is_null() {
        return Ok(Walked::GONE);
    }
    Ok(match directive(patch_node)? {
        Directive::Delete => Walked::GONE,
        Directive::Replace => Walked { node: Some(patch_node.clone()), own: false },
        Directive::Merge if shared => Walked { node: Some(patch_node.clone()), own: true },
        Directive::Merge => Walked { node: dest, own: true },
    })
}
