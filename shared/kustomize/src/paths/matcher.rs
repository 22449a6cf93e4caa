//! All places that a path leads to, made where they are missing when asked.
//!
//! What kustomize finds in a copy that it then forgets (in a text that it reads as YAML on the way, below null) is
//! [`Found::Lost`]: writing there is no error and changes nothing.

use std::cell::OnceCell;

use super::{Place, at, field, is_item, item, wrong_kind};
use crate::Error;
use crate::node::{Node, Scalar};
use crate::pattern::{Compiled, compile};
use crate::yaml::{Budget, Document, scalar_text};

/// What a place found at the end of a path is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Found {
    At(Place),
    /// A node that nothing holds.
    Lost {
        scalar: bool,
    },
}

/// What the last part of a path is made as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Scalar,
    Map,
    Seq,
}

impl Kind {
    pub(crate) fn of(node: &Node) -> Kind {
        match node {
            Node::Scalar(_) => Kind::Scalar,
            Node::Map(_) => Kind::Map,
            Node::Seq(_) => Kind::Seq,
        }
    }

    fn node(self) -> Node {
        match self {
            Kind::Scalar => Node::Scalar(Scalar::bare("")),
            Kind::Map => Node::Map(Vec::new()),
            Kind::Seq => Node::Seq(Vec::new()),
        }
    }
}

/// A path that may match in many places.
#[derive(Debug)]
pub(crate) struct Matcher {
    parts: Vec<Part>,
}

#[derive(Debug)]
enum Part {
    Field(String),
    Index(usize),
    Every,
    Item { written: String, pattern: OnceCell<Compiled> },
}

impl Part {
    fn new(part: &str) -> Part {
        match part.parse::<i64>().map(usize::try_from) {
            Ok(Ok(index)) => Part::Index(index),
            _ if is_item(part) => Part::Item { written: part.to_owned(), pattern: OnceCell::new() },
            _ if part == "*" => Part::Every,
            _ => Part::Field(part.to_owned()),
        }
    }

    /// What holds this part, made for it; `last` when there is no part.
    fn holder(next: Option<&Part>, last: Kind) -> Node {
        match next {
            Some(Part::Index(_) | Part::Item { .. }) => Kind::Seq.node(),
            Some(Part::Field(name)) if name.is_empty() => last.node(),
            Some(Part::Field(_) | Part::Every) => Kind::Map.node(),
            None => last.node(),
        }
    }
}

impl Matcher {
    /// Reads the parts of a path.
    pub(crate) fn new(parts: &[String]) -> Self {
        Matcher { parts: parts.iter().map(|part| Part::new(part)).collect() }
    }

    /// All places that the path leads to behind its first `skip` parts; missing ones are made when `create` is given.
    pub(crate) fn find(
        &self,
        root: &mut Node,
        skip: usize,
        create: Option<Kind>,
        budget: &mut Budget,
    ) -> Result<Vec<Found>, Error> {
        let mut walk = Walk { create, budget, place: Place::new(), found: Vec::new() };
        walk.follow(root, self.parts.get(skip..).unwrap_or_default())?;
        Ok(walk.found)
    }
}

struct Walk<'a> {
    create: Option<Kind>,
    budget: &'a mut Budget,
    place: Place,
    found: Vec<Found>,
}

