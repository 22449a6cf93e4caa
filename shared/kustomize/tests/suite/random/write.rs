//! Writes a value as YAML in one of the many ways in which people do.

use serde_json::{Map, Value};

use crate::random::dice::Dice;
use crate::random::features::Feature;

/// Marks a text that is written as it is, without quotes, whatever it then means.
pub(crate) const RAW: char = '\u{1}';

/// A text to write without quotes.
pub(crate) fn raw(text: &str) -> Value {
    Value::String(format!("{RAW}{text}"))
}

/// A document in a random style.
pub(crate) fn write(dice: &mut Dice, value: &Value) -> String {
    let fancy = dice.wants(Feature::YamlStyle, 35);
    let mut writer = Writer { dice, fancy, anchors: Vec::new(), out: String::new() };
    if fancy && writer.dice.percent(20) {
        writer.out.push_str("# a comment\n");
    }
    match value {
        Value::Object(_) | Value::Array(_) if !is_empty(value) => writer.block(value, 0),
        _ => {
            writer.scalar(value, 0, false);
            writer.out.push('\n');
        }
    }
    let text = writer.out;
    if fancy { framed(dice, text) } else { text }
}

/// Ends of lines, of the file, and what may stand before its first line.
fn framed(dice: &mut Dice, mut text: String) -> String {
    if dice.percent(8) {
        text = format!("---\n{text}");
    }
    if dice.percent(8) {
        text = text.replace('\n', "\r\n");
    }
    if dice.percent(8) {
        text = text.trim_end_matches(['\n', '\r']).to_owned();
    }
    if dice.percent(3) {
        text = format!("\u{feff}{text}");
    }
    text
}

fn is_empty(value: &Value) -> bool {
    value.as_object().is_some_and(Map::is_empty) || value.as_array().is_some_and(Vec::is_empty)
}

struct Writer<'a> {
    dice: &'a mut Dice,
    fancy: bool,
    anchors: Vec<(Value, String)>,
    out: String,
}

