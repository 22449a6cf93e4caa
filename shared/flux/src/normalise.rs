//! What the controller changes in an object before it applies it, as far as that needs no schema: unknown fields of
//! built-in kinds and zero values are left to the API server, whose dry-run answers the same with and without them.

use base64::Engine;
use serde_json::{Map, Value};

use crate::variables::decode_base64;

/// The fields of a ConfigMap; its other fields do not reach the API server.
const CONFIG_MAP_FIELDS: [&str; 6] = ["apiVersion", "kind", "metadata", "immutable", "data", "binaryData"];
/// The fields of a Secret; its other fields do not reach the API server.
const SECRET_FIELDS: [&str; 7] =
    ["apiVersion", "kind", "metadata", "immutable", "data", "stringData", "type"];

/// Normalises an object. Roles and ClusterRoles stay as they are.
pub(crate) fn normalise(object: &mut Value) {
    let text = |field: &str| object[field].as_str().unwrap_or_default().to_owned();
    let (api_version, kind) = (text("apiVersion"), text("kind"));
    if api_version == "rbac.authorization.k8s.io/v1" && (kind == "Role" || kind == "ClusterRole") {
        return;
    }
    match (api_version.as_str(), kind.as_str()) {
        ("v1", "Secret") => normalise_secret(object),
        ("v1", "ConfigMap") => normalise_config_map(object),
        ("v1", "Service") => default_protocol(object.pointer_mut("/spec/ports")),
        _ => {}
    }
    if let Some(spec) = pod_spec(&api_version, &kind) {
        let containers = object.pointer_mut(&format!("{spec}/containers")).and_then(Value::as_array_mut);
        containers.into_iter().flatten().for_each(|container| default_protocol(container.get_mut("ports")));
    }
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.remove("creationTimestamp");
    }
    let definition = kind.eq_ignore_ascii_case("CustomResourceDefinition")
        && api_version.starts_with("apiextensions.k8s.io/");
    if let (false, Some(fields)) = (definition, object.as_object_mut()) {
        fields.remove("status");
    }
}

/// Where the pod specification of a workload is.
fn pod_spec(api_version: &str, kind: &str) -> Option<&'static str> {
    match (api_version, kind) {
        ("v1", "Pod") => Some("/spec"),
        ("apps/v1", "Deployment" | "StatefulSet" | "DaemonSet" | "ReplicaSet") | ("batch/v1", "Job") => {
            Some("/spec/template/spec")
        }
        ("batch/v1", "CronJob") => Some("/spec/jobTemplate/spec/template/spec"),
        _ => None,
    }
}

/// Ports without a protocol are TCP.
fn default_protocol(ports: Option<&mut Value>) {
    for port in ports.and_then(Value::as_array_mut).into_iter().flatten().filter_map(Value::as_object_mut) {
        let protocol = port.entry("protocol").or_insert(Value::Null);
        if protocol.is_null() || *protocol == "" {
            *protocol = "TCP".into();
        }
    }
}

/// Moves `stringData` into `data`, and drops unknown fields; but leaves alone what is no Secret by its types, such as
/// one with encrypted `data`.
fn normalise_secret(object: &mut Value) {
    let Some(data) = secret_data(object) else { return };
    let Some(fields) = object.as_object_mut() else { return };
    fields.retain(|field, _| SECRET_FIELDS.contains(&field.as_str()));
    fields.remove("stringData");
    match data.is_empty() {
        true => fields.remove("data"),
        false => fields.insert("data".into(), Value::Object(data)),
    };
}

/// Makes empty text of nulls in `data`, and drops unknown fields; but leaves alone what is no ConfigMap by its types.
fn normalise_config_map(object: &mut Value) {
    let binary = object["binaryData"].as_object().into_iter().flatten();
    let binary =
        { binary }.all(|(_, value)| value.is_null() || value.as_str().and_then(decode_base64).is_some());
    let typed = has_typed_metadata(object)
        && is_string_map(&object["data"])
        && (object["binaryData"].is_null() || object["binaryData"].is_object());
    let (true, true, Some(fields)) = (typed, binary, object.as_object_mut()) else { return };
    fields.retain(|field, _| CONFIG_MAP_FIELDS.contains(&field.as_str()));
    let data = fields.get_mut("data").and_then(Value::as_object_mut).into_iter().flatten();
    data.filter(|(_, value)| value.is_null()).for_each(|(_, value)| *value = "".into());
}

