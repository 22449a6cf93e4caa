//! The states within lists and mappings.

use super::{Event, Kind, Parser, Place, Properties, State};
use crate::yaml::YamlError;

impl<'a> Parser<'a> {
    /// The node that comes next, after which the collection goes on in `then`.
    #[inline]
    fn node_then(&mut self, then: State, place: Place) -> Result<Event<'a>, YamlError> {
        self.states.push(then);
        self.node(place)
    }

    /// A value that is not there, after which the collection goes on in `then`.
    fn absent_then(&mut self, then: State) -> Result<Event<'a>, YamlError> {
        self.state = then;
        Ok(Event::absent())
    }

    /// The end of a collection, with the token that says so.
    fn close(&mut self, event: Event<'a>) -> Result<Event<'a>, YamlError> {
        self.pop();
        self.scanner.take()?;
        Ok(event)
    }

    pub(super) fn block_sequence(&mut self, first: bool) -> Result<Event<'a>, YamlError> {
        match if first { self.skip()? } else { self.peek()? } {
            Kind::BlockEntry => match self.skip()? {
                Kind::BlockEntry | Kind::BlockEnd => self.absent_then(State::BlockSequence),
                _ => self.node_then(State::BlockSequence, Place::Block),
            },
            Kind::BlockEnd => self.close(Event::SequenceEnd),
            _ => self.error("expected `-` or the end of the list"),
        }
    }

    pub(super) fn indentless_sequence(&mut self) -> Result<Event<'a>, YamlError> {
        if self.peek()? != Kind::BlockEntry {
            self.pop();
            return Ok(Event::SequenceEnd);
        }
        match self.skip()? {
            Kind::BlockEntry | Kind::Key | Kind::Value | Kind::BlockEnd => {
                self.absent_then(State::IndentlessSequence)
            }
            _ => self.node_then(State::IndentlessSequence, Place::Block),
        }
    }

    #[inline]
    pub(super) fn block_mapping_key(&mut self, first: bool) -> Result<Event<'a>, YamlError> {
        match if first { self.skip()? } else { self.peek()? } {
            Kind::Key => match self.skip()? {
                Kind::Key | Kind::Value | Kind::BlockEnd => self.absent_then(State::BlockMappingValue),
                _ => self.node_then(State::BlockMappingValue, Place::BlockOrIndentless),
            },
            Kind::BlockEnd => self.close(Event::MappingEnd),
            _ => self.error("expected a key or the end of the map"),
        }
    }

    #[inline]
    pub(super) fn block_mapping_value(&mut self) -> Result<Event<'a>, YamlError> {
        if self.peek()? != Kind::Value {
            return self.absent_then(State::BlockMappingKey);
        }
        match self.skip()? {
            Kind::Key | Kind::Value | Kind::BlockEnd => self.absent_then(State::BlockMappingKey),
            _ => self.node_then(State::BlockMappingKey, Place::BlockOrIndentless),
        }
    }

    pub(super) fn flow_sequence(&mut self, first: bool) -> Result<Event<'a>, YamlError> {
        let mut kind = if first { self.skip()? } else { self.peek()? };
        if !first && kind != Kind::FlowSequenceEnd {
            if kind != Kind::FlowEntry {
                return self.error("expected `,` or `]`");
            }
            kind = self.skip()?;
        }
        match kind {
            Kind::FlowSequenceEnd => self.close(Event::SequenceEnd),
            Kind::Key => {
                self.scanner.take()?;
                self.state = State::FlowPairKey;
                Ok(Event::MappingStart(Properties::default(), true))
            }
            _ => self.node_then(State::FlowSequence, Place::Flow),
        }
    }

    /// The key of a pair within a list: `[a: b]`.
    pub(super) fn flow_pair_key(&mut self) -> Result<Event<'a>, YamlError> {
        match self.peek()? {
            Kind::Value | Kind::FlowEntry | Kind::FlowSequenceEnd => {
                // go-yaml skips what comes next here, whatever it is.
                self.scanner.take()?;
                self.absent_then(State::FlowPairValue)
            }
            _ => self.node_then(State::FlowPairValue, Place::Flow),
        }
    }

    pub(super) fn flow_pair_value(&mut self) -> Result<Event<'a>, YamlError> {
        if self.peek()? == Kind::Value && !matches!(self.skip()?, Kind::FlowEntry | Kind::FlowSequenceEnd) {
            return self.node_then(State::FlowPairEnd, Place::Flow);
        }
        self.absent_then(State::FlowPairEnd)
    }

    pub(super) fn flow_mapping_key(&mut self, first: bool) -> Result<Event<'a>, YamlError> {
        let mut kind = if first { self.skip()? } else { self.peek()? };
        if !first && kind != Kind::FlowMappingEnd {
            if kind != Kind::FlowEntry {
                return self.error("expected `,` or `}`");
            }
            kind = self.skip()?;
        }
        match kind {
            Kind::FlowMappingEnd => self.close(Event::MappingEnd),
            Kind::Key => match self.skip()? {
                Kind::Value | Kind::FlowEntry | Kind::FlowMappingEnd => {
                    self.absent_then(State::FlowMappingValue)
                }
                _ => self.node_then(State::FlowMappingValue, Place::Flow),
            },
            _ => self.node_then(State::FlowMappingEmptyValue, Place::Flow),
        }
    }

    pub(super) fn flow_mapping_value(&mut self) -> Result<Event<'a>, YamlError> {
        if self.peek()? == Kind::Value && !matches!(self.skip()?, Kind::FlowEntry | Kind::FlowMappingEnd) {
            return self.node_then(State::FlowMappingKey, Place::Flow);
        }
        self.absent_then(State::FlowMappingKey)
    }
}
