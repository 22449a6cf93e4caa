//! A document within a text: read with its styles, edited, and written back the way kustomize writes it.

use super::compose::scalar_of;
use super::parse::{Event, Parser, Properties};
use super::write_v3::{self, Dress};
use super::{Budget, Version, YamlError};
use crate::node::{Node, Scalar, Tag};

/// A YAML document and how it is written.
#[derive(Debug)]
pub(crate) struct Document {
    pub(crate) node: Node,
    dress: Dress,
    /// What the writer cannot give back.
    beyond: Option<&'static str>,
}

enum Frame {
    Seq { items: Vec<Node>, dress: Dress },
    Map { fields: Vec<(Scalar, Node)>, key: Option<Scalar>, dress: Dress },
}

impl Frame {
    fn is_flow(&self) -> bool {
        match self {
            Frame::Seq { dress, .. } | Frame::Map { dress, .. } => dress.flow,
        }
    }
}

impl Document {
    /// Reads the first document; `None` when there is none.
    pub(crate) fn parse(text: &str, budget: &mut Budget) -> Result<Option<Document>, YamlError> {
        let mut parser = Parser::new(text, Version::V3);
        let mut reader = Reader { budget, stack: Vec::new(), root: None, beyond: None };
        loop {
            match parser.next()? {
                Event::StreamEnd | Event::DocumentEnd => break,
                event => reader.event(event)?,
            }
        }
        reader.note(parser.has_comments(), "a comment in a text that is edited");
        Ok(reader.root.map(|(node, dress)| Document { node, dress, beyond: reader.beyond }))
    }
    /// The text of the document, without blanks around it.
    pub(crate) fn write(&self) -> Result<String, YamlError> {
        match self.beyond {
            Some(what) => Err(YamlError::beyond(what)),
            None => Ok(write_v3::write(&self.node, &self.dress).trim().to_owned()),
        }
    }
}

struct Reader<'a> {
    budget: &'a mut Budget,
    stack: Vec<Frame>,
    root: Option<(Node, Dress)>,
    beyond: Option<&'static str>,
}

impl Reader<'_> {
    fn event(&mut self, event: Event<'_>) -> Result<(), YamlError> {
        match event {
            Event::Scalar(value, style, of) => {
                self.note(of.anchor.is_some(), "an anchor in a text that is edited");
                let flow = self.stack.last().is_some_and(Frame::is_flow);
                let scalar = scalar_of(value.into(), style, of.tag, Version::V3, flow);
                self.note(scalar.tag == Tag::Other, "a tag in a text that is edited");
                self.add(Node::Scalar(scalar), Dress::default())
            }
            Event::SequenceStart(of, flow) => {
                self.note_collection(&of);
                self.open(Frame::Seq { items: Vec::new(), dress: Dress { flow, children: Vec::new() } })
            }
            Event::MappingStart(of, flow) => {
                self.note_collection(&of);
                let dress = Dress { flow, children: Vec::new() };
                self.open(Frame::Map { fields: Vec::new(), key: None, dress })
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(),
            Event::Alias(_) => Err(YamlError::beyond("an alias in a text that is edited")),
            Event::DocumentStart | Event::DocumentEnd | Event::StreamEnd => Ok(()),
        }
    }

    fn note_collection(&mut self, of: &Properties<'_>) {
        self.note(of.anchor.is_some(), "an anchor in a text that is edited");
        self.note(of.tag.is_some(), "a tag in a text that is edited");
    }

    fn note(&mut self, found: bool, what: &'static str) {
        if found {
            self.beyond = self.beyond.or(Some(what));
        }
    }

    fn open(&mut self, frame: Frame) -> Result<(), YamlError> {
        if self.stack.len() >= self.budget.depth() {
            return Err(YamlError::limit("levels of yaml", self.budget.depth()));
        }
        self.stack.push(frame);
        Ok(())
    }

    fn close(&mut self) -> Result<(), YamlError> {
        match self.stack.pop() {
            Some(Frame::Seq { items, dress }) => self.add(Node::Seq(items), dress),
            Some(Frame::Map { fields, dress, .. }) => self.add(Node::Map(fields), dress),
            None => Err(YamlError::at(0, "a collection ends that did not begin")),
        }
    }

    fn add(&mut self, node: Node, dress: Dress) -> Result<(), YamlError> {
        self.budget.spend(1)?;
        match self.stack.last_mut() {
            None => self.root = self.root.take().or(Some((node, dress))),
            Some(Frame::Seq { items, dress: outer }) => {
                items.push(node);
                outer.children.push(dress);
            }
            Some(Frame::Map { fields, key, dress: outer }) => match (key.take(), node) {
                (Some(key), node) => {
                    fields.push((key, node));
                    outer.children.push(dress);
                }
                (None, Node::Scalar(scalar)) => {
                    let merge = scalar.tag == Tag::Merge;
                    *key = Some(scalar);
                    if merge {
                        return Err(YamlError::beyond("a merge key in a text that is edited"));
                    }
                }
                (None, _) => {
                    return Err(YamlError::beyond("a key that is no scalar in a text that is edited"));
                }
            },
        }
        Ok(())
    }
}