/// Whether labels, annotations and `immutable` have the types they should have.
fn has_typed_metadata(object: &Value) -> bool {
    let metadata = &object["metadata"];
    (object["immutable"].is_null() || object["immutable"].is_boolean())
        && [&metadata["labels"], &metadata["annotations"]].into_iter().all(is_string_map)
}

/// The data of a Secret with its `stringData`, in canonical base64; `None` when any part has the wrong type.
fn secret_data(object: &Value) -> Option<Map<String, Value>> {
    let encode = |bytes: &[u8]| Value::String(base64::engine::general_purpose::STANDARD.encode(bytes));
    let typed = (object["type"].is_null() || object["type"].is_string()) && has_typed_metadata(object);
    let map = |field: &str| match &object[field] {
        Value::Object(map) => Some(map.clone()),
        Value::Null => Some(Map::new()),
        _ => None,
    };
    let mut all = Map::new();
    for (key, value) in map("data").filter(|_| typed)? {
        let value = match value {
            Value::String(text) => encode(&decode_base64(&text)?),
            Value::Null => Value::Null,
            _ => return None,
        };
        all.insert(key, value);
    }
    for (key, value) in map("stringData")? {
        let text = if value.is_null() { "" } else { value.as_str()? };
        all.insert(key, encode(text.as_bytes()));
    }
    Some(all)
}

fn is_string_map(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Object(map) => map.values().all(|v| v.is_string() || v.is_null()),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn check(mut given: Value, expected: Value) {
        normalise(&mut given);
        assert_eq!(given, expected);
    }

    #[test]
    fn ports_get_their_protocol() {
        let service = |port: Value| json!({"apiVersion": "v1", "kind": "Service", "spec": {"ports": [port]}});
        check(service(json!({"port": 80})), service(json!({"port": 80, "protocol": "TCP"})));
        check(
            service(json!({"port": 80, "protocol": "UDP"})),
            service(json!({"port": 80, "protocol": "UDP"})),
        );
        let deployment = |port: Value| {
            let spec = json!({"containers": [{"ports": [port]}], "initContainers": [{"ports": [{"containerPort": 1}]}]});
            json!({"apiVersion": "apps/v1", "kind": "Deployment", "spec": {"template": {"spec": spec}}})
        };
        check(
            deployment(json!({"containerPort": 1})),
            deployment(json!({"containerPort": 1, "protocol": "TCP"})),
        );
        check(
            json!({"apiVersion": "x/v1", "kind": "Service", "spec": {"ports": [{}]}}),
            json!({"apiVersion": "x/v1", "kind": "Service", "spec": {"ports": [{}]}}),
        );
    }

    #[test]
    fn secrets_keep_one_kind_of_data() {
        let secret = |extra: Value| {
            let mut secret = json!({"apiVersion": "v1", "kind": "Secret"});
            extra.as_object().into_iter().flatten().for_each(|(k, v)| secret[k] = v.clone());
            secret
        };
        check(
            secret(json!({"data": {"a": "YQ\n==\n", "b": "Yg=="}, "stringData": {"b": "c"}, "sops": {}})),
            secret(json!({"data": {"a": "YQ==", "b": "Yw=="}})),
        );
        let encrypted = secret(json!({"data": {"a": "ENC[x]"}, "stringData": {"b": "c"}, "sops": {}}));
        check(encrypted.clone(), encrypted);
    }

    #[test]
    fn config_maps_hold_text() {
        let config_map = |data: Value| json!({"apiVersion": "v1", "kind": "ConfigMap", "data": data, "x": 1});
        check(
            config_map(json!({"a": null, "b": "c"})),
            json!({"apiVersion": "v1", "kind": "ConfigMap", "data": {"a": "", "b": "c"}}),
        );
        check(config_map(json!({"a": null, "b": 1})), config_map(json!({"a": null, "b": 1})));
    }

    #[test]
    fn status_and_creation_timestamp_go() {
        check(
            json!({"apiVersion": "x/v1", "kind": "A", "metadata": {"creationTimestamp": null}, "status": {}}),
            json!({"apiVersion": "x/v1", "kind": "A", "metadata": {}}),
        );
        let definition = json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "status": {}});
        check(definition.clone(), definition);
        let role = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "status": {}});
        check(role.clone(), role);
    }
}
