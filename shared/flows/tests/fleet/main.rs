//! A whole fleet: its report does not depend on the order of answers, nor on what is read ahead; and what there is no time for is said.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod cluster;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use domain::Drift;
use domain::change::Check;
use domain::provenance::Disclosure;
use domain::report::{ClusterAsked, Comparison, Finding, KustomizationReport, Mode};
use flows::analyse::{DecryptionAccess, Findings, Question, RemoteAccess, Repository, analyse};
use kustomize::MemoryTree;
use ports::{Checkout, FluxObjects};
use serde_json::json;
use tokio::time::Instant;

use cluster::{Scattered, Silent};

const URL: &str = "https://git.example/acme/fleet";

/// So many Kustomizations with so many objects each; the first object of each changes.
#[derive(Clone, Copy)]
struct Fleet {
    kustomizations: usize,
    objects: usize,
}

impl Fleet {
    fn flux(self) -> FluxObjects {
        let metadata = |name: &str| json!({"name": name, "namespace": "flux-system"});
        let from = json!({"kind": "GitRepository", "name": "fleet"});
        let kustomizations = (0..self.kustomizations).map(|n| {
            json!({
                "apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization", "metadata": metadata(&format!("k{n}")),
                "spec": {"path": format!("./k{n}"), "prune": true, "interval": "1m", "sourceRef": from},
            })
        });
        let source = json!({
            "apiVersion": "source.toolkit.fluxcd.io/v1", "kind": "GitRepository", "metadata": metadata("fleet"),
            "spec": {"url": URL, "ref": {"branch": "main"}},
        });
        FluxObjects { kustomizations: kustomizations.collect(), git_repositories: vec![source] }
    }

    fn files(self, first: &str) -> BTreeMap<String, Vec<u8>> {
        let text = |kustomization: usize| {
            let mut text = String::new();
            for object in 0..self.objects {
                let value = if object == 0 { first } else { "same" };
                let name = format!("k{kustomization}-o{object}");
                let _ = write!(
                    text,
                    "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}, namespace: apps}}\ndata: {{value: {value}}}\n"
                );
            }
            text.into_bytes()
        };
        (0..self.kustomizations).map(|n| (format!("k{n}/all.yaml"), text(n))).collect()
    }

    async fn findings(self, cluster: &Arc<Scattered>, until: Option<Instant>) -> Findings {
        let (base, result) = (self.files("before"), self.files("after"));
        let changed: BTreeSet<String> = base.keys().cloned().collect();
        let checkout = Checkout {
            base: Arc::new(MemoryTree::new(base)),
            result: Arc::new(MemoryTree::new(result)),
            changed,
            comparison: Comparison {
                base: "b".repeat(40).parse().unwrap(),
                result: "e".repeat(40).parse().unwrap(),
                mode: Mode::MergeResult,
            },
            notes: Vec::new(),
        };
        analyse(Question {
            checkout: &checkout,
            repository: Repository::Known { urls: vec![URL.to_owned()], branch: "main".to_owned() },
            cluster: Ok(cluster.clone()),
            remotes: RemoteAccess::None("nothing is fetched here".to_owned()),
            disclosure: Disclosure::LiveValues,
            drift: Drift::Affected,
            decryption: DecryptionAccess::None("no keys".to_owned()),
            until,
        })
        .await
    }
}

fn checks(report: &KustomizationReport) -> Vec<&Check> {
    match &report.finding {
        Finding::Changes { changes } => changes.iter().map(|change| &change.check).collect(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_fleet_of_5000_objects_has_one_report_whatever_the_order_of_answers() {
    let fleet = Fleet { kustomizations: 100, objects: 50 };
    let mut told = Vec::new();
    for seed in 0..3 {
        let cluster = Arc::new(Scattered::new(seed, fleet.flux()));
        let found = fleet.findings(&cluster, None).await;
        let names: Vec<&str> = found.kustomizations.iter().map(|one| one.name.as_str()).collect();
        assert_eq!(names.len(), fleet.kustomizations, "{:?}", found.coverage);
        assert!(found.kustomizations.iter().all(|one| checks(one) == [&Check::DryRun]));
        let drifted: usize = found.kustomizations.iter().map(|one| one.drift.len()).sum();
        assert!((400..900).contains(&drifted), "{drifted}");
        assert!(cluster.ahead.load(Ordering::Relaxed) > 3_000, "most are read ahead");
        assert!(cluster.reads.load(Ordering::Relaxed) > 1_000, "the others are read by themselves");
        told.push(format!("{found:?}"));
    }
    assert!(told.windows(2).all(|two| two[0] == two[1]), "the report depends on the order of answers");
}

const LIMIT: Duration = Duration::from_secs(240);

/// What is found of a cluster that never answers one thing, and that nothing was asked of it about objects.
async fn in_time(silent: Silent) -> Findings {
    let fleet = Fleet { kustomizations: 2, objects: 20 };
    let cluster = Arc::new(Scattered { silent, ..Scattered::new(7, fleet.flux()) });
    let begun = Instant::now();
    let found = fleet.findings(&cluster, Some(begun + LIMIT)).await;
    assert_eq!(begun.elapsed().as_secs(), LIMIT.as_secs(), "nobody waits any longer");
    assert_eq!(cluster.dry_runs.load(Ordering::Relaxed) + cluster.reads.load(Ordering::Relaxed), 0);
    assert!(found.notes.iter().any(|note| note.starts_with("The time for comparing")), "{:?}", found.notes);
    found
}

#[tokio::test(start_paused = true)]
async fn what_there_is_no_time_for_is_said_of_each_object() {
    let why = "the time for comparing was over before the API server was asked";
    let unchecked = Check::NotValidated { why: why.to_owned() };
    for silent in [Silent::Controller, Silent::Ahead] {
        for one in &in_time(silent).await.kustomizations {
            assert_eq!(checks(one), [&unchecked]);
            let name = one.name.trim_start_matches("flux-system/");
            let unseen = format!("`ConfigMap/apps/{name}-o10` and 9 more ({why}).");
            let said = one.notes.iter().any(|note| note.ends_with(&unseen));
            assert!(one.drift.is_empty() && said, "{:?}", one.notes);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_cluster_that_never_answers_is_said_not_to_have_been_asked() {
    for silent in [Silent::Locks, Silent::FluxObjects] {
        let ClusterAsked::No { why } = in_time(silent).await.cluster else { panic!("it did not answer") };
        let late = "cluster `scattered` did not answer before the time for comparing was over";
        assert!(why.starts_with(late), "{why}");
    }
}
