//! Scalars without quotes, and what all scalars do with line breaks.

use std::borrow::Cow;

use super::{Cursor, Kind, Payload, Scanner, Token};
use crate::node::Style;
use crate::yaml::YamlError;

/// Line breaks that are not yet part of a scalar: the first, and all that follow it.
#[derive(Default)]
pub(super) struct Breaks<'a> {
    first: Option<&'a str>,
    more: String,
}

impl<'a> Breaks<'a> {
    /// Takes the break here; `fold` says whether it may count as the first.
    pub(super) fn take(&mut self, cursor: &mut Cursor<'a>, first: bool) {
        let taken = cursor.take_break();
        if first { self.first = Some(taken) } else { self.more.push_str(taken) }
    }

    /// Writes the breaks folded: one line feed is a space.
    pub(super) fn fold_into(&mut self, out: &mut String) {
        match self.first.take() {
            Some("\n") if self.more.is_empty() => out.push(' '),
            Some("\n") | None => {}
            Some(first) => out.push_str(first),
        }
        out.push_str(&self.more);
        self.more.clear();
    }
}

impl<'a> Scanner<'a> {
    /// A plain or quoted scalar, with the indicators of a key when `:` follows.
    pub(super) fn flow_scalar(&mut self, quote: Option<u8>, column: usize) -> Result<(), YamlError> {
        let possible = self.key_allowed && !self.in_flow();
        self.save_key(column)?;
        self.key_allowed = false;
        let line = self.cursor.line;
        let (value, style) = match quote {
            Some(b'"') => (self.double_quoted()?, Style::Double),
            Some(_) => (self.single_quoted()?, Style::Single),
            None => (self.plain()?, Style::Plain),
        };
        let token = Token::with(Kind::Scalar, line + 1, Payload::Scalar(value, style));
        if possible && self.cursor.line == line && self.finds_value(column) {
            self.roll(column, None, Kind::BlockMappingStart)?;
            self.push(Kind::Key);
            self.queue.push_back(token);
            self.push(Kind::Value);
            self.cursor.pos += 1;
            self.skip_comment_behind();
            return Ok(());
        }
        self.queue.push_back(token);
        // Behind a plain scalar that ended with its line there is no comment to look for.
        if quote.is_some() || !self.key_allowed {
            self.skip_comment_behind();
        }
        Ok(())
    }

    fn plain(&mut self) -> Result<Cow<'a, str>, YamlError> {
        let start = self.cursor.pos;
        let mut text = PlainText { start, end: start, folded: None };
        let mut breaks = Breaks::default();
        let mut broken = false;
        while !self.cursor.at_document_marker() && self.cursor.at(0) != b'#' {
            let run = self.cursor.pos;
            self.skip_plain_run();
            if self.cursor.pos > run {
                text.add(&self.cursor, run, broken.then_some(&mut breaks));
                broken = false;
            }
            if !self.cursor.is_blank(0) && self.cursor.break_len(0) == 0 {
                break;
            }
            self.plain_blanks(&mut breaks, &mut broken)?;
            if !self.in_flow() && self.cursor.column() < self.floor {
                break;
            }
        }
        self.key_allowed |= broken;
        Ok(text.finish(&self.cursor))
    }

    /// Skips what is no blank and does not end a plain scalar.
    #[inline]
    fn skip_plain_run(&mut self) {
        let flow = self.in_flow();
        let stop = |b: &u8| match b {
            b':' | b' ' | b'\t' | b'\n' | b'\r' | 0xc2 | 0xe2 => true,
            b',' | b'?' | b'[' | b']' | b'{' | b'}' => flow,
            _ => false,
        };
        loop {
            let rest = self.cursor.rest();
            self.cursor.pos += rest.iter().position(stop).unwrap_or(rest.len());
            match self.cursor.at(0) {
                b':' if !self.cursor.is_blank_or_end(1) => {}
                0xc2 | 0xe2 if self.cursor.break_len(0) == 0 => {}
                _ => return,
            }
            self.cursor.pos += 1;
        }
    }

    fn plain_blanks(&mut self, breaks: &mut Breaks<'a>, broken: &mut bool) -> Result<(), YamlError> {
        loop {
            if self.cursor.is_blank(0) {
                if *broken && self.cursor.at(0) == b'\t' && self.cursor.column() < self.floor {
                    return Err(self.cursor.error("a tab indents a line of a plain value"));
                }
                self.cursor.pos += 1;
            } else if self.cursor.break_len(0) > 0 {
                breaks.take(&mut self.cursor, !*broken);
                *broken = true;
            } else {
                return Ok(());
            }
        }
    }
}

/// The text of a plain scalar: a part of the input until lines are folded.
struct PlainText {
    start: usize,
    end: usize,
    folded: Option<String>,
}

impl PlainText {
    /// Adds the run from `run` to the cursor, after `breaks` or after the blanks between.
    fn add<'a>(&mut self, cursor: &Cursor<'a>, run: usize, breaks: Option<&mut Breaks<'a>>) {
        if let Some(breaks) = breaks {
            let (start, end) = (self.start, self.end);
            let folded = self.folded.get_or_insert_with(|| cursor.slice(start, end).to_owned());
            breaks.fold_into(folded);
            folded.push_str(cursor.slice(run, cursor.pos));
        } else if let Some(folded) = &mut self.folded {
            folded.push_str(cursor.slice(self.end, cursor.pos));
        }
        self.end = cursor.pos;
    }

    fn finish<'a>(self, cursor: &Cursor<'a>) -> Cow<'a, str> {
        match self.folded {
            Some(folded) => Cow::Owned(folded),
            None => Cow::Borrowed(cursor.slice(self.start, self.end)),
        }
    }
}
