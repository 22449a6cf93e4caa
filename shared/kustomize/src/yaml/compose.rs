//! Events to nodes: aliases expanded, merge keys kept or applied, everything counted against the limits.

mod merge;

use std::collections::HashMap;

use compact_str::CompactString;
use serde_json::Value;

use super::YamlError;
use super::parse::{Event, EventTag, Parser, Properties};
use super::resolve::{resolve_v2, resolve_v3};
use crate::node::{Node, Scalar, Style, Tag};
use crate::{Limits, meter};

/// Which of go-yaml's versions a text is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Version {
    V2,
    V3,
}

/// Steps of work that reading a node takes.
const NODE_STEPS: usize = 5;

/// What a collection takes beside what is in it, in nodes.
const COLLECTION: usize = 4;

/// What is left of a build's budget of YAML nodes.
pub(crate) struct Budget {
    nodes: usize,
    limit: usize,
    aliases: usize,
    depth: usize,
}

impl Budget {
    pub(crate) fn new(limits: &Limits) -> Self {
        Budget {
            nodes: limits.yaml_nodes,
            limit: limits.yaml_nodes,
            aliases: limits.aliases,
            depth: limits.depth,
        }
    }

    /// Takes nodes from the budget.
    pub(crate) fn spend(&mut self, nodes: usize) -> Result<(), YamlError> {
        self.nodes =
            self.nodes.checked_sub(nodes).ok_or_else(|| YamlError::limit("yaml nodes", self.limit))?;
        Ok(meter::work(nodes * NODE_STEPS)?)
    }

    /// Checks a JSON value that did not come from a text, and counts its nodes.
    pub(crate) fn spend_value(&mut self, value: &Value) -> Result<(), YamlError> {
        let count = self.check_value(value)?;
        self.spend(count)
    }

    /// The nodes of a JSON value that is not too deep.
    pub(crate) fn check_value(&self, value: &Value) -> Result<usize, YamlError> {
        let (mut count, mut stack) = (0, vec![(value, 1)]);
        while let Some((value, depth)) = stack.pop() {
            count += 1;
            if depth > self.depth {
                return Err(YamlError::limit("levels of yaml", self.depth));
            }
            match value {
                Value::Array(items) => stack.extend(items.iter().map(|item| (item, depth + 1))),
                Value::Object(map) => stack.extend(map.values().map(|item| (item, depth + 1))),
                _ => {}
            }
        }
        meter::work(count * NODE_STEPS)?;
        Ok(count)
    }
}

impl Budget {
    /// Checks a copy of a node that is put below `above` levels of another, and gives the bytes of its texts.
    pub(crate) fn spend_copy(&mut self, node: &Node, above: usize) -> Result<usize, YamlError> {
        let (count, depth) = measure(node);
        if above + depth > self.depth {
            return Err(YamlError::limit("levels of yaml", self.depth));
        }
        self.spend(count)?;
        let (mut bytes, mut stack) = (0, vec![node]);
        while let Some(node) = stack.pop() {
            match node {
                Node::Scalar(scalar) => bytes += scalar.value.len(),
                Node::Map(fields) => {
                    bytes += fields.iter().map(|(key, _)| key.value.len()).sum::<usize>();
                    stack.extend(fields.iter().map(|(_, value)| value));
                }
                Node::Seq(items) => stack.extend(items),
            }
        }
        Ok(bytes)
    }

    /// The levels that a text may have.
    pub(super) fn depth(&self) -> usize {
        self.depth
    }
}

/// Nodes and levels of a tree, counted without recursion.
fn measure(node: &Node) -> (usize, usize) {
    let (mut count, mut deepest) = (0, 0);
    let mut stack = vec![(node, 1)];
    while let Some((node, depth)) = stack.pop() {
        count += 1;
        deepest = deepest.max(depth);
        match node {
            Node::Scalar(_) => {}
            Node::Map(fields) => {
                count += fields.len();
                stack.extend(fields.iter().map(|(_, value)| (value, depth + 1)));
            }
            Node::Seq(items) => stack.extend(items.iter().map(|item| (item, depth + 1))),
        }
    }
    (count, deepest)
}

/// A collection that is open. Its parts are on the composer's stacks from `start` on.
struct Frame<'a> {
    anchor: Option<&'a str>,
    start: usize,
    shape: Shape,
    flow: bool,
}

enum Shape {
    Seq,
    /// With the key whose value comes next.
    Map(Option<Scalar>),
}

/// A finished anchor: its node, and how many nodes and levels an alias to it adds.
struct Anchored {
    node: Node,
    count: usize,
    depth: usize,
}

/// The first document of `text`; `None` when there is none.
pub(crate) fn compose(text: &str, version: Version, budget: &mut Budget) -> Result<Option<Node>, YamlError> {
    let mut parser = Parser::new(text, version);
    let mut composer = Composer {
        version,
        budget,
        stack: Vec::new(),
        fields: Vec::new(),
        items: Vec::new(),
        has_aliases: text.contains('*'),
        anchors: HashMap::new(),
        aliases: 0,
    };
    let mut root = None;
    loop {
        let event = parser.next()?;
        if matches!(event, Event::DocumentEnd | Event::StreamEnd) {
            // go-yaml reads up to the end of the document, and so did the loop, to find what is wrong there.
            return Ok(root);
        }
        let done = composer.event(event, parser.line)?;
        root = root.or(done);
    }
}

struct Composer<'t, 'b> {
    version: Version,
    budget: &'b mut Budget,
    stack: Vec<Frame<'t>>,
    /// The fields and items of all open collections; each takes its own when it closes, in a list of the right size.
    fields: Vec<(Scalar, Node)>,
    items: Vec<Node>,
    /// Whether the text may have aliases, without which no anchored node is kept.
    has_aliases: bool,
    /// `None` while the node is open.
    anchors: HashMap<&'t str, Option<Anchored>>,
    aliases: usize,
}

