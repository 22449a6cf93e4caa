//! What each form of substitution does with a value. Values are bytes: lengths and offsets count bytes.

use std::collections::BTreeSet;

use super::parse::{Call, Node, Operator};
use super::{Language, MAX_BYTES, MAX_STEPS, Strictness, SubstitutionError as E};
use crate::Variables;
use crate::glob::{self, Budget, decode};

/// The state of one substitution.
pub(super) struct Evaluator<'v> {
    variables: &'v Variables,
    language: Language,
    budget: Budget,
    /// What expansions of variables from Secrets came to, whatever was done to the value on the way.
    pub(super) secrets: BTreeSet<String>,
}

impl<'v> Evaluator<'v> {
    /// An evaluator with a fresh budget.
    pub(super) fn new(variables: &'v Variables, language: Language) -> Self {
        Self { variables, language, budget: Budget(MAX_STEPS), secrets: BTreeSet::new() }
    }

    /// The text that the nodes give, one after another.
    pub(super) fn run(&mut self, nodes: &[Node]) -> Result<Vec<u8>, E> {
        let mut out = Vec::new();
        for node in nodes {
            match node {
                Node::Text(text) => append(&mut out, text.as_bytes())?,
                Node::Call(call) => append(&mut out, &self.call(call)?)?,
            }
        }
        Ok(out)
    }

    /// Arguments first, even when the value makes them useless: that is where Flux fails in strict mode.
    fn call(&mut self, call: &Call) -> Result<Vec<u8>, E> {
        let out = self.expand(call)?;
        if self.variables.is_secret(&call.name) {
            self.secrets.insert(String::from_utf8_lossy(&out).into_owned());
        }
        Ok(out)
    }

    fn expand(&mut self, call: &Call) -> Result<Vec<u8>, E> {
        let arguments: Vec<Vec<u8>> = call
            .arguments
            .iter()
            .map(|node| self.run(std::slice::from_ref(node)))
            .collect::<Result<_, _>>()?;
        let value = match self.variables.get(&call.name) {
            Some(value) => value,
            None if self.language.strictness == Strictness::Lenient || call.operator == Operator::Default => {
                &[]
            }
            None => return Err(E::NotSet(call.name.clone())),
        };
        let argument = |i: usize| arguments.get(i).map(Vec::as_slice);
        let (first, second) = (argument(0).unwrap_or_default(), argument(1));
        let replacement = second.unwrap_or_default();
        match call.operator {
            Operator::Value => Ok(value.to_vec()),
            Operator::Length => Ok(value.len().to_string().into_bytes()),
            Operator::Default if value.is_empty() => concat(&arguments),
            Operator::Default => Ok(value.to_vec()),
            Operator::Substring => self.substring(value, first, second).ok_or(E::OutOfRange),
            Operator::UpperFirst => Ok(map_first(value, upper)),
            Operator::LowerFirst => Ok(map_first(value, lower)),
            Operator::Upper => Ok(map_all(value, upper)),
            Operator::Lower => Ok(map_all(value, lower)),
            Operator::TrimShortestPrefix => self.trim(&call.name, value, first, false),
            Operator::TrimLongestPrefix => self.trim(&call.name, value, first, true),
            Operator::TrimShortestSuffix => self.trim_suffix(&call.name, value, first, false),
            Operator::TrimLongestSuffix => self.trim_suffix(&call.name, value, first, true),
            Operator::ReplaceFirst => replace(value, first, replacement, 1),
            Operator::ReplaceAll => replace(value, first, replacement, usize::MAX),
            Operator::ReplacePrefix => match second {
                Some(new) if value.starts_with(first) => concat(&[new, &value[first.len()..]]),
                _ => Ok(value.to_vec()),
            },
            Operator::ReplaceSuffix => match second {
                Some(new) if value.ends_with(first) => concat(&[&value[..value.len() - first.len()], new]),
                _ => Ok(value.to_vec()),
            },
        }
    }

    /// `value[offset..][..length]`; a negative length is an error, or counts from the end.
    fn substring(&self, value: &[u8], offset: &[u8], length: Option<&[u8]>) -> Option<Vec<u8>> {
        let negative = length.and_then(integer).filter(|length| *length < 0);
        match (negative, integer(offset)) {
            (Some(length), Some(offset)) if self.language.counts_from_the_end => {
                Some(cut_from_the_end(value, offset, length))
            }
            _ => substring(value, offset, length),
        }
    }

    /// Cuts the longest or shortest beginning, but never an empty one, that the pattern matches. A bad pattern cuts
    /// nothing.
    fn trim(&mut self, name: &str, value: &[u8], pattern: &[u8], longest: bool) -> Result<Vec<u8>, E> {
        let mut cut = 0;
        for end in (1..=value.len()).rev() {
            let matched = glob::matches(pattern, &value[..end], &mut self.budget);
            match matched.ok_or_else(|| E::TooSlow(name.to_owned()))? {
                Err(glob::BadPattern) => return Ok(value.to_vec()),
                Ok(true) => cut = end,
                Ok(false) => {}
            }
            if longest && cut > 0 {
                break;
            }
        }
        Ok(value[cut..].to_vec())
    }

