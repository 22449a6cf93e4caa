//! What the scanner finds in a text.

use std::borrow::Cow;

use crate::node::Style;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::yaml) enum Kind {
    StreamEnd,
    Version,
    TagDirective,
    DocumentStart,
    DocumentEnd,
    BlockSequenceStart,
    BlockMappingStart,
    BlockEnd,
    FlowSequenceStart,
    FlowSequenceEnd,
    FlowMappingStart,
    FlowMappingEnd,
    BlockEntry,
    FlowEntry,
    Key,
    Value,
    Alias,
    Anchor,
    Tag,
    Scalar,
}

/// What a token carries beside its kind.
#[derive(Debug)]
pub(in crate::yaml) enum Payload<'a> {
    None,
    /// The name of an anchor or alias.
    Name(&'a str),
    /// A tag or a tag directive: handle, and suffix or prefix.
    Pair(Box<(&'a str, Cow<'a, str>)>),
    /// The version of a `%YAML` directive.
    Version(u8, u8),
    Scalar(Cow<'a, str>, Style),
}

#[derive(Debug)]
pub(in crate::yaml) struct Token<'a> {
    pub(in crate::yaml) kind: Kind,
    /// Its line, from 1.
    pub(in crate::yaml) line: usize,
    pub(in crate::yaml) payload: Payload<'a>,
}

impl<'a> Token<'a> {
    pub(super) fn new(kind: Kind, line: usize) -> Self {
        Token { kind, line, payload: Payload::None }
    }

    pub(super) fn with(kind: Kind, line: usize, payload: Payload<'a>) -> Self {
        Token { kind, line, payload }
    }
}
