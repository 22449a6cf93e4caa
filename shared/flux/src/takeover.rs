//! Fields that the controller takes over from kubectl and its like and then removes, because Git does not have them. A dry-run
//! does not show it: the controller rewrites `managedFields` first. It is read off the field sets of the dry-run's answer.

use serde_json::{Map, Value};

use crate::control::{SsaPolicy, ssa_policy};

/// What the API server gives out once, and leaves as it is when nobody asks for it any more.
const ALLOCATED: [&str; 4] = ["clusterIP", "clusterIPs", "healthCheckNodePort", "nodePort"];

/// Removes from `stored`, the answer to the dry-run of `desired`, what the controller will remove; gives its paths.
///
/// `overridden` are the field managers that the controller was told to take over besides (`--override-manager`). `fresh` is what
/// the API server makes of `desired` where nothing is there yet, under the same name: what it sets by itself comes back.
pub fn take_over(
    desired: &Value,
    stored: &mut Value,
    overridden: &[String],
    fresh: Option<&Value>,
) -> Vec<String> {
    if [desired, stored].iter().any(|object| ssa_policy(object) == SsaPolicy::Merge) {
        return Vec::new();
    }
    let entries = stored["metadata"]["managedFields"].as_array().cloned().unwrap_or_default();
    let (folded, kept): (Vec<_>, Vec<_>) = entries.iter().partition(|entry| is_folded(entry, overridden));
    let kept: Vec<&Value> = kept.iter().map(|entry| &entry["fieldsV1"]).collect();
    let mut removed = Vec::new();
    let version = stored["apiVersion"].clone();
    for entry in folded.iter().filter(|entry| entry["apiVersion"] == version) {
        remove(&entry["fieldsV1"], &kept, stored, fresh, "", &mut removed);
    }
    removed.sort();
    removed
}

/// Names are matched by their beginning, as the controller does.
fn is_folded(entry: &Value, overridden: &[String]) -> bool {
    let text = |field: &str| entry[field].as_str().unwrap_or_default();
    let (manager, update) = (text("manager"), text("operation") == "Update");
    let known = manager.starts_with("kubectl")
        || update
            && ["before-first-apply", "kustomize-controller"].iter().any(|name| manager.starts_with(name));
    let named = overridden.iter().any(|name| manager.starts_with(name.as_str()));
    text("subresource").is_empty() && (known || named)
}

/// Removes what `fields` name and none of `kept` does.
fn remove(
    fields: &Value,
    kept: &[&Value],
    at: &mut Value,
    fresh: Option<&Value>,
    path: &str,
    removed: &mut Vec<String>,
) {
    for (key, below) in fields.as_object().into_iter().flatten() {
        let others: Vec<&Value> = kept.iter().filter_map(|other| other.get(key)).collect();
        let Some((prefix, name)) = key.split_once(':') else { continue };
        match prefix {
            "f" => field(name, below, &others, at, fresh, path, removed),
            "k" => item(name, below, &others, at, fresh, path, removed),
            "v" if others.is_empty() => value(name, at, fresh, path, removed),
            _ => {}
        }
    }
}

fn field(
    name: &str,
    below: &Value,
    others: &[&Value],
    at: &mut Value,
    fresh: Option<&Value>,
    path: &str,
    removed: &mut Vec<String>,
) {
    let fresh = fresh.and_then(|fresh| fresh.get(name));
    let Some(fields) = at.as_object_mut() else { return };
    let Some(child) = fields.get_mut(name) else { return };
    let path = below_of(path, name);
    if !is_leaf(below) {
        remove(below, others, child, fresh, &path, removed);
        if others.is_empty() && is_empty(child) {
            fields.remove(name);
        }
    } else if others.is_empty() {
        match fresh {
            Some(value) if value == child || ALLOCATED.contains(&name) => return,
            Some(value) => *child = value.clone(),
            None => drop(fields.remove(name)),
        }
        removed.push(path);
    }
}

fn item(
    keys: &str,
    below: &Value,
    others: &[&Value],
    at: &mut Value,
    fresh: Option<&Value>,
    path: &str,
    removed: &mut Vec<String>,
) {
    let Ok(keys) = serde_json::from_str::<Map<String, Value>>(keys) else { return };
    let Some(items) = at.as_array_mut() else { return };
    let is_it = |item: &Value| keys.iter().all(|(key, value)| item.get(key) == Some(value));
    let Some(index) = items.iter().position(is_it) else { return };
    let fresh = fresh.and_then(Value::as_array).and_then(|items| items.iter().find(|item| is_it(item)));
    let label: Vec<String> = keys
        .iter()
        .map(|(key, value)| {
            format!("{key}={}", value.as_str().map_or_else(|| value.to_string(), str::to_owned))
        })
        .collect();
    let path = format!("{path}[{}]", label.join(","));
    if fresh.is_none() && others.is_empty() && below.get(".").is_some() {
        items.remove(index);
        removed.push(path);
    } else if let Some(item) = items.get_mut(index) {
        remove(below, others, item, fresh, &path, removed);
    }
}

fn value(text: &str, at: &mut Value, fresh: Option<&Value>, path: &str, removed: &mut Vec<String>) {
    let (Ok(value), Some(items)) = (serde_json::from_str::<Value>(text), at.as_array_mut()) else { return };
    if fresh.and_then(Value::as_array).is_some_and(|items| items.contains(&value)) {
        return;
    }
    let before = items.len();
    items.retain(|item| *item != value);
    if items.len() < before {
        removed.push(format!("{path}[{text}]"));
    }
}

