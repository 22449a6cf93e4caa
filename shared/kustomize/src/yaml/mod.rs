//! YAML as kustomize and Flux read and write it: two resolvers of scalars and one emitter.
//!
//! Resources and strategic merge patches are read by go-yaml v3, everything that passes through
//! `sigs.k8s.io/yaml` by go-yaml v2, which also writes all output.

use serde_json::Value;

use crate::{ErrorKind, Limits};

/// Why a text is not YAML that kustomize accepts.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {message}")]
pub struct YamlError {
    /// The line, from 1; 0 when unknown.
    pub line: usize,
    /// What is wrong there.
    pub message: String,
}

impl From<YamlError> for ErrorKind {
    fn from(error: YamlError) -> Self {
        ErrorKind::Yaml {
            line: error.line,
            message: error.message,
        }
    }
}

/// The documents of `text` as kustomize reads resources (go-yaml v3). Empty documents are dropped.
///
/// # Errors
/// Text that go-yaml refuses, duplicate or non-string keys, and more nodes than `limits` allow.
pub fn parse_documents_v3(text: &str, limits: &Limits) -> Result<Vec<Value>, YamlError> {
    let _ = (text, limits);
    Err(YamlError {
        line: 0,
        message: "not readable".to_owned(),
    })
}

/// The first document of `text` as `sigs.k8s.io/yaml` reads it (go-yaml v2, YAML 1.1); `null` for an empty text.
///
/// The last of duplicate keys wins; keys become strings.
///
/// # Errors
/// Text that go-yaml refuses, values without a JSON form, and more nodes than the default [`Limits`] allow.
pub fn parse_v2(text: &str) -> Result<Value, YamlError> {
    let _ = text;
    Err(YamlError {
        line: 0,
        message: "not readable".to_owned(),
    })
}

/// `value` as `sigs.k8s.io/yaml` writes it: natural order of keys, quotes only where needed, folded at 80 columns.
#[must_use]
pub fn emit(value: &Value) -> String {
    let _ = value;
    String::new()
}

/// The objects as one stream, joined by `---` lines as kustomize prints them.
#[must_use]
pub fn emit_all<'a>(objects: impl IntoIterator<Item = &'a Value>) -> String {
    objects
        .into_iter()
        .map(emit)
        .collect::<Vec<_>>()
        .join("---\n")
}
