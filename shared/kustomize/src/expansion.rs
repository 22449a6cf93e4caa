//! `$(NAME)` in texts: what is a reference, what a value becomes in its place. `$$` is a dollar sign.

use std::collections::HashMap;

use crate::node::{Node, Scalar, Style, Tag};

/// The value of a var.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    Text(String),
    Int(i64),
    Float(f64),
    Bool(bool),
    /// A map or a list, which no text can hold: references to it stay.
    Collection,
}

impl Value {
    /// Reads the value of a field; `None` for a number that Go's `strconv` does not read.
    pub(crate) fn of(node: &Node) -> Option<Value> {
        let Node::Scalar(scalar) = node else { return Some(Value::Collection) };
        let text = scalar.value.as_str();
        Some(match scalar.tag {
            Tag::Int => Value::Int(text.parse().ok()?),
            Tag::Float => Value::Float(float(text)?),
            Tag::Bool => Value::Bool(matches!(text, "1" | "t" | "T" | "true" | "TRUE" | "True")),
            _ => Value::Text(text.to_owned()),
        })
    }

    fn push_to(&self, out: &mut Vec<u8>) {
        match self {
            Value::Text(text) => out.extend_from_slice(text.as_bytes()),
            Value::Int(number) => out.extend_from_slice(number.to_string().as_bytes()),
            Value::Float(number) => out.extend_from_slice(general(*number).as_bytes()),
            Value::Bool(flag) => out.extend_from_slice(flag.to_string().as_bytes()),
            Value::Collection => {}
        }
    }

    /// The scalar that stands where a reference was all of the text.
    fn scalar(&self) -> Option<Scalar> {
        Some(match self {
            Value::Text(text) => Scalar::string(text.as_str()),
            Value::Int(number) => Scalar::tagged(number.to_string(), Tag::Int),
            Value::Float(number) => Scalar::tagged(number.to_string(), Tag::Float),
            Value::Bool(flag) => Scalar::tagged(flag.to_string(), Tag::Bool),
            Value::Collection => return None,
        })
    }
}

/// A decimal with underscores between digits.
fn float(text: &str) -> Option<f64> {
    let bytes = text.as_bytes();
    let digit = |at: Option<usize>| at.and_then(|at| bytes.get(at)).is_some_and(u8::is_ascii_digit);
    let misplaced =
        |at: usize| bytes.get(at) == Some(&b'_') && !(digit(at.checked_sub(1)) && digit(Some(at + 1)));
    let number = bytes.iter().all(|b| b.is_ascii_digit() || b"+-._eE".contains(b));
    if !number || (0..bytes.len()).any(misplaced) {
        return None;
    }
    text.replace('_', "").parse().ok().filter(|number: &f64| number.is_finite())
}

/// A float as Go's `%v` writes it.
fn general(number: f64) -> String {
    let scientific = format!("{number:e}");
    let Some((mantissa, exponent)) = scientific.split_once('e') else { return scientific };
    match exponent.parse::<i32>() {
        Ok(exponent) if !(-4..6).contains(&exponent) => {
            let sign = if exponent < 0 { '-' } else { '+' };
            format!("{mantissa}e{sign}{:02}", exponent.abs())
        }
        _ => number.to_string(),
    }
}

/// The values by name, how often each was used, and how many bytes may still be written.
pub(crate) struct Expander<'a> {
    values: HashMap<&'a str, (Value, usize)>,
    left: usize,
}

/// The bytes that may be written are used up.
pub(crate) struct Exhausted;

