//! Whole cases as folders: `tests/scenarios/NAME` holds a sentence of prose, the files before (`base`) and what the pull request writes
//! (`pull`, with the removed paths in a file `REMOVED`), objects of the cluster (`cluster`), and the report that must come out.
//!
//! Each is analysed twice: without a cluster (`expected-render.txt`), and on a real API server that holds what Flux would have
//! applied from the base (`expected-cluster.txt`; not where there is no `clusters/prod/fleet.yaml`). `UPDATE_EXPECT=1` writes the expectations anew: read the difference before you keep it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use age_keys::AgeKeys;
use anyhow::{Context as _, ensure};
use domain::Drift;
use domain::provenance::Disclosure;
use domain::report::{Comparison, Mode, Report};
use domain::{Author, PullKey, PullRequest, PullState, Trust};
use flows::analyse::{DecryptionAccess, Findings, Question, RemoteAccess, Repository, analyse};
use flux::control::{self, SsaPolicy};
use flux::{Artifact, Follows, GitRepository, Kustomization, ObjectKey, Variables};
use kubernetes::{FluxAt, KubeCluster};
use kustomize::MemoryTree;
use ports::{Checkout, Cluster, ConfigRef};
use serde_json::{Value, json};
use testkit::cluster::TestCluster;

use crate::budget::{Side, overrun};
use crate::front::Front;
use crate::support::{eventually, part, root};
use crate::verdicts;

/// Objects in files that start so are applied after Flux's own: with a status as its controller would write it.
const AFTERWARDS: &str = "zz-";
/// Likewise, as somebody with `kubectl` would.
const BY_HAND: &str = "zz-kubectl";
/// And these as `kubectl` makes them without server-side apply: it holds every default too.
const MADE_BY_HAND: &str = "zz-kubectl-create";
/// Likewise, as the field manager that the rest of the name says.
const BY_OTHERS: &str = "zz-by-";
/// Objects in this file are deleted after all that.
const ABSENT: &str = "zz-absent.yaml";
/// No report may hold any value that starts so, in plain or in base64.
const SECRET: [&str; 2] = ["s3cr3t", "czNjcjN0"];

type Files = BTreeMap<String, Vec<u8>>;

struct Scenario {
    name: String,
    dir: PathBuf,
    base: Files,
    result: Files,
    cluster: Files,
}

fn scenarios() -> Vec<Scenario> {
    let all = std::fs::read_dir(root().join("tests/scenarios")).unwrap();
    let mut dirs: Vec<PathBuf> =
        all.map(|entry| entry.unwrap().path()).filter(|path| path.is_dir()).collect();
    dirs.sort();
    dirs.into_iter().map(Scenario::read).collect()
}

/// Every file below `dir`, by its path from there; none when there is no such folder.
fn files(dir: &Path) -> Files {
    let mut found = Files::new();
    let mut waiting = vec![dir.to_owned()];
    while let Some(next) = waiting.pop() {
        for entry in std::fs::read_dir(&next).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                waiting.push(path);
            } else {
                let name = path.strip_prefix(dir).unwrap().to_string_lossy().into_owned();
                found.insert(name, std::fs::read(&path).unwrap());
            }
        }
    }
    found
}

impl Scenario {
    /// Whether the case is one of files alone: it names no source that a cluster could hold.
    fn is_of_files_alone(&self) -> bool {
        !self.base.contains_key("clusters/prod/fleet.yaml")
    }

    fn read(dir: PathBuf) -> Self {
        let (base, mut pull) = (files(&dir.join("base")), files(&dir.join("pull")));
        let removed = String::from_utf8(pull.remove("REMOVED").unwrap_or_default()).unwrap();
        let mut result = base.clone();
        result.extend(pull);
        for path in removed.lines() {
            assert!(result.remove(path).is_some(), "{}: `{path}` is not there to be removed", dir.display());
        }
        let name = dir.file_name().unwrap().to_string_lossy().into_owned();
        Self { name, base, result, cluster: files(&dir.join("cluster")), dir }
    }

    fn url(&self) -> String {
        format!("https://git.example/scenarios/{}", self.name)
    }

    fn checkout(&self) -> Checkout {
        let paths: BTreeSet<&String> = self.base.keys().chain(self.result.keys()).collect();
        let changed = paths.into_iter().filter(|path| self.base.get(*path) != self.result.get(*path));
        Checkout {
            base: Arc::new(MemoryTree::new(self.base.clone())),
            result: Arc::new(MemoryTree::new(self.result.clone())),
            changed: changed.cloned().collect(),
            comparison: Comparison {
                base: "b".repeat(40).parse().unwrap(),
                result: "e".repeat(40).parse().unwrap(),
                mode: Mode::MergeResult,
            },
            notes: Vec::new(),
        }
    }

