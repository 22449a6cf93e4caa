//! Paths into objects as kustomize writes them: how they split, what they lead to, what they make on the way.
//!
//! A part of a path is a field, `[name=value]` or a number for a list's items, `-` for the last one, or `*` for all.
//! [`lookup`] follows one way and compares values; [`Matcher`] finds many places and takes values for patterns.

mod matcher;

use std::borrow::Cow;

use crate::node::Node;
use crate::{Error, ErrorKind};

pub(crate) use matcher::{Found, Kind, Matcher};

/// Parts of one path; each may make a level of an object.
pub(crate) const MOST_PARTS: usize = 128;

/// The way from a root to a node: of each collection on it, which field or item.
pub(crate) type Place = Vec<usize>;

/// Splits a path; a backslash before the delimiter makes it part of a name. One delimiter in front is dropped.
pub(crate) fn split(path: &str, delimiter: char) -> Result<Vec<Cow<'_, str>>, Error> {
    let mut parts: Vec<Cow<'_, str>> = Vec::new();
    for part in path.strip_prefix(delimiter).unwrap_or(path).split(delimiter) {
        match parts.last_mut() {
            Some(last) if last.ends_with('\\') => {
                let last = last.to_mut();
                last.pop();
                last.push(delimiter);
                last.push_str(part);
            }
            _ => parts.push(Cow::Borrowed(part)),
        }
        if parts.len() > MOST_PARTS {
            return Err(ErrorKind::Limit { limit: "parts of a path", value: MOST_PARTS }.into());
        }
    }
    Ok(parts)
}

/// Splits at dots, but not within brackets, which stay on what has a `=` and go from what has none.
pub(crate) fn split_dotted(path: &str) -> Result<Vec<String>, Error> {
    let mut parts = split(path, '.')?.into_iter().map(Cow::into_owned);
    let mut result = Vec::new();
    while let Some(part) = parts.next() {
        if !part.starts_with('[') || part.ends_with(']') {
            result.push(part);
            continue;
        }
        let mut whole = part;
        for next in parts.by_ref() {
            whole.push('.');
            whole.push_str(&next);
            if next.ends_with(']') {
                break;
            }
        }
        result.push(if whole.contains('=') { whole } else { whole.trim_matches(['[', ']']).to_owned() });
    }
    Ok(result)
}

/// Whether a part is for a list's items by their content.
fn is_item(part: &str) -> bool {
    part.starts_with('[') && part.ends_with(']')
}

/// Field and value of `[field=value]`.
fn item(part: &str) -> Result<(&str, &str), Error> {
    let inner = part.strip_suffix(']').unwrap_or(part);
    let inner = inner.strip_prefix('[').unwrap_or(inner);
    inner.split_once('=').ok_or_else(|| {
        Error::invalid(format!("`{part}` must contain fieldName=fieldValue to match an item of a list"))
    })
}

/// The node at a place.
pub(crate) fn at<'a>(root: &'a Node, place: &[usize]) -> Option<&'a Node> {
    place.iter().try_fold(root, |node, index| match node {
        Node::Map(fields) => fields.get(*index).map(|(_, value)| value),
        Node::Seq(items) => items.get(*index),
        Node::Scalar(_) => None,
    })
}

/// The node at a place, to edit.
pub(crate) fn at_mut<'a>(root: &'a mut Node, place: &[usize]) -> Option<&'a mut Node> {
    place.iter().try_fold(root, |node, index| match node {
        Node::Map(fields) => fields.get_mut(*index).map(|(_, value)| value),
        Node::Seq(items) => items.get_mut(*index),
        Node::Scalar(_) => None,
    })
}

/// Where a path leads, `None` when that is nowhere.
pub(crate) fn lookup(root: &Node, parts: &[String]) -> Result<Option<Place>, Error> {
    let (mut node, mut place) = (root, Place::new());
    for part in parts {
        match step(node, part)? {
            Step::Stay => {}
            Step::To(index) => {
                place.push(index);
                let Some(next) = at(node, &[index]) else { return Ok(None) };
                node = next;
            }
            Step::Nowhere => return Ok(None),
        }
    }
    Ok(Some(place))
}

/// Where one part of a path leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// A blank part says nothing.
    Stay,
    To(usize),
    Nowhere,
}

