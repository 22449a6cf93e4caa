//! Both sides of every Kustomization beside each other.

use std::collections::BTreeSet;

use domain::ObjectId;
use domain::plan::{ObjectPlan, Pruning, objects};
use domain::report::{Presence, Side as WhichSide};
use flux::{DeletionPolicy, Kustomization, ObjectKey};
use serde_json::Value;

use super::render::{Node, Side};

/// One Kustomization with both its sides.
pub(super) struct Pair {
    /// With the spec of the result, or of the base where it is gone.
    pub(super) kustomization: Kustomization,
    /// Whether it is on both sides.
    pub(super) presence: Presence,
    /// Whether both sides are the same, proved or rendered, and nothing new is to be said of the result.
    pub(super) identical: bool,
    /// Whether the result renders nothing where the base renders something.
    pub(super) emptied: bool,
    /// The side that does not render, and why.
    pub(super) failure: Option<(WhichSide, String)>,
    /// The objects whose renders differ.
    pub(super) plans: Vec<ObjectPlan>,
    /// Every object of the base.
    pub(super) base: Vec<ObjectId>,
    /// Every object of the result, for prerequisites that the same pull request brings.
    pub(super) brings: Vec<Value>,
    /// Warnings of the result's render.
    pub(super) warnings: Vec<String>,
}

/// Pairs up all Kustomizations, in the order of the result, then those that are gone.
pub(super) fn up(base: &Side, result: &Side) -> Vec<Pair> {
    let gone = base.order.iter().filter(|key| !result.nodes.contains_key(*key));
    let keys: Vec<&ObjectKey> = result.order.iter().chain(gone).collect();
    keys.iter().filter_map(|key| pair(key, base.nodes.get(*key), result.nodes.get(*key), result)).collect()
}

fn pair(key: &ObjectKey, before: Option<&Node>, after: Option<&Node>, result: &Side) -> Option<Pair> {
    let presence = match (before, after) {
        (Some(_), Some(_)) => Presence::Both,
        (None, _) => Presence::New,
        (_, None) => Presence::Removed,
    };
    let kustomization = after.or(before)?.kustomization.clone();
    let rendered = |node: Option<&Node>| node.and_then(|n| n.outcome.as_ref().ok().cloned());
    let (old, new) = (rendered(before), rendered(after));
    let old_objects = old.as_ref().map_or(&[][..], |r| &r.objects);
    let new_objects = new.as_ref().map_or(&[][..], |r| &r.objects);
    let failure = failure(before, after);
    let pruning = Pruning { enabled: prunes(&kustomization, presence), elsewhere: elsewhere(key, result) };
    let plans = if failure.is_some() { Vec::new() } else { objects(old_objects, new_objects, &pruning) };
    let known = old.as_ref().map_or(&[][..], |r| &r.warnings);
    let warns_anew = new.as_ref().is_some_and(|r| r.warnings.iter().any(|warning| !known.contains(warning)));
    Some(Pair {
        presence,
        identical: failure.is_none() && presence == Presence::Both && plans.is_empty() && !warns_anew,
        emptied: failure.is_none()
            && presence == Presence::Both
            && new_objects.is_empty()
            && !old_objects.is_empty(),
        failure,
        base: old_objects.iter().filter_map(ObjectId::of).collect(),
        brings: new_objects.to_vec(),
        warnings: new.map(|r| r.warnings.clone()).unwrap_or_default(),
        plans,
        kustomization,
    })
}

fn failure(before: Option<&Node>, after: Option<&Node>) -> Option<(WhichSide, String)> {
    let error = |node: Option<&Node>| node.and_then(|n| n.outcome.as_ref().err().cloned());
    match (error(before), error(after)) {
        (None, None) => None,
        (Some(why), None) => Some((WhichSide::Base, why)),
        (None, Some(why)) => Some((WhichSide::Result, why)),
        (Some(_), Some(why)) => Some((WhichSide::Both, why)),
    }
}

/// Whether objects that leave are deleted. A Kustomization that goes takes its objects along as its deletion policy says.
fn prunes(kustomization: &Kustomization, presence: Presence) -> bool {
    let spec = &kustomization.spec;
    match (presence, spec.deletion_policy) {
        // The controller's finalizer leaves the objects of a suspended Kustomization where they are.
        (Presence::Removed, _) if spec.suspend => false,
        (Presence::Removed, DeletionPolicy::Orphan) => false,
        (Presence::Removed, DeletionPolicy::Delete | DeletionPolicy::WaitForTermination) => true,
        _ => spec.prune,
    }
}

fn elsewhere(key: &ObjectKey, result: &Side) -> BTreeSet<ObjectId> {
    let others = result.nodes.iter().filter(|(other, _)| *other != key);
    let rendered = others.filter_map(|(_, node)| node.outcome.as_ref().ok());
    rendered.flat_map(|r| r.objects.iter().filter_map(ObjectId::of)).collect()
}
