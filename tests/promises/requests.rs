//! How many requests a comparison makes: two for each object that changes, and of the others far fewer than one each; at most one
//! where lists are not granted. Either way the report is the same.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use domain::provenance::Disclosure;
use domain::{Drift, ObjectId};
use flows::analyse::{DecryptionAccess, Findings, Question, RemoteAccess, Repository, analyse};
use kubernetes::KubeCluster;
use ports::{Cluster, ClusterError, ConfigRef, ControllerSeen, Data, DryRun, FluxObjects, Lock, Refusal};
use serde_json::{Value, json};
use testkit::cluster::TestCluster;

use crate::front::{Counts, Front};
use crate::support::part;
use crate::world::{Size, World};

/// 100 objects of 5 kinds, 8 of which change.
const SIZE: Size = Size { namespace: "requests", kustomizations: 4, apps: 5, newer: 2 };

/// A cluster of which nothing is read ahead, as where lists are not granted.
struct OneByOne(KubeCluster);

#[async_trait]
impl Cluster for OneByOne {
    fn name(&self) -> &str {
        self.0.name()
    }

    async fn locks(&self) -> Result<Vec<Lock>, ClusterError> {
        self.0.locks().await
    }

    async fn flux_objects(&self) -> Result<FluxObjects, ClusterError> {
        self.0.flux_objects().await
    }

    async fn controller(&self) -> ControllerSeen {
        self.0.controller().await
    }

    async fn data(&self, reference: &ConfigRef) -> Result<Option<Data>, ClusterError> {
        self.0.data(reference).await
    }

    async fn dry_run(&self, object: &Value) -> DryRun {
        self.0.dry_run(object).await
    }

    async fn live(&self, manifest: &Value) -> Result<Option<Value>, Refusal> {
        self.0.live(manifest).await
    }

    async fn live_by_id(&self, id: &ObjectId) -> Result<Option<Value>, Refusal> {
        self.0.live_by_id(id).await
    }
}

async fn connect(kubeconfig: &Path) -> KubeCluster {
    // As fast as the API server answers.
    let options = kubernetes::Options { requests_per_second: 10_000, ..kubernetes::Options::default() };
    KubeCluster::from_file("test", kubeconfig, &options).await.unwrap()
}

async fn findings(world: &World, cluster: Arc<dyn Cluster>) -> Findings {
    analyse(Question {
        checkout: &world.checkout(),
        repository: Repository::Known { urls: vec![world.url()], branch: "main".to_owned() },
        cluster: Ok(cluster),
        remotes: RemoteAccess::None("nothing is fetched here".to_owned()),
        disclosure: Disclosure::LiveValues,
        drift: Drift::default(),
        decryption: DecryptionAccess::None("no keys".to_owned()),
        until: None,
    })
    .await
}

/// The requests of both ways to read, and the report, which both must give.
async fn both(world: &World, front: &Front) -> (Counts, Counts, Findings) {
    front.take();
    let found = findings(world, Arc::new(connect(front.kubeconfig()).await)).await;
    let ahead = Counts::of(&front.take());
    let same = findings(world, Arc::new(OneByOne(connect(front.kubeconfig()).await))).await;
    let one_by_one = Counts::of(&front.take());
    assert_eq!(format!("{found:#?}"), format!("{same:#?}"), "the report depends on how objects are read");
    (ahead, one_by_one, found)
}

fn drifted(found: &Findings) -> Vec<String> {
    found.kustomizations.iter().flat_map(|one| &one.drift).map(|drift| drift.object.to_string()).collect()
}

fn config_map(name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": SIZE.namespace}})
}

#[tokio::test]
async fn a_comparison_makes_as_many_requests_as_promised_on_a_real_api_server() {
    let Some(kubeconfig) = part("PREFLUX_TEST_KUBECONFIG").map(PathBuf::from) else { return };
    let admin = TestCluster::open(&kubeconfig).unwrap();
    let world = World::new(SIZE);
    world.seed(&admin).await;
    let front = Front::with(&kubeconfig, std::time::Duration::ZERO, &[]);
    let (objects, changed) = (world.objects(), world.changed());
    assert_eq!((world.kustomizations(), objects, changed), (4, 100, 8));

    // Three API versions; Kustomizations, GitRepositories and five kinds; the controller's Deployment; two sides of each change.
    let (ahead, one_by_one, found) = both(&world, &front).await;
    assert_eq!(drifted(&found), [""; 0]);
    assert_eq!(ahead, Counts { discovery: 3, lists: 7, reads: 1, dry_runs: 2 * changed });
    assert_eq!(one_by_one, Counts { discovery: 3, lists: 2, reads: 1 + objects, dry_runs: 2 * changed });

    // One is edited, one has lost its labels and was edited, one is gone.
    let by_hand = json!({"data": {"colour": "red"}});
    admin.edit_as(&config_map("t1-a3"), &by_hand, "kubectl-edit").await.unwrap();
    let unlabelled = json!({"metadata": {"labels": null}, "data": {"colour": "red"}});
    admin.edit_as(&config_map("t2-a3"), &unlabelled, "kubectl-edit").await.unwrap();
    admin.delete(&config_map("t3-a3")).await.unwrap();
    let (ahead, one_by_one, found) = both(&world, &front).await;
    assert_eq!(drifted(&found), ["ConfigMap/requests/t1-a3", "ConfigMap/requests/t2-a3"]);
    let gone = found
        .kustomizations
        .iter()
        .flat_map(|one| &one.notes)
        .filter(|note| note.contains("`ConfigMap/requests/t3-a3`"));
    assert_eq!(gone.count(), 1);
    assert_eq!(ahead, Counts { discovery: 3, lists: 7, reads: 1 + 2, dry_runs: 2 * changed + 2 });
    assert_eq!(one_by_one, Counts { discovery: 3, lists: 2, reads: 1 + objects, dry_runs: 2 * changed + 2 });
}
