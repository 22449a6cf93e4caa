//! Secret values are taken out here, on the way into a change set; nothing downstream has to remember to.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

/// What stands where a secret value was and did not change.
pub const HIDDEN: &str = "‹hidden›";
const HIDDEN_BEFORE: &str = "‹hidden: before›";
const HIDDEN_AFTER: &str = "‹hidden: after›";

/// Values shorter than this are masked only where they are the whole scalar: inside longer text they would hide half the report.
const SHORTEST_PART: usize = 6;
/// Values from this length up are masked inside longer text where they stand as a word of their own.
const SHORTEST_WORD: usize = 3;

/// The values that came from Secrets and are masked wherever they turn up, in every kind.
#[derive(Clone, Default)]
pub struct Mask {
    values: Vec<String>,
}

impl Mask {
    /// A mask over these values. Empty ones are ignored; every line of a value of many lines is masked too.
    pub fn new(values: impl IntoIterator<Item = String>) -> Self {
        let mut all: Vec<String> = Vec::new();
        for value in values {
            all.push(STANDARD.encode(&value));
            let lines =
                value.lines().filter(|l| l.trim().len() >= SHORTEST_PART).map(|l| l.trim().to_owned());
            all.extend(lines);
            all.push(value.replace('\n', ""));
            all.push(value);
        }
        all.retain(|value| !value.trim().is_empty());
        // The longest first, so that a value that contains another is replaced whole.
        all.sort_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
        all.dedup();
        Self { values: all }
    }

    /// Masks free text, such as an API server's message.
    pub fn text(&self, text: &str) -> String {
        if self.values.iter().any(|value| value == text) {
            return HIDDEN.to_owned();
        }
        let mut masked = text.to_owned();
        for value in self.values.iter().filter(|value| value.len() >= SHORTEST_PART) {
            if masked.contains(value.as_str()) {
                masked = masked.replace(value.as_str(), HIDDEN);
            }
        }
        let words = SHORTEST_WORD..SHORTEST_PART;
        for value in self.values.iter().filter(|value| words.contains(&value.len())) {
            masked = mask_word(&masked, value);
        }
        masked
    }

    /// Masks both sides of one object. In a Secret every value is hidden, and a changed one says so without showing either side.
    pub fn pair(&self, before: Option<Value>, after: Option<Value>) -> (Option<Value>, Option<Value>) {
        let (mut before, mut after) = (before, after);
        if before.as_ref().or(after.as_ref()).is_some_and(is_secret) {
            hide_secret(before.as_mut(), after.as_mut());
        }
        for side in [&mut before, &mut after].into_iter().flatten() {
            drop_last_applied(side);
            self.value(side);
        }
        (before, after)
    }

    fn value(&self, value: &mut Value) {
        if self.values.is_empty() {
            return;
        }
        match value {
            Value::String(text) => *text = self.text(text),
            Value::Number(_) | Value::Bool(_) => {
                let text = value.to_string();
                if self.values.contains(&text) {
                    *value = Value::from(HIDDEN);
                }
            }
            Value::Array(items) => items.iter_mut().for_each(|item| self.value(item)),
            Value::Object(fields) => {
                let masked = std::mem::take(fields);
                *fields = masked
                    .into_iter()
                    .map(|(key, mut item)| {
                        self.value(&mut item);
                        (self.key(key), item)
                    })
                    .collect();
            }
            Value::Null => {}
        }
    }

    /// Keys are masked only where they hold a long value: `name` as a short secret must not rename every field.
    fn key(&self, key: String) -> String {
        if self.values.iter().any(|v| v.len() >= SHORTEST_PART && key.contains(v.as_str())) {
            self.text(&key)
        } else {
            key
        }
    }
}

/// Masks `word` where no letter or digit stands next to it.
fn mask_word(text: &str, word: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(word) {
        let (before, after) = (&rest[..at], &rest[at + word.len()..]);
        let joined = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
        let inside =
            joined(before.chars().next_back().or(out.chars().next_back())) || joined(after.chars().next());
        out.push_str(before);
        out.push_str(if inside { word } else { HIDDEN });
        rest = after;
    }
    out.push_str(rest);
    out
}

