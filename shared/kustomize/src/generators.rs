//! ConfigMaps and Secrets made from literals, files and env files, and the hash of their content.

use std::collections::BTreeMap;

use base64::Engine as _;
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::Error;
use crate::loader::Loader;
use crate::node::{Node, Scalar, Style, Tag};
use crate::resource::{Behavior, Resource};
use crate::types::Generator;
use crate::yaml::go_json;
use crate::yaml::node_to_json;
use crate::yaml::resolve::float_number;

/// Longest line of an env file; Go's scanner stops there without an error.
const LONGEST_ENV_LINE: usize = 65_536;

/// What a key with its value counts for, in nodes of YAML.
const PAIR_NODES: usize = 10;

/// Makes the object of one generator of the kustomization in `dir`.
pub(crate) fn generate(
    loader: &mut Loader<'_>,
    dir: &str,
    generator: &Generator,
    kind: &str,
) -> Result<Resource, Error> {
    if generator.name.is_empty() {
        return Err(Error::invalid("a generator must have a name").in_field("name"));
    }
    let data = pairs(loader, dir, generator)?;
    let mut node = Node::Map(Vec::new());
    node.set("apiVersion", Scalar::parsed("v1"));
    node.set("kind", Scalar::parsed(kind));
    if kind == "Secret" {
        let secret_type = if generator.secret_type.is_empty() { "Opaque" } else { &generator.secret_type };
        node.set("type", Scalar::string(secret_type));
        let encoded = data.into_iter().map(|(key, value)| (key, base64_lines(&value)));
        set_data(&mut node, "data", encoded.collect());
        // A Secret has `data` even when nothing is in it.
        node.get_or_create("data", Node::Map(Vec::new()));
    } else {
        let mut fields: BTreeMap<&str, Vec<(String, String)>> = BTreeMap::new();
        for (key, value) in data {
            let (field, text) = match String::from_utf8(value) {
                Ok(text) => ("data", text),
                Err(error) => ("binaryData", base64_lines(error.as_bytes())),
            };
            fields.entry(field).or_default().push((key, text));
        }
        for (field, pairs) in fields {
            set_data(&mut node, field, pairs);
        }
    }
    let mut resource = Resource::new(node);
    resource.set_name(&generator.name);
    if !generator.namespace.is_empty() {
        resource.set_namespace(&generator.namespace);
    }
    let options = &generator.options;
    let pairs = |map: &BTreeMap<String, String>| map.clone().into_iter().collect::<Vec<_>>();
    resource.set_string_map("labels", pairs(&options.labels));
    resource.set_string_map("annotations", pairs(&options.annotations));
    if options.immutable {
        resource.node.set("immutable", Scalar::tagged("true", Tag::Bool));
    }
    resource.generated = true;
    resource.needs_hash = !options.disable_hash;
    resource.behavior = match generator.behavior.as_str() {
        "merge" => Behavior::Merge,
        "replace" => Behavior::Replace,
        _ => Behavior::Create,
    };
    Ok(resource)
}

/// Writes a field of string data anew; nothing leaves no field.
pub(crate) fn set_data(node: &mut Node, field: &str, mut pairs: Vec<(String, String)>) {
    node.remove(field);
    if pairs.is_empty() {
        return;
    }
    pairs.sort();
    let value = |text: String| {
        let style = if text.contains('\n') { Style::Literal } else { Style::Plain };
        Node::Scalar(Scalar { style, ..Scalar::string(text) })
    };
    let fields = pairs.into_iter().map(|(key, text)| (Scalar::bare(key), value(text))).collect();
    node.get_or_create(field, Node::Map(fields));
}

/// Keys and values of all sources: env files, then literals, then files.
fn pairs(loader: &mut Loader<'_>, dir: &str, generator: &Generator) -> Result<Vec<(String, Vec<u8>)>, Error> {
    let mut pairs: Vec<(String, Vec<u8>)> = Vec::new();
    for path in &generator.envs {
        let (path, bytes) = loader.load(dir, path).map_err(|e| e.in_field("envs"))?;
        env_lines(&bytes, &mut pairs).map_err(|e| e.in_file(&path))?;
    }
    for literal in &generator.literals {
        pairs.push(parse_literal(literal).map_err(|e| e.in_field("literals"))?);
    }
    for source in &generator.files {
        let (key, path) = parse_file_source(source).map_err(|e| e.in_field("files"))?;
        let (_, bytes) = loader.load(dir, path).map_err(|e| e.in_field("files"))?;
        pairs.push((key.to_owned(), bytes.to_vec()));
    }
    loader.budget.spend(pairs.len() * PAIR_NODES)?;
    let mut seen = std::collections::HashSet::new();
    match pairs.iter().find(|(key, _)| !seen.insert(key.as_str())) {
        None => Ok(pairs),
        Some((key, _)) => {
            Err(Error::invalid(format!("`{}` illegally repeats the key `{key}`", generator.name)))
        }
    }
}

fn parse_literal(literal: &str) -> Result<(String, Vec<u8>), Error> {
    let (key, value) = literal
        .split_once('=')
        .filter(|(key, _)| !key.is_empty())
        .ok_or_else(|| Error::invalid(format!("invalid literal source `{literal}`, expected key=value")))?;
    let bare = ['"', '\''].iter().find_map(|q| value.strip_prefix(*q)?.strip_suffix(*q)).unwrap_or(value);
    Ok((key.to_owned(), bare.as_bytes().to_vec()))
}

