//! What an object's own labels and annotations decide, in Git and in the cluster, whatever the API server would say: switched off,
//! and created but never changed. Flux looks at these before it asks for a dry-run, so no refusal comes of such an object either.

use domain::change::{Change, ChangeKind, Check};
use domain::plan::{Fate, ObjectPlan};
use flux::control::{self, SsaPolicy};
use flux::without_zeros;
use ports::{DryRun, Refusal};
use serde_json::Value;

use super::{Answer, Asker, written};

const OFF: &str = "switched off by its own label or annotation (`reconcile: disabled` or `ssa: Ignore`)";
const LIVE_OFF: &str =
    "the live object is switched off by its own label or annotation (`reconcile: disabled` or `ssa: Ignore`)";
const UNKNOWN_LIVE: &str =
    "Git switches it off, which the object in the cluster need not say: if it does not, it is pruned";
const ONLY_IF_ABSENT: &str = "Flux only creates it, and never changes it (`ssa: IfNotPresent`)";

impl Asker<'_> {
    /// What becomes of an object of the result, where it or the one in the cluster decides that by itself.
    pub(super) async fn steered(
        &self,
        plan: &ObjectPlan,
        before: Option<&Value>,
        after: &Value,
    ) -> Option<Answer> {
        if let Some(note) = switched_off(plan) {
            return Some(note);
        }
        if self.cluster.ahead.get(after).is_some_and(control::is_excluded) {
            return Some(self.left_alone(plan, LIVE_OFF));
        }
        if control::ssa_policy(after) == SsaPolicy::IfNotPresent {
            return Some(self.only_if_absent(plan, before, after).await);
        }
        match before.filter(|before| is_skipped(before)) {
            Some(before) => Some(self.taken_up(plan, before, after).await),
            None => None,
        }
    }

    /// An object that Flux creates where it is not, and never changes.
    async fn only_if_absent(&self, plan: &ObjectPlan, before: Option<&Value>, after: &Value) -> Answer {
        match self.cluster.live(after).await {
            Ok(Some(_)) => self.left_alone(plan, "it is in the cluster (`ssa: IfNotPresent`)"),
            Ok(None) => self.created(plan, after).await,
            Err(refusal) => {
                let mut answer = self.unread(plan, before, after, refusal);
                answer.change = answer.change.map(|change| change.remarked(ONLY_IF_ABSENT, self.mask));
                answer
            }
        }
    }

    /// An object that Flux does not touch as the base has it: what the pull request makes Flux do begins at the live one.
    async fn taken_up(&self, plan: &ObjectPlan, before: &Value, after: &Value) -> Answer {
        match self.cluster.live(after).await {
            Ok(None) => return self.created(plan, after).await,
            Err(refusal) => return self.unread(plan, Some(before), after, refusal),
            Ok(Some(live)) if control::is_excluded(&live) => return self.left_alone(plan, LIVE_OFF),
            Ok(Some(_)) => {}
        }
        let mut answer = match written::is_guarded(&plan.id) {
            true => self.as_written(plan, ChangeKind::Changed, (Some(before), after)),
            false => self.created(plan, after).await,
        };
        let Some(change) = answer.change.as_mut() else { return answer };
        if change.kind == ChangeKind::Created {
            change.kind = ChangeKind::Changed;
        }
        let how = if control::is_excluded(before) {
            OFF
        } else {
            "one that Flux only creates (`ssa: IfNotPresent`)"
        };
        let id = &plan.id;
        answer.note =
            Some(format!("`{id}` is no longer {how}: Flux applies it, over what is in the cluster."));
        answer
    }

    /// An object of which nobody knows whether the cluster has it.
    fn unread(&self, plan: &ObjectPlan, before: Option<&Value>, after: &Value, refusal: Refusal) -> Answer {
        let kind = if before.is_some() { ChangeKind::Changed } else { ChangeKind::Created };
        let check = self.check(plan, refusal);
        self.change(plan, kind, check, (before.map(without_zeros), Some(without_zeros(after))))
    }

    /// What the API server refuses is nothing to Flux where the live object is switched off: it does not come to ask.
    pub(super) async fn unless_switched_off(&self, plan: &ObjectPlan, answer: Answer) -> Answer {
        let (Some(after), Some(change)) = (&plan.after, &answer.change) else { return answer };
        let forced = change.kind == ChangeKind::Recreated && plan.moves.is_none();
        if !forced && !matches!(change.check, Check::Refused { .. }) {
            return answer;
        }
        match self.cluster.live(after).await {
            Ok(Some(live)) if control::is_excluded(&live) => self.left_alone(plan, LIVE_OFF),
            _ => answer,
        }
    }

    /// Where the answer to a dry-run carries what the live object says of itself.
    pub(super) fn left_by_live(&self, plan: &ObjectPlan, accepted: &DryRun) -> Option<Answer> {
        let DryRun::Accepted(stored) = accepted else { return None };
        control::is_excluded(stored).then(|| self.left_alone(plan, LIVE_OFF))
    }

    fn left_alone(&self, plan: &ObjectPlan, why: &str) -> Answer {
        let note = Some(format!("`{}` differs in Git, and Flux leaves it as it is: {why}.", plan.id));
        Answer { note, ..Answer::default() }
    }
}

/// An object of the result that Flux does not apply, whatever the cluster has.
pub(super) fn switched_off(plan: &ObjectPlan) -> Option<Answer> {
    let after = plan.after.as_ref().filter(|after| control::is_excluded(after))?;
    let how = match (&plan.before, control::is_excluded(after)) {
        (Some(before), _) if !control::is_excluded(before) => {
            format!("is {OFF} now: Flux applies nothing of it any more, that word itself included")
        }
        (Some(_), _) => format!("changes in Git, and is {OFF}"),
        (None, _) => format!("is new, and {OFF}: Flux does not create it"),
    };
    Some(Answer { note: Some(format!("`{}` {how}.", plan.id)), ..Answer::default() })
}

/// Says of a change that nobody checked that it may be none.
pub(super) fn maybe(plan: &ObjectPlan, change: Change, mask: &domain::mask::Mask) -> Change {
    if plan.fate == Fate::Delete && plan.before.as_ref().is_some_and(control::is_excluded) {
        return change.remarked(UNKNOWN_LIVE, mask);
    }
    let only_created =
        plan.after.as_ref().is_some_and(|after| control::ssa_policy(after) == SsaPolicy::IfNotPresent);
    if only_created { change.remarked(ONLY_IF_ABSENT, mask) } else { change }
}

/// What the controller does not apply to an object that is there, it does not find drifted either.
pub(super) fn is_skipped(manifest: &Value) -> bool {
    control::is_excluded(manifest) || control::ssa_policy(manifest) == SsaPolicy::IfNotPresent
}
