//! The identity of an object as Flux keeps it in `status.inventory`.

use serde_json::Value;
use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};

/// Group, kind, namespace and name of an object, and the version it was applied with.
///
/// Two ids are equal when group, kind, namespace and name are: a changed version is the same object, as in the
/// controller's garbage collection. Prints as `Deployment/apps/web`, or `Namespace/apps` without a namespace.
#[derive(Debug, Clone)]
pub struct ObjectId {
    /// The API group; empty for the core group.
    pub group: String,
    /// The kind.
    pub kind: String,
    /// The namespace; empty for a cluster-scoped object.
    pub namespace: String,
    /// The name.
    pub name: String,
    /// The API version within the group; not part of the identity.
    pub version: String,
}

impl ObjectId {
    /// Reads an inventory entry: `id` is `<namespace>_<name>_<group>_<kind>`, `version` its `v`.
    ///
    /// The namespace ends at the first `_`, kind and group start after the last two; `__` in the name is `:`.
    /// `None` when there are fewer than three separators, or no kind or name.
    pub fn parse(id: &str, version: &str) -> Option<Self> {
        let (namespace, rest) = id.split_once('_')?;
        let (rest, kind) = rest.rsplit_once('_')?;
        let (name, group) = rest.rsplit_once('_')?;
        (!name.is_empty() && !kind.is_empty()).then(|| Self {
            group: group.to_owned(),
            kind: kind.to_owned(),
            namespace: namespace.to_owned(),
            name: name.replace("__", ":"),
            version: version.to_owned(),
        })
    }

    /// The inventory form, which [`ObjectId::parse`] reads; `:` is written `__` for the RBAC kinds that may have it.
    pub fn inventory_id(&self) -> String {
        let rbac = self.group == "rbac.authorization.k8s.io"
            && matches!(self.kind.as_str(), "Role" | "ClusterRole" | "RoleBinding" | "ClusterRoleBinding");
        let name = if rbac { self.name.replace(':', "__") } else { self.name.clone() };
        format!("{}_{}_{}_{}", self.namespace, name, self.group, self.kind)
    }

    /// The id of an object; `None` without apiVersion, kind or `metadata.name`.
    pub fn of(object: &Value) -> Option<Self> {
        let text = |v: &Value| v.as_str().unwrap_or_default().to_owned();
        let api_version = text(&object["apiVersion"]);
        let (group, version) = api_version.split_once('/').unwrap_or(("", &api_version));
        let metadata = &object["metadata"];
        let id = Self {
            group: group.to_owned(),
            kind: text(&object["kind"]),
            namespace: text(&metadata["namespace"]),
            name: text(&metadata["name"]),
            version: version.to_owned(),
        };
        (!api_version.is_empty() && !id.kind.is_empty() && !id.name.is_empty()).then_some(id)
    }

    /// The API version with its group, as in `apps/v1`.
    pub fn api_version(&self) -> String {
        if self.group.is_empty() { self.version.clone() } else { format!("{}/{}", self.group, self.version) }
    }

    fn identity(&self) -> [&str; 4] {
        [&self.group, &self.kind, &self.namespace, &self.name]
    }
}

impl PartialEq for ObjectId {
    fn eq(&self, other: &Self) -> bool {
        self.identity() == other.identity()
    }
}

impl Eq for ObjectId {}

impl Hash for ObjectId {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.identity().hash(state);
    }
}

impl PartialOrd for ObjectId {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for ObjectId {
    fn cmp(&self, other: &Self) -> Ordering {
        self.identity().cmp(&other.identity())
    }
}

impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.namespace.as_str() {
            "" => write!(f, "{}/{}", self.kind, self.name),
            namespace => write!(f, "{}/{namespace}/{}", self.kind, self.name),
        }
    }
}

/// How errors name an object that may lack any part of its id.
pub(crate) fn describe(object: &Value) -> String {
    let text = |v: &Value| v.as_str().unwrap_or_default().to_owned();
    let (kind, namespace) = (text(&object["kind"]), text(&object["metadata"]["namespace"]));
    let parts = [kind, namespace, text(&object["metadata"]["name"])];
    let parts: Vec<String> = parts.into_iter().filter(|p| !p.is_empty()).collect();
    if parts.is_empty() { "unnamed".into() } else { parts.join("/") }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    fn check(id: &str, display: &str) {
        let parsed = ObjectId::parse(id, "v1").unwrap();
        assert_eq!((parsed.inventory_id().as_str(), parsed.to_string().as_str()), (id, display));
    }

    #[test]
    fn reads_and_writes_what_flux_stores() {
        check("apps_web_apps_Deployment", "Deployment/apps/web");
        check("default_podinfo__Service", "Service/default/podinfo");
        check("_cert-manager__Namespace", "Namespace/cert-manager");
        check("_system__auth_rbac.authorization.k8s.io_ClusterRole", "ClusterRole/system:auth");
        check(
            "_things.example.com_apiextensions.k8s.io_CustomResourceDefinition",
            "CustomResourceDefinition/things.example.com",
        );
    }

    #[test]
    fn refuses_what_is_no_id() {
        for id in ["", "a", "a_b", "a_b_c", "a__c_", "___Kind"] {
            assert!(ObjectId::parse(id, "v1").is_none(), "{id}");
        }
    }

    #[test]
    fn the_version_is_not_identity() {
        let (old, new) = (ObjectId::parse("a_b_c_D", "v1beta1"), ObjectId::parse("a_b_c_D", "v1"));
        assert_eq!(old, new);
        assert_eq!(new.unwrap().api_version(), "c/v1");
    }
}
