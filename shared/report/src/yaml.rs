//! Values as YAML for people: block style, nothing folded, strings that could be taken for something else quoted.
//! Not a serialiser to store or apply: a control character inside a multi-line string stands there as it is.

use std::rc::Rc;

use domain::change::{join, labels};
use serde_json::{Map, Value};

use crate::safe::unseen;

/// Below this depth a value is written on one line, as JSON.
const DEEPEST: usize = 200;
/// What a reader looks for first in an object; other fields follow in the order of the alphabet.
const FIRST: [&str; 3] = ["apiVersion", "kind", "metadata"];

/// A line, and the path of the field that it belongs to.
pub(crate) struct Line {
    pub(crate) text: String,
    pub(crate) path: Rc<str>,
}

/// A value as YAML, ending in a line feed.
pub fn to_string(value: &Value) -> String {
    lines(value).into_iter().map(|line| line.text + "\n").collect()
}

/// A value as lines without line feeds.
pub(crate) fn lines(value: &Value) -> Vec<Line> {
    let mut out = Writer { lines: Vec::new() };
    let root: Rc<str> = Rc::from("");
    match value {
        Value::Object(fields) if !fields.is_empty() => out.fields(fields, 0, &root, 0),
        Value::Array(items) if !items.is_empty() => out.items(items, 0, &root, "", 0),
        scalar => out.inline(String::new(), scalar, 0, &root),
    }
    out.lines
}

struct Writer {
    lines: Vec<Line>,
}

impl Writer {
    fn push(&mut self, text: String, path: &Rc<str>) {
        self.lines.push(Line { text, path: Rc::clone(path) });
    }

    fn fields(&mut self, fields: &Map<String, Value>, indent: usize, path: &Rc<str>, depth: usize) {
        let mut keys: Vec<&String> = fields.keys().collect();
        keys.sort_by_key(|key| {
            let place = FIRST.iter().position(|first| depth == 0 && first == key);
            (place.unwrap_or(FIRST.len()), *key)
        });
        for key in keys {
            let here: Rc<str> = join(path, key).into();
            let lead = format!("{}{}:", " ".repeat(indent), scalar(key));
            match &fields[key] {
                Value::Object(inner) if !inner.is_empty() && depth < DEEPEST => {
                    self.push(lead, &here);
                    self.fields(inner, indent + 2, &here, depth + 1);
                }
                // Lists stand under their key without further indentation, as in most manifests.
                Value::Array(inner) if !inner.is_empty() && depth < DEEPEST => {
                    self.push(lead, &here);
                    self.items(inner, indent, &here, key, depth + 1);
                }
                leaf => self.inline(format!("{lead} "), leaf, indent, &here),
            }
        }
    }

    fn items(&mut self, items: &[Value], indent: usize, path: &Rc<str>, field: &str, depth: usize) {
        let labels = labels(field, items);
        for (i, item) in items.iter().enumerate() {
            let here: Rc<str> = match labels.get(i) {
                Some(label) => format!("{path}[{label}]"),
                None => format!("{path}[{i}]"),
            }
            .into();
            let lead = format!("{}- ", " ".repeat(indent));
            let first = self.lines.len();
            match item {
                Value::Object(inner) if !inner.is_empty() && depth < DEEPEST => {
                    self.fields(inner, indent + 2, &here, depth + 1);
                }
                Value::Array(inner) if !inner.is_empty() && depth < DEEPEST => {
                    self.items(inner, indent + 2, &here, "", depth + 1);
                }
                leaf => {
                    self.inline(lead, leaf, indent, &here);
                    continue;
                }
            }
            // The item's first line gets the dash in place of its indentation.
            if let Some(line) = self.lines.get_mut(first) {
                line.text.replace_range(..lead.len(), &lead);
            }
        }
    }

    /// A value that stands behind its key or dash.
    fn inline(&mut self, lead: String, value: &Value, indent: usize, path: &Rc<str>) {
        match value {
            Value::String(text) if text.trim_matches('\n').contains('\n') => {
                self.block(&lead, text, indent, path)
            }
            Value::String(text) => self.push(format!("{lead}{}", scalar(text)), path),
            other => self.push(format!("{lead}{other}"), path),
        }
    }

    /// A string of several lines, as a literal block.
    fn block(&mut self, lead: &str, text: &str, indent: usize, path: &Rc<str>) {
        let body = text.trim_end_matches('\n');
        let chomp = match text.len() - body.len() {
            0 => "-",
            1 => "",
            _ => "+",
        };
        let first = body.trim_start_matches('\n');
        let hint = if first.starts_with([' ', '\t']) || body.len() != first.len() { "2" } else { "" };
        self.push(format!("{lead}|{hint}{chomp}"), path);
        let all = if chomp == "+" { &text[..text.len() - 1] } else { body };
        for line in all.split('\n') {
            let pad = if line.is_empty() { 0 } else { indent + 2 };
            self.push(format!("{}{line}", " ".repeat(pad)), path);
        }
    }
}

/// A string on one line: plain where no reader could take it for anything else, quoted otherwise.
pub(crate) fn scalar(text: &str) -> String {
    if text.chars().any(unseen) {
        return double_quoted(text);
    }
    if plain(text) { text.to_owned() } else { format!("'{}'", text.replace('\'', "''")) }
}

