//! What rules can say, as people see it: whole organisations, repositories that a cluster points to, diffs on a click, buttons of
//! one's own, and channels that hear of merges alone.

use testkit::sample;
use testkit::slack::{ALICE, DEPLOYS, as_text};

use super::{LIMIT, World, answers, click, has_button, reported};
use crate::support::{Serve, eventually, seen, skip};

async fn serve(world: &World) -> Serve {
    let serve = Serve::start(&world.config_file()).await;
    world.slack.set_interactions_url(&serve.url("/slack/interactions"));
    serve
}

#[tokio::test]
async fn a_diff_on_a_click_is_made_when_somebody_clicks() {
    let mut world = World::without_cluster();
    let owner = sample::REPO.split('/').next().unwrap();
    world.rules = format!(
        "repositories:
- organization: {owner}
  channel: {DEPLOYS}
  diff: on_click
  buttons:
  - {{text: 'Kustomizations of #{{{{ pull_request.number }}}}', command: get ks -n flux-system, style: primary}}
  - {{text: CI, url: 'https://ci.example/{{{{ pull_request.head.branch }}}}'}}
"
    );
    let serve = serve(&world).await;
    let offered = eventually("an offer to diff", LIMIT, async || {
        serve.check();
        let message = world.slack.messages(DEPLOYS).into_iter().next().ok_or_else(String::new)?;
        let shown = as_text(&message);
        if shown.contains("Not diffed yet") { Ok(message) } else { Err(shown) }
    })
    .await;
    assert!(has_button(&offered, "run_again") && !has_button(&offered, "approve"));
    assert!(as_text(&offered).contains(&format!("Kustomizations of #{}", world.sample.pull)));
    click(&world, &offered, "command_0", ALICE).await;
    answers(&world, &serve, 1).await;
    let said = as_text(world.slack.ephemerals().last().unwrap());
    assert!(said.contains("There is no cluster to ask"), "{said}");
    click(&world, &offered, "run_again", ALICE).await;
    let report = reported(&world, &serve, &world.sample.head_sha).await;
    assert_eq!(report.ts, offered.ts, "the same message");
    assert!(has_button(&report, "command_0") && has_button(&report, "link_1"), "its own buttons stay");

    let file = ("apps/production/storefront-size.yaml", Some(include_str!("more-pods.yaml")));
    let head = world.sample.repo.push_to_pull(world.sample.pull, [file]);
    eventually("the new head is offered", LIMIT, async || {
        serve.check();
        let message = world.slack.messages(DEPLOYS).remove(0);
        seen(as_text(&message), |text| text.contains("Not diffed yet") && text.contains(&head[..7]))
    })
    .await;
    assert_eq!(world.slack.messages(DEPLOYS).len(), 1);
}

#[tokio::test]
async fn a_channel_may_hear_of_merges_alone() {
    let mut world = World::without_cluster();
    world.rules = format!("repositories: [{{name: {}, channel: {DEPLOYS}, on: [merged]}}]\n", sample::REPO);
    let serve = serve(&world).await;
    let polled = || world.github.requests().iter().filter(|seen| seen.path.contains("/pulls?")).count();
    eventually("two polls", LIMIT, async || {
        serve.check();
        seen(polled(), |polls| *polls >= 2)
    })
    .await;
    assert!(world.slack.messages(DEPLOYS).is_empty(), "an open pull request is nobody's business");
    world.sample.repo.merge(world.sample.pull);
    eventually("the merge is told", LIMIT, async || {
        serve.check();
        let messages = world.slack.messages(DEPLOYS);
        seen(messages.first().map(as_text).unwrap_or_default(), |text| text.contains("Merged"))
    })
    .await;
    assert_eq!(world.slack.messages(DEPLOYS).len(), 1);
}

#[tokio::test]
async fn what_a_cluster_points_to_is_watched() {
    let mut world = World::with_cluster().await;
    if !world.has_cluster {
        skip("no test API server");
        return;
    }
    world.rules = format!("repositories: [{{discover: true, channel: {DEPLOYS}}}]\n");
    let serve = serve(&world).await;
    let message = reported(&world, &serve, &world.sample.head_sha).await;
    assert!(as_text(&message).contains("Checked on cluster"), "{}", as_text(&message));
}
