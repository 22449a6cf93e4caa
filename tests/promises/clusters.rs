//! More than one cluster, and a controller that is not the newest: on a real API server, which stands in for all of them.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use domain::provenance::Disclosure;
use domain::report::{ClusterAsked, Comparison, Finding, Mode};
use flows::analyse::{DecryptionAccess, Findings, Question, RemoteAccess, Repository, analyse, analyse_all};
use kubernetes::{FluxAt, KubeCluster};
use kustomize::MemoryTree;
use ports::{Checkout, Cluster};
use serde_json::{Value, json};
use testkit::cluster::TestCluster;

use crate::front::Front;
use crate::support::part;

const URL: &str = "https://git.example/acme/clusters";
const NAMESPACE: &str = "several-clusters";

/// A file that only a lenient controller renders.
fn checkout() -> Checkout {
    let map = |value: &str| {
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "namespace": NAMESPACE},
            "data": {"value": value, "unset": "${unset}"}})
    };
    let tree = |value: &str| Arc::new(MemoryTree::new([("apps/a.yaml", map(value).to_string())]));
    Checkout {
        base: tree("1"),
        result: tree("2"),
        changed: ["apps/a.yaml".to_owned()].into(),
        comparison: Comparison {
            base: "b".repeat(40).parse().unwrap(),
            result: "e".repeat(40).parse().unwrap(),
            mode: Mode::MergeResult,
        },
        notes: Vec::new(),
    }
}

fn objects() -> Vec<Value> {
    let metadata = |name: &str| json!({"name": name, "namespace": NAMESPACE});
    let container = json!({"name": "manager", "image": "ghcr.io/fluxcd/kustomize-controller:v1.8.0"});
    vec![
        json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}),
        json!({"apiVersion": "source.toolkit.fluxcd.io/v1", "kind": "GitRepository", "metadata": metadata("fleet"),
            "spec": {"interval": "1m", "url": URL, "ref": {"branch": "main"}}}),
        json!({"apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization", "metadata": metadata("apps"),
            "spec": {"interval": "10m", "prune": true, "path": "./apps", "postBuild": {"substitute": {"set": "1"}},
                "sourceRef": {"kind": "GitRepository", "name": "fleet"}}}),
        json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata("kustomize-controller"),
            "spec": {"selector": {"matchLabels": {"app": "kustomize-controller"}}, "template": {
                "metadata": {"labels": {"app": "kustomize-controller"}}, "spec": {"containers": [container]}}}}),
    ]
}

async fn cluster(name: &str, kubeconfig: &Path, flux: &str) -> Result<Arc<dyn Cluster>, String> {
    let cluster = KubeCluster::from_file(name, kubeconfig, &kubernetes::Options::default()).await.unwrap();
    Ok(Arc::new(cluster.with_flux(FluxAt { namespace: flux.to_owned(), version: None })))
}

fn question(checkout: &Checkout, cluster: Result<Arc<dyn Cluster>, String>) -> Question<'_> {
    let repository = Repository::Known { urls: vec![URL.to_owned()], branch: "main".to_owned() };
    let remotes = RemoteAccess::None("nothing is fetched here".to_owned());
    let disclosure = Disclosure::LiveValues;
    let decryption = DecryptionAccess::None("no keys".to_owned());
    Question {
        checkout,
        repository,
        cluster,
        remotes,
        disclosure,
        drift: domain::Drift::Affected,
        decryption,
        until: None,
    }
}

fn renders(findings: &Findings) -> bool {
    findings.kustomizations.iter().all(|k| matches!(k.finding, Finding::Changes { .. }))
}

#[tokio::test]
async fn each_cluster_is_asked_and_named_with_its_own_controller() {
    let Some(kubeconfig) = part("PREFLUX_TEST_KUBECONFIG").map(PathBuf::from) else { return };
    let admin = TestCluster::open(&kubeconfig).unwrap();
    let front = Front::before(&kubeconfig);
    for object in objects() {
        admin.apply(&object).await.unwrap();
    }
    let checkout = checkout();

    let old = cluster("old", front.kubeconfig(), NAMESPACE).await;
    let found = analyse(question(&checkout, old.clone())).await;
    assert!(
        renders(&found) && found.notes.is_empty(),
        "the Deployment says 1.8, which is lenient: {found:#?}"
    );

    let unseen = cluster("unseen", front.kubeconfig(), "nowhere-at-all").await;
    let found = analyse(question(&checkout, unseen.clone())).await;
    assert!(!renders(&found), "1.9.4 is assumed, which is strict: {found:#?}");
    assert!(
        found.notes[0].contains("1.9.4 is assumed") && found.notes[0].contains("nowhere-at-all"),
        "{found:#?}"
    );

    let gone = Err("its kubeconfig is missing".to_owned());
    let more = [("unseen".to_owned(), unseen), ("gone".to_owned(), gone)];
    let found = analyse_all(question(&checkout, old), &more).await;
    assert_eq!(found.cluster, ClusterAsked::Yes { name: "old, unseen".to_owned() });
    let names: Vec<_> =
        found.kustomizations.iter().map(|k| (k.name.as_str(), k.cluster.as_deref())).collect();
    let apps = "several-clusters/apps";
    assert_eq!(names, [(apps, Some("old")), (apps, Some("unseen"))]);
    assert_eq!((found.coverage.known, found.coverage.rendered), (3, 1));
    assert_eq!(found.coverage.unresolved[0].name, "every Kustomization on gone");
    assert_eq!(found.coverage.unresolved[0].why, "its kubeconfig is missing");
}