    /// The source and the first Kustomization, and the cluster's own objects.
    fn beginnings(&self) -> (Vec<Value>, Vec<Value>) {
        let flux = documents(&self.base["clusters/prod/fleet.yaml"]).unwrap();
        (flux, self.cluster.values().flat_map(|bytes| documents(bytes).unwrap()).collect())
    }

    /// Where Flux's verdict on an object of the result is another than ours.
    async fn verdicts(&self, parts: &mut verdicts::Parts) -> Vec<String> {
        let (flux, known) = self.beginnings();
        let mut wrong = Vec::new();
        for (owner, objects) in Side::of(&flux, &self.result, &known).rendered {
            for object in objects {
                let why = parts.difference(&owner, &object).await;
                wrong.extend(why.map(|why| format!("{}: {why}", self.name)));
            }
        }
        wrong
    }

    /// The identities in `age.key`, which the cluster's worker has; without the file it has none.
    fn decryption(&self) -> DecryptionAccess {
        let Ok(identities) = std::fs::read_to_string(self.dir.join("age.key")) else {
            return DecryptionAccess::None("no keys are configured for its cluster".to_owned());
        };
        DecryptionAccess::With(Arc::new(AgeKeys::read(&identities.into()).unwrap()))
    }

    async fn report(&self, cluster: Result<Arc<dyn Cluster>, String>) -> String {
        let checkout = self.checkout();
        let repository = Repository::Known { urls: vec![self.url()], branch: "main".to_owned() };
        let remotes = RemoteAccess::None("nothing is fetched here".to_owned());
        let Findings { cluster, kustomizations, coverage, notes } = analyse(Question {
            checkout: &checkout,
            repository,
            cluster,
            remotes,
            disclosure: Disclosure::LiveValues,
            drift: Drift::Affected,
            decryption: self.decryption(),
            until: None,
        })
        .await;
        let report = Report {
            id: "scenario".parse().unwrap(),
            pull: pull_request(&self.name),
            comparison: checkout.comparison,
            cluster,
            trust: Trust::Configured,
            kustomizations,
            coverage,
            notes,
            made_at: 1_700_000_000,
        };
        report::text(&report)
    }

