//! `preflux cluster rbac` on a real API server: what it prints is enough to rehearse what the cluster's Kustomizations hold, too little
//! for anything else, and what `preflux doctor` calls locked.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use kubernetes::{KubeCluster, Options};
use ports::{Cluster as _, DryRun, Refusal};
use secrecy::SecretString;
use serde_json::{Value, json};
use testkit::cluster::TestCluster;

use crate::diff_cli::git;
use crate::journey::ON_THE_CLUSTER;
use crate::locks;
use crate::support::{part, program};

const NAMESPACE: &str = "rbac-holds";

/// A Kustomization whose inventory holds kinds that the shipped manifests do not grant, and some that nobody is granted.
fn kustomization() -> Value {
    let entry = |kind: &str, version: &str| json!({"id": format!("{NAMESPACE}_a_{kind}"), "v": version});
    json!({
        "apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization",
        "metadata": {"name": "apps", "namespace": NAMESPACE},
        "spec": {
            "interval": "1h", "prune": true, "path": "./apps", "sourceRef": {"kind": "GitRepository", "name": "fleet"},
            "postBuild": {"substituteFrom": [{"kind": "Secret", "name": "vars"}]},
        },
        "status": {"inventory": {"entries": [
            entry("coordination.k8s.io_Lease", "v1"), entry("_Secret", "v1"), entry("rbac.authorization.k8s.io_Role", "v1"),
            entry("gone.example_Gone", "v1"),
        ]}},
    })
}

