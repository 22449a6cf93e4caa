//! Reads a map field by field and collects what is wrong, so that a person gets all problems at once.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;
use std::rc::Rc;

use serde_json::{Map, Value, json};

use super::schema::Shapes;

/// Where problems are collected, each with the line that it is about.
#[derive(Clone, Default)]
pub(super) struct Problems(Rc<Collected>);

#[derive(Default)]
struct Collected {
    lines: BTreeMap<String, u64>,
    found: RefCell<Vec<(u64, String)>>,
    shapes: Option<RefCell<Shapes>>,
}

impl Problems {
    /// None so far, in a text whose fields stand on these lines.
    pub(super) fn new(lines: BTreeMap<String, u64>) -> Self {
        Self(Rc::new(Collected { lines, ..Collected::default() }))
    }

    /// Of no text: what is asked for is noted instead, and reads as if nothing was given.
    pub(super) fn recording() -> Self {
        Self(Rc::new(Collected { shapes: Some(RefCell::default()), ..Collected::default() }))
    }

    /// What was asked for; nothing unless that is what was noted.
    pub(super) fn shapes(&self) -> Shapes {
        self.0.shapes.as_ref().map(RefCell::take).unwrap_or_default()
    }

    fn records(&self) -> bool {
        self.0.shapes.is_some()
    }

    /// Notes a problem with what stands at `path`, or is missing there.
    fn note(&self, path: &str, problem: String) {
        let mut at = path;
        let line = loop {
            if let Some(line) = self.0.lines.get(at) {
                break *line;
            }
            match at.rfind(['.', '[']) {
                Some(end) => at = at.get(..end).unwrap_or_default(),
                None => break 0,
            }
        };
        self.0.found.borrow_mut().push((line, problem));
    }

    /// Everything that was noted, in the order of the text.
    pub(super) fn take(&self) -> Vec<String> {
        let mut found = self.0.found.take();
        found.sort_by_key(|(line, _)| *line);
        let told = |(line, problem): (u64, String)| match line {
            0 => problem,
            line => format!("line {line}: {problem}"),
        };
        found.into_iter().map(told).collect()
    }
}

/// A map that is being read. Fields that nobody asks for are problems too: most of them are misspelt.
pub(super) struct Fields {
    path: String,
    map: Map<String, Value>,
    asked: BTreeSet<String>,
    problems: Problems,
}

impl Fields {
    /// Reads the map at `path`; `""` is the whole text. Anything but a map is a problem, and then reads as empty.
    pub(super) fn new(path: &str, value: Value, problems: &Problems) -> Self {
        let mut fields = Self {
            path: path.to_owned(),
            map: Map::new(),
            asked: BTreeSet::new(),
            problems: problems.clone(),
        };
        match value {
            Value::Object(map) => fields.map = map,
            Value::Null => {}
            _ => fields.problem("", "must be a map of fields"),
        }
        fields
    }

    /// Notes a problem with a field, or with the map itself if `name` is empty.
    pub(super) fn problem(&self, name: &str, what: &str) {
        let at = self.at(name);
        let place = if at.is_empty() { "the configuration".to_owned() } else { format!("`{at}`") };
        self.problems.note(&at, format!("{place} {what}"));
    }

    /// A text, if there is one and it is not empty.
    pub(super) fn text(&mut self, name: &str) -> Option<String> {
        self.shape(name, || json!({"type": ["string", "null"], "pattern": "\\S"}));
        match self.take(name)? {
            Value::String(text) if !text.trim().is_empty() => Some(text),
            _ => {
                self.problem(name, "must be a text that is not empty");
                None
            }
        }
    }

    /// A text that must be there; `what` says what it is. Reads as empty when it is not.
    pub(super) fn needed(&mut self, name: &str, what: &str) -> String {
        if self.map.get(name).is_none_or(Value::is_null) {
            self.problem(name, &format!("is missing: {what}"));
        }
        let text = self.text(name).unwrap_or_default();
        self.refine(name, || json!({"type": "string"}));
        self.require(name);
        text
    }

    /// An `http` or `https` address, without a slash at its end.
    pub(super) fn url(&mut self, name: &str) -> Option<String> {
        let text = self.text(name);
        self.refine(name, || json!({"pattern": "^[hH][tT][tT][pP][sS]?:"}));
        let text = text?;
        let good = url::Url::parse(&text)
            .is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
        if !good {
            self.problem(name, "must be an address that starts with https://");
        }
        Some(text.trim_end_matches('/').to_owned())
    }

