//! Kustomizations that go: whether the controller's finalizer deletes what they applied, which children stay with what they had,
//! and what goes along with those whose content comes from elsewhere.

use std::collections::{BTreeMap, BTreeSet};

use domain::ObjectId;
use domain::plan::{Fate, ObjectPlan};
use domain::report::Presence;
use flux::control::SsaPolicy;
use flux::{DeletionPolicy, GROUP, Kustomization, ObjectKey, control};

use super::pair::Pair;
use super::render::Side;

/// The cluster's Kustomizations, whatever feeds them.
pub(super) type Live = BTreeMap<ObjectKey, Kustomization>;

/// Whether the objects of a Kustomization that is deleted are deleted too; if not, why not.
/// Source: kustomize-controller, `finalizerShouldDeleteResources`; an empty inventory leaves nothing to delete.
pub(super) fn finalizer(kustomization: &Kustomization) -> Result<(), &'static str> {
    let spec = &kustomization.spec;
    match spec.deletion_policy {
        _ if spec.suspend => Err("it is suspended"),
        DeletionPolicy::Orphan => Err("`deletionPolicy: Orphan`"),
        DeletionPolicy::MirrorPrune if !spec.prune => Err("`prune: false`"),
        DeletionPolicy::MirrorPrune | DeletionPolicy::Delete | DeletionPolicy::WaitForTermination => Ok(()),
    }
}

/// What the reader of a removed Kustomization must know.
pub(super) fn note(kustomization: &Kustomization, parent: Option<&ObjectKey>) -> String {
    let lead = match parent {
        Some(parent) => format!("It is deleted by Kustomization `{parent}`, and"),
        None => "No Kustomization here prunes it; once somebody deletes it,".to_owned(),
    };
    match finalizer(kustomization) {
        Ok(()) => format!(
            "{lead} what it applied is deleted with it (`deletionPolicy: {}`).",
            policy(kustomization.spec.deletion_policy)
        ),
        Err(why) => format!("{lead} what it applied stays in the cluster: {why}."),
    }
}

fn policy(policy: DeletionPolicy) -> &'static str {
    match policy {
        DeletionPolicy::MirrorPrune => "MirrorPrune",
        DeletionPolicy::Delete => "Delete",
        DeletionPolicy::WaitForTermination => "WaitForTermination",
        DeletionPolicy::Orphan => "Orphan",
    }
}

/// Whether Flux applies a Kustomization as its parent renders it: not where that one or the live one is switched off, nor where it
/// is only to be created and is there.
pub(super) fn is_applied(rendered: &Kustomization, live: Option<&Kustomization>) -> bool {
    let off = [Some(rendered), live].into_iter().flatten().any(|k| control::is_excluded(&k.value));
    !off && (live.is_none() || control::ssa_policy(&rendered.value) != SsaPolicy::IfNotPresent)
}

/// Children of the base that no parent renders at the result and that stay as they were: their parent fails, does not prune,
/// goes and leaves them, renders them so that they cannot be read, does not apply them for what they say themselves, or garbage
/// collection spares them for that.
pub(super) fn kept_children(base: &Side, result: &Side, live: &Live) -> Vec<Kustomization> {
    let mut kept: BTreeMap<ObjectKey, Kustomization> = BTreeMap::new();
    for parent in &base.order {
        // A parent that is kept renders its children itself.
        if kept.contains_key(parent) {
            continue;
        }
        let deletes = match (result.nodes.get(parent), base.nodes.get(parent)) {
            (Some(node), _) => node.outcome.is_ok() && node.kustomization.spec.prune,
            (None, Some(node)) => finalizer(&node.kustomization).is_ok(),
            (None, None) => false,
        };
        let idle = result.not_applied(parent, live);
        for key in base.children(parent) {
            let Some(node) = base.nodes.get(&key).filter(|_| !result.nodes.contains_key(&key)) else {
                continue;
            };
            let refused = result.unreadable.contains_key(&key);
            if !deletes
                || refused
                || idle.contains(&key)
                || is_spared(live.get(&key).unwrap_or(&node.kustomization), parent)
            {
                kept.insert(key, node.kustomization.clone());
            }
        }
    }
    base.order.iter().filter_map(|key| kept.remove(key)).collect()
}

/// Whether garbage collection by `owner` leaves a Kustomization where it is.
fn is_spared(kustomization: &Kustomization, owner: &ObjectKey) -> bool {
    control::is_kept(&kustomization.value) || !control::is_owned_by(&kustomization.value, owner)
}

/// The Kustomizations that are deleted and that neither side renders, for their content comes from elsewhere: with what their
/// inventories hold, and the Kustomizations in these likewise.
pub(super) fn along(pairs: &[Pair], live: &Live) -> Vec<Pair> {
    let mut seen: BTreeSet<ObjectKey> = pairs.iter().map(|pair| pair.kustomization.key.clone()).collect();
    let mut found: Vec<Pair> = Vec::new();
    let mut waiting: Vec<(ObjectKey, ObjectKey)> = pairs.iter().flat_map(deleted).collect();
    // Each of the cluster's Kustomizations is taken once, so this ends.
    while let Some((owner, key)) = waiting.pop() {
        let Some(kustomization) = live.get(&key).filter(|k| !is_spared(k, &owner)) else { continue };
        if seen.insert(key) {
            let pair = by_inventory(kustomization, &owner);
            waiting.extend(deleted(&pair));
            found.push(pair);
        }
    }
    found
}

