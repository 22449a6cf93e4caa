//! The grammar of substitution. A text is plain text and calls; a call has a name, an operator and arguments, and
//! an argument is plain text or a call again.

use regex::Regex;
use std::sync::LazyLock;

use super::{MAX_DEPTH, SubstitutionError as E};

/// What a text consists of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Node {
    /// Text to copy.
    Text(String),
    /// A `${...}`.
    Call(Call),
}

/// A `${...}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Call {
    /// The variable.
    pub(super) name: String,
    /// What to do with its value.
    pub(super) operator: Operator,
    /// With what.
    pub(super) arguments: Vec<Node>,
}

/// What a call does with the value of its variable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operator {
    /// `${v}`, and the case operators `,^` and `^,` that do nothing.
    Value,
    /// `${#v}`.
    Length,
    /// `${v:=d}`, `${v:-d}`, `${v:?d}`, `${v:+d}`, `${v=d}`: all the same.
    Default,
    /// `${v:n}`, `${v:n:len}`.
    Substring,
    /// `${v^}`.
    UpperFirst,
    /// `${v^^}`.
    Upper,
    /// `${v,}`.
    LowerFirst,
    /// `${v,,}`.
    Lower,
    /// `${v#p}`.
    TrimShortestPrefix,
    /// `${v##p}`.
    TrimLongestPrefix,
    /// `${v%p}`.
    TrimShortestSuffix,
    /// `${v%%p}`.
    TrimLongestSuffix,
    /// `${v/a/b}`.
    ReplaceFirst,
    /// `${v//a/b}`.
    ReplaceAll,
    /// `${v/#a/b}`.
    ReplacePrefix,
    /// `${v/%a/b}`.
    ReplaceSuffix,
}

/// Reads a text.
pub(super) fn parse(text: &str) -> Result<Vec<Node>, E> {
    // A NUL ends the text, as it does in Flux's scanner.
    let text = text.split('\0').next().unwrap_or_default();
    let mut parser = Parser { rest: text, depth: 0 };
    let mut nodes = Vec::new();
    while !parser.rest.is_empty() {
        nodes.push(if parser.eat("${") {
            parser.call()?
        } else {
            Node::Text(parser.text(|_| false, &["$$"]))
        });
    }
    Ok(nodes)
}

/// Escapes in the arguments of a replacement.
const REPLACE_ESCAPES: &[&str] = &["$$", "\\/", "\\\\"];

struct Parser<'t> {
    rest: &'t str,
    depth: usize,
}

impl<'t> Parser<'t> {
    fn peek(&self) -> Option<char> {
        self.rest.chars().next()
    }

    fn eat(&mut self, token: &str) -> bool {
        let rest = self.rest.strip_prefix(token);
        rest.inspect(|rest| self.rest = rest).is_some()
    }

    /// Text up to a character that `ends` it, a call, or the end. An escape stands for its second character.
    fn text(&mut self, ends: impl Fn(char) -> bool, escapes: &[&str]) -> String {
        let mut text = String::new();
        while let Some(c) = self.peek() {
            if self.rest.starts_with("${") {
                break;
            }
            let escaped = escapes.iter().find_map(|e| self.rest.strip_prefix(e).map(|_| &e[1..]));
            match escaped {
                Some(escaped) => {
                    text.push_str(escaped);
                    self.rest = &self.rest[1 + escaped.len()..];
                }
                None if ends(c) => break,
                None => {
                    text.push(c);
                    self.rest = &self.rest[c.len_utf8()..];
                }
            }
        }
        text
    }

    /// One argument: a call, or text that is not empty.
    fn argument(&mut self, ends: impl Fn(char) -> bool, escapes: &[&str]) -> Result<Node, E> {
        if self.eat("${") {
            return self.call();
        }
        let before = self.rest.len();
        let text = self.text(ends, escapes);
        if self.rest.len() == before { Err(E::Argument) } else { Ok(Node::Text(text)) }
    }

