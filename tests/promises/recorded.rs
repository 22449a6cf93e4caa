//! The recording front can fail: what it lets pass reaches the API server, and what could change the cluster does not.

use std::path::Path;

use ports::{Cluster as _, DryRun};
use serde_json::json;
use testkit::cluster::TestCluster;

use crate::front::{Counts, Front};
use crate::support::{part, root};

fn front() -> Option<Front> {
    part("PREFLUX_TEST_KUBECONFIG").map(|file| Front::before(Path::new(&file)))
}

#[tokio::test]
async fn a_write_through_the_front_fails_its_test() {
    let Some(front) = front() else { return };
    let object = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "through-the-front"}});
    let writer = TestCluster::open(front.kubeconfig()).unwrap();
    let error = writer.apply(&object).await.unwrap_err().to_string();
    assert!(error.contains("could change the cluster"), "{error}");
    assert_eq!(writer.get(&object).await.unwrap(), None, "nothing reached the API server");
    let dropped = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| drop(front)));
    let said = dropped.unwrap_err().downcast::<String>().unwrap();
    assert!(said.contains("PATCH /api/v1/namespaces/through-the-front"), "{said}");
}

#[tokio::test]
async fn what_our_adapter_asks_passes_and_is_counted() {
    let Some(front) = front() else { return };
    let options = kubernetes::Options::default();
    let cluster = kubernetes::KubeCluster::from_file("test", front.kubeconfig(), &options).await.unwrap();
    let object = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "never-stored"}});
    assert!(matches!(cluster.dry_run(&object).await, DryRun::Accepted(_)));
    assert_eq!(cluster.live(&object).await, Ok(None));
    assert!(cluster.flux_objects().await.is_ok());
    assert_eq!(Counts::of(&front.take()), Counts { discovery: 1, lists: 2, reads: 1, dry_runs: 1 });
}

#[test]
fn whatever_asks_a_cluster_here_goes_through_the_front() {
    for entry in std::fs::read_dir(root().join("tests/promises")).unwrap() {
        let path = entry.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        let adapters = text.matches(concat!("KubeCluster::", "from_file(")).count();
        assert!(
            text.matches("front.kubeconfig()").count() >= adapters,
            "{}: an adapter without it",
            path.display()
        );
    }
}