fn is_secret(object: &Value) -> bool {
    object.get("kind").and_then(Value::as_str) == Some("Secret")
        && object.get("apiVersion").and_then(Value::as_str) == Some("v1")
}

fn drop_last_applied(object: &mut Value) {
    if let Some(annotations) = object.pointer_mut("/metadata/annotations").and_then(Value::as_object_mut) {
        annotations.remove("kubectl.kubernetes.io/last-applied-configuration");
    }
}

fn hide_secret(mut before: Option<&mut Value>, mut after: Option<&mut Value>) {
    for field in ["data", "stringData"] {
        let old = before.as_deref_mut().and_then(|side| side.get_mut(field));
        let new = after.as_deref_mut().and_then(|side| side.get_mut(field));
        match (old, new) {
            (Some(Value::Object(old)), Some(Value::Object(new))) => hide_both(old, new),
            (old, new) => [old, new].into_iter().flatten().for_each(hide_all),
        }
    }
}

fn hide_both(old: &mut Map<String, Value>, new: &mut Map<String, Value>) {
    for (key, before) in old.iter_mut() {
        match new.get_mut(key) {
            Some(after) if after != before => {
                *before = Value::from(HIDDEN_BEFORE);
                *after = Value::from(HIDDEN_AFTER);
            }
            _ => *before = Value::from(HIDDEN),
        }
    }
    for after in new.values_mut().filter(|value| value.as_str() != Some(HIDDEN_AFTER)) {
        *after = Value::from(HIDDEN);
    }
}

fn hide_all(data: &mut Value) {
    match data {
        Value::Object(fields) => fields.values_mut().for_each(|value| *value = Value::from(HIDDEN)),
        other => *other = Value::from(HIDDEN),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_secret_shows_which_keys_changed_and_no_value() {
        let side = |a: &str, extra: &str| json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "data": {"a": a, "b": "c2FtZQ==", extra: "eA=="}});
        let (before, after) = Mask::default().pair(Some(side("b2xk", "gone")), Some(side("bmV3", "come")));
        let data = |v: Option<Value>| v.map(|v| v["data"].clone());
        assert_eq!(data(before), Some(json!({"a": HIDDEN_BEFORE, "b": HIDDEN, "gone": HIDDEN})));
        assert_eq!(data(after), Some(json!({"a": HIDDEN_AFTER, "b": HIDDEN, "come": HIDDEN})));
    }

    #[test]
    fn a_value_from_a_secret_is_masked_in_every_kind() {
        let mask = Mask::new(["hunter2-long".to_owned(), "8443".to_owned()]);
        let object = json!({"kind": "ConfigMap", "data": {"dsn": "pg://u:hunter2-long@db", "port": 8443, "other": "18443"}});
        let (_, after) = mask.pair(None, Some(object));
        assert_eq!(
            after.map(|v| v["data"].clone()),
            Some(json!({"dsn": format!("pg://u:{HIDDEN}@db"), "port": HIDDEN, "other": "18443"}))
        );
        assert_eq!(mask.text("invalid: hunter2-long"), format!("invalid: {HIDDEN}"));
        assert_eq!(mask.text("aHVudGVyMi1sb25n"), HIDDEN, "base64 of it too");
        assert_eq!(
            mask.text("port 8443, not 18443"),
            format!("port {HIDDEN}, not 18443"),
            "short ones as words"
        );
    }

    #[test]
    fn a_secret_whose_data_is_not_a_map_is_hidden_whole() {
        let object = json!({"apiVersion": "v1", "kind": "Secret", "data": "oops", "stringData": ["x"]});
        let (before, _) = Mask::default().pair(Some(object), None);
        assert_eq!(
            before,
            Some(json!({"apiVersion": "v1", "kind": "Secret", "data": HIDDEN, "stringData": HIDDEN}))
        );
    }
}
