//! Both sides of every Kustomization beside each other.

use std::collections::{BTreeMap, BTreeSet};

use domain::ObjectId;
use domain::plan::{Fate, Move, ObjectPlan, Order, Pruning, objects};
use domain::report::{Presence, Side as WhichSide};
use flux::{Kustomization, ObjectKey};
use serde_json::Value;

use super::leaving;
use super::render::{Failure, Node, Side};

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
    pub(super) failure: Option<(WhichSide, Failure)>,
    /// The objects whose renders differ.
    pub(super) plans: Vec<ObjectPlan>,
    /// Every object of the base.
    pub(super) base: Vec<ObjectId>,
    /// The objects that both sides render alike, of a Kustomization that is not identical.
    pub(super) unchanged: Vec<Value>,
    /// Every object of the result, for prerequisites that the same pull request brings.
    pub(super) brings: Vec<Value>,
    /// What its reader must know: warnings of the result's render, and what becomes of it when it goes.
    pub(super) warnings: Vec<String>,
}

/// Pairs up all Kustomizations, in the order of the result, then those that are gone.
pub(super) fn up(base: &Side, result: &Side) -> Vec<Pair> {
    let (before, after) = (renderers(base), renderers(result));
    let sides = Sides { base, result, before, after, parents: result.parents() };
    let parents = base.parents();
    let gone = base.order.iter().filter(|key| !result.nodes.contains_key(*key));
    let keys = result.order.iter().chain(gone);
    keys.filter_map(|key| sides.pair(key, parents.get(key).and_then(|all| all.first()))).collect()
}

/// Who renders an object, in the order of rendering.
type Renderers<'a> = BTreeMap<ObjectId, Vec<(&'a ObjectKey, &'a Value)>>;

fn renderers(side: &Side) -> Renderers<'_> {
    let mut found = Renderers::new();
    for key in &side.order {
        let Some(Ok(rendered)) = side.nodes.get(key).map(|node| &node.outcome) else { continue };
        for object in &rendered.objects {
            if let Some(id) = ObjectId::of(object) {
                found.entry(id).or_default().push((key, object));
            }
        }
    }
    found
}

struct Sides<'a> {
    base: &'a Side,
    result: &'a Side,
    before: Renderers<'a>,
    after: Renderers<'a>,
    /// Who renders which Kustomization at the result.
    parents: BTreeMap<ObjectKey, Vec<ObjectKey>>,
}

