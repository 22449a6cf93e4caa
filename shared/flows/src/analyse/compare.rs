//! What the API server makes of every object whose renders differ: `dryrun(result) - dryrun(base)`, and drift apart from it.

use std::collections::BTreeSet;

use domain::ObjectId;
use domain::change::{Change, ChangeKind, Check, comparable};
use domain::mask::Mask;
use domain::plan::{Fate, ObjectPlan};
use domain::report::{Finding, KustomizationReport};
use flux::{DriftIgnore, Kustomization, control};
use futures::{FutureExt as _, StreamExt as _, stream};
use ports::{Cluster, DryRun, Refusal};
use serde_json::Value;

use super::pair::Pair;

/// Objects asked about at a time; the cluster's own adapter bounds its requests as well.
const AT_ONCE: usize = 8;

const NO_RIGHTS_ON_SECRETS: &str =
    "the cluster identity has no rights on Secrets, on purpose, so Git's two sides are compared";

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

/// Namespaces and kinds that the pull request's own result brings, so that their contents cannot be asked about yet.
struct Brings {
    namespaces: BTreeSet<String>,
    kinds: BTreeSet<(String, String)>,
}

impl Brings {
    fn of(pairs: &[Pair]) -> Self {
        let objects = || pairs.iter().flat_map(|p| &p.brings);
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let namespaces = objects().filter(|o| o["kind"] == "Namespace" && o["apiVersion"] == "v1");
        let crds = objects().filter(|o| o["kind"] == "CustomResourceDefinition");
        Self {
            namespaces: namespaces.map(|o| text(&o["metadata"]["name"])).collect(),
            kinds: crds.map(|o| (text(&o["spec"]["group"]), text(&o["spec"]["names"]["kind"]))).collect(),
        }
    }
}

async fn one(
    pair: &Pair,
    cluster: Option<&dyn Cluster>,
    mask: &Mask,
    brings: &Brings,
) -> KustomizationReport {
    let kustomization = &pair.kustomization;
    let mut notes: Vec<String> = pair.warnings.iter().map(|warning| mask.text(warning)).collect();
    let mut drift = Vec::new();
    let finding = match &pair.failure {
        Some((side, why)) => Finding::Failed { side: *side, error: mask.text(why) },
        None => {
            let asked = ask(pair, cluster, mask, brings).await;
            let mut changes = Vec::new();
            for answer in asked {
                changes.extend(answer.change);
                drift.extend(answer.drift);
                notes.extend(answer.note.map(|note| mask.text(&note)));
            }
            Finding::Changes { changes }
        }
    };
    notes.extend(stale(pair));
    KustomizationReport {
        name: kustomization.key.to_string(),
        path: kustomization.spec.path.clone(),
        presence: pair.presence,
        suspended: kustomization.spec.suspend,
        finding,
        drift,
        notes,
    }
}

/// Objects that the cluster still has and that left Git before this pull request.
fn stale(pair: &Pair) -> Option<String> {
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

#[derive(Default)]
struct Answer {
    change: Option<Change>,
    drift: Option<Change>,
    note: Option<String>,
}

async fn ask(pair: &Pair, cluster: Option<&dyn Cluster>, mask: &Mask, brings: &Brings) -> Vec<Answer> {
    let Some(cluster) = cluster else {
        return pair.plans.iter().map(|plan| rendered_only(plan, mask, None)).collect();
    };
    if pair.kustomization.spec.kube_config.is_some() {
        let why = "its Kustomization applies to another cluster (`spec.kubeConfig`), which was not asked";
        return pair.plans.iter().map(|plan| rendered_only(plan, mask, Some(why))).collect();
    }
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
    let sides = (plan.before.clone(), plan.after.clone());
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

    async fn created(&self, plan: &ObjectPlan, after: &Value) -> Answer {
        if control::is_excluded(after) {
            return Answer {
                note: Some(format!("`{}` is new, and switched off by its own annotation.", plan.id)),
                ..Answer::default()
            };
        }
        match self.cluster.dry_run(after).await {
            DryRun::Refused(refusal) => {
                let check = self.check(&plan.id, refusal);
                self.change(plan, ChangeKind::Created, check, (None, Some(after.clone())))
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
    async fn adopted(&self, plan: &ObjectPlan, after: &Value, stored: Value) -> Answer {
        match self.cluster.live(after).await {
            Ok(Some(live)) => {
                let mut answer =
                    self.change(plan, ChangeKind::Changed, Check::DryRun, (Some(live), Some(stored)));
                answer.note = Some(format!(
                    "`{}` is new in Git and already in the cluster: Flux takes it over.",
                    plan.id
                ));
                answer
            }
            Ok(None) => self.change(plan, ChangeKind::Created, Check::DryRun, (None, Some(stored))),
            Err(refusal) => {
                let check = self.check(&plan.id, refusal);
                self.change(plan, ChangeKind::Changed, check, (None, Some(stored)))
            }
        }
    }

    async fn changed(&self, plan: &ObjectPlan, before: &Value, after: &Value) -> Answer {
        if control::is_excluded(after) {
            return Answer {
                note: Some(format!(
                    "`{}` changes in Git, and is switched off by its own annotation.",
                    plan.id
                )),
                ..Answer::default()
            };
        }
        let renders = || (Some(before.clone()), Some(after.clone()));
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

    /// Where the live object differs from what the base would make of it. A read that fails is no drift.
    async fn drift(
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

    async fn gone(&self, plan: &ObjectPlan, before: &Value) -> Answer {
        let sides = || (Some(before.clone()), None);
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

    /// What a refusal means for the reader of the report.
    fn check(&self, id: &ObjectId, refusal: Refusal) -> Check {
        let unknown = |why: String| Check::NotValidated { why };
        match refusal {
            Refusal::NamespaceMissing if self.brings.namespaces.contains(&id.namespace) => {
                unknown(format!("namespace `{}` comes with this pull request", id.namespace))
            }
            Refusal::NamespaceMissing => Check::Refused {
                why: format!("namespace `{}` does not exist, and nothing here creates it", id.namespace),
            },
            Refusal::KindMissing if self.brings.kinds.contains(&(id.group.clone(), id.kind.clone())) => {
                unknown(format!("the kind `{}` comes with this pull request", id.kind))
            }
            Refusal::KindMissing => Check::Refused {
                why: format!("the cluster does not know the kind `{}` of group `{}`", id.kind, id.group),
            },
            Refusal::Immutable(why) | Refusal::Invalid(why) => Check::Refused { why },
            Refusal::NoDryRun(why) => {
                unknown(format!("an admission webhook does not support dry-runs: {why}"))
            }
            Refusal::Forbidden(_) if id.is_secret() => unknown(NO_RIGHTS_ON_SECRETS.to_owned()),
            Refusal::Forbidden(why) => {
                unknown(format!("our cluster identity may not ask (grant it, see infra/cluster): {why}"))
            }
            Refusal::Unavailable(why) => unknown(format!("the API server did not answer: {why}")),
        }
    }
}