impl<'t> Composer<'t, '_> {
    /// Takes an event, and gives the document's node when that is complete.
    #[inline]
    fn event(&mut self, event: Event<'t>, line: usize) -> Result<Option<Node>, YamlError> {
        match event {
            Event::Scalar(value, style, properties) => {
                let flow = self.stack.last().is_some_and(|frame| frame.flow);
                let scalar = scalar_of(value.into(), style, properties.tag, self.version, flow);
                self.add(Node::Scalar(scalar), properties.anchor, line)
            }
            Event::SequenceStart(properties, flow) => self.open(properties, Shape::Seq, flow),
            Event::MappingStart(properties, flow) => self.open(properties, Shape::Map(None), flow),
            Event::SequenceEnd | Event::MappingEnd => self.close(line),
            Event::Alias(name) => self.alias(name, line),
            Event::DocumentStart | Event::DocumentEnd | Event::StreamEnd => Ok(None),
        }
    }

    fn open(&mut self, of: Properties<'t>, shape: Shape, flow: bool) -> Result<Option<Node>, YamlError> {
        if self.stack.len() >= self.budget.depth {
            return Err(YamlError::limit("levels of yaml", self.budget.depth));
        }
        if let Some(anchor) = of.anchor.filter(|_| self.has_aliases) {
            self.anchors.insert(anchor, None);
        }
        let start = match shape {
            Shape::Seq => self.items.len(),
            Shape::Map(_) => self.fields.len(),
        };
        self.stack.push(Frame { anchor: of.anchor, start, shape, flow });
        Ok(None)
    }

    fn close(&mut self, line: usize) -> Result<Option<Node>, YamlError> {
        let Some(Frame { anchor, start, shape, flow }) = self.stack.pop() else {
            return Err(YamlError::at(line, "a collection ends that did not begin"));
        };
        self.budget.spend(COLLECTION)?;
        let node = match shape {
            Shape::Seq => Node::Seq(self.items.drain(start..).collect()),
            Shape::Map(_) => {
                let fields = self.fields.drain(start..).collect();
                Node::Map(if self.version == Version::V3 {
                    merge::merge(fields, flow, line)?
                } else {
                    fields
                })
            }
        };
        // An anchor counts from where its node begins: one of the same name within the node is a later one.
        let anchor = anchor.filter(|anchor| matches!(self.anchors.get(anchor), Some(None)));
        self.add(node, anchor, line)
    }

    fn alias(&mut self, name: &str, line: usize) -> Result<Option<Node>, YamlError> {
        self.aliases += 1;
        if self.aliases > self.budget.aliases {
            return Err(YamlError::limit("aliases", self.budget.aliases));
        }
        let anchored = match self.anchors.get(name) {
            Some(Some(anchored)) => anchored,
            Some(None) => return Err(YamlError::at(line, format!("the anchor `{name}` contains itself"))),
            None => return Err(YamlError::at(line, format!("the anchor `{name}` does not exist"))),
        };
        if anchored.depth + self.stack.len() > self.budget.depth {
            return Err(YamlError::limit("levels of yaml", self.budget.depth));
        }
        self.budget.spend(anchored.count)?;
        meter::copy_of(&anchored.node)?;
        let node = anchored.node.clone();
        self.push(node, line)
    }

    /// Adds a finished node to the collection that is open, or returns it when none is.
    #[inline]
    fn add(&mut self, node: Node, anchor: Option<&'t str>, line: usize) -> Result<Option<Node>, YamlError> {
        self.budget.spend(1)?;
        if let Some(anchor) = anchor
            && self.has_aliases
        {
            let (count, depth) = measure(&node);
            self.budget.spend(count)?;
            meter::copy_of(&node)?;
            self.anchors.insert(anchor, Some(Anchored { node: node.clone(), count, depth }));
        }
        self.push(node, line)
    }

    #[inline]
    fn push(&mut self, node: Node, line: usize) -> Result<Option<Node>, YamlError> {
        let Some(frame) = self.stack.last_mut() else { return Ok(Some(node)) };
        match &mut frame.shape {
            Shape::Seq => self.items.push(node),
            Shape::Map(key) => match (key.take(), node) {
                (Some(key), node) => self.fields.push((key, node)),
                (None, Node::Scalar(scalar)) => *key = Some(scalar),
                (None, _) => return Err(YamlError::at(line, "a key that is not a scalar")),
            },
        }
        Ok(None)
    }
}

/// The scalar of an event; `flow` when it stands in a flow collection.
#[inline]
pub(super) fn scalar_of(
    value: CompactString,
    style: Style,
    tag: Option<EventTag>,
    version: Version,
    flow: bool,
) -> Scalar {
    let (tag, tagged) = match tag {
        Some(EventTag::Named(tag)) => (tag, true),
        // Version 2 takes the mark for a tag that it does not know.
        Some(EventTag::NonSpecific) if version == Version::V2 && value != "<<" => (Tag::Str, true),
        _ => (implied(&value, style, version), false),
    };
    // kustomize writes what is not there as an empty string, in quotes, within flow collections.
    let quoted = value.is_empty() && style == Style::Plain && version == Version::V3 && flow;
    let style = if quoted { Style::Single } else { style };
    Scalar { tag, tagged, style, ..Scalar::bare(value) }
}

fn implied(value: &str, style: Style, version: Version) -> Tag {
    match style {
        Style::Plain if value == "<<" => Tag::Merge,
        Style::Plain if version == Version::V3 => resolve_v3(value).tag(),
        Style::Plain => resolve_v2(value).tag(),
        _ => Tag::Str,
    }
}
