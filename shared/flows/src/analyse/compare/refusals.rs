//! What the API server's refusals mean for the reader, and what the pull request itself brings, so that it cannot be asked about yet.

use std::collections::BTreeSet;

use domain::ObjectId;
use domain::change::Check;
use ports::Refusal;
use serde_json::Value;

use super::{Asker, Pair};

const NO_RIGHTS_ON_SECRETS: &str =
    "the cluster identity has no rights on Secrets, on purpose, so Git's two sides are compared";

/// Namespaces and kinds that the pull request's own result brings, so that their contents cannot be asked about yet.
pub(super) struct Brings {
    pub(super) namespaces: BTreeSet<String>,
    pub(super) kinds: BTreeSet<(String, String)>,
}

impl Brings {
    pub(super) fn of(pairs: &[Pair]) -> Self {
        let objects = || pairs.iter().flat_map(|p| &p.brings);
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let namespaces = objects().filter(|o| o["kind"] == "Namespace" && o["apiVersion"] == "v1");
        let crds = objects().filter(|o| o["kind"] == "CustomResourceDefinition");
        Self {
            namespaces: namespaces.map(|o| text(&o["metadata"]["name"])).collect(),
            kinds: crds.map(|o| (text(&o["spec"]["group"]), text(&o["spec"]["names"]["kind"]))).collect(),
        }
    }
}

impl Asker<'_> {
    /// What a refusal means for the reader of the report.
    pub(super) fn check(&self, id: &ObjectId, refusal: Refusal) -> Check {
        let unknown = |why: String| Check::NotValidated { why };
        match refusal {
            Refusal::NamespaceMissing if self.brings.namespaces.contains(&id.namespace) => {
                unknown(format!("namespace `{}` comes with this pull request", id.namespace))
            }
            Refusal::NamespaceMissing => Check::Refused {
                why: format!("namespace `{}` does not exist, and nothing here creates it", id.namespace),
            },
            Refusal::KindMissing if self.brings.kinds.contains(&(id.group.clone(), id.kind.clone())) => {
                unknown(format!("the kind `{}` comes with this pull request", id.kind))
            }
            Refusal::KindMissing => Check::Refused {
                why: format!("the cluster does not know the kind `{}` of group `{}`", id.kind, id.group),
            },
            Refusal::Immutable(why) | Refusal::Invalid(why) => Check::Refused { why },
            Refusal::NoDryRun(why) => {
                unknown(format!("an admission webhook does not support dry-runs: {why}"))
            }
            Refusal::Forbidden(_) if id.is_secret() => unknown(NO_RIGHTS_ON_SECRETS.to_owned()),
            Refusal::Forbidden(why) => {
                unknown(format!("our cluster identity may not ask (grant it, see infra/cluster): {why}"))
            }
            Refusal::Unavailable(why) => unknown(format!("the API server did not answer: {why}")),
        }
    }
}
