//! What the API server makes of every object whose renders differ: `dryrun(result) - dryrun(base)`, and drift apart from it.

mod changed;
mod created;
mod drift;
mod gone;
mod refusals;

use domain::change::{Change, ChangeKind, Check};
use domain::mask::Mask;
use domain::plan::{Fate, ObjectPlan};
use domain::report::{Finding, KustomizationReport};
use flux::{Kustomization, without_zeros};
use futures::{FutureExt as _, StreamExt as _, stream};
use ports::Cluster;
use serde_json::Value;

use super::pair::Pair;
use super::target::Target;
use refusals::Brings;

/// Objects asked about at a time; the cluster's own adapter bounds its requests as well.
const AT_ONCE: usize = 8;

/// Compares all Kustomizations that are not identical, in their order.
pub(super) async fn all(
    pairs: &[Pair],
    cluster: Option<&dyn Cluster>,
    mask: &Mask,
) -> Vec<KustomizationReport> {
    let brings = Brings::of(pairs);
    let mut reports = Vec::new();
    for pair in pairs.iter().filter(|p| !p.identical) {
        reports.push(one(pair, cluster, mask, &brings).await);
    }
    reports
}

async fn one(
    pair: &Pair,
    cluster: Option<&dyn Cluster>,
    mask: &Mask,
    brings: &Brings,
) -> KustomizationReport {
    let kustomization = &pair.kustomization;
    let target = Target::of(kustomization, cluster);
    let mut notes: Vec<String> = pair.warnings.iter().map(|warning| mask.text(warning)).collect();
    let mut drift = Vec::new();
    let finding = match &pair.failure {
        Some((side, why)) => Finding::Failed { side: *side, error: mask.text(why) },
        None => {
            let asked = ask(pair, &target, mask, brings).await;
            let mut changes = Vec::new();
            for answer in asked {
                changes.extend(answer.change);
                drift.extend(answer.drift);
                notes.extend(answer.note.map(|note| mask.text(&note)));
            }
            Finding::Changes { changes }
        }
    };
    notes.extend(gone::stale(pair));
    KustomizationReport {
        name: kustomization.key.to_string(),
        path: kustomization.spec.path.clone(),
        presence: pair.presence,
        suspended: kustomization.spec.suspend,
        emptied: pair.emptied,
        finding,
        drift,
        notes,
        cluster: target.name(),
        render_check: None,
    }
}

#[derive(Default)]
struct Answer {
    change: Option<Change>,
    drift: Option<Change>,
    note: Option<String>,
}

async fn ask(pair: &Pair, target: &Target<'_>, mask: &Mask, brings: &Brings) -> Vec<Answer> {
    let Some(cluster) = target.cluster() else {
        let why = match target {
            Target::Unknown(why) => Some(why.as_str()),
            _ => None,
        };
        return pair.plans.iter().map(|plan| rendered_only(plan, mask, why)).collect();
    };
    let asker = Asker { cluster, mask, brings, kustomization: &pair.kustomization };
    // Boxed, because a closure that makes borrowing futures cannot be proved `Send` across tasks.
    let questions: Vec<_> = pair.plans.iter().map(|plan| asker.object(plan).boxed()).collect();
    stream::iter(questions).buffered(AT_ONCE).collect().await
}

fn rendered_only(plan: &ObjectPlan, mask: &Mask, why: Option<&str>) -> Answer {
    let kind = match plan.fate {
        Fate::Create => ChangeKind::Created,
        Fate::Change => ChangeKind::Changed,
        Fate::Delete => ChangeKind::Deleted,
        Fate::Orphan => ChangeKind::Orphaned,
    };
    let check = match why {
        Some(why) => Check::NotValidated { why: why.to_owned() },
        None => Check::RenderOnly,
    };
    let sides = (plan.before.as_ref().map(without_zeros), plan.after.as_ref().map(without_zeros));
    Answer { change: Some(Change::new(plan.id.clone(), kind, check, sides, mask)), ..Answer::default() }
}

struct Asker<'a> {
    cluster: &'a dyn Cluster,
    mask: &'a Mask,
    brings: &'a Brings,
    kustomization: &'a Kustomization,
}

impl Asker<'_> {
    async fn object(&self, plan: &ObjectPlan) -> Answer {
        match (&plan.before, &plan.after) {
            (None, Some(after)) => self.created(plan, after).await,
            (Some(before), Some(after)) => self.changed(plan, before, after).await,
            (Some(before), None) => self.gone(plan, before).await,
            (None, None) => Answer::default(),
        }
    }

    fn change(
        &self,
        plan: &ObjectPlan,
        kind: ChangeKind,
        check: Check,
        sides: (Option<Value>, Option<Value>),
    ) -> Answer {
        let change = Change::new(plan.id.clone(), kind, check, sides, self.mask);
        Answer { change: Some(change), ..Answer::default() }
    }
}
