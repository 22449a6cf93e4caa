//! What an object is called: group, version, kind, name, namespace, and which kinds have no namespace.

use std::fmt;

/// The namespace of kinds that have none.
pub(crate) const CLUSTER: &str = "_non_namespaceable_";

/// Group, version and kind; empty parts of a selector match anything.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(crate) struct Gvk {
    pub(crate) group: String,
    pub(crate) version: String,
    pub(crate) kind: String,
}

impl Gvk {
    pub(crate) fn new(api_version: &str, kind: &str) -> Self {
        let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
        Gvk { group: group.to_owned(), version: version.to_owned(), kind: kind.to_owned() }
    }

    pub(crate) fn api_version(&self) -> String {
        if self.group.is_empty() { self.version.clone() } else { format!("{}/{}", self.group, self.version) }
    }

    /// Whether this is one of what the selector selects.
    pub(crate) fn is_selected(&self, selector: &Gvk) -> bool {
        let fits = |mine: &str, wanted: &str| wanted.is_empty() || mine == wanted;
        fits(&self.group, &selector.group)
            && fits(&self.version, &selector.version)
            && fits(&self.kind, &selector.kind)
    }

    /// Whether kustomize knows the kind to be cluster-scoped. A kind it does not know counts as namespaced.
    pub(crate) fn is_cluster_scoped(&self) -> bool {
        CLUSTER_SCOPED.iter().any(|(group, versions, kinds)| {
            *group == self.group
                && versions.contains(&self.version.as_str())
                && kinds.contains(&self.kind.as_str())
        })
    }
}

/// Group, versions, kinds.
type Scope = (&'static str, &'static [&'static str], &'static [&'static str]);

const CLUSTER_SCOPED: &[Scope] = &[
    (
        "admissionregistration.k8s.io",
        &["v1", "v1beta1"],
        &["MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"],
    ),
    ("apiextensions.k8s.io", &["v1", "v1beta1"], &["CustomResourceDefinition"]),
    ("apiregistration.k8s.io", &["v1", "v1beta1"], &["APIService"]),
    ("certificates.k8s.io", &["v1", "v1beta1"], &["CertificateSigningRequest"]),
    ("flowcontrol.apiserver.k8s.io", &["v1beta1"], &["FlowSchema", "PriorityLevelConfiguration"]),
    ("networking.k8s.io", &["v1", "v1beta1"], &["IngressClass"]),
    ("node.k8s.io", &["v1", "v1beta1"], &["RuntimeClass"]),
    ("policy", &["v1beta1"], &["PodSecurityPolicy"]),
    ("rbac.authorization.k8s.io", &["v1", "v1beta1"], &["ClusterRole", "ClusterRoleBinding"]),
    ("scheduling.k8s.io", &["v1", "v1beta1"], &["PriorityClass"]),
    ("storage.k8s.io", &["v1", "v1beta1"], &["CSIDriver", "CSINode", "StorageClass", "VolumeAttachment"]),
    ("", &["v1"], &["ComponentStatus", "Namespace", "Node", "NodeProxyOptions", "PersistentVolume"]),
];

/// The identity of an object within a build.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(crate) struct ResId {
    pub(crate) gvk: Gvk,
    pub(crate) name: String,
    pub(crate) namespace: String,
}

impl ResId {
    /// The namespace that counts: that of kinds without one, `default` for none.
    pub(crate) fn effective_namespace(&self) -> &str {
        if self.gvk.is_cluster_scoped() {
            CLUSTER
        } else if self.namespace.is_empty() {
            "default"
        } else {
            &self.namespace
        }
    }

    /// The same identity with the namespace that counts, to compare and to hash.
    pub(crate) fn key(&self) -> ResId {
        ResId { namespace: self.effective_namespace().to_owned(), ..self.clone() }
    }
}

impl fmt::Display for ResId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = if self.gvk.kind.is_empty() { "[noKind]" } else { &self.gvk.kind };
        write!(f, "{kind} {} {}", self.gvk.api_version(), self.name)?;
        if self.namespace.is_empty() { Ok(()) } else { write!(f, " in {}", self.namespace) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scope_decides_the_namespace_that_counts() {
        let check = |api_version: &str, kind: &str, namespace: &str, expected: &str| {
            let id =
                ResId { gvk: Gvk::new(api_version, kind), name: "x".into(), namespace: namespace.into() };
            assert_eq!(id.effective_namespace(), expected, "{id}");
        };
        check("v1", "ConfigMap", "", "default");
        check("v1", "ConfigMap", "a", "a");
        check("v1", "Namespace", "a", CLUSTER);
        check("rbac.authorization.k8s.io/v1", "ClusterRole", "", CLUSTER);
        check("rbac.authorization.k8s.io/v1", "Role", "", "default");
        check("example.com/v1", "ClusterThing", "", "default");
    }
}
