//! Tags as events carry them, and the directives that shorten them.

use std::borrow::Cow;

use super::{Kind, Parser, Payload};
use crate::node::Tag;
use crate::yaml::{Version, YamlError};

const CORE: &str = "tag:yaml.org,2002:";

/// A tag that stands in the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::yaml) enum EventTag {
    /// `!`, which names none.
    NonSpecific,
    Named(Tag),
}

impl EventTag {
    fn of(tag: &str, version: Version) -> Self {
        if tag == "!" {
            return EventTag::NonSpecific;
        }
        let short = match version {
            // Only version 3 takes the short form for the long one in a verbatim tag.
            Version::V3 => tag.strip_prefix(CORE).or_else(|| tag.strip_prefix("!!")),
            Version::V2 => tag.strip_prefix(CORE),
        };
        EventTag::Named(short.map_or(Tag::Other, core_tag))
    }
}

fn core_tag(name: &str) -> Tag {
    match name {
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

impl<'a> Parser<'a> {
    /// The directives before a document.
    pub(super) fn directives(&mut self) -> Result<(), YamlError> {
        let mut versions = 0;
        loop {
            match self.peek()? {
                Kind::Version => versions += 1,
                Kind::TagDirective => {}
                _ => return Ok(()),
            }
            if versions > 1 {
                return self.error("a second `%YAML` directive");
            }
            match self.scanner.take()?.payload {
                Payload::Version(1, 1) => {}
                Payload::Version(major, minor) => {
                    return self.error(&format!("YAML {major}.{minor} is not read, only 1.1"));
                }
                Payload::Pair(pair) if self.tags.iter().any(|(handle, _)| *handle == pair.0) => {
                    return self.error("a second `%TAG` directive for the same handle");
                }
                Payload::Pair(pair) => self.tags.push(*pair),
                _ => return self.error("expected a directive"),
            }
        }
    }

    pub(super) fn tag_of(&self, handle: &str, suffix: &str, line: usize) -> Result<EventTag, YamlError> {
        let version = self.scanner.version();
        if handle.is_empty() {
            return Ok(EventTag::of(suffix, version));
        }
        let prefix = match self.tags.iter().find(|(defined, _)| *defined == handle) {
            Some((_, prefix)) => prefix.clone(),
            None if handle == "!!" => return Ok(EventTag::Named(core_tag(suffix))),
            None if handle == "!" => Cow::Borrowed("!"),
            None => return Err(YamlError::at(line, format!("the tag handle `{handle}` is not defined"))),
        };
        Ok(EventTag::of(&format!("{prefix}{suffix}"), version))
    }
}
