//! Texts that substitution made of Secrets and that their parts do not give away: a short value between letters, its length. They are
//! found by substituting once more with other values in the Secrets' place: what comes out otherwise was made of them.

use std::collections::BTreeSet;

use serde_json::Value;

/// Parts from this length up are masked wherever they stand.
const SHORTEST_PART: usize = 6;
/// Parts from this length up are masked where they stand as a word of their own.
const SHORTEST_WORD: usize = 3;

/// What stands in place of a part while two texts are compared.
const PART: &str = "\u{0}";

/// One way that an object came out, with the parts of it that were made of Secrets.
#[derive(Clone, Copy)]
pub(crate) struct Made<'a> {
    /// The object.
    pub(crate) object: &'a Value,
    /// The parts.
    pub(crate) parts: &'a BTreeSet<String>,
}

/// The texts of `real` that are otherwise in `other`, and that masking their parts would not hide.
pub(crate) fn whole(real: Made<'_>, other: Made<'_>) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    compare(real.object, Some(other.object), (real.parts, other.parts), &mut found);
    found
}

fn compare(
    real: &Value,
    other: Option<&Value>,
    parts: (&BTreeSet<String>, &BTreeSet<String>),
    found: &mut BTreeSet<String>,
) {
    match (real, other) {
        (Value::Object(fields), other) => {
            for (key, value) in fields {
                let beside = other.and_then(|other| other.get(key));
                if beside.is_none() && other.is_some_and(Value::is_object) {
                    found.insert(key.clone());
                }
                compare(value, beside, parts, found);
            }
        }
        (Value::Array(items), other) => {
            let others = other.and_then(Value::as_array);
            for (at, item) in items.iter().enumerate() {
                compare(item, others.and_then(|others| others.get(at)), parts, found);
            }
        }
        (real, Some(other)) if real == other => {}
        (Value::Null, _) => {}
        (real, other) => {
            let text = text(real);
            let other = other.map(self::text);
            if other.is_none_or(|other| without(&text, parts.0) != without(&other, parts.1)) {
                found.insert(text);
            }
        }
    }
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// A text as it is when its parts are masked.
fn without(text: &str, parts: &BTreeSet<String>) -> String {
    let mut longest: Vec<&String> = parts.iter().filter(|part| part.len() >= SHORTEST_WORD).collect();
    longest.sort_by_key(|part| std::cmp::Reverse(part.len()));
    let mut text = text.to_owned();
    for part in longest {
        text = match part.len() >= SHORTEST_PART {
            true => text.replace(part.as_str(), PART),
            false => without_word(&text, part),
        };
    }
    text
}

fn without_word(text: &str, word: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(word) {
        let (before, behind) = (&rest[..at], &rest[at + word.len()..]);
        let joined = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
        let alone =
            !joined(before.chars().next_back().or(out.chars().next_back())) && !joined(behind.chars().next());
        out.push_str(before);
        out.push_str(if alone { PART } else { word });
        rest = behind;
    }
    out.push_str(rest);
    out
}
