//! Whether an object has the fields and shapes that its schema declares. Server-side apply asks this first, and of every field: a
//! null fits everywhere, and below `x-kubernetes-preserve-unknown-fields` any field is known.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::walk::{At, Walk};
use super::{COMMON, fields, flag, metadata};

const UNKNOWN: &str = "the schema does not declare this field";

/// The object as a whole: its metadata is the same for all kinds.
pub(super) fn root(walk: &mut Walk<'_>, schema: &Value, object: &Value) {
    let keeps = flag(schema, "x-kubernetes-preserve-unknown-fields");
    let Some(found) = object.as_object() else { return };
    common(walk, found, &At::Root);
    for (name, value) in found.iter().filter(|(name, _)| !COMMON.contains(&name.as_str())) {
        // There are declared fields in every object: what has no schema of its own is not free.
        let at = At::Field(&At::Root, name);
        match schema["properties"].get(name) {
            Some(field) => shape(walk, field, value, &at, keeps),
            None => other(walk, schema, value, &at, keeps),
        }
    }
}

/// The fields that every object has.
fn common(walk: &mut Walk<'_>, object: &Map<String, Value>, at: &At<'_>) {
    for name in ["apiVersion", "kind"] {
        if object.get(name).is_some_and(|value| !value.is_string() && !value.is_null()) {
            walk.problem(&At::Field(at, name), "must be a string");
        }
    }
    if let Some(value) = object.get("metadata") {
        metadata::shape(walk, value, &At::Field(at, "metadata"));
    }
}

fn shape(walk: &mut Walk<'_>, schema: &Value, value: &Value, at: &At<'_>, keeps: bool) {
    if value.is_null() || !walk.enters(at) {
        return;
    }
    let keeps = keeps || flag(schema, "x-kubernetes-preserve-unknown-fields");
    let plain = matches!(schema["format"].as_str(), None | Some("" | "byte"));
    let expected = match (schema["type"].as_str().unwrap_or_default(), value) {
        ("" | "object", Value::Object(found)) => return map(walk, schema, found, at, keeps),
        ("" | "array", Value::Array(items)) => return list(walk, schema, items, at, keeps),
        ("", _) => return,
        ("object", _) => "an object",
        ("array", _) => "a list",
        ("integer" | "number", value) if !value.is_number() => "a number",
        ("boolean", value) if !value.is_boolean() => "true or false",
        ("string", value) if plain && !value.is_string() => "a string",
        ("string", Value::Object(_) | Value::Array(_)) => "a string",
        _ => return,
    };
    walk.problem(at, format!("must be {expected}"));
}

fn map(walk: &mut Walk<'_>, schema: &Value, found: &Map<String, Value>, at: &At<'_>, keeps: bool) {
    let embedded = flag(schema, "x-kubernetes-embedded-resource");
    if embedded {
        common(walk, found, at);
    }
    for (name, value) in found {
        let place = At::Field(at, name);
        if embedded && COMMON.contains(&name.as_str()) {
            continue;
        }
        match schema["properties"].get(name) {
            Some(field) => shape(walk, field, value, &place, keeps),
            None if fields(&schema["properties"]).is_none()
                && !embedded
                && schema["additionalProperties"].is_null() => {}
            None => other(walk, schema, value, &place, keeps),
        }
    }
}

/// A field without a schema of its own, where there are others that have one.
fn other(walk: &mut Walk<'_>, schema: &Value, value: &Value, at: &At<'_>, keeps: bool) {
    match &schema["additionalProperties"] {
        rest @ Value::Object(_) => shape(walk, rest, value, at, keeps),
        Value::Bool(true) => {}
        Value::Null if keeps => {}
        _ => walk.problem(at, UNKNOWN),
    }
}

fn list(walk: &mut Walk<'_>, schema: &Value, items: &[Value], at: &At<'_>, keeps: bool) {
    let mut seen = BTreeSet::new();
    for (index, item) in items.iter().enumerate() {
        let identity = match schema["x-kubernetes-list-type"].as_str() {
            Some("map") => key(schema, item),
            Some("set") => element(item),
            _ => Ok(String::new()),
        };
        match identity {
            // As on the server: what cannot be told apart is not looked at any further.
            Err(why) => return walk.problem(at, format!("item {index} {why}")),
            Ok(identity) if identity.is_empty() => {}
            Ok(identity) => {
                if !seen.insert(identity) {
                    walk.problem(at, format!("item {index} is there twice"));
                }
            }
        }
        if !schema["items"].is_null() {
            shape(walk, &schema["items"], item, &At::Item(at, index), keeps);
        }
    }
}

/// What tells an item of a list of type `map` from the others.
fn key(schema: &Value, item: &Value) -> Result<String, &'static str> {
    let Value::Object(found) = item else { return Err("must be an object") };
    let names = schema["x-kubernetes-list-map-keys"].as_array().into_iter().flatten();
    let names: Vec<&str> = names.filter_map(Value::as_str).collect();
    let properties = &schema["items"]["properties"];
    let key = |name: &&str| {
        let default = || properties[*name].get("default").filter(|default| !default.is_null());
        found.get(*name).or_else(default).map(|value| format!("{name}={value};"))
    };
    let keys: Vec<String> = names.iter().filter_map(key).collect();
    if keys.is_empty() && !names.is_empty() {
        return Err("has none of the keys that tell the items of its list apart");
    }
    Ok(keys.concat())
}

fn element(item: &Value) -> Result<String, &'static str> {
    match item {
        Value::Object(_) | Value::Array(_) | Value::Null => {
            Err("must be a plain value, in a list that is a set")
        }
        scalar => Ok(scalar.to_string()),
    }
}
