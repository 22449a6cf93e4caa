//! The search on one machine: `preflux serve`, SQLite and files.

use testkit::clock::Clock;
use testkit::slack::{ALICE, DEPLOYS};

use super::carriers::{self, MARKER};
use super::{Planted, Sinks};
use crate::journey::{World, answers, click, details, reported};
use crate::support::Serve;

#[tokio::test]
async fn no_secret_leaves_the_process() {
    let Some(planted) = Planted::find(World::at(Clock::real())).await else { return };
    let world = &planted.world;
    // At this level it says the most that anybody would turn on for long.
    let serve = Serve::logging(&planted.config_file(), "debug").await;
    world.slack.set_interactions_url(&serve.url("/slack/interactions"));
    let report = reported(world, &serve, &world.sample.head_sha).await;
    carriers::all_met(&details(world, &report));
    for (count, action) in [(1, "post_comment"), (2, "approve")] {
        click(world, &report, action, ALICE).await;
        answers(world, &serve, count).await;
    }
    assert!(world.slack.command("/flux", "get kustomizations", DEPLOYS, ALICE).await.unwrap().is_ok());
    answers(world, &serve, 4).await;

    let mut sinks = Sinks::of(world);
    for path in ["/healthz", "/metrics", "/"] {
        let answer = reqwest::get(serve.url(path)).await.unwrap();
        sinks.add(
            "answers",
            format!("{path} {}: {}", answer.status(), answer.text().await.unwrap()).as_bytes(),
        );
    }
    sinks.add("log", serve.log().as_bytes());
    drop(serve);
    sinks.files("store", &world.dir.path().join("data"), &["secrets", "git"]);
    let secrets = planted.secrets();
    let expected = [
        ("Slack", MARKER),
        ("GitHub", MARKER),
        ("store", MARKER),
        ("answers", "/healthz 200"),
        ("log", "acme/fleet"),
    ];
    sinks.check(&secrets, &expected);
}