    /// The expectation on an API server; the oldest that is supported has one of its own where it answers otherwise.
    fn expected_on_cluster(&self, report: &str) -> &'static str {
        let (own, all) = ("expected-cluster-oldest.txt", "expected-cluster.txt");
        if std::env::var("PREFLUX_TEST_KUBERNETES").is_ok_and(|version| version == "oldest") {
            let as_others = std::fs::read_to_string(self.dir.join(all)).is_ok_and(|text| text == report);
            let updates = std::env::var_os("UPDATE_EXPECT").is_some();
            if self.dir.join(own).exists() || (updates && !as_others) {
                return own;
            }
        }
        all
    }

    /// Compares with the expectation, or writes it; gives what is wrong.
    fn check(&self, file: &str, report: &str) -> Option<String> {
        if let Some(word) = SECRET.iter().find(|word| report.contains(**word)) {
            return Some(format!("{}: the report shows a secret (`{word}…`):\n{report}", self.name));
        }
        let path = self.dir.join(file);
        if std::env::var_os("UPDATE_EXPECT").is_some() {
            std::fs::write(&path, report).unwrap();
        }
        let expected = std::fs::read_to_string(&path).unwrap_or_default();
        (expected != report).then(|| {
            format!("{}: not as in {file} (UPDATE_EXPECT=1 writes it anew). Instead:\n{report}", self.name)
        })
    }

    /// Gives the cluster what it would hold: the scenario's own objects, and what Flux applies from the base branch.
    async fn seed(&self, cluster: &TestCluster) -> anyhow::Result<()> {
        let own = self.cluster.iter();
        let (afterwards, first): (Vec<_>, Vec<_>) = own.partition(|(path, _)| path.starts_with(AFTERWARDS));
        let mut known = Vec::new();
        for (path, bytes) in first {
            for object in documents(bytes)? {
                apply(cluster, &object).await.with_context(|| path.clone())?;
                known.push(object);
            }
        }
        let tree = MemoryTree::new(self.base.clone());
        let flux = documents(&self.base["clusters/prod/fleet.yaml"])?;
        let mut artifacts = BTreeMap::new();
        self.publish(&tree, &flux[0], &mut artifacts)?;
        let mut waiting = vec![Kustomization::from_value(&flux[1])?];
        let (mut done, mut applied) = (BTreeSet::new(), Vec::new());
        while let Some(kustomization) = waiting.pop() {
            // What comes from another repository is not known here.
            let Some(artifact) = artifacts.get(&kustomization.spec.source_ref.key()) else { continue };
            if !done.insert(kustomization.key.to_string()) {
                continue;
            }
            let objects = rendered(artifact, &kustomization, &known)?;
            for object in &objects {
                self.publish(&tree, object, &mut artifacts)?;
            }
            let mut stored = Vec::new();
            for object in &objects {
                let (there, followed) = reconcile(cluster, object).await?;
                if let Some(child) = followed.filter(Kustomization::is) {
                    waiting.push(Kustomization::from_value(&child)?);
                }
                stored.push(there);
            }
            applied.push(inventory(&kustomization, &stored));
        }
        for status in &applied {
            cluster.apply_status(status).await?;
        }
        self.afterwards(cluster, afterwards).await
    }

    /// What a source that follows the branch of this repository, and includes nothing, gives to Kustomizations.
    fn publish<'a>(
        &self,
        tree: &'a MemoryTree,
        object: &Value,
        artifacts: &mut BTreeMap<ObjectKey, Artifact<'a>>,
    ) -> anyhow::Result<()> {
        if object["kind"] != "GitRepository" {
            return Ok(());
        }
        let source = GitRepository::from_value(object)?;
        if source.follows(&[self.url()], "main") == Follows::Branch && source.include.is_empty() {
            artifacts.insert(source.key.clone(), Artifact::new(tree, &source)?);
        }
        Ok(())
    }

    async fn afterwards(&self, cluster: &TestCluster, files: Vec<(&String, &Vec<u8>)>) -> anyhow::Result<()> {
        for (path, bytes) in files {
            for object in documents(bytes)? {
                if path == ABSENT {
                    cluster.delete(&object).await?;
                } else if path.starts_with(MADE_BY_HAND) {
                    cluster.delete(&object).await?;
                    cluster.create_as(&object, "kubectl-client-side-apply").await?;
                } else if path.starts_with(BY_HAND) {
                    cluster.apply_as(&object, "kubectl").await?;
                } else if let Some(manager) = path.strip_prefix(BY_OTHERS) {
                    cluster.apply_as(&object, manager.trim_end_matches(".yaml")).await?;
                } else if object.get("status").is_some() {
                    cluster.apply_status(&object).await?;
                } else {
                    cluster.apply(&object).await?;
                }
            }
        }
        Ok(())
    }
}

/// A Kustomization's status after it applied these objects.
fn inventory(own: &Kustomization, objects: &[Value]) -> Value {
    let ids = objects.iter().filter_map(flux::ObjectId::of);
    let entries: Vec<Value> = ids.map(|id| json!({"id": id.inventory_id(), "v": id.version})).collect();
    json!({
        "apiVersion": own.value["apiVersion"], "kind": "Kustomization",
        "metadata": {"name": own.key.name, "namespace": own.key.namespace},
        "status": {"inventory": {"entries": entries}},
    })
}

fn rendered(artifact: &Artifact<'_>, own: &Kustomization, known: &[Value]) -> anyhow::Result<Vec<Value>> {
    let mut values = BTreeMap::new();
    for reference in flux::substitute_from(own) {
        let named = known.iter().find(|object| object["metadata"]["name"] == reference.name.as_str());
        values.extend(named.map(|object| (reference, object.clone())));
    }
    let variables = Variables::of(own, &values)?;
    let mut objects = flux::render(artifact, own, &variables, &flux::Options::default())?.objects;
    flux::apply_order(&mut objects);
    Ok(objects)
}

/// Applies an object, unless it is switched off, or is there and only to be created: as the inventory names it, and with the fields
/// that steer Flux afterwards, if it is there.
async fn reconcile(cluster: &TestCluster, object: &Value) -> anyhow::Result<(Value, Option<Value>)> {
    let off = control::is_excluded(object);
    if off || control::ssa_policy(object) == SsaPolicy::IfNotPresent {
        let live = cluster.get(object).await?;
        if off || live.is_some() {
            return Ok((object.clone(), live));
        }
    }
    Ok((apply(cluster, object).await?, Some(object.clone())))
}

/// Applies an object; a definition until its kind is served.
async fn apply(cluster: &TestCluster, object: &Value) -> anyhow::Result<Value> {
    let stored = cluster.apply(object).await?;
    if object["kind"] == "CustomResourceDefinition" {
        let (group, kind) = (&object["spec"]["group"], &object["spec"]["names"]["kind"]);
        for version in
            object["spec"]["versions"].as_array().into_iter().flatten().filter(|v| v["served"] == true)
        {
            let version = format!(
                "{}/{}",
                group.as_str().unwrap_or_default(),
                version["name"].as_str().unwrap_or_default()
            );
            let probe = json!({"apiVersion": version, "kind": kind, "metadata": {"name": "probe", "namespace": "default"}});
            eventually("the kind is served", Duration::from_secs(20), async || cluster.get(&probe).await)
                .await;
        }
    }
    Ok(stored)
}

