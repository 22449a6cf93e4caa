//! What the API server makes of every object whose renders differ: `dryrun(result) - dryrun(base)`, and drift apart from it,
//! which the objects that nobody changes may have as well.

mod ahead;
mod brought;
mod changed;
mod created;
mod drift;
mod forced;
mod fresh;
mod gone;
mod held;
mod in_time;
mod makers;
mod refusals;
mod renamed;
mod steered;
mod written;

use std::collections::{BTreeMap, BTreeSet};

use domain::change::{Change, ChangeKind, Check};
use domain::mask::Mask;
use domain::plan::{Fate, ObjectPlan};
use domain::report::{Finding, KustomizationReport};
use domain::{Drift, ObjectId};
use flux::{Kustomization, without_zeros};
use futures::{FutureExt as _, StreamExt as _, stream};
use ports::Cluster;
use serde_json::Value;

use super::pair::Pair;
use super::target::Target;
use ahead::Ahead;
use brought::Brings;
use drift::Unseen;
use in_time::InTime;
pub(super) use in_time::Time;

/// Kustomizations compared at a time, and objects asked about of each; the cluster's own adapter bounds its requests as well.
const AT_ONCE: usize = 8;

/// How everything is compared.
#[derive(Clone, Copy)]
pub(super) struct How<'a> {
    /// What must not be shown.
    pub(super) mask: &'a Mask,
    /// Whose drift is looked for.
    pub(super) drift: Drift,
    /// How long.
    pub(super) time: &'a Time,
    /// The field managers whose fields the controller takes over besides those it always does.
    pub(super) overridden: &'a [String],
    /// The service account that the controller acts as for Kustomizations that name none.
    pub(super) default_account: Option<&'a str>,
}

/// Compares all Kustomizations that are not identical, in their order.
pub(super) async fn all(
    pairs: &[Pair],
    cluster: Option<&dyn Cluster>,
    how: How<'_>,
) -> Vec<KustomizationReport> {
    let brings = Brings::of(pairs);
    let mut targets = Vec::new();
    for pair in pairs.iter().filter(|p| !p.identical) {
        targets.push((pair, Target::of(&pair.kustomization, cluster, how.default_account).await));
    }
    let mut reports = Vec::new();
    for batch in ahead::batches(targets, how.drift) {
        let known = ahead::all(&batch, how).await;
        let questions: Vec<_> =
            batch.iter().map(|(pair, target)| one(pair, target, &known, &brings, how).boxed()).collect();
        reports.extend(stream::iter(questions).buffered(AT_ONCE).collect::<Vec<_>>().await);
    }
    reports
}

