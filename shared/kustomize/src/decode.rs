//! Objects decoded as Go's encoding/json does: names match in any case, and a name that is written in several cases is
//! decoded once for each, one into the result of the other.

use std::collections::BTreeMap;

use serde_json::{Number, Value};

use crate::Error;
use crate::yaml::go_float;

/// The fields of an object that are not decoded yet, in the order in which Go would meet them.
pub(crate) struct Fields {
    entries: Vec<(String, Value)>,
    mode: Mode,
}

/// How much is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// Unknown fields are refused.
    Strict,
    /// Unknown fields are dropped, and where a string belongs numbers and booleans are taken for their texts.
    Loose,
    /// Unknown fields are dropped.
    Lenient,
    /// As loose, and names match only in their own case.
    Exact,
}

impl Mode {
    fn converts(self) -> bool {
        matches!(self, Mode::Loose | Mode::Exact)
    }
}

impl Fields {
    /// The fields of an object whose unknown fields are refused.
    pub(crate) fn of(value: Value) -> Result<Self, Error> {
        Fields::of_all(vec![value], Mode::Strict)
    }

    /// The same as `sigs.k8s.io/yaml` decodes without being strict.
    pub(crate) fn loose(value: Value) -> Result<Self, Error> {
        Fields::of_all(vec![value], Mode::Loose)
    }

    /// The same as go-yaml decodes by itself.
    pub(crate) fn exact(value: Value) -> Result<Self, Error> {
        Fields::of_all(vec![value], Mode::Exact)
    }

    /// Objects that are decoded one into the other; null changes nothing.
    fn of_all(values: Vec<Value>, mode: Mode) -> Result<Self, Error> {
        let mut entries = Vec::new();
        for value in values {
            match value {
                Value::Object(map) => entries.extend(map),
                Value::Null => {}
                _ => return Err(Error::invalid("expected a map")),
            }
        }
        Ok(Fields { entries, mode })
    }

