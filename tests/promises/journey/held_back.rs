//! The switch `hold_back_when_render_differs`, from the configuration to what people see: the controller's own digest shows that it
//! rendered the base otherwise, and there is a report all the same, or a sentence that says why there is none.

use std::path::PathBuf;

use serde_json::{Value, json};
use testkit::cluster::TestCluster;
use testkit::sample;
use testkit::slack::{DEPLOYS, as_text};

use super::{LIMIT, World, details, has_button};
use crate::support::{Serve, eventually, part};

/// Writes what a controller would have written that rendered `apps` otherwise than we do.
async fn rendered_otherwise(world: &World, admin: &str) {
    let cluster = TestCluster::open(&PathBuf::from(admin)).unwrap();
    let base = &world.sample.base_sha;
    let objects = sample::cluster_objects(&world.github.git_url(sample::REPO), base);
    let is_apps = |object: &Value| object["metadata"]["name"] == "apps";
    let mut apps = objects.into_iter().find(is_apps).unwrap();
    let stored = cluster.get(&apps).await.unwrap().unwrap();
    apps["status"]["observedGeneration"] = stored["metadata"]["generation"].clone();
    let at = "2026-01-01T00:00:00Z";
    apps["status"]["history"] = json!([{
        "digest": format!("sha256:{}", "0".repeat(64)), "firstReconciled": at, "lastReconciled": at,
        "lastReconciledDuration": "1s", "lastReconciledStatus": "ReconciliationSucceeded", "totalReconciliations": 1,
        "metadata": {"revision": format!("main@sha1:{base}")},
    }]);
    cluster.apply_status(&apps).await.unwrap();
}

/// Serves with this line in the configuration until people have been told all these words, and gives what they have been told, and
/// whether they may approve.
async fn said(world: &World, line: &str, settled: &[&str]) -> (String, bool) {
    let file = world.config_file();
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, format!("{text}{line}\n")).unwrap();
    let serve = Serve::start(&file).await;
    eventually("a report, or why there is none", LIMIT, async || {
        serve.check();
        let message = world.slack.messages(DEPLOYS).into_iter().next().ok_or_else(String::new)?;
        let told = as_text(&message) + &details(world, &message);
        if settled.iter().all(|words| told.contains(words)) {
            Ok((told, has_button(&message, "approve")))
        } else {
            Err(told)
        }
    })
    .await
}

const DIFFERS: &str = "flux-system/apps";

#[tokio::test]
async fn a_report_is_held_back_where_the_configuration_says_so() {
    let Some(admin) = part("PREFLUX_TEST_KUBECONFIG") else { return };
    let world = World::with_cluster().await;
    rendered_otherwise(&world, &admin).await;
    let (told, approvable) = said(&world, "hold_back_when_render_differs: true", &["held back"]).await;
    assert!(told.contains("could not be made") && told.contains(DIFFERS), "{told}");
    assert!(!approvable && !told.contains("storefront-config"), "no report is shown: {told}");
}

#[tokio::test]
async fn a_report_is_shown_with_a_warning_where_it_does_not() {
    let Some(admin) = part("PREFLUX_TEST_KUBECONFIG") else { return };
    let world = World::with_cluster().await;
    rendered_otherwise(&world, &admin).await;
    let (told, approvable) = said(&world, "", &["storefront-config", "otherwise"]).await;
    assert!(approvable && told.contains(DIFFERS) && !told.contains("held back"), "{told}");
}
