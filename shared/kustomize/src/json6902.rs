//! JSON patches as the library that kustomize links applies them, which is laxer than the RFC in places.

use serde_json::{Map, Value};

use crate::{Error, meter};

/// Parts that a path may have; it bounds how deep a patch can build.
const LONGEST_PATH: usize = 256;

/// A decoded patch.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct JsonPatch(Vec<Map<String, Value>>);

impl JsonPatch {
    /// Decodes a list of operations; `None` when the value is not one.
    pub(crate) fn decode(value: Value) -> Option<JsonPatch> {
        let operations = match value {
            Value::Null => Vec::new(),
            Value::Array(items) => items
                .into_iter()
                .map(|item| match item {
                    Value::Object(map) => Some(map),
                    Value::Null => Some(Map::new()),
                    _ => None,
                })
                .collect::<Option<_>>()?,
            _ => return None,
        };
        Some(JsonPatch(operations))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Refuses what would show that kustomize keeps notes among an object's annotations: a test of all of them fails in
    /// kustomize, and a copy of all of them has the notes in it.
    pub(crate) fn check_notes(&self) -> Result<(), Error> {
        let around = |operation: &Map<String, Value>, field: &str| {
            let path = operation.get(field).and_then(Value::as_str);
            path.is_some_and(|path| matches!(path, "" | "/metadata" | "/metadata/annotations"))
        };
        for operation in &self.0 {
            match operation.get("op").and_then(Value::as_str) {
                Some("test") if around(operation, "path") => {
                    return Err(Error::invalid(
                        "testing all annotations fails: kustomize's own are among them",
                    ));
                }
                Some("copy" | "move") if around(operation, "from") => {
                    return Err(Error::unsupported("a json patch that copies or moves all annotations"));
                }
                // From here on the notes are gone.
                Some("remove" | "replace" | "add") if around(operation, "path") => return Ok(()),
                _ => {}
            }
        }
        Ok(())
    }

    /// Applies all operations; `grown` is told of every value that a copy or a move puts elsewhere.
    pub(crate) fn apply(
        &self,
        document: &mut Value,
        grown: &mut dyn FnMut(&Value) -> Result<(), Error>,
    ) -> Result<(), Error> {
        self.0.iter().try_for_each(|operation| apply_one(document, operation, grown))
    }
}

fn apply_one(
    document: &mut Value,
    operation: &Map<String, Value>,
    grown: &mut dyn FnMut(&Value) -> Result<(), Error>,
) -> Result<(), Error> {
    let text = |field: &str| match operation.get(field) {
        Some(Value::String(text)) => Ok(text.as_str()),
        _ => Err(Error::invalid(format!("a json patch operation lacks `{field}`"))),
    };
    let value = || operation.get("value").cloned().unwrap_or(Value::Null);
    meter::work(50)?;
    meter::copy(operation.get("value").map_or(0, weight))?;
    let op = operation.get("op").and_then(Value::as_str).unwrap_or("unknown");
    let path = || text("path");
    match op {
        "add" => add(document, path()?, value()),
        "remove" => take(document, path()?).map(drop),
        "replace" => replace(document, path()?, value()),
        "move" => {
            let moved = take(document, text("from")?)?;
            grown(&moved)?;
            add(document, path()?, moved)
        }
        "copy" => {
            let copy = get(document, text("from")?)?;
            grown(&copy)?;
            meter::copy(weight(&copy))?;
            add(document, path()?, copy)
        }
        "test" => {
            let path = path()?;
            let found = if path.is_empty() { document.clone() } else { get(document, path)? };
            meter::work(weight(&found) / 16)?;
            if equal(&found, &value()) {
                Ok(())
            } else {
                Err(Error::invalid(format!("json patch test of `{path}` failed")))
            }
        }
        other => Err(Error::invalid(format!("`{other}` is not a json patch operation"))),
    }
}

/// About how many bytes a value takes.
fn weight(value: &Value) -> usize {
    let (mut bytes, mut stack) = (0, vec![value]);
    while let Some(value) = stack.pop() {
        bytes += 64;
        match value {
            Value::String(text) => bytes += text.len(),
            Value::Array(items) => stack.extend(items),
            Value::Object(map) => {
                bytes += 256 + map.keys().map(String::len).sum::<usize>();
                stack.extend(map.values());
            }
            _ => {}
        }
    }
    bytes
}

fn equal(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => a == b || a.as_f64() == b.as_f64(),
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| equal(a, b)),
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(key, a)| b.get(key).is_some_and(|b| equal(a, b)))
        }
        _ => a == b,
    }
}

fn missing(path: &str) -> Error {
    Error::invalid(format!("json patch does not apply: the document is missing path `{path}`"))
}

