//! The rules of a schema for values, as the API server reads them: a rule counts for the values that it can be about, and what was
//! there before and does not change passes (`CRDValidationRatcheting`).

use serde_json::{Map, Value};

use super::walk::{At, Walk};
use super::{flag, formats, numbers};

/// Values of an `enum` that are told.
const NAMED: usize = 8;

/// The value that another is applied over.
#[derive(Clone, Copy, Default)]
pub(super) struct Over<'v> {
    value: Option<&'v Value>,
    /// Within `anyOf` and the like a value does not pass by itself; its fields do.
    nested: bool,
}

impl<'v> Over<'v> {
    pub(super) fn of(value: Option<&'v Value>) -> Self {
        Self { value, nested: false }
    }

    fn field(self, name: &str) -> Self {
        Self::of(self.value.and_then(|value| value.get(name)))
    }

    /// The item with the same keys, in a list that has such.
    fn item(self, schema: &Value, item: &Value) -> Self {
        let keys = schema["x-kubernetes-list-map-keys"].as_array().filter(|keys| !keys.is_empty());
        let (Some(keys), Some(Value::Array(old))) = (keys, self.value) else { return Self::default() };
        let same =
            |other: &&Value| keys.iter().filter_map(Value::as_str).all(|key| other.get(key) == item.get(key));
        Self::of(old.iter().find(same))
    }
}

/// Holds a value against its schema.
pub(super) fn value<'s>(walk: &mut Walk<'s>, schema: &'s Value, value: &Value, at: &At<'_>, over: Over<'_>) {
    if !schema.is_object() || !walk.enters(at) {
        return;
    }
    if !over.nested && over.value == Some(value) {
        return;
    }
    if schema["x-kubernetes-validations"].as_array().is_some_and(|rules| !rules.is_empty()) {
        walk.skips("rules in CEL (`x-kubernetes-validations`)");
    }
    kind(walk, schema, value, at);
    one_of_these(walk, schema, value, at);
    match value {
        Value::Null => return,
        Value::Number(number) => numbers::number(walk, schema, number, at),
        Value::String(text) => string(walk, schema, text, at),
        Value::Array(items) => list(walk, schema, items, at, over),
        Value::Object(fields) => object(walk, schema, fields, at, over),
        Value::Bool(_) => {}
    }
    combined(walk, schema, value, at, over);
}

fn kind(walk: &mut Walk<'_>, schema: &Value, value: &Value, at: &At<'_>) {
    let either = flag(schema, "x-kubernetes-int-or-string");
    let named = schema["type"].as_str().unwrap_or_default();
    let fits = match value {
        Value::Null => (named.is_empty() && !either) || flag(schema, "nullable"),
        _ if either => value.is_string() || numbers::is_integer(value),
        Value::Number(_) => {
            named == "number" || named.is_empty() || named == "integer" && numbers::is_integer(value)
        }
        Value::String(_) => named == "string" || named.is_empty(),
        Value::Bool(_) => named == "boolean" || named.is_empty(),
        Value::Array(_) => named == "array" || named.is_empty(),
        Value::Object(_) => named == "object" || named.is_empty(),
    };
    if !fits {
        let expected = if either { "integer or string" } else { named };
        walk.problem(at, format!("must be of type {expected}"));
    }
}

fn one_of_these(walk: &mut Walk<'_>, schema: &Value, value: &Value, at: &At<'_>) {
    let Some(allowed) = schema["enum"].as_array().filter(|allowed| !allowed.is_empty()) else { return };
    // A null is none of them, not even of those that are null.
    if !value.is_null() && allowed.iter().any(|one| numbers::are_same(one, value)) {
        return;
    }
    let text = |one: &Value| one.as_str().map_or_else(|| one.to_string(), str::to_owned);
    let mut named: Vec<String> = allowed.iter().take(NAMED).map(text).collect();
    if allowed.len() > NAMED {
        named.push(format!("{} more", allowed.len() - NAMED));
    }
    walk.problem(at, format!("must be one of {}", named.join(", ")));
}