impl Walk<'_> {
    fn follow(&mut self, node: &mut Node, parts: &[Part]) -> Result<(), Error> {
        let Some((part, rest)) = parts.split_first() else {
            self.found.push(Found::At(self.place.clone()));
            return Ok(());
        };
        if node.is_null() {
            return self.below_null(part, parts);
        }
        match (part, &mut *node) {
            (Part::Field(name), node) => self.field(node, name, rest),
            (Part::Index(index), Node::Seq(items)) => self.index(items, *index, rest),
            (Part::Every, Node::Seq(items)) => self.every(items, rest),
            (Part::Item { written, pattern }, Node::Seq(items)) => self.item(items, written, pattern, rest),
            (_, node) => Err(wrong_kind("a list", node)),
        }
    }

    fn child(&mut self, index: usize, child: &mut Node, rest: &[Part]) -> Result<(), Error> {
        self.place.push(index);
        self.follow(child, rest)?;
        self.place.pop();
        Ok(())
    }

    /// What is made below null is not printed.
    fn below_null(&mut self, part: &Part, parts: &[Part]) -> Result<(), Error> {
        let mut made = match (part, self.create) {
            (Part::Index(index), None) => return Err(out_of_range(*index, 0)),
            (Part::Every, _) | (_, None) => return Ok(()),
            (Part::Index(_) | Part::Item { .. }, Some(_)) => Kind::Seq.node(),
            (Part::Field(_), Some(_)) => Kind::Map.node(),
        };
        self.lost(&mut made, parts)
    }

    /// Follows parts in a node that nothing holds.
    fn lost(&mut self, node: &mut Node, parts: &[Part]) -> Result<(), Error> {
        let mut inner =
            Walk { create: self.create, budget: &mut *self.budget, place: Place::new(), found: Vec::new() };
        inner.follow(node, parts)?;
        for found in inner.found {
            self.found.push(match found {
                Found::At(place) => Found::Lost { scalar: matches!(at(node, &place), Some(Node::Scalar(_))) },
                lost => lost,
            });
        }
        Ok(())
    }

    fn field(&mut self, node: &mut Node, name: &str, rest: &[Part]) -> Result<(), Error> {
        if name.is_empty() && matches!(node, Node::Scalar(_)) {
            return Err(Error::unsupported("an empty part of a path in a text"));
        }
        let found = if name.is_empty() { None } else { field(node, name)? };
        let Node::Map(fields) = node else { return Err(wrong_kind("a map", node)) };
        if name.is_empty() {
            return Err(Error::invalid("wrong node kind: expected a scalar but got a map"));
        }
        let index = match (found, self.create) {
            (Some(index), _) => index,
            (None, None) => return Ok(()),
            (None, Some(kind)) => {
                fields.push((Scalar::bare(name), Part::holder(rest.first(), kind)));
                fields.len() - 1
            }
        };
        let Some((_, child)) = fields.get_mut(index) else { return Ok(()) };
        match child {
            Node::Scalar(scalar) if !rest.is_empty() => {
                let text = Document::parse(&scalar.value, self.budget)?;
                let Some(mut document) = text else { return Err(wrong_kind("a map", child)) };
                self.lost(&mut document.node, rest)
            }
            child => self.child(index, child, rest),
        }
    }

    fn index(&mut self, items: &mut Vec<Node>, index: usize, rest: &[Part]) -> Result<(), Error> {
        if let Some(kind) = self.create.filter(|_| items.len() == index) {
            items.push(Part::holder(rest.first(), kind));
        }
        let length = items.len();
        let Some(child) = items.get_mut(index) else { return Err(out_of_range(index, length)) };
        self.child(index, child, rest)
    }

    fn every(&mut self, items: &mut [Node], rest: &[Part]) -> Result<(), Error> {
        items.iter_mut().enumerate().try_for_each(|(index, child)| self.child(index, child, rest))
    }

    fn item(
        &mut self,
        items: &mut Vec<Node>,
        written: &str,
        compiled: &OnceCell<Compiled>,
        rest: &[Part],
    ) -> Result<(), Error> {
        let (field, value) = item(written)?;
        let before = self.found.len();
        self.matching(items, field, value, compiled, rest)?;
        if self.create.is_none() || self.found.len() > before {
            return Ok(());
        }
        let made = Node::Scalar(Scalar::bare(value));
        items.push(match field {
            "" => made,
            field => Node::Map(vec![(Scalar::bare(field), made)]),
        });
        self.matching(items, field, value, compiled, rest)?;
        if self.found.len() > before {
            return Ok(());
        }
        // kustomize goes on adding items until it has no memory left.
        Err(Error::invalid(format!("`{written}` does not match the item that it creates")))
    }

    fn matching(
        &mut self,
        items: &mut [Node],
        field: &str,
        value: &str,
        compiled: &OnceCell<Compiled>,
        rest: &[Part],
    ) -> Result<(), Error> {
        for (index, child) in items.iter_mut().enumerate() {
            let compiled = match compiled.get() {
                Some(compiled) => compiled,
                None => {
                    let made = compile(value)?;
                    compiled.get_or_init(|| made)
                }
            };
            if field.is_empty() {
                if compiled.is_match(written(child)?.trim()) {
                    self.place.push(index);
                    self.found.push(Found::At(self.place.clone()));
                    self.place.pop();
                }
            } else if let Some(found) = child.get(field)
                && compiled.is_match(written(found)?.trim())
            {
                self.child(index, child, rest)?;
            }
        }
        Ok(())
    }
}

