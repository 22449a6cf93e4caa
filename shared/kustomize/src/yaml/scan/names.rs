//! Anchors, aliases, tags and directives.

use std::borrow::Cow;

use super::{Kind, Payload, Scanner, Token};
use crate::yaml::YamlError;

const NO_URI: &str = "a tag has no name";

fn is_name(b: u8) -> bool {
    b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-')
}

fn is_uri(b: u8) -> bool {
    is_name(b) || b";/?:@&=+$,.!~*'()[]%".contains(&b)
}

impl<'a> Scanner<'a> {
    pub(super) fn anchor(&mut self, kind: Kind, column: usize) -> Result<(), YamlError> {
        self.save_key(column)?;
        self.key_allowed = false;
        self.cursor.pos += 1;
        let name = self.name();
        let ends = self.cursor.is_blank_or_end(0)
            || matches!(self.cursor.at(0), b'?' | b':' | b',' | b']' | b'}' | b'%' | b'@' | b'`');
        if name.is_empty() || !ends {
            return Err(self.cursor.error("an anchor or alias has a name of letters, digits, `-` and `_`"));
        }
        self.queue.push_back(Token::with(kind, self.cursor.line + 1, Payload::Name(name)));
        Ok(())
    }

    fn name(&mut self) -> &'a str {
        let start = self.cursor.pos;
        self.cursor.pos += self.cursor.rest().iter().take_while(|b| is_name(**b)).count();
        self.cursor.slice(start, self.cursor.pos)
    }

    pub(super) fn tag(&mut self, column: usize) -> Result<(), YamlError> {
        self.save_key(column)?;
        self.key_allowed = false;
        let pair = if self.cursor.at(1) == b'<' { self.verbatim_tag()? } else { self.short_tag()? };
        if !self.cursor.is_blank_or_end(0) {
            return Err(self.cursor.error("a tag is not followed by a space"));
        }
        self.queue.push_back(Token::with(Kind::Tag, self.cursor.line + 1, Payload::Pair(Box::new(pair))));
        Ok(())
    }

    /// `!<tag:yaml.org,2002:str>`
    fn verbatim_tag(&mut self) -> Result<(&'a str, Cow<'a, str>), YamlError> {
        self.cursor.pos += 2;
        let start = self.cursor.pos;
        let suffix = self.uri(start)?;
        if suffix.is_empty() {
            return Err(self.cursor.error(NO_URI));
        }
        if self.cursor.at(0) != b'>' {
            return Err(self.cursor.error("a tag has no closing `>`"));
        }
        self.cursor.pos += 1;
        Ok(("", suffix))
    }

    /// `!local`, `!!str`, `!handle!suffix` or `!`
    fn short_tag(&mut self) -> Result<(&'a str, Cow<'a, str>), YamlError> {
        let start = self.cursor.pos;
        self.cursor.pos += 1;
        self.name();
        if self.cursor.at(0) == b'!' {
            self.cursor.pos += 1;
            let (handle, from) = (self.cursor.slice(start, self.cursor.pos), self.cursor.pos);
            let suffix = self.uri(from)?;
            if suffix.is_empty() {
                return Err(self.cursor.error(NO_URI));
            }
            return Ok((handle, suffix));
        }
        let suffix = self.uri(start + 1)?;
        Ok(if suffix.is_empty() { ("", Cow::Borrowed("!")) } else { ("!", suffix) })
    }

    /// The characters of an address from `start` on, of which some may be read already.
    fn uri(&mut self, start: usize) -> Result<Cow<'a, str>, YamlError> {
        let mut decoded: Option<Vec<u8>> = None;
        while is_uri(self.cursor.at(0)) {
            if self.cursor.at(0) == b'%' {
                let before = self.cursor.slice(start, self.cursor.pos);
                let decoded = decoded.get_or_insert_with(|| before.as_bytes().to_vec());
                decoded.push(self.octet()?);
                self.cursor.pos += 3;
            } else {
                if let Some(decoded) = &mut decoded {
                    decoded.push(self.cursor.at(0));
                }
                self.cursor.pos += 1;
            }
        }
        match decoded {
            None => Ok(Cow::Borrowed(self.cursor.slice(start, self.cursor.pos))),
            Some(bytes) => String::from_utf8(bytes)
                .map(Cow::Owned)
                .map_err(|_| self.cursor.error("the escapes of a tag are not UTF-8")),
        }
    }

    fn octet(&self) -> Result<u8, YamlError> {
        let digit = |ahead| char::from(self.cursor.at(ahead)).to_digit(16);
        let octet = digit(1).zip(digit(2)).and_then(|(high, low)| u8::try_from(high << 4 | low).ok());
        octet.ok_or_else(|| self.cursor.error("a tag has `%` without two hexadecimal digits"))
    }

    pub(super) fn directive(&mut self) -> Result<(), YamlError> {
        self.unroll(0);
        self.drop_key()?;
        self.key_allowed = false;
        let line = self.cursor.line + 1;
        self.cursor.pos += 1;
        let name = self.name();
        if name.is_empty() || !self.cursor.is_blank_or_end(0) {
            return Err(self.cursor.error("a directive has no name"));
        }
        self.cursor.skip_blanks();
        let (kind, payload) = match name {
            "YAML" => (Kind::Version, self.version_directive()?),
            "TAG" => (Kind::TagDirective, self.tag_directive()?),
            _ => return Err(self.cursor.error("a directive that does not exist")),
        };
        self.queue.push_back(Token::with(kind, line, payload));
        self.end_directive()
    }

    fn end_directive(&mut self) -> Result<(), YamlError> {
        self.cursor.skip_blanks();
        if self.cursor.at(0) == b'#' {
            self.cursor.skip_to_break();
        }
        if !self.cursor.is_break_or_end(0) {
            return Err(self.cursor.error("a directive is followed by more than a comment"));
        }
        let length = self.cursor.break_len(0);
        if length > 0 {
            self.cursor.skip_break(length);
        }
        Ok(())
    }

    fn version_directive(&mut self) -> Result<Payload<'a>, YamlError> {
        let major = self.version_number()?;
        if self.cursor.at(0) != b'.' {
            return Err(self.cursor.error("a `%YAML` directive has no version"));
        }
        self.cursor.pos += 1;
        Ok(Payload::Version(major, self.version_number()?))
    }

    fn version_number(&mut self) -> Result<u8, YamlError> {
        let start = self.cursor.pos;
        self.cursor.pos += self.cursor.rest().iter().take_while(|b| b.is_ascii_digit()).count();
        let digits = self.cursor.slice(start, self.cursor.pos);
        let number = if digits.len() <= 2 { digits.parse().ok() } else { None };
        number.ok_or_else(|| self.cursor.error("a `%YAML` directive has no version of two short numbers"))
    }

    fn tag_directive(&mut self) -> Result<Payload<'a>, YamlError> {
        let start = self.cursor.pos;
        if self.cursor.at(0) != b'!' {
            return Err(self.cursor.error("the handle of a `%TAG` directive starts with `!`"));
        }
        self.cursor.pos += 1;
        self.name();
        if self.cursor.at(0) == b'!' {
            self.cursor.pos += 1;
        } else if self.cursor.pos > start + 1 {
            return Err(self.cursor.error("the handle of a `%TAG` directive ends with `!`"));
        }
        let handle = self.cursor.slice(start, self.cursor.pos);
        if !self.cursor.is_blank(0) {
            return Err(self.cursor.error("a `%TAG` directive has no prefix"));
        }
        self.cursor.skip_blanks();
        let from = self.cursor.pos;
        let prefix = self.uri(from)?;
        if prefix.is_empty() || !self.cursor.is_blank_or_end(0) {
            return Err(self.cursor.error("a `%TAG` directive has no prefix"));
        }
        Ok(Payload::Pair(Box::new((handle, prefix))))
    }
}
