//! What an object is called: group, version, kind, name, namespace, and which kinds have no namespace.

use std::fmt;
use std::hash::{Hash, Hasher};

/// The namespace of kinds that have none.
pub(crate) const CLUSTER: &str = "_non_namespaceable_";

/// Group, version and kind; empty parts of a selector match anything.
#[derive(Debug, Clone, Default)]
pub(crate) struct Gvk {
    pub(crate) group: String,
    pub(crate) version: String,
    pub(crate) kind: String,
    /// Whether a schema beside the built-in one says that the kind is cluster-scoped.
    cluster: bool,
}

impl PartialEq for Gvk {
    fn eq(&self, other: &Gvk) -> bool {
        self.as_ref() == other.as_ref()
    }
}

impl Eq for Gvk {}

impl Hash for Gvk {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_ref().hash(state);
    }
}

impl Gvk {
    pub(crate) fn of(group: impl Into<String>, version: impl Into<String>, kind: impl Into<String>) -> Self {
        Gvk { group: group.into(), version: version.into(), kind: kind.into(), cluster: false }
    }

    pub(crate) fn api_version(&self) -> String {
        if self.group.is_empty() { self.version.clone() } else { format!("{}/{}", self.group, self.version) }
    }

    /// The same without its own text.
    pub(crate) fn as_ref(&self) -> GvkRef<'_> {
        GvkRef { group: &self.group, version: &self.version, kind: &self.kind, cluster: self.cluster }
    }

    /// Whether this is one of what the selector selects.
    pub(crate) fn is_selected(&self, selector: &Gvk) -> bool {
        self.as_ref().is_selected(selector)
    }

    /// Whether kustomize knows the kind to be cluster-scoped. A kind it does not know counts as namespaced.
    pub(crate) fn is_cluster_scoped(&self) -> bool {
        self.as_ref().is_cluster_scoped()
    }
}

/// Group, version and kind as they stand in an object.
#[derive(Debug, Clone, Copy)]
pub(crate) struct GvkRef<'a> {
    pub(crate) group: &'a str,
    pub(crate) version: &'a str,
    pub(crate) kind: &'a str,
    /// Whether a schema beside the built-in one says that the kind is cluster-scoped.
    pub(crate) cluster: bool,
}

impl PartialEq for GvkRef<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.kind == other.kind && self.group == other.group && self.version == other.version
    }
}

impl Eq for GvkRef<'_> {}

impl Hash for GvkRef<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.group, self.version, self.kind).hash(state);
    }
}

impl<'a> GvkRef<'a> {
    pub(crate) fn new(api_version: &'a str, kind: &'a str) -> Self {
        let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
        GvkRef { group, version, kind, cluster: false }
    }

    pub(crate) fn to_owned(self) -> Gvk {
        Gvk { cluster: self.cluster, ..Gvk::of(self.group, self.version, self.kind) }
    }

    /// Whether this is one of what the selector selects.
    pub(crate) fn is_selected(self, selector: &Gvk) -> bool {
        let fits = |mine: &str, wanted: &str| wanted.is_empty() || mine == wanted;
        fits(self.kind, &selector.kind)
            && fits(self.group, &selector.group)
            && fits(self.version, &selector.version)
    }

    /// Whether kustomize knows the kind to be cluster-scoped. A kind it does not know counts as namespaced.
    pub(crate) fn is_cluster_scoped(self) -> bool {
        self.cluster || self.is_in(CLUSTER_SCOPED)
    }

    /// Whether kustomize knows of the kind, without any schema, whether it has a namespace.
    pub(crate) fn is_scope_known(self) -> bool {
        self.is_in(CLUSTER_SCOPED) || self.is_in(NAMESPACED)
    }

