//! The identity of a Kubernetes object, as Flux's inventory knows it.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// An object's identity. The version is no part of it: an object keeps its identity when its API version moves.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ObjectId {
    /// API group, empty for the core group.
    pub group: String,
    /// Kind.
    pub kind: String,
    /// Namespace, empty for cluster-scoped objects.
    pub namespace: String,
    /// Name.
    pub name: String,
}

impl ObjectId {
    /// Reads the identity of a manifest; `None` when kind or name is missing.
    pub fn of(object: &Value) -> Option<Self> {
        let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str);
        let group = text("/apiVersion").and_then(|v| v.split_once('/')).map_or("", |(group, _)| group);
        let kind = text("/kind")?;
        // The API server drops a namespace that stands in an object that has none, and the inventory holds what it answered.
        let namespace = text("/metadata/namespace").filter(|_| !is_cluster_scoped(group, kind));
        Some(Self {
            group: group.to_owned(),
            kind: kind.to_owned(),
            namespace: namespace.unwrap_or_default().to_owned(),
            name: text("/metadata/name")?.to_owned(),
        })
    }

    /// Whether this is a core `Secret`, whose values are never shown.
    pub fn is_secret(&self) -> bool {
        self.group.is_empty() && self.kind == "Secret"
    }
}

/// Whether a kind of Kubernetes itself has no namespace. Of other kinds only a cluster or their CRD can tell.
fn is_cluster_scoped(group: &str, kind: &str) -> bool {
    match group {
        "" => matches!(kind, "Namespace" | "Node" | "PersistentVolume"),
        "rbac.authorization.k8s.io" => matches!(kind, "ClusterRole" | "ClusterRoleBinding"),
        "storage.k8s.io" => kind != "CSIStorageCapacity",
        "networking.k8s.io" => matches!(kind, "IngressClass" | "IPAddress" | "ServiceCIDR"),
        "resource.k8s.io" => matches!(kind, "DeviceClass" | "ResourceSlice"),
        "admissionregistration.k8s.io"
        | "apiextensions.k8s.io"
        | "apiregistration.k8s.io"
        | "certificates.k8s.io"
        | "flowcontrol.apiserver.k8s.io"
        | "node.k8s.io"
        | "scheduling.k8s.io" => true,
        _ => false,
    }
}

impl fmt::Display for ObjectId {
    /// `Deployment/apps/web`, or `Namespace/apps` where there is no namespace, as the Flux CLI prints it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.namespace.as_str() {
            "" => write!(f, "{}/{}", self.kind, self.name),
            namespace => write!(f, "{}/{namespace}/{}", self.kind, self.name),
        }
    }
}