fn documents(bytes: &[u8]) -> anyhow::Result<Vec<Value>> {
    let text = std::str::from_utf8(bytes)?;
    let found = kustomize::yaml::parse_documents_v3(text, &kustomize::Limits::default());
    let found: Vec<Value> =
        found.map_err(|e| anyhow::anyhow!("{e}"))?.into_iter().filter(|v| !v.is_null()).collect();
    ensure!(!found.is_empty(), "a file without an object");
    Ok(found)
}

fn pull_request(title: &str) -> PullRequest {
    PullRequest {
        key: PullKey { repo: "acme/scenarios".parse().unwrap(), number: 1 },
        title: title.to_owned(),
        author: Author { login: "alice".to_owned(), bot: false },
        state: PullState::Open,
        draft: false,
        labels: Default::default(),
        head_branch: "change".to_owned(),
        head: "c".repeat(40).parse().unwrap(),
        base_branch: "main".to_owned(),
        base: "b".repeat(40).parse().unwrap(),
        fork: false,
        head_owner: None,
        url: "https://git.example/acme/scenarios/pull/1".to_owned(),
        updated_at: 1_700_000_000,
        closed_at: None,
    }
}

fn verdict(wrong: Vec<String>) {
    assert!(wrong.is_empty(), "{} scenarios went wrong\n\n{}", wrong.len(), wrong.join("\n\n"));
}

#[tokio::test]
async fn every_scenario_as_rendered() {
    let mut wrong = Vec::new();
    for scenario in scenarios() {
        let report = scenario.report(Err("name one with --kubeconfig FILE".to_owned())).await;
        wrong.extend(scenario.check("expected-render.txt", &report));
    }
    verdict(wrong);
}

#[tokio::test]
async fn every_scenario_on_a_real_api_server() {
    let Some(kubeconfig) = part("PREFLUX_TEST_KUBECONFIG").map(PathBuf::from) else { return };
    let admin = TestCluster::open(&kubeconfig).unwrap();
    let front = Front::before(&kubeconfig);
    let mut parts = verdicts::Parts::find().await;
    let mut wrong = Vec::new();
    for scenario in scenarios().into_iter().filter(|scenario| !scenario.is_of_files_alone()) {
        if let Err(error) = scenario.seed(&admin).await {
            wrong.push(format!("{}: seeding: {error:#}", scenario.name));
            continue;
        }
        let report = scenario.report(Ok(Arc::new(production(&scenario, front.kubeconfig()).await))).await;
        wrong.extend(scenario.check(scenario.expected_on_cluster(&report), &report));
        let asked = front.take();
        if let Some(parts) = &mut parts {
            wrong.extend(scenario.verdicts(parts).await);
        }
        wrong.extend(overrun(&asked).into_iter().map(|why| format!("{}: {why}", scenario.name)));
    }
    verdict(wrong);
}

/// The cluster, which says no version of Flux, with one more behind the Secret `edge` of the scenario's namespace.
async fn production(scenario: &Scenario, kubeconfig: &Path) -> KubeCluster {
    let connect = async |name: &str| {
        KubeCluster::from_file(name, kubeconfig, &kubernetes::Options::default()).await.unwrap()
    };
    let edge: Arc<dyn Cluster> = Arc::new(connect("edge").await);
    let namespace = format!("sc-{}", scenario.name);
    let reference = ConfigRef { secret: true, namespace, name: "edge".to_owned() };
    let flux = FluxAt { version: Some("v1.9.4".to_owned()), ..FluxAt::default() };
    connect("production").await.with_flux(flux).with_remotes([(reference, Ok(edge))].into())
}

#[test]
fn every_scenario_says_in_prose_what_it_shows() {
    for scenario in scenarios() {
        let prose = std::fs::read_to_string(scenario.dir.join("README.md")).unwrap_or_default();
        assert!(prose.trim().ends_with('.') && prose.len() > 30, "{}: README.md says nothing", scenario.name);
        let sides = ["expected-render.txt", "expected-cluster.txt"];
        for side in sides.iter().take(if scenario.is_of_files_alone() { 1 } else { 2 }) {
            assert!(scenario.dir.join(side).exists(), "{}: no {side}", scenario.name);
        }
    }
}
