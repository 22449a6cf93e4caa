//! The rights that rehearsing takes: for kinds, the rules of a ClusterRole without any `*`, and what is left out of them and why.

use std::collections::{BTreeMap, BTreeSet};

use ports::ClusterError;

use crate::cluster::KubeCluster;

/// An API group, empty for the core group, and a kind.
pub type GroupKind = (String, String);

/// Reads and rehearses.
const REHEARSE: [&str; 4] = ["get", "list", "create", "patch"];
/// Reads alone.
const READ: [&str; 2] = ["get", "list"];

/// What an identity that may only rehearse is granted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Grants {
    /// By group and verbs, the resources' plural names.
    pub rules: BTreeMap<(String, Vec<&'static str>), BTreeSet<String>>,
    /// The kinds that are not granted, or not whole, and why.
    pub left_out: BTreeMap<GroupKind, &'static str>,
}

/// How much of a kind is granted.
enum Grant {
    All,
    ReadOnly(&'static str),
    Nothing(&'static str),
}

impl Grants {
    fn add(&mut self, kind: &GroupKind, plural: &str) {
        let verbs = match grant(kind) {
            Grant::All => REHEARSE.to_vec(),
            Grant::ReadOnly(why) => {
                self.left_out.insert(kind.clone(), why);
                READ.to_vec()
            }
            Grant::Nothing(why) => {
                self.left_out.insert(kind.clone(), why);
                return;
            }
        };
        self.rules.entry((kind.0.clone(), verbs)).or_default().insert(plural.to_owned());
    }
}

/// What is never granted has its reason here, whatever a cluster holds.
fn grant((group, kind): &GroupKind) -> Grant {
    match (group.as_str(), kind.as_str()) {
        ("", "Secret") => Grant::Nothing(
            "a dry-run answers with the stored values; grant `get` on single Secrets that variables come from",
        ),
        ("", "Pod") => Grant::Nothing("it would be the right to read what runs, with its environment"),
        ("rbac.authorization.k8s.io", _) => Grant::ReadOnly(
            "the API server lets nobody rehearse granting rights that they lack; it is told from the live object",
        ),
        ("admissionregistration.k8s.io", _) => {
            Grant::Nothing("no admission policy guards admission policies; it is compared as written")
        }
        ("authorization.k8s.io" | "authentication.k8s.io" | "certificates.k8s.io", _) => {
            Grant::Nothing("it asks the API server for something, and is nothing to compare")
        }
        _ => Grant::All,
    }
}

impl KubeCluster {
    /// The rights that rehearsing some kinds takes on this cluster. `defined` are kinds that Git defines, and so may come later, with
    /// their plural names.
    ///
    /// # Errors
    ///
    /// When the API server does not say what it serves.
    pub async fn grants(
        &self,
        kinds: &BTreeSet<GroupKind>,
        defined: &BTreeMap<GroupKind, String>,
    ) -> Result<Grants, ClusterError> {
        let mut grants = Grants::default();
        for kind in kinds {
            let error =
                |failure| self.error(&format!("ask for kind `{}` of group `{}`", kind.1, kind.0), failure);
            let found = self.discovery.resolve_any(&self.api, &kind.0, &kind.1).await.map_err(error)?;
            let Some(resource) = found else {
                match defined.get(kind) {
                    Some(plural) => grants.add(kind, plural),
                    None => {
                        grants.left_out.insert(
                            kind.clone(),
                            "the cluster does not serve it, and Git does not define it",
                        );
                    }
                }
                continue;
            };
            if self.discovery.served_elsewhere(&self.api, &resource).await.map_err(error)? {
                grants.left_out.insert(
                    kind.clone(),
                    "an aggregated API server answers for it, which need not honour dry-runs",
                );
            } else if !resource.patchable {
                grants.left_out.insert(kind.clone(), "it cannot be applied");
            } else {
                grants.add(kind, &resource.plural);
            }
        }
        Ok(grants)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_never_granted_is_said() {
        let mut grants = Grants::default();
        for (group, kind, plural) in [
            ("", "Secret", "secrets"),
            ("", "Pod", "pods"),
            ("admissionregistration.k8s.io", "ValidatingAdmissionPolicy", "validatingadmissionpolicies"),
            ("rbac.authorization.k8s.io", "Role", "roles"),
            ("apps", "Deployment", "deployments"),
        ] {
            grants.add(&(group.to_owned(), kind.to_owned()), plural);
        }
        let rules: Vec<_> = grants.rules.into_iter().collect();
        let rule = |group: &str, verbs: &[&'static str], plural: &str| {
            ((group.to_owned(), verbs.to_vec()), BTreeSet::from([plural.to_owned()]))
        };
        assert_eq!(
            rules,
            [rule("apps", &REHEARSE, "deployments"), rule("rbac.authorization.k8s.io", &READ, "roles")]
        );
        let left: Vec<&str> = grants.left_out.keys().map(|(_, kind)| kind.as_str()).collect();
        assert_eq!(left, ["Pod", "Secret", "ValidatingAdmissionPolicy", "Role"]);
    }
}
