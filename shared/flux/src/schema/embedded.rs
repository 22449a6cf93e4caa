//! Objects within an object (`x-kubernetes-embedded-resource`): they say what they are, and their metadata is like any other.

use serde_json::Value;

use super::walk::{At, Walk};
use super::{flag, metadata};

/// Looks at every object within this value.
pub(super) fn within(walk: &mut Walk<'_>, schema: &Value, value: &Value, at: &At<'_>) {
    if !schema.is_object() || !walk.enters(at) {
        return;
    }
    match value {
        Value::Object(fields) => {
            if flag(schema, "x-kubernetes-embedded-resource") {
                object(walk, value, at);
            }
            for (name, field) in fields {
                let next = schema["properties"].get(name).unwrap_or(&schema["additionalProperties"]);
                within(walk, next, field, &At::Field(at, name));
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                within(walk, &schema["items"], item, &At::Item(at, index));
            }
        }
        _ => {}
    }
}

fn object(walk: &mut Walk<'_>, value: &Value, at: &At<'_>) {
    for (name, fits) in [("apiVersion", is_api_version as fn(&str) -> bool), ("kind", is_kind)] {
        let place = At::Field(at, name);
        match value.get(name).map(Value::as_str) {
            None => walk.problem(&place, "is required"),
            Some(Some(text)) if fits(text) => {}
            Some(_) => walk.problem(&place, format!("must be a valid `{name}`")),
        }
    }
    metadata::values(walk, &value["metadata"], &At::Field(at, "metadata"));
}

fn is_api_version(text: &str) -> bool {
    !text.is_empty() && text.matches('/').count() <= 1
}

fn is_kind(text: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
    text.len() <= 63
        && text.starts_with(|c: char| c.is_ascii_alphabetic())
        && !text.ends_with('-')
        && text.bytes().all(plain)
}
