//! The identity's rights, as the API server lists them for it: none that could change the guards, run code, or read
//! Secrets beyond single named ones. Where the list is not complete (other authorizers than RBAC), each is asked for by itself.

use serde::Deserialize;
use serde_json::{Value, json};

use super::policy::MARKER;
use super::{Asked, unanswered};
use crate::api::Api;
use crate::call::Call;

const GROUP: &str = "authorization.k8s.io";

/// A granted rule.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Rule {
    verbs: Vec<String>,
    api_groups: Vec<String>,
    resources: Vec<String>,
    resource_names: Vec<String>,
}

/// Verbs that a rehearsal never needs.
const NEVER: [&str; 9] =
    ["*", "update", "delete", "deletecollection", "escalate", "bind", "approve", "sign", "attest"];

/// What is asked for one by one where the list is incomplete: verb, group, resource, subresource.
const ASKED: [(&str, &str, &str, &str); 15] = [
    ("*", "*", "*", ""),
    ("update", "", "configmaps", ""),
    ("delete", "", "configmaps", ""),
    ("deletecollection", "", "configmaps", ""),
    ("delete", "apps", "deployments", ""),
    ("get", "", "secrets", ""),
    ("list", "", "secrets", ""),
    ("patch", "", "secrets", ""),
    ("create", "", "serviceaccounts", "token"),
    ("create", "", "pods", "exec"),
    ("create", "admissionregistration.k8s.io", "validatingadmissionpolicybindings", ""),
    ("patch", "admissionregistration.k8s.io", "validatingadmissionpolicies", ""),
    ("delete", "admissionregistration.k8s.io", "validatingadmissionpolicies", ""),
    ("escalate", "rbac.authorization.k8s.io", "clusterroles", ""),
    ("impersonate", "", "users", ""),
];

/// Whether the identity has no right that it must not have, in any of these namespaces.
pub(super) async fn are_few(api: &Api, namespaces: &[String]) -> Asked<()> {
    for namespace in namespaces {
        let (rules, complete) = listed(api, namespace).await?;
        for rule in rules {
            if let Some(why) = too_much(&rule) {
                return Err(format!(
                    "in namespace `{namespace}` {why}: take that right away (infra/cluster/preflux.yaml has those that are needed)"
                ));
            }
        }
        if !complete {
            one_by_one(api, namespace).await?;
        }
    }
    Ok(())
}

/// Whether a service account that we act as could take its own guard away: admission policies are the one kind that none guards.
pub(super) async fn spare_the_guard(api: &Api) -> Asked<()> {
    let group = "admissionregistration.k8s.io";
    for resource in ["validatingadmissionpolicies", "validatingadmissionpolicybindings"] {
        for verb in ["patch", "update", "delete", "deletecollection"] {
            let attributes = json!({"verb": verb, "group": group, "resource": resource});
            if is_allowed(api, &attributes).await? {
                return Err(format!(
                    "it may `{verb}` {resource}, which no admission policy guards: take that right away"
                ));
            }
        }
    }
    Ok(())
}

/// Whether the identity may ask Flux for anything.
pub(super) async fn may_ask_flux(api: &Api) -> Asked<()> {
    let kustomizations =
        json!({"verb": "patch", "group": "kustomize.toolkit.fluxcd.io", "resource": "kustomizations"});
    match is_allowed(api, &kustomizations).await? {
        true => Ok(()),
        false => Err("it may not patch Kustomizations: apply infra/cluster/preflux-flux.yaml".to_owned()),
    }
}