    fn is_in(self, scopes: &[Scope]) -> bool {
        scopes.iter().any(|(group, versions, kinds)| {
            *group == self.group && versions.contains(&self.version) && kinds.contains(&self.kind)
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

/// Kinds that kustomize knows to have a namespace; a schema cannot say otherwise.
const NAMESPACED: &[Scope] = &[
    (
        "",
        &["v1"],
        &[
            "ConfigMap",
            "Endpoints",
            "Event",
            "LimitRange",
            "PersistentVolumeClaim",
            "Pod",
            "PodAttachOptions",
            "PodExecOptions",
            "PodPortForwardOptions",
            "PodProxyOptions",
            "PodTemplate",
            "ReplicationController",
            "ResourceQuota",
            "Secret",
            "Service",
            "ServiceAccount",
            "ServiceProxyOptions",
        ],
    ),
    ("apps", &["v1"], &["ControllerRevision", "DaemonSet", "Deployment", "ReplicaSet", "StatefulSet"]),
    ("autoscaling", &["v1"], &["Scale"]),
    ("autoscaling", &["v1", "v2beta1", "v2beta2"], &["HorizontalPodAutoscaler"]),
    ("batch", &["v1"], &["Job"]),
    ("batch", &["v1", "v1beta1"], &["CronJob"]),
    ("coordination.k8s.io", &["v1", "v1beta1"], &["Lease"]),
    ("discovery.k8s.io", &["v1", "v1beta1"], &["EndpointSlice"]),
    ("events.k8s.io", &["v1", "v1beta1"], &["Event"]),
    ("extensions", &["v1beta1"], &["Ingress"]),
    ("networking.k8s.io", &["v1"], &["NetworkPolicy"]),
    ("networking.k8s.io", &["v1", "v1beta1"], &["Ingress"]),
    ("policy", &["v1", "v1beta1"], &["PodDisruptionBudget"]),
    ("rbac.authorization.k8s.io", &["v1", "v1beta1"], &["Role", "RoleBinding"]),
    ("storage.k8s.io", &["v1beta1"], &["CSIStorageCapacity"]),
];

/// The identity of an object within a build.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(crate) struct ResId {
    pub(crate) gvk: Gvk,
    pub(crate) name: String,
    pub(crate) namespace: String,
}

impl ResId {
    /// The same without its own text.
    pub(crate) fn as_ref(&self) -> IdRef<'_> {
        IdRef { gvk: self.gvk.as_ref(), name: &self.name, namespace: &self.namespace }
    }

    /// The same identity with the namespace that counts, to compare and to hash.
    pub(crate) fn key(&self) -> ResId {
        self.as_ref().key().to_owned()
    }
}

/// The identity of an object as it stands in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct IdRef<'a> {
    pub(crate) gvk: GvkRef<'a>,
    pub(crate) name: &'a str,
    pub(crate) namespace: &'a str,
}

impl<'a> IdRef<'a> {
    pub(crate) fn to_owned(self) -> ResId {
        ResId { gvk: self.gvk.to_owned(), name: self.name.to_owned(), namespace: self.namespace.to_owned() }
    }

    /// The namespace that counts: that of kinds without one, `default` for none.
    pub(crate) fn effective_namespace(self) -> &'a str {
        if self.gvk.is_cluster_scoped() {
            CLUSTER
        } else if self.namespace.is_empty() {
            "default"
        } else {
            self.namespace
        }
    }

    /// The same identity with the namespace that counts, to compare and to hash.
    pub(crate) fn key(self) -> Self {
        IdRef { namespace: self.effective_namespace(), ..self }
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
            let id = IdRef { gvk: GvkRef::new(api_version, kind), name: "x", namespace };
            assert_eq!(id.effective_namespace(), expected, "{id:?}");
        };
        check("v1", "ConfigMap", "", "default");
        check("v1", "ConfigMap", "a", "a");
        check("v1", "Namespace", "a", CLUSTER);
        check("rbac.authorization.k8s.io/v1", "ClusterRole", "", CLUSTER);
        check("rbac.authorization.k8s.io/v1", "Role", "", "default");
        check("example.com/v1", "ClusterThing", "", "default");
    }
}