/// The YAML of a value, which is what kustomize compares with the pattern.
fn written(node: &Node) -> Result<String, Error> {
    match node {
        Node::Scalar(scalar) => Ok(scalar_text(scalar)),
        _ => Err(Error::unsupported("a pattern over the yaml of a map or list")),
    }
}

fn out_of_range(index: usize, length: usize) -> Error {
    Error::invalid(format!("index {index} specified but only {length} elements found"))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use serde_json::json;

    use super::*;
    use crate::Limits;
    use crate::paths::split_dotted;
    use crate::yaml::{from_json, node_to_json};

    fn find(root: &mut Node, path: &str, create: Option<Kind>) -> Result<Vec<Found>, Error> {
        Matcher::new(&split_dotted(path)?).find(root, 0, create, &mut Budget::new(&Limits::default()))
    }

    #[test]
    fn places_are_found_by_patterns_and_wildcards() {
        let value = json!({"l": [{"n": "ab"}, {"n": "b"}, {"m": 1}], "t": "{\"a\": 1}", "z": null});
        let check = |path: &str, expected: &[Found]| {
            assert_eq!(find(&mut from_json(&value), path, None).unwrap(), expected, "{path}");
        };
        let at = |place: &[usize]| Found::At(place.to_vec());
        check("l.[n=b].n", &[at(&[0, 0, 0]), at(&[0, 1, 0])]);
        check("l.[n=^\"b\"$]", &[at(&[0, 1])]);
        check("l.*.m", &[at(&[0, 2, 0])]);
        check("l.2", &[at(&[0, 2])]);
        check("t.a", &[Found::Lost { scalar: true }]);
        check("x", &[]);
        check("z.a", &[]);
        for bad in ["l.3", "l.n", "*", "t.a.b", "z.0", "l.[n=(]", "l.[n]"] {
            assert!(find(&mut from_json(&value), bad, None).is_err(), "{bad}");
        }
    }

    #[test]
    fn missing_places_are_made() {
        let check = |value, path: &str, expected: &str| {
            let mut root = from_json(&value);
            let found = find(&mut root, path, Some(Kind::Map)).unwrap();
            assert_eq!(found.len(), 1, "{path}");
            assert_eq!(node_to_json(&root).unwrap().to_string(), expected, "{path}");
        };
        check(json!({}), "a.b", r#"{"a":{"b":{}}}"#);
        check(json!({}), "a.0.b", r#"{"a":[{"b":{}}]}"#);
        check(json!({"a": [1]}), "a.1", r#"{"a":[1,{}]}"#);
        check(json!({"a": []}), "a.[n=x].b", r#"{"a":[{"b":{},"n":"x"}]}"#);
        check(json!({"a": []}), "a.[=x]", r#"{"a":["x"]}"#);
        check(json!({"a": null}), "a", r#"{"a":null}"#);
        check(json!({"a": [null]}), "a.0.b", r#"{"a":[null]}"#);
        for bad in ["a.5", "a.[n=^x$]", "a.*"] {
            let created = find(&mut from_json(&json!({"a": {}})), bad, Some(Kind::Scalar));
            assert!(created.is_err(), "{bad}");
        }
    }
}
