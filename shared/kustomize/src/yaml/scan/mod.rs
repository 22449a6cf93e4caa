//! A text to tokens, as go-yaml's scanner cuts it. Both of its versions are here: version 3 looks two tokens further
//! ahead, and lets tabs stand before some comments.
//!
//! A scalar may turn out to be a key only when the `:` behind it is seen. Until then the scanner remembers it as a
//! possible key, and holds its token back.

mod blanks;
mod block;
mod cursor;
mod keys;
mod names;
mod plain;
mod quoted;
mod source;
mod token;

use std::collections::VecDeque;

use super::{Version, YamlError};
pub(super) use block::TAB;
use cursor::Cursor;
use keys::SimpleKey;
pub(super) use source::is_allowed;
pub(super) use token::{Kind, Payload, Token};

/// Levels of flow collections and of indentation that go-yaml takes.
const DEEPEST: usize = 10_000;

pub(super) struct Scanner<'a> {
    cursor: Cursor<'a>,
    version: Version,
    /// Whether a comment was skipped.
    pub(super) commented: bool,
    /// Why the text cannot be read beyond the part that the cursor has.
    refusal: Option<YamlError>,
    queue: VecDeque<Token<'a>>,
    /// Tokens given out so far.
    taken: usize,
    /// Whether the first token of the queue is known to be complete.
    ready: bool,
    /// The possible key of each flow level.
    keys: Vec<SimpleKey>,
    key_allowed: bool,
    /// The column at which the content of the current block collection ends; 0 outside of all.
    floor: usize,
    floors: Vec<usize>,
}

impl<'a> Scanner<'a> {
    pub(super) fn new(text: &'a str, version: Version) -> Self {
        let (text, refusal) = source::readable(text);
        Scanner {
            cursor: Cursor::new(text),
            version,
            commented: false,
            refusal,
            queue: VecDeque::with_capacity(8),
            taken: 0,
            ready: false,
            keys: vec![SimpleKey::none(0)],
            key_allowed: true,
            floor: 0,
            floors: Vec::new(),
        }
    }

    pub(super) fn version(&self) -> Version {
        self.version
    }

    /// The kind and line of the next token.
    #[inline]
    pub(super) fn peek(&mut self) -> Result<(Kind, usize), YamlError> {
        if !self.ready {
            self.fill()?;
            self.ready = true;
        }
        self.queue.front().map(|token| (token.kind, token.line)).ok_or_else(|| YamlError::at(0, "no token"))
    }

