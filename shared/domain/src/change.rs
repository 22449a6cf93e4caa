//! What differs between two states of one object, and what the API server said of it.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::mask::Mask;
use crate::object::ObjectId;

/// What will happen to an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChangeKind {
    /// It comes into being.
    Created,
    /// Some of its fields change.
    Changed,
    /// It is deleted and made anew, because a field that changes is immutable and the Kustomization forces it.
    Recreated,
    /// It is pruned.
    Deleted,
    /// It leaves Git but stays in the cluster (pruning is off, for it or for its Kustomization).
    Orphaned,
}

/// How far a change was checked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "check", rename_all = "snake_case")]
pub enum Check {
    /// The API server accepted both sides in a dry-run, and the difference is between its answers.
    DryRun,
    /// The difference is between renders; no cluster was asked.
    RenderOnly,
    /// The API server could not judge it (a new namespace or kind, a webhook that refuses dry-runs, a missing permission, a time-out).
    NotValidated {
        /// Why, and what to do about it.
        why: String,
    },
    /// The API server refuses the result: merging it would fail.
    Refused {
        /// The API server's reason, masked.
        why: String,
    },
}

/// One object's change. Values are masked before they get here.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Change {
    /// Which object.
    pub object: ObjectId,
    /// What happens to it.
    pub kind: ChangeKind,
    /// How far that was checked.
    #[serde(flatten)]
    pub check: Check,
    /// The object before, without server-side noise.
    pub before: Option<Value>,
    /// The object after, without server-side noise.
    pub after: Option<Value>,
}

impl Change {
    /// A change of `object` from `before` to `after`: noise dropped, secrets masked.
    pub fn new(
        object: ObjectId,
        kind: ChangeKind,
        check: Check,
        sides: (Option<Value>, Option<Value>),
        mask: &Mask,
    ) -> Self {
        let check = match check {
            Check::Refused { why } => Check::Refused { why: mask.text(&why) },
            Check::NotValidated { why } => Check::NotValidated { why: mask.text(&why) },
            other => other,
        };
        let (before, after) = mask.pair(sides.0.map(comparable), sides.1.map(comparable));
        Self { object, kind, check, before, after }
    }

    /// The fields that differ, with paths a person can read; empty for created and deleted objects.
    pub fn fields(&self) -> Vec<FieldChange> {
        match (&self.before, &self.after) {
            (Some(before), Some(after)) => fields(before, after),
            _ => Vec::new(),
        }
    }
}

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

/// Drops what the API server fills in by itself and changes on every request, and the status, which is not the manifest's.
pub fn comparable(mut object: Value) -> Value {
    if let Some(fields) = object.as_object_mut() {
        fields.remove("status");
    }
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        for noise in
            ["managedFields", "generation", "resourceVersion", "uid", "creationTimestamp", "selfLink"]
        {
            metadata.remove(noise);
        }
    }
    object
}

/// The deepest path that is told apart; below it two values are compared whole.
const DEEPEST: usize = 64;

/// The fields that differ between two values. Lists whose items have unique names are matched by name, other lists by position.
pub fn fields(before: &Value, after: &Value) -> Vec<FieldChange> {
    let mut found = Vec::new();
    walk(String::new(), Some(before), Some(after), &mut found, DEEPEST);
    found
}

fn walk(
    path: String,
    before: Option<&Value>,
    after: Option<&Value>,
    found: &mut Vec<FieldChange>,
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
                walk(join(&path, key), old.get(key), new.get(key), found, depth - 1);
            }
        }
        (Some(Value::Array(old)), Some(Value::Array(new))) if depth > 0 => match (names(old), names(new)) {
            (Some(old_names), Some(new_names)) => {
                let find = |names: &[&str], list: &[Value], name: &str| {
                    names.iter().position(|n| *n == name).and_then(|i| list.get(i).cloned())
                };
                let added = new_names.iter().filter(|name| !old_names.contains(*name));
                for name in old_names.iter().chain(added) {
                    let (old, new) = (find(&old_names, old, name), find(&new_names, new, name));
                    walk(format!("{path}[{name}]"), old.as_ref(), new.as_ref(), found, depth - 1);
                }
            }
            _ => {
                for i in 0..old.len().max(new.len()) {
                    walk(format!("{path}[{i}]"), old.get(i), new.get(i), found, depth - 1);
                }
            }
        },
        _ => found.push(FieldChange { path, before: before.cloned(), after: after.cloned() }),
    }
}

/// The `name` of every item, if all have one and no two the same.
fn names(list: &[Value]) -> Option<Vec<&str>> {
    let names: Vec<&str> = list.iter().map(|item| item.get("name")?.as_str()).collect::<Option<_>>()?;
    let unique: std::collections::BTreeSet<&&str> = names.iter().collect();
    (!names.is_empty() && unique.len() == names.len()).then_some(names)
}

fn join(path: &str, key: &str) -> String {
    let plain = !key.is_empty() && key.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'));
    match (path.is_empty(), plain) {
        (true, true) => key.to_owned(),
        (false, true) => format!("{path}.{key}"),
        (_, false) => format!("{path}[{key:?}]"),
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
        check(
            json!({"c": [{"name": "x", "i": 1}, {"name": "y", "i": 1}]}),
            json!({"c": [{"name": "y", "i": 2}, {"name": "x", "i": 1}]}),
            &["c[y].i: 1 -> 2"],
        );
        check(json!({"l": [1, 2]}), json!({"l": [1, 3, 4]}), &["l[1]: 2 -> 3", "l[2]: - -> 4"]);
    }

    #[test]
    fn server_side_noise_is_no_change() {
        let side = |n: u64| json!({"kind": "A", "metadata": {"name": "a", "generation": n, "resourceVersion": n, "uid": n, "managedFields": [n]}, "status": {"n": n}});
        assert_eq!(comparable(side(1)), comparable(side(2)));
        assert_eq!(comparable(side(1)), json!({"kind": "A", "metadata": {"name": "a"}}));
    }
}
