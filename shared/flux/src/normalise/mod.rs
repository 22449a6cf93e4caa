//! What the controller changes in an object before it applies it. Kinds that have a Go type in client-go pass through
//! it and back (`convert`, by the `table` of those types), so that unknown fields are lost and others take a canonical
//! form; every kind loses its status and gets an empty creation timestamp.

mod bundle;
mod convert;
mod quantity;
mod table;
mod time;
mod zeros;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Number, Value};

use table::Kind;
pub use zeros::without_zeros;

/// What normalising an object did that somebody should know.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Normalised {
    /// Paths of fields that its kind does not have and that never reach the API server; some twenty at most.
    pub unknown: Vec<String>,
}

/// Normalises an object as the controller does between its owner labels and the common metadata. Roles and
/// ClusterRoles stay as they are, and of objects that do not fit their type only the status goes.
///
/// # Errors
/// The controller fails on kinds that are no stored objects, such as `Status`; the error is what to say of it.
pub fn normalise(object: &mut Value) -> Result<Normalised, String> {
    read_numbers(object);
    let text = |field: &str| object[field].as_str().unwrap_or_default().to_owned();
    let (api_version, kind) = (text("apiVersion"), text("kind"));
    if api_version == "rbac.authorization.k8s.io/v1" && (kind == "Role" || kind == "ClusterRole") {
        return Ok(Normalised::default());
    }
    let mut done = Normalised::default();
    match table::kind(&api_version, &kind) {
        Kind::Unknown => {}
        Kind::NotStored => return Err(format!("a `{kind}` is nothing that a cluster stores")),
        Kind::Known(of) => {
            let converted = object.as_object().map(|fields| convert::convert(fields, of));
            if let Some(Ok(converted)) = converted {
                *object = Value::Object(converted.fields);
                default_fields(object, &api_version, &kind);
                done.unknown = converted.unknown;
                done.unknown.retain(|path| path != "status" && !path.starts_with("status."));
            }
        }
    }
    strip(object, &api_version, &kind);
    Ok(done)
}

/// What the YAML reader makes of numbers: whole ones of 64 bits, and others by Go's 64-bit floating point.
fn read_numbers(value: &mut Value) {
    match value {
        Value::Number(number) if number.as_i64().is_none() => {
            if let Some(read) = number.as_f64().and_then(go_number) {
                *number = read;
            }
        }
        Value::Array(items) => items.iter_mut().for_each(read_numbers),
        Value::Object(map) => map.values_mut().for_each(read_numbers),
        _ => {}
    }
}

/// A number as Go prints it: the shortest digits that give the same float, filled up with zeros.
pub(crate) fn go_number(float: f64) -> Option<Number> {
    let digits = format!("{float}");
    let whole = digits.parse::<i64>().map(Number::from).or_else(|_| digits.parse::<u64>().map(Number::from));
    whole.ok().or_else(|| Number::from_f64(float))
}

/// The creation timestamp is emptied, and the status goes, but for that of a CRD.
fn strip(object: &mut Value, api_version: &str, kind: &str) {
    let definition = kind.eq_ignore_ascii_case("CustomResourceDefinition")
        && api_version.starts_with("apiextensions.k8s.io/");
    let Some(fields) = object.as_object_mut() else { return };
    let metadata = fields.entry("metadata").or_insert_with(|| Value::Object(Map::new()));
    if let Some(metadata) = metadata.as_object_mut() {
        metadata.insert("creationTimestamp".into(), Value::Null);
    }
    if definition {
        bundle::drop_invalid(object);
    } else {
        fields.remove("status");
    }
}

/// Defaults that the controller sets in some kinds, so that the API server does not mistake ports for one another.
fn default_fields(object: &mut Value, api_version: &str, kind: &str) {
    match (api_version.trim_start_matches('/'), kind) {
        ("v1", "Secret") => move_string_data(object),
        ("v1", "Service") => default_protocol(object.pointer_mut("/spec/ports")),
        _ => {}
    }
    if let Some(spec) = pod_spec(api_version.trim_start_matches('/'), kind) {
        let containers = object.pointer_mut(&format!("{spec}/containers")).and_then(Value::as_array_mut);
        containers.into_iter().flatten().for_each(|container| default_protocol(container.get_mut("ports")));
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
    let ports = ports.and_then(Value::as_array_mut).into_iter().flatten();
    ports.filter_map(Value::as_object_mut).for_each(|port| {
        port.entry("protocol").or_insert_with(|| "TCP".into());
    });
}

/// Moves `stringData` into `data`, over what is there.
fn move_string_data(secret: &mut Value) {
    let Some(fields) = secret.as_object_mut() else { return };
    let Some(Value::Object(texts)) = fields.remove("stringData") else { return };
    let data = fields.entry("data").or_insert_with(|| Value::Object(Map::new()));
    if let Some(data) = data.as_object_mut() {
        let encoded = texts.iter().map(|(key, text)| {
            (key.clone(), Value::String(STANDARD.encode(text.as_str().unwrap_or_default())))
        });
        data.extend(encoded);
    }
}

#[cfg(test)]
mod tests;
