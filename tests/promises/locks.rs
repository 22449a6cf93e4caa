//! The locks between the cluster identity and a real write: they hold as `infra/cluster/preflux.yaml` sets them up, and each way
//! to set them up wrongly is found and named, on a real API server and as the worker's own identity.

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use kubernetes::{KubeCluster, Options};
use ports::{Cluster as _, Lock};
use secrecy::SecretString;
use serde_json::{Value, json};
use testkit::cluster::TestCluster;

use crate::journey::ON_THE_CLUSTER;
use crate::support::{part, root};

const POLICY: &str = "ValidatingAdmissionPolicy";
const BINDING: &str = "ValidatingAdmissionPolicyBinding";

/// What the deployment notes have an administrator apply.
fn shipped() -> Vec<Value> {
    let text = fs::read_to_string(root().join("infra/cluster/preflux.yaml")).unwrap();
    let all = kustomize::yaml::parse_documents_v3(&text, &kustomize::Limits::default()).unwrap();
    all.into_iter().filter(|object| !object.is_null()).collect()
}

pub(crate) fn of_kind(kind: &str) -> Value {
    shipped().into_iter().find(|object| object["kind"] == kind).unwrap()
}

/// One way to set the locks up wrongly.
struct Wrong {
    what: &'static str,
    /// Objects that are there instead of, or besides, the shipped ones.
    applied: Vec<Value>,
    /// Objects that are not there.
    missing: Vec<Value>,
    /// The lock that must be open, and words of its reason.
    open: (&'static str, &'static str),
}

fn changed(kind: &str, pointer: &str, value: Value) -> Value {
    let mut object = of_kind(kind);
    let (parent, field) = pointer.rsplit_once('/').unwrap();
    match object.pointer_mut(parent).unwrap() {
        Value::Array(items) => items[field.parse::<usize>().unwrap()] = value,
        parent => parent[field] = value,
    }
    object
}

/// A rule that is granted to the worker besides its own.
fn granted(rule: Value) -> Vec<Value> {
    let metadata = json!({"name": "preflux-test-too-much"});
    let role = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": metadata, "rules": [rule]});
    vec![role, bound("preflux-test-too-much")]
}

fn bound(role: &str) -> Value {
    json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding", "metadata": {"name": "preflux-test-too-much"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role},
        "subjects": [{"kind": "ServiceAccount", "name": "worker", "namespace": "preflux"}],
    })
}

fn rights(what: &'static str, rule: Value, why: &'static str) -> Wrong {
    Wrong { what, applied: granted(rule), missing: Vec::new(), open: ("rights of the identity", why) }
}

fn policy(what: &'static str, pointer: &str, value: Value, why: &'static str) -> Wrong {
    let applied = vec![changed(POLICY, pointer, value)];
    Wrong { what, applied, missing: Vec::new(), open: ("admission policy", why) }
}

