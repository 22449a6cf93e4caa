//! JSON values to YAML text, byte for byte as go-yaml v2 writes it.

mod facts;
mod natural;
mod number;
mod scalar;

use serde_json::{Map, Value};

pub(super) use facts::{is_base_60, is_break, is_printable};
pub(crate) use number::go_float;
pub(super) use number::go_float_32;
use number::number;
pub(super) use scalar::escaped;

/// Lines break at the first space beyond this column.
const WIDTH: usize = 80;
/// Longer keys are written with `?`.
const LONGEST_SIMPLE_KEY: usize = 128;

/// `value` as `sigs.k8s.io/yaml` writes it: natural order of keys, quotes only where needed, folded at 80 columns.
#[must_use]
pub fn emit(value: &Value) -> String {
    let mut emitter =
        Emitter { out: String::new(), column: 0, whitespace: true, indention: true, indent: -1 };
    emitter.node(value, Context::Root);
    emitter.write_indent();
    emitter.out
}

#[derive(Clone, Copy, PartialEq)]
enum Context {
    Root,
    Sequence,
    Mapping,
    SimpleKey,
}

struct Emitter {
    out: String,
    column: usize,
    whitespace: bool,
    indention: bool,
    indent: isize,
}

impl Emitter {
    fn put(&mut self, c: char) {
        self.out.push(c);
        self.column += 1;
    }

    /// Writes ASCII text without line breaks.
    fn put_ascii(&mut self, text: &str) {
        self.out.push_str(text);
        self.column += text.len();
    }

    fn line_break(&mut self) {
        self.out.push('\n');
        self.column = 0;
    }

    fn write_indent(&mut self) {
        let indent = usize::try_from(self.indent).unwrap_or(0);
        if !self.indention || self.column > indent || (self.column == indent && !self.whitespace) {
            self.line_break();
        }
        if let Some(missing) = indent.checked_sub(self.column) {
            self.out.extend(std::iter::repeat_n(' ', missing));
            self.column = indent;
        }
        self.whitespace = true;
        self.indention = true;
    }

    fn indicator(&mut self, text: &str, needs_space: bool, is_space: bool, is_indention: bool) {
        if needs_space && !self.whitespace {
            self.put(' ');
        }
        self.put_ascii(text);
        self.whitespace = is_space;
        self.indention = self.indention && is_indention;
    }

    fn deeper(&mut self, flow: bool, indentless: bool) -> isize {
        let before = self.indent;
        if self.indent < 0 {
            self.indent = if flow { 2 } else { 0 };
        } else if !indentless {
            self.indent += 2;
        }
        before
    }

    fn node(&mut self, value: &Value, context: Context) {
        match value {
            Value::Null => self.scalar("null", Some("null"), context),
            Value::Bool(b) => self.scalar(if *b { "true" } else { "false" }, Some("bool"), context),
            Value::Number(n) => self.scalar(&number(n), Some("number"), context),
            Value::String(text) => self.scalar(text, None, context),
            Value::Array(items) if items.is_empty() => {
                self.indicator("[", true, true, false);
                self.indicator("]", false, false, false);
            }
            Value::Object(map) if map.is_empty() => {
                self.indicator("{", true, true, false);
                self.indicator("}", false, false, false);
            }
            Value::Array(items) => self.sequence(items, context),
            Value::Object(map) => self.mapping(map),
        }
    }

    fn sequence(&mut self, items: &[Value], context: Context) {
        let before = self.deeper(false, context == Context::Mapping && !self.indention);
        for item in items {
            self.write_indent();
            self.indicator("-", true, false, true);
            self.node(item, Context::Sequence);
        }
        self.indent = before;
    }

    fn mapping(&mut self, map: &Map<String, Value>) {
        let before = self.deeper(false, false);
        for (key, value) in natural::sorted(map) {
            self.write_indent();
            if key.len() <= LONGEST_SIMPLE_KEY && !key.contains(is_break) {
                self.scalar(key, None, Context::SimpleKey);
                self.indicator(":", false, false, false);
            } else {
                self.indicator("?", true, false, true);
                self.scalar(key, None, Context::Mapping);
                self.write_indent();
                self.indicator(":", true, false, true);
            }
            self.node(value, Context::Mapping);
        }
        self.indent = before;
    }
}

#[cfg(test)]
mod tests;
