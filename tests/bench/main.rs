//! How long a pull request's diff takes, beside what `flux diff kustomization` does for the same Kustomizations: one object after
//! the other, a read and a dry-run each. Both meet the same API server through the recording front, 5 ms away.
//!
//! `bench-diff KUBECONFIG ORACLE ROUNDS` prints one line of JSON; `cargo xtask bench diff` makes a page of it.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark that cannot run says why and ends"
)]

#[expect(dead_code, reason = "tests use more of it")]
#[path = "../front/mod.rs"]
mod front;
mod world;

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use domain::Drift;
use domain::provenance::Disclosure;
use flows::analyse::{DecryptionAccess, Findings, Question, RemoteAccess, Repository, analyse};
use kubernetes::KubeCluster;
use serde_json::{Value, json};
use testkit::cluster::TestCluster;

use front::{Counts, Front};
use world::{Size, World};

/// How far away the API server is.
const AWAY: Duration = Duration::from_millis(5);

/// 500 objects, 20 of which change.
const SIZE: Size = Size { namespace: "bench-diff", kustomizations: 10, apps: 10, newer: 2 };

#[tokio::main]
async fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [kubeconfig, oracle, rounds] = &args[..] else { panic!("KUBECONFIG ORACLE ROUNDS") };
    let world = World::new(SIZE);
    world.seed(&TestCluster::open(Path::new(kubeconfig)).unwrap()).await;
    let front = Front::with(&PathBuf::from(kubeconfig), AWAY, &[]);
    let (mut ours, mut whole, mut limited, mut unlimited) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let (mut our_requests, mut whole_requests, mut their_requests) = Default::default();
    for _ in 0..rounds.parse().unwrap() {
        front.take();
        ours.push(our_time(&world, &front, Drift::Changed).await);
        our_requests = Counts::of(&front.take());
        whole.push(our_time(&world, &front, Drift::Affected).await);
        whole_requests = Counts::of(&front.take());
        // What flux's command line bounds itself to, and no bound.
        limited.push(their_time(&world, &front, oracle, 50));
        their_requests = Counts::of(&front.take());
        unlimited.push(their_time(&world, &front, oracle, 1_000_000));
    }
    let requests = |c: Counts| json!({"discovery": c.discovery, "lists": c.lists, "reads": c.reads, "dry_runs": c.dry_runs});
    let result = json!({
        "objects": world.objects(), "changed": world.changed(), "kustomizations": world.kustomizations(),
        "away_ms": AWAY.as_millis(), "ours_ms": ours, "ours_affected_ms": whole, "flux_ms": limited, "flux_unlimited_ms": unlimited,
        "our_requests": requests(our_requests), "our_affected_requests": requests(whole_requests), "their_requests": requests(their_requests),
    });
    println!("{result}");
}

/// From a checkout to findings, with a client that knows nothing of the cluster yet.
async fn our_time(world: &World, front: &Front, drift: Drift) -> f64 {
    let checkout = world.checkout();
    let begun = Instant::now();
    let cluster = KubeCluster::from_file("bench", front.kubeconfig(), &kubernetes::Options::default()).await;
    let repository = Repository::Known { urls: vec![world.url()], branch: "main".to_owned() };
    let remotes = RemoteAccess::None("nothing is fetched here".to_owned());
    let cluster: Arc<dyn ports::Cluster> = Arc::new(cluster.unwrap());
    let disclosure = Disclosure::LiveValues;
    let decryption = DecryptionAccess::None("no keys".to_owned());
    let question = Question {
        checkout: &checkout,
        repository,
        cluster: Ok(cluster),
        remotes,
        disclosure,
        drift,
        decryption,
        until: None,
    };
    let found = analyse(question).await;
    let took = begun.elapsed();
    check(world, &found);
    took.as_secs_f64() * 1e3
}

fn check(world: &World, found: &Findings) {
    let mut kinds = BTreeMap::new();
    for kustomization in &found.kustomizations {
        let finding = serde_json::to_value(&kustomization.finding).unwrap();
        let text = finding.to_string();
        *kinds.entry("dry_run").or_insert(0) += text.matches("\"check\":\"dry_run\"").count();
        assert!(!text.contains("not_validated") && !text.contains("refused"), "{text}");
    }
    assert_eq!(found.kustomizations.len(), world.kustomizations(), "{:?}", found.coverage);
    let changes = found.kustomizations.iter().map(changes).sum::<usize>();
    assert_eq!(changes, world.changed(), "{kinds:?}");
}

fn changes(kustomization: &domain::report::KustomizationReport) -> usize {
    match &kustomization.finding {
        domain::report::Finding::Changes { changes } => changes.len(),
        other => panic!("{other:?}"),
    }
}

/// Flux's own package over every object of the same Kustomizations, in a process of its own that is up already.
fn their_time(world: &World, front: &Front, oracle: &str, qps: u32) -> f64 {
    let mut child = Command::new(oracle).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let question = json!({"op": "diff", "diff": {
        "kubeconfig": front.kubeconfig(), "objects": world.result(), "force": false, "qps": qps,
    }});
    writeln!(child.stdin.take().unwrap(), "{question}").unwrap();
    let answer: Value = serde_json::from_slice(&child.wait_with_output().unwrap().stdout).unwrap();
    let verdicts = answer["verdicts"].as_array().unwrap_or_else(|| panic!("{answer}"));
    let configured = verdicts.iter().filter(|verdict| verdict["action"] == "configured").count();
    let unchanged = verdicts.iter().filter(|verdict| verdict["action"] == "unchanged").count();
    assert_eq!((configured, unchanged), (world.changed(), world.objects() - world.changed()), "{answer}");
    answer["micros"].as_f64().unwrap() / 1e3
}
