//! Events to nodes: aliases expanded, merge keys kept or applied, everything counted against the limits.

use std::collections::{HashMap, HashSet};

use compact_str::CompactString;
use saphyr_parser::{Event, Marker, Parser, ScalarStyle, Tag as EventTag};
use serde_json::Value;

use super::YamlError;
use super::resolve::{resolve_v2, resolve_v3};
use crate::Limits;
use crate::node::{Node, Scalar, Style, Tag};

/// Which of go-yaml's versions a text is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Version {
    V2,
    V3,
}

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

    fn spend(&mut self, nodes: usize) -> Result<(), YamlError> {
        self.nodes =
            self.nodes.checked_sub(nodes).ok_or_else(|| YamlError::limit("yaml nodes", self.limit))?;
        Ok(())
    }

    /// Checks a JSON value that did not come from a text.
    pub(crate) fn spend_value(&mut self, value: &Value) -> Result<(), YamlError> {
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
        self.spend(count)
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

/// What go-yaml says of a block whose first line starts with a tab: it takes the tab for indentation.
pub(super) const TAB: &str = "found a tab character where an indentation space is expected";

enum Frame {
    Seq { anchor: usize, items: Vec<Node> },
    Map { anchor: usize, fields: Vec<(Scalar, Node)>, key: Option<Scalar> },
}

/// A finished anchor: its node, and how many nodes and levels an alias to it adds.
struct Anchored {
    node: Node,
    count: usize,
    depth: usize,
}

/// The first document of `text`; `None` when there is none.
pub(crate) fn compose(text: &str, version: Version, budget: &mut Budget) -> Result<Option<Node>, YamlError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    refuse_control_characters(text)?;
    let mut composer = Composer { version, budget, stack: Vec::new(), anchors: HashMap::new(), aliases: 0 };
    let mut root = None;
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(|e| YamlError {
            line: e.marker().line(),
            message: e.info().to_owned(),
            limit: None,
        })?;
        let line = span.start.line();
        let done = match event {
            Event::StreamEnd | Event::DocumentEnd => break,
            Event::Scalar(value, style, anchor, tag) => {
                let block = matches!(style, ScalarStyle::Literal | ScalarStyle::Folded);
                // The parser gives `~` for a plain scalar that is not there.
                let absent = style == ScalarStyle::Plain && span.start.index() == span.end.index();
                let value = if absent { String::new() } else { value.into_owned() };
                let mut scalar = composer.scalar(value, style, tag.as_deref());
                if block && scalar.value.trim_start_matches('\n').starts_with('\t') {
                    return Err(YamlError::at(line, TAB));
                }
                if block && is_blank(&scalar.value) && ends_with_header(text, span.end) {
                    scalar.value.clear();
                }
                if block && ends_without_break(text, &scalar.value) {
                    scalar.value.pop();
                }
                composer.add(Node::Scalar(scalar), anchor, line)?
            }
            Event::SequenceStart(anchor, _) => composer.open(Frame::Seq { anchor, items: Vec::new() })?,
            Event::MappingStart(anchor, _) => {
                composer.open(Frame::Map { anchor, fields: Vec::new(), key: None })?
            }
            Event::SequenceEnd | Event::MappingEnd => composer.close(line)?,
            Event::Alias(id) => composer.alias(id, line)?,
            Event::Nothing | Event::StreamStart | Event::DocumentStart(_) => None,
        };
        // The loop goes on: go-yaml reads up to the end of the document, and so finds what is wrong there.
        root = root.or(done);
    }
    Ok(root)
}

fn is_blank(value: &str) -> bool {
    value.chars().all(|c| c == '\n')
}

/// Whether the text ends with the header of the block scalar that ends there, which asks to keep no breaks. The parser
/// gives such a scalar one.
fn ends_with_header(text: &str, at: Marker) -> bool {
    let body = text.trim_end();
    if at.index() < body.chars().count() {
        return false;
    }
    let header = body.rsplit('\n').next().unwrap_or_default();
    !header.rsplit(['|', '>']).next().unwrap_or_default().contains('+')
}

/// Whether a block scalar is the end of a text without a final newline, where go-yaml adds none.
fn ends_without_break(text: &str, value: &str) -> bool {
    if text.ends_with('\n') || !value.ends_with('\n') {
        return false;
    }
    let last = text.rsplit('\n').next().unwrap_or(text).trim_start();
    let value_last = value.trim_end_matches('\n').rsplit('\n').next().unwrap_or(value).trim_start();
    !last.is_empty() && value_last.ends_with(last)
}

fn refuse_control_characters(text: &str) -> Result<(), YamlError> {
    let bad = |c: &char| !is_allowed(*c);
    match text.chars().find(bad) {
        None => Ok(()),
        Some(_) => {
            let line = text.lines().position(|line| line.chars().any(|c| bad(&c))).map_or(0, |at| at + 1);
            Err(YamlError { line, message: "control characters are not allowed".to_owned(), limit: None })
        }
    }
}

/// The characters that go-yaml's readers let through.
pub(crate) fn is_allowed(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | '\u{20}'..='\u{7e}' | '\u{85}' | '\u{a0}'..='\u{d7ff}'
        | '\u{e000}'..='\u{fffd}' | '\u{10000}'..='\u{10ffff}')
}

struct Composer<'a> {
    version: Version,
    budget: &'a mut Budget,
    stack: Vec<Frame>,
    anchors: HashMap<usize, Anchored>,
    aliases: usize,
}

