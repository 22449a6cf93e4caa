//! One case for each thing that normalising does; that it does no other is for the oracle to say.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use super::*;
use serde_json::json;

fn normalised(mut object: Value) -> Value {
    normalise(&mut object).unwrap();
    object
}

fn check(given: Value, expected: Value) {
    assert_eq!(normalised(given), expected);
}

fn of_kind(api_version: &str, kind: &str, fields: Value) -> Value {
    let mut object = fields;
    object["apiVersion"] = api_version.into();
    object["kind"] = kind.into();
    if !object["metadata"].is_object() {
        object["metadata"] = json!({"name": "a"});
    }
    object["metadata"]["creationTimestamp"] = Value::Null;
    object
}

#[test]
fn unknown_fields_go_and_are_named() {
    let mut object =
        of_kind("v1", "ConfigMap", json!({"data": {"a": null}, "dta": {"b": "c"}, "status": {"x": 1}}));
    let done = normalise(&mut object).unwrap();
    assert_eq!(object, of_kind("v1", "ConfigMap", json!({"data": {"a": ""}})));
    assert_eq!(done.unknown, ["dta"]);
    let pod = json!({"spec": {"containers": [{"name": "a", "imag": "b"}], "x": null}});
    let done = normalise(&mut of_kind("v1", "Pod", pod)).unwrap();
    assert_eq!(done.unknown, ["spec.containers.0.imag"]);
}

#[test]
fn fields_that_are_never_left_out_come() {
    let spec = json!({"selector": {}, "template": {"spec": {"containers": [{"name": "a", "image": "b"}]}}});
    let container = json!({"name": "a", "image": "b", "resources": {}});
    let expected = json!({"selector": {}, "strategy": {}, "template":
        {"metadata": {}, "spec": {"containers": [container]}}});
    let of = |spec: Value| of_kind("apps/v1", "Deployment", json!({ "spec": spec }));
    check(of(spec), of(expected));
    check(of_kind("v1", "Pod", json!({})), of_kind("v1", "Pod", json!({"spec": {"containers": null}})));
}

#[test]
fn values_take_their_canonical_form() {
    let claim = |storage: Value, time: Value| {
        let metadata = json!({"name": "a", "deletionTimestamp": time});
        let spec = json!({"resources": {"requests": {"storage": storage}}});
        of_kind("v1", "PersistentVolumeClaim", json!({"metadata": metadata, "spec": spec}))
    };
    check(
        claim(json!("1024Mi"), json!("2024-01-01T01:00:00+01:00")),
        claim(json!("1Gi"), json!("2024-01-01T00:00:00Z")),
    );
    assert_eq!(
        normalised(claim(json!(0.5), Value::Null))["spec"]["resources"]["requests"]["storage"],
        "500m"
    );
}

#[test]
fn what_does_not_fit_stays_as_it_is() {
    for data in [json!({"a": 1}), json!("text"), json!([1])] {
        let object = of_kind("v1", "ConfigMap", json!({"data": data, "unknown": 1}));
        check(object.clone(), object);
    }
    let secret =
        of_kind("v1", "Secret", json!({"data": {"a": "ENC[x]"}, "stringData": {"b": "c"}, "sops": {}}));
    check(secret.clone(), secret);
}

#[test]
fn ports_get_their_protocol() {
    let service = |port: Value| of_kind("v1", "Service", json!({"spec": {"ports": [port]}}));
    check(service(json!({"port": 80})), service(json!({"port": 80, "protocol": "TCP", "targetPort": 0})));
    let pod = normalised(of_kind(
        "v1",
        "Pod",
        json!({"spec": {"containers": [{"ports": [{"containerPort": 1}]}], "initContainers": [{"ports": [{"containerPort": 1}]}]}}),
    ));
    assert_eq!(pod["spec"]["containers"][0]["ports"][0]["protocol"], "TCP");
    assert_eq!(pod["spec"]["initContainers"][0]["ports"][0]["protocol"], Value::Null);
    let other = of_kind("x/v1", "Service", json!({"spec": {"ports": [{}]}}));
    check(other.clone(), other);
}

#[test]
fn secrets_keep_one_kind_of_data() {
    let secret = |fields: Value| of_kind("v1", "Secret", fields);
    check(
        secret(json!({"data": {"a": "YQ\n==\n", "b": "Yg=="}, "stringData": {"b": "c"}, "sops": {}})),
        secret(json!({"data": {"a": "YQ==", "b": "Yw=="}})),
    );
}

#[test]
fn status_goes_except_that_of_definitions() {
    check(of_kind("x/v1", "A", json!({"status": {}})), of_kind("x/v1", "A", json!({})));
    let definition = of_kind("apiextensions.k8s.io/v1", "CustomResourceDefinition", json!({"status": {}}));
    check(definition.clone(), definition);
    let role = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "status": {}});
    check(role.clone(), role);
}

#[test]
fn kinds_that_no_cluster_stores_fail() {
    let error = normalise(&mut of_kind("example.com/v1", "Status", json!({}))).unwrap_err();
    assert_eq!(error, "a `Status` is nothing that a cluster stores");
}

#[test]
fn numbers_are_read_as_go_reads_them() {
    let mut value = json!([1.0, 1e3, 0.5, 1152921504606846976.0, 12345678901234567890_u64, -7]);
    read_numbers(&mut value);
    let expected = json!([1, 1000, 0.5, 1152921504606847000_i64, 12345678901234567000_u64, -7]);
    assert_eq!(value, expected);
}
