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

/// A controller that takes no source from another namespace, and Kustomizations of this repository and another in one.
fn blocked_objects() -> Vec<Value> {
    let (here, there) = ("blocked-refs", "blocked-refs-team");
    let metadata = |namespace: &str, name: &str| json!({"name": name, "namespace": namespace});
    let source = |name: &str, url: &str| {
        json!({"apiVersion": "source.toolkit.fluxcd.io/v1", "kind": "GitRepository", "metadata": metadata(here, name),
            "spec": {"interval": "1m", "url": url, "ref": {"branch": "main"}}})
    };
    let kustomization = |namespace: &str, name: &str, source: &str| {
        json!({"apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization", "metadata": metadata(namespace, name),
            "spec": {"interval": "10m", "prune": true, "path": "./apps", "postBuild": {"substitute": {"set": "1", "unset": "2"}},
                "sourceRef": {"kind": "GitRepository", "name": source, "namespace": here}}})
    };
    let image = "ghcr.io/fluxcd/kustomize-controller:v1.9.4";
    let container = json!({"name": "manager", "image": image, "args": ["--no-cross-namespace-refs=true"]});
    let labels = json!({"app": "kustomize-controller"});
    vec![
        json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": here}}),
        json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": there}}),
        source("fleet", BLOCKED_URL),
        source("other", "https://git.example/acme/other"),
        kustomization(here, "near", "fleet"),
        kustomization(there, "far", "fleet"),
        kustomization(there, "foreign", "other"),
        json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata(here, "kustomize-controller"),
            "spec": {"selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels},
                "spec": {"containers": [container]}}}}),
    ]
}

const BLOCKED_URL: &str = "https://git.example/acme/blocked-refs";

#[tokio::test]
async fn a_controller_without_cross_namespace_refs_applies_nothing_from_another_namespace() {
    let Some(kubeconfig) = part("PREFLUX_TEST_KUBECONFIG").map(PathBuf::from) else { return };
    let admin = TestCluster::open(&kubeconfig).unwrap();
    let front = Front::before(&kubeconfig);
    for object in blocked_objects() {
        admin.apply(&object).await.unwrap();
    }
    let checkout = checkout();
    let asked = async |flux: &str| {
        let repository = Repository::Known { urls: vec![BLOCKED_URL.to_owned()], branch: "main".to_owned() };
        let cluster = cluster("production", front.kubeconfig(), flux).await;
        let found = analyse(Question { repository, ..question(&checkout, cluster) }).await;
        let names = found.kustomizations.iter().map(|k| (k.name.clone(), k.finding.clone()));
        names.collect::<std::collections::BTreeMap<_, _>>()
    };

    let found = asked("blocked-refs").await;
    assert_eq!(
        found.keys().collect::<Vec<_>>(),
        ["blocked-refs-team/far", "blocked-refs/near"],
        "{found:#?}"
    );
    assert!(matches!(found["blocked-refs/near"], Finding::Changes { .. }), "{found:#?}");
    let far = format!("{:?}", found["blocked-refs-team/far"]);
    assert!(far.contains("--no-cross-namespace-refs") && !far.contains("Changes"), "{far}");

    // A controller that was not seen is taken for one without arguments.
    let found = asked("nowhere-at-all").await;
    assert!(matches!(found["blocked-refs-team/far"], Finding::Changes { .. }), "{found:#?}");
}
