//! What the identity of `infra/cluster/preflux-flux.yaml` may change of Flux's objects, with its own rights alone, as it is deployed: who owns
//! which field included, since that decides what Flux takes away.

use std::path::PathBuf;

use serde_json::{Value, json};
use testkit::cluster::{Identity, Method, TestCluster};

use super::{APPLY, FLUX, MERGE, NAMESPACE, denied_by, set_up, take_down};
use crate::journey::ON_THE_CLUSTER;
use crate::support::part;

fn of_flux(version: &str, kind: &str, spec: Value) -> Value {
    let metadata = json!({
        "name": "table", "namespace": NAMESPACE, "labels": {"team": "a"}, "annotations": {"note": "b"}, "finalizers": ["example.com/a"],
    });
    json!({"apiVersion": version, "kind": kind, "metadata": metadata, "spec": spec})
}

fn kustomization() -> Value {
    let spec = json!({
        "interval": "1h", "prune": true, "path": "./a", "sourceRef": {"kind": "GitRepository", "name": "a"}, "patches": [{"patch": "a: 1"}],
    });
    of_flux("kustomize.toolkit.fluxcd.io/v1", "Kustomization", spec)
}

/// Other kinds of Flux, with the paths of their lists.
fn other_kinds() -> [(Value, &'static str); 2] {
    let source = json!({"kind": "GitRepository", "name": "a"});
    let release = json!({"interval": "1h", "chart": {"spec": {"chart": "a", "sourceRef": source}}});
    let repository = json!({"interval": "1h", "url": "https://git.example/a/b"});
    [
        (of_flux("helm.toolkit.fluxcd.io/v2", "HelmRelease", release), "helmreleases"),
        (of_flux("source.toolkit.fluxcd.io/v1", "GitRepository", repository), "gitrepositories"),
    ]
}

/// What the operator may change of one of Flux's objects, and what it may not.
fn edits() -> Vec<(&'static str, Value, bool)> {
    let annotated = |name: &str, value: Value| json!({"metadata": {"annotations": {name: value}}});
    vec![
        ("suspend", json!({"spec": {"suspend": true}}), true),
        ("resume", json!({"spec": {"suspend": false}}), true),
        ("as if never suspended", json!({"spec": {"suspend": null}}), true),
        ("reconcile", annotated("reconcile.fluxcd.io/requestedAt", json!("1")), true),
        ("force", annotated("reconcile.fluxcd.io/forceAt", json!("1")), true),
        ("reset", annotated("reconcile.fluxcd.io/resetAt", json!("1")), true),
        ("take such an annotation away", annotated("reconcile.fluxcd.io/requestedAt", json!(null)), true),
        (
            "resume and reconcile",
            json!({"spec": {"suspend": false}, "metadata": {"annotations": {"reconcile.fluxcd.io/requestedAt": "2"}}}),
            true,
        ),
        ("another interval", json!({"spec": {"interval": "2h"}}), false),
        ("suspend with another interval", json!({"spec": {"suspend": true, "interval": "2h"}}), false),
        ("a time-out", json!({"spec": {"timeout": "2m"}}), false),
        ("another annotation", annotated("kustomize.toolkit.fluxcd.io/prune", json!("disabled")), false),
        ("an annotation's value", annotated("note", json!("c")), false),
        ("an annotation away", annotated("note", json!(null)), false),
        ("a label", json!({"metadata": {"labels": {"team": "b"}}}), false),
        ("a label away", json!({"metadata": {"labels": null}}), false),
        ("finalizers away", json!({"metadata": {"finalizers": null}}), false),
        (
            "an owner",
            json!({"metadata": {"ownerReferences": [{"apiVersion": "v1", "kind": "ConfigMap", "name": "a", "uid": "b"}]}}),
            false,
        ),
        ("who owns what", json!({"metadata": {"managedFields": [{}]}}), false),
    ]
}

/// The same of fields that only a Kustomization has.
fn edits_of_a_kustomization() -> Vec<(&'static str, Value, bool)> {
    vec![
        ("another path", json!({"spec": {"path": "./b"}}), false),
        ("suspend with another path", json!({"spec": {"suspend": true, "path": "./b"}}), false),
        ("a field more", json!({"spec": {"force": true}}), false),
        ("a field less", json!({"spec": {"path": null}}), false),
        ("within a list", json!({"spec": {"patches": [{"patch": "a: 2"}]}}), false),
        ("another source", json!({"spec": {"sourceRef": {"name": "b"}}}), false),
    ]
}

/// What the operator may apply, which makes it own the fields: what two managers own stays when Git drops it.
fn claims() -> Vec<(&'static str, Value, bool)> {
    let annotated = |name: &str, value: &str| json!({"metadata": {"annotations": {name: value}}});
    vec![
        ("own whether it is suspended", json!({"spec": {"suspend": true}}), true),
        ("own a request", annotated("reconcile.fluxcd.io/requestedAt", "3"), true),
        ("own the interval", json!({"spec": {"interval": "1h"}}), false),
        ("own the interval besides", json!({"spec": {"suspend": true, "interval": "1h"}}), false),
        ("own an annotation", annotated("note", "b"), false),
        ("own a label", json!({"metadata": {"labels": {"team": "a"}}}), false),
    ]
}

/// Everything that the operator may do to one of Flux's objects, and may not: what came of it otherwise.
async fn tried(admin: &TestCluster, operator: &Identity, object: &Value, path: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut merged = edits();
    if object["kind"] == "Kustomization" {
        merged.extend(edits_of_a_kustomization());
    }
    let merges = merged.into_iter().map(|edit| (edit, MERGE));
    for ((what, mut patch, allowed), kind) in merges.chain(claims().into_iter().map(|claim| (claim, APPLY))) {
        admin.apply(object).await.unwrap();
        // Somebody who owns nothing else may lose this to the operator.
        admin.edit_as(object, &json!({"spec": {"suspend": false}}), "kubectl-patch").await.unwrap();
        let mut path = path.to_owned();
        if kind == APPLY {
            (patch["apiVersion"], patch["kind"]) = (object["apiVersion"].clone(), object["kind"].clone());
            path.push_str("?fieldManager=table&force=true");
        }
        let (status, said) =
            admin.send_as(operator, Method::PATCH, &path, Some((&patch, kind))).await.unwrap();
        let as_wanted = match allowed {
            true => status.is_success(),
            false => denied_by(&said) == Some(FLUX),
        };
        if !as_wanted {
            wrong.push(format!("{} {what}: {status} {}", object["kind"], said["message"]));
        }
    }
    wrong
}

/// Takes away what a finalizer keeps.
async fn remove(admin: &TestCluster, object: &Value) {
    admin.edit_as(object, &json!({"metadata": {"finalizers": null}}), "kustomize-controller").await.unwrap();
    admin.delete(object).await.unwrap();
}

#[tokio::test]
async fn the_operator_may_suspend_and_ask_for_reconciling_alone_on_a_real_api_server() {
    let Some(admin) = part("PREFLUX_TEST_KUBECONFIG") else { return };
    let _held = ON_THE_CLUSTER.lock().await;
    let admin = TestCluster::open(&PathBuf::from(admin)).unwrap();
    set_up(&admin).await;
    // With its own rights alone, as it is deployed.
    let operator = Identity {
        user: "system:serviceaccount:preflux-flux:operator".to_owned(),
        groups: vec!["system:serviceaccounts".to_owned(), "system:serviceaccounts:preflux-flux".to_owned()],
    };
    let path = format!("/apis/kustomize.toolkit.fluxcd.io/v1/namespaces/{NAMESPACE}/kustomizations/table");
    let mut wrong = tried(&admin, &operator, &kustomization(), &path).await;
    for (object, plural) in other_kinds() {
        let version = object["apiVersion"].as_str().unwrap();
        let path = format!("/apis/{version}/namespaces/{NAMESPACE}/{plural}/table");
        wrong.extend(tried(&admin, &operator, &object, &path).await);
        remove(&admin, &object).await;
    }
    let refused = [
        ("delete", Method::DELETE, path.clone(), None),
        (
            "its status",
            Method::PATCH,
            format!("{path}/status"),
            Some(json!({"status": {"observedGeneration": 9}})),
        ),
        (
            "a ConfigMap",
            Method::PATCH,
            format!("/api/v1/namespaces/{NAMESPACE}/configmaps/table"),
            Some(json!({"data": {"a": "b"}})),
        ),
        ("read a ConfigMap", Method::GET, format!("/api/v1/namespaces/{NAMESPACE}/configmaps/table"), None),
        ("read Secrets", Method::GET, format!("/api/v1/namespaces/{NAMESPACE}/secrets"), None),
    ];
    for (what, method, path, body) in refused {
        let body = body.as_ref().map(|body| (body, MERGE));
        let (status, said) = admin.send_as(&operator, method, &path, body).await.unwrap();
        if status != 403 {
            wrong.push(format!("{what}: {status} {}", said["message"]));
        }
    }
    remove(&admin, &kustomization()).await;
    take_down(&admin).await;
    assert_eq!(wrong, Vec::<String>::new());
}
