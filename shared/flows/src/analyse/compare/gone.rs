//! Objects that leave Git: pruned or left behind, as the controller does; and what the inventory still holds of earlier ones.

use std::collections::BTreeSet;

use domain::ObjectId;
use domain::change::{ChangeKind, Check};
use domain::plan::{Fate, ObjectPlan};
use flux::{control, without_zeros};
use serde_json::Value;

use super::{Answer, Asker, Pair};

impl Asker<'_> {
    pub(super) async fn gone(&self, plan: &ObjectPlan, before: &Value) -> Answer {
        let sides = || (Some(without_zeros(before)), None);
        if plan.fate == Fate::Orphan {
            return self.change(plan, ChangeKind::Orphaned, Check::DryRun, sides());
        }
        match self.cluster.live(before).await {
            Ok(None) => Answer {
                note: Some(format!("`{}` leaves Git and is not in the cluster.", plan.id)),
                ..Answer::default()
            },
            Ok(Some(live))
                if control::is_kept(&live) || !control::is_owned_by(&live, &self.kustomization.key) =>
            {
                self.change(plan, ChangeKind::Orphaned, Check::DryRun, sides())
            }
            Ok(Some(_)) => self.change(plan, ChangeKind::Deleted, Check::DryRun, sides()),
            Err(refusal) => {
                let check = self.check(&plan.id, refusal);
                self.change(plan, ChangeKind::Deleted, check, sides())
            }
        }
    }
}

/// Objects that the cluster still has and that left Git before this pull request.
pub(super) fn stale(pair: &Pair) -> Option<String> {
    let base: BTreeSet<&ObjectId> = pair.base.iter().collect();
    let brings: BTreeSet<ObjectId> = pair.brings.iter().filter_map(ObjectId::of).collect();
    let inventory = pair.kustomization.status.inventory.iter().map(domain_id);
    let stale: Vec<String> = inventory
        .filter(|id| !base.contains(id) && !brings.contains(id))
        .map(|id| format!("`{id}`"))
        .collect();
    (!stale.is_empty() && pair.failure.is_none()).then(|| {
        format!(
            "In the inventory, but no longer in the base branch (not this pull request's doing): {}.",
            stale.join(", ")
        )
    })
}

fn domain_id(id: &flux::ObjectId) -> ObjectId {
    ObjectId {
        group: id.group.clone(),
        kind: id.kind.clone(),
        namespace: id.namespace.clone(),
        name: id.name.clone(),
    }
}
