//! What the API server makes of an object: defaults come before it looks at values; fields that no schema knows and nulls that may not
//! be go after that.

use serde_json::Value;

use super::walk::{At, Walk};
use super::{COMMON, flag};

/// Drops what has no schema, and nulls that may not be.
pub(super) fn prune(walk: &mut Walk<'_>, schema: &Value, object: &mut Value) {
    unknown(walk, schema, object, &At::Root, Prune { is_object: true, keeps: false });
    without_nulls(walk, schema, object, &At::Root);
}

/// What holds of a value from outside of its own schema.
#[derive(Clone, Copy, Default)]
struct Prune {
    is_object: bool,
    keeps: bool,
}

fn unknown(walk: &mut Walk<'_>, schema: &Value, value: &mut Value, at: &At<'_>, how: Prune) {
    if !walk.enters(at) {
        return;
    }
    let keeps = how.keeps || flag(schema, "x-kubernetes-preserve-unknown-fields");
    let is_object = how.is_object || flag(schema, "x-kubernetes-embedded-resource");
    match value {
        Value::Object(found) => {
            let names: Vec<String> = found.keys().cloned().collect();
            for name in names {
                if is_object && COMMON.contains(&name.as_str()) {
                    continue;
                }
                let place = At::Field(at, &name);
                let own = schema["properties"].get(&name);
                let rest =
                    schema.get("additionalProperties").filter(|rest| rest.is_object() || **rest == true);
                match own.or(rest) {
                    Some(next) => {
                        if let Some(field) = found.get_mut(&name) {
                            unknown(walk, next, field, &place, Prune::default());
                        }
                    }
                    None if keeps => {}
                    None => {
                        walk.drops(&place);
                        found.remove(&name);
                    }
                }
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter_mut().enumerate() {
                // What keeps everything hands that on to its items, though not to its fields.
                unknown(
                    walk,
                    &schema["items"],
                    item,
                    &At::Item(at, index),
                    Prune { is_object: false, keeps },
                );
            }
        }
        _ => {}
    }
}

/// The schema of a field.
fn of_field<'s>(schema: &'s Value, name: &str) -> Option<&'s Value> {
    let own = schema["properties"].get(name);
    own.or_else(|| Some(&schema["additionalProperties"]).filter(|rest| rest.is_object()))
}

fn has_default(schema: &Value) -> bool {
    schema.get("default").is_some_and(|default| !default.is_null())
}

fn without_nulls(walk: &mut Walk<'_>, schema: &Value, value: &mut Value, at: &At<'_>) {
    if !walk.enters(at) {
        return;
    }
    match value {
        Value::Object(found) => {
            found.retain(|name, value| {
                let Some(next) = of_field(schema, name) else { return true };
                if value.is_null() && !flag(next, "nullable") && !has_default(next) {
                    return false;
                }
                without_nulls(walk, next, value, &At::Field(at, name));
                true
            });
        }
        Value::Array(items) if schema["items"].is_object() => {
            for (index, item) in items.iter_mut().enumerate() {
                without_nulls(walk, &schema["items"], item, &At::Item(at, index));
            }
        }
        _ => {}
    }
}

/// Puts in what a schema says of fields that are not there.
pub(super) fn default(walk: &mut Walk<'_>, schema: &Value, value: &mut Value, at: &At<'_>) {
    if !walk.enters(at) {
        return;
    }
    match value {
        Value::Object(found) => {
            for (name, next) in schema["properties"].as_object().into_iter().flatten() {
                let missing = found.get(name).is_none_or(|v| v.is_null() && !flag(next, "nullable"));
                if missing && has_default(next) {
                    found.insert(name.clone(), next["default"].clone());
                }
            }
            for (name, value) in found.iter_mut() {
                let Some(next) = of_field(schema, name) else { continue };
                if value.is_null() && !flag(next, "nullable") && has_default(next) {
                    *value = next["default"].clone();
                }
                default(walk, next, value, &At::Field(at, name));
            }
        }
        Value::Array(items) if schema["items"].is_object() => {
            let next = &schema["items"];
            for (index, item) in items.iter_mut().enumerate() {
                if item.is_null() && !flag(next, "nullable") && has_default(next) {
                    *item = next["default"].clone();
                }
                default(walk, next, item, &At::Item(at, index));
            }
        }
        _ => {}
    }
}
