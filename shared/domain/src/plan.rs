//! Two renders and an inventory to the list of objects that need a look, each with its fate.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::object::ObjectId;

/// What will become of an object whose renders differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// In the result only.
    Create,
    /// In both, differently.
    Change,
    /// In the base only, and the controller prunes it.
    Delete,
    /// In the base only, and the controller leaves it where it is.
    Orphan,
}

/// One object whose renders differ.
#[derive(Debug, Clone, PartialEq)]
pub struct ObjectPlan {
    /// Which object.
    pub id: ObjectId,
    /// What becomes of it.
    pub fate: Fate,
    /// Its render at the base.
    pub before: Option<Value>,
    /// Its render at the result.
    pub after: Option<Value>,
}

/// What the plan needs to know of a Kustomization besides its renders.
#[derive(Debug, Clone, Default)]
pub struct Pruning {
    /// `spec.prune`.
    pub enabled: bool,
    /// Objects rendered by any other Kustomization at the result: the controller hands these over and does not delete them.
    pub elsewhere: BTreeSet<ObjectId>,
}

/// Pairs the objects of both renders and keeps those that differ: first the result's, in its order, then what is gone, in the base's order.
pub fn objects(base: &[Value], result: &[Value], pruning: &Pruning) -> Vec<ObjectPlan> {
    let mut before: BTreeMap<ObjectId, &Value> =
        base.iter().filter_map(|o| Some((ObjectId::of(o)?, o))).collect();
    let mut plans = Vec::new();
    for object in result {
        let Some(id) = ObjectId::of(object) else { continue };
        let old = before.remove(&id);
        if old == Some(object) {
            continue;
        }
        let fate = if old.is_some() { Fate::Change } else { Fate::Create };
        plans.push(ObjectPlan { id, fate, before: old.cloned(), after: Some(object.clone()) });
    }
    for object in base {
        let Some(id) = ObjectId::of(object).filter(|id| before.remove(id).is_some()) else { continue };
        if pruning.elsewhere.contains(&id) {
            continue;
        }
        let fate = if pruning.enabled && !keeps(object) { Fate::Delete } else { Fate::Orphan };
        plans.push(ObjectPlan { id, fate, before: Some(object.clone()), after: None });
    }
    plans
}

/// Whether the controller's own switches (label or annotation, any case) keep an object from being pruned.
/// Source: kustomize-controller, prune exclusions.
fn keeps(object: &Value) -> bool {
    let says = |key: &str, wanted: &str| {
        ["labels", "annotations"].iter().any(|place| {
            object["metadata"][*place]
                .get(format!("kustomize.toolkit.fluxcd.io/{key}"))
                .and_then(Value::as_str)
                .is_some_and(|value| value.eq_ignore_ascii_case(wanted))
        })
    };
    says("prune", "disabled") || says("reconcile", "disabled") || says("ssa", "ignore")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn object(name: &str, n: u64) -> Value {
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": "a"}, "data": n})
    }

    fn check(base: &[Value], result: &[Value], pruning: &Pruning, expected: &[&str]) {
        let got: Vec<String> =
            objects(base, result, pruning).iter().map(|p| format!("{:?} {}", p.fate, p.id.name)).collect();
        assert_eq!(got, expected);
    }

    #[test]
    fn renders_are_paired_by_identity() {
        let prune = Pruning { enabled: true, ..Pruning::default() };
        let base = [object("same", 1), object("moves", 1), object("gone", 1)];
        let result = [object("moves", 2), object("same", 1), object("new", 1)];
        check(&base, &result, &prune, &["Change moves", "Create new", "Delete gone"]);
        check(&base, &result, &Pruning::default(), &["Change moves", "Create new", "Orphan gone"]);
    }

    #[test]
    fn what_the_controller_keeps_is_not_called_deleted() {
        let mut kept = object("kept", 1);
        kept["metadata"]["annotations"] = json!({"kustomize.toolkit.fluxcd.io/prune": "Disabled"});
        let prune = Pruning { enabled: true, ..Pruning::default() };
        check(&[kept], &[], &prune, &["Orphan kept"]);
        let moved = Pruning { enabled: true, elsewhere: ObjectId::of(&object("x", 1)).into_iter().collect() };
        check(&[object("x", 1)], &[], &moved, &[]);
    }
}