async fn one(
    pair: &Pair,
    target: &Target<'_>,
    known: &BTreeMap<String, Ahead>,
    brings: &Brings<'_>,
    how: How<'_>,
) -> KustomizationReport {
    let (kustomization, mask) = (&pair.kustomization, how.mask);
    let mut notes: Vec<String> = pair.warnings.iter().map(|warning| mask.text(warning)).collect();
    let mut drift = Vec::new();
    let finding = match &pair.failure {
        Some((side, failure)) => {
            Finding::Failed { side: *side, error: mask.text(&failure.why), unknown: failure.unknown }
        }
        None => {
            let asked = ask(pair, target, known, brings, how).await;
            let (mut changes, mut unseen) = (Vec::new(), Vec::new());
            for answer in asked {
                changes.extend(answer.change);
                drift.extend(answer.drift);
                notes.extend(answer.note.map(|note| mask.text(&note)));
                unseen.extend(answer.unseen);
            }
            notes.extend(drift::unseen(&unseen).iter().map(|note| mask.text(note)));
            renamed::remark(&mut changes);
            notes.extend(held::note(pair, &changes).map(|note| mask.text(&note)));
            notes.extend(brings.unserved(pair).iter().map(|note| mask.text(note)));
            notes.extend(makers::notes(&changes).map(|note| mask.text(&note)));
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
    unseen: Option<Unseen>,
}

const CIPHERTEXT: &str = "it is encrypted, so the API server cannot be asked";

/// Objects that stay encrypted are nothing to ask the API server about.
fn stays_encrypted(pair: &Pair, plan: &ObjectPlan) -> bool {
    let decrypts = pair.kustomization.spec.decryption.is_some();
    decrypts && [&plan.before, &plan.after].into_iter().flatten().any(flux::is_ciphertext)
}

fn encrypted(plan: &ObjectPlan, mask: &Mask, why: Option<&str>) -> Answer {
    let mut answer = rendered_only(plan, mask, why);
    let (Some(before), Some(after)) = (&plan.before, &plan.after) else { return answer };
    if flux::is_rotated(before, after) {
        answer.note = Some(format!(
            "The data key of `{}` was replaced, so which of its values changed cannot be told.",
            plan.id
        ));
    } else if answer.change.as_ref().is_some_and(|change| change.fields().is_empty()) {
        let note = format!("`{}` is encrypted for other keys, and its values stay as they are.", plan.id);
        answer = Answer { note: Some(note), ..Answer::default() };
    }
    answer
}

/// The objects that both sides render alike, but for those that nobody can be asked about.
fn unchanged(pair: &Pair) -> impl Iterator<Item = &Value> {
    let decrypts = pair.kustomization.spec.decryption.is_some();
    pair.unchanged.iter().filter(move |object| !(decrypts && flux::is_ciphertext(object)))
}

async fn ask(
    pair: &Pair,
    target: &Target<'_>,
    known: &BTreeMap<String, Ahead>,
    brings: &Brings<'_>,
    how: How<'_>,
) -> Vec<Answer> {
    let How { mask, drift: look, time, overridden, .. } = how;
    let Some(cluster) = target.cluster() else {
        let why = match target {
            Target::Unknown(why) => Some(why.as_str()),
            _ => None,
        };
        let read = |plan, change| brings.read(&pair.kustomization, plan, change, mask);
        let only = |plan| match stays_encrypted(pair, plan) {
            true => encrypted(plan, mask, why),
            false => {
                let answer = rendered_only(plan, mask, why);
                Answer { change: answer.change.map(|change| read(plan, change)), ..answer }
            }
        };
        return pair.plans.iter().map(only).collect();
    };
    let rendered = pair.brings.iter().filter_map(ObjectId::of).collect();
    let nothing = Ahead::default();
    let cluster = InTime {
        cluster,
        time,
        ahead: known.get(cluster.name()).unwrap_or(&nothing),
        account: target.account(),
    };
    let asker =
        Asker { cluster, mask, brings, kustomization: &pair.kustomization, look, overridden, rendered };
    // Boxed, because a closure that makes borrowing futures cannot be proved `Send` across tasks.
    let ask = |plan| match stays_encrypted(pair, plan) {
        true => std::future::ready(vec![encrypted(plan, mask, Some(CIPHERTEXT))]).boxed(),
        false => asker.object(plan).boxed(),
    };
    let mut questions: Vec<_> = pair.plans.iter().map(ask).collect();
    if look == Drift::Affected {
        questions.extend(unchanged(pair).map(|object| asker.unchanged(object).boxed()));
    }
    let answers: Vec<Vec<Answer>> = stream::iter(questions).buffered(AT_ONCE).collect().await;
    answers.into_iter().flatten().collect()
}

fn rendered_only(plan: &ObjectPlan, mask: &Mask, why: Option<&str>) -> Answer {
    if let Some(answer) = steered::switched_off(plan) {
        return answer;
    }
    let kind = match plan.fate {
        Fate::Create => ChangeKind::Created,
        Fate::Change => ChangeKind::Changed,
        Fate::Delete => ChangeKind::Deleted,
        Fate::Orphan => ChangeKind::Orphaned,
        Fate::Move => gone::moved(plan),
        Fate::Rename => ChangeKind::Renamed,
    };
    let check = match why {
        Some(why) => Check::NotValidated { why: why.to_owned() },
        None => Check::RenderOnly,
    };
    let sides = (plan.before.as_ref().map(without_zeros), plan.after.as_ref().map(without_zeros));
    let sides = flux::conceal(sides.0, sides.1);
    let mut change = Change::new(plan.id.clone(), kind, check, sides, mask);
    if plan.fate == Fate::Rename {
        change.renamed_from = plan.before.as_ref().and_then(ObjectId::of);
    }
    let change = steered::maybe(plan, change, mask);
    Answer { change: Some(gone::with_moves(change, plan, mask)), ..Answer::default() }
}

struct Asker<'a> {
    cluster: InTime<'a>,
    mask: &'a Mask,
    brings: &'a Brings<'a>,
    kustomization: &'a Kustomization,
    look: Drift,
    overridden: &'a [String],
    /// Every object of the result.
    rendered: BTreeSet<ObjectId>,
}

impl Asker<'_> {
    async fn object(&self, plan: &ObjectPlan) -> Vec<Answer> {
        let mut answer = match (&plan.before, &plan.after) {
            (Some(before), Some(after)) if plan.fate == Fate::Rename => {
                return self.renamed(plan, before, after).await;
            }
            (before, Some(after)) => match (self.steered(plan, before.as_ref(), after).await, before) {
                (Some(answer), _) => answer,
                (None, None) => self.created(plan, after).await,
                (None, Some(before)) => self.changed(plan, before, after).await,
            },
            (before, None) => self.gone(plan, before.as_ref()).await,
        };
        answer = self.unless_switched_off(plan, answer).await;
        let defined = |change| self.brings.defined(self.kustomization, plan, change, self.mask);
        if let Some(after) = &plan.after {
            answer.change = answer.change.map(|change| self.unrehearsed(&plan.id, after, change));
        }
        answer.change = answer.change.map(|change| gone::with_moves(defined(change), plan, self.mask));
        vec![answer]
    }

    fn change(
        &self,
        plan: &ObjectPlan,
        kind: ChangeKind,
        check: Check,
        sides: (Option<Value>, Option<Value>),
    ) -> Answer {
        let sides = flux::conceal(sides.0, sides.1);
        let change = Change::new(plan.id.clone(), kind, check, sides, self.mask);
        Answer { change: Some(change), ..Answer::default() }
    }
}
