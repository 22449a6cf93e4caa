//! Nodes to JSON values and back, with what happens to types on the way.

use std::collections::HashSet;

use base64::Engine as _;
use serde_json::{Map, Number, Value};

use super::resolve::{Resolved, float_number, resolve_v2, resolve_v3};
use super::scan::{TAB, is_allowed};
use super::{YamlError, folded};
use crate::node::{Node, Scalar, Style, Tag};

/// The JSON value of a node after kustomize has written it as YAML and read it again.
///
/// # Errors
/// Duplicate keys, keys that are no strings, values without a JSON form, tags that do not fit.
pub(crate) fn node_to_json(node: &Node) -> Result<Value, YamlError> {
    match node {
        Node::Scalar(scalar) => scalar_to_json(scalar),
        Node::Seq(items) => items.iter().map(node_to_json).collect::<Result<_, _>>().map(Value::Array),
        Node::Map(fields) => fields_to_json(fields, key_to_string),
    }
}

/// The same of a whole object, whose own keys become strings whatever they are.
pub(crate) fn object_to_json(node: &Node) -> Result<Value, YamlError> {
    match node {
        Node::Map(fields) => fields_to_json(fields, object_key),
        _ => node_to_json(node),
    }
}

fn fields_to_json(
    fields: &[(Scalar, Node)],
    name_of: fn(&Scalar) -> Result<String, YamlError>,
) -> Result<Value, YamlError> {
    let mut map = Map::new();
    for (key, value) in fields {
        if map.insert(name_of(key)?, node_to_json(value)?).is_some() {
            return Err(YamlError::at(0, format!("the key `{}` is already defined", key.value)));
        }
    }
    Ok(Value::Object(map))
}

fn key_to_string(key: &Scalar) -> Result<String, YamlError> {
    let is_string = match key.tag {
        Tag::Str | Tag::Merge => true,
        Tag::None => key.style != Style::Plain || resolve_v3(&key.value) == Resolved::Str,
        // A key that is not there is written as an empty string.
        Tag::Null => !key.tagged && key.value.is_empty(),
        _ => false,
    };
    match scalar_to_json(key)? {
        Value::String(name) if is_string => Ok(name),
        Value::Null if is_string => Ok(String::new()),
        _ => Err(YamlError::at(0, format!("the key `{}` is not a string", key.value))),
    }
}

fn object_key(key: &Scalar) -> Result<String, YamlError> {
    if key.tagged {
        scalar_to_json(key)?;
    }
    match key.tag {
        Tag::Int | Tag::Float | Tag::Bool | Tag::Timestamp | Tag::Other => Ok(key.value.to_string()),
        _ => key_to_string(key),
    }
}

fn scalar_to_json(scalar: &Scalar) -> Result<Value, YamlError> {
    let text = scalar.value.as_str();
    if scalar.tag == Tag::Str || (scalar.tag == Tag::None && scalar.style != Style::Plain) {
        let block = match scalar.style {
            Style::Literal | Style::Folded => true,
            Style::Plain => text.contains('\n'),
            Style::Single | Style::Double => false,
        };
        if block && text.starts_with('\t') && folded::block_allowed(text) {
            return Err(YamlError::at(0, TAB));
        }
        if scalar.style == Style::Folded && text.contains(['\u{2028}', '\u{2029}']) {
            return Err(YamlError::at(0, "a folded text has a line break that is no line feed"));
        }
        return Ok(Value::String(match scalar.style {
            Style::Folded => folded::round_trip(text),
            _ => text.to_owned(),
        }));
    }
    if scalar.tag == Tag::Merge {
        return Ok(Value::String(text.to_owned()));
    }
    let resolved = resolve_v3(text);
    if scalar.tagged || (scalar.tag != Tag::None && resolved.tag() != scalar.tag) {
        return explicit(scalar, resolved, true);
    }
    // The tag is dropped as redundant; what is left is decided by the style.
    if scalar.style != Style::Plain || text.contains('\n') {
        return Ok(Value::String(text.to_owned()));
    }
    to_json(&resolved, text)
}

