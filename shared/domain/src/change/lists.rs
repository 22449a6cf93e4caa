//! Which item of one list is which of the other: by the keys that the API server merges by, else by whatever names every item.
//! A small table of field names, because a person reads the result: it decides no merge.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

/// What tells the items of well-known lists apart, best first.
const KEYS: &[(&str, &[&[&str]])] = &[
    ("ports", &[&["containerPort", "protocol"], &["port", "protocol"], &["name"]]),
    ("volumeMounts", &[&["mountPath"]]),
    ("volumeDevices", &[&["devicePath"]]),
    ("hostAliases", &[&["ip"]]),
    ("topologySpreadConstraints", &[&["topologyKey", "whenUnsatisfiable"]]),
    ("subjects", &[&["kind", "namespace", "name"]]),
    ("rules", &[&["apiGroups", "resources", "resourceNames", "nonResourceURLs"], &["host"]]),
    ("paths", &[&["path", "pathType"]]),
    ("ownerReferences", &[&["kind", "name"]]),
    ("dependsOn", &[&["namespace", "name"], &["name"]]),
];

/// What tells the items of any other list apart, best first.
const USUAL: &[&[&str]] = &[
    &["name"],
    &["key"],
    &["id"],
    &["type"],
    &["ip"],
    &["port"],
    &["mountPath"],
    &["path"],
    &["host"],
    &["topologyKey"],
    &["secretName"],
];

/// Lists of words whose order is their meaning.
const SEQUENCES: [&str; 4] = ["args", "command", "exec", "sequence"];

/// Items of two lists, matched.
pub(super) struct Matched<'a> {
    /// The items of the first list in its order, then what is new.
    pub(super) pairs: Vec<Pair<'a>>,
    /// The labels that both lists have, as either orders them, where these differ.
    pub(super) reordered: Option<(Value, Value)>,
}

/// An item of either list or of both.
pub(super) struct Pair<'a> {
    pub(super) label: String,
    pub(super) before: Option<&'a Value>,
    pub(super) after: Option<&'a Value>,
}

/// Matches the items of two lists; `None` where nothing tells them apart but their place.
pub(super) fn matched<'a>(field: &str, old: &'a [Value], new: &'a [Value]) -> Option<Matched<'a>> {
    let (before, after) = candidates(field)
        .find_map(|keys| Some((by(keys, old)?, by(keys, new)?)))
        .or_else(|| Some((words(field, old)?, words(field, new)?)))?;
    let left: BTreeMap<&String, &Value> = before.iter().zip(old).collect();
    let right: BTreeMap<&String, &Value> = after.iter().zip(new).collect();
    let added = after.iter().filter(|label| !left.contains_key(label));
    let pairs = before.iter().chain(added).map(|label| Pair {
        label: label.clone(),
        before: left.get(label).copied(),
        after: right.get(label).copied(),
    });
    Some(Matched { pairs: pairs.collect(), reordered: reordered(&before, &after) })
}

/// What the items of the list `field` are called in a path, such as `web` or `80/TCP`; nothing where only their place tells them apart.
pub fn labels(field: &str, items: &[Value]) -> Vec<String> {
    candidates(field).find_map(|keys| by(keys, items)).unwrap_or_default()
}

fn candidates(field: &str) -> impl Iterator<Item = &'static [&'static str]> {
    let own = KEYS.iter().find(|(name, _)| *name == field).map_or(&[][..], |(_, keys)| keys);
    own.iter().chain(USUAL).copied()
}

/// The label of every item by these keys, if each has the first of them and no two the same.
fn by(keys: &[&str], items: &[Value]) -> Option<Vec<String>> {
    let one = |item: &Value| {
        // Two rules may lack the same part (`apiGroups` of `nonResourceURLs`); of other keys the first says which item it is.
        let parts: Vec<String> = keys.iter().filter_map(|key| part(key, item.get(key)?)).collect();
        let first = keys.first().is_some_and(|first| item.get(first).is_some());
        ((first || keys.len() > 2) && !parts.is_empty()).then(|| parts.join("/"))
    };
    unique(items.iter().map(one).collect::<Option<_>>()?)
}

fn part(key: &str, value: &Value) -> Option<String> {
    match value {
        Value::String(text) if text.is_empty() && key == "apiGroups" => Some("core".to_owned()),
        Value::String(text) => Some(text.clone()).filter(|text| !text.is_empty()),
        Value::Number(number) => Some(number.to_string()),
        Value::Array(items) => {
            let words: Vec<String> = items.iter().filter_map(|item| part(key, item)).collect();
            (!words.is_empty()).then(|| words.join(","))
        }
        _ => None,
    }
}

/// The words of a list that is a set of them.
fn words(field: &str, items: &[Value]) -> Option<Vec<String>> {
    let words = items.iter().map(|item| item.as_str().map(str::to_owned)).collect::<Option<Vec<_>>>()?;
    if SEQUENCES.contains(&field) { None } else { unique(words) }
}

fn unique(labels: Vec<String>) -> Option<Vec<String>> {
    let different: BTreeSet<&String> = labels.iter().collect();
    (different.len() == labels.len()).then_some(labels)
}

fn reordered(before: &[String], after: &[String]) -> Option<(Value, Value)> {
    let (left, right): (BTreeSet<&String>, BTreeSet<&String>) =
        (before.iter().collect(), after.iter().collect());
    let common = |list: &[String]| -> Vec<String> {
        list.iter().filter(|label| left.contains(label) && right.contains(label)).cloned().collect()
    };
    let (before, after) = (common(before), common(after));
    (before != after).then(|| (before.into(), after.into()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn items_have_names_for_people() {
        let check = |field: &str, items: Value, expected: &str| {
            let items = items.as_array().cloned().unwrap_or_default();
            assert_eq!(labels(field, &items).join(" "), expected);
        };
        check("containers", json!([{"name": "web"}, {"name": "log"}]), "web log");
        check("containers", json!([{"name": "web"}, {"name": "web"}]), "");
        check("ports", json!([{"port": 80}, {"port": 443, "protocol": "TCP"}]), "80 443/TCP");
        check(
            "rules",
            json!([{"apiGroups": [""], "resources": ["pods", "secrets"]}, {"nonResourceURLs": ["/healthz"]}]),
            "core/pods,secrets /healthz",
        );
        check(
            "subjects",
            json!([{"kind": "User", "name": "a"}, {"kind": "Group", "name": "a"}]),
            "User/a Group/a",
        );
        check("items", json!([[1], 2, null]), "");
    }
}
