//! Remote bases are fetched once for both sides, from allowed hosts alone, and what is not fetched is said.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use domain::Drift;
use domain::RemoteHosts;
use domain::provenance::Disclosure;
use domain::report::{Comparison, Mode};
use flows::analyse::{DecryptionAccess, Findings, Question, RemoteAccess, Repository, analyse};
use kustomize::MemoryTree;
use ports::{Checkout, CheckoutError, RemoteTree, Remotes};

/// Repositories by `URL@REFERENCE` and files by URL, and a list of what was asked for.
#[derive(Default)]
struct World {
    trees: BTreeMap<String, String>,
    files: BTreeMap<String, String>,
    asked: Mutex<Vec<String>>,
}

#[async_trait]
impl Remotes for World {
    async fn tree(&self, url: &str, reference: Option<&str>) -> Result<RemoteTree, CheckoutError> {
        let name = format!("{url}@{}", reference.unwrap_or("HEAD"));
        self.asked.lock().unwrap().push(name.clone());
        let text = self.trees.get(&name).ok_or(CheckoutError::NotFound(name))?;
        let files = [("web/kustomization.yaml", "resources: [web.yaml]"), ("web/web.yaml", text.as_str())];
        Ok(RemoteTree { tree: Arc::new(MemoryTree::new(files)), commit: "c0ffee".repeat(6) + "abcd" })
    }

    async fn file(&self, url: &str, _: &RemoteHosts) -> Result<Arc<[u8]>, CheckoutError> {
        self.asked.lock().unwrap().push(url.to_owned());
        let text = self.files.get(url).ok_or_else(|| CheckoutError::NotFound(url.to_owned()))?;
        Ok(text.as_bytes().into())
    }
}

const FLUX: &str = "\
apiVersion: source.toolkit.fluxcd.io/v1
kind: GitRepository
metadata: {name: fleet, namespace: flux-system}
spec: {url: 'https://git.example/acme/fleet', ref: {branch: main}}
---
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: apps, namespace: flux-system}
spec: {path: ./apps, prune: true, sourceRef: {kind: GitRepository, name: fleet}}
";

fn config_map(value: &str) -> String {
    format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: web, namespace: web}}\ndata: {{a: {value}}}\n"
    )
}

/// The findings when `apps` changes from one list of resources to the other.
async fn findings(before: &str, after: &str, remotes: RemoteAccess) -> Findings {
    let tree = |resources: &str| {
        let kustomization = format!("resources: [{resources}]\n");
        Arc::new(MemoryTree::new([("flux.yaml", FLUX), ("apps/kustomization.yaml", &kustomization)]))
    };
    let checkout = Checkout {
        base: tree(before),
        result: tree(after),
        changed: ["apps/kustomization.yaml".to_owned()].into(),
        comparison: Comparison {
            base: "b".repeat(40).parse().unwrap(),
            result: "e".repeat(40).parse().unwrap(),
            mode: Mode::Revisions,
        },
        notes: Vec::new(),
    };
    let cluster = Err("no cluster".to_owned());
    let decryption = DecryptionAccess::None("no keys".to_owned());
    analyse(Question {
        checkout: &checkout,
        repository: Repository::Any,
        cluster,
        remotes,
        disclosure: Disclosure::LiveValues,
        drift: Drift::Off,
        decryption,
        until: None,
    })
    .await
}

fn access(world: &Arc<World>, hosts: &[&str]) -> RemoteAccess {
    let hosts: Vec<String> = hosts.iter().map(|h| (*h).to_owned()).collect();
    RemoteAccess::From { hosts: RemoteHosts::new(&hosts).unwrap(), fetch: world.clone() }
}

fn world() -> Arc<World> {
    let at = |reference: &str| format!("https://git.example/acme/bases@{reference}");
    Arc::new(World {
        trees: [(at("v1"), config_map("one")), (at("v2"), config_map("two"))].into(),
        files: [("https://files.example/web.yaml".to_owned(), config_map("three"))].into(),
        asked: Mutex::default(),
    })
}

const V1: &str = "'https://git.example/acme/bases//web?ref=v1'";
const V2: &str = "'https://git.example/acme/bases//web?ref=v2'";

fn shown(findings: &Findings) -> String {
    format!("{findings:?}")
}

#[tokio::test]
async fn another_reference_is_a_change_and_its_commit_is_told() {
    let world = world();
    let found = findings(V1, V2, access(&world, &["git.example"])).await;
    assert_eq!(found.kustomizations.len(), 1, "{found:?}");
    let text = shown(&found);
    assert!(text.contains("one") && text.contains("two"), "{text}");
    assert!(
        found.notes.iter().any(|n| n.contains("?ref=v2` was taken at commit `c0ffeec`")),
        "{:?}",
        found.notes
    );
    let asked = world.asked.lock().unwrap().clone();
    assert_eq!(asked, ["https://git.example/acme/bases@v1", "https://git.example/acme/bases@v2"]);
}

#[tokio::test]
async fn the_same_reference_is_fetched_once_for_both_sides() {
    let world = world();
    let found =
        findings(V1, &format!("{V1}, 'https://files.example/web.yaml'"), access(&world, &["git.example"]))
            .await;
    let text = shown(&found);
    assert!(text.contains("is at no allowed host: add it to `remotes.hosts`"), "{text}");
    assert_eq!(*world.asked.lock().unwrap(), ["https://git.example/acme/bases@v1"]);
}

#[tokio::test]
async fn files_are_fetched_too() {
    let world = world();
    let found =
        findings(V1, "'https://files.example/web.yaml'", access(&world, &["git.example", "files.example"]))
            .await;
    let text = shown(&found);
    assert!(text.contains("one") && text.contains("three"), "{text}");
}

#[tokio::test]
async fn what_may_not_be_fetched_is_an_error_that_says_why() {
    let world = world();
    let why = "nothing is fetched for a pull request of eve";
    let found = findings(V1, V2, RemoteAccess::None(why.to_owned())).await;
    let text = shown(&found);
    assert!(text.contains(why) && text.contains("acme/bases"), "{text}");
    let found =
        findings(V1, "'git@git.example:acme/bases//web?ref=v1'", access(&world, &["git.example"])).await;
    let text = shown(&found);
    assert!(text.contains("`git@git.example:acme/bases` is at no allowed host"), "{text}");
    let found =
        findings(V1, "'https://git.example/acme/none//web?ref=v1'", access(&world, &["git.example"])).await;
    let text = shown(&found);
    assert!(text.contains("does not exist, or cannot be read"), "{text}");
}
