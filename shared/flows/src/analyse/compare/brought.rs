//! What the pull request's own result brings and the cluster does not have yet: Namespaces, and definitions of kinds. Who waits for
//! them, whether Flux applies them first, and what a definition says of the objects that the API server cannot judge.

use std::collections::{BTreeMap, BTreeSet};

use domain::ObjectId;
use domain::change::{Change, Check};
use domain::mask::Mask;
use domain::plan::ObjectPlan;
use domain::report::Presence;
use flux::schema::{Definition, Judged};
use flux::{Kustomization, ObjectKey};
use ports::Refusal;
use serde_json::Value;

use super::Pair;

const CRD: &str = "CustomResourceDefinition";
/// Problems, or fields, that one sentence names.
const NAMED: usize = 5;

/// Group and kind.
type Kind = (String, String);

/// Everything that the result brings, by what it is.
pub(super) struct Brings<'a> {
    pairs: &'a [Pair],
    namespaces: BTreeMap<String, Vec<&'a Pair>>,
    definitions: BTreeMap<Kind, Vec<(&'a Pair, Definition<'a>)>>,
    /// The definitions that the pull request changes, as the base has them.
    earlier: BTreeMap<Kind, Definition<'a>>,
    /// Whom each Kustomization waits for: its dependencies, and its parent as long as it is not there itself.
    waits: BTreeMap<&'a ObjectKey, Vec<ObjectKey>>,
    new: BTreeSet<&'a ObjectKey>,
}

