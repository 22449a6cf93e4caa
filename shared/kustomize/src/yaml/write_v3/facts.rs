//! What decides how a scalar is written: whether its tag has to be said, and which styles its text allows.

use crate::node::{Scalar, Style, Tag};
use crate::yaml::emit::{is_break, is_printable};
use crate::yaml::resolve::resolve_v3;

/// The tag that has to be written, and whether quotes say it instead.
pub(super) fn tag_of(scalar: &Scalar) -> (Option<&'static str>, bool) {
    let name = match scalar.tag {
        Tag::None | Tag::Other => return (None, false),
        Tag::Str => "!!str",
        Tag::Int => "!!int",
        Tag::Float => "!!float",
        Tag::Bool => "!!bool",
        Tag::Null => "!!null",
        Tag::Timestamp => "!!timestamp",
        Tag::Merge => "!!merge",
        Tag::Binary => "!!binary",
    };
    if scalar.tagged {
        return (Some(name), false);
    }
    if scalar.tag == Tag::Str && scalar.style != Style::Plain {
        return (None, false);
    }
    let resolved = if scalar.value == "<<" { Tag::Merge } else { resolve_v3(&scalar.value).tag() };
    match (resolved == scalar.tag, scalar.tag) {
        (true, _) => (None, false),
        (false, Tag::Str) => (None, true),
        (false, _) => (Some(name), false),
    }
}

/// What a text allows.
pub(super) struct Facts {
    pub(super) multiline: bool,
    pub(super) flow_plain: bool,
    pub(super) block_plain: bool,
    pub(super) single: bool,
    pub(super) block: bool,
}

impl Facts {
    pub(super) fn of(text: &str) -> Facts {
        let mut block_indicators = text.starts_with("---") || text.starts_with("...");
        let mut flow_indicators = block_indicators;
        let (mut line_breaks, mut special, mut tabs) = (false, false, false);
        let (mut break_space, mut space_break) = (false, false);
        let (mut previous_space, mut previous_break, mut preceded, mut first) = (false, false, true, true);
        let mut chars = text.chars().peekable();
        while let Some(c) = chars.next() {
            let followed = chars.peek().is_none_or(|c| matches!(c, ' ' | '\t'));
            let (flow, block) = match c {
                ',' | '[' | ']' | '{' | '}' => (true, first),
                '#' => (first || preceded, first || preceded),
                '&' | '*' | '!' | '|' | '>' | '\'' | '"' | '%' | '@' | '`' => (first, first),
                '?' => (true, first && followed),
                ':' => (true, followed),
                '-' => (first && followed, first && followed),
                _ => (false, false),
            };
            flow_indicators |= flow;
            block_indicators |= block;
            tabs |= c == '\t';
            special |= c != '\t' && !is_printable(c);
            let (space, is_break) = (c == ' ', is_break(c));
            break_space |= space && previous_break;
            space_break |= is_break && previous_space;
            line_breaks |= is_break;
            (previous_space, previous_break) = (space, is_break);
            preceded = matches!(c, ' ' | '\t' | '\0') || is_break;
            first = false;
        }
        let edge = |c: char| c == ' ' || is_break(c);
        let plain = !(text.starts_with(edge) || text.ends_with(edge) || break_space || line_breaks);
        let quotable = !(space_break || tabs || special);
        Facts {
            multiline: line_breaks,
            flow_plain: !text.is_empty() && plain && quotable && !flow_indicators,
            block_plain: plain && quotable && !block_indicators,
            single: quotable && !break_space,
            block: !(text.is_empty() || text.ends_with(' ') || space_break || special),
        }
    }
}