impl Writer<'_> {
    fn indent(&mut self, depth: usize) {
        self.out.push_str(&" ".repeat(depth));
    }

    fn block(&mut self, value: &Value, depth: usize) {
        match value {
            Value::Object(map) => self.map(map, depth),
            Value::Array(items) => {
                for item in items {
                    self.indent(depth);
                    self.out.push('-');
                    self.item(item, depth);
                }
            }
            _ => {}
        }
    }

    fn map(&mut self, map: &Map<String, Value>, depth: usize) {
        let mut fields: Vec<(&String, &Value)> = map.iter().collect();
        if self.fancy && self.dice.percent(20) {
            self.dice.shuffle(&mut fields);
        }
        if let Some(anchor) = self.mergeable(map) {
            self.indent(depth);
            self.out.push_str(&format!("<<: *{anchor}\n"));
            let (merged, _) = self.anchors.iter().find(|(_, name)| *name == anchor).unwrap();
            let merged = merged.as_object().unwrap().clone();
            fields.retain(|(key, value)| merged.get(*key) != Some(value));
        }
        for (key, value) in fields {
            if self.fancy && self.dice.percent(3) {
                self.indent(depth);
                self.out.push_str("# about this\n");
            }
            self.indent(depth);
            self.key(key);
            self.out.push(':');
            self.field(value, depth);
        }
    }

    /// An anchored map all of whose fields this one has.
    fn mergeable(&mut self, map: &Map<String, Value>) -> Option<String> {
        if !self.fancy || !self.dice.percent(30) {
            return None;
        }
        let within = |part: &Value| {
            part.as_object().is_some_and(|part| {
                !part.is_empty() && part.len() < map.len() && part.iter().all(|(k, v)| map.get(k) == Some(v))
            })
        };
        self.anchors.iter().find(|(part, _)| within(part)).map(|(_, name)| name.clone())
    }

    fn key(&mut self, key: &str) {
        if is_plain(key) && !(self.fancy && self.dice.percent(3)) {
            self.out.push_str(key);
        } else {
            self.out.push_str(&double_quoted(key));
        }
    }

    /// What stands behind a key, from the blank on.
    fn field(&mut self, value: &Value, depth: usize) {
        self.out.push(' ');
        if self.alias(value) {
            return;
        }
        if self.flows(value) {
            self.scalar(value, depth, false);
            self.comment();
            self.out.push('\n');
            return;
        }
        let trimmed = self.out.trim_end_matches(' ').len();
        self.out.truncate(trimmed);
        self.out.push('\n');
        let inner = if value.is_array() && self.dice.percent(50) { depth } else { depth + 2 };
        self.block(value, inner);
    }

    /// What stands behind a dash.
    fn item(&mut self, value: &Value, depth: usize) {
        self.out.push(' ');
        if self.alias(value) {
            return;
        }
        if self.flows(value) {
            self.scalar(value, depth, false);
            self.out.push('\n');
            return;
        }
        let start = self.out.len();
        if self.out.trim_end_matches(' ').len() + 1 < start {
            // An anchor stands there: the collection begins on the next line.
            self.out.push('\n');
            self.block(value, depth + 2);
            return;
        }
        self.block(value, depth + 2);
        let line: String = self.out[start..].to_owned();
        if let Some(rest) = line.strip_prefix(&" ".repeat(depth + 2))
            && !rest.starts_with('#')
            && !rest.starts_with("<<")
        {
            self.out.truncate(start);
            self.out.push_str(rest);
        } else {
            self.out.insert(start, '\n');
        }
    }

    /// Writes an alias of a value seen before; or anchors the value that comes, now and then.
    fn alias(&mut self, value: &Value) -> bool {
        if !self.fancy || is_empty(value) || value.is_null() {
            return false;
        }
        let known = self.anchors.iter().find(|(seen, _)| seen == value).map(|(_, name)| name.clone());
        if let Some(name) = known
            && self.dice.percent(50)
        {
            self.out.push_str(&format!("*{name}\n"));
            return true;
        }
        let small = value.as_object().is_some_and(|m| m.len() < 4) || value.is_string();
        if small && self.dice.percent(if value.is_object() { 25 } else { 4 }) {
            let name = format!("a{}", self.dice.below(9));
            self.anchors.retain(|(_, other)| *other != name);
            self.anchors.push((value.clone(), name.clone()));
            self.out.push_str(&format!("&{name} "));
        }
        false
    }

    fn comment(&mut self) {
        if self.fancy && self.line_takes_comment() && self.dice.percent(3) {
            self.out.push_str(" # so");
        }
    }

    fn line_takes_comment(&self) -> bool {
        let line = self.out.rsplit('\n').next().unwrap_or_default();
        line.contains(": ") && !line.ends_with(' ')
    }

    /// Whether the value is written on the line of its key.
    fn flows(&mut self, value: &Value) -> bool {
        match value {
            Value::Object(_) | Value::Array(_) => {
                let short = value.to_string().len() < 60 && !value.to_string().contains("\\n");
                is_empty(value) || (short && self.dice.percent(if self.fancy { 50 } else { 25 }))
            }
            _ => true,
        }
    }

    fn scalar(&mut self, value: &Value, depth: usize, flow: bool) {
        match value {
            Value::String(text) => self.text(text, depth, flow),
            Value::Array(items) => {
                self.out.push('[');
                for (at, item) in items.iter().enumerate() {
                    self.out.push_str(if at == 0 { "" } else { ", " });
                    self.scalar(item, depth, true);
                }
                self.out.push(']');
            }
            Value::Object(map) => {
                self.out.push('{');
                for (at, (key, value)) in map.iter().enumerate() {
                    self.out.push_str(if at == 0 { "" } else { ", " });
                    self.key(key);
                    self.out.push_str(": ");
                    self.scalar(value, depth, true);
                }
                self.out.push('}');
            }
            Value::Null if self.dice.percent(30) => self.out.push('~'),
            other => self.out.push_str(&other.to_string()),
        }
    }

    fn text(&mut self, text: &str, depth: usize, flow: bool) {
        if let Some(raw) = text.strip_prefix(RAW) {
            self.out.push_str(raw);
        } else if !flow && text.contains('\n') && blocks(text) && !self.dice.percent(10) {
            self.literal(text, depth);
        } else if is_plain(text) && !(self.fancy && self.dice.percent(10)) {
            self.out.push_str(text);
        } else if !text.contains(['\n', '\t', '\u{7f}']) && self.dice.percent(50) {
            self.out.push_str(&format!("'{}'", text.replace('\'', "''")));
        } else {
            self.out.push_str(&double_quoted(text));
        }
    }

    /// A block of lines. A folded one means something else than the text; both sides read the same.
    fn literal(&mut self, text: &str, depth: usize) {
        let structured = text.contains(": ") || text.contains("- ") || text.contains("\n ");
        let mark = if self.fancy && !structured && self.dice.percent(40) { '>' } else { '|' };
        let chomp = match text {
            _ if self.fancy && self.dice.percent(15) => "+",
            _ if text.ends_with('\n') => "",
            _ => "-",
        };
        self.out.push(mark);
        self.out.push_str(chomp);
        for line in text.strip_suffix('\n').unwrap_or(text).split('\n') {
            self.out.push('\n');
            if !line.is_empty() {
                self.indent(depth + 2);
                self.out.push_str(line);
            }
        }
        if chomp == "+" && self.dice.percent(50) {
            self.out.push('\n');
        }
    }
}

/// Whether a text can be a block scalar without an indentation indicator.
fn blocks(text: &str) -> bool {
    let first = text.split('\n').next().unwrap_or_default();
    !first.is_empty()
        && !first.starts_with([' ', '\t'])
        && !text.ends_with("\n\n")
        && !text.contains('\u{7f}')
}

fn double_quoted(text: &str) -> String {
    serde_json::to_string(text).unwrap()
}

/// Whether a text can stand without quotes, in a flow collection too, and is a string then for every reader.
fn is_plain(text: &str) -> bool {
    let words = ["true", "false", "null", "yes", "no", "on", "off", "y", "n"];
    let lower = text.to_ascii_lowercase();
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/' || c == '$')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "_./-$()".contains(c))
        && !words.contains(&lower.as_str())
}