fn to_json(resolved: &Resolved, text: &str) -> Result<Value, YamlError> {
    resolved.to_json(text).ok_or_else(|| YamlError::at(0, format!("`{text}` has no JSON form")))
}

/// A scalar whose tag stands in the text.
fn explicit(scalar: &Scalar, resolved: Resolved, v3: bool) -> Result<Value, YamlError> {
    let text = scalar.value.as_str();
    match (&scalar.tag, &resolved) {
        (Tag::Str | Tag::Other, _) => Ok(Value::String(text.to_owned())),
        (Tag::Binary, _) => {
            let clean: String = text.chars().filter(|c| !matches!(c, '\r' | '\n')).collect();
            let bytes = base64::engine::general_purpose::STANDARD
                .decode(clean)
                .map_err(|_| YamlError::at(0, "a `!!binary` value is not base64"))?;
            let text =
                String::from_utf8(bytes).map_err(|_| YamlError::at(0, "a `!!binary` value is not text"))?;
            Ok(Value::String(text))
        }
        (Tag::Float, Resolved::Int(i)) => Ok(float_number(*i as f64).map_or(Value::Null, Value::Number)),
        (Tag::Timestamp, _) if !v3 => Ok(Value::String(text.to_owned())),
        (tag, resolved) if *tag == resolved.tag() => to_json(resolved, text),
        (tag, _) => Err(YamlError::at(0, format!("cannot decode `{text}` as {tag:?}"))),
    }
}

/// Refuses maps that have a key twice.
pub(super) fn refuse_duplicates(node: &Node) -> Result<(), YamlError> {
    match node {
        Node::Scalar(_) => Ok(()),
        Node::Seq(items) => items.iter().try_for_each(refuse_duplicates),
        Node::Map(fields) => {
            let mut seen = HashSet::new();
            fields.iter().try_for_each(|(key, value)| {
                if !seen.insert(&key.value) {
                    return Err(YamlError::at(
                        0,
                        format!("the key `{}` is already set in the map", key.value),
                    ));
                }
                refuse_duplicates(value)
            })
        }
    }
}

/// The JSON value of a node as `sigs.k8s.io/yaml` makes it.
pub(super) fn v2_to_json(node: &Node) -> Result<Value, YamlError> {
    match node {
        Node::Scalar(scalar) => v2_scalar(scalar),
        Node::Seq(items) => items.iter().map(v2_to_json).collect::<Result<_, _>>().map(Value::Array),
        Node::Map(fields) => {
            let mut map = Map::new();
            v2_fields(fields, &mut map)?;
            Ok(Value::Object(map))
        }
    }
}

fn v2_fields(fields: &[(Scalar, Node)], map: &mut Map<String, Value>) -> Result<(), YamlError> {
    for (key, value) in fields {
        if key.tag == Tag::Merge {
            match value {
                Node::Map(merged) => v2_fields(merged, map)?,
                Node::Seq(items) => {
                    for item in items.iter().rev() {
                        let Node::Map(merged) = item else {
                            return Err(YamlError::at(0, "map merge requires maps"));
                        };
                        v2_fields(merged, map)?;
                    }
                }
                Node::Scalar(_) => return Err(YamlError::at(0, "map merge requires maps")),
            }
            continue;
        }
        map.insert(v2_key(key)?, v2_to_json(value)?);
    }
    Ok(())
}

fn v2_key(key: &Scalar) -> Result<String, YamlError> {
    let is_float = match key.tag {
        Tag::Float => key.tagged || key.style == Style::Plain,
        _ => false,
    };
    if is_float && let Some(float) = v2_float(&key.value) {
        return Ok(super::emit::go_float_32(float));
    }
    match v2_scalar(key)? {
        Value::String(text) => Ok(text),
        Value::Bool(b) => Ok(b.to_string()),
        Value::Number(n) if n.is_i64() => Ok(n.to_string()),
        _ => Err(YamlError::at(0, format!("the key `{}` is not supported", key.value))),
    }
}

fn v2_float(text: &str) -> Option<f64> {
    match resolve_v2(text) {
        Resolved::Float(float) => Some(float),
        Resolved::Int(int) => Some(int as f64),
        _ => None,
    }
}

