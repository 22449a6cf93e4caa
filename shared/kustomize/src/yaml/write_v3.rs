//! Nodes to YAML text, byte for byte as kyaml writes it with go-yaml v3: styles stay as they were read, lines are never
//! folded, lists stand at their key's column.

mod facts;

use super::emit::{escaped, is_break};
use super::resolve::resolve_v3;
use crate::node::{Node, Scalar, Style, Tag};
use facts::{Facts, tag_of};

/// Longer keys are written with `?`.
const LONGEST_SIMPLE_KEY: usize = 128;

/// How a collection is written, and what is in it.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Dress {
    pub(crate) flow: bool,
    /// One for each item of a list, one for each value of a map; those that are missing are plain.
    pub(crate) children: Vec<Dress>,
}

/// The text of a scalar that stands alone.
pub(crate) fn scalar_text(scalar: &Scalar) -> String {
    if scalar.style == Style::Plain && !scalar.tagged && scalar.tag == Tag::Str && is_word(&scalar.value) {
        return format!("{}\n", scalar.value);
    }
    let mut writer = Writer::new();
    writer.scalar(scalar, false);
    writer.write_indent();
    writer.out
}

/// Whether a text is a string that needs no quotes, seen at a glance.
fn is_word(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'/'))
        && resolve_v3(text).tag() == Tag::Str
}

/// The text of a document.
pub(crate) fn write(node: &Node, dress: &Dress) -> String {
    let mut writer = Writer::new();
    writer.node(node, dress, Context::Root);
    writer.write_indent();
    writer.out
}

/// The text of a document as go-yaml writes it when it is left alone: four columns a level, lists indented too.
pub(crate) fn write_indented(node: &Node, dress: &Dress) -> String {
    let mut writer = Writer { best: 4, compacts: false, ..Writer::new() };
    writer.node(node, dress, Context::Root);
    writer.write_indent();
    writer.out
}

#[derive(Clone, Copy, PartialEq)]
enum Context {
    Root,
    Sequence,
    Mapping,
}

struct Writer {
    out: String,
    column: usize,
    whitespace: bool,
    indention: bool,
    indent: isize,
    flow: usize,
    /// Columns of a level.
    best: isize,
    /// Whether a list in a map stands at its key's column.
    compacts: bool,
    /// Whether the next collection or scalar is an item of a list.
    is_item: bool,
}

impl Writer {
    fn new() -> Self {
        Writer {
            out: String::new(),
            column: 0,
            whitespace: true,
            indention: true,
            indent: -1,
            flow: 0,
            best: 2,
            compacts: true,
            is_item: false,
        }
    }

    fn put(&mut self, c: char) {
        self.out.push(c);
        self.column += 1;
    }

    fn line_break(&mut self, c: char) {
        self.out.push(c);
        self.column = 0;
        self.indention = true;
    }

    fn write_indent(&mut self) {
        let indent = usize::try_from(self.indent).unwrap_or(0);
        if !self.indention || self.column > indent || (self.column == indent && !self.whitespace) {
            self.line_break('\n');
        }
        while self.column < indent {
            self.put(' ');
        }
        self.whitespace = true;
    }

    fn indicator(&mut self, text: &str, needs_space: bool, is_space: bool, is_indention: bool) {
        if needs_space && !self.whitespace {
            self.put(' ');
        }
        text.chars().for_each(|c| self.put(c));
        self.whitespace = is_space;
        self.indention = self.indention && is_indention;
    }

    fn deeper(&mut self, flow: bool, compact: bool) -> isize {
        let before = self.indent;
        let is_item = std::mem::take(&mut self.is_item);
        self.indent = match (before < 0, flow, compact) {
            (true, true, _) => self.best,
            (true, false, _) => 0,
            (false, _, true) => before,
            // Within an item only its dash is skipped; all else stands at a multiple of the level's columns.
            (false, _, false) if is_item => before + 2,
            (false, _, false) => self.best * ((before + self.best) / self.best),
        };
        before
    }

