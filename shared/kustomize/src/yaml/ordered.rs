//! YAML values whose fields keep their order, read and written as SOPS does it with go-yaml v3: styles are chosen anew,
//! everything is indented by four.

use super::parse::Parser;
use super::resolve::{Resolved, resolve_v3};
use super::write_v3::{self, Dress};
use super::{Budget, Version, YamlError, compose, emit};
use crate::Limits;
use crate::node::{Node, Scalar, Style, Tag};

/// A value whose maps keep the order of their fields.
#[derive(Debug, Clone, PartialEq)]
pub enum Ordered {
    /// Nothing.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// Any other number.
    Float(f64),
    /// A date or time in RFC 3339.
    Time(String),
    /// A text.
    Text(String),
    /// A list.
    List(Vec<Ordered>),
    /// A map.
    Map(Vec<(String, Ordered)>),
}

impl Ordered {
    /// The field of a map; of anything else, and where it is missing, `None`.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Ordered> {
        match self {
            Ordered::Map(fields) => fields.iter().find(|(key, _)| key == name).map(|(_, value)| value),
            _ => None,
        }
    }
}

/// A document and whether it has comments, which are not kept.
#[derive(Debug, Clone, PartialEq)]
pub struct OrderedDocument {
    /// What it holds.
    pub value: Ordered,
    /// Whether comments stood in the text.
    pub has_comments: bool,
}

/// The only document of `text`.
///
/// # Errors
/// Text that go-yaml refuses, several documents, duplicate keys, keys that are no texts, and more nodes than the
/// default [`Limits`] allow.
pub fn parse_ordered(text: &str) -> Result<OrderedDocument, YamlError> {
    let mut parser = Parser::new(text, Version::V3);
    let mut documents = 0;
    loop {
        match parser.next()? {
            super::parse::Event::DocumentStart => documents += 1,
            super::parse::Event::StreamEnd => break,
            _ => {}
        }
    }
    if documents > 1 {
        return Err(YamlError::beyond("more than one document in a file"));
    }
    let node = compose(text, Version::V3, &mut Budget::new(&Limits::default()))?;
    let value = node.map_or(Ok(Ordered::Null), |node| from_node(&node))?;
    Ok(OrderedDocument { value, has_comments: parser.has_comments() })
}

/// The text of a document that holds `value`.
#[must_use]
pub fn emit_ordered(value: &Ordered) -> String {
    write_v3::write_indented(&to_node(value), &Dress::default())
}

fn from_node(node: &Node) -> Result<Ordered, YamlError> {
    match node {
        Node::Scalar(scalar) => from_scalar(scalar),
        Node::Seq(items) => items.iter().map(from_node).collect::<Result<_, _>>().map(Ordered::List),
        Node::Map(fields) => from_fields(fields),
    }
}

fn from_fields(fields: &[(Scalar, Node)]) -> Result<Ordered, YamlError> {
    let mut seen = std::collections::HashSet::new();
    let mut ordered = Vec::with_capacity(fields.len());
    for (key, value) in fields {
        let Ordered::Text(name) = from_scalar(key)? else {
            return Err(YamlError::at(0, format!("the key `{}` is not a string", key.value)));
        };
        if !seen.insert(name.clone()) {
            return Err(YamlError::at(0, format!("the key `{name}` is already defined")));
        }
        ordered.push((name, from_node(value)?));
    }
    Ok(Ordered::Map(ordered))
}

fn from_scalar(scalar: &Scalar) -> Result<Ordered, YamlError> {
    let text = scalar.value.to_string();
    if scalar.tagged && !matches!(scalar.tag, Tag::Str) {
        return Err(YamlError::beyond("a tag in an encrypted file"));
    }
    if scalar.tag == Tag::Str || scalar.style != Style::Plain {
        return Ok(Ordered::Text(text));
    }
    Ok(match resolve_v3(&text) {
        Resolved::Null => Ordered::Null,
        Resolved::Bool(flag) => Ordered::Bool(flag),
        Resolved::Int(number) => Ordered::Int(number),
        Resolved::Uint(_) => return Err(YamlError::beyond("a number beyond 64 bits")),
        Resolved::Float(number) => Ordered::Float(number),
        Resolved::Timestamp(at) => Ordered::Time(at),
        Resolved::Str => Ordered::Text(text),
    })
}

fn to_node(value: &Ordered) -> Node {
    let plain = |text: String| Node::Scalar(Scalar::bare(text));
    match value {
        Ordered::Null => plain("null".to_owned()),
        Ordered::Bool(flag) => plain(flag.to_string()),
        Ordered::Int(number) => plain(number.to_string()),
        Ordered::Float(number) => plain(float(*number)),
        Ordered::Time(at) => plain(at.clone()),
        Ordered::Text(text) => Node::Scalar(text_scalar(text)),
        Ordered::List(items) => Node::Seq(items.iter().map(to_node).collect()),
        Ordered::Map(fields) => {
            Node::Map(fields.iter().map(|(key, value)| (text_scalar(key), to_node(value))).collect())
        }
    }
}

fn float(number: f64) -> String {
    match number {
        n if n.is_nan() => ".nan".to_owned(),
        n if n.is_infinite() => if n > 0.0 { ".inf" } else { "-.inf" }.to_owned(),
        n => super::go_float(n),
    }
}

/// go-yaml quotes what older readers take for something else, besides what it would read differently itself.
fn text_scalar(text: &str) -> Scalar {
    let style = if is_old_bool(text) || emit::is_base_60(text) { Style::Double } else { Style::Plain };
    Scalar { style, ..Scalar::string(text) }
}

fn is_old_bool(text: &str) -> bool {
    const WORDS: [&str; 18] = [
        "y", "Y", "yes", "Yes", "YES", "on", "On", "ON", "n", "N", "no", "No", "NO", "off", "Off", "OFF",
        "=", "<<",
    ];
    WORDS.contains(&text)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    fn check(text: &str, expected: &str) {
        assert_eq!(emit_ordered(&parse_ordered(text).unwrap().value), expected);
    }

    #[test]
    fn fields_keep_their_order_and_lists_are_indented() {
        check("b: 1\na: [x, {k: v, l: w}]\n", "b: 1\na:\n    - x\n    - k: v\n      l: w\n");
        check("a: [[x]]\nm: {k: {o: p}}\n", "a:\n    - - x\nm:\n    k:\n        o: p\n");
        check("e: {}\nl: []\nk: ~\nf: 1.50\n", "e: {}\nl: []\nk: null\nf: 1.5\n");
    }

    #[test]
    fn texts_are_quoted_as_go_yaml_quotes_them() {
        check(
            "a: 'yes'\nb: '1'\nc: ''\nd: \"x\\ny\\n\"\ne: 'true'\n",
            "a: \"yes\"\nb: \"1\"\nc: \"\"\nd: |\n    x\n    y\ne: \"true\"\n",
        );
        check("a: ['x: y', '- z']\nb: '#'\n", "a:\n    - 'x: y'\n    - '- z'\nb: '#'\n");
        check("a: [\"x\\ny\"]\n", "a:\n    - |-\n      x\n      y\n");
    }

    #[test]
    fn what_is_not_kept_is_said() {
        assert!(parse_ordered("a: 1 # c\n").unwrap().has_comments);
        assert!(!parse_ordered("a: '# c'\n").unwrap().has_comments);
        assert!(parse_ordered("a: 1\n---\nb: 2\n").unwrap_err().message.contains("more than one document"));
        assert!(parse_ordered("a: 1\na: 2\n").is_err() && parse_ordered("1: 2\n").is_err());
    }
}
