//! Whether our render of the base is the controller's: it publishes the digest of what it rendered last.

use domain::CommitSha;
use domain::report::RenderCheck;
use flux::{Kustomization, ObjectKey, Snapshot};

use super::discover::Known;
use super::render::{Node, Side};

/// Compares every Kustomization of the base with its live one, in the order of rendering.
pub(super) fn all<'a>(
    base: &'a Side,
    known: &'a Known,
    commit: &'a CommitSha,
) -> impl Iterator<Item = (&'a ObjectKey, RenderCheck)> {
    let live = |key: &ObjectKey| known.kustomizations.iter().find(|k| k.key == *key);
    base.order.iter().filter_map(move |key| Some((key, of(base.nodes.get(key)?, live(key), commit))))
}

/// Equal digests are proof, whatever else is known. Unequal ones say something only of the same commit and spec.
fn of(node: &Node, live: Option<&Kustomization>, commit: &CommitSha) -> RenderCheck {
    let unknown = |why: &str| RenderCheck::NotComparable { why: why.to_owned() };
    let Some(live) = live else { return unknown("it is not in the cluster yet") };
    let Ok(rendered) = &node.outcome else { return unknown("the base does not render") };
    let Some(last) = live.status.history.first() else {
        return unknown(
            "the controller has published no digest (it has rendered nothing yet, or is older than 1.7)",
        );
    };
    if last.digest == rendered.digest {
        return RenderCheck::Verified;
    }
    if !rendered.encrypted.is_empty() {
        return unknown(
            "it holds encrypted objects, which the controller decrypts before it takes the digest",
        );
    }
    if commit_of(last) != Some(commit.as_str()) {
        return unknown("the controller's last render was of another commit than the base");
    }
    if !is_current(live) || live.spec != node.kustomization.spec {
        return unknown("its spec in the cluster is not the one that the controller's last render had");
    }
    RenderCheck::Differs
}

/// The commit of a revision such as `main@sha1:…`, `refs/heads/main@sha1:…` or `sha1:…`.
fn commit_of(snapshot: &Snapshot) -> Option<&str> {
    let revision = snapshot.revision.as_deref()?;
    let digest = revision.rsplit_once('@').map_or(revision, |(_, digest)| digest);
    Some(digest.split_once(':').map_or(digest, |(_, commit)| commit))
}

/// Whether the status speaks of the spec as it stands.
fn is_current(live: &Kustomization) -> bool {
    let generation = live.value["metadata"]["generation"].as_i64();
    generation.is_none() || generation == live.status.observed_generation
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;
    use crate::analyse::render::Failure;
    use flux::{Rendered, Variables};
    use serde_json::{Value, json};
    use std::sync::Arc;

    const BASE: &str = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";

    fn kustomization(path: &str, status: Value) -> Kustomization {
        Kustomization::from_value(&json!({
            "apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization",
            "metadata": {"name": "apps", "namespace": "flux-system", "generation": 2},
            "spec": {"path": path, "sourceRef": {"kind": "GitRepository", "name": "fleet"}},
            "status": status,
        }))
        .unwrap()
    }

    fn history(revision: &str, digest: &str) -> Value {
        json!({"observedGeneration": 2, "history": [{
            "digest": digest, "firstReconciled": "2026-01-01T00:00:00Z", "lastReconciled": "2026-01-01T00:00:00Z",
            "lastReconciledDuration": "1s", "lastReconciledStatus": "ReconciliationSucceeded",
            "totalReconciliations": 1, "metadata": {"revision": revision},
        }]})
    }

    fn check(status: Value, change: impl FnOnce(&mut Rendered, &mut Kustomization), expected: &str) {
        let (mut rendered, live) =
            (Rendered { digest: "sha256:ours".into(), ..Rendered::default() }, kustomization("apps", status));
        let mut own = live.clone();
        change(&mut rendered, &mut own);
        let node = Node {
            kustomization: own,
            variables: Variables::default(),
            outcome: Ok(Arc::new(rendered)),
            listing: None,
            proved: false,
        };
        let said = match of(&node, Some(&live), &BASE.parse().unwrap()) {
            RenderCheck::NotComparable { why } => why,
            other => format!("{other:?}"),
        };
        assert!(said.contains(expected), "{said:?} is not {expected:?}");
    }

    #[test]
    fn only_the_same_commit_and_spec_can_differ() {
        let at_base = |digest: &str| history(&format!("main@sha1:{BASE}"), digest);
        check(at_base("sha256:ours"), |_, _| {}, "Verified");
        check(history("main@sha1:aaaa", "sha256:ours"), |_, _| {}, "Verified");
        check(at_base("sha256:other"), |_, _| {}, "Differs");
        check(history(&format!("sha1:{BASE}"), "sha256:other"), |_, _| {}, "Differs");
        check(history(&format!("refs/heads/a@b@sha1:{BASE}"), "sha256:other"), |_, _| {}, "Differs");
        check(history("main@sha1:aaaa", "sha256:other"), |_, _| {}, "another commit");
        check(Value::Null, |_, _| {}, "published no digest");
        let encrypted =
            flux::ObjectId::of(&json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}}));
        check(at_base("sha256:other"), |rendered, _| rendered.encrypted.extend(encrypted), "encrypted");
        check(
            at_base("sha256:other"),
            |_, own| own.spec.path = "elsewhere".into(),
            "its spec in the cluster",
        );
        let mut stale = at_base("sha256:other");
        stale["observedGeneration"] = json!(1);
        check(stale, |_, _| {}, "its spec in the cluster");
    }

    #[test]
    fn what_is_not_there_cannot_be_compared() {
        let own = kustomization("apps", Value::Null);
        let (variables, outcome) = (Variables::default(), Err(Failure::broken("broken")));
        let node = Node { kustomization: own.clone(), variables, outcome, listing: None, proved: false };
        let commit = BASE.parse().unwrap();
        let why = |check| match check {
            RenderCheck::NotComparable { why } => why,
            other => panic!("{other:?}"),
        };
        assert_eq!(why(of(&node, None, &commit)), "it is not in the cluster yet");
        assert_eq!(why(of(&node, Some(&own), &commit)), "the base does not render");
    }
}