fn string<'s>(walk: &mut Walk<'s>, schema: &'s Value, text: &str, at: &At<'_>) {
    let length = text.chars().count() as u64;
    match (schema["maxLength"].as_u64(), schema["minLength"].as_u64()) {
        (Some(most), _) if length > most => walk.problem(at, format!("must have at most {most} characters")),
        (_, Some(least)) if length < least => {
            walk.problem(at, format!("must have at least {least} characters"));
        }
        _ => {
            if let Some(pattern) = schema["pattern"].as_str().filter(|pattern| !pattern.is_empty())
                && walk.matches(pattern, text) == Some(false)
            {
                walk.problem(at, format!("must match the pattern `{pattern}`"));
            }
        }
    }
    let named = schema["type"].as_str().unwrap_or_default();
    let format = schema["format"].as_str().unwrap_or_default().replace('-', "");
    if matches!(named, "" | "string") && !format.is_empty() {
        match formats::fits(&format, text) {
            formats::Fits::Yes | formats::Fits::NotAsked => {}
            formats::Fits::No => walk.problem(at, format!("must be of format {format}")),
            formats::Fits::Unknown => walk.skips(format!("the format `{format}`")),
        }
    }
}

fn list<'s>(walk: &mut Walk<'s>, schema: &'s Value, items: &[Value], at: &At<'_>, over: Over<'_>) {
    for (index, item) in items.iter().enumerate() {
        value(walk, &schema["items"], item, &At::Item(at, index), over.item(schema, item));
    }
    let length = items.len() as u64;
    if let Some(least) = schema["minItems"].as_u64().filter(|least| length < *least) {
        walk.problem(at, format!("must have at least {least} items"));
    }
    if let Some(most) = schema["maxItems"].as_u64().filter(|most| length > *most) {
        walk.problem(at, format!("must have at most {most} items"));
    }
}

fn object<'s>(
    walk: &mut Walk<'s>,
    schema: &'s Value,
    fields: &Map<String, Value>,
    at: &At<'_>,
    over: Over<'_>,
) {
    let count = fields.len() as u64;
    if let Some(least) = schema["minProperties"].as_u64().filter(|least| count < *least) {
        walk.problem(at, format!("must have at least {least} fields"));
    }
    if let Some(most) = schema["maxProperties"].as_u64().filter(|most| count > *most) {
        walk.problem(at, format!("must have at most {most} fields"));
    }
    for (name, field) in fields {
        let next = schema["properties"].get(name).unwrap_or(&schema["additionalProperties"]);
        value(walk, next, field, &At::Field(at, name), over.field(name));
    }
    for name in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        if !fields.contains_key(name) {
            walk.problem(&At::Field(at, name), "is required");
        }
    }
}

fn combined<'s>(walk: &mut Walk<'s>, schema: &'s Value, value: &Value, at: &At<'_>, over: Over<'_>) {
    let over = Over { nested: true, ..over };
    let all = |keyword: &str| schema[keyword].as_array().filter(|all| !all.is_empty());
    if let Some(any) = all("anyOf")
        && !any.iter().any(|one| passes(walk, one, value, at, over))
    {
        walk.problem(at, "must match at least one of the alternatives in `anyOf`");
    }
    if let Some(one_of) = all("oneOf") {
        let found = one_of.iter().filter(|one| passes(walk, one, value, at, over)).count();
        if found != 1 {
            walk.problem(
                at,
                format!("must match exactly one of the alternatives in `oneOf`, and matches {found}"),
            );
        }
    }
    if let Some(every) = all("allOf") {
        let mark = walk.mark();
        every.iter().for_each(|one| self::value(walk, one, value, at, over));
        if !walk.is_clean_since(mark) {
            walk.problem(at, "must match everything in `allOf`");
        }
    }
    if schema["not"].is_object() && passes(walk, &schema["not"], value, at, over) {
        walk.problem(at, "must not match what stands in `not`");
    }
}

/// Whether a schema has nothing against a value.
fn passes<'s>(walk: &mut Walk<'s>, schema: &'s Value, value: &Value, at: &At<'_>, over: Over<'_>) -> bool {
    let mark = walk.mark();
    self::value(walk, schema, value, at, over);
    let clean = walk.is_clean_since(mark);
    walk.forget(mark);
    clean
}
