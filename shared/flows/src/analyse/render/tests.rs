//! Whatever a fleet looks like and whatever changes: what is not rendered again is what it would have been.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use domain::report::{Comparison, Mode};
use kustomize::MemoryTree;
use ports::Checkout;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};

use super::{Roster, Side, Sources, base, result, settle};
use crate::analyse::decryption::{DecryptionAccess, Opened};
use crate::analyse::discover::{self, Known};
use crate::analyse::{Question, RemoteAccess, Repository, remote, variables};

type Files = BTreeMap<String, String>;

const URL: &str = "https://git.example/acme/fleet";
/// Directories whose names begin alike, and one that others draw on.
const DIRS: [&str; 6] = ["apps/foo", "apps/foobar", "apps", "base", "teams", "lib"];

/// Numbers from a list that proptest shrinks; zero when it is used up.
struct Dice<'a>(std::slice::Iter<'a, u8>);

impl Dice<'_> {
    fn below(&mut self, n: usize) -> usize {
        self.0.next().map_or(0, |byte| usize::from(*byte) % n)
    }

    fn pick<'a>(&mut self, all: &[&'a str]) -> &'a str {
        all[self.below(all.len())]
    }
}

fn source(name: &str, spec: Value) -> Value {
    let mut spec = spec;
    spec["url"] = json!(URL);
    spec["ref"] = json!({"branch": "main"});
    json!({"apiVersion": "source.toolkit.fluxcd.io/v1", "kind": "GitRepository",
        "metadata": {"name": name, "namespace": "flux-system"}, "spec": spec})
}

/// Sources of one repository: as it is, with ignore rules, a part of it, and one that includes another.
fn sources(dice: &mut Dice<'_>) -> Vec<Value> {
    let include =
        json!([{"repository": {"name": "plain"}, "fromPath": dice.pick(&DIRS), "toPath": "lib/in"}]);
    vec![
        source("plain", json!({})),
        source("strict", json!({"ignore": dice.pick(&["/apps/foo/\n", "*.md\n", "/*\n!/apps\n"])})),
        source("sparse", json!({"sparseCheckout": [dice.pick(&DIRS)]})),
        source("mixed", json!({"include": include, "sparseCheckout": [dice.pick(&DIRS)]})),
    ]
}

fn kustomization(name: &str, dice: &mut Dice<'_>) -> Value {
    let path = format!("./{}", dice.pick(&DIRS));
    let source = dice.pick(&["plain", "plain", "plain", "strict", "sparse", "mixed"]);
    let mut spec = json!({"path": path, "interval": "1m", "prune": dice.below(4) > 0,
        "sourceRef": {"kind": "GitRepository", "name": source}});
    match dice.below(5) {
        0 => spec["targetNamespace"] = json!(dice.pick(&["a", "b"])),
        1 => spec["postBuild"] = json!({"substitute": {"x": dice.pick(&["1", "2"])}}),
        2 => {
            spec["postBuild"] =
                json!({"substituteFrom": [{"kind": "ConfigMap", "name": "vars", "optional": true}]});
        }
        3 => spec["dependsOn"] = json!([{"name": dice.pick(&["k0", "k1", "k2"])}]),
        _ => {}
    }
    json!({"apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization",
        "metadata": {"name": name, "namespace": "flux-system"}, "spec": spec})
}

/// A file that stands somewhere in a directory.
fn file(dice: &mut Dice<'_>) -> (String, String) {
    let dir = dice.pick(&DIRS);
    let map = |name: &str, value: &str| {
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": "flux-system"},
            "data": {"x": value}})
        .to_string()
    };
    let value = dice.pick(&["1", "2", "${x:=none}"]);
    match dice.below(9) {
        0 => (format!("{dir}/kustomization.yaml"), "resources: [a.yaml]\n".into()),
        1 => (format!("{dir}/kustomization.yaml"), "resources: [../base]\nnamePrefix: p-\n".into()),
        2 => (
            format!("{dir}/kustomization.yaml"),
            "configMapGenerator: [{name: made, files: [notes.md]}]\n".into(),
        ),
        3 => (format!("{dir}/notes.md"), value.to_owned()),
        4 => (format!("{dir}/vars.yaml"), map("vars", dice.pick(&["1", "2"]))),
        5 => (format!("{dir}/.sourceignore"), dice.pick(&["a.yaml\n", "notes.md\n", "# none\n"]).to_owned()),
        6 => (format!("{dir}/child.yaml"), kustomization(dice.pick(&["k1", "k2", "c0"]), dice).to_string()),
        _ => (format!("{dir}/{}.yaml", dice.pick(&["a", "b"])), map(&dir.replace('/', "-"), value)),
    }
}

fn fleet(dice: &mut Dice<'_>) -> Files {
    let mut files: Files = (0..8 + dice.below(10)).map(|_| file(dice)).collect();
    for name in ["k0", "k1", "k2"].iter().take(1 + dice.below(3)) {
        files.insert(format!("clusters/{name}.yaml"), kustomization(name, dice).to_string());
    }
    let sources: Vec<String> = sources(dice).iter().map(Value::to_string).collect();
    files.insert("clusters/sources.yaml".into(), sources.join("\n---\n"));
    files
}

