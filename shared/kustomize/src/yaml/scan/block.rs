//! Block scalars: `|` and `>`.

use std::borrow::Cow;

use super::{Kind, Payload, Scanner, Token};
use crate::node::Style;
use crate::yaml::YamlError;

/// What go-yaml says of a block whose first line starts with a tab: it takes the tab for indentation.
pub(in crate::yaml) const TAB: &str = "found a tab character where an indentation space is expected";

#[derive(PartialEq, Clone, Copy)]
enum Chomp {
    Strip,
    Clip,
    Keep,
}

/// A block scalar as far as it was read.
struct Block<'a> {
    /// The column of its content; 0 until known.
    indent: usize,
    /// The line of its header, for errors.
    line: usize,
    text: String,
    /// The break of the last line, and the empty lines behind it.
    last: Option<&'a str>,
    empty: String,
}

impl<'a> Scanner<'a> {
    pub(super) fn block_scalar(&mut self, literal: bool) -> Result<(), YamlError> {
        self.drop_key()?;
        self.key_allowed = true;
        let line = self.cursor.line + 1;
        self.cursor.pos += 1;
        let (chomp, increment) = self.header()?;
        let indent = increment.map_or(0, |increment| self.floor.saturating_sub(1) + increment);
        let mut block = Block { indent, line, text: String::new(), last: None, empty: String::new() };
        self.empty_lines(&mut block)?;
        let mut was_blank = false;
        while self.cursor.column() == block.indent && !self.cursor.is_end() {
            let blank = self.cursor.is_blank(0);
            let folds = !literal && !was_blank && !blank;
            was_blank = blank;
            self.content_line(&mut block, folds);
            self.empty_lines(&mut block)?;
        }
        let style = if literal { Style::Literal } else { Style::Folded };
        let payload = Payload::Scalar(Cow::Owned(block.finish(chomp)), style);
        self.queue.push_back(Token::with(Kind::Scalar, line, payload));
        Ok(())
    }

    /// The indicators behind `|` or `>`, in any order, and the rest of the line.
    fn header(&mut self) -> Result<(Chomp, Option<usize>), YamlError> {
        let mut chomp = self.chomp();
        let increment = self.increment()?;
        if chomp.is_none() && increment.is_some() {
            chomp = self.chomp();
        }
        self.cursor.skip_blanks();
        if self.cursor.at(0) == b'#' {
            self.commented = true;
            self.cursor.skip_to_break();
        }
        if !self.cursor.is_break_or_end(0) {
            return Err(self.cursor.error("the first line of a block value has more than its indicators"));
        }
        let length = self.cursor.break_len(0);
        if length > 0 {
            self.cursor.skip_break(length);
        }
        Ok((chomp.unwrap_or(Chomp::Clip), increment))
    }

    fn chomp(&mut self) -> Option<Chomp> {
        let chomp = match self.cursor.at(0) {
            b'+' => Chomp::Keep,
            b'-' => Chomp::Strip,
            _ => return None,
        };
        self.cursor.pos += 1;
        Some(chomp)
    }

    fn increment(&mut self) -> Result<Option<usize>, YamlError> {
        match self.cursor.at(0) {
            b'0' => Err(self.cursor.error("a block value cannot be indented by 0")),
            digit @ b'1'..=b'9' => {
                self.cursor.pos += 1;
                Ok(Some(usize::from(digit - b'0')))
            }
            _ => Ok(None),
        }
    }

    /// One line of content, after the breaks before it.
    #[inline]
    fn content_line(&mut self, block: &mut Block<'a>, folds: bool) {
        match block.last.take() {
            Some("\n") if folds && block.empty.is_empty() => block.text.push(' '),
            Some("\n") if folds => {}
            Some(last) => block.text.push_str(last),
            None => {}
        }
        block.text.push_str(&block.empty);
        block.empty.clear();
        let start = self.cursor.pos;
        self.cursor.skip_to_break();
        block.text.push_str(self.cursor.slice(start, self.cursor.pos));
        if self.cursor.break_len(0) > 0 {
            block.last = Some(self.cursor.take_break());
        }
    }

    /// Skips indentation and takes empty lines. The first time it finds how deep the content is: as deep as its
    /// first line, or as the deepest of the empty lines before it.
    fn empty_lines(&mut self, block: &mut Block<'a>) -> Result<(), YamlError> {
        let mut deepest = 0;
        loop {
            let most = if block.indent == 0 {
                usize::MAX
            } else {
                block.indent - self.cursor.column().min(block.indent)
            };
            self.cursor.pos += self.cursor.rest().iter().take(most).take_while(|b| **b == b' ').count();
            let column = self.cursor.column();
            deepest = deepest.max(column);
            if self.cursor.at(0) == b'\t' && (block.indent == 0 || column < block.indent) {
                return Err(YamlError::at(block.line, TAB));
            }
            if self.cursor.break_len(0) == 0 {
                break;
            }
            block.empty.push_str(self.cursor.take_break());
        }
        if block.indent == 0 {
            block.indent = deepest.max(self.floor).max(1);
        }
        Ok(())
    }
}

impl Block<'_> {
    fn finish(mut self, chomp: Chomp) -> String {
        if chomp != Chomp::Strip
            && let Some(last) = self.last
        {
            self.text.push_str(last);
        }
        if chomp == Chomp::Keep {
            self.text.push_str(&self.empty);
        }
        self.text
    }
}
