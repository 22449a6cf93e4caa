//! A value added at paths of objects; only a plugin's configuration asks for it.

use crate::Error;
use crate::loader::join_lexically;
use crate::node::{Node, Scalar};
use crate::paths::split;
use crate::resmap::ResMap;
use crate::resource::Resource;
use crate::selector::Selector;

use super::Namespace;

/// The transformer's configuration.
pub(crate) struct ValueAdd {
    pub(crate) value: String,
    pub(crate) targets: Vec<Target>,
}

/// Where the value is added.
pub(crate) struct Target {
    /// The objects; all without it.
    pub(crate) selector: Option<Selector>,
    pub(crate) path: String,
    /// Which part of a file's path the value becomes, from 1; from 0 it replaces what is there.
    pub(crate) position: usize,
}

impl ValueAdd {
    pub(super) fn apply(&self, resources: &mut ResMap) -> Result<(), Error> {
        for target in &self.targets {
            let selected = match &target.selector {
                Some(selector) => selector.select(&resources.list)?,
                None => (0..resources.list.len()).collect(),
            };
            for index in selected {
                if let Some(resource) = resources.list.get_mut(index) {
                    self.add(resource, target).map_err(|error| error.in_field(&target.path))?;
                }
            }
        }
        Ok(())
    }

    fn add(&self, resource: &mut Resource, target: &Target) -> Result<(), Error> {
        if target.path == "metadata/namespace" {
            let gvk = resource.gvk();
            return Namespace::new(&self.value, &[]).set_all(&mut resource.node, &gvk);
        }
        let parts = split(&target.path, '/')?;
        let parts: Vec<&str> = parts.iter().map(|part| part.trim()).filter(|part| !part.is_empty()).collect();
        resource.reveal_annotations(&parts.join("/"));
        let field = match find_or_create(&mut resource.node, &parts)? {
            Some(field) => field,
            None if target.position == 0 => return Ok(()),
            None => return Err(Error::invalid("nothing is at the path")),
        };
        let value = match target.position.checked_sub(1) {
            None => self.value.clone(),
            Some(position) => insert(field.text(), position, &self.value),
        };
        if field.set_scalar(Scalar::bare(value)) {
            return Ok(());
        }
        Err(Error::invalid("wrong node kind: expected a scalar"))
    }
}

/// The node at a path, made where it is missing; `None` where that cannot be, which is no error.
fn find_or_create<'a>(node: &'a mut Node, parts: &[&str]) -> Result<Option<&'a mut Node>, Error> {
    let Some((part, rest)) = parts.split_first() else { return Ok(Some(node)) };
    let wrong = || Error::invalid(format!("`{part}` does not fit what is there"));
    let made = match rest.first() {
        None => Node::Scalar(Scalar::bare("")),
        Some(next) if is_element(next) || next.parse::<usize>().is_ok() => Node::Seq(Vec::new()),
        Some(_) => Node::Map(Vec::new()),
    };
    let next = match node {
        Node::Seq(items) => at(items, part)?,
        Node::Map(_) if is_field(part) => node.get_or_create(part, made),
        node if node.is_null() && (is_field(part) || part.parse::<usize>().is_ok()) => None,
        _ => return Err(wrong()),
    };
    next.map_or(Ok(None), |next| find_or_create(next, rest))
}

/// The element that a part means: by its place, the last, or by what is in it.
fn at<'a>(items: &'a mut Vec<Node>, part: &str) -> Result<Option<&'a mut Node>, Error> {
    let wrong = || Error::invalid(format!("`{part}` does not fit a list"));
    if let Ok(at) = part.parse::<i64>() {
        let at = usize::try_from(at).map_err(|_| wrong())?;
        return Ok(items.get_mut(at));
    }
    match part {
        "-" => items.last_mut().ok_or_else(wrong).map(Some),
        part if is_element(part) => element(items, part).map(Some),
        _ => Err(wrong()),
    }
}

fn is_field(part: &str) -> bool {
    part.parse::<i64>().is_err() && !matches!(part, "-" | "*") && !is_element(part)
}

fn is_element(part: &str) -> bool {
    part.starts_with('[') && part.ends_with(']')
}

/// The element that `[name=value]` or `[=value]` means, made where it is missing.
fn element<'a>(items: &'a mut Vec<Node>, part: &str) -> Result<&'a mut Node, Error> {
    let inner = part.strip_prefix('[').and_then(|p| p.strip_suffix(']')).unwrap_or(part);
    let (name, value) = inner
        .split_once('=')
        .ok_or_else(|| Error::invalid(format!("`{part}` must be of the form `[name=value]`")))?;
    let fits = |item: &Node| match name {
        "" => item.text() == value,
        name => item.get(name).is_some_and(|field| field.text() == value),
    };
    let at = match items.iter().position(fits) {
        Some(at) => at,
        None => {
            let scalar = Node::Scalar(Scalar::bare(value));
            items.push(match name {
                "" => scalar,
                name => Node::Map(vec![(Scalar::bare(name), scalar)]),
            });
            items.len() - 1
        }
    };
    items.get_mut(at).ok_or_else(|| Error::invalid(format!("nothing is at `{part}`")))
}

/// A file's path with one part more; a leading slash stays in front.
fn insert(path: &str, position: usize, part: &str) -> String {
    let (root, path) = match path.strip_prefix('/') {
        Some(rest) => ("/", rest),
        None => ("", path),
    };
    let mut parts: Vec<&str> = if path.is_empty() { Vec::new() } else { path.split('/').collect() };
    parts.insert(position.min(parts.len()), part);
    format!("{root}{}", join_lexically("", &parts.join("/")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_inserted_into_paths() {
        let check = |path: &str, position: usize, expected: &str| {
            assert_eq!(insert(path, position, "X"), expected, "{path}");
        };
        check("", 3, "X");
        check("/", 0, "/X");
        check("a/b", 0, "X/a/b");
        check("/a/b", 0, "/X/a/b");
        check("a/b", 1, "a/X/b");
        check("/a", 9, "/a/X");
    }
}
