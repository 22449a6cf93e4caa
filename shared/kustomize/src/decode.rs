//! Objects decoded as Go's encoding/json does when it is strict: names match in any case, unknown ones are refused.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::Error;

/// The fields of an object that are not decoded yet.
pub(crate) struct Fields(Map<String, Value>);

impl Fields {
    pub(crate) fn of(value: Value) -> Result<Self, Error> {
        match value {
            Value::Object(map) => Ok(Fields(map)),
            Value::Null => Ok(Fields(Map::new())),
            _ => Err(Error::invalid("expected a map")),
        }
    }

    /// Takes a field out, whatever the case of its name.
    pub(crate) fn take(&mut self, name: &str) -> Result<Option<Value>, Error> {
        let names: Vec<String> =
            self.0.keys().filter(|key| key.eq_ignore_ascii_case(name)).cloned().collect();
        match names.as_slice() {
            [] => Ok(None),
            [one] => Ok(self.0.remove(one)),
            _ => Err(Error::invalid(format!("`{name}` is written in several cases")).in_field(name)),
        }
    }

    pub(crate) fn text(&mut self, name: &str) -> Result<String, Error> {
        match self.take(name)? {
            None | Some(Value::Null) => Ok(String::new()),
            Some(Value::String(text)) => Ok(text),
            Some(_) => Err(Error::invalid(format!("`{name}` is not a string")).in_field(name)),
        }
    }

    pub(crate) fn flag(&mut self, name: &str) -> Result<bool, Error> {
        match self.take(name)? {
            None | Some(Value::Null) => Ok(false),
            Some(Value::Bool(flag)) => Ok(flag),
            Some(_) => Err(Error::invalid(format!("`{name}` is not a boolean")).in_field(name)),
        }
    }

    fn list(&mut self, name: &str) -> Result<Vec<Value>, Error> {
        match self.take(name)? {
            None | Some(Value::Null) => Ok(Vec::new()),
            Some(Value::Array(items)) => Ok(items),
            Some(_) => Err(Error::invalid(format!("`{name}` is not a list")).in_field(name)),
        }
    }

    pub(crate) fn texts(&mut self, name: &str) -> Result<Vec<String>, Error> {
        let text = |value| match value {
            Value::String(text) => Ok(text),
            Value::Null => Ok(String::new()),
            _ => Err(Error::invalid(format!("an entry of `{name}` is not a string")).in_field(name)),
        };
        self.list(name)?.into_iter().map(text).collect()
    }

    pub(crate) fn text_map(&mut self, name: &str) -> Result<BTreeMap<String, String>, Error> {
        let text = |(key, value)| match value {
            Value::String(text) => Ok((key, text)),
            Value::Null => Ok((key, String::new())),
            _ => Err(Error::invalid(format!("the value of `{key}` is not a string")).in_field(name)),
        };
        match self.take(name)? {
            None | Some(Value::Null) => Ok(BTreeMap::new()),
            Some(Value::Object(map)) => map.into_iter().map(text).collect(),
            Some(_) => Err(Error::invalid(format!("`{name}` is not a map")).in_field(name)),
        }
    }

    pub(crate) fn each<T>(
        &mut self,
        name: &str,
        decode: impl Fn(Fields) -> Result<T, Error>,
    ) -> Result<Vec<T>, Error> {
        self.list(name)?.into_iter().map(|v| decode(Fields::of(v)?)).collect::<Result<_, _>>().map_err(
            |error: Error| Error {
                field: Some(match error.field {
                    Some(inner) => format!("{name}.{inner}"),
                    None => name.to_owned(),
                }),
                ..error
            },
        )
    }

    /// Whether nothing in it says anything.
    pub(crate) fn is_blank(&self) -> bool {
        self.0.values().all(|value| value.is_null() || value.as_str() == Some(""))
    }

    /// Refuses what was not taken.
    pub(crate) fn done(self) -> Result<(), Error> {
        match self.0.keys().next() {
            None => Ok(()),
            Some(name) => Err(Error::invalid(format!("unknown field `{name}`")).in_field(name)),
        }
    }
}
