//! What people have Flux do from Slack, asked of a real API server by the identity of `infra/cluster/preflux-flux.yaml`.

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use domain::FluxKind;
use kubernetes::{Impersonate, KubeOperator, Options};
use ports::{ClusterError, FluxAct, FluxObject, Lock, Operator as _, REQUESTED};
use secrecy::SecretString;
use serde_json::{Value, json};
use testkit::cluster::TestCluster;

use super::{NAMESPACE, set_up, take_down};
use crate::journey::ON_THE_CLUSTER;
use crate::support::part;

fn kustomization() -> Value {
    json!({
        "apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization",
        "metadata": {"name": "acts", "namespace": NAMESPACE},
        "spec": {"interval": "1h", "prune": true, "path": "./a", "sourceRef": {"kind": "GitRepository", "name": "a"}},
    })
}

fn too_much() -> [Value; 2] {
    let rbac = "rbac.authorization.k8s.io";
    let metadata = json!({"name": "acts-too-much"});
    [
        json!({"apiVersion": format!("{rbac}/v1"), "kind": "ClusterRole", "metadata": metadata,
            "rules": [{"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["patch"]}]}),
        json!({"apiVersion": format!("{rbac}/v1"), "kind": "ClusterRoleBinding", "metadata": metadata,
            "roleRef": {"apiGroup": rbac, "kind": "ClusterRole", "name": "acts-too-much"},
            "subjects": [{"kind": "ServiceAccount", "namespace": "preflux-flux", "name": "operator"}]}),
    ]
}

async fn operator(admin: &str) -> KubeOperator {
    let kubeconfig: SecretString = fs::read_to_string(admin).unwrap().into();
    let groups = ["system:serviceaccounts", "system:serviceaccounts:preflux-flux", "system:authenticated"];
    let impersonate = Impersonate {
        user: "system:serviceaccount:preflux-flux:operator".to_owned(),
        groups: groups.map(str::to_owned).to_vec(),
    };
    let options = Options { impersonate: Some(impersonate), ..Options::default() };
    KubeOperator::connect("test", &kubeconfig, &options).await.unwrap()
}

fn open(locks: &[Lock]) -> Vec<String> {
    locks.iter().filter_map(|lock| lock.open.clone()).collect()
}

#[tokio::test]
async fn flux_is_asked_by_an_identity_that_may_nothing_else_on_a_real_api_server() {
    let Some(file) = part("PREFLUX_TEST_KUBECONFIG") else { return };
    let _held = ON_THE_CLUSTER.lock().await;
    let admin = TestCluster::open(&PathBuf::from(&file)).unwrap();
    set_up(&admin).await;
    admin.apply(&kustomization()).await.unwrap();
    let operator = operator(&file).await;
    let at = FluxObject {
        kind: FluxKind::Kustomization,
        namespace: NAMESPACE.to_owned(),
        name: "acts".to_owned(),
    };

    let locks = operator.locks().await.unwrap();
    assert_eq!((locks.len(), open(&locks)), (2, Vec::new()));
    let before = operator.read(&at).await.unwrap().unwrap();
    let reconcile = FluxAct::Reconcile { at: 1_700_000_000, force: true, reset: true };
    let asked = operator.act(&at, &reconcile).await.unwrap().unwrap();
    let annotations = asked["metadata"]["annotations"].as_object().unwrap();
    assert_eq!(annotations.len(), 3, "{annotations:?}");
    assert_eq!(annotations[REQUESTED], "2023-11-14T22:13:20Z");
    assert_eq!(asked["spec"], before["spec"]);
    let suspended = operator.act(&at, &FluxAct::Suspend).await.unwrap().unwrap();
    assert_eq!(suspended["spec"]["suspend"], true);
    // Flux applies its own manifest again, and what a person suspended stays so.
    let applied = admin.apply(&kustomization()).await.unwrap();
    assert_eq!(applied["spec"]["suspend"], true);
    let resumed = operator.act(&at, &FluxAct::Resume).await.unwrap().unwrap();
    assert_eq!(resumed["spec"], before["spec"]);
    let none = FluxObject { name: "none".to_owned(), ..at.clone() };
    assert_eq!(operator.act(&none, &FluxAct::Suspend).await.unwrap(), None);
    let elsewhere = FluxObject { kind: FluxKind::ImagePolicy, ..at.clone() };
    let missing = operator.act(&elsewhere, &FluxAct::Suspend).await.unwrap_err();
    assert!(matches!(missing, ClusterError::NoFlux { .. }), "{missing}");

    for object in too_much() {
        admin.apply(&object).await.unwrap();
    }
    let begun = Instant::now();
    loop {
        let open = open(&operator.locks().await.unwrap());
        if open.iter().any(|why| why.contains("`patch` `deployments`")) {
            break;
        }
        assert!(begun.elapsed() < Duration::from_secs(30), "{open:?}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    for object in too_much() {
        admin.delete(&object).await.unwrap();
    }
    admin.delete(&kustomization()).await.unwrap();
    take_down(&admin).await;
}
