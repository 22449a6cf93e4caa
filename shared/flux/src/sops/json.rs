//! JSON whose fields keep their order, written as SOPS writes it: tabs, and Go's escapes.

use std::fmt;

use kustomize::yaml::{Ordered, go_json};
use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

struct Json(Ordered);

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(Reader).map(Json)
    }
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Ordered;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E: Error>(self) -> Result<Ordered, E> {
        Ok(Ordered::Null)
    }

    fn visit_bool<E: Error>(self, flag: bool) -> Result<Ordered, E> {
        Ok(Ordered::Bool(flag))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Ordered, E> {
        Ok(Ordered::Int(number))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Ordered, E> {
        Ok(i64::try_from(number).map_or(Ordered::Float(number as f64), Ordered::Int))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Ordered, E> {
        Ok(Ordered::Float(number))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Ordered, E> {
        Ok(Ordered::Text(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Ordered, A::Error> {
        let mut list = Vec::new();
        while let Some(Json(item)) = items.next_element()? {
            list.push(item);
        }
        Ok(Ordered::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Ordered, A::Error> {
        let mut fields = Vec::new();
        while let Some((name, Json(value))) = entries.next_entry()? {
            fields.push((name, value));
        }
        Ok(Ordered::Map(fields))
    }
}

/// Reads a text.
pub(super) fn parse(text: &str) -> Result<Ordered, String> {
    // SOPS reads the first value and leaves the rest.
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<Json>();
    match values.next() {
        Some(Ok(Json(value))) => Ok(value),
        Some(Err(error)) => Err(format!("it is not JSON (line {}, column {})", error.line(), error.column())),
        None => Err("it is empty".to_owned()),
    }
}

/// The text of a value.
pub(super) fn emit(value: &Ordered) -> String {
    let mut out = String::new();
    write(value, 0, &mut out);
    out.push('\n');
    out
}

fn write(value: &Ordered, level: usize, out: &mut String) {
    match value {
        Ordered::Null => out.push_str("null"),
        Ordered::Bool(flag) => out.push_str(if *flag { "true" } else { "false" }),
        Ordered::Int(number) => out.push_str(&number.to_string()),
        Ordered::Float(number) => out.push_str(&go_json(&Value::from(*number))),
        Ordered::Time(text) | Ordered::Text(text) => out.push_str(&go_json(&Value::from(text.as_str()))),
        Ordered::List(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                line(index > 0, level + 1, out);
                write(item, level + 1, out);
            }
            close(items.is_empty(), level, ']', out);
        }
        Ordered::Map(fields) => {
            out.push('{');
            for (index, (name, value)) in fields.iter().enumerate() {
                line(index > 0, level + 1, out);
                out.push_str(&go_json(&Value::from(name.as_str())));
                out.push_str(": ");
                write(value, level + 1, out);
            }
            close(fields.is_empty(), level, '}', out);
        }
    }
}

fn line(comma: bool, level: usize, out: &mut String) {
    if comma {
        out.push(',');
    }
    out.push('\n');
    out.extend(std::iter::repeat_n('\t', level));
}

fn close(empty: bool, level: usize, bracket: char, out: &mut String) {
    if !empty {
        line(false, level, out);
    }
    out.push(bracket);
}

/// An object as SOPS gets it from kustomize: with its fields sorted.
pub(super) fn from_object(value: &Value) -> Ordered {
    match value {
        Value::Null => Ordered::Null,
        Value::Bool(flag) => Ordered::Bool(*flag),
        Value::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(number), _) => Ordered::Int(number),
            (None, float) => Ordered::Float(float.unwrap_or_default()),
        },
        Value::String(text) => Ordered::Text(text.clone()),
        Value::Array(items) => Ordered::List(items.iter().map(from_object).collect()),
        Value::Object(fields) => {
            Ordered::Map(fields.iter().map(|(name, value)| (name.clone(), from_object(value))).collect())
        }
    }
}

/// The object again. Whole numbers are written without a fraction, as in Go.
pub(super) fn to_object(value: Ordered) -> Value {
    match value {
        Ordered::Null => Value::Null,
        Ordered::Bool(flag) => Value::Bool(flag),
        Ordered::Int(number) => Value::from(number),
        Ordered::Float(number) if number.fract() == 0.0 && number.abs() < 1e15 => Value::from(number as i64),
        Ordered::Float(number) => Value::from(number),
        Ordered::Time(text) | Ordered::Text(text) => Value::String(text),
        Ordered::List(items) => items.into_iter().map(to_object).collect(),
        Ordered::Map(fields) => {
            Value::Object(fields.into_iter().map(|(name, value)| (name, to_object(value))).collect())
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    #[test]
    fn order_and_escapes_are_gos() {
        let check = |text: &str, expected: &str| assert_eq!(emit(&parse(text).unwrap()), expected);
        check(
            "{\"b\":[1,{}],\"a\":\"<&>\"}",
            "{\n\t\"b\": [\n\t\t1,\n\t\t{}\n\t],\n\t\"a\": \"\\u003c\\u0026\\u003e\"\n}\n",
        );
        check("{\"e\":[],\"f\":1.50,\"n\":null}", "{\n\t\"e\": [],\n\t\"f\": 1.5,\n\t\"n\": null\n}\n");
        assert!(parse("{\"a\":").is_err() && parse("").is_err());
    }
}
