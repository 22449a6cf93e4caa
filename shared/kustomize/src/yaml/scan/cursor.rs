//! A place in a text: bytes, lines and columns. Columns count characters, as go-yaml's marks do.

use crate::yaml::YamlError;

/// A text without control characters, and how far it was read. Behind its end stand zero bytes.
pub(super) struct Cursor<'a> {
    text: &'a str,
    pub(super) pos: usize,
    /// The line, from 0.
    pub(super) line: usize,
    line_start: usize,
    ascii: bool,
    /// Up to where this line's continuation bytes are counted, and how many there are.
    counted: (usize, usize),
}

impl<'a> Cursor<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Cursor { text, pos: 0, line: 0, line_start: 0, ascii: text.is_ascii(), counted: (0, 0) }
    }

    /// The byte that many bytes ahead; zero behind the end.
    #[inline]
    pub(super) fn at(&self, ahead: usize) -> u8 {
        self.text.as_bytes().get(self.pos + ahead).copied().unwrap_or(0)
    }

    #[inline]
    pub(super) fn is_end(&self) -> bool {
        self.pos >= self.text.len()
    }

    /// The bytes from here on.
    #[inline]
    pub(super) fn rest(&self) -> &'a [u8] {
        self.text.as_bytes().get(self.pos..).unwrap_or_default()
    }

    /// The text between two places, both at characters' edges.
    #[inline]
    pub(super) fn slice(&self, from: usize, to: usize) -> &'a str {
        self.text.get(from..to).unwrap_or_default()
    }

    /// How many characters of this line stand before this place.
    #[inline]
    pub(super) fn column(&mut self) -> usize {
        let bytes = self.pos - self.line_start;
        if self.ascii { bytes } else { bytes - self.continuations() }
    }

    /// Whether this is the first place of a line.
    #[inline]
    pub(super) fn at_line_start(&self) -> bool {
        self.pos == self.line_start
    }

    fn continuations(&mut self) -> usize {
        let (from, count) = self.counted;
        let bytes = self.text.as_bytes().get(from..self.pos).unwrap_or_default();
        let more = bytes.iter().filter(|b| **b & 0xc0 == 0x80).count();
        self.counted = (self.pos, count + more);
        count + more
    }

    /// The bytes of the line break that stands that many bytes ahead; 0 when none does.
    #[inline]
    pub(super) fn break_len(&self, ahead: usize) -> usize {
        match self.at(ahead) {
            b'\n' => 1,
            b'\r' => 1 + usize::from(self.at(ahead + 1) == b'\n'),
            0xc2 if self.at(ahead + 1) == 0x85 => 2,
            0xe2 if self.at(ahead + 1) == 0x80 && matches!(self.at(ahead + 2), 0xa8 | 0xa9) => 3,
            _ => 0,
        }
    }

    /// A space or a tab.
    #[inline]
    pub(super) fn is_blank(&self, ahead: usize) -> bool {
        matches!(self.at(ahead), b' ' | b'\t')
    }

    /// A line break or the end.
    #[inline]
    pub(super) fn is_break_or_end(&self, ahead: usize) -> bool {
        self.at(ahead) == 0 || self.break_len(ahead) > 0
    }

    /// A space, a tab, a line break or the end.
    #[inline]
    pub(super) fn is_blank_or_end(&self, ahead: usize) -> bool {
        self.is_blank(ahead) || self.is_break_or_end(ahead)
    }

    /// Skips blanks of this line.
    #[inline]
    pub(super) fn skip_blanks(&mut self) {
        self.pos += self.rest().iter().take_while(|b| matches!(b, b' ' | b'\t')).count();
    }

    /// Skips the line break of that length which stands here.
    #[inline]
    pub(super) fn skip_break(&mut self, length: usize) {
        self.pos += length;
        self.line += 1;
        self.line_start = self.pos;
        self.counted = (self.pos, 0);
    }

    /// Skips the line break here and gives it as it counts in a scalar: most kinds are a line feed there.
    pub(super) fn take_break(&mut self) -> &'a str {
        let length = self.break_len(0);
        let written = self.slice(self.pos, self.pos + length);
        self.skip_break(length);
        if length == 3 { written } else { "\n" }
    }

    /// Goes to the end of the line, before its break.
    #[inline]
    pub(super) fn skip_to_break(&mut self) {
        loop {
            let stop = |b: &u8| matches!(b, b'\n' | b'\r' | 0xc2 | 0xe2);
            let rest = self.rest();
            self.pos += rest.iter().position(stop).unwrap_or(rest.len());
            if self.is_break_or_end(0) {
                return;
            }
            self.pos += 1;
        }
    }

    /// Whether `---` or `...` stands here, at the start of a line and as a word of its own.
    pub(super) fn at_document_marker(&self) -> bool {
        self.at_line_start()
            && (self.rest().starts_with(b"---") || self.rest().starts_with(b"..."))
            && self.is_blank_or_end(3)
    }

    /// An error at this line.
    pub(super) fn error(&self, message: &str) -> YamlError {
        YamlError::at(self.line + 1, message)
    }
}
