//! The admission policy as it has to stand: whatever would narrow whom or what it covers leaves the lock open.
//! More validations than ours do no harm, since each can only refuse.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{Asked, Identity, object};
use crate::api::Api;

/// The name of the policy and of its binding, as in infra/cluster/preflux.yaml.
pub(super) const NAME: &str = "preflux-dry-run-only";

const GROUP: &str = "admissionregistration.k8s.io";

/// Who carries this group is covered, whatever namespace or cluster account it is.
pub(crate) const MARKER: &str = "preflux:dry-run-only";

/// What each request of the identity has to meet.
pub(crate) const VALIDATIONS: [&str; 3] = [
    r#"request.operation == "CREATE" || request.operation == "UPDATE""#,
    "has(request.dryRun) && request.dryRun == true",
    r#"!has(request.subResource) || request.subResource == """#,
];

/// Whom the policy covers: every service account of a namespace, and whoever carries the marker.
pub(crate) fn condition(namespace: &str) -> String {
    format!(
        r#"request.userInfo.username.startsWith("system:serviceaccount:{namespace}:") || (has(request.userInfo.groups) && request.userInfo.groups.exists(group, group == "system:serviceaccounts:{namespace}" || group == "{MARKER}"))"#
    )
}

/// Whether the policy is there and covers every request of ours.
pub(super) async fn stands(api: &Api, identity: &Identity) -> Asked<()> {
    let policy = object(api, GROUP, "validatingadmissionpolicies", NAME).await?;
    check(&policy["spec"], identity)
}

fn check(spec: &Value, identity: &Identity) -> Asked<()> {
    let mend = "apply infra/cluster/preflux.yaml again";
    if spec["failurePolicy"].as_str().unwrap_or("Fail") != "Fail" {
        return Err(format!("its `failurePolicy` is not `Fail`, so an error lets requests through: {mend}"));
    }
    if !spec["paramKind"].is_null() {
        return Err(format!("it takes parameters (`paramKind`), which ours does not: {mend}"));
    }
    constraints(&spec["matchConstraints"]).map_err(|what| format!("{what}: {mend}"))?;
    covers(&spec["matchConditions"], identity)?;
    for wanted in VALIDATIONS {
        if !has_validation(&spec["validations"], wanted) {
            return Err(format!("the validation `{wanted}` is missing: {mend}"));
        }
    }
    Ok(())
}

fn constraints(found: &Value) -> Asked<()> {
    if found["matchPolicy"].as_str().unwrap_or("Equivalent") != "Equivalent" {
        return Err("its `matchPolicy` is not `Equivalent`, so other versions of a kind pass by".to_owned());
    }
    for narrower in ["namespaceSelector", "objectSelector", "excludeResourceRules"] {
        if !is_empty(&found[narrower]) {
            return Err(format!("its `{narrower}` leaves requests out"));
        }
    }
    let rules = found["resourceRules"].as_array().map_or(&[][..], Vec::as_slice);
    if rules.iter().any(is_everything) {
        return Ok(());
    }
    Err("its rules do not cover every operation on every resource and subresource".to_owned())
}

/// Whether a rule matches every request.
fn is_everything(rule: &Value) -> bool {
    let set = |field: &str| -> BTreeSet<&str> {
        rule[field].as_array().into_iter().flatten().filter_map(Value::as_str).collect()
    };
    let all = |field: &str| set(field).contains("*");
    let operations = all("operations")
        || ["CREATE", "UPDATE", "DELETE", "CONNECT"].iter().all(|one| set("operations").contains(one));
    all("apiGroups")
        && all("apiVersions")
        && operations
        && set("resources").contains("*/*")
        && is_empty(&rule["resourceNames"])
        && rule["scope"].as_str().unwrap_or("*") == "*"
}

/// The one condition has to be ours, for a namespace that is the identity's, or the identity carries the marker.
fn covers(conditions: &Value, identity: &Identity) -> Asked<()> {
    let conditions = conditions.as_array().map_or(&[][..], Vec::as_slice);
    let [only] = conditions else {
        return match conditions {
            // Without a condition everybody is covered, us included.
            [] => Ok(()),
            _ => Err("it has more conditions than ours, and each leaves somebody out: apply infra/cluster/preflux.yaml again".to_owned()),
        };
    };
    let text = words(only["expression"].as_str().unwrap_or_default());
    let marked = identity.groups.contains(MARKER);
    let own = identity.namespace().map(|namespace| words(&condition(namespace)));
    if own.as_ref() == Some(&text) || (marked && is_ours(&text)) {
        return Ok(());
    }
    Err(format!(
        "its condition does not cover `{}`: apply infra/cluster/preflux.yaml, or what `preflux cluster rbac` prints for that namespace",
        identity.user
    ))
}

/// Whether a condition is ours for whatever namespace: whoever carries the marker is covered by each.
fn is_ours(text: &str) -> bool {
    let behind = text.split_once("\"system:serviceaccount:").and_then(|(_, rest)| rest.split_once(":\""));
    behind.is_some_and(|(namespace, _)| text == words(&condition(namespace)))
}

fn has_validation(found: &Value, wanted: &str) -> bool {
    let mut all = found.as_array().into_iter().flatten();
    all.any(|one| one["expression"].as_str().is_some_and(|text| words(text) == words(wanted)))
}