fn parse_file_source(source: &str) -> Result<(&str, &str), Error> {
    match source.split_once('=') {
        None => Ok((source.trim_end_matches('/').rsplit('/').next().unwrap_or(source), source)),
        Some((_, path)) if path.contains('=') => {
            Err(Error::invalid(format!("`{source}`: a key name or file path contains `=`")))
        }
        Some(("", _) | (_, "")) => {
            Err(Error::invalid(format!("`{source}`: a key name or file path is missing")))
        }
        Some(pair) => Ok(pair),
    }
}

fn env_lines(bytes: &[u8], pairs: &mut Vec<(String, Vec<u8>)>) -> Result<(), Error> {
    for (number, line) in bytes.split_inclusive(|b| *b == b'\n').enumerate() {
        let complete = line.ends_with(b"\n");
        if line.len() > LONGEST_ENV_LINE || (!complete && line.len() >= LONGEST_ENV_LINE) {
            return Ok(());
        }
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let line = std::str::from_utf8(line)
            .map_err(|_| Error::invalid(format!("line {} has invalid utf8 bytes", number + 1)))?;
        let line = if number == 0 { line.strip_prefix('\u{feff}').unwrap_or(line) } else { line };
        let line = line.trim_start();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let (key, value) = line.split_once('=').unwrap_or((line, ""));
        if !key.is_empty() {
            pairs.push((key.to_owned(), value.as_bytes().to_vec()));
        }
    }
    Ok(())
}

/// Base64, in lines of 70 once it is longer than that, as go-yaml folds it.
pub(crate) fn base64_lines(bytes: &[u8]) -> String {
    const LINE: usize = 70;
    let encoded = base64::engine::general_purpose::STANDARD.encode(bytes);
    if encoded.len() < LINE {
        return encoded;
    }
    let mut out = String::with_capacity(encoded.len() + encoded.len() / LINE + 1);
    for (at, c) in encoded.chars().enumerate() {
        if at > 0 && at % LINE == 0 {
            out.push('\n');
        }
        out.push(c);
    }
    out.push('\n');
    out
}

/// The suffix that a generated object's name gets.
pub(crate) fn content_hash(node: &Node) -> Result<String, Error> {
    let value = |field: &str| -> Result<Value, Error> {
        match node.get(field) {
            None => Ok(Value::String(String::new())),
            Some(Node::Scalar(scalar)) => Ok(Value::String(scalar.value.to_string())),
            Some(Node::Seq(_)) => Ok(Value::Null),
            Some(node) => Ok(as_floats(node_to_json(node)?)),
        }
    };
    let kind = node.get("kind").map_or("", Node::text);
    let (fields, optional): (&[&str], _) = match kind {
        "ConfigMap" => (&["data"], "binaryData"),
        "Secret" => (&["type", "data"], "stringData"),
        _ => return Err(Error::unsupported(format!("hash of a `{kind}`"))),
    };
    let mut map = serde_json::Map::new();
    // kustomize looks for the name where it never is, so it does not count.
    map.insert("name".to_owned(), Value::String(String::new()));
    map.insert("kind".to_owned(), Value::String(kind.to_owned()));
    for field in fields {
        map.insert((*field).to_owned(), value(field)?);
    }
    if let object @ (Value::Object(_) | Value::Null) = value(optional)? {
        map.insert(optional.to_owned(), object);
    }
    let digest = Sha256::digest(go_json(&Value::Object(map)).as_bytes());
    let digest = hex::encode(digest);
    let letters = digest.chars().take(10).map(|c| match c {
        '0' => 'g',
        '1' => 'h',
        '3' => 'k',
        'a' => 'm',
        'e' => 't',
        c => c,
    });
    Ok(letters.collect())
}

/// Go reads all numbers as floats, which changes those that are too long.
fn as_floats(value: Value) -> Value {
    match value {
        Value::Number(number) => {
            let exact = number.as_i64().is_some_and(|n| n.unsigned_abs() < 1 << 53);
            let float = number.as_f64().filter(|_| !exact).and_then(float_number);
            Value::Number(float.unwrap_or(number))
        }
        Value::Array(items) => items.into_iter().map(as_floats).collect(),
        Value::Object(map) => map.into_iter().map(|(key, value)| (key, as_floats(value))).collect(),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    #[test]
    fn sources_are_split_as_kustomize_splits_them() {
        let literal = |s: &str| parse_literal(s).map(|(k, v)| (k, String::from_utf8(v).unwrap()));
        assert_eq!(literal("a=b=c").unwrap(), ("a".into(), "b=c".into()));
        assert_eq!(literal("a='x'").unwrap(), ("a".into(), "x".into()));
        assert_eq!(literal("a=\"").unwrap(), ("a".into(), "\"".into()));
        assert!(literal("=a").is_err() && literal("a").is_err());
        assert_eq!(parse_file_source("d/f.txt").unwrap(), ("f.txt", "d/f.txt"));
        assert_eq!(parse_file_source("k=d/f").unwrap(), ("k", "d/f"));
        assert!(parse_file_source("k=").is_err() && parse_file_source("a=b=c").is_err());
        let mut pairs = Vec::new();
        env_lines("\u{feff}A=1\r\n# c\n\n  B\n=x\nC= y ".as_bytes(), &mut pairs).unwrap();
        let expected = [("A", "1"), ("B", ""), ("C", " y ")];
        assert_eq!(pairs, expected.map(|(k, v)| (k.to_owned(), v.as_bytes().to_vec())));
    }

    #[test]
    fn long_base64_is_folded() {
        assert_eq!(base64_lines(b"hello"), "aGVsbG8=");
        let long = base64_lines(&[b'x'; 60]);
        assert_eq!(long.lines().map(str::len).collect::<Vec<_>>(), [70, 10]);
        assert!(long.ends_with('\n'));
    }
}