impl Sides<'_> {
    fn pair(&self, key: &ObjectKey, parent: Option<&ObjectKey>) -> Option<Pair> {
        let (before, after) = (self.base.nodes.get(key), self.result.nodes.get(key));
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
        let mut failure = failure(before, after);
        let mut warnings = new.as_ref().map(|r| r.warnings.clone()).unwrap_or_default();
        if presence == Presence::Removed {
            warnings.push(leaving::note(&kustomization, parent));
            // What it applied is known from its inventory, whether or not the base renders.
            if let Some((_, failed)) = failure.take_if(|_| !kustomization.status.inventory.is_empty()) {
                warnings.push(format!(
                    "The base does not render, so what goes is read from its inventory: {}",
                    failed.why
                ));
            }
        }
        let mut plans = Vec::new();
        if failure.is_none() {
            plans = objects(
                old_objects,
                new_objects,
                &self.pruning(&kustomization, presence, old_objects, new_objects),
            );
        }
        let base: Vec<ObjectId> = old_objects.iter().filter_map(ObjectId::of).collect();
        if presence == Presence::Removed && failure.is_none() {
            let earlier = leaving::inventory(&kustomization, &base.iter().cloned().collect());
            plans.extend(earlier.into_iter().map(|plan| self.taken(plan)));
        }
        let known = old.as_ref().map_or(&[][..], |r| &r.warnings);
        let warns_anew = new.as_ref().is_some_and(|r| r.warnings.iter().any(|w| !known.contains(w)));
        let identical = failure.is_none() && presence == Presence::Both && plans.is_empty() && !warns_anew;
        Some(Pair {
            presence,
            identical,
            emptied: failure.is_none()
                && presence == Presence::Both
                && new_objects.is_empty()
                && !old_objects.is_empty(),
            failure,
            base,
            unchanged: if identical { Vec::new() } else { unchanged(old_objects, &plans, presence) },
            brings: new_objects.to_vec(),
            warnings,
            plans,
            kustomization,
        })
    }

    /// The plan of an object that only the inventory names: it moves, where another Kustomization renders it at the result.
    fn taken(&self, plan: ObjectPlan) -> ObjectPlan {
        let Some((taker, _)) = self.after.get(&plan.id).and_then(|all| all.first()) else { return plan };
        let order = if plan.fate == Fate::Delete { Order::Unknown } else { Order::TakerFirst };
        let moves = Some(Move::To { kustomization: taker.to_string(), order });
        ObjectPlan { fate: Fate::Move, moves, ..plan }
    }

    fn pruning(&self, own: &Kustomization, presence: Presence, old: &[Value], new: &[Value]) -> Pruning {
        let enabled = match presence {
            Presence::Removed => leaving::finalizer(own).is_ok(),
            Presence::Both | Presence::New => own.spec.prune,
        };
        let ids = |objects: &[Value]| objects.iter().filter_map(ObjectId::of).collect::<BTreeSet<_>>();
        let (old, new) = (ids(old), ids(new));
        let taken = old.difference(&new).filter_map(|id| {
            let (taker, _) = self.after.get(id)?.iter().find(|(key, _)| **key != own.key)?;
            Some((id.clone(), (taker.to_string(), self.order(own, taker))))
        });
        let arrives = new.difference(&old).filter_map(|id| {
            let still =
                |key: &&ObjectKey| self.after.get(id).is_some_and(|all| all.iter().any(|(k, _)| k == key));
            let (loser, object) = self.before.get(id)?.iter().find(|(key, _)| !still(key))?;
            Some((id.clone(), (loser.to_string(), (*object).clone())))
        });
        Pruning { enabled, elsewhere: taken.collect(), arrivals: arrives.collect() }
    }

    /// Who acts first when `loser` renders an object no more and `taker` does: who depends on whom waits for the other's new
    /// revision, if both have the same source; and a Kustomization prunes right after it has applied a new one.
    fn order(&self, loser: &Kustomization, taker: &ObjectKey) -> Order {
        let Some(node) = self.result.nodes.get(taker) else { return Order::Unknown };
        let same_source = node.kustomization.spec.source_ref == loser.spec.source_ref;
        if same_source && self.waits(&loser.key, taker) {
            Order::TakerFirst
        } else if (same_source && self.waits(taker, &loser.key))
            || (!self.base.nodes.contains_key(taker)
                && self.parents.get(taker).is_some_and(|parents| parents.contains(&loser.key)))
        {
            Order::LoserFirst
        } else {
            Order::Unknown
        }
    }

    /// Whether one Kustomization depends on another, by whatever many steps.
    fn waits(&self, who: &ObjectKey, whom: &ObjectKey) -> bool {
        let (mut seen, mut waiting) = (BTreeSet::new(), vec![who]);
        while let Some(key) = waiting.pop() {
            if !seen.insert(key) {
                continue;
            }
            let Some(node) = self.result.nodes.get(key) else { continue };
            let needed = node.kustomization.spec.depends_on.iter().map(|dependency| &dependency.key);
            if needed.clone().any(|key| key == whom) {
                return true;
            }
            waiting.extend(needed);
        }
        false
    }
}

fn unchanged(old: &[Value], plans: &[ObjectPlan], presence: Presence) -> Vec<Value> {
    if presence != Presence::Both {
        return Vec::new();
    }
    // Renamed objects are planned by their new name; the old one leaves all the same.
    let before = plans.iter().filter_map(|plan| ObjectId::of(plan.before.as_ref()?));
    let planned: BTreeSet<ObjectId> = before.collect();
    old.iter().filter(|o| ObjectId::of(o).is_some_and(|id| !planned.contains(&id))).cloned().collect()
}

fn failure(before: Option<&Node>, after: Option<&Node>) -> Option<(WhichSide, Failure)> {
    let error = |node: Option<&Node>| node.and_then(|n| n.outcome.as_ref().err().cloned());
    match (error(before), error(after)) {
        (None, None) => None,
        (Some(why), None) => Some((WhichSide::Base, why)),
        (None, Some(why)) => Some((WhichSide::Result, why)),
        (Some(_), Some(why)) => Some((WhichSide::Both, why)),
    }
}