    /// A whole number that is not negative.
    pub(super) fn number(&mut self, name: &str) -> Option<u64> {
        self.shape(name, || json!({"type": ["integer", "null"], "minimum": 0}));
        let value = self.take(name)?;
        let number = value.as_u64();
        if number.is_none() {
            self.problem(name, "must be a whole number");
        }
        number
    }

    /// A whole number of a range; `unit` is empty, or says what is counted. One that is out of the range is a problem, and reads as the
    /// nearest that is not.
    pub(super) fn bounded(&mut self, name: &str, range: RangeInclusive<u64>, unit: &str) -> Option<u64> {
        let number = self.number(name);
        let (least, most) = (*range.start(), *range.end());
        self.refine(name, || match most {
            u64::MAX => json!({"minimum": least}),
            _ => json!({"minimum": least, "maximum": most}),
        });
        let number = number?;
        if !range.contains(&number) {
            let unit = if unit.is_empty() { String::new() } else { format!(" ({unit})") };
            let what = match most {
                u64::MAX => format!("must be at least {least}{unit}"),
                _ => format!("must be between {least} and {most}{unit}"),
            };
            self.problem(name, &what);
        }
        Some(number.clamp(least, most))
    }

    /// `true` or `false`.
    pub(super) fn flag(&mut self, name: &str) -> Option<bool> {
        self.shape(name, || json!({"type": ["boolean", "null"]}));
        let value = self.take(name)?;
        let flag = value.as_bool();
        if flag.is_none() {
            self.problem(name, "must be true or false");
        }
        flag
    }

