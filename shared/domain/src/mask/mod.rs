//! Secret values are taken out here, on the way into a change set; nothing downstream has to remember to. Text is masked before
//! anything is cut from it: half a value would not be found.

mod forms;

use serde_json::{Map, Value};

/// What stands where a secret value was and did not change.
pub const HIDDEN: &str = "‹hidden›";
const HIDDEN_BEFORE: &str = "‹hidden: before›";
const HIDDEN_AFTER: &str = "‹hidden: after›";
/// What stands in place of a Secret's data where nobody may learn whether it changed.
pub const TOUCHED: &str = "‹touched, not compared›";
/// What tokens begin with.
const TOKEN: &str = "‹secret ";

/// Values shorter than this are masked only where they are the whole scalar: inside longer text they would hide half the report.
const SHORTEST_PART: usize = 6;
/// Values from this length up are masked inside longer text where they stand as a word of their own.
const SHORTEST_WORD: usize = 3;

/// What stands in place of a Secret's value where objects are compared: the same token for the same value, within one process.
pub fn token(digest: &[u8]) -> String {
    format!("{TOKEN}{}›", hex::encode(digest))
}

/// Whether a text is one that masking puts in place of a value.
pub fn is_mark(text: &str) -> bool {
    [HIDDEN, HIDDEN_BEFORE, HIDDEN_AFTER, TOUCHED].contains(&text)
}

/// The values that came from Secrets and are masked wherever they turn up, in every kind.
#[derive(Clone, Default)]
pub struct Mask {
    values: Vec<String>,
    /// Whether nobody may learn which keys of a Secret change.
    touched: bool,
}

impl Mask {
    /// A mask over these values. Empty ones are ignored; every line of a value of many lines is masked too, and so is what
    /// base64, addresses, JSON and hexadecimal digits make of a value.
    pub fn new(values: impl IntoIterator<Item = String>) -> Self {
        let mut all: Vec<String> = Vec::new();
        for value in values.into_iter().filter(|value| !value.trim().is_empty()) {
            all.extend(forms::of(&value, SHORTEST_PART));
        }
        all.retain(|value| !value.trim().is_empty());
        // The longest first, so that a value that contains another is replaced whole.
        all.sort_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
        all.dedup();
        Self { values: all, touched: false }
    }

    /// The same, for a reader who may not learn whether the value that he guessed is the one that is there: of a Secret that is on
    /// both sides it is said that it is touched, and of no key whether it changes.
    pub fn without_verdicts(self) -> Self {
        Self { touched: true, ..self }
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
        self.cut_value(masked)
    }

    /// Somebody else may have cut the text in the middle of a value.
    fn cut_value(&self, text: String) -> String {
        let Some(kept) = text.strip_suffix("...").or_else(|| text.strip_suffix('…')) else { return text };
        for value in self.values.iter().filter(|value| value.len() > SHORTEST_PART) {
            let starts = value.char_indices().map(|(at, _)| at).filter(|at| *at >= SHORTEST_PART);
            let longest = starts.rev().find(|at| kept.ends_with(&value[..*at]));
            if let Some(length) = longest {
                return format!("{}{HIDDEN}…", &kept[..kept.len() - length]);
            }
        }
        text
    }

    /// Masks both sides of one object. In a Secret every value is hidden, and a changed one says so without showing either side.
    pub fn pair(&self, before: Option<Value>, after: Option<Value>) -> (Option<Value>, Option<Value>) {
        let (mut before, mut after) = (before, after);
        if before.as_ref().or(after.as_ref()).is_some_and(is_secret) {
            if self.touched && before.is_some() && after.is_some() {
                [&mut before, &mut after].into_iter().flatten().for_each(touch);
            }
            hide_secret(before.as_mut(), after.as_mut());
        }
        let mut plain = (before.clone(), after.clone());
        for side in [&mut before, &mut after].into_iter().flatten() {
            drop_last_applied(side);
            self.mask(side);
        }
        if let (Some(old), Some(new), false) = (&mut before, &mut after, self.touched) {
            for side in [&mut plain.0, &mut plain.1].into_iter().flatten() {
                drop_last_applied(side);
            }
            if let (Some(old_plain), Some(new_plain)) = &plain {
                tell_apart((old_plain, new_plain), (old, new));
            }
        }
        (before, after)
    }

