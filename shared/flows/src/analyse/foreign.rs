//! Kustomizations that are rendered here and fed from elsewhere, or that cannot be read: what the pull request does to them is
//! named, for nobody here can tell what follows from it.

use std::collections::BTreeSet;

use domain::report::Unresolved;
use flux::{Kustomization, ObjectKey};
use serde_json::Value;

use super::render::{Foreign, Side};

/// Those that the pull request touches; and among them those of which one side is rendered and must not be taken for new or
/// removed: it moves them to or away from this repository, or makes them unreadable.
pub(super) fn touched(base: &Side, result: &Side) -> (Vec<Unresolved>, BTreeSet<ObjectKey>) {
    let (mut unresolved, mut moved) = (Vec::new(), BTreeSet::new());
    let keys: BTreeSet<&ObjectKey> = base.foreign.keys().chain(result.foreign.keys()).collect();
    for key in keys {
        let (here_before, here_after) = (base.nodes.contains_key(key), result.nodes.contains_key(key));
        let why = match (base.foreign.get(key), result.foreign.get(key)) {
            (Some(old), Some(new)) => changed(base, result, old, new),
            (None, Some(new)) if here_before => {
                Some(format!("the pull request moves it away from here: {}", new.why))
            }
            (Some(old), None) if here_after => Some(format!(
                "the pull request moves it here, and what it held before is not known: {}",
                old.why
            )),
            (None, Some(new)) => Some(format!("the pull request brings it, and {}", new.why)),
            (Some(old), None) => {
                Some(format!("the pull request removes it, and what it applied with it: {}", old.why))
            }
            (None, None) => None,
        };
        if here_before || here_after {
            moved.insert(key.clone());
        }
        unresolved.extend(why.map(|why| Unresolved { name: key.to_string(), why }));
    }
    for (key, from) in left_behind(base, result) {
        let why = format!(
            "Kustomization `{from}`, which brings it, moves away from here with this pull request, and what it will bring is not known"
        );
        unresolved.push(Unresolved { name: key.to_string(), why });
        moved.insert(key);
    }
    for (key, why) in &result.unreadable {
        unresolved.push(Unresolved { name: key.to_string(), why: why.clone() });
        moved.insert(key.clone());
    }
    (unresolved, moved)
}

/// Kustomizations that are not rendered any more because whoever renders them moved away, with that one.
fn left_behind(base: &Side, result: &Side) -> Vec<(ObjectKey, ObjectKey)> {
    let parents = base.parents();
    let away = |key: &ObjectKey| base.nodes.contains_key(key) && result.foreign.contains_key(key);
    let there = |key: &ObjectKey| {
        result.nodes.contains_key(key)
            || result.foreign.contains_key(key)
            || result.unreadable.contains_key(key)
    };
    let above = |key: &ObjectKey| {
        let (mut seen, mut next) = (BTreeSet::new(), vec![key]);
        while let Some(key) = next.pop() {
            if away(key) {
                return Some(key.clone());
            }
            // Whoever is still there decides itself what it brings.
            if seen.insert(key) && !result.nodes.contains_key(key) {
                next.extend(parents.get(key).into_iter().flatten());
            }
        }
        None
    };
    let gone = base.nodes.keys().filter(|key| !there(key));
    gone.filter_map(|key| Some((key.clone(), above(key)?))).collect()
}

fn changed(base: &Side, result: &Side, old: &Foreign, new: &Foreign) -> Option<String> {
    if old.kustomization.spec != new.kustomization.spec {
        return Some(format!("the pull request changes its spec, and {}", new.why));
    }
    let differs = source(base, &old.kustomization) != source(result, &new.kustomization);
    differs.then(|| format!("the pull request changes its source, and {}", new.why))
}

/// The source's own object, where it is rendered too.
fn source<'a>(side: &'a Side, kustomization: &Kustomization) -> Option<&'a Value> {
    let reference = &kustomization.spec.source_ref;
    side.objects().find(|object| {
        object["kind"] == reference.kind.as_str()
            && object["metadata"]["name"] == reference.name.as_str()
            && object["metadata"]["namespace"] == reference.namespace.as_str()
    })
}
