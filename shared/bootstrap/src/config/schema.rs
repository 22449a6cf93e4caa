//! The configuration's JSON Schema, for editors. It is what the parser asks for, noted while it reads nothing: the two cannot differ.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

/// What is known of each field, by its path (`repositories[].name`); the whole text's is `""`.
#[derive(Default)]
pub(super) struct Shapes {
    fields: BTreeMap<String, Map<String, Value>>,
    required: BTreeMap<String, BTreeSet<String>>,
}

impl Shapes {
    /// Notes a field. One that is asked for twice keeps what was said of it first.
    pub(super) fn set(&mut self, path: &str, shape: Value) {
        if let (false, Value::Object(shape)) = (self.fields.contains_key(path), shape) {
            self.fields.insert(path.to_owned(), shape);
        }
    }

    /// Adds keywords to a field, or replaces them.
    pub(super) fn refine(&mut self, path: &str, keywords: Value) {
        if let Value::Object(keywords) = keywords {
            self.fields.entry(path.to_owned()).or_default().extend(keywords);
        }
    }

    /// Notes that the map at `path` needs a field.
    pub(super) fn require(&mut self, path: &str, name: &str) {
        self.required.entry(path.to_owned()).or_default().insert(name.to_owned());
    }

    /// The schema of the whole text.
    pub(super) fn schema(&self) -> Value {
        let mut whole = self.at("");
        whole.insert("type".to_owned(), json!("object"));
        whole.insert("$schema".to_owned(), json!("http://json-schema.org/draft-07/schema#"));
        whole.insert("title".to_owned(), json!("Preflux"));
        Value::Object(whole)
    }

    fn at(&self, path: &str) -> Map<String, Value> {
        let mut shape = self.fields.get(path).cloned().unwrap_or_default();
        if self.fields.contains_key(&format!("{path}[]")) {
            shape.insert("items".to_owned(), Value::Object(self.at(&format!("{path}[]"))));
        }
        let below = self.below(path);
        if !below.is_empty() {
            let read = |(name, path): (&str, &str)| (name.to_owned(), Value::Object(self.at(path)));
            shape.insert("properties".to_owned(), below.into_iter().map(read).collect());
            shape.insert("additionalProperties".to_owned(), json!(false));
        }
        if let Some(required) = self.required.get(path) {
            shape.insert("required".to_owned(), json!(required));
        }
        shape
    }

    /// The fields of the map at `path`: their names and their paths.
    fn below(&self, path: &str) -> Vec<(&str, &str)> {
        let fields = self.fields.keys().filter_map(|field| {
            let rest = field.strip_prefix(path)?;
            let name = if path.is_empty() { rest } else { rest.strip_prefix('.')? };
            (!name.is_empty() && !name.contains(['.', '['])).then_some((name, field.as_str()))
        });
        fields.collect()
    }
}