fn double_quoted(text: &str) -> String {
    let mut out = String::from('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            c if unseen(c) && u32::from(c) <= 0xff => out.push_str(&format!("\\x{:02X}", u32::from(c))),
            c if unseen(c) && u32::from(c) <= 0xffff => out.push_str(&format!("\\u{:04X}", u32::from(c))),
            c if unseen(c) => out.push_str(&format!("\\U{:08X}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

fn plain(text: &str) -> bool {
    let Some(first) = text.chars().next() else { return false };
    // A dash opens a list item before a space only, and three of them a document: `-v` and `--force` are plain.
    let opens_something = match first {
        '-' => text.len() == 1 || text.starts_with("- ") || text.starts_with("---"),
        _ => "?:,[]{}#&*!|>'\"%@`=<~".contains(first),
    };
    !(opens_something
        || text.starts_with(char::is_whitespace)
        || text.ends_with(char::is_whitespace)
        || text.ends_with(':')
        || text.contains(": ")
        || text.contains(" #")
        || text.contains(['\t', '\n'])
        || reads_as_word(text)
        || reads_as_number(text))
}

/// What YAML 1.1 takes for a boolean or nothing.
fn reads_as_word(text: &str) -> bool {
    matches!(
        text.to_ascii_lowercase().as_str(),
        "y" | "n"
            | "yes"
            | "no"
            | "on"
            | "off"
            | "true"
            | "false"
            | "null"
            | ".inf"
            | ".nan"
            | "-.inf"
            | "+.inf"
    )
}

/// What YAML 1.1 may take for a number, a time of base 60, or a date. Rather too often than not often enough.
fn reads_as_number(text: &str) -> bool {
    let digits = text.trim_start_matches(['+', '-']);
    if !digits.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
        return false;
    }
    let based = ["0x", "0o", "0b"].iter().any(|base| digits.to_ascii_lowercase().starts_with(base));
    let decimal = digits.bytes().all(|b| b.is_ascii_digit() || b"_.:eE+-".contains(&b));
    let date =
        text.len() >= 10 && text.as_bytes()[4] == b'-' && text.as_bytes()[..4].iter().all(u8::is_ascii_digit);
    based || date || (decimal && digits.matches('.').count() <= 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn check(value: Value, expected: &str) {
        assert_eq!(to_string(&value), expected);
    }

    #[test]
    fn objects_look_as_people_write_them() {
        check(
            json!({"spec": {"b": [{"name": "web", "args": ["-v", "x y"]}, []], "a": {}}, "kind": "A", "apiVersion": "v1"}),
            "apiVersion: v1\nkind: A\nspec:\n  a: {}\n  b:\n  - args:\n    - -v\n    - x y\n    name: web\n  - []\n",
        );
        check(
            json!({"a": null, "b": true, "c": 1.5, "d": [[1, 2]]}),
            "a: null\nb: true\nc: 1.5\nd:\n- - 1\n  - 2\n",
        );
    }

    #[test]
    fn strings_of_many_lines_are_blocks() {
        check(json!({"a": "x\ny\n"}), "a: |\n  x\n  y\n");
        check(json!({"a": {"b": "x\n\n  y"}}), "a:\n  b: |-\n    x\n\n      y\n");
        check(json!(["x\ny\n\n"]), "- |+\n  x\n  y\n\n");
        check(json!({"a": "  x\ny"}), "a: |2-\n    x\n  y\n");
        check(json!({"a": "x\n"}), "a: \"x\\n\"\n");
    }

    #[test]
    fn what_could_be_something_else_is_quoted() {
        let check = |text: &str, expected: &str| assert_eq!(scalar(text), expected);
        for same in [
            "web",
            "nginx:1.27.1",
            "10.0.0.1",
            "1.2.3",
            "-v",
            "--force",
            "a b",
            "http://x/y?z=1",
            "100m",
            "5Gi",
        ] {
            check(same, same);
        }
        for odd in
            ["", "yes", "No", "null", "~", "1", "1.5", "0x1F", "1e3", "12:30", "2001-01-01", "+1", "-.5"]
        {
            check(odd, &format!("'{odd}'"));
        }
        for odd in [
            "- a", "a: b", "a #b", " a", "a ", "a:", "*a", "&a", "!a", "{a", "[a", "#a", "@a", "%a", "---",
            "|",
        ] {
            check(odd, &format!("'{odd}'"));
        }
        check("'it's", "'''it''s'");
        check("a\u{202e}\u{1b}\u{e0001}\"", "\"a\\u202E\\x1B\\U000E0001\\\"\"");
    }

    #[test]
    fn lines_know_their_field() {
        let all = lines(&json!({"spec": {"containers": [{"name": "web", "image": "a"}]}}));
        let paths: Vec<&str> = all.iter().map(|line| &*line.path).collect();
        assert_eq!(
            paths,
            ["spec", "spec.containers", "spec.containers[web].image", "spec.containers[web].name"]
        );
    }

    fn values() -> impl Strategy<Value = Value> {
        let text = prop_oneof![
            "[a-z0-9 .:#'\"~|>{}@`*&!%?,=_+\\[\\]\\\\-]{0,12}",
            "[ a-z:#-]{0,6}(\n[ a-z:#-]{0,6}){1,4}",
            "[0-9a-fxoe_.:+-]{1,8}",
            "\\PC{0,8}",
        ];
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i32>().prop_map(Value::from),
            text.prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 40, 5, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
                prop::collection::hash_map("[a-z./0-9-]{1,8}", inner, 0..5)
                    .prop_map(|fields| Value::Object(fields.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn a_yaml_parser_reads_the_same_value(value in values()) {
            let text = to_string(&value);
            let read: Value = serde_saphyr::from_str(&text).map_err(|e| TestCaseError::fail(format!("{e}\n{text}")))?;
            prop_assert_eq!(read, value, "{}", text);
        }
    }
}