impl<'a> Expander<'a> {
    pub(crate) fn new(values: impl Iterator<Item = (&'a str, Value)>, bytes: usize) -> Self {
        Expander { values: values.map(|(name, value)| (name, (value, 0))).collect(), left: bytes }
    }

    /// Whether a var was put anywhere.
    pub(crate) fn is_used(&self, name: &str) -> bool {
        self.values.get(name).is_some_and(|(_, used)| *used > 0)
    }

    /// Expands the references in a string; whatever is in it, it is written anew.
    pub(crate) fn expand(&mut self, scalar: &mut Scalar) -> Result<(), Exhausted> {
        let new = match self.whole(&scalar.value) {
            Some(new) => new,
            None => match String::from_utf8(self.replaced(scalar.value.as_bytes())?) {
                Ok(text) => Scalar::string(text),
                // A dollar sign before a letter beyond ASCII tears it apart, and go-yaml encodes what is left.
                Err(error) => Scalar::string(crate::generators::base64_lines(error.as_bytes())),
            },
        };
        self.left = self.left.checked_sub(new.value.len()).ok_or(Exhausted)?;
        *scalar = Scalar { style: Style::Plain, share: scalar.share.written(), ..new };
        Ok(())
    }

    /// The value of a text that is one reference.
    fn whole(&mut self, text: &str) -> Option<Scalar> {
        let name = text.strip_prefix("$(")?.strip_suffix(')').filter(|name| !name.contains(')'))?;
        let (value, used) = self.values.get_mut(name)?;
        let scalar = value.scalar()?;
        *used += 1;
        Some(scalar)
    }

    fn replaced(&mut self, text: &[u8]) -> Result<Vec<u8>, Exhausted> {
        let mut out = Vec::with_capacity(text.len());
        let last_closer = text.iter().rposition(|b| *b == b')');
        let mut rest = text;
        while let Some(at) = rest.iter().position(|b| *b == b'$') {
            let (before, from) = rest.split_at(at);
            out.extend_from_slice(before);
            let [_, next, ..] = from else {
                rest = from;
                break;
            };
            let here = text.len() - from.len();
            let closed = *next == b'(' && last_closer.is_some_and(|last| last > here);
            let end = if closed { from.iter().position(|b| *b == b')') } else { None };
            rest = match end {
                Some(end) => {
                    let (reference, rest) = from.split_at(end + 1);
                    self.push_reference(reference, &mut out)?;
                    rest
                }
                None => {
                    push_plain(*next, &mut out);
                    from.get(2..).unwrap_or_default()
                }
            };
        }
        out.extend_from_slice(rest);
        Ok(out)
    }

    /// Writes the value of `$(name)`, or the reference itself when there is none.
    fn push_reference(&mut self, reference: &[u8], out: &mut Vec<u8>) -> Result<(), Exhausted> {
        let name = reference.get(2..reference.len() - 1).and_then(|name| std::str::from_utf8(name).ok());
        match name.and_then(|name| self.values.get_mut(name)) {
            Some((value, used)) if *value != Value::Collection => {
                *used += 1;
                value.push_to(out);
            }
            _ => out.extend_from_slice(reference),
        }
        if out.len() > self.left { Err(Exhausted) } else { Ok(()) }
    }
}

/// Writes a dollar sign and what follows it, which is no reference; of two dollar signs, one.
fn push_plain(next: u8, out: &mut Vec<u8>) {
    out.push(b'$');
    if next != b'$' {
        out.extend_from_slice(char::from(next).encode_utf8(&mut [0; 4]).as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expander() -> Expander<'static> {
        let values = [
            ("A", Value::Text("a".into())),
            ("R", Value::Text("$(A)".into())),
            ("I", Value::Int(5)),
            ("F", Value::Float(1e21)),
            ("B", Value::Bool(true)),
            ("M", Value::Collection),
            ("", Value::Text("none".into())),
        ];
        Expander::new(values.into_iter(), 1000)
    }

    #[test]
    fn references_are_told_from_dollar_signs() {
        let check = |text: &str, expected: &str| {
            let mut scalar = Scalar::string(text);
            assert!(expander().expand(&mut scalar).is_ok());
            assert_eq!((scalar.value.as_str(), scalar.tag), (expected, Tag::Str), "{text}");
        };
        check("$(A)", "a");
        check("$(A)-$(A)$", "a-a$");
        check("$$(A) $$$(A) $$$$", "$(A) $a $$");
        check("$(X) $(R) $(M) $()", "$(X) $(A) $(M) none");
        check("$(X$(A)) $(A", "$(X$(A)) $(A");
        check("$($($(", "$($($(");
        check("$A ${A} \\$(A)", "$A ${A} \\a");
        check("-$(I)$(B)$(F)", "-5true1e+21");
        check("$é", "JMOpqQ==".replace("JMOpqQ==", "JMODqQ==").as_str());
    }

    #[test]
    fn a_whole_value_keeps_its_type() {
        let check = |text: &str, expected: &str, tag: Tag| {
            let mut scalar = Scalar::string(text);
            assert!(expander().expand(&mut scalar).is_ok());
            assert_eq!((scalar.value.as_str(), scalar.tag), (expected, tag), "{text}");
        };
        check("$(I)", "5", Tag::Int);
        check("$(B)", "true", Tag::Bool);
        check("$(F)", "1000000000000000000000", Tag::Float);
        check("$(M)", "$(M)", Tag::Str);
    }

    #[test]
    fn numbers_are_read_and_written_as_go_does() {
        let check = |text: &str, expected: Option<f64>| assert_eq!(float(text), expected, "{text}");
        check("1_000.5", Some(1000.5));
        check(".5", Some(0.5));
        check("5.", Some(5.0));
        check("1_.5", None);
        check(".inf", None);
        check("1e400", None);
        assert_eq!(general(1_000_000.0), "1e+06");
        assert_eq!(general(123_456.5), "123456.5");
        assert_eq!(general(0.0001), "0.0001");
        assert_eq!(general(0.00001), "1e-05");
    }

    #[test]
    fn what_is_written_is_bounded() {
        let mut expander = Expander::new([("A", Value::Text("x".repeat(100)))].into_iter(), 250);
        assert!(expander.expand(&mut Scalar::string("$(A)$(A)")).is_ok());
        assert!(expander.expand(&mut Scalar::string("$(A)")).is_err());
    }
}