    /// The same from the end: value and pattern are turned around, brackets of the pattern too.
    fn trim_suffix(&mut self, name: &str, value: &[u8], pattern: &[u8], longest: bool) -> Result<Vec<u8>, E> {
        Ok(reverse(&self.trim(name, &reverse(value), &reverse(pattern), longest)?))
    }
}

fn append(out: &mut Vec<u8>, bytes: &[u8]) -> Result<(), E> {
    if out.len() + bytes.len() > MAX_BYTES {
        return Err(E::TooLarge(MAX_BYTES));
    }
    out.extend_from_slice(bytes);
    Ok(())
}

fn concat(parts: &[impl AsRef<[u8]>]) -> Result<Vec<u8>, E> {
    let mut out = Vec::new();
    parts.iter().try_for_each(|part| append(&mut out, part.as_ref()))?;
    Ok(out)
}

/// `value[offset..][..length]`; an offset or length that is no number leaves the value as it is. `None` when the
/// end is before the beginning.
fn substring(value: &[u8], offset: &[u8], length: Option<&[u8]>) -> Option<Vec<u8>> {
    let size = i64::try_from(value.len()).ok()?;
    let Some(offset) = integer(offset) else { return Some(value.to_vec()) };
    let start = if offset < 0 { size.saturating_add(offset).max(0) } else { offset };
    let end = match length.map(integer) {
        Some(None) => return Some(value.to_vec()),
        Some(Some(length)) => start.wrapping_add(length),
        None => size,
    };
    if end >= size {
        let start = usize::try_from(start.min(size)).ok()?;
        return Some(value[start..].to_vec());
    }
    let (start, end) = (usize::try_from(start).ok()?, usize::try_from(end).ok()?);
    value.get(start..end).map(<[u8]>::to_vec)
}

/// What is between `offset` and `length` bytes before the end; nothing when that is before the beginning.
fn cut_from_the_end(value: &[u8], offset: i64, length: i64) -> Vec<u8> {
    let size = i64::try_from(value.len()).unwrap_or(i64::MAX);
    let start = if offset < 0 { size.saturating_add(offset).max(0) } else { offset };
    let end = size.saturating_add(length);
    let range = usize::try_from(start).ok().zip(usize::try_from(end).ok());
    range.and_then(|(start, end)| value.get(start..end)).map(<[u8]>::to_vec).unwrap_or_default()
}

/// A decimal number of 64 bits with an optional sign.
fn integer(text: &[u8]) -> Option<i64> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// Replaces up to `times` occurrences; an empty one is before every character and at the end.
fn replace(value: &[u8], old: &[u8], new: &[u8], times: usize) -> Result<Vec<u8>, E> {
    let (mut out, mut rest, mut done) = (Vec::new(), value, 0);
    while done < times {
        if old.is_empty() {
            append(&mut out, new)?;
            let width = decode(rest).1;
            append(&mut out, &rest[..width])?;
            rest = &rest[width..];
            if width == 0 {
                break;
            }
        } else {
            let Some(found) = rest.windows(old.len()).position(|window| window == old) else { break };
            append(&mut out, &rest[..found])?;
            append(&mut out, new)?;
            rest = &rest[found + old.len()..];
        }
        done += 1;
    }
    append(&mut out, rest)?;
    Ok(out)
}

fn chars(mut bytes: &[u8]) -> impl Iterator<Item = char> {
    std::iter::from_fn(move || {
        let (c, width) = decode(bytes);
        bytes = &bytes[width..];
        (width > 0).then_some(c)
    })
}

fn reverse(bytes: &[u8]) -> Vec<u8> {
    let mut all: Vec<char> = chars(bytes).collect();
    all.reverse();
    all.into_iter().collect::<String>().into_bytes()
}

fn map_all(value: &[u8], map: fn(char) -> char) -> Vec<u8> {
    chars(value).map(map).collect::<String>().into_bytes()
}

fn map_first(value: &[u8], map: fn(char) -> char) -> Vec<u8> {
    let (c, width) = decode(value);
    if width == 0 {
        return Vec::new();
    }
    let mut out = map(c).to_string().into_bytes();
    out.extend_from_slice(&value[width..]);
    out
}

/// The upper case of one character as one character, as Go has it.
fn upper(c: char) -> char {
    // Greek letters with a subscript iota: their one-character upper case is the title case.
    let offset = match c {
        '\u{1F80}'..='\u{1F87}' | '\u{1F90}'..='\u{1F97}' | '\u{1FA0}'..='\u{1FA7}' => 8,
        '\u{1FB3}' | '\u{1FC3}' | '\u{1FF3}' => 9,
        _ => return single(c, c.to_uppercase()),
    };
    char::from_u32(c as u32 + offset).unwrap_or(c)
}

/// The lower case of one character as one character, as Go has it.
fn lower(c: char) -> char {
    if c == '\u{130}' { 'i' } else { single(c, c.to_lowercase()) }
}

fn single(c: char, mut mapped: impl Iterator<Item = char>) -> char {
    match (mapped.next(), mapped.next()) {
        (Some(one), None) => one,
        _ => c,
    }
}
