//! Drift, `live - dryrun(base)`: what somebody or something else did to an object. It is not the pull request's doing.

use domain::change::{Change, ChangeKind, Check, comparable};
use domain::plan::ObjectPlan;
use flux::DriftIgnore;
use serde_json::Value;

use super::Asker;

impl Asker<'_> {
    /// Where the live object differs from what the base would make of it. A read that fails is no drift.
    pub(super) async fn drift(
        &self,
        plan: &ObjectPlan,
        before: &Value,
        old: Value,
    ) -> Result<Option<Change>, Option<String>> {
        let (mut live, mut old) = match self.cluster.live(before).await {
            Ok(Some(live)) => (live, old),
            Ok(None) => {
                return Err(Some(format!(
                    "`{}` is in Git and not in the cluster; Flux will create it.",
                    plan.id
                )));
            }
            Err(_) => {
                return Err(Some(format!(
                    "`{}` could not be read in the cluster, so its drift is not known.",
                    plan.id
                )));
            }
        };
        if let Ok(ignore) = DriftIgnore::of(self.kustomization) {
            let paths = ignore.paths(&old);
            let paths: Vec<String> = paths.into_iter().map(str::to_owned).collect();
            let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
            DriftIgnore::remove(&paths, &mut old);
            DriftIgnore::remove(&paths, &mut live);
        }
        if comparable(live.clone()) == comparable(old.clone()) {
            return Ok(None);
        }
        let sides = (Some(old), Some(live));
        Ok(Some(Change::new(plan.id.clone(), ChangeKind::Changed, Check::DryRun, sides, self.mask)))
    }
}
