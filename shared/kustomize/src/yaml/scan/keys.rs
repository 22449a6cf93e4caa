//! Keys: the `?` and `:` indicators, and scalars that may turn out to be keys.

use super::{Kind, Scanner};
use crate::yaml::YamlError;

/// Characters between the start of a key without `?` and its `:`, at most.
const LONGEST: usize = 1024;
const MISSING: &str = "a key is not followed by `:`";

/// A token that is a key if a `:` follows it.
#[derive(Debug, Clone, Copy)]
pub(super) struct SimpleKey {
    possible: bool,
    /// Whether its token is held back. go-yaml forgets to for an empty flow collection.
    held: bool,
    /// Whether nothing but a key may stand there.
    required: bool,
    /// The number of its token, counted over the stream.
    number: usize,
    line: usize,
    column: usize,
}

impl SimpleKey {
    /// No possible key yet, on the level that the token of that number opens.
    pub(super) fn none(number: usize) -> Self {
        SimpleKey { possible: false, held: false, required: false, number, line: 0, column: 0 }
    }
}

impl Scanner<'_> {
    /// Whether the token of that number may still become a key.
    #[inline]
    pub(super) fn is_possible_key(&mut self, number: usize) -> Result<bool, YamlError> {
        // The numbers rise with the flow levels.
        let from = if self.in_flow() { self.keys.partition_point(|key| key.number < number) } else { 0 };
        let found = |key: &&SimpleKey| key.possible && key.held && key.number == number;
        let keys = self.keys.get(from..).unwrap_or_default();
        let Some(at) = keys.iter().take_while(|key| key.number <= number).position(|key| found(&key)) else {
            return Ok(false);
        };
        self.is_valid_key(from + at)
    }

    /// Whether a key may still end here: it stands in one line and is not too long.
    fn is_valid_key(&mut self, at: usize) -> Result<bool, YamlError> {
        let (line, column) = (self.cursor.line, self.cursor.column());
        let Some(key) = self.keys.get_mut(at).filter(|key| key.possible) else { return Ok(false) };
        if key.line == line && key.column + LONGEST >= column {
            return Ok(true);
        }
        if key.required {
            return Err(YamlError::at(key.line + 1, MISSING));
        }
        key.possible = false;
        Ok(false)
    }

    /// Remembers that the token that comes next may be a key.
    pub(super) fn save_key(&mut self, column: usize) -> Result<(), YamlError> {
        if !self.key_allowed {
            return Ok(());
        }
        self.drop_key()?;
        let key = SimpleKey {
            possible: true,
            held: true,
            required: !self.in_flow() && self.floor == column + 1,
            number: self.taken + self.queue.len(),
            line: self.cursor.line,
            column,
        };
        if let Some(last) = self.keys.last_mut() {
            *last = key;
        }
        Ok(())
    }

    /// Gives up the possible keys of all levels, since the text ends.
    pub(super) fn drop_keys(&mut self) -> Result<(), YamlError> {
        self.drop_key()?;
        self.keys.iter_mut().for_each(|key| key.possible = false);
        Ok(())
    }

    /// Leaves a flow level. Without a key on it, go-yaml mistakes the key that may be the whole collection for one of
    /// this level, and no longer holds it back.
    pub(super) fn leave_level(&mut self) {
        let Some(left) = self.keys.pop() else { return };
        if let Some(outer) = self.keys.last_mut().filter(|outer| outer.number == left.number) {
            outer.held = false;
        }
    }

    /// Gives up the possible key of this level.
    pub(super) fn drop_key(&mut self) -> Result<(), YamlError> {
        match self.keys.last_mut() {
            Some(key) if key.possible && key.required => Err(YamlError::at(key.line + 1, MISSING)),
            Some(key) => {
                key.possible = false;
                Ok(())
            }
            None => Ok(()),
        }
    }

    /// Whether a scalar of a block that just ended is followed by the `:` of a key, and goes there. Only when the
    /// possible key is that scalar.
    #[inline]
    pub(super) fn finds_value(&mut self, column: usize) -> bool {
        let blanks = self.cursor.rest().iter().take_while(|b| matches!(b, b' ' | b'\t')).count();
        if self.cursor.at(blanks) != b':' || !self.cursor.is_blank_or_end(blanks + 1) {
            return false;
        }
        let before = self.cursor.pos;
        self.cursor.pos += blanks;
        if self.cursor.column() > column + LONGEST {
            self.cursor.pos = before;
            return false;
        }
        if let Some(key) = self.keys.last_mut() {
            key.possible = false;
        }
        true
    }

    /// `?`
    pub(super) fn key(&mut self, column: usize) -> Result<(), YamlError> {
        if !self.in_flow() {
            if !self.key_allowed {
                return Err(self.cursor.error("a key is not allowed here"));
            }
            self.roll(column, None, Kind::BlockMappingStart)?;
        }
        self.drop_key()?;
        self.key_allowed = !self.in_flow();
        self.push(Kind::Key);
        self.cursor.pos += 1;
        Ok(())
    }

    /// `:`
    pub(super) fn value(&mut self, column: usize) -> Result<(), YamlError> {
        let top = self.keys.len().saturating_sub(1);
        if self.is_valid_key(top)? {
            let Some(key) = self.keys.get(top).copied() else { return Ok(()) };
            self.insert(Some(key.number), Kind::Key);
            self.roll(key.column, Some(key.number), Kind::BlockMappingStart)?;
            self.drop_valid_key();
            self.key_allowed = false;
        } else {
            if !self.in_flow() {
                if !self.key_allowed {
                    return Err(self.cursor.error("a value is not allowed here"));
                }
                self.roll(column, None, Kind::BlockMappingStart)?;
            }
            self.key_allowed = !self.in_flow();
        }
        self.push(Kind::Value);
        self.cursor.pos += 1;
        Ok(())
    }

    fn drop_valid_key(&mut self) {
        if let Some(key) = self.keys.last_mut() {
            key.possible = false;
        }
    }
}
