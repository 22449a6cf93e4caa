//! Objects that both sides have, written differently.

use domain::change::{ChangeKind, Check, comparable, same, same_but_for_repeats};
use domain::plan::ObjectPlan;
use flux::without_zeros;
use ports::DryRun;
use serde_json::Value;

use super::{Answer, Asker, written};

impl Asker<'_> {
    pub(super) async fn changed(&self, plan: &ObjectPlan, before: &Value, after: &Value) -> Answer {
        if written::is_guarded(&plan.id) {
            return self.as_written(plan, ChangeKind::Changed, (Some(before), after));
        }
        let renders = || (Some(without_zeros(before)), Some(without_zeros(after)));
        let (old, new) = futures::join!(self.cluster.dry_run(before), self.cluster.dry_run(after));
        if let Some(answer) = self.left_by_live(plan, &new) {
            return answer;
        }
        match (old, new) {
            (_, DryRun::Refused(refusal)) if self.may_force(plan, &refusal) => {
                self.unprocessable(plan, after, refusal, renders()).await
            }
            (_, DryRun::Refused(refusal)) => {
                let check = self.check(plan, refusal);
                self.change(plan, ChangeKind::Changed, check, renders())
            }
            (DryRun::Refused(refusal), DryRun::Accepted(_)) => {
                let why = match self.check(plan, refusal) {
                    Check::Refused { why } | Check::NotValidated { why } => why,
                    Check::DryRun | Check::RenderOnly | Check::Structural => String::new(),
                };
                let why = format!(
                    "the base branch's version could not be judged ({why}), so the renders are compared"
                );
                self.change(plan, ChangeKind::Changed, Check::NotValidated { why }, renders())
            }
            (DryRun::Accepted(old), DryRun::Accepted(mut new)) => {
                let removed = self.take_over(after, &mut new).await;
                let mut answer = self.difference(plan, before, old, new).await;
                answer.change = answer.change.map(|change| self.taken_over(change, &removed));
                answer
            }
        }
    }

    async fn difference(&self, plan: &ObjectPlan, before: &Value, old: Value, new: Value) -> Answer {
        let (mut left, mut right) = (old.clone(), new);
        let vain = self.without_ignored(&mut left, &mut right);
        let vain = vain.iter().map(|path| format!("`{path}`")).collect::<Vec<_>>().join(", ");
        let mut answer = if !same(&left, &right) {
            self.change(plan, ChangeKind::Changed, Check::DryRun, (Some(left), Some(right)))
        } else if same_but_for_repeats(&left, &right) {
            let note = format!(
                "`{}` changes in repeated metrics alone, which Flux applies only when something else of it changes too.",
                plan.id
            );
            Answer { note: Some(note), ..Answer::default() }
        } else if comparable(left) != comparable(right) {
            let note = format!(
                "`{}` changes in its finalizers or owners alone, which Flux applies only when something else of it changes too.",
                plan.id
            );
            Answer { note: Some(note), ..Answer::default() }
        } else if vain.is_empty() {
            let note = format!("`{}` is written differently and means the same to the API server.", plan.id);
            Answer { note: Some(note), ..Answer::default() }
        } else {
            Answer::default()
        };
        if !vain.is_empty() {
            answer.note = Some(format!(
                "Git changes {vain} of `{}`, which `spec.ignore` leaves to the cluster: it keeps its own value.",
                plan.id
            ));
        }
        let Answer { drift, unseen, .. } = self.drift(&plan.id, before, Some(old)).await;
        Answer { drift, unseen, ..answer }
    }
}
