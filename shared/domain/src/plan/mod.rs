//! Two renders and what other Kustomizations render to the list of objects that need a look, each with its fate.

mod renames;

use std::collections::BTreeMap;

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
    /// In the base only, and another Kustomization renders it at the result.
    Move,
    /// In the base under another name, which ends in the hash of its content.
    Rename,
}

/// One object whose renders differ.
#[derive(Debug, Clone, PartialEq)]
pub struct ObjectPlan {
    /// Which object; of a renamed one its new name.
    pub id: ObjectId,
    /// What becomes of it.
    pub fate: Fate,
    /// Its render at the base; none of an object that is known from an inventory alone.
    pub before: Option<Value>,
    /// Its render at the result.
    pub after: Option<Value>,
    /// The other Kustomization, of an object that moves.
    pub moves: Option<Move>,
}

/// An object's way from one Kustomization to another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Move {
    /// Another one takes it over.
    To {
        /// Which one, as `namespace/name`.
        kustomization: String,
        /// Who acts first.
        order: Order,
    },
    /// It is taken over from another one.
    From {
        /// Which one, as `namespace/name`.
        kustomization: String,
    },
}

/// Who acts first when an object moves: garbage collection spares what carries the other's labels by then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// The taker applies before the loser prunes: the object is not deleted.
    TakerFirst,
    /// The loser prunes before the taker applies: the object is deleted and made anew.
    LoserFirst,
    /// Nothing orders the two.
    Unknown,
}

/// What the plan needs to know of a Kustomization besides its renders.
#[derive(Debug, Clone, Default)]
pub struct Pruning {
    /// Whether objects that leave are deleted: `spec.prune`, or what the deletion policy makes of it.
    pub enabled: bool,
    /// Objects of the base that other Kustomizations render at the result, and who acts first.
    pub elsewhere: BTreeMap<ObjectId, (String, Order)>,
    /// Objects of the result that another Kustomization rendered at the base and renders no more: which one, and as what.
    pub arrivals: BTreeMap<ObjectId, (String, Value)>,
}

/// Pairs the objects of both renders and keeps those that differ: first the result's, in its order, then what is gone, in the base's order.
pub fn objects(base: &[Value], result: &[Value], pruning: &Pruning) -> Vec<ObjectPlan> {
    let mut before: BTreeMap<ObjectId, &Value> =
        base.iter().filter_map(|o| Some((ObjectId::of(o)?, o))).collect();
    let mut plans = Vec::new();
    for object in result {
        let Some(id) = ObjectId::of(object) else { continue };
        let old = before.remove(&id);
        if old != Some(object) {
            plans.push(stays(id, old, object, pruning));
        }
    }
    for object in base {
        let Some(id) = ObjectId::of(object).filter(|id| before.remove(id).is_some()) else { continue };
        plans.push(leaves(id, object, pruning));
    }
    renames::join(plans)
}

fn stays(id: ObjectId, old: Option<&Value>, object: &Value, pruning: &Pruning) -> ObjectPlan {
    let after = Some(object.clone());
    match (old, pruning.arrivals.get(&id)) {
        (Some(old), _) => {
            ObjectPlan { id, fate: Fate::Change, before: Some(old.clone()), after, moves: None }
        }
        (None, Some((from, old))) => {
            let moves = Some(Move::From { kustomization: from.clone() });
            ObjectPlan { id, fate: Fate::Change, before: Some(old.clone()), after, moves }
        }
        (None, None) => ObjectPlan { id, fate: Fate::Create, before: None, after, moves: None },
    }
}

fn leaves(id: ObjectId, object: &Value, pruning: &Pruning) -> ObjectPlan {
    let before = Some(object.clone());
    if let Some((to, order)) = pruning.elsewhere.get(&id) {
        // Whoever does not delete it leaves it to the other, in whatever order.
        let order = if pruning.enabled && !keeps(object) { *order } else { Order::TakerFirst };
        let moves = Some(Move::To { kustomization: to.clone(), order });
        return ObjectPlan { id, fate: Fate::Move, before, after: None, moves };
    }
    let fate = if pruning.enabled && !keeps(object) { Fate::Delete } else { Fate::Orphan };
    ObjectPlan { id, fate, before, after: None, moves: None }
}

/// Whether the controller's own switches (label or annotation, any case) keep an object from being pruned. Those of the live object
/// count, and Git's are there too, unless Git also switches the object off: then nothing of it is applied, these switches included.
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
    let applied = !says("reconcile", "disabled") && !says("ssa", "ignore");
    applied && says("prune", "disabled")
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

    fn prune() -> Pruning {
        Pruning { enabled: true, ..Pruning::default() }
    }

    #[test]
    fn renders_are_paired_by_identity() {
        let base = [object("same", 1), object("moves", 1), object("gone", 1)];
        let result = [object("moves", 2), object("same", 1), object("new", 1)];
        check(&base, &result, &prune(), &["Change moves", "Create new", "Delete gone"]);
        check(&base, &result, &Pruning::default(), &["Change moves", "Create new", "Orphan gone"]);
    }

    #[test]
    fn what_the_controller_keeps_is_not_called_deleted() {
        let mut kept = object("kept", 1);
        kept["metadata"]["annotations"] = json!({"kustomize.toolkit.fluxcd.io/prune": "Disabled"});
        check(std::slice::from_ref(&kept), &[], &prune(), &["Orphan kept"]);
        // Git's word never came to the live object, which decides.
        kept["metadata"]["labels"] = json!({"kustomize.toolkit.fluxcd.io/reconcile": "disabled"});
        check(&[kept], &[], &prune(), &["Delete kept"]);
    }

    #[test]
    fn what_another_renders_moves() {
        let id = ObjectId::of(&object("x", 1)).unwrap_or_else(|| panic!("no id"));
        let to = |pruning: Pruning| {
            let elsewhere = [(id.clone(), ("b".to_owned(), Order::Unknown))].into_iter().collect();
            objects(&[object("x", 1)], &[], &Pruning { elsewhere, ..pruning }).remove(0)
        };
        let moves = |order| Some(Move::To { kustomization: "b".to_owned(), order });
        assert_eq!((to(prune()).fate, to(prune()).moves), (Fate::Move, moves(Order::Unknown)));
        assert_eq!(to(Pruning::default()).moves, moves(Order::TakerFirst), "nobody deletes it");
        let arrivals = [(id.clone(), ("a".to_owned(), object("x", 1)))].into_iter().collect();
        let plan = objects(&[], &[object("x", 2)], &Pruning { arrivals, ..prune() }).remove(0);
        assert_eq!((plan.fate, plan.before), (Fate::Change, Some(object("x", 1))));
    }

    #[test]
    fn the_version_is_not_identity_and_the_group_is() {
        let ingress = |version: &str| json!({"apiVersion": version, "kind": "Ingress", "metadata": {"name": "web", "namespace": "a"}});
        let (old, new) = (ingress("networking.k8s.io/v1beta1"), ingress("networking.k8s.io/v1"));
        check(std::slice::from_ref(&old), std::slice::from_ref(&new), &prune(), &["Change web"]);
        check(&[ingress("extensions/v1beta1")], &[new], &prune(), &["Create web", "Delete web"]);
        let role = |name: &str| json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": name, "namespace": "stray"}});
        let mut bare = role("system:a");
        bare["metadata"] = json!({"name": "system:a"});
        check(&[role("system:a")], &[bare], &prune(), &["Change system:a"]);
    }
}
