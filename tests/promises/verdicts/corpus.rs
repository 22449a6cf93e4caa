//! Cases: an object as it is handed to server-side apply, and the writes that made what the cluster holds of it.

mod kinds;

use serde_json::{Value, json};
use testkit::cluster::TestCluster;

pub(super) use kinds::corners;

/// Random numbers from a fixed seed (xorshift).
pub(super) struct Random(pub(super) u64);

impl Random {
    pub(super) fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % u64::try_from(bound).unwrap()).unwrap()
    }

    pub(super) fn pick<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[self.below(all.len())]
    }

    /// True one time in so many.
    pub(super) fn one_in(&mut self, bound: usize) -> bool {
        self.below(bound) == 0
    }
}

/// A write of somebody's.
#[derive(Debug, Clone)]
pub(super) enum Write {
    Apply(&'static str, Value),
    Create(&'static str, Value),
    Edit(&'static str, Value),
}

/// One case.
#[derive(Debug)]
pub(super) struct Case {
    pub(super) desired: Value,
    pub(super) writes: Vec<Write>,
    pub(super) force: bool,
    pub(super) ignore: Value,
}

const FLUX: &str = "kustomize-controller";
const STEERING: [(&str, &str); 9] = [
    ("ssa", "IfNotPresent"),
    ("ssa", "ifnotpresent"),
    ("ssa", "Ignore"),
    ("ssa", "Merge"),
    ("reconcile", "disabled"),
    ("reconcile", "Disabled"),
    ("force", "enabled"),
    ("force", "true"),
    ("prune", "disabled"),
];

impl Case {
    pub(super) fn random(random: &mut Random, number: usize, namespace: &str) -> Self {
        let shape = random.below(kinds::SHAPES);
        let mut desired = kinds::object(random, shape, number, namespace);
        let mut live = match random.below(2) {
            0 => desired.clone(),
            _ => kinds::object(random, shape, number, namespace),
        };
        for object in [&mut desired, &mut live] {
            if random.one_in(6) {
                steer(random, object);
            }
            if random.one_in(5) {
                decorate(random, object);
            }
        }
        let desired = kinds::spoil(random, desired);
        let ignore = if random.one_in(4) { rules(random) } else { json!([]) };
        Self { writes: history(random, live), desired, force: random.one_in(4), ignore }
    }

    /// Whether somebody asked in the cluster for the object to be recreated.
    pub(super) fn says_force_live(&self) -> bool {
        self.writes.iter().any(|write| match write {
            Write::Apply(_, object) | Write::Create(_, object) | Write::Edit(_, object) => {
                flux::control::is_forced(object)
            }
        })
    }

    /// Makes what the cluster holds. A write that the API server refuses leaves what was there before.
    pub(super) async fn seed(&self, admin: &TestCluster) {
        for write in &self.writes {
            let _refused = match write {
                Write::Apply(manager, object) => admin.apply_as(object, manager).await,
                Write::Create(manager, object) => admin.create_as(object, manager).await,
                Write::Edit(manager, patch) => admin.edit_as(&self.desired, patch, manager).await,
            };
        }
    }

    /// Removes what is in no namespace: the rest goes with its namespace.
    pub(super) async fn clean(&self, admin: &TestCluster) {
        if self.desired["metadata"]["namespace"].is_null() {
            let _not_there = admin.delete(&self.desired).await;
        }
    }
}

/// Who wrote the object, and how.
fn history(random: &mut Random, live: Value) -> Vec<Write> {
    let mut writes = match random.below(8) {
        0 => return Vec::new(),
        1 => vec![Write::Create("kubectl-create", live)],
        2 => vec![Write::Create("kubectl-client-side-apply", with_last_applied(live))],
        3 => vec![Write::Apply("helm-controller", live)],
        _ => vec![Write::Apply(FLUX, live)],
    };
    if random.one_in(3) {
        writes.push(Write::Edit("kubectl-edit", kinds::edit(random)));
    }
    writes
}

fn with_last_applied(mut object: Value) -> Value {
    let text = object.to_string();
    object["metadata"]["annotations"]["kubectl.kubernetes.io/last-applied-configuration"] = text.into();
    object
}

fn steer(random: &mut Random, object: &mut Value) {
    let place = if random.one_in(4) { "labels" } else { "annotations" };
    let (key, word) = random.pick(&STEERING);
    object["metadata"][place][format!("kustomize.toolkit.fluxcd.io/{key}")] = (*word).into();
}

fn decorate(random: &mut Random, object: &mut Value) {
    match random.below(5) {
        0 => object["metadata"]["labels"]["team"] = (*random.pick(&["a", "b"])).into(),
        1 => object["metadata"]["annotations"]["note"] = (*random.pick(&["x", ""])).into(),
        2 => object["metadata"]["finalizers"] = json!(["example.test/keep"]),
        3 => object["metadata"]["labels"] = json!({}),
        _ => {
            object["metadata"]["ownerReferences"] =
                json!([{"apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": "1-2-3"}]);
        }
    }
}

fn rules(random: &mut Random) -> Value {
    let path = *random.pick(&[
        "/data",
        "/data/a",
        "/spec/replicas",
        "/metadata/labels",
        "/metadata/annotations/note",
        "/spec/ports/0",
    ]);
    match random.below(3) {
        0 => json!([{"paths": [path]}]),
        1 => json!([{"paths": [path], "target": {"kind": "ConfigMap|Deployment"}}]),
        _ => json!([{"paths": [path], "target": {"labelSelector": "team=a"}}]),
    }
}

/// A namespace of a test's own.
pub(super) async fn namespace(admin: &TestCluster) -> String {
    let random = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_nanos();
    let name = format!("verdicts-{random}");
    admin.apply(&of(&name)).await.unwrap();
    name
}

fn of(name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
}

/// Asks for its end; nothing on a test API server waits for it.
pub(super) async fn remove(admin: &TestCluster, name: &str) {
    let _stays = admin.delete(&of(name)).await;
}