/// Text with all its white space alike.
fn words(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn is_empty(value: &Value) -> bool {
    *value == Value::Null || *value == json!({}) || *value == json!([])
}

/// Whether the policy is bound, for everything, and refuses.
pub(super) async fn is_bound(api: &Api) -> Asked<()> {
    let binding = object(api, GROUP, "validatingadmissionpolicybindings", NAME).await?;
    check_binding(&binding["spec"])
}

fn check_binding(spec: &Value) -> Asked<()> {
    let mend = "apply infra/cluster/preflux.yaml again";
    if spec["policyName"] != NAME {
        return Err(format!("it binds another policy than `{NAME}`: {mend}"));
    }
    let mut actions = spec["validationActions"].as_array().into_iter().flatten();
    if !actions.any(|action| action == "Deny") {
        return Err(format!("its `validationActions` do not hold `Deny`, so nothing is refused: {mend}"));
    }
    if !is_empty(&spec["paramRef"]) {
        return Err(format!("it names parameters (`paramRef`), without which nothing is refused: {mend}"));
    }
    let narrower = spec["matchResources"].as_object().into_iter().flatten();
    match narrower.into_iter().find(|(field, value)| *field != "matchPolicy" && !is_empty(value)) {
        Some((field, _)) => Err(format!("its `matchResources.{field}` leaves requests out: {mend}")),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn worker() -> Identity {
        Identity { user: "system:serviceaccount:preflux:worker".to_owned(), ..Identity::default() }
    }

    fn good() -> Value {
        json!({
            "failurePolicy": "Fail",
            "matchConstraints": {
                "matchPolicy": "Equivalent", "namespaceSelector": {}, "objectSelector": {},
                "resourceRules": [{"apiGroups": ["*"], "apiVersions": ["*"], "operations": ["*"], "resources": ["*/*"], "scope": "*"}],
            },
            "matchConditions": [{"name": "only-preflux", "expression": condition("preflux")}],
            "validations": VALIDATIONS.map(|expression| json!({"expression": expression})),
        })
    }

    fn check_with(pointer: &str, value: Value, expected: &str) {
        let mut spec = good();
        *spec.pointer_mut(pointer).expect("the case names a field") = value;
        let why = check(&spec, &worker()).expect_err(pointer);
        assert!(why.contains(expected), "{why}");
    }

    #[test]
    fn ours_holds_and_every_narrower_one_does_not() {
        assert_eq!(check(&good(), &worker()), Ok(()));
        let rule = "/matchConstraints/resourceRules/0";
        check_with("/failurePolicy", json!("Ignore"), "`failurePolicy`");
        check_with("/matchConstraints/matchPolicy", json!("Exact"), "`matchPolicy`");
        check_with(
            "/matchConstraints/namespaceSelector",
            json!({"matchLabels": {"a": "b"}}),
            "leaves requests out",
        );
        check_with(
            "/matchConstraints/objectSelector",
            json!({"matchLabels": {"a": "b"}}),
            "leaves requests out",
        );
        check_with(&format!("{rule}/operations"), json!(["CREATE"]), "every operation");
        check_with(&format!("{rule}/resources"), json!(["*"]), "subresource");
        check_with(&format!("{rule}/apiGroups"), json!(["apps"]), "every operation");
        check_with(&format!("{rule}/scope"), json!("Namespaced"), "every operation");
        check_with("/matchConditions/0/expression", json!(condition("other")), "does not cover");
        check_with("/matchConditions/0/expression", json!("false"), "does not cover");
        check_with("/validations/1/expression", json!("true"), "request.dryRun == true");
        check_with("/validations/2/expression", json!("true"), "subResource");
    }

    #[test]
    fn whoever_carries_the_marker_is_covered() {
        let groups = [MARKER.to_owned()].into_iter().collect();
        let marked = Identity { user: "arn:aws:iam::1:role/worker".to_owned(), groups };
        assert_eq!(check(&good(), &marked), Ok(()));
        let mut elsewhere = good();
        elsewhere["matchConditions"][0]["expression"] = json!(condition("tools"));
        assert_eq!(check(&elsewhere, &marked), Ok(()), "the marker counts whatever the namespace");
        elsewhere["matchConditions"][0]["expression"] = json!(format!("{} && false", condition("tools")));
        assert!(check(&elsewhere, &marked).is_err());
        let unmarked = Identity { user: marked.user, ..Identity::default() };
        assert!(check(&good(), &unmarked).is_err());
    }

    #[test]
    fn a_binding_that_only_audits_or_leaves_something_out_does_not_hold() {
        let binding = |extra: Value| {
            let mut spec = json!({"policyName": NAME, "validationActions": ["Deny", "Audit"]});
            for (key, value) in extra.as_object().into_iter().flatten() {
                spec[key] = value.clone();
            }
            check_binding(&spec)
        };
        assert_eq!(binding(json!({})), Ok(()));
        assert_eq!(
            binding(json!({"matchResources": {"matchPolicy": "Equivalent", "objectSelector": {}}})),
            Ok(())
        );
        for wrong in [
            json!({"validationActions": ["Audit"]}),
            json!({"policyName": "other"}),
            json!({"paramRef": {"name": "x"}}),
            json!({"matchResources": {"namespaceSelector": {"matchLabels": {"a": "b"}}}}),
        ] {
            assert!(binding(wrong.clone()).is_err(), "{wrong}");
        }
    }
}