/// The collection that holds the last part of the path, and that part.
fn parent<'a>(document: &'a mut Value, path: &str) -> Result<(&'a mut Value, String), Error> {
    let mut parts: Vec<String> = path.split('/').map(|p| p.replace("~1", "/").replace("~0", "~")).collect();
    if parts.len() > LONGEST_PATH {
        return Err(
            crate::ErrorKind::Limit { limit: "parts of a json patch path", value: LONGEST_PATH }.into()
        );
    }
    let Some(key) = parts.pop().filter(|_| !parts.is_empty()) else { return Err(missing(path)) };
    let mut at = document;
    for part in parts.iter().skip(1) {
        at = match at {
            Value::Object(map) => map.get_mut(part),
            Value::Array(items) => index(part, items.len()).and_then(|i| items.get_mut(i)),
            _ => None,
        }
        .ok_or_else(|| missing(path))?;
    }
    if at.is_object() || at.is_array() { Ok((at, key)) } else { Err(missing(path)) }
}

/// A place in a list of that length; negative ones count from the end.
fn index(part: &str, length: usize) -> Option<usize> {
    let index: isize = part.parse().ok()?;
    let length = isize::try_from(length).ok()?;
    let index = if index < 0 { index + length } else { index };
    usize::try_from(index).ok().filter(|i| *i < length.unsigned_abs())
}

fn get(document: &mut Value, path: &str) -> Result<Value, Error> {
    let (holder, key) = parent(document, path)?;
    match holder {
        Value::Object(map) => Ok(map.get(&key).cloned().unwrap_or(Value::Null)),
        Value::Array(items) => {
            index(&key, items.len()).and_then(|i| items.get(i)).cloned().ok_or_else(|| missing(path))
        }
        _ => Err(missing(path)),
    }
}

fn add(document: &mut Value, path: &str, value: Value) -> Result<(), Error> {
    let (holder, key) = parent(document, path)?;
    match holder {
        Value::Object(map) => {
            map.insert(key, value);
        }
        Value::Array(items) if key == "-" => items.push(value),
        Value::Array(items) => {
            meter::work(items.len() / 8)?;
            let at = index(&key, items.len() + 1).ok_or_else(|| missing(path))?;
            items.insert(at, value);
        }
        _ => return Err(missing(path)),
    }
    Ok(())
}

fn take(document: &mut Value, path: &str) -> Result<Value, Error> {
    let (holder, key) = parent(document, path)?;
    match holder {
        Value::Object(map) => map.remove(&key).ok_or_else(|| missing(path)),
        Value::Array(items) => {
            meter::work(items.len() / 8)?;
            let at = index(&key, items.len()).ok_or_else(|| missing(path))?;
            Ok(items.remove(at))
        }
        _ => Err(missing(path)),
    }
}

/// Replaces; in a map, a key that is missing is added.
fn replace(document: &mut Value, path: &str, value: Value) -> Result<(), Error> {
    if path.is_empty() {
        if !value.is_object() && !value.is_array() {
            return Err(Error::invalid("a json patch can replace a document only by an object or an array"));
        }
        *document = value;
        return Ok(());
    }
    let (holder, key) = parent(document, path)?;
    match holder {
        Value::Object(map) => {
            map.insert(key, value);
        }
        Value::Array(items) => {
            let length = items.len();
            let slot = index(&key, length).and_then(|i| items.get_mut(i)).ok_or_else(|| missing(path))?;
            *slot = value;
        }
        _ => return Err(missing(path)),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use serde_json::json;

    use super::*;

    fn apply(document: Value, patch: Value) -> Result<Value, Error> {
        let mut document = document;
        JsonPatch::decode(patch).unwrap().apply(&mut document, &mut |_| Ok(()))?;
        Ok(document)
    }

    #[test]
    fn operations() {
        let check = |document: Value, patch: Value, expected: Value| {
            assert_eq!(apply(document, patch).unwrap(), expected)
        };
        check(json!({"a": [1]}), json!([{"op": "add", "path": "/a/-", "value": 2}]), json!({"a": [1, 2]}));
        check(json!({"a": [1]}), json!([{"op": "add", "path": "/a/0", "value": 2}]), json!({"a": [2, 1]}));
        check(json!({}), json!([{"op": "replace", "path": "/a", "value": 2}]), json!({"a": 2}));
        check(json!({"a/b": 1}), json!([{"op": "remove", "path": "/a~1b"}]), json!({}));
        check(
            json!({"a": {"b": 1}}),
            json!([{"op": "move", "from": "/a/b", "path": "/c"}]),
            json!({"a": {}, "c": 1}),
        );
        check(json!({"a": 1}), json!([{"op": "copy", "from": "/a", "path": "/b"}]), json!({"a": 1, "b": 1}));
        check(json!({"a": [1, 2]}), json!([{"op": "remove", "path": "/a/-1"}]), json!({"a": [1]}));
        for bad in [
            json!([{"op": "remove", "path": "/x"}]),
            json!([{"op": "add", "path": "/x/y", "value": 1}]),
            json!([{"op": "test", "path": "/a", "value": 2}]),
            json!([{"op": "frob", "path": "/a"}]),
            json!([{"op": "add", "path": "a", "value": 1}]),
        ] {
            assert!(apply(json!({"a": 1}), bad.clone()).is_err(), "{bad}");
        }
    }
}