    /// The next token.
    #[inline]
    pub(super) fn take(&mut self) -> Result<Token<'a>, YamlError> {
        self.peek()?;
        self.ready = false;
        self.taken += 1;
        self.queue.pop_front().ok_or_else(|| YamlError::at(0, "no token"))
    }

    fn fill(&mut self) -> Result<(), YamlError> {
        let ahead = match self.version {
            Version::V2 => 0,
            Version::V3 => 2,
        };
        while self.queue.len() <= ahead || self.is_possible_key(self.taken)? {
            let fetched = self.fetch();
            if self.cursor.is_end()
                && let Some(refusal) = self.refusal.take()
            {
                return Err(refusal);
            }
            fetched?;
        }
        Ok(())
    }

    fn in_flow(&self) -> bool {
        self.keys.len() > 1
    }

    fn push(&mut self, kind: Kind) {
        self.queue.push_back(Token::new(kind, self.cursor.line + 1));
    }

    /// Adds the next tokens to the queue: one, and those that a change of indentation implies.
    fn fetch(&mut self) -> Result<(), YamlError> {
        self.skip_to_token();
        let column = self.cursor.column();
        self.unroll(column + 1);
        let first = self.cursor.at(0);
        if first == 0 {
            return self.stream_end();
        }
        if column == 0 {
            if first == b'%' {
                return self.directive();
            }
            if self.cursor.at_document_marker() {
                return self.document_marker(first);
            }
        }
        self.content(first, column)
    }

    fn content(&mut self, first: u8, column: usize) -> Result<(), YamlError> {
        let flow = self.in_flow();
        let spaced = |scanner: &Self| scanner.cursor.is_blank_or_end(1);
        match first {
            b'"' | b'\'' => return self.flow_scalar(Some(first), column),
            b'|' | b'>' if !flow => return self.block_scalar(first == b'|'),
            b'[' => self.flow_start(Kind::FlowSequenceStart)?,
            b'{' => self.flow_start(Kind::FlowMappingStart)?,
            b']' => self.flow_end(Kind::FlowSequenceEnd)?,
            b'}' => self.flow_end(Kind::FlowMappingEnd)?,
            b',' => self.flow_entry()?,
            b'-' if spaced(self) => return self.block_entry(column),
            b'?' if flow || spaced(self) => self.key(column)?,
            b':' if flow || spaced(self) => self.value(column)?,
            b'*' => self.anchor(Kind::Alias, column)?,
            b'&' => self.anchor(Kind::Anchor, column)?,
            b'!' => self.tag(column)?,
            b'\t' | b'#' | b'|' | b'>' | b'%' | b'@' | b'`' => {
                return Err(self.cursor.error("found a character that cannot start a value"));
            }
            _ => return self.flow_scalar(None, column),
        }
        self.skip_comment_behind();
        Ok(())
    }

    fn stream_end(&mut self) -> Result<(), YamlError> {
        self.unroll(0);
        self.drop_keys()?;
        self.key_allowed = false;
        self.push(Kind::StreamEnd);
        Ok(())
    }

    fn document_marker(&mut self, first: u8) -> Result<(), YamlError> {
        self.unroll(0);
        self.drop_key()?;
        self.key_allowed = false;
        self.push(if first == b'-' { Kind::DocumentStart } else { Kind::DocumentEnd });
        self.cursor.pos += 3;
        Ok(())
    }

    fn flow_start(&mut self, kind: Kind) -> Result<(), YamlError> {
        let column = self.cursor.column();
        self.save_key(column)?;
        if self.keys.len() > DEEPEST {
            return Err(self.cursor.error("flow collections are nested too deeply"));
        }
        self.keys.push(SimpleKey::none(self.taken + self.queue.len()));
        self.key_allowed = true;
        self.push(kind);
        self.cursor.pos += 1;
        Ok(())
    }

    fn flow_end(&mut self, kind: Kind) -> Result<(), YamlError> {
        self.drop_key()?;
        if self.in_flow() {
            self.leave_level();
        }
        self.key_allowed = false;
        self.push(kind);
        self.cursor.pos += 1;
        Ok(())
    }

    fn flow_entry(&mut self) -> Result<(), YamlError> {
        self.drop_key()?;
        self.key_allowed = true;
        self.push(Kind::FlowEntry);
        self.cursor.pos += 1;
        Ok(())
    }

    fn block_entry(&mut self, column: usize) -> Result<(), YamlError> {
        if !self.in_flow() {
            if !self.key_allowed {
                return Err(self.cursor.error("a list entry is not allowed here"));
            }
            self.roll(column, None, Kind::BlockSequenceStart)?;
        }
        self.drop_key()?;
        self.key_allowed = true;
        self.push(Kind::BlockEntry);
        self.cursor.pos += 1;
        Ok(())
    }

    /// Opens a block collection when `column` is deeper than the current one. Its token goes to the place of the
    /// token with that number, or to the end.
    fn roll(&mut self, column: usize, number: Option<usize>, kind: Kind) -> Result<(), YamlError> {
        if self.in_flow() || self.floor > column {
            return Ok(());
        }
        self.floors.push(self.floor);
        self.floor = column + 1;
        if self.floors.len() > DEEPEST {
            return Err(self.cursor.error("blocks are nested too deeply"));
        }
        self.insert(number, kind);
        Ok(())
    }

    fn insert(&mut self, number: Option<usize>, kind: Kind) {
        let token = Token::new(kind, self.cursor.line + 1);
        // A token that was given out already cannot have others put before it.
        match number.and_then(|number| number.checked_sub(self.taken)) {
            Some(number) => self.queue.insert(number, token),
            None => self.queue.push_back(token),
        }
    }

    /// Closes the block collections whose content ends deeper than that.
    #[inline]
    fn unroll(&mut self, floor: usize) {
        if self.in_flow() {
            return;
        }
        while self.floor > floor {
            self.push(Kind::BlockEnd);
            self.floor = self.floors.pop().unwrap_or(0);
        }
    }
}
