//! Scalars: which style suits a text, and how each is written.

use super::facts::{self, Facts, is_base_60, is_break, is_printable};
use super::{Context, Emitter, WIDTH};
use crate::yaml::resolve::{Resolved, resolve_v2};

#[derive(PartialEq)]
enum Style {
    Plain,
    Single,
    Double,
    Literal,
}

impl Emitter {
    /// Writes a scalar; `typed` when it is not a string and so is never quoted.
    pub(super) fn scalar(&mut self, text: &str, typed: Option<&str>, context: Context) {
        let simple_key = context == Context::SimpleKey;
        let facts = Facts::of(text);
        let mut style = match typed {
            Some(_) => Style::Plain,
            None if text.contains('\n') => Style::Literal,
            None if resolve_v2(text) == Resolved::Str && !is_base_60(text) => Style::Plain,
            None => Style::Double,
        };
        if simple_key && facts.multiline {
            style = Style::Double;
        }
        if style == Style::Plain && (!facts.plain_allowed || (text.is_empty() && simple_key)) {
            style = Style::Single;
        }
        if style == Style::Single && !facts.single_allowed {
            style = Style::Double;
        }
        if style == Style::Literal && (!facts.block_allowed || simple_key) {
            style = Style::Double;
        }
        let before = self.deeper(true, false);
        match style {
            Style::Plain => self.plain(text, !simple_key),
            Style::Single => self.single_quoted(text, !simple_key),
            Style::Double => self.double_quoted(text, !simple_key),
            Style::Literal => self.literal(text),
        }
        self.indent = before;
    }

    fn plain(&mut self, text: &str, breaks_allowed: bool) {
        if !self.whitespace {
            self.put(' ');
        }
        self.folding(text, breaks_allowed, false);
        self.whitespace = false;
        self.indention = false;
    }

    fn single_quoted(&mut self, text: &str, breaks_allowed: bool) {
        self.indicator("'", true, false, false);
        self.folding(text, breaks_allowed, true);
        self.indicator("'", false, false, false);
        self.whitespace = false;
        self.indention = false;
    }

    /// The body of plain and single quoted scalars.
    fn folding(&mut self, text: &str, breaks_allowed: bool, quoted: bool) {
        if self.column + text.len() <= WIDTH
            && facts::is_printable_ascii(text)
            && !(quoted && text.contains('\''))
        {
            return self.put_ascii(text);
        }
        let (mut spaces, mut breaks) = (false, false);
        let mut chars = text.char_indices().peekable();
        while let Some((at, c)) = chars.next() {
            let next = chars.peek().map(|(_, c)| *c);
            if c == ' ' {
                let inside = !quoted || (at > 0 && at + 1 < text.len());
                if breaks_allowed && !spaces && self.column > WIDTH && inside && next != Some(' ') {
                    self.write_indent();
                } else {
                    self.put(' ');
                }
                spaces = true;
            } else if is_break(c) {
                if !breaks && c == '\n' {
                    self.line_break();
                }
                self.write_break(c);
                self.indention = true;
                breaks = true;
            } else {
                if breaks {
                    self.write_indent();
                }
                if quoted && c == '\'' {
                    self.put('\'');
                }
                self.put(c);
                self.indention = false;
                spaces = false;
                breaks = false;
            }
        }
    }

    fn write_break(&mut self, c: char) {
        if c == '\n' {
            self.line_break();
        } else {
            self.out.push(c);
            self.column = 0;
        }
    }

    fn double_quoted(&mut self, text: &str, breaks_allowed: bool) {
        self.indicator("\"", true, false, false);
        let mut spaces = false;
        // go-yaml looks for the mark at the start of the text each time, and then escapes everything.
        let bom = text.starts_with('\u{feff}');
        let mut chars = text.char_indices().peekable();
        while let Some((at, c)) = chars.next() {
            let next = chars.peek().map(|(_, c)| *c);
            if !is_printable(c) || bom || is_break(c) || matches!(c, '"' | '\\') {
                self.escape(c);
                spaces = false;
            } else if c == ' ' {
                if breaks_allowed && !spaces && self.column > WIDTH && at > 0 && at + 1 < text.len() {
                    self.write_indent();
                    if next == Some(' ') {
                        self.put('\\');
                    }
                } else {
                    self.put(' ');
                }
                spaces = true;
            } else {
                self.put(c);
                spaces = false;
            }
        }
        self.indicator("\"", false, false, false);
        self.whitespace = false;
        self.indention = false;
    }

    fn escape(&mut self, c: char) {
        self.put('\\');
        escaped(c).chars().for_each(|c| self.put(c));
    }

    fn literal(&mut self, text: &str) {
        self.indicator("|", true, false, false);
        if text.starts_with(|c| c == ' ' || is_break(c)) {
            self.indicator("2", false, false, false);
        }
        let mut backwards = text.chars().rev();
        match (backwards.next().is_some_and(is_break), backwards.next()) {
            (false, _) => self.indicator("-", false, false, false),
            (true, None) => self.indicator("+", false, false, false),
            (true, Some(c)) if is_break(c) => self.indicator("+", false, false, false),
            (true, Some(_)) => {}
        }
        self.line_break();
        self.indention = true;
        self.whitespace = true;
        let mut breaks = true;
        for c in text.chars() {
            if is_break(c) {
                self.write_break(c);
                self.indention = true;
                breaks = true;
            } else {
                if breaks {
                    self.write_indent();
                }
                self.put(c);
                self.indention = false;
                breaks = false;
            }
        }
    }
}

/// What stands behind the backslash for a character between double quotes.
pub(in crate::yaml) fn escaped(c: char) -> String {
    let code = u32::from(c);
    match code {
        0x00 => "0".to_owned(),
        0x07 => "a".to_owned(),
        0x08 => "b".to_owned(),
        0x09 => "t".to_owned(),
        0x0a => "n".to_owned(),
        0x0b => "v".to_owned(),
        0x0c => "f".to_owned(),
        0x0d => "r".to_owned(),
        0x1b => "e".to_owned(),
        0x22 => "\"".to_owned(),
        0x5c => "\\".to_owned(),
        0x85 => "N".to_owned(),
        0xa0 => "_".to_owned(),
        0x2028 => "L".to_owned(),
        0x2029 => "P".to_owned(),
        code if code <= 0xff => format!("x{code:02X}"),
        code if code <= 0xffff => format!("u{code:04X}"),
        _ => format!("U{code:08X}"),
    }
}
