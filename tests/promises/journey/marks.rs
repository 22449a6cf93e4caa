//! Checks and labels, from the poll to what GitHub shows.

use testkit::sample;
use testkit::slack::{DEPLOYS, as_text};

use super::{LIMIT, World, reported};
use crate::support::{Serve, eventually, seen};

/// What stands beside a commit, as `state description`.
fn statuses(world: &World, sha: &str) -> Vec<String> {
    let all = world.sample.repo.statuses(sha);
    all.iter().map(|s| format!("{} {}", s.state, s.description.clone().unwrap_or_default())).collect()
}

fn labels(world: &World) -> Vec<String> {
    world.sample.repo.pull(world.sample.pull).labels
}

#[tokio::test]
async fn a_head_gets_its_status_and_its_labels_and_a_broken_one_others() {
    let mut world = World::without_cluster();
    world.rules = format!(
        "repositories:
- name: {}
  channel: {DEPLOYS}
  check: status
  add_labels: {{changes: flux/changes, fails: 'flux: fails', incomplete: flux/incomplete}}
",
        sample::REPO
    );
    world.sample.repo.label(world.sample.pull, "flux/incomplete");
    let serve = Serve::start(&world.config_file()).await;
    let head = world.sample.head_sha.clone();
    reported(&world, &serve, &head).await;
    let shown = eventually("the status", LIMIT, async || {
        serve.check();
        seen(statuses(&world, &head), |all| all.len() == 2)
    })
    .await;
    assert_eq!(shown[0], "pending Being diffed");
    // Nobody asked a cluster, so not everything is known.
    assert!(shown[1].starts_with("success Not everything is known: "), "{shown:?}");
    eventually("the label", LIMIT, async || {
        seen(labels(&world), |all| all.contains(&"flux/changes".to_owned()))
    })
    .await;

    let broken = ("apps/production/kustomization.yaml", Some("resources: [nowhere.yaml]\n"));
    let head = world.sample.repo.push_to_pull(world.sample.pull, [broken]);
    reported(&world, &serve, &head).await;
    let shown = eventually("the status of the broken head", LIMIT, async || {
        serve.check();
        seen(statuses(&world, &head), |all| all.len() == 2)
    })
    .await;
    assert!(shown[1].starts_with("failure Merging would fail: "), "{shown:?}");
    let shown = eventually("the labels of the broken head", LIMIT, async || {
        seen(labels(&world), |all| all.contains(&"flux: fails".to_owned()))
    })
    .await;
    // A person's own label stays, and ours that no longer holds goes.
    assert!(shown.contains(&"flux/incomplete".to_owned()), "{shown:?}");
    let reports = world.slack.messages(DEPLOYS);
    assert_eq!(reports.len(), 1, "labels of ours are no news: {}", as_text(&reports[0]));
}
