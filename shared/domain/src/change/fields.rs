//! The fields that differ between two values, with paths that a person can read.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::lists::{self, Matched};

/// The deepest path that is told apart; below it two values are compared whole.
const DEEPEST: usize = 64;

/// One field that differs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FieldChange {
    /// Where: `spec.template.spec.containers[web].image`.
    pub path: String,
    /// The value before; `None` where the field is new.
    pub before: Option<Value>,
    /// The value after; `None` where the field goes.
    pub after: Option<Value>,
}

/// The fields that differ between two values. Items of lists are matched by what tells them apart, such as their names; where
/// only their order changes, that is told as a field of its own.
pub fn fields(before: &Value, after: &Value) -> Vec<FieldChange> {
    let mut walk = Walk { found: Vec::new() };
    walk.value(String::new(), "", Some(before), Some(after), DEEPEST);
    walk.found
}

/// A path with one more field; a key that is no plain word stands in brackets.
pub fn join(path: &str, key: &str) -> String {
    let plain = !key.is_empty() && key.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'));
    match (path.is_empty(), plain) {
        (true, true) => key.to_owned(),
        (false, true) => format!("{path}.{key}"),
        (_, false) => format!("{path}[{key:?}]"),
    }
}

struct Walk {
    found: Vec<FieldChange>,
}

impl Walk {
    fn value(
        &mut self,
        path: String,
        field: &str,
        before: Option<&Value>,
        after: Option<&Value>,
        depth: usize,
    ) {
        if before == after {
            return;
        }
        match (before, after) {
            (Some(Value::Object(old)), Some(Value::Object(new))) if depth > 0 => {
                let added = new.keys().filter(|key| !old.contains_key(*key));
                let mut keys: Vec<&String> = old.keys().chain(added).collect();
                keys.sort();
                for key in keys {
                    self.value(join(&path, key), key, old.get(key), new.get(key), depth - 1);
                }
            }
            (Some(Value::Array(old)), Some(Value::Array(new))) if depth > 0 => {
                self.list(&path, field, old, new, depth);
            }
            _ => self.found.push(FieldChange { path, before: before.cloned(), after: after.cloned() }),
        }
    }

    fn list(&mut self, path: &str, field: &str, old: &[Value], new: &[Value], depth: usize) {
        let Some(Matched { pairs, reordered }) = lists::matched(field, old, new) else {
            for i in 0..old.len().max(new.len()) {
                self.value(format!("{path}[{i}]"), "", old.get(i), new.get(i), depth - 1);
            }
            return;
        };
        for pair in pairs {
            self.value(format!("{path}[{}]", pair.label), "", pair.before, pair.after, depth - 1);
        }
        if let Some((before, after)) = reordered {
            let path = format!("{path} (order)");
            self.found.push(FieldChange { path, before: Some(before), after: Some(after) });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn check(before: Value, after: Value, expected: &[&str]) {
        let show = |v: &Option<Value>| v.as_ref().map_or("-".to_owned(), Value::to_string);
        let found: Vec<String> = fields(&before, &after)
            .iter()
            .map(|f| format!("{}: {} -> {}", f.path, show(&f.before), show(&f.after)))
            .collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn fields_are_told_with_paths_a_person_can_read() {
        check(json!({"a": 1}), json!({"a": 1}), &[]);
        check(json!({"a": {"b": 1}}), json!({"a": {"b": 2}}), &["a.b: 1 -> 2"]);
        check(json!({"a.b/c": 1}), json!({}), &["[\"a.b/c\"]: 1 -> -"]);
        check(json!({"l": [1, 2]}), json!({"l": [1, 3, 4]}), &["l[1]: 2 -> 3", "l[2]: - -> 4"]);
    }

    #[test]
    fn items_are_matched_by_what_tells_them_apart() {
        check(
            json!({"c": [{"name": "x", "i": 1}, {"name": "y", "i": 1}]}),
            json!({"c": [{"name": "y", "i": 2}, {"name": "z"}]}),
            &["c[x]: {\"i\":1,\"name\":\"x\"} -> -", "c[y].i: 1 -> 2", "c[z]: - -> {\"name\":\"z\"}"],
        );
        let port = |port: u64, protocol: &str, name: &str| json!({"containerPort": port, "protocol": protocol, "name": name});
        check(
            json!({"ports": [port(80, "TCP", "a"), port(80, "UDP", "b")]}),
            json!({"ports": [port(80, "TCP", "a"), port(80, "UDP", "c")]}),
            &["ports[80/UDP].name: \"b\" -> \"c\""],
        );
        let mount = |path: &str, sub: &str| json!({"name": "data", "mountPath": path, "subPath": sub});
        check(
            json!({"volumeMounts": [mount("/a", "1"), mount("/b", "1")]}),
            json!({"volumeMounts": [mount("/a", "1"), mount("/b", "2")]}),
            &["volumeMounts[/b].subPath: \"1\" -> \"2\""],
        );
        let subject = |name: &str| json!({"kind": "ServiceAccount", "namespace": "n", "name": name});
        check(
            json!({"subjects": [subject("a")]}),
            json!({"subjects": [subject("a"), {"kind": "User", "name": "a"}]}),
            &["subjects[User/a]: - -> {\"kind\":\"User\",\"name\":\"a\"}"],
        );
        let rule =
            |verbs: &[&str]| json!({"apiGroups": ["apps"], "resources": ["deployments"], "verbs": verbs});
        check(
            json!({"rules": [rule(&["get"])]}),
            json!({"rules": [rule(&["get", "delete"])]}),
            &["rules[apps/deployments].verbs[delete]: - -> \"delete\""],
        );
    }

    #[test]
    fn another_order_is_told_as_such() {
        check(
            json!({"c": [{"name": "x", "i": 1}, {"name": "y", "i": 1}]}),
            json!({"c": [{"name": "y", "i": 2}, {"name": "x", "i": 1}]}),
            &["c[y].i: 1 -> 2", "c (order): [\"x\",\"y\"] -> [\"y\",\"x\"]"],
        );
        check(
            json!({"finalizers": ["a", "b"]}),
            json!({"finalizers": ["c", "b", "a"]}),
            &["finalizers[c]: - -> \"c\"", "finalizers (order): [\"a\",\"b\"] -> [\"b\",\"a\"]"],
        );
        // What a program is called with is a sequence, not a set.
        check(json!({"args": ["-v", "1"]}), json!({"args": ["-v", "2"]}), &["args[1]: \"1\" -> \"2\""]);
    }
}
