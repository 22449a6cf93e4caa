//! Objects that leave Git: pruned, left behind or handed over, as the controller does; and what the inventory still holds of
//! earlier ones. The controller deletes what its inventory holds and the render does not, if the live object carries its own
//! labels and does not say that it stays.

use std::collections::BTreeSet;

use domain::ObjectId;
use domain::change::{Change, ChangeKind, Check};
use domain::mask::Mask;
use domain::plan::{Fate, Move, ObjectPlan, Order};
use domain::report::Presence;
use flux::{control, without_zeros};
use ports::{DryRun, Refusal};
use serde_json::Value;

use super::{Answer, Asker, Pair};
use crate::analyse::leaving::domain_id;

impl Asker<'_> {
    /// `before` is the base's render; there is none of what only an inventory names.
    pub(super) async fn gone(&self, plan: &ObjectPlan, before: Option<&Value>) -> Answer {
        let rendered = || (before.map(without_zeros), None);
        if plan.fate == Fate::Orphan {
            return self.change(plan, ChangeKind::Orphaned, Check::DryRun, rendered());
        }
        let read = match before {
            Some(before) => self.cluster.live(before).await,
            None => self.cluster.live_by_id(&plan.id).await,
        };
        match read {
            Ok(None) => self.absent(plan, before).await,
            Ok(Some(live)) if plan.fate == Fate::Move => self.handed_over(plan, live),
            Ok(Some(live)) => self.pruned(plan, live),
            Err(refusal) => {
                let kind = if plan.fate == Fate::Move { moved(plan) } else { ChangeKind::Deleted };
                let check = self.check(plan, refusal);
                self.change(plan, kind, check, rendered())
            }
        }
    }

    async fn absent(&self, plan: &ObjectPlan, before: Option<&Value>) -> Answer {
        let mut note = format!("`{}` leaves Git and is not in the cluster.", plan.id);
        // A kind that is not served cannot be read either, and the controller takes that for an error.
        if let Some(before) = before
            && matches!(self.cluster.dry_run(before).await, DryRun::Refused(Refusal::KindMissing))
        {
            let kind = before["apiVersion"].as_str().unwrap_or_default();
            note = format!(
                "`{}` leaves Git, and the cluster serves no `{}` in `{kind}` (any more): if it is in the inventory, Flux fails to prune it and tries again for ever.",
                plan.id, plan.id.kind
            );
        }
        Answer { note: Some(note), ..Answer::default() }
    }

    fn pruned(&self, plan: &ObjectPlan, live: Value) -> Answer {
        if let Some(why) = self.spares(&live) {
            let answer = self.change(plan, ChangeKind::Orphaned, Check::DryRun, (Some(live), None));
            return self.remarked(answer, &why);
        }
        // An object without a namespace is the same one with it, whatever stood in Git.
        if live["metadata"].get("namespace").is_none() && !plan.id.namespace.is_empty() {
            let bare = ObjectId { namespace: String::new(), ..plan.id.clone() };
            if self.renders(&bare) {
                let note = format!("`{}` has no namespace, so it is `{bare}`, which stays.", plan.id);
                return Answer { note: Some(note), ..Answer::default() };
            }
        }
        let terminating = live["metadata"].get("deletionTimestamp").is_some();
        let id = ObjectId::of(&live).unwrap_or_else(|| plan.id.clone());
        let answer = self.change(plan, ChangeKind::Deleted, Check::DryRun, (Some(live), None));
        let answer = if self.is_known(&id) {
            answer
        } else {
            self.remarked(
                answer,
                "It is not in the inventory of its Kustomization yet: it is pruned only if Flux applies the base branch first",
            )
        };
        if terminating { self.remarked(answer, "It is being deleted already") } else { answer }
    }

    fn handed_over(&self, plan: &ObjectPlan, live: Value) -> Answer {
        match self.spares(&live) {
            Some(why) => {
                let answer = self.change(plan, ChangeKind::Moved, Check::DryRun, (Some(live), None));
                self.remarked(answer, &format!("It is not deleted in between: {why}"))
            }
            None => self.change(plan, moved(plan), Check::DryRun, (Some(live), None)),
        }
    }

    /// Why garbage collection leaves a live object where it is.
    fn spares(&self, live: &Value) -> Option<String> {
        let own = &self.kustomization.key;
        if !control::is_owned_by(live, own) {
            return Some(match owner(live) {
                Some(owner) => format!("in the cluster it carries the labels of Kustomization `{owner}`"),
                None => format!("in the cluster it does not carry the labels of Kustomization `{own}`"),
            });
        }
        control::is_kept(live)
            .then(|| "in the cluster its own label or annotation says that it stays".to_owned())
    }

    /// Whether the inventory holds an object: only then does Flux prune it.
    fn is_known(&self, id: &ObjectId) -> bool {
        self.kustomization.status.inventory.iter().any(|entry| domain_id(entry) == *id)
    }

    fn renders(&self, id: &ObjectId) -> bool {
        self.rendered.contains(id)
    }

    fn remarked(&self, mut answer: Answer, remark: &str) -> Answer {
        answer.change = answer.change.map(|change| change.remarked(remark, self.mask));
        answer
    }
}