/// Whether the identity has no right but to read and to patch Flux's own objects.
pub(super) async fn are_for_flux_alone(api: &Api, namespaces: &[String]) -> Asked<()> {
    for namespace in namespaces {
        let (rules, complete) = listed(api, namespace).await?;
        if !complete {
            one_by_one(api, namespace).await?;
        }
        for rule in rules {
            let of_flux = rule.api_groups.iter().all(|group| group.ends_with(".fluxcd.io"));
            let reads = rule.verbs.iter().all(|verb| matches!(verb.as_str(), "get" | "list" | "watch"));
            let secrets =
                rule.resources.iter().any(|resource| resource == "secrets" || resource.starts_with('*'));
            let patches =
                rule.verbs.iter().all(|verb| matches!(verb.as_str(), "get" | "list" | "watch" | "patch"));
            let whole = rule.resources.iter().all(|resource| !resource.contains(['/', '*']));
            if is_self_review(&rule) || (of_flux && patches && whole) || (reads && !secrets) {
                continue;
            }
            return Err(format!(
                "in namespace `{namespace}` it may `{}` `{}`: take that right away (infra/cluster/preflux-flux.yaml has those that are needed)",
                rule.verbs.join(", "),
                rule.resources.join(", ")
            ));
        }
    }
    Ok(())
}

/// The rules that the API server lists for us in a namespace, and whether that is all of them.
async fn listed(api: &Api, namespace: &str) -> Asked<(Vec<Rule>, bool)> {
    let body = json!({"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectRulesReview", "spec": {"namespace": namespace}});
    let answer = api.ask(&Call::review(GROUP, "selfsubjectrulesreviews", &body)).await.map_err(unanswered)?;
    let rules = answer["status"]["resourceRules"].as_array().into_iter().flatten();
    let read = |rule| Rule::deserialize(rule).map_err(|error| format!("a rule cannot be read: {error}"));
    Ok((rules.map(read).collect::<Asked<Vec<Rule>>>()?, answer["status"]["incomplete"] != true))
}

async fn is_allowed(api: &Api, attributes: &Value) -> Asked<bool> {
    let body = json!({"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview", "spec": {"resourceAttributes": attributes}});
    let answer =
        api.ask(&Call::review(GROUP, "selfsubjectaccessreviews", &body)).await.map_err(unanswered)?;
    Ok(answer["status"]["allowed"] == true)
}

async fn one_by_one(api: &Api, namespace: &str) -> Asked<()> {
    for (verb, group, resource, subresource) in ASKED {
        let attributes = json!({"namespace": namespace, "verb": verb, "group": group, "resource": resource, "subresource": subresource});
        if is_allowed(api, &attributes).await? {
            let what = [resource, subresource].join("/");
            return Err(format!(
                "in namespace `{namespace}` it may `{verb}` {}: take that right away",
                what.trim_end_matches('/')
            ));
        }
    }
    Ok(())
}

/// What of a rule is too much, as part of a sentence.
fn too_much(rule: &Rule) -> Option<String> {
    let verbs = || rule.verbs.iter().map(String::as_str);
    let named = || format!("`{}`", rule.resources.join(", "));
    if is_self_review(rule) {
        return None;
    }
    if let Some(verb) = verbs().find(|verb| NEVER.contains(verb)) {
        return Some(format!("it may `{verb}` {}", named()));
    }
    if rule.resources.iter().any(|resource| resource.starts_with('*'))
        || rule.api_groups.iter().any(|g| g == "*")
    {
        return Some("a rule takes in every kind (`*`), subresources and Secrets included".to_owned());
    }
    if let Some(sub) = rule.resources.iter().find(|resource| resource.contains('/')) {
        return Some(format!("it has rights on the subresource `{sub}`"));
    }
    let writes = verbs().any(|verb| matches!(verb, "create" | "patch"));
    if writes && rule.api_groups.iter().any(|group| group == "admissionregistration.k8s.io") {
        return Some("it may write admission policies, which no admission policy guards".to_owned());
    }
    // Newer API servers have verbs such as `impersonate:user-info` besides.
    if verbs().any(|verb| verb == "impersonate" || verb.starts_with("impersonate:")) {
        if rule.resource_names.is_empty() {
            return Some(format!("it may impersonate any of {}", named()));
        }
        if let Some(whom) = not_a_tenant(rule) {
            return Some(format!("it may impersonate `{whom}`, which is no single service account"));
        }
    }
    let secrets =
        rule.resources.iter().any(|r| r == "secrets") && rule.api_groups.iter().any(String::is_empty);
    if secrets && (rule.resource_names.is_empty() || verbs().any(|verb| verb != "get")) {
        return Some("it may do more with Secrets than read single named ones".to_owned());
    }
    None
}

