//! What server-side apply makes of Roles, ClusterRoles and their bindings, told from the live object alone. The API server lets
//! nobody rehearse granting rights that they lack, so that a small identity cannot ask it; and these kinds are simple enough to tell:
//! outside of metadata each field is applied as a whole.

mod fields;

use serde_json::{Map, Value, json};

use fields::{unknown, with_defaults};

/// The group of these kinds.
pub const GROUP: &str = "rbac.authorization.k8s.io";
/// The version that is served.
const VERSION: &str = "rbac.authorization.k8s.io/v1";
/// The field manager of kustomize-controller.
const MANAGER: &str = "kustomize-controller";

/// Why an object cannot be stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unfit {
    /// Its version is not served.
    Version,
    /// It has a field that its kind does not have: a sentence.
    Field(String),
    /// It changes a field that cannot change: a sentence.
    Immutable(String),
}

/// What applying `desired` makes of `live`, as the controller applies it, or of nothing where it is not there yet.
///
/// Where a ClusterRole aggregates others and lists no rules, the cluster gathers them: they stay as they are.
///
/// # Errors
///
/// If the API server would not store it, as far as that can be told: an unknown field, another `roleRef`, a version that is gone.
pub fn applied(desired: &Value, live: Option<&Value>) -> Result<Value, Unfit> {
    if desired["apiVersion"] != VERSION {
        return Err(Unfit::Version);
    }
    if let Some(field) = unknown(desired) {
        return Err(Unfit::Field(format!(
            "`{field}` is no field of a {}",
            desired["kind"].as_str().unwrap_or("Role")
        )));
    }
    let desired = with_defaults(desired);
    let Some(live) = live.filter(|live| live["metadata"].is_object()) else { return Ok(desired) };
    if desired.get("roleRef").is_some() && desired["roleRef"] != with_defaults(live)["roleRef"] {
        return Err(Unfit::Immutable("cannot change roleRef: field is immutable".to_owned()));
    }
    Ok(merged(&desired, live))
}

/// Whether the cluster gathers the rules of a ClusterRole from others.
pub fn is_aggregated(object: &Value) -> bool {
    object["kind"] == "ClusterRole" && object["aggregationRule"].is_object()
}

fn merged(desired: &Value, live: &Value) -> Value {
    let mut stored = with_defaults(live);
    let entries = live["metadata"]["managedFields"].as_array().cloned().unwrap_or_default();
    let (own, others): (Vec<Value>, Vec<Value>) = entries.into_iter().partition(is_own);
    let own = own.first().map_or(Value::Null, |entry| entry["fieldsV1"].clone());
    let held = |path: &[String]| others.iter().any(|entry| has(&entry["fieldsV1"], path));
    let gathered = is_aggregated(desired) && desired["rules"].as_array().is_none_or(Vec::is_empty);
    for field in ["rules", "subjects", "aggregationRule", "roleRef"] {
        let path = [format!("f:{field}")];
        match desired.get(field) {
            _ if gathered && field == "rules" => {}
            Some(value) if !value.is_null() => stored[field] = value.clone(),
            _ if has(&own, &path) && !held(&path) => {
                drop(stored.as_object_mut().and_then(|o| o.remove(field)))
            }
            _ => {}
        }
    }
    for field in ["labels", "annotations"] {
        let path = ["f:metadata".to_owned(), format!("f:{field}")];
        let gone = |key: &str| {
            let path = [&path[..], &[format!("f:{key}")]].concat();
            has(&own, &path) && !held(&path)
        };
        metadata(&mut stored, field, &desired["metadata"][field], gone);
    }
    stored["metadata"]["managedFields"] = others.into_iter().chain([entry(desired, gathered)]).collect();
    with_defaults(&stored)
}

/// Sets what Git says of a map in the metadata, and takes out what only Git said before.
fn metadata(stored: &mut Value, field: &str, desired: &Value, gone: impl Fn(&str) -> bool) {
    let empty = Map::new();
    let desired = desired.as_object().unwrap_or(&empty);
    let mut map = stored["metadata"][field].as_object().cloned().unwrap_or_default();
    map.retain(|key, _| desired.contains_key(key) || !gone(key));
    map.extend(desired.clone());
    if let Some(metadata) = stored["metadata"].as_object_mut() {
        match map.is_empty() {
            true => drop(metadata.remove(field)),
            false => drop(metadata.insert(field.to_owned(), Value::Object(map))),
        }
    }
}

fn is_own(entry: &Value) -> bool {
    entry["manager"] == MANAGER && entry["operation"] == "Apply"
}

fn has(fields: &Value, path: &[String]) -> bool {
    path.iter().try_fold(fields, |at, key| at.get(key)).is_some()
}

/// The controller's entry in `managedFields` after it applied.
fn entry(desired: &Value, gathered: bool) -> Value {
    let mut fields = Map::new();
    for field in ["rules", "subjects", "aggregationRule", "roleRef"] {
        if !(desired[field].is_null() || gathered && field == "rules") {
            fields.insert(format!("f:{field}"), json!({}));
        }
    }
    for field in ["labels", "annotations"] {
        let keys = desired["metadata"][field].as_object().into_iter().flatten();
        let keys: Map<String, Value> = keys.map(|(key, _)| (format!("f:{key}"), json!({}))).collect();
        if !keys.is_empty() {
            let metadata = fields.entry("f:metadata").or_insert_with(|| json!({}));
            metadata[format!("f:{field}")] = Value::Object(keys);
        }
    }
    json!({"manager": MANAGER, "operation": "Apply", "apiVersion": VERSION, "fieldsType": "FieldsV1", "fieldsV1": fields})
}

#[cfg(test)]
mod tests;
