//! Objects that are new in Git: created, or taken over when the cluster has them already.

use domain::change::{ChangeKind, Check};
use domain::plan::ObjectPlan;
use flux::without_zeros;
use ports::DryRun;
use serde_json::Value;

use super::{Answer, Asker, written};

impl Asker<'_> {
    pub(super) async fn created(&self, plan: &ObjectPlan, after: &Value) -> Answer {
        if written::is_guarded(&plan.id) {
            return self.as_written(plan, ChangeKind::Created, (None, after));
        }
        let asked = self.cluster.dry_run(after).await;
        if let Some(answer) = self.left_by_live(plan, &asked) {
            return answer;
        }
        match asked {
            DryRun::Refused(refusal) if self.may_force(plan, &refusal) => {
                self.unprocessable(plan, after, refusal, (None, Some(without_zeros(after)))).await
            }
            DryRun::Refused(refusal) => {
                let check = self.check(plan, refusal);
                self.change(plan, ChangeKind::Created, check, (None, Some(without_zeros(after))))
            }
            // The answer to an apply that creates has no resource version: nothing was stored.
            DryRun::Accepted(stored)
                if stored["metadata"]["resourceVersion"].as_str().unwrap_or_default().is_empty() =>
            {
                self.change(plan, ChangeKind::Created, Check::DryRun, (None, Some(stored)))
            }
            DryRun::Accepted(stored) => self.adopted(plan, after, stored).await,
        }
    }

    /// New in Git, and already in the cluster.
    async fn adopted(&self, plan: &ObjectPlan, after: &Value, mut stored: Value) -> Answer {
        match self.cluster.live(after).await {
            Ok(Some(live)) => {
                let removed = self.take_over(after, &mut stored).await;
                let mut answer =
                    self.change(plan, ChangeKind::Changed, Check::DryRun, (Some(live), Some(stored)));
                answer.change = answer.change.map(|change| self.taken_over(change, &removed));
                answer.note = Some(format!(
                    "`{}` is new in Git and already in the cluster: Flux takes it over.",
                    plan.id
                ));
                answer
            }
            Ok(None) => self.change(plan, ChangeKind::Created, Check::DryRun, (None, Some(stored))),
            Err(refusal) => {
                let check = self.check(plan, refusal);
                self.change(plan, ChangeKind::Changed, check, (None, Some(stored)))
            }
        }
    }
}