    fn node(&mut self, node: &Node, dress: &Dress, context: Context) {
        let flow = dress.flow || self.flow > 0;
        match node {
            Node::Scalar(scalar) => self.scalar(scalar, false),
            Node::Seq(items) if flow || items.is_empty() => self.flow_sequence(items, dress),
            Node::Seq(items) => self.block_sequence(items, dress, context),
            Node::Map(fields) if flow || fields.is_empty() => self.flow_mapping(fields, dress),
            Node::Map(fields) => self.block_mapping(fields, dress),
        }
    }

    fn flow_sequence(&mut self, items: &[Node], dress: &Dress) {
        self.indicator("[", true, true, false);
        let before = self.deeper(true, false);
        self.flow += 1;
        for (index, item) in items.iter().enumerate() {
            if index > 0 {
                self.indicator(",", false, false, false);
            }
            self.node(item, child(dress, index), Context::Sequence);
        }
        self.flow -= 1;
        self.indent = before;
        self.indicator("]", false, false, false);
    }

    fn flow_mapping(&mut self, fields: &[(Scalar, Node)], dress: &Dress) {
        self.indicator("{", true, true, false);
        let before = self.deeper(true, false);
        self.flow += 1;
        for (index, (key, value)) in fields.iter().enumerate() {
            if index > 0 {
                self.indicator(",", false, false, false);
            }
            let simple = is_simple(key);
            if !simple {
                self.indicator("?", true, false, false);
            }
            self.scalar(key, simple);
            self.indicator(":", !simple, false, false);
            self.node(value, child(dress, index), Context::Mapping);
        }
        self.flow -= 1;
        self.indent = before;
        self.indicator("}", false, false, false);
    }

    fn block_sequence(&mut self, items: &[Node], dress: &Dress, context: Context) {
        let compact = self.compacts && context == Context::Mapping && (self.column == 0 || !self.indention);
        let before = self.deeper(false, compact);
        for (index, item) in items.iter().enumerate() {
            self.write_indent();
            self.indicator("-", true, false, true);
            self.is_item = true;
            self.node(item, child(dress, index), Context::Sequence);
        }
        self.indent = before;
    }

    fn block_mapping(&mut self, fields: &[(Scalar, Node)], dress: &Dress) {
        let before = self.deeper(false, false);
        for (index, (key, value)) in fields.iter().enumerate() {
            self.write_indent();
            if is_simple(key) {
                self.scalar(key, true);
                self.indicator(":", false, false, false);
            } else {
                self.indicator("?", true, false, true);
                self.scalar(key, false);
                self.write_indent();
                self.indicator(":", true, false, true);
            }
            self.node(value, child(dress, index), Context::Mapping);
        }
        self.indent = before;
    }

    fn scalar(&mut self, scalar: &Scalar, simple_key: bool) {
        let text = scalar.value.as_str();
        let (tag, quoted) = tag_of(scalar);
        let style = self.style(scalar, quoted, simple_key);
        if let Some(tag) = tag {
            self.indicator(tag, true, false, false);
        }
        let before = self.deeper(true, false);
        match style {
            Style::Plain => self.plain(text),
            Style::Single => self.single_quoted(text),
            Style::Double => self.double_quoted(text),
            Style::Literal => self.literal(text),
            Style::Folded => self.folded(text),
        }
        self.indent = before;
    }

    fn style(&self, scalar: &Scalar, quoted: bool, simple_key: bool) -> Style {
        let text = scalar.value.as_str();
        let facts = Facts::of(text);
        let mut style = match scalar.style {
            Style::Plain if text.contains('\n') => Style::Literal,
            Style::Plain if quoted => Style::Double,
            style => style,
        };
        if simple_key && facts.multiline {
            style = Style::Double;
        }
        let plain = if self.flow > 0 { facts.flow_plain } else { facts.block_plain };
        let empty = text.is_empty() && (self.flow > 0 || simple_key);
        if style == Style::Plain && (!plain || empty) {
            style = Style::Single;
        }
        if style == Style::Single && !facts.single {
            style = Style::Double;
        }
        let block = matches!(style, Style::Literal | Style::Folded);
        if block && (!facts.block || self.flow > 0 || simple_key) {
            style = Style::Double;
        }
        style
    }

