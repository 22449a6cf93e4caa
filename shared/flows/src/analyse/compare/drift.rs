//! Drift, `live - dryrun(base)`: what somebody or something else did to an object. It is not the pull request's doing.
//!
//! As in the controller, labels, annotations and everything outside of metadata and status count, and the paths of `spec.ignore`
//! do not. A read that fails is no drift, and neither is an object that is not there: both are said.

use domain::change::{Change, ChangeKind, Check, comparable, join, same_but_for_repeats};
use domain::{Drift, ObjectId};
use flux::{DriftIgnore, control};
use ports::DryRun;
use serde_json::Value;

use super::refusals::unanswered;
use super::steered::is_skipped;
use super::{Answer, Asker, gone};

/// Objects named in one sentence.
const NAMED: usize = 10;

/// An object whose drift is not known.
pub(super) enum Unseen {
    /// It is not in the cluster.
    Missing(ObjectId),
    /// It could not be read or judged, and why.
    Unknown(ObjectId, String),
}

impl Asker<'_> {
    /// The drift of an object that both sides render alike.
    pub(super) async fn unchanged(&self, before: &Value) -> Vec<Answer> {
        let Some(id) = ObjectId::of(before) else { return Vec::new() };
        vec![self.drift(&id, before, None).await]
    }

    /// Where the live object differs from what the base would make of it: `old`, if that is known already.
    pub(super) async fn drift(&self, id: &ObjectId, before: &Value, old: Option<Value>) -> Answer {
        let unseen = |unseen| Answer { unseen: Some(unseen), ..Answer::default() };
        if self.look == Drift::Off || control::is_excluded(before) {
            return Answer::default();
        }
        let live = match self.cluster.live(before).await {
            // What the controller does not apply to an object that is there, it does not find drifted either.
            Ok(Some(_)) if is_skipped(before) => return Answer::default(),
            Ok(Some(live)) if control::is_excluded(&live) => return Answer::default(),
            Ok(Some(live)) => live,
            Ok(None) => return unseen(Unseen::Missing(id.clone())),
            Err(refusal) => return unseen(Unseen::Unknown(id.clone(), unanswered(refusal))),
        };
        let old = match old {
            Some(old) => old,
            None if flux::settles(before, &live) => return Answer::default(),
            None => match self.cluster.dry_run(before).await {
                DryRun::Accepted(old) => old,
                DryRun::Refused(refusal) => return unseen(Unseen::Unknown(id.clone(), unanswered(refusal))),
            },
        };
        match self.cluster.live_with(before, live, &old).await {
            Ok(Some(live)) => {
                let drift = self.drifted(id, live, old);
                let drift = drift.map(|drift| self.unrehearsed(id, before, drift));
                Answer { drift, ..Answer::default() }
            }
            Ok(None) => unseen(Unseen::Missing(id.clone())),
            Err(refusal) => unseen(Unseen::Unknown(id.clone(), unanswered(refusal))),
        }
    }

    fn drifted(&self, id: &ObjectId, mut live: Value, mut old: Value) -> Option<Change> {
        let other = gone::owner(&live).filter(|owner| *owner != self.kustomization.key.to_string());
        for path in self.ignored(&old) {
            DriftIgnore::remove(&[&path], &mut old);
            DriftIgnore::remove(&[&path], &mut live);
        }
        let (old, live) = (compared(old), compared(live));
        if old == live || same_but_for_repeats(&old, &live) {
            return None;
        }
        let sides = (Some(old), Some(live));
        let change = Change::new(id.clone(), ChangeKind::Changed, Check::DryRun, sides, self.mask);
        Some(match other {
            Some(owner) => {
                let remark = format!(
                    "In the cluster it carries the labels of Kustomization `{owner}`, which applied it last"
                );
                change.remarked(&remark, self.mask)
            }
            None => change,
        })
    }

    /// The paths of `spec.ignore` that count for an object; ask it of what a dry-run gave. Rules that cannot be read make the
    /// controller fail, and then nothing is ignored.
    fn ignored(&self, dry_run: &Value) -> Vec<String> {
        let rules = DriftIgnore::of(self.kustomization).unwrap_or_default();
        rules.paths(dry_run).into_iter().map(str::to_owned).collect()
    }

    /// Takes out what Git changes in vain: of an ignored path that differs from the live object the controller applies the live
    /// value, or none where somebody else applies one. Gives these paths, as a person reads them.
    pub(super) fn without_ignored(&self, old: &mut Value, new: &mut Value) -> Vec<String> {
        let mut vain = Vec::new();
        for path in self.ignored(new) {
            if old.pointer(&path) != new.pointer(&path) {
                vain.push(readable(&path));
            }
            DriftIgnore::remove(&[&path], old);
            DriftIgnore::remove(&[&path], new);
        }
        vain
    }
}