impl Composer<'_> {
    fn scalar(&self, value: String, style: ScalarStyle, tag: Option<&EventTag>) -> Scalar {
        let style = match style {
            ScalarStyle::Plain => Style::Plain,
            ScalarStyle::SingleQuoted => Style::Single,
            ScalarStyle::DoubleQuoted => Style::Double,
            ScalarStyle::Literal => Style::Literal,
            ScalarStyle::Folded => Style::Folded,
        };
        let explicit = tag.and_then(tag_of);
        let tagged = explicit.is_some();
        let tag = explicit.unwrap_or_else(|| match style {
            Style::Plain if value == "<<" => Tag::Merge,
            Style::Plain if self.version == Version::V3 => resolve_v3(&value).tag(),
            Style::Plain => resolve_v2(&value).tag(),
            _ => Tag::Str,
        });
        Scalar { tag, tagged, style, ..Scalar::bare(value) }
    }

    fn open(&mut self, frame: Frame) -> Result<Option<Node>, YamlError> {
        if self.stack.len() >= self.budget.depth {
            return Err(YamlError::limit("levels of yaml", self.budget.depth));
        }
        self.stack.push(frame);
        Ok(None)
    }

    fn close(&mut self, line: usize) -> Result<Option<Node>, YamlError> {
        match self.stack.pop() {
            Some(Frame::Seq { anchor, items }) => self.add(Node::Seq(items), anchor, line),
            Some(Frame::Map { anchor, fields, .. }) => {
                let fields = if self.version == Version::V3 { self.merge(fields, line)? } else { fields };
                self.add(Node::Map(fields), anchor, line)
            }
            None => Err(YamlError::at(line, "a collection ends that did not begin")),
        }
    }

    fn alias(&mut self, id: usize, line: usize) -> Result<Option<Node>, YamlError> {
        self.aliases += 1;
        if self.aliases > self.budget.aliases {
            return Err(YamlError::limit("aliases", self.budget.aliases));
        }
        let Some(anchored) = self.anchors.get(&id) else {
            return Err(YamlError::at(line, "an anchor contains itself or does not exist"));
        };
        if anchored.depth + self.stack.len() > self.budget.depth {
            return Err(YamlError::limit("levels of yaml", self.budget.depth));
        }
        self.budget.spend(anchored.count)?;
        let node = anchored.node.clone();
        self.push(node, line)
    }

    /// Adds a finished node to the collection that is open, or returns it when none is.
    fn add(&mut self, node: Node, anchor: usize, line: usize) -> Result<Option<Node>, YamlError> {
        self.budget.spend(1)?;
        if anchor != 0 {
            let (count, depth) = measure(&node);
            self.budget.spend(count)?;
            self.anchors.insert(anchor, Anchored { node: node.clone(), count, depth });
        }
        self.push(node, line)
    }

    fn push(&mut self, node: Node, line: usize) -> Result<Option<Node>, YamlError> {
        match self.stack.last_mut() {
            None => return Ok(Some(node)),
            Some(Frame::Seq { items, .. }) => items.push(node),
            Some(Frame::Map { fields, key, .. }) => match (key.take(), node) {
                (Some(key), node) => fields.push((key, node)),
                (None, Node::Scalar(scalar)) => *key = Some(scalar),
                (None, _) => return Err(YamlError::at(line, "a key that is not a scalar")),
            },
        }
        Ok(None)
    }

    /// Applies `<<` as kustomize does before anything else looks at the map.
    fn merge(&mut self, fields: Vec<(Scalar, Node)>, line: usize) -> Result<Vec<(Scalar, Node)>, YamlError> {
        let merges = fields.iter().filter(|(key, _)| key.tag == Tag::Merge).count();
        if merges == 0 {
            return Ok(fields);
        }
        if merges > 1 {
            return Err(YamlError::at(line, "duplicate merge key"));
        }
        let (merge, own): (Vec<_>, Vec<_>) = fields.into_iter().partition(|(key, _)| key.tag == Tag::Merge);
        let sources = match merge.into_iter().next().map(|(_, value)| value) {
            Some(Node::Map(fields)) => vec![fields],
            Some(Node::Seq(items)) => {
                let mut sources = Vec::new();
                for item in items.into_iter().rev() {
                    match item {
                        Node::Map(fields) => sources.push(fields),
                        _ => return Err(YamlError::at(line, "map merge requires maps")),
                    }
                }
                sources
            }
            _ => return Err(YamlError::at(line, "map merge requires map or sequence of maps as the value")),
        };
        let mut at: HashMap<CompactString, usize> = HashMap::new();
        for (index, (key, _)) in own.iter().enumerate() {
            at.entry(key.value.clone()).or_insert(index);
        }
        let taken: HashSet<CompactString> = at.keys().cloned().collect();
        let mut result = own;
        for (key, value) in sources.into_iter().flatten() {
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
}

fn tag_of(tag: &EventTag) -> Option<Tag> {
    let name = match (tag.handle.as_str(), tag.suffix.as_str()) {
        ("", "" | "!") | ("!", "") => return None,
        ("tag:yaml.org,2002:" | "!!", suffix) => suffix,
        (handle, suffix) => {
            let full = format!("{handle}{suffix}");
            match full.strip_prefix("tag:yaml.org,2002:") {
                Some(suffix) => return Some(core_tag(suffix)),
                None => return Some(Tag::Other),
            }
        }
    };
    Some(core_tag(name))
}

fn core_tag(suffix: &str) -> Tag {
    match suffix {
        "str" => Tag::Str,
        "int" => Tag::Int,
        "float" => Tag::Float,
        "bool" => Tag::Bool,
        "null" => Tag::Null,
        "timestamp" => Tag::Timestamp,
        "merge" => Tag::Merge,
        "binary" => Tag::Binary,
        _ => Tag::Other,
    }
}
