//! Reading the fields of an untrusted object, with errors that name the field. A missing field and a `null` are the same.

use serde_json::{Map, Value};
use std::collections::BTreeMap;

use crate::Error;

/// A JSON object together with the name of the whole and the path walked so far.
pub(crate) struct Fields<'a> {
    object: String,
    path: String,
    map: Option<&'a Map<String, Value>>,
}

impl<'a> Fields<'a> {
    /// The fields of a whole object, which errors call `object`.
    pub(crate) fn root(object: String, value: &'a Value) -> Result<Self, Error> {
        match value {
            Value::Object(map) => Ok(Self { object, path: String::new(), map: Some(map) }),
            _ => Err(Error::InvalidField { object, field: ".".into(), reason: "not an object".into() }),
        }
    }

    /// The error that `field` of this object is wrong because of `reason`.
    pub(crate) fn invalid(&self, field: &str, reason: impl Into<String>) -> Error {
        Error::InvalidField { object: self.object.clone(), field: self.join(field), reason: reason.into() }
    }

    fn join(&self, field: &str) -> String {
        if self.path.is_empty() { field.to_owned() } else { format!("{}.{field}", self.path) }
    }

    /// The raw value of a field.
    pub(crate) fn value(&self, field: &str) -> Option<&'a Value> {
        self.map?.get(field).filter(|v| !v.is_null())
    }

    /// A nested object; an absent one has no fields.
    pub(crate) fn object(&self, field: &str) -> Result<Fields<'a>, Error> {
        Ok(self.optional_object(field)?.unwrap_or_else(|| self.below(field, None)))
    }

    /// A nested object, if there is one.
    pub(crate) fn optional_object(&self, field: &str) -> Result<Option<Fields<'a>>, Error> {
        match self.value(field) {
            None => Ok(None),
            Some(Value::Object(map)) => Ok(Some(self.below(field, Some(map)))),
            Some(_) => Err(self.invalid(field, "must be an object")),
        }
    }

    fn below(&self, field: &str, map: Option<&'a Map<String, Value>>) -> Fields<'a> {
        Fields { object: self.object.clone(), path: self.join(field), map }
    }

    /// A string, if there is one; the empty string counts as none, as Go's `omitempty` has it.
    pub(crate) fn string(&self, field: &str) -> Result<Option<String>, Error> {
        match self.value(field) {
            None => Ok(None),
            Some(Value::String(s)) => Ok((!s.is_empty()).then(|| s.clone())),
            Some(_) => Err(self.invalid(field, "must be a string")),
        }
    }

    /// A string that must be there.
    pub(crate) fn required(&self, field: &str) -> Result<String, Error> {
        self.string(field)?.ok_or_else(|| self.invalid(field, "is required"))
    }

    /// A boolean, false when absent.
    pub(crate) fn flag(&self, field: &str) -> Result<bool, Error> {
        match self.value(field) {
            None => Ok(false),
            Some(Value::Bool(b)) => Ok(*b),
            Some(_) => Err(self.invalid(field, "must be true or false")),
        }
    }

    /// An integer, if there is one.
    pub(crate) fn integer(&self, field: &str) -> Result<Option<i64>, Error> {
        match self.value(field) {
            None => Ok(None),
            Some(v) => v.as_i64().map(Some).ok_or_else(|| self.invalid(field, "must be an integer")),
        }
    }

    fn array(&self, field: &str) -> Result<&'a [Value], Error> {
        match self.value(field) {
            None => Ok(&[]),
            Some(Value::Array(items)) => Ok(items),
            Some(_) => Err(self.invalid(field, "must be a list")),
        }
    }

    /// The items of a list of objects, each read by `read`.
    pub(crate) fn list<T>(
        &self,
        field: &str,
        read: impl Fn(&Fields<'a>) -> Result<T, Error>,
    ) -> Result<Vec<T>, Error> {
        let items = self.array(field)?.iter().enumerate();
        items
            .map(|(i, item)| {
                let name = format!("{field}[{i}]");
                match item {
                    Value::Object(map) => read(&self.below(&name, Some(map))),
                    _ => Err(self.invalid(&name, "must be an object")),
                }
            })
            .collect()
    }

    /// A list of strings.
    pub(crate) fn strings(&self, field: &str) -> Result<Vec<String>, Error> {
        let items = self.array(field)?.iter().enumerate();
        items
            .map(|(i, item)| {
                let text = item
                    .as_str()
                    .ok_or_else(|| self.invalid(&format!("{field}[{i}]"), "must be a string"))?;
                Ok(text.to_owned())
            })
            .collect()
    }

    /// A map of strings to strings.
    pub(crate) fn string_map(&self, field: &str) -> Result<BTreeMap<String, String>, Error> {
        let map = match self.value(field) {
            None => return Ok(BTreeMap::new()),
            Some(Value::Object(map)) => map,
            Some(_) => return Err(self.invalid(field, "must be a map of strings")),
        };
        map.iter()
            .map(|(key, value)| match value {
                Value::String(s) => Ok((key.clone(), s.clone())),
                _ => Err(self.invalid(&format!("{field}.{key}"), "must be a string; put it in quotes")),
            })
            .collect()
    }
}