    /// One of a few words, if there is any.
    pub(super) fn choice<'w>(&mut self, name: &str, words: &[&'w str]) -> Option<&'w str> {
        self.shape(
            name,
            || json!({"enum": words.iter().map(|word| json!(word)).chain([Value::Null]).collect::<Vec<_>>()}),
        );
        let value = self.take(name)?;
        let word = words.iter().find(|word| value.as_str() == Some(word));
        if word.is_none() {
            self.problem(name, &format!("must be {}", one_of(words)));
        }
        word.copied()
    }

    /// One of a few words, which must be there.
    pub(super) fn needed_choice<'w>(&mut self, name: &str, words: &[&'w str]) -> Option<&'w str> {
        if self.map.get(name).is_none_or(Value::is_null) {
            self.problem(name, &format!("is missing: {}", one_of(words)));
        }
        let word = self.choice(name, words);
        self.refine(name, || json!({"enum": words}));
        self.require(name);
        word
    }

    /// A list of some of a few words, if there is one. One that is empty, or has other words, is a problem; `nothing` says what an
    /// empty one would mean.
    pub(super) fn choices<'w>(
        &mut self,
        name: &str,
        words: &[&'w str],
        nothing: &str,
    ) -> Option<Vec<&'w str>> {
        let texts = self.optional_texts(name);
        self.refine(name, || json!({"items": {"enum": words}, "minItems": 1}));
        let texts = texts?;
        let mut chosen = Vec::new();
        for text in &texts {
            match words.iter().find(|word| *word == text) {
                Some(word) => chosen.push(*word),
                None => {
                    self.problem(name, &format!("has `{text}`, which is not one of `{}`", words.join("`, `")))
                }
            }
        }
        if texts.is_empty() {
            self.problem(name, &format!("is empty, so {nothing}"));
        }
        Some(chosen)
    }

    /// `true`, `false`, or a word, which reads as `Some(None)`.
    pub(super) fn flag_or_word(&mut self, name: &str, word: &str) -> Option<Option<bool>> {
        self.shape(name, || json!({"enum": [true, false, word, null]}));
        match self.take(name)? {
            Value::Bool(flag) => Some(Some(flag)),
            Value::String(text) if text == word => Some(None),
            _ => {
                self.problem(name, &format!("must be true, false or `{word}`"));
                None
            }
        }
    }

    /// A list of texts, or a map with the lists `include` and `exclude`; both empty when there is neither.
    pub(super) fn include_exclude(&mut self, name: &str) -> (Vec<String>, Vec<String>) {
        if self.problems.records() {
            self.asked.insert(name.to_owned());
            self.shape(name, || {
                let lists = json!({"include": texts_shape(), "exclude": texts_shape()});
                json!({"anyOf": [
                    texts_shape(),
                    {"type": "object", "properties": lists, "additionalProperties": false},
                ]})
            });
            return (Vec::new(), Vec::new());
        }
        if !matches!(self.map.get(name), Some(Value::Object(_))) {
            return (self.texts(name), Vec::new());
        }
        let mut both = self.object(name);
        let lists = (both.texts("include"), both.texts("exclude"));
        both.finish();
        lists
    }

    /// A list of texts; empty when there is none.
    pub(super) fn texts(&mut self, name: &str) -> Vec<String> {
        self.optional_texts(name).unwrap_or_default()
    }

    /// A list of texts, if there is one.
    pub(super) fn optional_texts(&mut self, name: &str) -> Option<Vec<String>> {
        self.shape(name, texts_shape);
        let value = self.take(name)?;
        let items = value.as_array().cloned().unwrap_or_default();
        let texts: Vec<String> = items.iter().filter_map(|v| v.as_str().map(str::to_owned)).collect();
        if !value.is_array() || texts.len() != items.len() {
            self.problem(name, "must be a list of texts");
        }
        Some(texts)
    }

    /// A map of fields; reads as empty when it is not there.
    pub(super) fn object(&mut self, name: &str) -> Self {
        self.shape(name, || json!({"type": ["object", "null"]}));
        let value = self.take(name).unwrap_or_default();
        Self::new(&self.at(name), value, &self.problems)
    }

    /// A map of fields, if it is there.
    pub(super) fn optional_object(&mut self, name: &str) -> Option<Self> {
        self.shape(name, || json!({"type": ["object", "null"]}));
        let value = if self.problems.records() { Value::Null } else { self.take(name)? };
        Some(Self::new(&self.at(name), value, &self.problems))
    }

    /// A list of maps that must be there and not be empty; `what` says what is listed. `None` when it is not a list.
    pub(super) fn some_objects(&mut self, name: &str, what: &str) -> Option<Vec<Self>> {
        let listed = self.objects(name)?;
        self.refine(name, || json!({"type": "array", "minItems": 1}));
        self.require(name);
        if listed.is_empty() {
            self.problem(name, &format!("is missing or empty: {what}"));
        }
        Some(listed)
    }

    /// A list of maps; `None` when it is not a list, which is noted as a problem.
    pub(super) fn objects(&mut self, name: &str) -> Option<Vec<Self>> {
        self.shape(name, || json!({"type": ["array", "null"]}));
        if self.problems.records() {
            self.shape(&format!("{name}[]"), || json!({"type": "object"}));
            return Some(vec![Self::new(&self.at(&format!("{name}[]")), Value::Null, &self.problems)]);
        }
        match self.take(name) {
            None => Some(Vec::new()),
            Some(Value::Array(items)) => {
                let path = self.at(name);
                let read = |(i, value)| Self::new(&format!("{path}[{i}]"), value, &self.problems);
                Some(items.into_iter().enumerate().map(read).collect())
            }
            Some(_) => {
                self.problem(name, "must be a list");
                None
            }
        }
    }

    /// Notes every field that nobody asked for.
    pub(super) fn finish(self) {
        let known: Vec<&str> = self.asked.iter().map(String::as_str).collect();
        for name in self.map.keys() {
            self.problem(name, &format!("is not known here (known: {})", known.join(", ")));
        }
    }

    /// Says more of a field's shape, or of the map's own if `name` is empty: keywords of JSON Schema. They refuse nothing that is
    /// accepted here.
    pub(super) fn refine(&self, name: &str, keywords: impl FnOnce() -> Value) {
        if let Some(shapes) = &self.problems.0.shapes {
            shapes.borrow_mut().refine(&self.at(name), keywords());
        }
    }

    fn shape(&self, name: &str, shape: impl FnOnce() -> Value) {
        if let Some(shapes) = &self.problems.0.shapes {
            shapes.borrow_mut().set(&self.at(name), shape());
        }
    }

    fn require(&self, name: &str) {
        if let Some(shapes) = &self.problems.0.shapes {
            shapes.borrow_mut().require(&self.path, name);
        }
    }

    fn take(&mut self, name: &str) -> Option<Value> {
        self.asked.insert(name.to_owned());
        self.map.remove(name).filter(|value| !value.is_null())
    }

    fn at(&self, name: &str) -> String {
        match (self.path.is_empty(), name.is_empty()) {
            (true, _) => name.to_owned(),
            (false, true) => self.path.clone(),
            (false, false) => format!("{}.{name}", self.path),
        }
    }
}

/// In JSON Schema, that one of these fields is there.
pub(super) fn any_of<const N: usize>(names: [&str; N]) -> Value {
    Value::Array(names.iter().map(|name| json!({"required": [name]})).collect())
}

fn texts_shape() -> Value {
    json!({"type": ["array", "null"], "items": {"type": "string"}})
}

/// The words, quoted: `` `a`, `b` or `c` ``.
fn one_of(words: &[&str]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
    match quoted.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} or {last}", rest.join(", ")),
        _ => quoted.concat(),
    }
}