/// The path of a field, as a person reads it.
fn below_of(path: &str, name: &str) -> String {
    match name.contains(['.', '/']) {
        true => format!("{path}[{name:?}]"),
        false if path.is_empty() => name.to_owned(),
        false => format!("{path}.{name}"),
    }
}

fn is_leaf(fields: &Value) -> bool {
    fields.as_object().is_none_or(|below| below.keys().all(|key| key == "."))
}

fn is_empty(value: &Value) -> bool {
    value.as_object().is_some_and(Map::is_empty) || value.as_array().is_some_and(Vec::is_empty)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn entry(manager: &str, operation: &str, fields: Value) -> Value {
        json!({"manager": manager, "operation": operation, "apiVersion": "v1", "fieldsV1": fields})
    }

    fn object(entries: Value) -> Value {
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "managedFields": entries}, "data": {"git": "1", "hand": "2"}})
    }

    fn own() -> Value {
        entry("kustomize-controller", "Apply", json!({"f:data": {"f:git": {}}}))
    }

    #[test]
    fn what_kubectl_alone_holds_is_removed() {
        let both = json!({"f:data": {".": {}, "f:git": {}, "f:hand": {}}});
        for (manager, operation) in [
            ("kubectl", "Apply"),
            ("kubectl-client-side-apply", "Update"),
            ("kubectl-edit", "Update"),
            ("before-first-apply", "Update"),
            ("kustomize-controller", "Update"),
            ("mine", "Apply"),
        ] {
            let mut stored = object(json!([own(), entry(manager, operation, both.clone())]));
            assert_eq!(
                take_over(&json!({}), &mut stored, &["mine".to_owned()], None),
                ["data.hand"],
                "{manager}"
            );
            assert_eq!(stored["data"], json!({"git": "1"}));
        }
    }

    #[test]
    fn what_others_hold_or_merging_keeps_stays() {
        let hand = json!({"f:data": {"f:hand": {}}});
        let kubectl = entry("kubectl", "Apply", hand.clone());
        let others = json!([own(), kubectl, entry("helm", "Update", hand.clone())]);
        assert!(take_over(&json!({}), &mut object(others), &[], None).is_empty());
        assert!(
            take_over(&json!({}), &mut object(json!([own(), entry("helm", "Update", hand)])), &[], None)
                .is_empty()
        );
        let merge = json!({"metadata": {"annotations": {crate::control::SSA: "Merge"}}});
        assert!(take_over(&merge, &mut object(json!([own(), kubectl])), &[], None).is_empty());
    }

    #[test]
    fn items_of_lists_and_sets_and_what_becomes_empty_are_removed() {
        let fields = json!({
            "f:spec": {"f:list": {"k:{\"name\":\"side\"}": {".": {}, "f:name": {}}, "k:{\"name\":\"web\"}": {"f:tty": {}}}, "f:only": {"f:this": {}}},
            "f:metadata": {"f:finalizers": {"v:\"hand\"": {}}}
        });
        let git = json!({"f:spec": {"f:list": {"k:{\"name\":\"web\"}": {".": {}, "f:name": {}}}}});
        let mut stored = json!({
            "apiVersion": "v1",
            "metadata": {"finalizers": ["hand", "other"], "managedFields": [entry("kustomize-controller", "Apply", git), entry("kubectl", "Update", fields)]},
            "spec": {"list": [{"name": "web", "tty": true}, {"name": "side"}], "only": {"this": 1}}
        });
        let removed = take_over(&json!({}), &mut stored, &[], None);
        let expected = [
            "metadata.finalizers[\"hand\"]",
            "spec.list[name=side]",
            "spec.list[name=web].tty",
            "spec.only.this",
        ];
        assert_eq!(removed, expected);
        assert_eq!(stored["spec"], json!({"list": [{"name": "web"}]}));
        assert_eq!(stored["metadata"]["finalizers"], json!(["other"]));
    }

    #[test]
    fn what_the_api_server_sets_by_itself_comes_back() {
        let fields = json!({"f:spec": {
            "f:clusterIP": {}, "f:same": {}, "f:other": {}, "f:gone": {}, "f:set": {"v:\"a\"": {}, "v:\"b\"": {}},
            "f:list": {"k:{\"name\":\"web\"}": {".": {}, "f:name": {}, "f:pull": {}}}
        }});
        let spec = json!({"clusterIP": "1", "same": 1, "other": 7, "gone": 1, "set": ["a", "b"], "list": [{"name": "web", "pull": "x"}]});
        let mut stored = json!({"apiVersion": "v1", "spec": spec, "metadata": {"managedFields": [entry("kubectl", "Update", fields)]}});
        let fresh = json!({"spec": {"clusterIP": "2", "same": 1, "other": 1, "set": ["a"], "list": [{"name": "web", "pull": "x"}]}});
        let removed = take_over(&json!({}), &mut stored, &[], Some(&fresh));
        assert_eq!(removed, ["spec.gone", "spec.other", "spec.set[\"b\"]"]);
        let expected = json!({"clusterIP": "1", "same": 1, "other": 1, "set": ["a"], "list": [{"name": "web", "pull": "x"}]});
        assert_eq!(stored["spec"], expected);
    }
}