/// An object without what is no drift: of its metadata only labels and annotations count.
fn compared(object: Value) -> Value {
    let mut object = comparable(object);
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.retain(|key, value| match key.as_str() {
            "name" | "namespace" => true,
            "labels" | "annotations" => value.as_object().is_some_and(|all| !all.is_empty()),
            _ => false,
        });
    }
    object
}

fn readable(pointer: &str) -> String {
    let parts = pointer.split('/').skip(1).map(|part| part.replace("~1", "/").replace("~0", "~"));
    parts.fold(String::new(), |path, part| match part.parse::<usize>() {
        Ok(index) => format!("{path}[{index}]"),
        Err(_) => join(&path, &part),
    })
}

/// Sentences about the objects whose drift is not known: one for those that are not there, and one for each reason.
pub(super) fn unseen(all: &[Unseen]) -> Vec<String> {
    let (mut missing, mut unknown) = (Vec::new(), Vec::<(String, Vec<&ObjectId>)>::new());
    for one in all {
        match one {
            Unseen::Missing(id) => missing.push(id),
            Unseen::Unknown(id, why) => {
                // Reasons name their objects; two of the same kind and place are one to a reader.
                let why = why.replace(&format!("\"{}\"", id.name), "…");
                match unknown.iter_mut().find(|(known, _)| *known == why) {
                    Some((_, ids)) => ids.push(id),
                    None => unknown.push((why, vec![id])),
                }
            }
        }
    }
    let mut notes = Vec::new();
    if !missing.is_empty() {
        notes.push(format!(
            "In Git and not in the cluster, so Flux creates it if nothing refuses that: {}.",
            list(&missing)
        ));
    }
    notes.extend(unknown.iter().map(|(why, ids)| {
        format!("Whether it drifted is not known, for it could not be read or judged: {} ({why}).", list(ids))
    }));
    notes
}

fn list(ids: &[&ObjectId]) -> String {
    let names: Vec<String> = ids.iter().take(NAMED).map(|id| format!("`{id}`")).collect();
    match ids.len().saturating_sub(NAMED) {
        0 => names.join(", "),
        more => format!("{} and {more} more", names.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn only_what_the_controller_compares_is_drift() {
        let live = json!({"metadata": {"name": "a", "finalizers": ["x"], "ownerReferences": [1], "generation": 2, "labels": {}}, "status": 1, "spec": 1});
        assert_eq!(compared(live), json!({"metadata": {"name": "a"}, "spec": 1}));
    }

    #[test]
    fn what_is_not_known_is_said_once_for_each_reason() {
        let id = |name: &str| ObjectId {
            group: String::new(),
            kind: "Secret".to_owned(),
            namespace: "a".to_owned(),
            name: name.to_owned(),
        };
        let denied = |name: &str| Unseen::Unknown(id(name), format!("secrets \"{name}\" is forbidden"));
        let mut all: Vec<Unseen> = (0..12).map(|i| denied(&format!("s{i}"))).collect();
        all.push(Unseen::Missing(id("m")));
        let notes = unseen(&all);
        assert_eq!(
            notes[0],
            "In Git and not in the cluster, so Flux creates it if nothing refuses that: `Secret/a/m`."
        );
        assert!(notes[1].ends_with("`Secret/a/s9` and 2 more (secrets … is forbidden)."), "{}", notes[1]);
        assert_eq!(notes.len(), 2);
    }

    #[test]
    fn pointers_read_as_paths() {
        assert_eq!(readable("/spec/containers/0/a~1b"), "spec.containers[0][\"a/b\"]");
    }
}
