//! A field that a transformer edits: which kinds have it, the path to it, whether it is made when missing.

use std::borrow::Cow;

use crate::meter;
use crate::node::{Node, Scalar, Tag};
use crate::paths::{self, MOST_PARTS, Step};
use crate::resid::Gvk;
use crate::{Error, share};

/// Bytes that a field takes beside its text.
const FIELD_BYTES: usize = 128;

/// Where a transformer writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FieldSpec {
    pub(crate) gvk: Gvk,
    pub(crate) path: String,
    pub(crate) create: bool,
}

impl FieldSpec {
    pub(crate) fn new(group: &str, version: &str, kind: &str, path: &str, create: bool) -> Self {
        let gvk = Gvk::of(group, version, kind);
        FieldSpec { gvk, path: path.into(), create }
    }

    /// A path of every kind, made when missing.
    pub(crate) fn everywhere(path: &str) -> Self {
        FieldSpec::new("", "", "", path, true)
    }
}

/// What a missing field is made as.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Create {
    Nothing,
    Map,
    Scalar(CreateTag),
}

/// The tag of a scalar that is made where null stood.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum CreateTag {
    Empty,
    Str,
    Int,
}

impl CreateTag {
    fn tag(self) -> Tag {
        match self {
            CreateTag::Empty => Tag::None,
            CreateTag::Str => Tag::Str,
            CreateTag::Int => Tag::Int,
        }
    }
}

impl Create {
    fn node(self) -> Node {
        match self {
            Create::Nothing | Create::Map => Node::Map(Vec::new()),
            Create::Scalar(_) => Node::Scalar(Scalar::bare("")),
        }
    }

    /// What becomes of a null found in its place.
    fn replace_null(self, field: &mut Node) {
        match (self, &mut *field) {
            (Create::Map, _) => *field = Node::Map(Vec::new()),
            (Create::Scalar(tag), Node::Scalar(scalar)) => scalar.tag = tag.tag(),
            (Create::Nothing | Create::Scalar(_), _) => {}
        }
    }
}

/// Calls `set` on every node that the field spec leads to in an object of its kind.
pub(crate) fn apply(
    object: &mut Node,
    gvk: &Gvk,
    spec: &FieldSpec,
    create: Create,
    set: &mut dyn FnMut(&mut Node) -> Result<(), Error>,
) -> Result<(), Error> {
    meter::work(1)?;
    if !gvk.is_selected(&spec.gvk) {
        return Ok(());
    }
    apply_to_any(object, spec, create, set)
}

/// The same whatever the object's kind.
pub(crate) fn apply_to_any(
    object: &mut Node,
    spec: &FieldSpec,
    create: Create,
    set: &mut dyn FnMut(&mut Node) -> Result<(), Error>,
) -> Result<(), Error> {
    meter::work(1)?;
    if (create == Create::Nothing || !spec.create) && leads_nowhere(object, &spec.path) {
        return Ok(());
    }
    let path = paths::split(&spec.path, '/')?;
    let create = if spec.create { create } else { Create::Nothing };
    let mut shared = false;
    let mut noting = |node: &mut Node| {
        let before = node.width();
        set(node)?;
        meter::copy(node.text().len() + node.width().saturating_sub(before) * FIELD_BYTES)?;
        shared |= share::is_written(node);
        Ok(())
    };
    walk(object, &path, create, &mut noting).map_err(|error| match error.field {
        None => error.in_field(&spec.path),
        Some(_) => error,
    })?;
    if shared {
        share::settle(object);
    }
    Ok(())
}

/// Whether the first part of a path is missing, as it mostly is: a look that costs little.
fn leads_nowhere(object: &Node, path: &str) -> bool {
    let first = path.split('/').next().unwrap_or_default();
    let plain =
        first.bytes().all(|b| b.is_ascii_alphabetic()) && !first.is_empty() && path.len() < MOST_PARTS;
    plain && matches!(object, Node::Map(_)) && object.get(first).is_none()
}

