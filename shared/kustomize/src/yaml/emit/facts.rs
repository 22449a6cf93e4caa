//! What a text is made of, as far as it decides how it may be written.

/// What a text allows, outside flow collections.
pub(super) struct Facts {
    pub(super) multiline: bool,
    pub(super) plain_allowed: bool,
    pub(super) single_allowed: bool,
    pub(super) block_allowed: bool,
}

impl Facts {
    pub(super) fn of(text: &str) -> Facts {
        if is_word(text) {
            return Facts {
                multiline: false,
                plain_allowed: true,
                single_allowed: true,
                block_allowed: true,
            };
        }
        let mut indicators = text.starts_with("---") || text.starts_with("...");
        let (mut line_breaks, mut special) = (false, false);
        let (mut break_space, mut space_break) = (false, false);
        let (mut previous_space, mut previous_break, mut preceded) = (false, false, true);
        let mut chars = text.chars().peekable();
        let mut first = true;
        while let Some(c) = chars.next() {
            let followed = chars.peek().is_none_or(|c| matches!(c, ' ' | '\t'));
            indicators |= match c {
                '#' if first || preceded => true,
                ',' | '[' | ']' | '{' | '}' | '&' | '*' | '!' | '|' | '>' | '\'' | '"' | '%' | '@' | '`' => {
                    first
                }
                '?' | '-' => first && followed,
                ':' => followed,
                _ => false,
            };
            special |= !is_printable(c);
            if c == ' ' {
                break_space |= previous_break;
                (previous_space, previous_break) = (true, false);
            } else if is_break(c) {
                line_breaks = true;
                space_break |= previous_space;
                (previous_space, previous_break) = (false, true);
            } else {
                (previous_space, previous_break) = (false, false);
            }
            preceded = matches!(c, ' ' | '\t' | '\0') || is_break(c);
            first = false;
        }
        let edge = |c: char| c == ' ' || is_break(c);
        let edges = text.starts_with(edge) || text.ends_with(edge);
        Facts {
            multiline: line_breaks,
            plain_allowed: !(edges || break_space || space_break || special || line_breaks || indicators),
            single_allowed: !(break_space || space_break || special),
            block_allowed: !(text.is_empty() || text.ends_with(' ') || space_break || special),
        }
    }
}

/// Whether a text is made of characters that mean nothing to YAML wherever they stand.
fn is_word(text: &str) -> bool {
    let inside = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'/' | b'.' | b'-');
    text.bytes().next().is_some_and(|first| first.is_ascii_alphanumeric())
        && text.as_bytes().iter().all(inside)
}

/// Whether a text has nothing but the characters from space to tilde.
pub(super) fn is_printable_ascii(text: &str) -> bool {
    text.as_bytes().iter().all(|b| matches!(b, b' '..=b'~'))
}

pub(in crate::yaml) fn is_break(c: char) -> bool {
    matches!(c, '\r' | '\n' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

/// What go-yaml writes as it is. A tab is not among it.
pub(in crate::yaml) fn is_printable(c: char) -> bool {
    matches!(c, '\n' | '\u{20}'..='\u{7e}' | '\u{a0}'..='\u{d7ff}' | '\u{e000}'..='\u{fefe}' | '\u{ff00}'..='\u{fffd}')
}

/// A base 60 number of YAML 1.1, which go-yaml quotes though it does not read it.
pub(in crate::yaml) fn is_base_60(text: &str) -> bool {
    let text = text.strip_prefix(['-', '+']).unwrap_or(text);
    let mut parts = text.split(':');
    let head = parts.next().unwrap_or_default();
    if !head.starts_with(|c: char| c.is_ascii_digit())
        || !head.bytes().all(|b| b.is_ascii_digit() || b == b'_')
    {
        return false;
    }
    let rest: Vec<&str> = parts.collect();
    let sixty = |part: &str| match part.as_bytes() {
        [a] => a.is_ascii_digit(),
        [a, b] => (b'0'..=b'5').contains(a) && b.is_ascii_digit(),
        _ => false,
    };
    let Some((last, middle)) = rest.split_last() else { return false };
    let last = match last.split_once('.') {
        Some((whole, fraction)) if fraction.bytes().all(|b| b.is_ascii_digit() || b == b'_') => whole,
        Some(_) => return false,
        None => last,
    };
    middle.iter().all(|part| sixty(part)) && sixty(last)
}