/// Follows one part of a path.
pub(crate) fn step(node: &Node, part: &str) -> Result<Step, Error> {
    let part = part.trim();
    if part.is_empty() {
        return Ok(Step::Stay);
    }
    let found = match part.parse::<i64>() {
        Ok(index) if index < 0 => {
            return Err(Error::invalid(format!("array index {index} cannot be negative")));
        }
        Ok(index) => {
            let length = items(node)?.len();
            usize::try_from(index).ok().filter(|index| *index < length)
        }
        Err(_) if part == "-" => {
            let last = items(node)?.len().checked_sub(1);
            Some(last.ok_or_else(|| Error::invalid("`-` is the last item of a list that has none"))?)
        }
        Err(_) if part == "*" => return Err(Error::invalid("wildcard is not supported in this path")),
        Err(_) if is_item(part) => {
            let (field, value) = item(part)?;
            items(node)?.iter().position(|item| match field {
                "" => item.text() == value,
                field => item.get(field).is_some_and(|found| found.text() == value),
            })
        }
        Err(_) => field(node, part)?,
    };
    Ok(found.map_or(Step::Nowhere, Step::To))
}

/// The items of a list; null has none.
fn items(node: &Node) -> Result<&[Node], Error> {
    match node {
        Node::Seq(items) => Ok(items),
        node if node.is_null() => Ok(&[]),
        _ => Err(wrong_kind("a list", node)),
    }
}

/// The place of a field; null has none.
fn field(node: &Node, name: &str) -> Result<Option<usize>, Error> {
    match node {
        Node::Map(fields) => Ok(fields.iter().position(|(key, _)| key.value == name)),
        node if node.is_null() => Ok(None),
        _ => Err(wrong_kind("a map", node)),
    }
}

fn wrong_kind(expected: &str, node: &Node) -> Error {
    let found = match node {
        Node::Scalar(_) => "a scalar",
        Node::Map(_) => "a map",
        Node::Seq(_) => "a list",
    };
    Error::invalid(format!("wrong node kind: expected {expected} but got {found}"))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;
    use crate::yaml::from_json;

    #[test]
    fn paths_split_at_dots_that_are_not_escaped_or_in_brackets() {
        let check =
            |path: &str, expected: &[&str]| assert_eq!(split_dotted(path).unwrap(), expected, "{path}");
        check("a.b", &["a", "b"]);
        check(".a.b", &["a", "b"]);
        check("", &[""]);
        check("a..b.", &["a", "", "b", ""]);
        check(r"a.b\.c.d", &["a", "b.c", "d"]);
        check("a.[name=x.y.z].b", &["a", "[name=x.y.z]", "b"]);
        check("metadata.annotations.[a.b/c].d", &["metadata", "annotations", "a.b/c", "d"]);
        check("a.[b]", &["a", "[b]"]);
        check("a.[b.c", &["a", "b.c"]);
        assert_eq!(
            split(r"metadata/annotations/a.io\/b", '/').unwrap(),
            ["metadata", "annotations", "a.io/b"]
        );
    }

    #[test]
    fn a_lookup_follows_one_way() {
        let root = from_json(&serde_json::json!({
            "l": [{"n": "a"}, {"n": "b"}, "x"], "e": [], "s": "t", "z": null,
        }));
        let find = |path: &str| lookup(&root, &split_dotted(path)?);
        let check =
            |path: &str, expected: Option<&[usize]>| assert_eq!(find(path).unwrap().as_deref(), expected);
        let list = find("l").unwrap().unwrap()[0];
        check("l.1", Some(&[list, 1]));
        check("l.-", Some(&[list, 2]));
        check("l.[n=b]", Some(&[list, 1]));
        check("l.[n=b].n", Some(&[list, 1, 0]));
        check("l.[=x]", Some(&[list, 2]));
        check("l.[n=c]", None);
        check("l.7", None);
        check("q.r", None);
        check("z.a", None);
        check("z.0", None);
        check("", Some(&[]));
        for bad in ["l.-1", "l.*", "l.n", "s.a", "e.-", "s.[a=b]", "l.[a]", "0"] {
            assert!(find(bad).is_err(), "{bad}");
        }
    }
}
