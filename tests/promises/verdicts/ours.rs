//! Our own verdict, out of the parts that the comparison is made of: the adapter, the object's annotations, `spec.ignore`, and
//! what counts as the same.

use domain::change::same;
use flux::control::{self, SsaPolicy};
use flux::{DriftIgnore, Kustomization};
use kubernetes::KubeCluster;
use ports::{Cluster as _, DryRun, Refusal};
use serde_json::Value;

use super::Verdict;

pub(super) async fn verdict(cluster: &KubeCluster, owner: &Kustomization, object: &Value) -> Verdict {
    if let Err(error) = DriftIgnore::of(owner) {
        return Verdict { action: "error".to_owned(), why: error.to_string(), settled: false };
    }
    // A read that fails says nothing of the object, and the dry-run says why.
    let live = cluster.live(object).await.unwrap_or_default();
    let settled = live.as_ref().is_some_and(|live| flux::settles(object, live));
    Verdict { settled, ..asked(cluster, owner, object, live).await }
}

async fn asked(cluster: &KubeCluster, owner: &Kustomization, object: &Value, live: Option<Value>) -> Verdict {
    let say = |action: &str| Verdict { action: action.to_owned(), why: String::new(), settled: false };
    let if_not_present = control::ssa_policy(object) == SsaPolicy::IfNotPresent;
    let excluded = control::is_excluded(object) || live.as_ref().is_some_and(control::is_excluded);
    if excluded || (live.is_some() && if_not_present) {
        return say("skipped");
    }
    let forced =
        owner.spec.force || control::is_forced(object) || live.as_ref().is_some_and(control::is_forced);
    match (cluster.dry_run(object).await, live) {
        (DryRun::Refused(Refusal::Immutable(_)), _) if forced => say("created"),
        (DryRun::Refused(refusal), _) => {
            Verdict { action: "error".to_owned(), why: format!("{refusal:?}"), settled: false }
        }
        (DryRun::Accepted(stored), _) if stored["metadata"]["resourceVersion"].is_null() => say("created"),
        (DryRun::Accepted(stored), Some(live)) if unchanged(owner, &live, &stored) => say("unchanged"),
        (DryRun::Accepted(_), _) => say("configured"),
    }
}

fn unchanged(owner: &Kustomization, live: &Value, stored: &Value) -> bool {
    let (mut live, mut stored) = (live.clone(), stored.clone());
    let ignore = DriftIgnore::of(owner).unwrap_or_default();
    let paths: Vec<String> = ignore.paths(&stored).into_iter().map(str::to_owned).collect();
    let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
    DriftIgnore::remove(&paths, &mut live);
    DriftIgnore::remove(&paths, &mut stored);
    same(&live, &stored)
}
