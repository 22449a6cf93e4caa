//! `metadata`, which is the same for every kind: its fields and their shapes, and of its values the names, labels and annotations.

use serde_json::{Map, Value};

use super::walk::{At, Walk};

const TEXTS: [&str; 7] =
    ["generateName", "name", "namespace", "resourceVersion", "selfLink", "uid", "creationTimestamp"];
const NUMBERS: [&str; 2] = ["deletionGracePeriodSeconds", "generation"];
const MAPS: [&str; 2] = ["annotations", "labels"];
/// Shapes of these are not looked at: nobody writes them in Git.
const OTHERS: [&str; 4] = ["deletionTimestamp", "finalizers", "managedFields", "ownerReferences"];

/// Bytes that annotations may have together.
const MOST_ANNOTATIONS: usize = 256 * 1024;
/// Characters of a label, and of the name in its key.
const LONGEST_LABEL: usize = 63;
/// Characters of a name or prefix that is a domain.
const LONGEST_DOMAIN: usize = 253;

/// Whether metadata has the fields and shapes that it has for every kind.
pub(super) fn shape(walk: &mut Walk<'_>, metadata: &Value, at: &At<'_>) {
    let fields = match metadata {
        Value::Null => return,
        Value::Object(fields) => fields,
        _ => return walk.problem(at, "must be an object"),
    };
    for (name, value) in fields.iter().filter(|(_, value)| !value.is_null()) {
        let (name, place) = (name.as_str(), At::Field(at, name));
        if TEXTS.contains(&name) && !value.is_string() {
            walk.problem(&place, "must be a string");
        } else if NUMBERS.contains(&name) && !value.is_number() {
            walk.problem(&place, "must be a number");
        } else if MAPS.contains(&name) {
            texts(walk, value, &place);
        } else if ![&TEXTS[..], &NUMBERS, &OTHERS].concat().contains(&name) {
            walk.problem(&place, "the schema does not declare this field");
        }
    }
}

fn texts(walk: &mut Walk<'_>, map: &Value, at: &At<'_>) {
    let Value::Object(entries) = map else { return walk.problem(at, "must be an object") };
    for (name, _) in entries.iter().filter(|(_, value)| !value.is_string() && !value.is_null()) {
        walk.problem(&At::Field(at, name), "must be a string");
    }
}

/// The values in an object's own metadata.
pub(super) fn root(walk: &mut Walk<'_>, object: &Value) {
    let at = At::Field(&At::Root, "metadata");
    let name = object["metadata"]["name"].as_str().unwrap_or_default();
    if !is_domain(name) {
        walk.problem(
            &At::Field(&at, "name"),
            "must be a name of lower case letters, digits, dots and dashes, which starts and ends with a letter or digit",
        );
    }
    values(walk, &object["metadata"], &at);
}

/// The labels and annotations in metadata, be it the object's own or that of one within.
pub(super) fn values(walk: &mut Walk<'_>, metadata: &Value, at: &At<'_>) {
    if let Some(labels) = metadata["labels"].as_object() {
        let place = At::Field(at, "labels");
        for (key, value) in labels {
            if !is_qualified(key) {
                walk.problem(&place, "every key must be a name, or a domain, a slash and a name");
            }
            if !is_label(value.as_str().unwrap_or_default()) {
                walk.problem(
                    &place,
                    "every value must be a label of at most 63 letters, digits, dots, dashes and underscores",
                );
            }
        }
    }
    if let Some(annotations) = metadata["annotations"].as_object() {
        let place = At::Field(at, "annotations");
        if annotations.keys().any(|key| !is_qualified(&key.to_lowercase())) {
            walk.problem(&place, "every key must be a name, or a domain, a slash and a name");
        }
        if size(annotations) > MOST_ANNOTATIONS {
            walk.problem(&place, "must have at most 256 KiB together");
        }
    }
}

fn size(annotations: &Map<String, Value>) -> usize {
    annotations.iter().map(|(key, value)| key.len() + value.as_str().map_or(0, str::len)).sum()
}

fn is_domain(text: &str) -> bool {
    let part = |part: &str| {
        !part.is_empty()
            && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
            && !part.starts_with('-')
            && !part.ends_with('-')
    };
    text.len() <= LONGEST_DOMAIN && text.split('.').all(part)
}

fn is_qualified(key: &str) -> bool {
    match key.split_once('/') {
        Some((prefix, name)) => is_domain(prefix) && !name.is_empty() && is_label(name),
        None => !key.is_empty() && is_label(key),
    }
}

fn is_label(text: &str) -> bool {
    let bytes = text.as_bytes();
    let ends = [bytes.first(), bytes.last()];
    text.len() <= LONGEST_LABEL
        && bytes.iter().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(b))
        && ends.iter().flatten().all(|b| b.is_ascii_alphanumeric())
}
