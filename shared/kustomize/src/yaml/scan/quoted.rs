//! Scalars in quotes.

use std::borrow::Cow;

use super::Scanner;
use super::plain::Breaks;
use crate::yaml::YamlError;

impl<'a> Scanner<'a> {
    pub(super) fn single_quoted(&mut self) -> Result<Cow<'a, str>, YamlError> {
        if let Some(text) = self.short(b'\'') {
            return Ok(text);
        }
        self.quoted(b'\'').map(Cow::Owned)
    }

    pub(super) fn double_quoted(&mut self) -> Result<Cow<'a, str>, YamlError> {
        if let Some(text) = self.short(b'"') {
            return Ok(text);
        }
        self.quoted(b'"').map(Cow::Owned)
    }

    /// A scalar of one line without escapes.
    #[inline]
    fn short(&mut self, quote: u8) -> Option<Cow<'a, str>> {
        let rest = self.cursor.rest().get(1..)?;
        let stop = |b: &u8| *b == quote || matches!(b, b'\\' | b'\n' | b'\r' | 0xc2 | 0xe2);
        let length = rest.iter().position(|b| stop(b) && (*b != b'\\' || quote == b'"'))?;
        let doubled = quote == b'\'' && rest.get(length + 1) == Some(&quote);
        if rest.get(length) != Some(&quote) || doubled {
            return None;
        }
        let start = self.cursor.pos + 1;
        self.cursor.pos = start + length + 1;
        Some(Cow::Borrowed(self.cursor.slice(start, start + length)))
    }

    fn quoted(&mut self, quote: u8) -> Result<String, YamlError> {
        let line = self.cursor.line + 1;
        self.cursor.pos += 1;
        let (mut out, mut breaks) = (String::new(), Breaks::default());
        loop {
            if self.cursor.at_document_marker() {
                return Err(YamlError::at(line, "a quoted value is cut by a document marker"));
            }
            if self.cursor.is_end() {
                return Err(YamlError::at(line, "a quoted value has no closing quote"));
            }
            let mut broken = self.quoted_run(quote, &mut out)?;
            if self.cursor.at(0) == quote {
                self.cursor.pos += 1;
                return Ok(out);
            }
            let blanks = self.cursor.pos;
            let mut blanks_end = blanks;
            loop {
                if self.cursor.is_blank(0) {
                    self.cursor.pos += 1;
                    if !broken {
                        blanks_end = self.cursor.pos;
                    }
                } else if self.cursor.break_len(0) > 0 {
                    breaks.take(&mut self.cursor, !broken);
                    broken = true;
                } else {
                    break;
                }
            }
            if broken {
                breaks.fold_into(&mut out);
            } else {
                out.push_str(self.cursor.slice(blanks, blanks_end));
            }
        }
    }

    /// Takes what is no blank, up to the closing quote. Says whether an escaped line break ended it.
    fn quoted_run(&mut self, quote: u8, out: &mut String) -> Result<bool, YamlError> {
        loop {
            let stop =
                |b: &u8| *b == quote || matches!(b, b'\\' | b' ' | b'\t' | b'\n' | b'\r' | 0xc2 | 0xe2);
            let rest = self.cursor.rest();
            let length = rest.iter().position(stop).unwrap_or(rest.len());
            out.push_str(self.cursor.slice(self.cursor.pos, self.cursor.pos + length));
            self.cursor.pos += length;
            match self.cursor.at(0) {
                b'\'' if quote == b'\'' && self.cursor.at(1) == b'\'' => {
                    out.push('\'');
                    self.cursor.pos += 2;
                }
                b'\\' if quote == b'"' => match self.cursor.break_len(1) {
                    0 => self.escape(out)?,
                    length => {
                        self.cursor.pos += 1;
                        self.cursor.skip_break(length);
                        return Ok(true);
                    }
                },
                b'\\' => {
                    out.push('\\');
                    self.cursor.pos += 1;
                }
                0xc2 | 0xe2 if self.cursor.break_len(0) == 0 => self.take_char(out),
                _ => return Ok(false),
            }
        }
    }

    fn take_char(&mut self, out: &mut String) {
        let length = if self.cursor.at(0) == 0xc2 { 2 } else { 3 };
        out.push_str(self.cursor.slice(self.cursor.pos, self.cursor.pos + length));
        self.cursor.pos += length;
    }

    fn escape(&mut self, out: &mut String) -> Result<(), YamlError> {
        let (c, digits) = match self.cursor.at(1) {
            b'0' => ('\0', 0),
            b'a' => ('\u{7}', 0),
            b'b' => ('\u{8}', 0),
            b't' | b'\t' => ('\t', 0),
            b'n' => ('\n', 0),
            b'v' => ('\u{b}', 0),
            b'f' => ('\u{c}', 0),
            b'r' => ('\r', 0),
            b'e' => ('\u{1b}', 0),
            c @ (b' ' | b'"' | b'\'' | b'\\') => (char::from(c), 0),
            b'N' => ('\u{85}', 0),
            b'_' => ('\u{a0}', 0),
            b'L' => ('\u{2028}', 0),
            b'P' => ('\u{2029}', 0),
            b'x' => (self.hexadecimal(2)?, 2),
            b'u' => (self.hexadecimal(4)?, 4),
            b'U' => (self.hexadecimal(8)?, 8),
            _ => return Err(self.cursor.error("an escape that does not exist")),
        };
        self.cursor.pos += 2 + digits;
        out.push(c);
        Ok(())
    }

    fn hexadecimal(&self, digits: usize) -> Result<char, YamlError> {
        let mut code = 0_u32;
        for ahead in 2..2 + digits {
            let digit = char::from(self.cursor.at(ahead)).to_digit(16);
            code =
                code << 4 | digit.ok_or_else(|| self.cursor.error("an escape lacks hexadecimal digits"))?;
        }
        char::from_u32(code).ok_or_else(|| self.cursor.error("an escape is no character"))
    }
}