/// Whom a rule lets it act as besides service accounts by name, the groups that they have anyway, and the marker. Any other group could
/// grant what no tenant has, and a user could be anybody.
fn not_a_tenant(rule: &Rule) -> Option<&str> {
    let is_account = |resource: &String| resource == "serviceaccounts";
    let is_harmless = |name: &&String| {
        let name = name.as_str();
        matches!(name, MARKER | "system:authenticated" | "system:serviceaccounts")
            || name.strip_prefix("system:serviceaccounts:").is_some_and(|namespace| !namespace.is_empty())
    };
    let other = rule.resources.iter().find(|resource| !is_account(resource) && *resource != "groups");
    match rule.resources.iter().all(is_account) {
        true => None,
        false => {
            other.or_else(|| rule.resource_names.iter().find(|name| !is_harmless(name))).map(String::as_str)
        }
    }
}

/// Everybody may ask the API server about themselves.
fn is_self_review(rule: &Rule) -> bool {
    let groups = ["authorization.k8s.io", "authentication.k8s.io"];
    !rule.resources.is_empty()
        && rule.resources.iter().all(|resource| resource.starts_with("selfsubject"))
        && rule.api_groups.iter().all(|group| groups.contains(&group.as_str()))
        && rule.verbs.iter().all(|verb| verb == "create")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(rule: Value, expected: Option<&str>) {
        let found = too_much(&Rule::deserialize(&rule).expect("the case is a rule"));
        match (&found, expected) {
            (None, None) => {}
            (Some(why), Some(wanted)) => assert!(why.contains(wanted), "{why}"),
            _ => panic!("{rule}: {found:?}"),
        }
    }

    #[test]
    fn rights_that_a_rehearsal_needs_are_few() {
        let rule = |verbs: &[&str], group: &str, resources: &[&str]| json!({"verbs": verbs, "apiGroups": [group], "resources": resources});
        check(rule(&["get", "create", "patch"], "apps", &["deployments"]), None);
        check(
            rule(
                &["create"],
                "authorization.k8s.io",
                &["selfsubjectrulesreviews", "selfsubjectaccessreviews"],
            ),
            None,
        );
        check(rule(&["get"], "admissionregistration.k8s.io", &["validatingadmissionpolicies"]), None);
        check(rule(&["delete"], "apps", &["deployments"]), Some("`delete`"));
        check(rule(&["*"], "apps", &["deployments"]), Some("`*`"));
        check(rule(&["get"], "apps", &["*"]), Some("every kind"));
        check(rule(&["get"], "*", &["deployments"]), Some("every kind"));
        check(rule(&["create"], "", &["serviceaccounts/token"]), Some("subresource"));
        check(
            rule(&["patch"], "admissionregistration.k8s.io", &["validatingadmissionpolicies"]),
            Some("admission"),
        );
        check(rule(&["bind"], "rbac.authorization.k8s.io", &["clusterroles"]), Some("`bind`"));
        check(rule(&["get"], "", &["secrets"]), Some("Secrets"));
        check(rule(&["impersonate"], "", &["serviceaccounts"]), Some("impersonate"));
        let acts = |verb: &str, resources: &[&str], names: &[&str]| json!({"verbs": [verb], "apiGroups": [""], "resources": resources, "resourceNames": names});
        check(acts("impersonate", &["serviceaccounts"], &["tenant"]), None);
        let groups =
            ["system:serviceaccounts", "system:serviceaccounts:apps", "system:authenticated", MARKER];
        check(acts("impersonate", &["groups"], &groups), None);
        check(acts("impersonate", &["groups"], &["system:masters"]), Some("`system:masters`"));
        check(acts("impersonate", &["users"], &["system:admin"]), Some("`users`"));
        check(acts("impersonate", &["uids"], &["1"]), Some("`uids`"));
        check(acts("impersonate:user-info", &["users"], &["a"]), Some("`users`"));
        let named = |verbs: &[&str]| json!({"verbs": verbs, "apiGroups": [""], "resources": ["secrets"], "resourceNames": ["vars"]});
        check(named(&["get"]), None);
        check(named(&["get", "patch"]), Some("Secrets"));
    }
}