/// When something comes that an object waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum When<'a> {
    /// In an earlier stage of the same Kustomization.
    Same,
    /// With a Kustomization that Flux applies first.
    First(&'a ObjectKey),
    /// With one that nobody waits for.
    AnyTime(&'a ObjectKey),
    /// With one that is suspended.
    Never(&'a ObjectKey),
}

/// A definition that counts for an object in place of the one that the API server has, if it has one.
struct Found<'a> {
    definition: Definition<'a>,
    when: When<'a>,
    /// Whether the API server has another one, and judges by that.
    revised: bool,
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

impl<'a> Brings<'a> {
    pub(super) fn of(pairs: &'a [Pair]) -> Self {
        let mut all = Self {
            pairs,
            namespaces: BTreeMap::new(),
            definitions: BTreeMap::new(),
            earlier: BTreeMap::new(),
            waits: BTreeMap::new(),
            new: BTreeSet::new(),
        };
        for pair in pairs.iter().filter(|pair| pair.presence != Presence::Removed) {
            all.add(pair);
        }
        all.add_parents();
        all
    }

    fn add(&mut self, pair: &'a Pair) {
        let own = &pair.kustomization;
        if pair.presence == Presence::New {
            self.new.insert(&own.key);
        }
        self.waits.entry(&own.key).or_default().extend(own.spec.depends_on.iter().map(|d| d.key.clone()));
        // What is switched off does not come.
        for object in pair.brings.iter().filter(|object| !flux::control::is_excluded(object)) {
            if object["kind"] == "Namespace" && object["apiVersion"] == "v1" {
                self.namespaces.entry(text(&object["metadata"]["name"])).or_default().push(pair);
            } else if let Some(definition) = Definition::of(object) {
                self.definitions.entry(kind(&definition)).or_default().push((pair, definition));
            }
        }
        for plan in pair.plans.iter().filter(|plan| plan.id.kind == CRD) {
            if let (Some(before), Some(_)) = (plan.before.as_ref().and_then(Definition::of), &plan.after) {
                self.earlier.insert(kind(&before), before);
            }
        }
    }

    /// New Kustomizations are there when those that make them have applied everything else of an earlier stage.
    fn add_parents(&mut self) {
        for parent in self.pairs {
            for child in parent.brings.iter().filter_map(ObjectId::of) {
                let key = ObjectKey { namespace: child.namespace, name: child.name };
                let is = child.kind == "Kustomization" && child.group == "kustomize.toolkit.fluxcd.io";
                if let Some(own) = self.new.get(&key).copied().filter(|_| is) {
                    self.waits.entry(own).or_default().push(parent.kustomization.key.clone());
                }
            }
        }
    }

    /// When what `bringer` brings is there for `own`; `None` where it comes to another cluster.
    fn when(&self, own: &Kustomization, bringer: &'a Pair) -> Option<When<'a>> {
        let other = &bringer.kustomization;
        if own.spec.kube_config != other.spec.kube_config {
            return None;
        }
        Some(if own.key == other.key {
            When::Same
        } else if other.spec.suspend {
            When::Never(&other.key)
        } else if self.is_first(own, bringer) {
            When::First(&other.key)
        } else {
            When::AnyTime(&other.key)
        })
    }

    /// Whether one waits for the other, by whatever many steps. A dependency of another source may be ready at an older revision.
    fn is_first(&self, own: &Kustomization, bringer: &Pair) -> bool {
        let other = &bringer.kustomization;
        let fresh = bringer.presence == Presence::New || own.spec.source_ref == other.spec.source_ref;
        let (mut seen, mut next) = (BTreeSet::new(), vec![&own.key]);
        while let Some(key) = next.pop() {
            if seen.insert(key) {
                next.extend(self.waits.get(key).into_iter().flatten());
            }
        }
        fresh && seen.contains(&other.key)
    }

    fn namespace(&self, own: &Kustomization, name: &str) -> Option<When<'a>> {
        self.namespaces.get(name)?.iter().filter_map(|pair| self.when(own, pair)).min()
    }

    /// The definition of an object's kind that comes first.
    fn definition(&self, own: &Kustomization, id: &ObjectId) -> Option<(When<'a>, Definition<'a>)> {
        let all = self.definitions.get(&(id.group.clone(), id.kind.clone()))?;
        let found = all.iter().filter_map(|(pair, definition)| Some((self.when(own, pair)?, *definition)));
        found.min_by_key(|(when, _)| *when)
    }

    /// What counts for an object whose kind the pull request defines anew or otherwise; `absent` where the API server does not serve it.
    fn found(&self, own: &Kustomization, plan: &ObjectPlan, absent: bool) -> Option<Found<'a>> {
        let after = plan.after.as_ref()?;
        let (when, definition) = self.definition(own, &plan.id)?;
        let earlier = self.earlier.get(&kind(&definition));
        let version = version(after);
        let revised = earlier.is_some_and(|earlier| !earlier.agrees_with(&definition, version));
        (absent || revised).then_some(Found { definition, when, revised: revised && !absent })
    }

    /// What a refusal means where it may be for want of what the pull request brings.
    pub(super) fn check(&self, own: &Kustomization, plan: &ObjectPlan, refusal: &Refusal) -> Option<Check> {
        match refusal {
            Refusal::NamespaceMissing => {
                let when = self.namespace(own, &plan.id.namespace)?;
                Some(waiting(&format!("namespace `{}`", plan.id.namespace), when, ""))
            }
            Refusal::KindMissing => {
                let found = self.found(own, plan, true)?;
                let judged = judge(&found, plan);
                let what = format!("the CRD of kind `{}` of group `{}`", plan.id.kind, plan.id.group);
                let accepted = || waiting(&what, found.when, "; that CRD accepts it");
                Some(refused(&judged, &plan.id).unwrap_or_else(accepted))
            }
            Refusal::Invalid(why) | Refusal::Unprocessable(why) => {
                let found = self.found(own, plan, false)?;
                let outdated = || Check::NotValidated {
                    why: format!(
                        "its CRD changes in this pull request and accepts it; the API server, which still has the old one, does not: {why}"
                    ),
                };
                Some(refused(&judge(&found, plan), &plan.id).unwrap_or_else(outdated))
            }
            _ => None,
        }
    }

    /// Whether the API server refuses an object by a definition that the pull request changes.
    pub(super) fn is_outdated(&self, own: &Kustomization, plan: &ObjectPlan, refusal: &Refusal) -> bool {
        matches!(refusal, Refusal::Invalid(_) | Refusal::Unprocessable(_))
            && self.found(own, plan, false).is_some()
    }

    /// A change with what its definition in the pull request says of it.
    pub(super) fn defined(
        &self,
        own: &Kustomization,
        plan: &ObjectPlan,
        mut change: Change,
        mask: &Mask,
    ) -> Change {
        let waits =
            matches!(&change.check, Check::NotValidated { why } if why.starts_with("it waits for the CRD"));
        let Some(found) = self.found(own, plan, waits) else { return change };
        let judged = judge(&found, plan);
        if let (Check::DryRun, Some(Check::Refused { why })) = (&change.check, refused(&judged, &plan.id)) {
            change.check = Check::Refused { why: mask.text(&why) };
        }
        if !judged.problems.is_empty() {
            return change;
        }
        if found.revised && change.check == Check::DryRun {
            let known = "its CRD changes in this pull request: the API server judged it by the old one, and the new one accepts it too";
            change = change.remarked(known, mask);
        }
        if let When::AnyTime(key) = found.when
            && found.revised
        {
            let early = format!(
                "Kustomization `{key}` brings that CRD without being waited for: it may be judged by the old one at first"
            );
            change = change.remarked(&early, mask);
        }
        for remark in judged_remarks(&judged) {
            change = change.remarked(&remark, mask);
        }
        change
    }

    /// A change that nobody asks a cluster about, with what the definition in Git says of it.
    pub(super) fn read(&self, own: &Kustomization, plan: &ObjectPlan, change: Change, mask: &Mask) -> Change {
        let Some((after, (_, definition))) = plan.after.as_ref().zip(self.definition(own, &plan.id)) else {
            return change;
        };
        match refused(&definition.judge(after, plan.before.as_ref()), &plan.id) {
            Some(Check::Refused { why }) => change.remarked(&why, mask),
            _ => change,
        }
    }

    /// What stops working though nobody touches it: objects of versions that a definition serves no more. Those that change say it
    /// themselves.
    pub(super) fn unserved(&self, pair: &Pair) -> Vec<String> {
        let changed =
            pair.plans.iter().filter(|plan| plan.id.kind == CRD).filter_map(|plan| plan.after.as_ref());
        let own: BTreeSet<&ObjectId> =
            self.pairs.iter().flat_map(|pair| &pair.plans).map(|plan| &plan.id).collect();
        let mut notes = Vec::new();
        for definition in changed.filter_map(Definition::of) {
            let (group, kind) = kind(&definition);
            let users = self
                .pairs
                .iter()
                .filter(|user| user.kustomization.spec.kube_config == pair.kustomization.spec.kube_config);
            let left = users.flat_map(|user| &user.brings).filter(|object| {
                let id = ObjectId::of(object);
                id.is_some_and(|id| (&id.group, &id.kind) == (&group, &kind) && !own.contains(&id))
                    && !definition.serves(version(object))
            });
            let left: BTreeSet<(String, String)> = left
                .filter_map(|object| Some((version(object).to_owned(), ObjectId::of(object)?.to_string())))
                .collect();
            if left.is_empty() {
                continue;
            }
            let names: Vec<String> =
                left.iter().take(NAMED).map(|(version, id)| format!("`{id}` ({version})")).collect();
            let more = left.len().saturating_sub(NAMED);
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            notes.push(format!(
                "The CRD of kind `{kind}` of group `{group}` does not serve the version that Git writes here, so Flux will fail on: {}{more}.",
                names.join(", ")
            ));
        }
        notes
    }
}

fn kind(definition: &Definition<'_>) -> Kind {
    let (group, kind) = definition.kind();
    (group.to_owned(), kind.to_owned())
}

fn version(object: &Value) -> &str {
    object["apiVersion"]
        .as_str()
        .and_then(|version| version.rsplit_once('/'))
        .map_or("", |(_, version)| version)
}

fn judge(found: &Found<'_>, plan: &ObjectPlan) -> Judged {
    let after = plan.after.as_ref().unwrap_or(&Value::Null);
    let before = plan.before.as_ref().filter(|_| found.revised);
    found.definition.judge(after, before)
}

/// That something is waited for; `accepted` ends the sentence where it is known that the object will do.
fn waiting(what: &str, when: When<'_>, accepted: &str) -> Check {
    match when {
        When::Same => Check::NotValidated {
            why: format!("it waits for {what}, which comes with this pull request{accepted}"),
        },
        When::First(key) => Check::NotValidated {
            why: format!("it waits for {what}, which Kustomization `{key}` brings first{accepted}"),
        },
        When::AnyTime(key) => Check::NotValidated {
            why: format!(
                "it waits for {what}, which Kustomization `{key}` brings without being waited for (no `spec.dependsOn`): \
                 it may fail until then, and Flux tries again{accepted}"
            ),
        },
        When::Never(key) => Check::Refused {
            why: format!(
                "it waits for {what}, which Kustomization `{key}` would bring, and that one is suspended"
            ),
        },
    }
}

fn refused(judged: &Judged, id: &ObjectId) -> Option<Check> {
    let mut problems: Vec<String> = judged.problems.iter().take(NAMED).map(ToString::to_string).collect();
    let more = judged.more + judged.problems.len().saturating_sub(NAMED);
    if more > 0 {
        problems.push(format!("{more} more"));
    }
    (!problems.is_empty()).then(|| Check::Refused {
        why: format!(
            "the CRD of kind `{}` in this pull request refuses it: {}",
            id.kind,
            problems.join("; ")
        ),
    })
}

fn judged_remarks(judged: &Judged) -> Vec<String> {
    let mut remarks = Vec::new();
    if !judged.dropped.is_empty() {
        let names: Vec<String> = judged.dropped.iter().take(NAMED).map(|path| format!("`{path}`")).collect();
        let more = judged.dropped.len().saturating_sub(NAMED);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        remarks.push(format!(
            "that CRD does not know {}{more}, and the API server drops it without a word",
            names.join(", ")
        ));
    }
    if !judged.skipped.is_empty() {
        remarks.push(format!("not evaluated of that CRD: {}", judged.skipped.join(", ")));
    }
    remarks
}