fn every_wrong_way() -> Vec<Wrong> {
    let rule = "/spec/matchConstraints/resourceRules/0";
    let other = of_kind(POLICY)["spec"]["matchConditions"][0]["expression"]
        .as_str()
        .unwrap()
        .replace("preflux", "other");
    let mut all = vec![
        Wrong {
            what: "no policy",
            applied: Vec::new(),
            missing: vec![of_kind(POLICY)],
            open: ("admission policy", "is not there"),
        },
        Wrong {
            what: "no binding",
            applied: Vec::new(),
            missing: vec![of_kind(BINDING)],
            open: ("binding of the policy", "is not there"),
        },
        Wrong {
            what: "a binding that only audits",
            applied: vec![changed(BINDING, "/spec/validationActions", json!(["Audit"]))],
            missing: Vec::new(),
            open: ("binding of the policy", "`Deny`"),
        },
        policy("a policy that lets errors pass", "/spec/failurePolicy", json!("Ignore"), "`failurePolicy`"),
        policy(
            "a policy for another namespace",
            "/spec/matchConditions/0/expression",
            json!(other),
            "does not cover",
        ),
        policy(
            "a policy for creating alone",
            &format!("{rule}/operations"),
            json!(["CREATE"]),
            "every operation",
        ),
        policy("a policy without subresources", &format!("{rule}/resources"), json!(["*"]), "subresource"),
        policy("a policy for one version", &format!("{rule}/apiVersions"), json!(["v1"]), "every operation"),
        policy(
            "a policy for namespaces alone",
            &format!("{rule}/scope"),
            json!("Namespaced"),
            "every operation",
        ),
        policy(
            "a policy for single names",
            &format!("{rule}/resourceNames"),
            json!(["a"]),
            "every operation",
        ),
        policy(
            "a policy for versions as they are asked for",
            "/spec/matchConstraints/matchPolicy",
            json!("Exact"),
            "`matchPolicy`",
        ),
        policy(
            "a policy for some namespaces",
            "/spec/matchConstraints/namespaceSelector",
            json!({"matchLabels": {"guarded": "yes"}}),
            "`namespaceSelector`",
        ),
        policy(
            "a policy for some objects",
            "/spec/matchConstraints/objectSelector",
            json!({"matchLabels": {"guarded": "yes"}}),
            "`objectSelector`",
        ),
        policy(
            "a policy with exceptions",
            "/spec/matchConstraints/excludeResourceRules",
            json!([{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["*"], "resources": ["configmaps"]}]),
            "`excludeResourceRules`",
        ),
        policy(
            "a policy with parameters",
            "/spec/paramKind",
            json!({"apiVersion": "v1", "kind": "ConfigMap"}),
            "`paramKind`",
        ),
        Wrong {
            what: "a binding for some namespaces",
            applied: vec![changed(
                BINDING,
                "/spec/matchResources",
                json!({"namespaceSelector": {"matchLabels": {"guarded": "yes"}}}),
            )],
            missing: Vec::new(),
            open: ("binding of the policy", "`matchResources.namespaceSelector`"),
        },
        policy("a policy for one group", &format!("{rule}/apiGroups"), json!(["apps"]), "every operation"),
        policy(
            "a policy without its rule on dry-runs",
            "/spec/validations/1/expression",
            json!("true"),
            "request.dryRun == true",
        ),
        policy(
            "a policy without its rule on subresources",
            "/spec/validations/2/expression",
            json!("true"),
            "subResource",
        ),
    ];
    let grants = [
        (
            "rights on every kind",
            json!({"apiGroups": ["apps"], "resources": ["*"], "verbs": ["get"]}),
            "every kind",
        ),
        (
            "the right to delete",
            json!({"apiGroups": [""], "resources": ["configmaps"], "verbs": ["delete"]}),
            "`delete`",
        ),
        ("every Secret", json!({"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"]}), "Secrets"),
        (
            "rights on admission policies",
            json!({"apiGroups": ["admissionregistration.k8s.io"], "resources": ["validatingadmissionpolicies"], "verbs": ["patch"]}),
            "admission",
        ),
        (
            "impersonating anybody",
            json!({"apiGroups": [""], "resources": ["users"], "verbs": ["impersonate"]}),
            "impersonate",
        ),
        (
            "acting in the administrators' group",
            json!({"apiGroups": [""], "resources": ["groups"], "resourceNames": ["system:masters"], "verbs": ["impersonate"]}),
            "`system:masters`",
        ),
        (
            "acting as a user by name",
            json!({"apiGroups": [""], "resources": ["users"], "resourceNames": ["admin"], "verbs": ["impersonate"]}),
            "`users`",
        ),
        (
            "tokens of service accounts",
            json!({"apiGroups": [""], "resources": ["serviceaccounts/token"], "verbs": ["create"]}),
            "subresource",
        ),
        (
            "the right to delete many at once",
            json!({"apiGroups": [""], "resources": ["configmaps"], "verbs": ["deletecollection"]}),
            "`deletecollection`",
        ),
        (
            "running programs in Pods",
            json!({"apiGroups": [""], "resources": ["pods/exec"], "verbs": ["create"]}),
            "subresource",
        ),
        (
            "evicting Pods",
            json!({"apiGroups": [""], "resources": ["pods/eviction"], "verbs": ["create"]}),
            "subresource",
        ),
        (
            "scaling",
            json!({"apiGroups": ["apps"], "resources": ["deployments/scale"], "verbs": ["patch"]}),
            "subresource",
        ),
        (
            "binding roles",
            json!({"apiGroups": ["rbac.authorization.k8s.io"], "resources": ["clusterroles"], "verbs": ["bind"]}),
            "`bind`",
        ),
    ];
    all.extend(grants.map(|(what, rule, why)| rights(what, rule, why)));
    all.push(Wrong {
        what: "an administrator",
        applied: vec![bound("cluster-admin")],
        missing: Vec::new(),
        open: ("rights of the identity", "`*`"),
    });
    all
}

