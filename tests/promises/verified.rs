//! A report says whether the controller itself rendered the base as we do. On a real API server, with the status that
//! kustomize-controller would have written: the digest is what Flux's own packages make of the same files.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use domain::Drift;
use domain::provenance::Disclosure;
use domain::report::{Comparison, Mode, RenderCheck};
use flows::analyse::{DecryptionAccess, Findings, Question, RemoteAccess, Repository, analyse};
use kubernetes::KubeCluster;
use kustomize::MemoryTree;
use ports::Checkout;
use serde_json::{Value, json};
use testkit::cluster::TestCluster;

use crate::front::Front;
use crate::support::part;

const URL: &str = "https://git.example/acme/verified";
const BASE: &str = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";

fn files(replicas: u8) -> BTreeMap<String, String> {
    let apps = format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: web, namespace: verified}}\nspec:\n  replicas: {replicas}\n  \
         selector: {{matchLabels: {{app: web}}}}\n  template:\n    metadata: {{labels: {{app: web}}}}\n    spec:\n      \
         containers: [{{name: web, image: 'web:${{version:=1}}'}}]\n"
    );
    let generator = "resources: [web.yaml]\nconfigMapGenerator:\n- name: settings\n  literals: [colour=blue, 'size=0777']\n";
    [
        ("apps/kustomization.yaml", generator.to_owned()),
        ("apps/web.yaml", apps),
        ("clusters/apps.yaml", kustomization("apps").to_string()),
    ]
    .into_iter()
    .map(|(path, text)| (path.to_owned(), text))
    .collect()
}

fn kustomization(name: &str) -> Value {
    let path = if name == "apps" { "./apps" } else { "./clusters" };
    json!({
        "apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization",
        "metadata": {"name": name, "namespace": "verified"},
        "spec": {
            "interval": "10m", "prune": true, "path": path, "targetNamespace": "verified",
            "sourceRef": {"kind": "GitRepository", "name": "fleet"},
            "postBuild": {"substitute": {"version": "1.10"}},
        },
    })
}

/// The digest that Flux's own packages give.
fn digest_by_flux(oracle: &str, name: &str) -> String {
    let mut child = Command::new(oracle).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let question = json!({"op": "render", "files": files(1), "kustomization": kustomization(name)});
    writeln!(child.stdin.take().unwrap(), "{question}").unwrap();
    let answer: Value = serde_json::from_slice(&child.wait_with_output().unwrap().stdout).unwrap();
    answer["digest"].as_str().unwrap_or_else(|| panic!("{answer}")).to_owned()
}

/// Writes what the controller would have written after it applied `name` at `commit`.
async fn applied(cluster: &TestCluster, name: &str, commit: &str, digest: &str) {
    let mut object = kustomization(name);
    let stored = cluster.apply(&object).await.unwrap();
    object["status"] = json!({
        "observedGeneration": stored["metadata"]["generation"],
        "lastAppliedRevision": format!("main@sha1:{commit}"),
        "history": [{
            "digest": digest, "firstReconciled": "2026-01-01T00:00:00Z", "lastReconciled": "2026-01-01T00:00:00Z",
            "lastReconciledDuration": "1s", "lastReconciledStatus": "ReconciliationSucceeded",
            "totalReconciliations": 1, "metadata": {"revision": format!("main@sha1:{commit}")},
        }],
    });
    cluster.apply_status(&object).await.unwrap();
}

async fn findings(kubeconfig: &Path) -> Findings {
    let checkout = Checkout {
        base: Arc::new(MemoryTree::new(files(1))),
        result: Arc::new(MemoryTree::new(files(3))),
        changed: ["apps/web.yaml".to_owned()].into(),
        comparison: Comparison {
            base: BASE.parse().unwrap(),
            result: "e".repeat(40).parse().unwrap(),
            mode: Mode::MergeResult,
        },
        notes: Vec::new(),
    };
    let front = Front::before(kubeconfig);
    let cluster =
        KubeCluster::from_file("test", front.kubeconfig(), &kubernetes::Options::default()).await.unwrap();
    let repository = Repository::Known { urls: vec![URL.to_owned()], branch: "main".to_owned() };
    let remotes = RemoteAccess::None("nothing is fetched here".to_owned());
    let decryption = DecryptionAccess::None("no keys".to_owned());
    analyse(Question {
        checkout: &checkout,
        repository,
        cluster: Ok(Arc::new(cluster)),
        remotes,
        disclosure: Disclosure::LiveValues,
        drift: Drift::Affected,
        decryption,
        until: None,
    })
    .await
}

fn of_apps(findings: &Findings) -> RenderCheck {
    let apps = findings.kustomizations.iter().find(|k| k.name == "verified/apps");
    apps.and_then(|k| k.render_check.clone()).unwrap_or_else(|| panic!("{findings:#?}"))
}

#[tokio::test]
async fn the_controllers_own_digest_verifies_the_render() {
    let Some(kubeconfig) = part("PREFLUX_TEST_KUBECONFIG").map(PathBuf::from) else { return };
    let Some(oracle) = part("PREFLUX_FLUX_ORACLE") else { return };
    let cluster = TestCluster::open(&kubeconfig).unwrap();
    let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "verified"}});
    cluster.apply(&namespace).await.unwrap();
    let source = json!({
        "apiVersion": "source.toolkit.fluxcd.io/v1", "kind": "GitRepository",
        "metadata": {"name": "fleet", "namespace": "verified"},
        "spec": {"interval": "1m", "url": URL, "ref": {"branch": "main"}},
    });
    cluster.apply(&source).await.unwrap();
    let (root, apps) = (digest_by_flux(&oracle, "root"), digest_by_flux(&oracle, "apps"));

    applied(&cluster, "root", BASE, &root).await;
    applied(&cluster, "apps", BASE, &apps).await;
    let found = findings(&kubeconfig).await;
    assert_eq!(of_apps(&found), RenderCheck::Verified);
    assert_eq!((found.coverage.render_checks.verified, found.coverage.identical), (2, 1));
    assert_eq!(found.held_back(), None);

    let wrong = format!("sha256:{}", "0".repeat(64));
    applied(&cluster, "apps", BASE, &wrong).await;
    let found = findings(&kubeconfig).await;
    assert_eq!(of_apps(&found), RenderCheck::Differs);
    assert_eq!(found.coverage.render_checks.differs, ["verified/apps"]);
    assert!(found.held_back().unwrap().contains("the base of `verified/apps`"), "{:?}", found.held_back());

    applied(&cluster, "apps", &"a".repeat(40), &wrong).await;
    let found = findings(&kubeconfig).await;
    assert!(matches!(of_apps(&found), RenderCheck::NotComparable { why } if why.contains("another commit")));
    assert_eq!((found.coverage.render_checks.verified, found.held_back()), (1, None));
}
