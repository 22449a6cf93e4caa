//! A schema of OpenAPI 3.0 as JSON Schema: `nullable` becomes a type, references stay within one document, and objects are closed.
//!
//! Closed means that a field which the description does not know is a problem: a stand-in that makes up a field hides that the
//! real one has none. Parts of an `allOf` stay open, since each knows only its own fields.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

/// The schema with all that it refers to under `definitions`.
pub(crate) fn standalone(description: &Value, schema: &Value, closed: bool) -> Value {
    let mut wanted = BTreeSet::new();
    let mut root = converted(schema, closed, &mut wanted);
    let mut definitions = Map::new();
    while let Some(name) = wanted.iter().find(|name| !definitions.contains_key(*name)).cloned() {
        let (plain, closed) = name.strip_suffix(OPEN).map_or((name.as_str(), true), |plain| (plain, false));
        let schema = converted(&description["components"]["schemas"][plain], closed, &mut wanted);
        definitions.insert(name, schema);
    }
    root["definitions"] = Value::Object(definitions);
    root
}

/// Marks the form of a definition whose objects are left open.
const OPEN: &str = "+open";

const COMBINATIONS: [&str; 3] = ["oneOf", "anyOf", "allOf"];

fn converted(schema: &Value, closed: bool, wanted: &mut BTreeSet<String>) -> Value {
    let Some(schema) = schema.as_object() else { return schema.clone() };
    if let Some(name) = schema.get("$ref").and_then(Value::as_str).and_then(|to| to.rsplit('/').next()) {
        let name = format!("{name}{}", if closed { "" } else { OPEN });
        let reference = json!({"$ref": format!("#/definitions/{name}")});
        wanted.insert(name);
        return reference;
    }
    let combined = COMBINATIONS.iter().any(|word| schema.contains_key(*word));
    let bare = !schema.contains_key("properties") && !schema.contains_key("allOf");
    let parts_closed = closed && bare;
    let mut out = Map::new();
    for (word, value) in schema {
        let value = match word.as_str() {
            "nullable" | "discriminator" | "default" | "readOnly" | "writeOnly" | "deprecated" => continue,
            "properties" => each(value, |one| converted(one, true, wanted)),
            "items" | "additionalProperties" => converted(value, true, wanted),
            "oneOf" | "anyOf" | "allOf" => each(value, |one| converted(one, parts_closed, wanted)),
            _ => value.clone(),
        };
        // GitHub's alternatives shut each other out in name only: one of them (an event's payload) is any object at all.
        let word = if word == "oneOf" { "anyOf" } else { word };
        out.insert(word.to_owned(), value);
    }
    if closed && !combined && out.contains_key("properties") && !out.contains_key("additionalProperties") {
        out.insert("additionalProperties".to_owned(), json!(false));
    }
    if schema.get("nullable") == Some(&json!(true)) { or_null(out, combined) } else { Value::Object(out) }
}

/// The same for every value of an object, or every element of a list.
fn each(values: &Value, mut make: impl FnMut(&Value) -> Value) -> Value {
    match values {
        Value::Object(map) => map.iter().map(|(name, one)| (name.clone(), make(one))).collect(),
        Value::Array(list) => list.iter().map(make).collect(),
        other => other.clone(),
    }
}

fn or_null(mut schema: Map<String, Value>, combined: bool) -> Value {
    if combined {
        return json!({"anyOf": [{"type": "null"}, schema]});
    }
    if let Some(kind) = schema.get_mut("type") {
        *kind = json!([kind, "null"]);
    }
    if let Some(Value::Array(values)) = schema.get_mut("enum")
        && !values.contains(&Value::Null)
    {
        values.push(Value::Null);
    }
    Value::Object(schema)
}
