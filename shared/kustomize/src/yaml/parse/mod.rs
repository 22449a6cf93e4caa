//! Tokens to events, as go-yaml's parser gives them: a machine of states on a stack of its own.

mod collections;
mod tags;

use std::borrow::Cow;

use super::scan::{Kind, Payload, Scanner};
use super::{Version, YamlError};
use crate::node::Style;
pub(super) use tags::EventTag;

/// What stands before a node: `&anchor` and `!tag`.
#[derive(Debug, Default)]
pub(super) struct Properties<'a> {
    pub(super) anchor: Option<&'a str>,
    pub(super) tag: Option<EventTag>,
}

#[derive(Debug)]
pub(super) enum Event<'a> {
    StreamEnd,
    DocumentStart,
    DocumentEnd,
    Alias(&'a str),
    Scalar(Cow<'a, str>, Style, Properties<'a>),
    /// With whether it is a flow collection.
    SequenceStart(Properties<'a>, bool),
    SequenceEnd,
    MappingStart(Properties<'a>, bool),
    MappingEnd,
}

impl Event<'_> {
    /// A scalar that is not there.
    fn absent() -> Self {
        Event::Scalar(Cow::Borrowed(""), Style::Plain, Properties::default())
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    ImplicitDocumentStart,
    DocumentStart,
    DocumentContent,
    DocumentEnd,
    BlockNode,
    BlockSequenceFirst,
    BlockSequence,
    IndentlessSequence,
    BlockMappingFirst,
    BlockMappingKey,
    BlockMappingValue,
    FlowSequenceFirst,
    FlowSequence,
    FlowPairKey,
    FlowPairValue,
    FlowPairEnd,
    FlowMappingFirst,
    FlowMappingKey,
    FlowMappingValue,
    FlowMappingEmptyValue,
    End,
}

pub(super) struct Parser<'a> {
    scanner: Scanner<'a>,
    state: State,
    /// What comes after the collections that are open.
    states: Vec<State>,
    /// The handles and prefixes of `%TAG` directives.
    tags: Vec<(&'a str, Cow<'a, str>)>,
    /// The line of the last event, from 1.
    pub(super) line: usize,
}

/// Where a node stands, which decides what it may be.
#[derive(Clone, Copy, PartialEq)]
enum Place {
    Block,
    /// A value or key of a block mapping, which may be a list that is not indented.
    BlockOrIndentless,
    Flow,
}

impl<'a> Parser<'a> {
    pub(super) fn new(text: &'a str, version: Version) -> Self {
        Parser {
            scanner: Scanner::new(text, version),
            state: State::ImplicitDocumentStart,
            states: Vec::new(),
            tags: Vec::new(),
            line: 0,
        }
    }

    /// Whether a comment was read so far.
    pub(super) fn has_comments(&self) -> bool {
        self.scanner.commented
    }

    pub(super) fn next(&mut self) -> Result<Event<'a>, YamlError> {
        match self.state {
            State::ImplicitDocumentStart => self.document_start(true),
            State::DocumentStart => self.document_start(false),
            State::DocumentContent => self.document_content(),
            State::DocumentEnd => self.document_end(),
            State::BlockNode => self.node(Place::Block),
            State::BlockSequenceFirst => self.block_sequence(true),
            State::BlockSequence => self.block_sequence(false),
            State::IndentlessSequence => self.indentless_sequence(),
            State::BlockMappingFirst => self.block_mapping_key(true),
            State::BlockMappingKey => self.block_mapping_key(false),
            State::BlockMappingValue => self.block_mapping_value(),
            State::FlowSequenceFirst => self.flow_sequence(true),
            State::FlowSequence => self.flow_sequence(false),
            State::FlowPairKey => self.flow_pair_key(),
            State::FlowPairValue => self.flow_pair_value(),
            State::FlowPairEnd => {
                self.state = State::FlowSequence;
                Ok(Event::MappingEnd)
            }
            State::FlowMappingFirst => self.flow_mapping_key(true),
            State::FlowMappingKey => self.flow_mapping_key(false),
            State::FlowMappingValue => self.flow_mapping_value(),
            State::FlowMappingEmptyValue => {
                self.state = State::FlowMappingKey;
                Ok(Event::absent())
            }
            State::End => Ok(Event::StreamEnd),
        }
    }

    #[inline]
    fn peek(&mut self) -> Result<Kind, YamlError> {
        let (kind, line) = self.scanner.peek()?;
        self.line = line;
        Ok(kind)
    }

    #[inline]
    fn skip(&mut self) -> Result<Kind, YamlError> {
        self.scanner.take()?;
        self.peek()
    }

    #[inline]
    fn pop(&mut self) {
        self.state = self.states.pop().unwrap_or(State::End);
    }

    fn error<T>(&self, message: &str) -> Result<T, YamlError> {
        Err(YamlError::at(self.line, message))
    }

    fn document_start(&mut self, implicit: bool) -> Result<Event<'a>, YamlError> {
        let mut kind = self.peek()?;
        while !implicit && kind == Kind::DocumentEnd {
            kind = self.skip()?;
        }
        if kind == Kind::StreamEnd {
            self.state = State::End;
            return Ok(Event::StreamEnd);
        }
        let explicit = matches!(kind, Kind::Version | Kind::TagDirective | Kind::DocumentStart);
        self.states.push(State::DocumentEnd);
        if implicit && !explicit {
            self.state = State::BlockNode;
            return Ok(Event::DocumentStart);
        }
        self.directives()?;
        if self.peek()? != Kind::DocumentStart {
            return self.error("expected the start of a document");
        }
        self.scanner.take()?;
        self.state = State::DocumentContent;
        Ok(Event::DocumentStart)
    }

    fn document_content(&mut self) -> Result<Event<'a>, YamlError> {
        match self.peek()? {
            Kind::Version
            | Kind::TagDirective
            | Kind::DocumentStart
            | Kind::DocumentEnd
            | Kind::StreamEnd => {
                self.pop();
                Ok(Event::absent())
            }
            _ => self.node(Place::Block),
        }
    }

    fn document_end(&mut self) -> Result<Event<'a>, YamlError> {
        if self.peek()? == Kind::DocumentEnd {
            self.scanner.take()?;
        }
        self.tags.clear();
        self.state = State::DocumentStart;
        Ok(Event::DocumentEnd)
    }

    /// A node with what stands before it.
    fn node(&mut self, place: Place) -> Result<Event<'a>, YamlError> {
        let mut kind = self.peek()?;
        match kind {
            Kind::Scalar => return self.scalar(Properties::default()),
            Kind::Alias => return self.alias(),
            _ => {}
        }
        let properties = self.properties(&mut kind)?;
        match kind {
            Kind::Scalar => return self.scalar(properties),
            Kind::BlockEntry if place == Place::BlockOrIndentless => {
                self.state = State::IndentlessSequence;
                return Ok(Event::SequenceStart(properties, false));
            }
            Kind::FlowSequenceStart => self.state = State::FlowSequenceFirst,
            Kind::FlowMappingStart => self.state = State::FlowMappingFirst,
            Kind::BlockSequenceStart if place != Place::Flow => self.state = State::BlockSequenceFirst,
            Kind::BlockMappingStart if place != Place::Flow => self.state = State::BlockMappingFirst,
            _ if properties.anchor.is_some() || properties.tag.is_some() => {
                self.pop();
                return Ok(Event::Scalar(Cow::Borrowed(""), Style::Plain, properties));
            }
            _ => return self.error("expected a value"),
        }
        Ok(match kind {
            Kind::FlowSequenceStart => Event::SequenceStart(properties, true),
            Kind::BlockSequenceStart => Event::SequenceStart(properties, false),
            _ => Event::MappingStart(properties, kind == Kind::FlowMappingStart),
        })
    }

    fn scalar(&mut self, properties: Properties<'a>) -> Result<Event<'a>, YamlError> {
        self.pop();
        match self.scanner.take()?.payload {
            Payload::Scalar(value, style) => Ok(Event::Scalar(value, style, properties)),
            _ => self.error("expected a value"),
        }
    }

    fn alias(&mut self) -> Result<Event<'a>, YamlError> {
        self.pop();
        match self.scanner.take()?.payload {
            Payload::Name(name) => Ok(Event::Alias(name)),
            _ => self.error("expected an alias"),
        }
    }

    /// An anchor and a tag, in any order; `kind` becomes what follows them.
    fn properties(&mut self, kind: &mut Kind) -> Result<Properties<'a>, YamlError> {
        let mut properties = Properties::default();
        let mut tag = None;
        loop {
            match *kind {
                Kind::Anchor if properties.anchor.is_none() => match self.scanner.take()?.payload {
                    Payload::Name(name) => properties.anchor = Some(name),
                    _ => return self.error("expected an anchor"),
                },
                Kind::Tag if tag.is_none() => match self.scanner.take()?.payload {
                    Payload::Pair(pair) => tag = Some((pair, self.line)),
                    _ => return self.error("expected a tag"),
                },
                _ => break,
            }
            *kind = self.peek()?;
        }
        if let Some((pair, line)) = tag {
            let (handle, suffix) = *pair;
            properties.tag = Some(self.tag_of(handle, &suffix, line)?);
        }
        Ok(properties)
    }
}

#[cfg(test)]
mod tests;