    /// Masks every text in a value.
    pub fn mask(&self, value: &mut Value) {
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
            Value::Array(items) => items.iter_mut().for_each(|item| self.mask(item)),
            Value::Object(fields) => {
                let masked = std::mem::take(fields);
                *fields = masked
                    .into_iter()
                    .map(|(key, mut item)| {
                        self.mask(&mut item);
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

/// Where two texts differ only in what is hidden, says that they differ: a change must not look like none.
fn tell_apart(plain: (&Value, &Value), masked: (&mut Value, &mut Value)) {
    match (plain, masked) {
        ((Value::Object(a), Value::Object(b)), (Value::Object(old), Value::Object(new))) => {
            for (key, old) in old {
                if let (Some(a), Some(b), Some(new)) = (a.get(key), b.get(key), new.get_mut(key)) {
                    tell_apart((a, b), (old, new));
                }
            }
        }
        ((Value::Array(a), Value::Array(b)), (Value::Array(old), Value::Array(new))) => {
            let plain = a.iter().zip(b);
            plain.zip(old.iter_mut().zip(new)).for_each(|(plain, masked)| tell_apart(plain, masked));
        }
        ((a, b), (Value::String(old), Value::String(new))) if a != b && old == new => {
            *old = old.replace(HIDDEN, HIDDEN_BEFORE);
            *new = new.replace(HIDDEN, HIDDEN_AFTER);
        }
        _ => {}
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
            // One side was reduced to a token where it was read and the other was not: nothing can be told.
            Some(after) if is_token(after) != is_token(before) => {
                (*before, *after) = (Value::from(HIDDEN), Value::from(HIDDEN));
            }
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

fn is_token(value: &Value) -> bool {
    value.as_str().is_some_and(|text| text.starts_with(TOKEN))
}

fn touch(secret: &mut Value) {
    if let Some(fields) = secret.as_object_mut() {
        fields.remove("stringData");
        fields.insert("data".to_owned(), Value::from(TOUCHED));
    }
}

fn hide_all(data: &mut Value) {
    match data {
        Value::Object(fields) => fields.values_mut().for_each(|value| *value = Value::from(HIDDEN)),
        Value::String(text) if text == TOUCHED => {}
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
    fn a_change_of_hidden_text_is_seen_to_be_one() {
        let mask = Mask::new(["hunter2-old".to_owned(), "hunter2-new".to_owned()]);
        let side = |token: &str| json!({"kind": "ConfigMap", "data": {"a": format!("t={token}"), "b": "t=hunter2-old"}, "l": [token]});
        let (before, after) = mask.pair(Some(side("hunter2-old")), Some(side("hunter2-new")));
        let expected = |word: &str| json!({"kind": "ConfigMap", "data": {"a": format!("t={word}"), "b": "t=‹hidden›"}, "l": [word]});
        assert_eq!(before, Some(expected("‹hidden: before›")));
        assert_eq!(after, Some(expected("‹hidden: after›")));
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

    #[test]
    fn a_secret_of_an_outsider_is_touched_and_not_compared() {
        let side = |data: Value| json!({"apiVersion": "v1", "kind": "Secret", "data": data, "stringData": {"c": "x"}});
        let mask = Mask::default().without_verdicts();
        let guesses =
            [json!({"a": "cmlnaHQ="}), json!({"a": "d3Jvbmc="}), json!({"a": "cmlnaHQ=", "b": "eA=="})];
        for guess in guesses {
            let (before, after) = mask.pair(Some(side(json!({"a": "cmlnaHQ="}))), Some(side(guess)));
            assert_eq!(before, after);
            assert_eq!(after.map(|v| v["data"].clone()), Some(json!(TOUCHED)));
        }
        let (_, created) = mask.pair(None, Some(side(json!({"a": "x"}))));
        assert_eq!(created.map(|v| v["data"].clone()), Some(json!({"a": HIDDEN})), "its keys are in Git");
    }

    #[test]
    fn a_token_beside_a_value_is_no_verdict() {
        let side = |a: &str| json!({"apiVersion": "v1", "kind": "Secret", "data": {"a": a}});
        let pair = |a: &str, b: &str| {
            let (a, b) = Mask::default().pair(Some(side(a)), Some(side(b)));
            [a, b].map(|v| v.map(|v| v["data"]["a"].clone()))
        };
        let (one, two) = (token(&[1; 16]), token(&[2; 16]));
        assert_eq!(pair(&one, "eA=="), [Some(json!(HIDDEN)), Some(json!(HIDDEN))]);
        assert_eq!(pair(&one, &one), [Some(json!(HIDDEN)), Some(json!(HIDDEN))]);
        assert_eq!(pair(&one, &two), [Some(json!(HIDDEN_BEFORE)), Some(json!(HIDDEN_AFTER))]);
    }

    #[test]
    fn half_a_value_at_the_end_of_a_cut_text_is_masked() {
        let mask = Mask::new(["hunter2-long".to_owned()]);
        assert_eq!(mask.text("the value hunter2-l..."), format!("the value {HIDDEN}…"));
        assert_eq!(mask.text("the value hunter…"), format!("the value {HIDDEN}…"));
        assert_eq!(mask.text("the hunter"), "the hunter");
        assert_eq!(mask.text("the value aHVudGVyMi..."), format!("the value {HIDDEN}…"));
    }
}
