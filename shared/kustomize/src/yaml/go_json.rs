//! JSON text as Go's encoding/json writes it: sorted keys, its own forms of numbers, some characters escaped that
//! others leave.

use serde_json::{Number, Value};

/// The value on one line.
#[must_use]
pub fn go_json(value: &Value) -> String {
    let mut out = String::new();
    write(value, None, &mut out);
    out
}

/// The value over several lines, two spaces deeper at each level.
pub(crate) fn go_json_indented(value: &Value) -> String {
    let mut out = String::new();
    write(value, Some(0), &mut out);
    out
}

fn write(value: &Value, level: Option<usize>, out: &mut String) {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(flag) => out.push_str(if *flag { "true" } else { "false" }),
        Value::Number(number) => out.push_str(&go_number(number)),
        Value::String(text) => quote(text, out),
        Value::Array(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                separate(index, level, out);
                write(item, level.map(|level| level + 1), out);
            }
            end(items.is_empty(), level, out);
            out.push(']');
        }
        Value::Object(map) => {
            let mut fields: Vec<_> = map.iter().collect();
            fields.sort_by_key(|(key, _)| key.as_str());
            out.push('{');
            for (index, (key, value)) in fields.into_iter().enumerate() {
                separate(index, level, out);
                quote(key, out);
                out.push_str(if level.is_some() { ": " } else { ":" });
                write(value, level.map(|level| level + 1), out);
            }
            end(map.is_empty(), level, out);
            out.push('}');
        }
    }
}

fn separate(index: usize, level: Option<usize>, out: &mut String) {
    if index > 0 {
        out.push(',');
    }
    if let Some(level) = level {
        line(level + 1, out);
    }
}

fn end(empty: bool, level: Option<usize>, out: &mut String) {
    if let Some(level) = level.filter(|_| !empty) {
        line(level, out);
    }
}

fn line(level: usize, out: &mut String) {
    out.push('\n');
    out.extend(std::iter::repeat_n("  ", level));
}

fn quote(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '\0'..='\u{1f}' | '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => {
                out.push_str(&format!("\\u{:04x}", u32::from(c)));
            }
            c => out.push(c),
        }
    }
    out.push('"');
}

/// Floats have an exponent below 1e-6 and from 1e21 only.
fn go_number(number: &Number) -> String {
    let Some(float) = number.as_f64().filter(|_| number.is_f64()) else { return number.to_string() };
    let size = float.abs();
    if size == 0.0 || (1e-6..1e21).contains(&size) {
        return format!("{float}");
    }
    match format!("{float:e}").split_once('e') {
        Some((mantissa, exponent)) if !exponent.starts_with('-') => format!("{mantissa}e+{exponent}"),
        Some((mantissa, exponent)) => format!("{mantissa}e{exponent}"),
        None => format!("{float}"),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    #[test]
    fn texts_are_those_of_go() {
        let value: Value = serde_json::from_str(
            r#"{"b": [1, 2.5, 1e21, 1e-7, 0.000001, []], "a<&": "é\u0001\n\u2028", "c": {}}"#,
        )
        .unwrap();
        let compact =
            "{\"a\\u003c\\u0026\":\"é\\u0001\\n\\u2028\",\"b\":[1,2.5,1e+21,1e-7,0.000001,[]],\"c\":{}}";
        assert_eq!(go_json(&value), compact);
        let small = serde_json::json!({"a": [1, {}], "b": {"c": null}});
        let expected = "{\n  \"a\": [\n    1,\n    {}\n  ],\n  \"b\": {\n    \"c\": null\n  }\n}";
        assert_eq!(go_json_indented(&small), expected);
    }
}
