//! The order in which kustomize-controller applies objects: in stages, within a stage by kind.

use serde_json::Value;
use std::cmp::Ordering;

use crate::ObjectId;

/// Kinds that go first, in this order, whatever their group.
const FIRST: [&str; 23] = [
    "CustomResourceDefinition",
    "Namespace",
    "ClusterRole",
    "ClusterClass",
    "RuntimeClass",
    "PriorityClass",
    "StorageClass",
    "VolumeSnapshotClass",
    "IngressClass",
    "GatewayClass",
    "ClusterRoleBinding",
    "ResourceQuota",
    "ServiceAccount",
    "Role",
    "RoleBinding",
    "ConfigMap",
    "Secret",
    "Service",
    "LimitRange",
    "Deployment",
    "StatefulSet",
    "CronJob",
    "PodDisruptionBudget",
];

/// Kinds that go last, in this order.
const LAST: [&str; 2] = ["MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"];

/// A step of an apply; the controller waits for the objects of one before it starts the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Stage {
    /// CustomResourceDefinitions, Namespaces and ClusterRoles.
    Definitions,
    /// Kinds that end in `Class`.
    Classes,
    /// Everything else.
    Rest,
}

/// The stage of an object, for a controller without custom stages.
pub fn stage(object: &Value) -> Stage {
    let text = |field: &str| object[field].as_str().unwrap_or_default();
    let (api_version, kind) = (text("apiVersion"), text("kind"));
    let definition = match kind.to_ascii_lowercase().as_str() {
        "customresourcedefinition" => api_version.starts_with("apiextensions.k8s.io/"),
        "namespace" => api_version == "v1",
        "clusterrole" => api_version.starts_with("rbac.authorization.k8s.io/"),
        _ => false,
    };
    match (definition, kind.ends_with("Class")) {
        (true, _) => Stage::Definitions,
        (false, true) => Stage::Classes,
        (false, false) => Stage::Rest,
    }
}

/// The order of two objects within a stage: by kind, then group, namespace and name. Deletion goes the other way.
pub fn compare_kinds(a: &ObjectId, b: &ObjectId) -> Ordering {
    let key = |id: &ObjectId| {
        (rank(&id.kind), id.group.clone(), id.kind.clone(), id.namespace.clone(), id.name.clone())
    };
    key(a).cmp(&key(b))
}

fn rank(kind: &str) -> usize {
    if let Some(first) = FIRST.iter().position(|k| *k == kind) {
        return first;
    }
    let last = LAST.iter().position(|k| *k == kind);
    last.map_or(FIRST.len(), |i| FIRST.len() + 1 + i)
}

/// Sorts objects into the order of an apply: by [`stage`], then by [`compare_kinds`].
///
/// What has no identity goes last, in the order given.
pub fn apply_order(objects: &mut [Value]) {
    objects.sort_by(|a, b| match (ObjectId::of(a), ObjectId::of(b)) {
        (Some(x), Some(y)) => stage(a).cmp(&stage(b)).then_with(|| compare_kinds(&x, &y)),
        (x, y) => y.is_some().cmp(&x.is_some()),
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn check(given: &[&str], expected: &[&str]) {
        let object = |text: &&str| {
            let (api_version, rest) = text.split_once(' ').unwrap_or(("", text));
            let (kind, name) = rest.split_once(' ').unwrap_or((rest, "x"));
            json!({"apiVersion": api_version, "kind": kind, "metadata": {"name": name}})
        };
        let mut objects: Vec<Value> = given.iter().map(object).collect();
        apply_order(&mut objects);
        assert_eq!(objects, expected.iter().map(object).collect::<Vec<_>>());
    }

    #[test]
    fn stages_then_kinds_then_names() {
        let expected = [
            "apiextensions.k8s.io/v1 CustomResourceDefinition",
            "v1 Namespace a",
            "v1 Namespace b",
            "rbac.authorization.k8s.io/v1 ClusterRole",
            "storage.k8s.io/v1 StorageClass",
            "example.com/v1 OtherClass",
            "v1 ConfigMap",
            "v1 Secret",
            "apps/v1 Deployment",
            "apps/v1 DaemonSet",
            "example.com/v1 Thing",
            "admissionregistration.k8s.io/v1 MutatingWebhookConfiguration",
            "admissionregistration.k8s.io/v1 ValidatingWebhookConfiguration",
        ];
        let mut reversed = expected;
        reversed.reverse();
        check(&reversed, &expected);
    }

    #[test]
    fn a_namespace_of_another_group_is_no_definition() {
        assert_eq!(stage(&json!({"apiVersion": "example.com/v1", "kind": "Namespace"})), Stage::Rest);
    }
}