/// The Kustomization whose labels a live object carries.
pub(super) fn owner(live: &Value) -> Option<String> {
    let label = |key: &str| live["metadata"]["labels"][key].as_str();
    Some(format!("{}/{}", label(control::OWNER_NAMESPACE)?, label(control::OWNER_NAME)?))
}

/// What becomes of an object that moves: where the loser acts first, it is deleted in between.
pub(super) fn moved(plan: &ObjectPlan) -> ChangeKind {
    match &plan.moves {
        Some(Move::To { order: Order::LoserFirst, .. }) => ChangeKind::Recreated,
        _ => ChangeKind::Moved,
    }
}

/// The same with what there is to say about where an object comes from or goes to.
pub(super) fn with_moves(change: Change, plan: &ObjectPlan, mask: &Mask) -> Change {
    let remark = match &plan.moves {
        None => return change,
        Some(Move::From { kustomization }) => format!("It comes from Kustomization `{kustomization}`"),
        Some(Move::To { kustomization, order }) => match order {
            _ if change.kind == ChangeKind::Moved && !change.remarks.is_empty() => {
                format!("It moves to Kustomization `{kustomization}`")
            }
            Order::TakerFirst => format!("It moves to Kustomization `{kustomization}` and is not deleted"),
            Order::LoserFirst => format!(
                "It moves to Kustomization `{kustomization}`, which makes it anew: it is pruned here first"
            ),
            Order::Unknown => format!(
                "It moves to Kustomization `{kustomization}`: if that applies it first, it is not deleted; else it is deleted and made anew. Nothing orders the two (`dependsOn` on `{kustomization}` would; or `prune: disabled` on the object until it has moved)"
            ),
        },
    };
    change.remarked(&remark, mask)
}

/// Objects that the cluster still has and that left Git before this pull request. Those of a Kustomization that goes are told
/// as what goes with it.
pub(super) fn stale(pair: &Pair) -> Option<String> {
    if pair.presence == Presence::Removed || pair.failure.is_some() {
        return None;
    }
    let base: BTreeSet<&ObjectId> = pair.base.iter().collect();
    let brings: BTreeSet<ObjectId> = pair.brings.iter().filter_map(ObjectId::of).collect();
    let inventory = pair.kustomization.status.inventory.iter().map(domain_id);
    let stale: Vec<String> = inventory
        .filter(|id| !base.contains(id) && !brings.contains(id))
        .map(|id| format!("`{id}`"))
        .collect();
    let what = if pair.kustomization.spec.prune { "Flux prunes them by itself" } else { "`prune: false`" };
    (!stale.is_empty()).then(|| {
        format!(
            "In the inventory, but no longer in the base branch (not this pull request's doing; {what}): {}.",
            stale.join(", ")
        )
    })
}
