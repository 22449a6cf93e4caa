#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use super::*;

fn role(rules: Value, more: Value) -> Value {
    let mut role =
        json!({"apiVersion": VERSION, "kind": "ClusterRole", "metadata": {"name": "a"}, "rules": rules});
    role.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    role
}

fn live(role: &Value, entries: Value) -> Value {
    let mut live = role.clone();
    live["metadata"]["resourceVersion"] = json!("7");
    live["metadata"]["managedFields"] = entries;
    live
}

fn held(manager: &str, operation: &str, fields: Value) -> Value {
    json!({"manager": manager, "operation": operation, "apiVersion": VERSION, "fieldsV1": fields})
}

fn rule(verb: &str) -> Value {
    json!([{"apiGroups": [""], "resources": ["pods"], "verbs": [verb]}])
}

#[test]
fn what_is_new_is_stored_as_the_api_server_writes_it() {
    let binding = json!({
        "apiVersion": VERSION, "kind": "RoleBinding", "metadata": {"name": "a", "namespace": "b"},
        "roleRef": {"kind": "Role", "name": "r"},
        "subjects": [{"kind": "User", "name": "u"}, {"kind": "ServiceAccount", "name": "s", "namespace": "b", "apiGroup": ""}],
    });
    let stored = applied(&binding, None).unwrap();
    assert_eq!(stored["roleRef"]["apiGroup"], GROUP);
    assert_eq!(stored["subjects"][0]["apiGroup"], GROUP);
    assert_eq!(stored["subjects"][1].get("apiGroup"), None);
    let rules = json!([{"verbs": ["get"], "resources": ["pods"], "apiGroups": [""], "resourceNames": []}]);
    assert_eq!(applied(&role(rules, json!({})), None).unwrap()["rules"], rule("get"));
}

#[test]
fn git_wins_and_takes_back_what_only_it_said() {
    let own = held(
        MANAGER,
        "Apply",
        json!({"f:rules": {}, "f:metadata": {"f:labels": {"f:ours": {}, "f:both": {}}}}),
    );
    let other = held("other", "Update", json!({"f:metadata": {"f:labels": {"f:both": {}, "f:theirs": {}}}}));
    let mut before = role(rule("get"), json!({}));
    before["metadata"]["labels"] = json!({"ours": "1", "both": "1", "theirs": "1"});
    let before = live(&before, json!([own, other]));
    let stored = applied(&role(rule("list"), json!({})), Some(&before)).unwrap();
    assert_eq!(stored["rules"], rule("list"));
    assert_eq!(stored["metadata"]["labels"], json!({"both": "1", "theirs": "1"}));
    assert_eq!(stored["metadata"]["resourceVersion"], "7", "it is there");
    let mut without = role(json!(null), json!({}));
    without.as_object_mut().unwrap().remove("rules");
    assert_eq!(applied(&without, Some(&before)).unwrap()["rules"], Value::Null);
}

#[test]
fn what_kubectl_holds_is_taken_over() {
    let kubectl =
        held("kubectl", "Update", json!({"f:rules": {}, "f:metadata": {"f:labels": {"f:hand": {}}}}));
    let mut before = role(rule("get"), json!({}));
    before["metadata"]["labels"] = json!({"hand": "1"});
    let before = live(&before, json!([kubectl]));
    let desired = role(rule("list"), json!({}));
    let mut stored = applied(&desired, Some(&before)).unwrap();
    assert_eq!(crate::take_over(&desired, &mut stored, &[], None), ["metadata.labels.hand"]);
    assert_eq!(stored["rules"], rule("list"), "what Git says stays");
}

#[test]
fn rules_that_the_cluster_gathers_stay() {
    let selects = json!({"aggregationRule": {"clusterRoleSelectors": [{"matchLabels": {"to": "a"}}]}});
    let before = live(&role(rule("get"), selects.clone()), json!([]));
    for rules in [json!([]), json!(null)] {
        let stored = applied(&role(rules, selects.clone()), Some(&before)).unwrap();
        assert_eq!(stored["rules"], rule("get"));
    }
    let stored = applied(&role(rule("list"), selects.clone()), Some(&before)).unwrap();
    assert_eq!(stored["rules"], rule("list"), "Git says otherwise");
    let own = held(MANAGER, "Apply", json!({"f:aggregationRule": {"f:clusterRoleSelectors": {}}}));
    let before = live(&role(rule("get"), selects), json!([own]));
    let stored = applied(&role(rule("get"), json!({})), Some(&before)).unwrap();
    assert_eq!(stored.get("aggregationRule"), None);
}

#[test]
fn what_cannot_be_stored() {
    let unfit = |object: &Value, live: Option<&Value>| applied(object, live).unwrap_err();
    let old = json!({"apiVersion": "rbac.authorization.k8s.io/v1beta1", "kind": "Role"});
    assert_eq!(unfit(&old, None), Unfit::Version);
    let typo = role(json!([{"verbs": ["get"], "resource": ["pods"]}]), json!({}));
    assert_eq!(
        unfit(&typo, None),
        Unfit::Field("`rules[0].resource` is no field of a ClusterRole".to_owned())
    );
    let spec = role(rule("get"), json!({"spec": {}}));
    assert_eq!(unfit(&spec, None), Unfit::Field("`spec` is no field of a ClusterRole".to_owned()));
    let binding = |role: &str| json!({"apiVersion": VERSION, "kind": "ClusterRoleBinding", "metadata": {"name": "a"}, "roleRef": {"kind": "ClusterRole", "name": role}});
    let before = applied(&binding("a"), None).unwrap();
    assert!(matches!(unfit(&binding("b"), Some(&before)), Unfit::Immutable(_)));
    assert!(applied(&binding("a"), Some(&before)).is_ok());
    for odd in [
        json!(null),
        json!([]),
        json!({"apiVersion": VERSION}),
        json!({"apiVersion": VERSION, "kind": "Role", "rules": 1, "metadata": 2}),
    ] {
        drop(applied(&odd, Some(&odd)));
    }
}
