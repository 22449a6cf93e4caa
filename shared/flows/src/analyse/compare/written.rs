//! Objects of which Git's text or other managers decide more than a dry-run: compared as written, or taken over.

use domain::ObjectId;
use domain::change::{Change, ChangeKind, Check};
use domain::plan::ObjectPlan;
use flux::{rbac, without_zeros};
use serde_json::Value;

use super::{Answer, Asker};

const NO_REHEARSAL: &str = "Told from the live object without a dry-run: the API server lets nobody rehearse granting rights that they lack";
const GATHERED: &str = "The cluster gathers the rules of this ClusterRole from others (`aggregationRule`), so its own are not compared";
const FOUGHT_OVER: &str = "Git sets `rules` beside `aggregationRule`, and the cluster writes over them: leave `rules` out, or Flux and the cluster undo each other's work for ever";

/// Whether an object guards the cluster, and is no Role or binding: to ask for it in a dry-run takes rights on the guard itself.
pub(super) fn is_guarded(id: &ObjectId) -> bool {
    id.group == "admissionregistration.k8s.io"
}

impl Asker<'_> {
    pub(super) fn as_written(
        &self,
        plan: &ObjectPlan,
        kind: ChangeKind,
        sides: (Option<&Value>, &Value),
    ) -> Answer {
        let sides = (sides.0.map(without_zeros), Some(without_zeros(sides.1)));
        let mut answer = self.change(plan, kind, Check::RenderOnly, sides);
        let remark = "Compared as written in Git, without the API server: a dry-run would need the rights that it grants";
        answer.change = answer.change.map(|change| change.remarked(remark, self.mask));
        answer
    }

    /// Says of Roles and bindings that they were not rehearsed, and of rules that the cluster gathers.
    pub(super) fn unrehearsed(&self, id: &ObjectId, manifest: &Value, change: Change) -> Change {
        if id.group != rbac::GROUP || change.check != Check::DryRun {
            return change;
        }
        let mut change = change.remarked(NO_REHEARSAL, self.mask);
        change.check = Check::Structural;
        match rbac::is_aggregated(manifest) {
            true if manifest["rules"].is_null() => change.remarked(GATHERED, self.mask),
            true => change.remarked(FOUGHT_OVER, self.mask),
            false => change,
        }
    }

    /// Says which fields leave because Flux takes them over from kubectl and the like.
    pub(super) fn taken_over(&self, change: Change, removed: &[String]) -> Change {
        if removed.is_empty() {
            return change;
        }
        let paths: Vec<String> = removed.iter().map(|path| format!("`{path}`")).collect();
        let remark = format!(
            "Predicted from `managedFields`: Flux takes over what `kubectl` or the like applied, and removes or resets {}",
            paths.join(", ")
        );
        change.remarked(&remark, self.mask)
    }
}
