//! Objects that both sides have, written differently.

use domain::change::{ChangeKind, Check, comparable};
use domain::plan::ObjectPlan;
use flux::{control, without_zeros};
use ports::{DryRun, Refusal};
use serde_json::Value;

use super::{Answer, Asker};

impl Asker<'_> {
    pub(super) async fn changed(&self, plan: &ObjectPlan, before: &Value, after: &Value) -> Answer {
        if control::is_excluded(after) {
            return Answer {
                note: Some(format!(
                    "`{}` changes in Git, and is switched off by its own annotation.",
                    plan.id
                )),
                ..Answer::default()
            };
        }
        let renders = || (Some(without_zeros(before)), Some(without_zeros(after)));
        match futures::join!(self.cluster.dry_run(before), self.cluster.dry_run(after)) {
            (_, DryRun::Refused(Refusal::Immutable(why))) => {
                let forced = self.kustomization.spec.force || control::is_forced(after);
                if forced {
                    return self.change(plan, ChangeKind::Recreated, Check::DryRun, renders());
                }
                let why =
                    format!("{why} (an immutable field changes; `spec.force` would recreate the object)");
                self.change(plan, ChangeKind::Changed, Check::Refused { why }, renders())
            }
            (_, DryRun::Refused(refusal)) => {
                let check = self.check(&plan.id, refusal);
                self.change(plan, ChangeKind::Changed, check, renders())
            }
            (DryRun::Refused(refusal), DryRun::Accepted(_)) => {
                let why = match self.check(&plan.id, refusal) {
                    Check::Refused { why } | Check::NotValidated { why } => why,
                    Check::DryRun | Check::RenderOnly => String::new(),
                };
                let why = format!(
                    "the base branch's version could not be judged ({why}), so the renders are compared"
                );
                self.change(plan, ChangeKind::Changed, Check::NotValidated { why }, renders())
            }
            (DryRun::Accepted(old), DryRun::Accepted(new)) => self.difference(plan, before, old, new).await,
        }
    }

    async fn difference(&self, plan: &ObjectPlan, before: &Value, old: Value, new: Value) -> Answer {
        let mut answer = if comparable(old.clone()) == comparable(new.clone()) {
            let note = format!("`{}` is written differently and means the same to the API server.", plan.id);
            Answer { note: Some(note), ..Answer::default() }
        } else {
            self.change(plan, ChangeKind::Changed, Check::DryRun, (Some(old.clone()), Some(new)))
        };
        match self.drift(plan, before, old).await {
            Ok(drift) => answer.drift = drift,
            Err(note) => answer.note = answer.note.or(note),
        }
        answer
    }
}