/// Files come, go and change; now and then sources and Kustomizations do too.
fn changed(files: &Files, dice: &mut Dice<'_>) -> Files {
    let mut files = files.clone();
    for _ in 0..dice.below(4) {
        match dice.below(6) {
            0 => {
                let path = files.keys().nth(dice.below(files.len())).cloned().unwrap();
                files.remove(&path);
            }
            1 => {
                let name = dice.pick(&["k0", "k1", "k2", "k3"]);
                files.insert(format!("clusters/{name}.yaml"), kustomization(name, dice).to_string());
            }
            2 => {
                let sources: Vec<String> = sources(dice).iter().map(Value::to_string).collect();
                files.insert("clusters/sources.yaml".into(), sources.join("\n---\n"));
            }
            _ => files.extend([file(dice)]),
        }
    }
    files
}

fn checkout(before: &Files, after: &Files) -> Checkout {
    let paths: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    Checkout {
        base: Arc::new(MemoryTree::new(before.clone())),
        result: Arc::new(MemoryTree::new(after.clone())),
        changed: paths.into_iter().filter(|p| before.get(*p) != after.get(*p)).cloned().collect(),
        comparison: Comparison {
            base: "b".repeat(40).parse().unwrap(),
            result: "e".repeat(40).parse().unwrap(),
            mode: Mode::MergeResult,
        },
        notes: Vec::new(),
    }
}

/// What a side shows of itself.
fn shown(side: &Side) -> Vec<String> {
    let node = |key| {
        let node = &side.nodes[key];
        let objects = node.outcome.as_ref().map(|rendered| &rendered.objects);
        format!("{key} {:?} {objects:?}", node.kustomization.spec)
    };
    let mut all: Vec<String> = side.order.iter().map(node).collect();
    all.extend(side.foreign.iter().map(|(key, foreign)| format!("{key}: {}", foreign.why)));
    all.extend(side.notes.iter().cloned());
    all
}

/// How many of the result's Kustomizations were proved identical, and how many were not.
async fn check(before: &Files, after: &Files, live: bool) -> (usize, usize) {
    let checkout = checkout(before, after);
    let repository = Repository::Known { urls: vec![URL.to_owned()], branch: "main".to_owned() };
    let remotes = RemoteAccess::None("nothing is fetched here".to_owned());
    let decryption = DecryptionAccess::None("no keys".to_owned());
    let question = Question {
        checkout: &checkout,
        repository,
        cluster: Err(String::new()),
        remotes,
        drift: domain::Drift::Off,
        disclosure: domain::provenance::Disclosure::LiveValues,
        decryption,
        until: None,
    };
    let all: Vec<Known> = match live {
        true => vec![discover::as_live(&question, vec![source("plain", json!({}))], vec![root()])],
        false => discover::as_files(&question).await,
    };
    let (mut proved, mut again) = (0, 0);
    for known in &all {
        let (same, other) = check_known(&question, known).await;
        (proved, again) = (proved + same, again + other);
    }
    (proved, again)
}

async fn check_known(question: &Question<'_>, known: &Known) -> (usize, usize) {
    let checkout = question.checkout;
    let (values, remotes) = (variables::Source::new(None), remote::Fetched::new(question.remotes.clone()));
    let data_keys = Opened::new(question.decryption.clone());
    let from = Sources { known, values: &values, remotes: &remotes, data_keys: &data_keys, earlier: None };
    let base = base(checkout, from).await;
    let by_detection = result(checkout, from, &base).await;
    let roster = match &known.at_result {
        Some(found) => Roster::Files(found, Some(&base)),
        None => Roster::After(&base, &known.live),
    };
    let from_scratch = settle(&checkout.result, from, roster, None).await;
    assert_eq!(shown(&by_detection), shown(&from_scratch), "{:#?}", checkout.changed);
    assert!(from_scratch.nodes.values().all(|node| !node.proved));
    let proved = by_detection.nodes.values().filter(|node| node.proved).count();
    (proved, by_detection.nodes.len() - proved)
}

/// The Kustomization that the cluster begins with.
fn root() -> Value {
    json!({"apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization",
        "metadata": {"name": "root", "namespace": "flux-system"},
        "spec": {"path": "clusters", "interval": "1m", "prune": true,
            "sourceRef": {"kind": "GitRepository", "name": "plain"}}})
}

#[test]
fn what_is_proved_identical_is_what_rendering_gives() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (proved, again) = (Cell::new(0), Cell::new(0));
    let config = Config { cases: 200, failure_persistence: None, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(
        config,
        proptest::test_runner::TestRng::deterministic_rng(proptest::test_runner::RngAlgorithm::ChaCha),
    );
    let given =
        (prop::collection::vec(any::<u8>(), 150..200), prop::collection::vec(any::<u8>(), 30), any::<bool>());
    let outcome = runner.run(&given, |(fleet_dice, change_dice, live)| {
        let before = fleet(&mut Dice(fleet_dice.iter()));
        let after = changed(&before, &mut Dice(change_dice.iter()));
        let (same, other) = runtime.block_on(check(&before, &after, live));
        proved.set(proved.get() + same);
        again.set(again.get() + other);
        Ok(())
    });
    outcome.unwrap();
    assert!(proved.get() > 100 && again.get() > 100, "{} proved, {} again", proved.get(), again.get());
}
