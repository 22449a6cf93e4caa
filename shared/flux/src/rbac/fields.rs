//! The fields of Roles, ClusterRoles and their bindings: which there are, and how the API server writes them.

use serde_json::{Map, Value, json};

use super::GROUP;

const RULE: [&str; 5] = ["verbs", "apiGroups", "resources", "resourceNames", "nonResourceURLs"];
const SUBJECT: [&str; 4] = ["kind", "apiGroup", "name", "namespace"];
const ROLE_REF: [&str; 3] = ["apiGroup", "kind", "name"];

/// The path of a field that there is not.
pub(super) fn unknown(object: &Value) -> Option<String> {
    let own: &[&str] = match object["kind"].as_str() {
        Some("Role") => &["rules"],
        Some("ClusterRole") => &["rules", "aggregationRule"],
        _ => &["subjects", "roleRef"],
    };
    let own = [&["apiVersion", "kind", "metadata"], own].concat();
    stranger(object, &own, "")
        .or_else(|| among(&object["rules"], &RULE, "rules"))
        .or_else(|| among(&object["subjects"], &SUBJECT, "subjects"))
        .or_else(|| stranger(&object["roleRef"], &ROLE_REF, "roleRef."))
        .or_else(|| stranger(&object["aggregationRule"], &["clusterRoleSelectors"], "aggregationRule."))
}

fn among(list: &Value, known: &[&str], path: &str) -> Option<String> {
    let mut items = list.as_array().into_iter().flatten().enumerate();
    items.find_map(|(index, item)| stranger(item, known, &format!("{path}[{index}].")))
}

fn stranger(object: &Value, known: &[&str], path: &str) -> Option<String> {
    let mut keys = object.as_object().into_iter().flat_map(Map::keys);
    keys.find(|key| !known.contains(&key.as_str())).map(|key| format!("{path}{key}"))
}

/// An object as the API server writes it: with the groups of subjects and roles, without empty lists.
pub(super) fn with_defaults(object: &Value) -> Value {
    let mut object = object.clone();
    match object["kind"].as_str() {
        Some("Role" | "ClusterRole") => {
            if object["rules"].as_array().is_none_or(Vec::is_empty) {
                object["rules"] = Value::Null;
            }
            for rule in items(&mut object, "rules") {
                without_empty(rule);
            }
        }
        _ => {
            if let Some(reference) = object.get_mut("roleRef").filter(|reference| reference.is_object()) {
                default_group(reference);
            }
            for subject in items(&mut object, "subjects") {
                without_empty(subject);
                if subject["kind"] == "User" || subject["kind"] == "Group" {
                    default_group(subject);
                }
            }
            if object["subjects"].as_array().is_none_or(Vec::is_empty)
                && let Some(fields) = object.as_object_mut()
            {
                fields.remove("subjects");
            }
        }
    }
    object
}

fn items<'a>(object: &'a mut Value, field: &str) -> impl Iterator<Item = &'a mut Value> {
    object.get_mut(field).and_then(Value::as_array_mut).into_iter().flatten().filter(|item| item.is_object())
}

fn default_group(object: &mut Value) {
    if object["apiGroup"].as_str().unwrap_or_default().is_empty() {
        object["apiGroup"] = json!(GROUP);
    }
}

fn without_empty(object: &mut Value) {
    if let Some(fields) = object.as_object_mut() {
        fields.retain(|_, value| match value {
            Value::Null => false,
            Value::String(text) => !text.is_empty(),
            Value::Array(items) => !items.is_empty(),
            _ => true,
        });
    }
}
