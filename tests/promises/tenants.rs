//! Acting as the service accounts that Kustomizations name, on a real API server: what a tenant may not apply is refused, and the locks
//! hold for whoever is acted as, whatever that one may do.

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use kubernetes::{KubeCluster, Options};
use ports::{Cluster as _, DryRun, Lock, Refusal};
use secrecy::SecretString;
use serde_json::{Value, json};
use testkit::cluster::TestCluster;

use crate::journey::ON_THE_CLUSTER;
use crate::locks;
use crate::support::part;

const NAMESPACE: &str = "tenants";
const RBAC: &str = "rbac.authorization.k8s.io";

/// The tenant may really write ConfigMaps; the worker may act as it, in these groups.
fn objects() -> Vec<Value> {
    let role = |kind: &str, name: &str, namespace: Value, rules: Value| json!({"apiVersion": format!("{RBAC}/v1"), "kind": kind, "metadata": {"name": name, "namespace": namespace}, "rules": rules});
    let binding = |kind: &str, name: &str, namespace: Value, role: &str, account: [&str; 2]| {
        json!({
            "apiVersion": format!("{RBAC}/v1"), "kind": kind, "metadata": {"name": name, "namespace": namespace},
            "roleRef": {"apiGroup": RBAC, "kind": role, "name": name},
            "subjects": [{"kind": "ServiceAccount", "namespace": account[0], "name": account[1]}],
        })
    };
    let writes = json!([{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get", "list", "create", "patch", "delete"]}]);
    let acts = json!([
        {"apiGroups": [""], "resources": ["serviceaccounts"], "resourceNames": ["tenant"], "verbs": ["impersonate"]},
        {"apiGroups": [""], "resources": ["groups"], "verbs": ["impersonate"],
            "resourceNames": ["system:serviceaccounts", "system:serviceaccounts:tenants", "system:authenticated", "preflux:dry-run-only"]},
    ]);
    vec![
        json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}),
        json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "tenant", "namespace": NAMESPACE}}),
        role("Role", "tenant", json!(NAMESPACE), writes),
        binding("RoleBinding", "tenant", json!(NAMESPACE), "Role", [NAMESPACE, "tenant"]),
        role("ClusterRole", "preflux-act-as-tenants", Value::Null, acts),
        binding(
            "ClusterRoleBinding",
            "preflux-act-as-tenants",
            Value::Null,
            "ClusterRole",
            ["preflux", "worker"],
        ),
    ]
}

/// Admission policies are guarded by none.
fn takes_the_guard_away() -> [Value; 2] {
    let rule = json!({"apiGroups": ["admissionregistration.k8s.io"], "resources": ["validatingadmissionpolicies"], "verbs": ["patch"]});
    let metadata = json!({"name": "tenants-guard"});
    [
        json!({"apiVersion": format!("{RBAC}/v1"), "kind": "ClusterRole", "metadata": metadata, "rules": [rule]}),
        json!({
            "apiVersion": format!("{RBAC}/v1"), "kind": "ClusterRoleBinding", "metadata": metadata,
            "roleRef": {"apiGroup": RBAC, "kind": "ClusterRole", "name": "tenants-guard"},
            "subjects": [{"kind": "ServiceAccount", "namespace": NAMESPACE, "name": "tenant"}],
        }),
    ]
}

fn object(version: &str, kind: &str) -> Value {
    json!({"apiVersion": version, "kind": kind, "metadata": {"name": "a", "namespace": NAMESPACE}})
}

async fn as_tenant(worker: &SecretString) -> std::sync::Arc<dyn ports::Cluster> {
    let worker = KubeCluster::connect("test", worker, &Options::default()).await.unwrap();
    assert!(worker.acting_as(NAMESPACE, "tenant").is_none(), "only where it is configured");
    worker.with_impersonation(true).acting_as(NAMESPACE, "tenant").unwrap()
}

fn open(locks: &[Lock]) -> Vec<String> {
    locks.iter().filter_map(|lock| Some(format!("{}: {}", lock.name, lock.open.as_ref()?))).collect()
}

/// Rights and policies take effect a moment after they are written.
async fn until(worker: &SecretString, wanted: impl Fn(&Result<Vec<String>, String>) -> bool) {
    let begun = Instant::now();
    loop {
        let locks = as_tenant(worker).await.locks().await;
        let found = locks.map(|locks| open(&locks)).map_err(|error| error.to_string());
        if wanted(&found) {
            return;
        }
        assert!(begun.elapsed() < Duration::from_secs(30), "{found:?}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test]
async fn a_tenant_is_acted_as_and_cannot_write_on_a_real_api_server() {
    let (Some(admin), Some(worker_file)) =
        (part("PREFLUX_TEST_KUBECONFIG"), part("PREFLUX_TEST_KUBECONFIG_WORKER"))
    else {
        return;
    };
    let _held = ON_THE_CLUSTER.lock().await;
    let admin = TestCluster::open(&PathBuf::from(admin)).unwrap();
    let worker: SecretString = fs::read_to_string(&worker_file).unwrap().into();
    locks::set_up(&admin).await;
    for object in objects() {
        admin.apply(&object).await.unwrap();
    }
    until(&worker, |open| open.as_ref().is_ok_and(Vec::is_empty)).await;
    // The rights to act as named ones are no open lock of the worker's own.
    locks::wait_until_they_hold(&worker_file).await;

    let tenant = as_tenant(&worker).await;
    let (map, deployment) = (object("v1", "ConfigMap"), object("apps/v1", "Deployment"));
    let rehearsed = (tenant.dry_run(&map).await, tenant.dry_run(&deployment).await);
    let other =
        KubeCluster::connect("test", &worker, &Options::default()).await.unwrap().with_impersonation(true);
    let other = other.acting_as("default", "another").unwrap().dry_run(&map).await;

    for object in takes_the_guard_away() {
        admin.apply(&object).await.unwrap();
    }
    let named = "rights of the identity: it may `patch` validatingadmissionpolicies, which no admission policy guards";
    until(&worker, |open| open.as_ref().is_ok_and(|open| open.iter().any(|lock| lock.starts_with(named))))
        .await;
    for object in takes_the_guard_away() {
        admin.delete(&object).await.unwrap();
    }

    admin.delete(&locks::of_kind("ValidatingAdmissionPolicyBinding")).await.unwrap();
    let is_open = |open: &Result<Vec<String>, String>| {
        let named = |open: &Vec<String>| {
            ["binding of the policy: ", "a real write is refused: it was NOT refused"]
                .iter()
                .all(|lock| open.iter().any(|found| found.starts_with(lock)))
        };
        open.as_ref().is_ok_and(named)
    };
    until(&worker, is_open).await;

    locks::set_up(&admin).await;
    until(&worker, |open| open.as_ref().is_ok_and(Vec::is_empty)).await;
    for object in objects().iter().rev().filter(|object| object["kind"] != "Namespace") {
        admin.delete(object).await.unwrap();
    }
    assert!(matches!(&rehearsed.0, DryRun::Accepted(_)), "{rehearsed:?}");
    let lacks = |answer: &DryRun| match answer {
        DryRun::Refused(Refusal::MissingRight(right)) => right.resource == "deployments",
        _ => false,
    };
    assert!(lacks(&rehearsed.1), "{rehearsed:?}");
    assert!(matches!(&other, DryRun::Refused(Refusal::Forbidden(_) | Refusal::MissingRight(_))), "{other:?}");
}