    /// A call whose `${` is already read.
    fn call(&mut self) -> Result<Node, E> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(E::TooDeep(MAX_DEPTH));
        }
        let call = if self.eat("#") { self.length() } else { self.named() };
        self.depth -= 1;
        call.map(Node::Call)
    }

    fn length(&mut self) -> Result<Call, E> {
        let name = self.name().ok_or(E::BadSubstitution)?;
        self.close(name, Operator::Length, Vec::new())
    }

    fn named(&mut self) -> Result<Call, E> {
        let name = self.name().ok_or(E::VariableName)?;
        match self.peek() {
            Some(':') => self.default_or_substring(name),
            Some('=') => {
                self.eat("=");
                self.default(name)
            }
            Some(',' | '^') => self.case(name),
            Some('/') => self.replace(name),
            Some('#') => self.trim(name, "#", Operator::TrimShortestPrefix, Operator::TrimLongestPrefix),
            Some('%') => self.trim(name, "%", Operator::TrimShortestSuffix, Operator::TrimLongestSuffix),
            _ => self.close(name, Operator::Value, Vec::new()).map_err(|_| E::MissingClosingBrace),
        }
    }

    /// Letters, digits and `_`, in any order.
    fn name(&mut self) -> Option<String> {
        static NAME: LazyLock<Regex> =
            LazyLock::new(|| Regex::new(r"^[\p{L}\p{Nd}_]+").expect("the pattern is a constant"));
        let name = NAME.find(self.rest)?.as_str();
        self.rest = &self.rest[name.len()..];
        Some(name.to_owned())
    }

    fn close(&mut self, name: String, operator: Operator, arguments: Vec<Node>) -> Result<Call, E> {
        if self.eat("}") { Ok(Call { name, operator, arguments }) } else { Err(E::BadSubstitution) }
    }

    fn default_or_substring(&mut self, name: String) -> Result<Call, E> {
        self.eat(":");
        match self.peek() {
            Some('=' | '-' | '?' | '+') => {
                self.rest = &self.rest[1..];
                self.default(name)
            }
            // Flux's scanner loses its place before the end and before a character of several bytes.
            None => Err(E::BadSubstitution),
            Some(c) if c.len_utf8() > 1 => Err(E::BadSubstitution),
            Some(_) => self.substring(name),
        }
    }

    fn default(&mut self, name: String) -> Result<Call, E> {
        let mut arguments = Vec::new();
        while self.peek() != Some('}') {
            arguments.push(self.argument(|c| c == '}', &[])?);
        }
        self.close(name, Operator::Default, arguments)
    }

    fn substring(&mut self, name: String) -> Result<Call, E> {
        let mut arguments = vec![self.argument(|c| c == ':' || c == '}', &[])?];
        if self.peek() == Some(':') {
            self.rest = self.rest.trim_start_matches(':');
            arguments.push(self.argument(|c| c == '}', &[])?);
        }
        self.close(name, Operator::Substring, arguments)
    }

    fn case(&mut self, name: String) -> Result<Call, E> {
        let width = self.rest.chars().take(2).take_while(|c| matches!(c, ',' | '^')).count();
        let (operator, rest) = self.rest.split_at(width);
        self.rest = rest;
        let operator = match operator {
            "," => Operator::LowerFirst,
            ",," => Operator::Lower,
            "^" => Operator::UpperFirst,
            "^^" => Operator::Upper,
            _ => Operator::Value,
        };
        self.close(name, operator, Vec::new())
    }

    fn trim(&mut self, name: String, sign: &str, shortest: Operator, longest: Operator) -> Result<Call, E> {
        self.eat(sign);
        let operator = if self.eat(sign) { longest } else { shortest };
        let pattern = self.argument(|c| c == '}', &[])?;
        self.close(name, operator, vec![pattern])
    }

    fn replace(&mut self, name: String) -> Result<Call, E> {
        self.eat("/");
        let operators =
            [("/", Operator::ReplaceAll), ("#", Operator::ReplacePrefix), ("%", Operator::ReplaceSuffix)];
        let operator = operators.into_iter().find(|(sign, _)| self.eat(sign));
        let operator = operator.map_or(Operator::ReplaceFirst, |(_, operator)| operator);
        let mut arguments = vec![self.argument(|c| c == '/', REPLACE_ESCAPES)?];
        if self.peek() != Some('/') {
            return Err(E::BadSubstitution);
        }
        self.rest = self.rest.trim_start_matches('/');
        if self.peek() != Some('}') {
            arguments.push(self.argument(|c| c == '}', REPLACE_ESCAPES)?);
        }
        self.close(name, operator, arguments)
    }
}
