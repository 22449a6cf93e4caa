//! Answers that the controller takes for an immutable field: with `force` it deletes the object and applies it anew.

use domain::change::{ChangeKind, Check};
use domain::plan::ObjectPlan;
use flux::control;
use ports::Refusal;
use serde_json::Value;

use super::{Answer, Asker};

impl Asker<'_> {
    /// What comes of an object that the API server refuses with 422, or because an immutable field changes.
    pub(super) async fn unprocessable(
        &self,
        plan: &ObjectPlan,
        after: &Value,
        refusal: Refusal,
        sides: (Option<Value>, Option<Value>),
    ) -> Answer {
        let kind = if sides.0.is_some() { ChangeKind::Changed } else { ChangeKind::Created };
        let live = match self.cluster.live(after).await {
            Ok(live) => live,
            // Whether it is there to be deleted, or forced by itself, is not known; that it is refused as it stands is.
            Err(_) => {
                let check = self.check(&plan.id, refusal);
                let unread =
                    "The live object could not be read, so whether it forces its own recreation is not known";
                let mut answer = self.change(plan, kind, check, sides);
                answer.change = answer.change.map(|change| change.remarked(unread, self.mask));
                return answer;
            }
        };
        let forced = self.kustomization.spec.force
            || control::is_forced(after)
            || live.as_ref().is_some_and(control::is_forced);
        let (before, after) = sides;
        match (live, refusal) {
            (Some(live), Refusal::Immutable(why)) if forced => {
                let sides = (before.or(Some(live)), after);
                let mut answer = self.change(plan, ChangeKind::Recreated, Check::DryRun, sides);
                let remark =
                    format!("Flux is told to force: it deletes the object and makes it anew, because {why}");
                answer.change = answer.change.map(|change| change.remarked(&remark, self.mask));
                answer
            }
            (Some(live), Refusal::Unprocessable(why)) if forced => {
                let why = format!(
                    "{why} (Flux is told to force: it deletes the object first, and it stays away if the new one is refused as well)"
                );
                let sides = (before.or(Some(live)), after);
                self.change(plan, ChangeKind::Recreated, Check::Refused { why }, sides)
            }
            (_, Refusal::Immutable(why)) => {
                let why =
                    format!("{why} (an immutable field changes; `spec.force` would recreate the object)");
                self.change(plan, kind, Check::Refused { why }, (before, after))
            }
            (_, refusal) => {
                let check = self.check(&plan.id, refusal);
                self.change(plan, kind, check, (before, after))
            }
        }
    }
}