    /// Takes all values of a field out, whatever the case of its name.
    fn take_all(&mut self, name: &str) -> Vec<Value> {
        let exact = self.mode == Mode::Exact;
        let is_it = |key: &str| if exact { key == name } else { folds(key, name) };
        let (taken, rest): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.entries).into_iter().partition(|(key, _)| is_it(key));
        self.entries = rest;
        taken.into_iter().map(|(_, value)| value).collect()
    }

    /// Takes the last value of a field out.
    pub(crate) fn take(&mut self, name: &str) -> Result<Option<Value>, Error> {
        Ok(self.take_all(name).pop())
    }

    pub(crate) fn text(&mut self, name: &str) -> Result<String, Error> {
        let values = self.take_all(name);
        text(values, self.mode)
            .ok_or_else(|| Error::invalid(format!("`{name}` is not a string")).in_field(name))
    }

    /// A string of a struct that is embedded, where a loose decoder takes nothing for a string that is none.
    pub(crate) fn embedded_text(&mut self, name: &str) -> Result<String, Error> {
        let mode = self.mode;
        if mode == Mode::Loose {
            self.mode = Mode::Lenient;
        }
        let text = self.text(name);
        self.mode = mode;
        text
    }

    /// All fields as those of a struct that is embedded.
    pub(crate) fn embedded(self) -> Self {
        Fields { mode: Mode::Lenient, ..self }
    }

    pub(crate) fn flag(&mut self, name: &str) -> Result<bool, Error> {
        let mut flag = false;
        for value in self.take_all(name) {
            match value {
                Value::Null => {}
                Value::Bool(value) => flag = value,
                _ => return Err(Error::invalid(format!("`{name}` is not a boolean")).in_field(name)),
            }
        }
        Ok(flag)
    }

    pub(crate) fn integer(&mut self, name: &str) -> Result<i64, Error> {
        let mut integer = 0;
        for value in self.take_all(name).into_iter().filter(|value| !value.is_null()) {
            integer = value
                .as_number()
                .and_then(whole)
                .ok_or_else(|| Error::invalid(format!("`{name}` is not an integer")).in_field(name))?;
        }
        Ok(integer)
    }

    /// The values of each entry of a list; `None` for no list. A later list is decoded into the entries of the one
    /// before, which shine through where it leaves something out.
    fn list(&mut self, name: &str) -> Result<Option<Vec<Vec<Value>>>, Error> {
        let mut found: Option<(Vec<Vec<Value>>, usize)> = None;
        for value in self.take_all(name) {
            match value {
                Value::Null => found = None,
                Value::Array(items) => {
                    let (mut slots, _) = found.take().unwrap_or_default();
                    let length = items.len();
                    if length == 0 {
                        slots.clear();
                    }
                    for (at, item) in items.into_iter().enumerate() {
                        match slots.get_mut(at) {
                            Some(slot) => slot.push(item),
                            None => slots.push(vec![item]),
                        }
                    }
                    found = Some((slots, length));
                }
                _ => return Err(Error::invalid(format!("`{name}` is not a list")).in_field(name)),
            }
        }
        Ok(found.map(|(mut slots, length)| {
            slots.truncate(length);
            slots
        }))
    }

    /// A list of strings; `None` when there is no list, not even an empty one.
    pub(crate) fn maybe_texts(&mut self, name: &str) -> Result<Option<Vec<String>>, Error> {
        let mode = self.mode;
        let wrong = || Error::invalid(format!("an entry of `{name}` is not a string")).in_field(name);
        let Some(slots) = self.list(name)? else { return Ok(None) };
        slots
            .into_iter()
            .map(|values| text(values, mode).ok_or_else(wrong))
            .collect::<Result<_, _>>()
            .map(Some)
    }

    pub(crate) fn texts(&mut self, name: &str) -> Result<Vec<String>, Error> {
        Ok(self.maybe_texts(name)?.unwrap_or_default())
    }

    /// A map of strings; `None` when there is no map, not even an empty one.
    pub(crate) fn maybe_text_map(&mut self, name: &str) -> Result<Option<BTreeMap<String, String>>, Error> {
        let mut found: Option<BTreeMap<String, String>> = None;
        for value in self.take_all(name) {
            match value {
                Value::Null => found = None,
                Value::Object(map) => {
                    for (key, value) in map {
                        let text = text(vec![value], self.mode).ok_or_else(|| {
                            Error::invalid(format!("the value of `{key}` is not a string")).in_field(name)
                        })?;
                        found.get_or_insert_default().insert(key, text);
                    }
                    found.get_or_insert_default();
                }
                _ => return Err(Error::invalid(format!("`{name}` is not a map")).in_field(name)),
            }
        }
        Ok(found)
    }

    pub(crate) fn text_map(&mut self, name: &str) -> Result<BTreeMap<String, String>, Error> {
        Ok(self.maybe_text_map(name)?.unwrap_or_default())
    }

    /// An object that may be left out.
    pub(crate) fn maybe_object(&mut self, name: &str) -> Result<Option<Fields>, Error> {
        let values = self.take_all(name);
        let from = values.iter().rposition(Value::is_null).map_or(0, |at| at + 1);
        let values: Vec<Value> = values.into_iter().skip(from).collect();
        if values.is_empty() {
            return Ok(None);
        }
        let fields = Fields::of_all(values, self.mode);
        fields.map(Some).map_err(|error| error.in_field(name))
    }

    /// An object that is there even when it is left out.
    pub(crate) fn object(&mut self, name: &str) -> Result<Fields, Error> {
        Fields::of_all(self.take_all(name), self.mode).map_err(|error| error.in_field(name))
    }

    /// A list of objects; `None` when there is no list, not even an empty one.
    pub(crate) fn maybe_each<T>(
        &mut self,
        name: &str,
        decode: impl Fn(Fields) -> Result<T, Error>,
    ) -> Result<Option<Vec<T>>, Error> {
        let mode = self.mode;
        let Some(slots) = self.list(name)? else { return Ok(None) };
        let items = slots.into_iter().map(|values| decode(Fields::of_all(values, mode)?));
        items.collect::<Result<_, _>>().map(Some).map_err(|error: Error| Error {
            field: Some(match error.field {
                Some(inner) => format!("{name}.{inner}"),
                None => name.to_owned(),
            }),
            ..error
        })
    }

    pub(crate) fn each<T>(
        &mut self,
        name: &str,
        decode: impl Fn(Fields) -> Result<T, Error>,
    ) -> Result<Vec<T>, Error> {
        Ok(self.maybe_each(name, decode)?.unwrap_or_default())
    }

    /// Whether a field is there and not null in the end.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.entries.iter().rev().find(|(key, _)| folds(key, name)).is_some_and(|(_, value)| !value.is_null())
    }

    /// Whether a list has null for an entry, which kustomize refuses where it looks into it.
    pub(crate) fn lists_null(&self, name: &str) -> bool {
        let mut lists = self.entries.iter().filter(|(key, _)| folds(key, name));
        lists.any(|(_, value)| value.as_array().is_some_and(|items| items.iter().any(Value::is_null)))
    }

    /// Whether decoding it gives nothing but what an empty object gives; of the lists `appended` entries count.
    pub(crate) fn is_blank(&self, appended: &[&str]) -> bool {
        let mut last: Vec<(&str, &Value)> = Vec::new();
        for (key, value) in &self.entries {
            match last.iter_mut().find(|(other, _)| folds(key, other)) {
                Some((_, old)) if old.is_string() && value.is_null() => {}
                Some((_, old)) => *old = value,
                None => last.push((key, value)),
            }
        }
        last.iter().all(|(key, value)| match value {
            Value::Null => true,
            Value::String(text) => text.is_empty(),
            Value::Array(items) => items.is_empty() && appended.iter().any(|name| folds(key, name)),
            _ => false,
        })
    }

    /// Refuses what was not taken, where that is strict.
    pub(crate) fn done(self) -> Result<(), Error> {
        match self.entries.first() {
            Some((name, _)) if self.mode == Mode::Strict => {
                Err(Error::invalid(format!("unknown field `{name}`")).in_field(name))
            }
            _ => Ok(()),
        }
    }
}