/// A repository that defines a kind, and holds one more that the cluster's Kustomizations do not.
fn repository(dir: &Path) {
    for (path, text) in [
        (
            "clusters/prod/apps.yaml",
            "apiVersion: source.toolkit.fluxcd.io/v1\nkind: GitRepository\nmetadata: {name: fleet, namespace: flux-system}\n\
             spec: {interval: 1m, url: 'https://git.example/acme/fleet', ref: {branch: main}}\n---\n\
             apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: apps, namespace: flux-system}\n\
             spec: {interval: 1h, prune: true, path: ./apps, sourceRef: {kind: GitRepository, name: fleet}}\n",
        ),
        (
            "apps/all.yaml",
            "apiVersion: node.k8s.io/v1\nkind: RuntimeClass\nmetadata: {name: rbac-holds}\nhandler: runc\n---\n\
             apiVersion: rbac.example/v1\nkind: Widget\nmetadata: {name: a, namespace: default}\n",
        ),
        (
            "apps/crd.yaml",
            "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: widgets.rbac.example}\n\
             spec:\n  group: rbac.example\n  scope: Namespaced\n  names: {kind: Widget, plural: widgets, singular: widget, listKind: WidgetList}\n\
             \x20 versions: [{name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object}}}]\n",
        ),
    ] {
        let path = dir.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    git(dir, &["init", "--quiet", "--initial-branch", "main"]);
    git(dir, &["add", "--all"]);
    git(dir, &["commit", "--quiet", "--message", "All"]);
}

fn printed(arguments: &[&str]) -> Output {
    let mut command = Command::new(program("preflux"));
    command.args(["cluster", "rbac"]).args(arguments).env("PREFLUX_LOG", "off").output().unwrap()
}

fn documents(text: &str) -> Vec<Value> {
    kustomize::yaml::parse_documents_v3(text, &kustomize::Limits::default()).unwrap()
}

/// The resources that a printed role grants, with their verbs.
fn granted(all: &[Value]) -> Vec<(String, String)> {
    let role = all
        .iter()
        .find(|object| object["metadata"]["name"] == "preflux-rehearse" && object["kind"] == "ClusterRole");
    let rules = role.unwrap()["rules"].as_array().unwrap().iter();
    let words = |value: &Value| {
        let all: Vec<&str> = value.as_array().unwrap().iter().filter_map(Value::as_str).collect();
        all.join(",")
    };
    let rules = rules.map(|rule| {
        (format!("{}:{}", words(&rule["apiGroups"]), words(&rule["resources"])), words(&rule["verbs"]))
    });
    rules.collect()
}

async fn rehearsed(worker: &SecretString, object: Value) -> DryRun {
    // A worker that just started: nothing is kept of what it could not do before.
    KubeCluster::connect("test", worker, &Options::default()).await.unwrap().dry_run(&object).await
}

/// Rights take effect a moment after they are written.
async fn until(worker: &SecretString, object: &Value, wanted: impl Fn(&DryRun) -> bool) {
    let begun = Instant::now();
    loop {
        let answer = rehearsed(worker, object.clone()).await;
        if wanted(&answer) {
            return;
        }
        assert!(begun.elapsed() < Duration::from_secs(30), "{answer:?}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test]
async fn printed_rights_are_enough_and_no_more_on_a_real_api_server() {
    let (Some(kubeconfig), Some(worker)) =
        (part("PREFLUX_TEST_KUBECONFIG"), part("PREFLUX_TEST_KUBECONFIG_WORKER"))
    else {
        return;
    };
    let _held = ON_THE_CLUSTER.lock().await;
    let admin = TestCluster::open(&PathBuf::from(&kubeconfig)).unwrap();
    let worker_file = worker;
    let worker: SecretString = fs::read_to_string(&worker_file).unwrap().into();
    locks::set_up(&admin).await;
    let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}});
    for object in [namespace.clone(), kustomization()] {
        admin.apply(&object).await.unwrap();
    }
    admin.apply_status(&kustomization()).await.unwrap();
    let dir = tempfile::tempdir().unwrap();
    repository(dir.path());

    let output = printed(&["--kubeconfig", &kubeconfig, "--repo", dir.path().to_str().unwrap()]);
    let (out, err) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    assert_eq!(output.status.code(), Some(0), "{err}");
    for note in [
        "note: Secret: a dry-run answers with the stored values",
        "note: Role (rbac.authorization.k8s.io): the API server lets nobody rehearse",
        "note: Gone (gone.example): the cluster does not serve it, and Git does not define it",
        &format!("note: Kustomization {NAMESPACE}/apps cannot be rendered without Secret {NAMESPACE}/vars"),
    ] {
        assert!(err.contains(note), "{note}\n{err}");
    }
    let all = documents(&out);
    let granted = granted(&all);
    for (what, verbs) in [
        ("coordination.k8s.io:leases", "get,list,create,patch"),
        ("node.k8s.io:runtimeclasses", "get,list,create,patch"),
        ("rbac.example:widgets", "get,list,create,patch"),
        ("rbac.authorization.k8s.io:roles", "get,list"),
    ] {
        let (group, resource) = what.split_once(':').unwrap();
        let found = granted.iter().find(|(found, _)| {
            found.split_once(':').is_some_and(|(g, r)| g == group && r.split(',').any(|r| r == resource))
        });
        assert_eq!(found.map(|(_, verbs)| verbs.as_str()), Some(verbs), "{what}: {granted:?}");
    }
    let text = serde_json::to_string(&granted).unwrap();
    assert!(!["*", "secrets", "pods", "gone"].iter().any(|never| text.contains(never)), "{text}");

    let metadata = |name: &str| json!({"name": name, "namespace": "default"});
    let lease =
        json!({"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": metadata("rbac-holds")});
    let lacks = |answer: &DryRun| matches!(answer, DryRun::Refused(Refusal::MissingRight(_)));
    until(&worker, &lease, lacks).await;
    for object in &all {
        admin.apply(object).await.unwrap();
    }
    let accepted = |answer: &DryRun| matches!(answer, DryRun::Accepted(_));
    until(&worker, &lease, accepted).await;
    locks::wait_until_they_hold(&worker_file).await;
    let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": metadata("rbac-holds")});
    let refused = rehearsed(&worker, secret).await;

    locks::set_up(&admin).await;
    for object in [kustomization(), namespace] {
        admin.delete(&object).await.unwrap();
    }
    until(&worker, &lease, lacks).await;
    assert!(lacks(&refused), "{refused:?}");
}

#[test]
fn what_cannot_be_printed_is_said() {
    for (arguments, words) in [
        (&["--kubeconfig", "nowhere"][..], "kubeconfig `nowhere` cannot be read"),
        (&["--kubeconfig", "a", "--remote", "Secret/a=b"], "must be Secret/NAMESPACE/NAME=FILE"),
        (&["--kubeconfig", "a", "--namespace", "Preflux"], "must be the name of a namespace"),
    ] {
        let output = printed(arguments);
        let err = String::from_utf8(output.stderr).unwrap();
        assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0), "{err}");
        assert!(err.contains(words), "{err}");
    }
}