/// The locks as a worker that just started finds them.
async fn locks(kubeconfig: &SecretString) -> Vec<Lock> {
    let cluster = KubeCluster::connect("test", kubeconfig, &Options::default()).await.unwrap();
    cluster.locks().await.unwrap()
}

fn open(locks: &[Lock]) -> Vec<String> {
    locks.iter().filter_map(|lock| Some(format!("{}: {}", lock.name, lock.open.as_ref()?))).collect()
}

/// Policies and rights take effect a moment after they are written: asks until `wanted` holds, and answers with the last open locks.
async fn until(kubeconfig: &SecretString, wanted: impl Fn(&[String]) -> bool) -> Result<(), Vec<String>> {
    let begun = Instant::now();
    loop {
        let found = open(&locks(kubeconfig).await);
        if wanted(&found) {
            return Ok(());
        }
        if begun.elapsed() > Duration::from_secs(30) {
            return Err(found);
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Waits until the shipped locks, which were just applied, hold for the worker.
pub(crate) async fn wait_until_they_hold(worker: &str) {
    let kubeconfig: SecretString = fs::read_to_string(worker).unwrap().into();
    assert_eq!(until(&kubeconfig, |open: &[String]| open.is_empty()).await, Ok(()));
}

/// Where Flux is, which has to be there before the identity's rights in it.
pub(crate) fn flux_namespace() -> Value {
    json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "flux-system"}})
}

pub(crate) async fn set_up(admin: &TestCluster) {
    admin.apply(&flux_namespace()).await.unwrap();
    for object in shipped() {
        admin.apply(&object).await.unwrap();
    }
}

async fn undo(admin: &TestCluster, wrong: &Wrong) {
    for object in wrong.applied.iter().rev() {
        // The shipped ones are put right by applying them again.
        if shipped().iter().all(|own| own["metadata"]["name"] != object["metadata"]["name"]) {
            admin.delete(object).await.unwrap();
        }
    }
    set_up(admin).await;
}

#[tokio::test]
async fn every_wrong_way_to_lock_is_found_on_a_real_api_server() {
    let (Some(admin), Some(worker)) =
        (part("PREFLUX_TEST_KUBECONFIG"), part("PREFLUX_TEST_KUBECONFIG_WORKER"))
    else {
        return;
    };
    let _held = ON_THE_CLUSTER.lock().await;
    let admin = TestCluster::open(&PathBuf::from(admin)).unwrap();
    let worker: SecretString = fs::read_to_string(worker).unwrap().into();
    set_up(&admin).await;
    let all_hold = |open: &[String]| open.is_empty();
    assert_eq!(until(&worker, all_hold).await, Ok(()), "as shipped");
    for wrong in every_wrong_way() {
        for object in &wrong.missing {
            admin.delete(object).await.unwrap();
        }
        for object in &wrong.applied {
            admin.apply(object).await.unwrap();
        }
        let (name, why) = wrong.open;
        let found = |open: &[String]| open.iter().any(|lock| lock.starts_with(name) && lock.contains(why));
        let seen = until(&worker, found).await;
        undo(&admin, &wrong).await;
        assert_eq!(seen, Ok(()), "{}", wrong.what);
        assert_eq!(until(&worker, all_hold).await, Ok(()), "after {}", wrong.what);
    }
}

/// Without the policy the probe is a real write, and that is said with what is left behind.
#[tokio::test]
async fn a_write_that_goes_through_is_said_on_a_real_api_server() {
    let (Some(admin), Some(worker)) =
        (part("PREFLUX_TEST_KUBECONFIG"), part("PREFLUX_TEST_KUBECONFIG_WORKER"))
    else {
        return;
    };
    let _held = ON_THE_CLUSTER.lock().await;
    let admin = TestCluster::open(&PathBuf::from(admin)).unwrap();
    let worker: SecretString = fs::read_to_string(worker).unwrap().into();
    set_up(&admin).await;
    admin.delete(&of_kind(BINDING)).await.unwrap();
    let written = |open: &[String]| {
        open.iter().any(|lock| {
            lock.starts_with("a real write is refused")
                && lock.contains("kubectl delete configmap preflux-lock-probe-")
        })
    };
    let seen = until(&worker, written).await;
    set_up(&admin).await;
    assert_eq!(seen, Ok(()));
    assert_eq!(until(&worker, |open: &[String]| open.is_empty()).await, Ok(()), "locked again");
}
