//! Answers that the controller takes for an immutable field: with `force` it deletes the object and applies it anew.

use domain::change::{ChangeKind, Check};
use domain::plan::ObjectPlan;
use flux::control;
use ports::Refusal;
use serde_json::Value;

use super::refusals::{denied, unanswered};
use super::{Answer, Asker};

/// What an object may pin itself to: with either of these it fits one live object alone, and none that is made anew.
const PINS: [&str; 2] = ["resourceVersion", "uid"];

/// Whether Flux takes an answer for an immutable field, which it may force: every 409 and 422, whoever says so.
fn may_force(refusal: &Refusal) -> bool {
    matches!(
        refusal,
        Refusal::Immutable(_)
            | Refusal::Unprocessable(_)
            | Refusal::Conflict(_)
            | Refusal::Denied { forcing: true, .. }
    )
}

impl Asker<'_> {
    /// Whether Flux would take this answer for an immutable field, when it comes to ask.
    pub(super) fn may_force(&self, plan: &ObjectPlan, refusal: &Refusal) -> bool {
        may_force(refusal) && !self.brings.is_outdated(self.kustomization, plan, refusal)
    }

    /// What comes of an object that the API server refuses in a way that Flux may force.
    pub(super) async fn unprocessable(
        &self,
        plan: &ObjectPlan,
        after: &Value,
        refusal: Refusal,
        sides: (Option<Value>, Option<Value>),
    ) -> Answer {
        let kind = if sides.0.is_some() { ChangeKind::Changed } else { ChangeKind::Created };
        let refusal = pinned(after, refusal);
        let live = match self.cluster.live(after).await {
            Ok(live) => live,
            // Whether it is there to be deleted, or forced by itself, is not known; that it is refused as it stands is.
            Err(_) => {
                let check = self.check(plan, refusal);
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
            (Some(_), Refusal::Conflict(why)) if forced => {
                let check = self.check(plan, Refusal::Conflict(why));
                let mut answer = self.change(plan, kind, check, (before, after));
                let remark = "Flux is told to force: if it is answered like that as well, it deletes the object and makes it anew";
                answer.change = answer.change.map(|change| change.remarked(remark, self.mask));
                answer
            }
            (Some(live), refusal) if forced => {
                let why = match refusal {
                    Refusal::Denied { by, why, .. } => denied(&by, &why),
                    other => unanswered(other),
                };
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
                let check = self.check(plan, refusal);
                self.change(plan, kind, check, (before, after))
            }
        }
    }
}

/// What Git itself pins to another object than the live one does not pass, whoever asks again.
fn pinned(after: &Value, refusal: Refusal) -> Refusal {
    let pin = PINS.into_iter().find(|pin| after["metadata"].get(pin).is_some());
    match (refusal, pin) {
        (Refusal::Conflict(why), Some(pin)) => another(pin, &why),
        // The API server says so of another uid.
        (Refusal::Immutable(why), Some(pin)) if why.contains("metadata.uid: ") => another(pin, &why),
        (refusal, _) => refusal,
    }
}

fn another(pin: &str, why: &str) -> Refusal {
    Refusal::Unprocessable(format!(
        "Git sets `metadata.{pin}`, which the live object does not have like that; take it out: {why}"
    ))
}