/// The Kustomizations that a Kustomization deletes, each with it.
fn deleted(pair: &Pair) -> Vec<(ObjectKey, ObjectKey)> {
    // What it applies to another cluster is none of this one's Kustomizations.
    if pair.kustomization.spec.kube_config.is_some() {
        return Vec::new();
    }
    let plans = pair.plans.iter().filter(|plan| plan.fate == Fate::Delete);
    let children = plans.filter(|plan| plan.id.group == GROUP && plan.id.kind == "Kustomization");
    let key = |plan: &ObjectPlan| ObjectKey::new(&plan.id.namespace, &plan.id.name);
    children.map(|plan| (pair.kustomization.key.clone(), key(plan))).collect()
}

fn by_inventory(kustomization: &Kustomization, owner: &ObjectKey) -> Pair {
    Pair {
        kustomization: kustomization.clone(),
        presence: Presence::Removed,
        identical: false,
        emptied: false,
        failure: None,
        plans: inventory(kustomization, &BTreeSet::new()),
        base: Vec::new(),
        unchanged: Vec::new(),
        brings: Vec::new(),
        warnings: vec![
            note(kustomization, Some(owner)),
            "Its content comes from elsewhere: what goes is read from its inventory.".to_owned(),
        ],
    }
}

/// What becomes of the objects in the inventory of a Kustomization that is deleted, those apart that are told otherwise.
pub(super) fn inventory(kustomization: &Kustomization, told: &BTreeSet<ObjectId>) -> Vec<ObjectPlan> {
    let fate = if finalizer(kustomization).is_ok() { Fate::Delete } else { Fate::Orphan };
    let ids = kustomization.status.inventory.iter().map(domain_id).filter(|id| !told.contains(id));
    ids.map(|id| ObjectPlan { id, fate, before: None, after: None, moves: None }).collect()
}

pub(super) fn domain_id(id: &flux::ObjectId) -> ObjectId {
    ObjectId {
        group: id.group.clone(),
        kind: id.kind.clone(),
        namespace: id.namespace.clone(),
        name: id.name.clone(),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;
    use serde_json::{Value, json};

    fn kustomization(name: &str, owner: &str, spec: Value, inventory: &[&str]) -> Kustomization {
        let mut whole = json!({"sourceRef": {"kind": "GitRepository", "name": "elsewhere"}, "prune": true});
        for (key, value) in spec.as_object().unwrap() {
            whole[key] = value.clone();
        }
        let labels = json!({control::OWNER_NAME: owner, control::OWNER_NAMESPACE: "flux"});
        let entries: Vec<Value> = inventory.iter().map(|id| json!({"id": id, "v": "v1"})).collect();
        Kustomization::from_value(&json!({
            "apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization",
            "metadata": {"name": name, "namespace": "flux", "labels": labels},
            "spec": whole, "status": {"inventory": {"entries": entries}},
        }))
        .unwrap()
    }

    #[test]
    fn the_finalizer_goes_by_policy_and_never_when_suspended() {
        let check = |spec: Value, expected: Result<(), &str>| {
            assert_eq!(finalizer(&kustomization("a", "o", spec.clone(), &[])), expected, "{spec}");
        };
        check(json!({}), Ok(()));
        check(json!({"prune": false}), Err("`prune: false`"));
        check(json!({"prune": false, "deletionPolicy": "Delete"}), Ok(()));
        check(json!({"prune": false, "deletionPolicy": "WaitForTermination"}), Ok(()));
        check(json!({"deletionPolicy": "Orphan"}), Err("`deletionPolicy: Orphan`"));
        check(json!({"suspend": true, "deletionPolicy": "Delete"}), Err("it is suspended"));
    }

    #[test]
    fn the_cascade_follows_inventories_as_far_as_they_are_deleted() {
        let child = |name: &str| format!("flux_{name}_{GROUP}_Kustomization");
        let all = [
            kustomization("a", "root", json!({}), &[&child("b"), &child("d"), &child("e"), "_ns__Namespace"]),
            kustomization("b", "a", json!({"prune": false}), &[&child("c"), "apps_x__ConfigMap"]),
            kustomization("c", "b", json!({}), &["apps_y__ConfigMap"]),
            kustomization("d", "somebody", json!({}), &["apps_z__ConfigMap"]),
            kustomization("e", "a", json!({}), &[&child("a"), "apps_v__ConfigMap"]),
        ];
        let live: Live = all.iter().map(|k| (k.key.clone(), k.clone())).collect();
        let mut root =
            by_inventory(&kustomization("root", "", json!({}), &[&child("a")]), &ObjectKey::new("", ""));
        root.presence = Presence::Both;
        let found = along(&[root], &live);
        let shown: Vec<String> = found
            .iter()
            .map(|pair| {
                let plans = pair.plans.iter().map(|plan| format!("{:?} {}", plan.fate, plan.id.name));
                format!("{}: {}", pair.kustomization.key.name, plans.collect::<Vec<_>>().join(", "))
            })
            .collect();
        // `b` leaves its objects behind, `c` among them; `d` is somebody else's by its labels.
        let expected =
            ["a: Delete b, Delete d, Delete e, Delete ns", "e: Delete a, Delete v", "b: Orphan c, Orphan x"];
        assert_eq!(shown, expected);
        assert!(found[0].warnings[0].starts_with("It is deleted by Kustomization `flux/root`"));
    }
}
