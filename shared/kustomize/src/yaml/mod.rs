//! YAML as kustomize and Flux read and write it: two resolvers of scalars and one emitter.
//!
//! Resources and strategic merge patches are read by go-yaml v3, everything that passes through
//! `sigs.k8s.io/yaml` by go-yaml v2, which also writes all output.

pub(crate) mod compose;
mod document;
mod documents;
mod emit;
mod folded;
mod go_json;
mod json;
mod next_line;
mod ordered;
mod parse;
pub(crate) mod resolve;
mod scan;
mod write_v3;

use serde_json::Value;

pub use emit::emit;
pub(crate) use emit::go_float;
pub use ordered::{Ordered, OrderedDocument, emit_ordered, parse_ordered};

pub(crate) use compose::{Budget, Version, compose};
pub(crate) use document::Document;
pub(crate) use documents::documents;
pub use go_json::go_json;
pub(crate) use go_json::go_json_indented;
pub(crate) use json::{
    check_emittable, from_json, from_json_lossy, node_to_json, object_to_json, printed_bytes,
};
pub(crate) use next_line::fold as fold_next_lines;
pub(crate) use write_v3::scalar_text;

use crate::{ErrorKind, Limits};

/// Why a text is not YAML that kustomize accepts.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {message}")]
pub struct YamlError {
    /// The line, from 1; 0 when unknown.
    pub line: usize,
    /// What is wrong there.
    pub message: String,
    /// The bound that was reached, when that is the reason.
    limit: Option<(&'static str, usize)>,
    /// What is right and not supported here, when that is the reason.
    beyond: Option<&'static str>,
}

impl YamlError {
    pub(crate) fn at(line: usize, message: impl Into<String>) -> Self {
        YamlError { line, message: message.into(), limit: None, beyond: None }
    }

    pub(crate) fn limit(limit: &'static str, value: usize) -> Self {
        let message = format!("the limit of {value} {limit} is reached");
        YamlError { limit: Some((limit, value)), ..YamlError::at(0, message) }
    }

    /// What kustomize takes and this crate does not.
    pub(crate) fn beyond(what: &'static str) -> Self {
        YamlError { beyond: Some(what), ..YamlError::at(0, format!("{what} is not supported")) }
    }
}

impl From<YamlError> for ErrorKind {
    fn from(error: YamlError) -> Self {
        match (error.limit, error.beyond) {
            (Some((limit, value)), _) => ErrorKind::Limit { limit, value },
            (None, Some(what)) => ErrorKind::Unsupported { field: what.to_owned() },
            (None, None) => ErrorKind::Yaml { line: error.line, message: error.message },
        }
    }
}

impl From<YamlError> for crate::Error {
    fn from(error: YamlError) -> Self {
        crate::Error::new(error.into())
    }
}

/// The documents of `text` as kustomize reads resources (go-yaml v3). Empty documents are dropped.
///
/// Lists are not expanded and nothing is asked of the objects; [`crate::build`] does both.
///
/// # Errors
/// Text that go-yaml refuses, duplicate or non-string keys, and more nodes than `limits` allow.
pub fn parse_documents_v3(text: &str, limits: &Limits) -> Result<Vec<Value>, YamlError> {
    let mut budget = Budget::new(limits);
    documents(text, &mut budget)?.iter().map(json::object_to_json).collect()
}

/// The first document of `text` as `sigs.k8s.io/yaml` reads it (go-yaml v2, YAML 1.1); `null` for an empty text.
///
/// The last of duplicate keys wins; keys become strings.
///
/// # Errors
/// Text that go-yaml refuses, values without a JSON form, and more nodes than the default [`Limits`] allow.
pub fn parse_v2(text: &str) -> Result<Value, YamlError> {
    parse_v2_within(text, &mut Budget::new(&Limits::default()))
}

/// [`parse_v2`] on a build's budget.
pub(crate) fn parse_v2_within(text: &str, budget: &mut Budget) -> Result<Value, YamlError> {
    match compose(text, Version::V2, budget)? {
        Some(node) => json::v2_to_json(&node),
        None => Ok(Value::Null),
    }
}

/// The same, refusing duplicate keys.
pub(crate) fn parse_v2_strict(text: &str, budget: &mut Budget) -> Result<Value, YamlError> {
    match compose(text, Version::V2, budget)? {
        Some(node) => {
            json::refuse_duplicates(&node)?;
            json::v2_to_json(&node)
        }
        None => Ok(Value::Null),
    }
}

/// Whether a YAML 1.1 reader takes `text`, unquoted, for anything but a string.
pub(crate) fn is_v2_non_string(text: &str) -> bool {
    if text.is_empty() || text.contains('\n') {
        return false;
    }
    // A scalar is the common case, and parsing is what costs.
    let plain = text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'/' | b'_'));
    if plain && !text.starts_with('-') {
        return !matches!(
            resolve::resolve_v2(text),
            resolve::Resolved::Str | resolve::Resolved::Timestamp(_)
        );
    }
    parse_v2(text).is_ok_and(|value| !value.is_string())
}