    fn plain(&mut self, text: &str) {
        if text.is_empty() {
            self.indention = false;
            return;
        }
        if !self.whitespace {
            self.put(' ');
        }
        self.lines(text, false);
        self.whitespace = false;
        self.indention = false;
    }

    fn single_quoted(&mut self, text: &str) {
        self.indicator("'", true, false, false);
        self.lines(text, true);
        self.indicator("'", false, false, false);
    }

    /// The body of plain and single quoted scalars.
    fn lines(&mut self, text: &str, quoted: bool) {
        let mut breaks = false;
        for c in text.chars() {
            if is_break(c) {
                if !breaks && c == '\n' {
                    self.line_break('\n');
                }
                self.line_break(c);
                breaks = true;
                continue;
            }
            if breaks && c != ' ' {
                self.write_indent();
            }
            if quoted && c == '\'' {
                self.put('\'');
            }
            self.put(c);
            if c != ' ' {
                self.indention = false;
                breaks = false;
            }
        }
    }

    fn double_quoted(&mut self, text: &str) {
        self.indicator("\"", true, false, false);
        // go-yaml looks for the mark at the start of the text each time, and then escapes everything.
        let bom = text.starts_with('\u{feff}');
        for c in text.chars() {
            if bom || !super::emit::is_printable(c) || is_break(c) || matches!(c, '"' | '\\') {
                self.put('\\');
                escaped(c).chars().for_each(|c| self.put(c));
            } else {
                self.put(c);
            }
        }
        self.indicator("\"", false, false, false);
    }

    fn literal(&mut self, text: &str) {
        self.block_header("|", text);
        let mut breaks = true;
        for c in text.chars() {
            if is_break(c) {
                self.line_break(c);
                breaks = true;
                continue;
            }
            if breaks {
                self.write_indent();
            }
            self.put(c);
            self.indention = false;
            breaks = false;
        }
    }

    fn folded(&mut self, text: &str) {
        self.block_header(">", text);
        // go-yaml looks at the start of the text each time, not at the place it is at.
        let first = text.chars().find(|c| !is_break(*c));
        let adds_break = first.is_some_and(|c| !matches!(c, ' ' | '\t'));
        let (mut breaks, mut leading_spaces) = (true, true);
        for c in text.chars() {
            if is_break(c) {
                if !breaks && !leading_spaces && c == '\n' && adds_break {
                    self.line_break('\n');
                }
                self.line_break(c);
                breaks = true;
                continue;
            }
            if breaks {
                self.write_indent();
                leading_spaces = matches!(c, ' ' | '\t');
            }
            self.put(c);
            self.indention = false;
            breaks = false;
        }
    }

    fn block_header(&mut self, indicator: &str, text: &str) {
        self.indicator(indicator, true, false, false);
        if text.starts_with(|c| c == ' ' || is_break(c)) {
            let columns = self.best.to_string();
            self.indicator(&columns, false, false, false);
        }
        let mut backwards = text.chars().rev();
        let chomp = match (backwards.next().is_some_and(is_break), backwards.next()) {
            (false, _) => "-",
            (true, None) => "+",
            (true, Some(c)) if is_break(c) => "+",
            (true, Some(_)) => "",
        };
        if !chomp.is_empty() {
            self.indicator(chomp, false, false, false);
        }
        self.line_break('\n');
        self.whitespace = true;
    }
}

/// The dress of the child at `index`.
fn child(dress: &Dress, index: usize) -> &Dress {
    static PLAIN: Dress = Dress { flow: false, children: Vec::new() };
    dress.children.get(index).unwrap_or(&PLAIN)
}

fn is_simple(key: &Scalar) -> bool {
    let (tag, _) = tag_of(key);
    !key.value.contains(is_break) && key.value.len() + tag.map_or(0, str::len) <= LONGEST_SIMPLE_KEY
}