fn walk(
    node: &mut Node,
    path: &[Cow<'_, str>],
    create: Create,
    set: &mut dyn FnMut(&mut Node) -> Result<(), Error>,
) -> Result<(), Error> {
    let Some((part, rest)) = path.split_first() else {
        meter::work(20 + node.width())?;
        return set(node);
    };
    meter::work(5 + node.width() / 4)?;
    match node {
        node if node.is_null() => Ok(()),
        Node::Seq(items) => items.iter_mut().try_for_each(|item| walk(item, path, create, set)),
        Node::Map(_) => step(node, part, rest, create, set),
        Node::Scalar(_) => Err(Error::invalid("expected sequence or mapping node")),
    }
}

fn step(
    node: &mut Node,
    part: &str,
    rest: &[Cow<'_, str>],
    create: Create,
    set: &mut dyn FnMut(&mut Node) -> Result<(), Error>,
) -> Result<(), Error> {
    let (name, is_list) = match part.strip_suffix("[]") {
        Some(name) => (name, true),
        None => (part, false),
    };
    if name.is_empty() {
        return Err(Error::invalid("cannot set or create an empty field name"));
    }
    let made = match (create, is_list) {
        (Create::Nothing, _) | (_, true) => Create::Nothing,
        (create, _) if rest.is_empty() => create,
        _ => Create::Map,
    };
    let field = lookup(node, name, made)?;
    let Some(field) = field else { return Ok(()) };
    if field.is_null() {
        if is_list {
            // kustomize takes the hint that a list belongs here and leaves an empty one.
            *field = Node::Seq(Vec::new());
        } else {
            made.replace_null(field);
        }
    }
    walk(field, rest, create, set)
}

/// The field that a part leads to, made when asked.
///
/// kustomize reads numbers, `-` and `[name=value]` as places in lists here too, and a map has none.
fn lookup<'a>(node: &'a mut Node, part: &str, made: Create) -> Result<Option<&'a mut Node>, Error> {
    match paths::step(node, part)? {
        Step::Stay => Ok(Some(node)),
        Step::To(index) => Ok(paths::at_mut(node, &[index])),
        Step::Nowhere if made == Create::Nothing => Ok(None),
        Step::Nowhere => Ok(node.get_or_create(part.trim(), made.node())),
    }
}

/// Adds field specs that are not there yet; the same place with another `create` is refused.
pub(crate) fn merge_specs(specs: &mut Vec<FieldSpec>, more: &[FieldSpec]) -> Result<(), Error> {
    for spec in more {
        meter::work(specs.len())?;
        let same = specs.iter().find(|s| s.gvk.is_selected(&spec.gvk) && s.path == spec.path);
        match same {
            Some(same) if same.create != spec.create => return Err(Error::invalid("conflicting fieldspecs")),
            Some(_) => {}
            None => specs.push(spec.clone()),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;
    use crate::yaml::{from_json, node_to_json};

    #[test]
    fn paths_lead_through_lists_and_make_maps() {
        let check = |json: &str, spec: FieldSpec, expected: &str| {
            let mut node = from_json(&serde_json::from_str(json).unwrap());
            let mut set = |n: &mut Node| {
                n.set_scalar(Scalar::string("new"));
                Ok(())
            };
            apply(
                &mut node,
                &FieldSpec::new("", "v1", "K", "", false).gvk,
                &spec,
                Create::Scalar(CreateTag::Str),
                &mut set,
            )
            .unwrap();
            assert_eq!(node_to_json(&node).unwrap().to_string(), expected);
        };
        check(
            r#"{"a":[{"b":"x"},{"c":1}]}"#,
            FieldSpec::new("", "", "", "a/b", false),
            r#"{"a":[{"b":"new"},{"c":1}]}"#,
        );
        check("{}", FieldSpec::everywhere("a/b"), r#"{"a":{"b":"new"}}"#);
        check("{}", FieldSpec::new("", "", "Other", "a", true), "{}");
        check("{}", FieldSpec::new("", "", "K", "a[]/b", true), "{}");
    }
}