/// The objects as one stream, joined by `---` lines as kustomize prints them.
#[must_use]
pub fn emit_all<'a>(objects: impl IntoIterator<Item = &'a Value>) -> String {
    objects.into_iter().map(emit).collect::<Vec<_>>().join("---\n")
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    #[test]
    fn parse_v2_reads_yaml_1_1() {
        let check = |text: &str, json: &str| assert_eq!(parse_v2(text).unwrap().to_string(), json, "{text}");
        check("k: yes", r#"{"k":true}"#);
        check("k: off", r#"{"k":false}"#);
        check("k: 0777", r#"{"k":511}"#);
        check("k: 0o17", r#"{"k":15}"#);
        check("k: 190:20:30", r#"{"k":"190:20:30"}"#);
        check("k: 2020-01-01", r#"{"k":"2020-01-01"}"#);
        check("k: =", r#"{"k":"="}"#);
        check("k: <<", r#"{"k":"<<"}"#);
        check("yes: 1", r#"{"true":1}"#);
        check("1: a", r#"{"1":"a"}"#);
        check("1.5: a", r#"{"1.5":"a"}"#);
        check("k: !!str 1", r#"{"k":"1"}"#);
        check("k: !!float 1", r#"{"k":1}"#);
        check("k: !!binary aGk=", r#"{"k":"hi"}"#);
        check("k: a\nk: b", r#"{"k":"b"}"#);
        check("a: 1\n---\nb: 2", r#"{"a":1}"#);
        check("", "null");
        check("b: &x {a: 1}\nc:\n  <<: *x\n  d: 2", r#"{"b":{"a":1},"c":{"a":1,"d":2}}"#);
        assert!(parse_v2("k: .inf").is_err());
        assert!(parse_v2("~: a").is_err());
    }

    #[test]
    fn parse_v3_reads_resources() {
        let check = |text: &str, json: &str| {
            let documents = parse_documents_v3(text, &Limits::default()).unwrap();
            assert_eq!(Value::Array(documents).to_string(), json, "{text}");
        };
        check("a: yes\n---\n# nothing\n---\nb: 0777\n", r#"[{"a":"yes"},{"b":511}]"#);
        check("a: 2020-01-01", r#"[{"a":"2020-01-01T00:00:00Z"}]"#);
        check("a: |\n  x", r#"[{"a":"x"}]"#);
        check("a: |\n  x\n", r#"[{"a":"x\n"}]"#);
        check("x: &x {a: 1, b: 2}\ny:\n  <<: *x\n  b: 3\n", r#"[{"x":{"a":1,"b":2},"y":{"a":1,"b":3}}]"#);
        for bad in ["a: 1\na: 2", "a: {5: b}", "a: [", "a: b: c", "--- foo\na: 1\n--- bar\nb: 1"] {
            assert!(parse_documents_v3(bad, &Limits::default()).is_err(), "{bad}");
        }
    }

    #[test]
    fn hostile_text_is_an_error() {
        let limits = Limits { yaml_nodes: 10_000, ..Limits::default() };
        let mut bomb = "a0: &a0 [x, x]\n".to_owned();
        for i in 1..40 {
            bomb.push_str(&format!("a{i}: &a{i} [*a{0}, *a{0}]\n", i - 1));
        }
        assert!(matches!(
            ErrorKind::from(parse_documents_v3(&bomb, &limits).unwrap_err()),
            ErrorKind::Limit { .. }
        ));
        assert!(parse_documents_v3(&"[".repeat(200_000), &limits).is_err());
        assert!(parse_documents_v3(&"? ".repeat(60_000), &limits).is_err());
        assert!(parse_documents_v3("a: &a [*a]", &limits).is_err());
        assert!(parse_documents_v3("a: \u{7f}", &limits).is_err());
    }
}
