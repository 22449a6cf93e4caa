//! What can be told of objects that stay encrypted: which values changed, never their ciphertext. SOPS encrypts a value
//! anew only when it changes, or when the data key does.

use std::collections::BTreeSet;

use serde_json::Value;

use super::encryption;
use super::value::is_encrypted;

const SAME: &str = "‹encrypted›";
const BEFORE: &str = "‹encrypted: before›";
const AFTER: &str = "‹encrypted: after›";

/// Whether the object is encrypted, as a whole or in the files that a Secret holds.
#[must_use]
pub fn is_ciphertext(object: &Value) -> bool {
    encryption(object).is_some()
}

/// Takes the ciphertext out of both sides of an object: what stays says which values are the same. The `sops` field,
/// which changes with every value, goes too. Objects without ciphertext stay as they are.
#[must_use]
pub fn conceal(before: Option<Value>, after: Option<Value>) -> (Option<Value>, Option<Value>) {
    let (mut before, mut after) = (before, after);
    match (&mut before, &mut after) {
        (Some(before), Some(after)) => both(before, after),
        (Some(one), None) | (None, Some(one)) => alone(one, SAME),
        (None, None) => {}
    }
    for side in [&mut before, &mut after].into_iter().flatten().filter_map(Value::as_object_mut) {
        if side.get("sops").is_some_and(|sops| sops.get("mac").is_some()) {
            side.remove("sops");
        }
    }
    (before, after)
}

/// Whether the data key was replaced between the two: then every value is encrypted anew, changed or not.
#[must_use]
pub fn is_rotated(before: &Value, after: &Value) -> bool {
    let (old, new) = (wrapped(&before["sops"]), wrapped(&after["sops"]));
    let mut pairs = Pairs::default();
    pairs.count(before, after);
    !old.is_empty() && old.is_disjoint(&new) && pairs.same == 0 && pairs.different > 0
}

/// The data key as each recipient has it.
fn wrapped(sops: &Value) -> BTreeSet<&str> {
    let lists = sops.as_object().into_iter().flat_map(|fields| fields.values()).filter_map(Value::as_array);
    lists.flatten().filter_map(|key| key["enc"].as_str()).collect()
}

#[derive(Default)]
struct Pairs {
    same: usize,
    different: usize,
}

impl Pairs {
    fn count(&mut self, before: &Value, after: &Value) {
        match (before, after) {
            (Value::String(old), Value::String(new)) if is_encrypted(old) && is_encrypted(new) => {
                if old == new { self.same += 1 } else { self.different += 1 }
            }
            (Value::Array(old), Value::Array(new)) => {
                old.iter().zip(new).for_each(|(old, new)| self.count(old, new));
            }
            (Value::Object(old), Value::Object(new)) => {
                let common = old.iter().filter(|(name, _)| name.as_str() != "sops");
                common
                    .filter_map(|(name, old)| Some((old, new.get(name)?)))
                    .for_each(|(old, new)| self.count(old, new));
            }
            _ => {}
        }
    }
}

fn both(before: &mut Value, after: &mut Value) {
    match (before, after) {
        (Value::Array(old), Value::Array(new)) => {
            let common = old.len().min(new.len());
            old.iter_mut().zip(new.iter_mut()).for_each(|(old, new)| both(old, new));
            old.iter_mut().skip(common).chain(new.iter_mut().skip(common)).for_each(|item| alone(item, SAME));
        }
        (Value::Object(old), Value::Object(new)) => {
            for (name, value) in old.iter_mut() {
                match new.get_mut(name) {
                    Some(other) => both(value, other),
                    None => alone(value, SAME),
                }
            }
            new.iter_mut()
                .filter(|(name, _)| !old.contains_key(*name))
                .for_each(|(_, value)| alone(value, SAME));
        }
        (old, new) if old == new => {
            alone(old, SAME);
            alone(new, SAME);
        }
        (old, new) => {
            alone(old, BEFORE);
            alone(new, AFTER);
        }
    }
}

fn alone(value: &mut Value, word: &str) {
    match value {
        Value::String(text) if is_encrypted(text) => *text = word.to_owned(),
        Value::Array(items) => items.iter_mut().for_each(|item| alone(item, word)),
        Value::Object(fields) => fields.values_mut().for_each(|field| alone(field, word)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn enc(text: &str) -> String {
        format!("ENC[AES256_GCM,data:{text},iv:eA==,tag:eA==,type:str]")
    }

    fn side(a: &str, b: &str, key: &str) -> Value {
        json!({"kind": "ConfigMap", "data": {"a": enc(a), "b": enc(b), "c": "plain"},
            "sops": {"mac": enc(a), "age": [{"enc": key}]}})
    }

    #[test]
    fn which_values_changed_is_told_and_no_ciphertext() {
        let (before, after) = conceal(Some(side("x", "y", "k")), Some(side("x", "z", "k")));
        assert_eq!(
            before,
            Some(json!({"kind": "ConfigMap", "data": {"a": SAME, "b": BEFORE, "c": "plain"}}))
        );
        assert_eq!(after, Some(json!({"kind": "ConfigMap", "data": {"a": SAME, "b": AFTER, "c": "plain"}})));
        let (none, created) = conceal(None, Some(side("x", "y", "k")));
        assert_eq!(created, Some(json!({"kind": "ConfigMap", "data": {"a": SAME, "b": SAME, "c": "plain"}})));
        assert_eq!(none, None);
    }

    #[test]
    fn lists_of_other_lengths_hide_all_the_same() {
        let list =
            |items: &[&str]| Some(json!({"l": items.iter().map(|item| enc(item)).collect::<Vec<_>>()}));
        let (before, after) = conceal(list(&["a"]), list(&["a", "b"]));
        assert_eq!((before, after), (Some(json!({"l": [SAME]})), Some(json!({"l": [SAME, SAME]}))));
    }

    #[test]
    fn a_new_data_key_tells_nothing() {
        assert!(is_rotated(&side("x", "y", "k"), &side("v", "w", "l")));
        assert!(!is_rotated(&side("x", "y", "k"), &side("x", "y", "l")), "the same key for other recipients");
        assert!(!is_rotated(&side("x", "y", "k"), &side("v", "w", "k")), "both values changed");
    }
}
