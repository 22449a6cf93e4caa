//! A JSON value spelled one token a line, so that any bytes are some value and a changed byte changes little.
//!
//! `{` and `[` open, `}` and `]` close, `:KEY` names the next value, `"TEXT` is a string, `#NUMBER` a number, `t` and `f`
//! booleans, anything else is null. In texts `\n` is a line break and `\\` a backslash.

use serde_json::{Map, Number, Value};

/// Deeper collections are left out.
const DEEPEST: usize = 40;

struct Frame {
    key: String,
    collection: Value,
}

/// The value that `data` spells.
pub fn parse(data: &str) -> Value {
    let mut stack = vec![Frame { key: String::new(), collection: Value::Array(Vec::new()) }];
    let mut key = String::new();
    for line in data.split('\n') {
        let mut chars = line.chars();
        let (token, rest) = (chars.next(), chars.as_str());
        let value = match token {
            Some(':') => {
                key = unescape(rest);
                continue;
            }
            Some(open @ ('{' | '[')) if stack.len() < DEEPEST => {
                let collection =
                    if open == '{' { Value::Object(Map::new()) } else { Value::Array(Vec::new()) };
                stack.push(Frame { key: std::mem::take(&mut key), collection });
                continue;
            }
            Some('}' | ']') if stack.len() > 1 => {
                close(&mut stack);
                continue;
            }
            Some('"') => Value::String(unescape(rest)),
            Some('#') => number(rest),
            Some('t') => Value::Bool(true),
            Some('f') => Value::Bool(false),
            _ => Value::Null,
        };
        add(&mut stack, std::mem::take(&mut key), value);
    }
    while stack.len() > 1 {
        close(&mut stack);
    }
    stack.pop().map_or(Value::Null, |frame| frame.collection)
}

fn close(stack: &mut Vec<Frame>) {
    if let Some(frame) = stack.pop() {
        add(stack, frame.key, frame.collection);
    }
}

fn add(stack: &mut [Frame], key: String, value: Value) {
    match stack.last_mut().map(|frame| &mut frame.collection) {
        Some(Value::Array(items)) => items.push(value),
        Some(Value::Object(map)) => {
            map.insert(key, value);
        }
        _ => {}
    }
}

fn number(text: &str) -> Value {
    let integer = text.parse::<i64>().ok().map(Number::from);
    let integer = integer.or_else(|| text.parse::<u64>().ok().map(Number::from));
    integer.or_else(|| text.parse::<f64>().ok().and_then(Number::from_f64)).map_or(Value::Null, Value::Number)
}

fn unescape(text: &str) -> String {
    text.replace("\\n", "\n").replace("\\\\", "\\")
}