fn v2_scalar(scalar: &Scalar) -> Result<Value, YamlError> {
    if !scalar.tagged && (scalar.style != Style::Plain || scalar.tag == Tag::Merge) {
        return Ok(Value::String(scalar.value.to_string()));
    }
    let resolved = match resolve_v2(&scalar.value) {
        Resolved::Timestamp(_) => Resolved::Str,
        other => other,
    };
    if scalar.tagged { explicit(scalar, resolved, false) } else { to_json(&resolved, &scalar.value) }
}

/// A node of a JSON value as a JSON reader makes it: strings are quoted, numbers keep their text.
pub(crate) fn from_json(value: &Value) -> Node {
    convert(value, &|n| n.to_string(), &|_| Style::Double)
}

/// A node of a JSON value that Go decoded: every number is a float, and the value was written as YAML and read.
pub(crate) fn from_json_lossy(value: &Value) -> Node {
    let number = |n: &Number| n.as_f64().map_or_else(|| n.to_string(), super::emit::go_float);
    convert(value, &number, &|text| {
        if text.contains('\n') {
            Style::Literal
        } else if resolve_v3(text) == Resolved::Str && resolve_v2(text).tag() != Tag::Bool {
            Style::Plain
        } else {
            Style::Double
        }
    })
}

fn convert(value: &Value, number: &dyn Fn(&Number) -> String, style: &dyn Fn(&str) -> Style) -> Node {
    match value {
        Value::Null => Node::Scalar(Scalar::tagged("null", Tag::Null)),
        Value::Bool(b) => Node::Scalar(Scalar::tagged(b.to_string(), Tag::Bool)),
        Value::Number(n) => Node::Scalar(Scalar::parsed(number(n))),
        Value::String(text) => Node::Scalar(Scalar { style: style(text), ..Scalar::string(text.clone()) }),
        Value::Array(items) => Node::Seq(items.iter().map(|item| convert(item, number, style)).collect()),
        Value::Object(map) => Node::Map(
            map.iter()
                .map(|(key, value)| (Scalar::string(key.clone()), convert(value, number, style)))
                .collect(),
        ),
    }
}

/// About how many bytes of YAML a value comes to, at most: a short text in many lines far to the right is a long one.
pub(crate) fn printed_bytes(value: &Value) -> usize {
    const INDENT: usize = 2;
    let text = |text: &str, depth: usize| {
        // An escape takes ten bytes for four; a folded line is eighty bytes long.
        let breaks = text.bytes().filter(|b| *b == b'\n').count() + text.len() / 80 + 1;
        let escaped = text.bytes().filter(|b| !matches!(b, b' '..=b'~' | b'\n')).count();
        text.len() + escaped * 4 + breaks * depth * INDENT
    };
    let (mut bytes, mut stack) = (0_usize, vec![(value, 1)]);
    while let Some((value, depth)) = stack.pop() {
        bytes += depth * INDENT + 8;
        match value {
            Value::String(string) => bytes += text(string, depth),
            Value::Array(items) => stack.extend(items.iter().map(|item| (item, depth + 1))),
            Value::Object(map) => {
                bytes += map.keys().map(|key| text(key, depth)).sum::<usize>();
                stack.extend(map.values().map(|value| (value, depth + 1)));
            }
            _ => bytes += 16,
        }
    }
    bytes
}

/// Refuses text that kustomize cannot print: its last step reads JSON as YAML, which has no control characters.
pub(crate) fn check_emittable(value: &Value) -> Result<(), YamlError> {
    let check = |text: &str| match text.chars().find(|c| *c >= '\u{7f}' && !is_allowed(*c)) {
        None => Ok(()),
        Some(c) => Err(YamlError::at(0, format!("control character {:#06x} is not allowed", u32::from(c)))),
    };
    match value {
        Value::String(text) => check(text),
        Value::Array(items) => items.iter().try_for_each(check_emittable),
        Value::Object(map) => map.iter().try_for_each(|(key, value)| {
            check(key)?;
            check_emittable(value)
        }),
        _ => Ok(()),
    }
}
