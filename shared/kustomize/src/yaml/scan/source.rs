//! What of a text may be read: go-yaml takes it in pieces, and refuses a piece that has a character it does not allow.

use crate::yaml::YamlError;

/// How many bytes go-yaml takes at once.
const PIECE: usize = 512;
const MARK: char = '\u{feff}';

/// The characters that go-yaml's readers let through.
pub(in crate::yaml) fn is_allowed(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | '\u{20}'..='\u{7e}' | '\u{85}' | '\u{a0}'..='\u{d7ff}'
        | '\u{e000}'..='\u{fffd}' | '\u{10000}'..='\u{10ffff}')
}

/// The part of a text that can be read, without the byte order mark, and why the rest cannot.
pub(super) fn readable(text: &str) -> (&str, Option<YamlError>) {
    let body = text.strip_prefix(MARK).unwrap_or(text);
    if body.starts_with(MARK) {
        return ("", Some(YamlError::at(1, "two byte order marks")));
    }
    let Some(bad) = first_refused(body) else { return (body, None) };
    let line = body.get(..bad).unwrap_or_default().matches('\n').count() + 1;
    let end = piece_of(text, bad + text.len() - body.len()).saturating_sub(text.len() - body.len());
    (body.get(..end).unwrap_or_default(), Some(YamlError::at(line, "control characters are not allowed")))
}

/// Where the piece starts in which a byte is read.
fn piece_of(text: &str, at: usize) -> usize {
    let mut start = 0;
    loop {
        let next = text.floor_char_boundary(start + PIECE);
        if next > at || next <= start {
            return start;
        }
        start = next;
    }
}

fn first_refused(text: &str) -> Option<usize> {
    let mut from = 0;
    for piece in text.as_bytes().chunks(64) {
        let suspect = piece.iter().fold(false, |suspect, b| suspect | is_suspect(*b));
        if suspect && let Some(at) = refused_in(text, from, from + piece.len()) {
            return Some(at);
        }
        from += piece.len();
    }
    None
}

/// Whether a character that is not allowed may start with that byte.
#[inline]
fn is_suspect(b: u8) -> bool {
    (b < 0x20 && !matches!(b, b'\t' | b'\n' | b'\r')) | matches!(b, 0x7f | 0xc2 | 0xef)
}

fn refused_in(text: &str, from: usize, to: usize) -> Option<usize> {
    (from..to).filter(|at| text.is_char_boundary(*at)).find(|at| {
        let c = text.get(*at..).and_then(|rest| rest.chars().next());
        c.is_some_and(|c| !is_allowed(c))
    })
}
