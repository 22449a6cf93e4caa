//! OpenAPI schemas as far as kustomize reads them: what a type has in it, and its `x-kubernetes` extensions.
//!
//! The rest of a schema is only checked for its form, since kustomize refuses what does not decode.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::yaml::{Budget, parse_v2_within};
use crate::{Error, ErrorKind};

/// The schema of a value.
#[derive(Debug, Clone, Default)]
pub(crate) struct Definition {
    pub(crate) reference: Option<String>,
    pub(crate) types: Vec<String>,
    pub(crate) properties: BTreeMap<String, Definition>,
    /// The schema of values under any other name.
    pub(crate) additional: Option<Box<Definition>>,
    pub(crate) items: Option<Box<Definition>>,
    extensions: BTreeMap<String, Value>,
}

/// Reads a text as JSON when it begins like that, as YAML else.
pub(crate) fn read(text: &str, budget: &mut Budget) -> Result<Value, Error> {
    if text.starts_with('{') {
        let value = serde_json::from_str(text).map_err(|e| Error::invalid(format!("bad json: {e}")))?;
        budget.spend_value(&value)?;
        return Ok(value);
    }
    Ok(parse_v2_within(text, budget)?)
}

impl Definition {
    pub(crate) fn decode(value: &Value) -> Result<Self, Error> {
        let Some(fields) = object(value, "a schema")? else { return Ok(Definition::default()) };
        check(fields)?;
        let extensions = fields.iter().filter(|(name, _)| name.starts_with("x-"));
        Ok(Definition {
            reference: fields.get("$ref").and_then(Value::as_str).map(str::to_owned),
            types: texts(fields.get("type"))?,
            properties: definitions(fields.get("properties"))?,
            additional: match fields.get("additionalProperties") {
                Some(schema @ Value::Object(_)) => Some(Box::new(Definition::decode(schema)?)),
                Some(Value::Bool(_) | Value::Null) | None => None,
                Some(_) => return Err(malformed("additionalProperties")),
            },
            items: match fields.get("items") {
                Some(schema @ Value::Object(_)) => Some(Box::new(Definition::decode(schema)?)),
                Some(Value::Array(schemas)) => {
                    schemas.iter().try_for_each(|schema| Definition::decode(schema).map(drop))?;
                    None
                }
                _ => None,
            },
            extensions: extensions.map(|(name, value)| (name.clone(), value.clone())).collect(),
        })
    }

    pub(crate) fn extension(&self, name: &str) -> Option<&Value> {
        self.extensions.get(name)
    }

    /// An extension that is a string.
    pub(crate) fn extension_text(&self, name: &str) -> Option<&str> {
        self.extension(name).and_then(Value::as_str)
    }
}

/// Schemas by name.
pub(crate) fn definitions(value: Option<&Value>) -> Result<BTreeMap<String, Definition>, Error> {
    let Some(fields) = value.map(|value| object(value, "schemas")).transpose()?.flatten() else {
        return Ok(BTreeMap::new());
    };
    fields.iter().map(|(name, value)| Ok((name.clone(), Definition::decode(value)?))).collect()
}

/// A map, or nothing where null stands for it.
pub(crate) fn object<'a>(value: &'a Value, what: &str) -> Result<Option<&'a Map<String, Value>>, Error> {
    match value {
        Value::Object(fields) => Ok(Some(fields)),
        Value::Null => Ok(None),
        _ => Err(Error::invalid(format!("expected a map for {what}"))),
    }
}

fn texts(value: Option<&Value>) -> Result<Vec<String>, Error> {
    let text = |value: &Value| value.as_str().map(str::to_owned).ok_or_else(|| malformed("type"));
    match value {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::String(text)) => Ok(vec![text.clone()]),
        Some(Value::Array(items)) => items.iter().map(text).collect(),
        Some(_) => Err(malformed("type")),
    }
}

const TEXTS: [&str; 6] = ["id", "description", "format", "title", "pattern", "discriminator"];
const FLAGS: [&str; 5] = ["nullable", "exclusiveMaximum", "exclusiveMinimum", "uniqueItems", "readOnly"];
const NUMBERS: [&str; 3] = ["maximum", "minimum", "multipleOf"];
const COUNTS: [&str; 6] =
    ["maxLength", "minLength", "maxItems", "minItems", "maxProperties", "minProperties"];
const LISTS: [&str; 5] = ["enum", "required", "allOf", "oneOf", "anyOf"];
const MAPS: [&str; 5] = ["patternProperties", "dependencies", "definitions", "not", "externalDocs"];

/// Checks the form of the fields that say nothing to kustomize.
fn check(fields: &Map<String, Value>) -> Result<(), Error> {
    type Check<'a> = (&'a [&'a str], fn(&Value) -> bool);
    let kinds: [Check<'_>; 6] = [
        (&TEXTS, Value::is_string),
        (&FLAGS, Value::is_boolean),
        (&NUMBERS, Value::is_number),
        (&COUNTS, Value::is_i64),
        (&LISTS, Value::is_array),
        (&MAPS, Value::is_object),
    ];
    for (names, fits) in kinds {
        for name in names {
            if fields.get(*name).is_some_and(|value| !value.is_null() && !fits(value)) {
                return Err(malformed(name));
            }
        }
    }
    Ok(())
}

fn malformed(field: &str) -> Error {
    Error::new(ErrorKind::Invalid { message: format!("`{field}` of a schema is not what it should be") })
}