/// Whether Go takes a key for a name: case does not matter, nor two letters that look like others in lower case.
fn folds(key: &str, name: &str) -> bool {
    let fold = |c: char| match c {
        '\u{17f}' => 's',
        '\u{212a}' => 'k',
        c => c.to_ascii_lowercase(),
    };
    key.chars().map(fold).eq(name.chars().map(fold))
}

/// The string that values leave, decoded one after another; null changes nothing.
fn text(values: Vec<Value>, mode: Mode) -> Option<String> {
    let mut text = String::new();
    for value in values {
        match value {
            Value::Null => {}
            Value::String(value) => text = value,
            Value::Bool(value) if mode.converts() => text = value.to_string(),
            Value::Number(value) if mode.converts() => text = number(&value),
            _ => return None,
        }
    }
    Some(text)
}

fn number(number: &Number) -> String {
    match number.as_f64() {
        Some(float) if number.is_f64() => go_float(float),
        _ => number.to_string(),
    }
}

/// The integer that a number is once Go has written it as JSON.
fn whole(number: &Number) -> Option<i64> {
    if let Some(integer) = number.as_i64() {
        return Some(integer);
    }
    let float = number.as_f64().filter(|f| number.is_f64() && f.fract() == 0.0 && f.abs() < 9.0e18)?;
    format!("{float:.0}").parse().ok()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;
    use serde_json::json;

    #[test]
    fn names_in_several_cases_are_decoded_into_each_other() {
        let mut fields = Fields::of(json!({
            "A": ["x", "y"], "a": ["z"],
            "B": [{"C": "1", "D": "2"}, {"c": "3"}], "b": [{"c": "4"}],
            "E": {"k": "1", "l": "2"}, "e": {"k": "3"},
            "F": "x", "f": null,
            "ſ": "s",
        }))
        .unwrap();
        assert_eq!(fields.texts("a").unwrap(), ["z"]);
        let each = fields.each("b", |mut f| Ok((f.text("c")?, f.text("d")?))).unwrap();
        assert_eq!(each, [("4".to_owned(), "2".to_owned())]);
        let map = fields.text_map("e").unwrap();
        assert_eq!(
            map.into_iter().collect::<Vec<_>>(),
            [("k", "3"), ("l", "2")].map(|(k, v)| (k.into(), v.into()))
        );
        assert_eq!(fields.text("f").unwrap(), "x");
        assert_eq!(fields.text("s").unwrap(), "s");
        fields.done().unwrap();
    }

    #[test]
    fn loose_fields_take_numbers_for_texts() {
        let value = json!({"a": 1.10, "b": true, "c": [1000000.5], "d": {"k": 7}, "e": {}, "n": 3.0});
        assert!(Fields::of(value.clone()).unwrap().text("a").is_err());
        let mut fields = Fields::loose(value).unwrap();
        assert_eq!(fields.text("a").unwrap(), "1.1");
        assert_eq!(fields.text("b").unwrap(), "true");
        assert_eq!(fields.texts("c").unwrap(), ["1.0000005e+06"]);
        assert_eq!(fields.text_map("d").unwrap().into_values().collect::<Vec<_>>(), ["7"]);
        assert!(fields.text("e").is_err());
        assert_eq!(fields.integer("n").unwrap(), 3);
        fields.done().unwrap();
    }
}
