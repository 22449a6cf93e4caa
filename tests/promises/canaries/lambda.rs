//! The search on Lambda: the three programs, and emulators of queue, table, bucket and secrets.

use serde_json::json;
use testkit::clock::Clock;
use testkit::github::{APP_ID, INSTALLATION_ID};
use testkit::slack::{ALICE, DEPLOYS};

use super::carriers::{self, MARKER};
use super::planted::{By, LOUD, Planted};
use super::sinks::Sinks;
use crate::journey::lambda::Deployment;
use crate::journey::lambda::aws::Aws;
use crate::journey::{World, answers, click, details, reported};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_secret_leaves_the_functions() {
    let Some(aws) = Aws::find() else { return };
    let Some(planted) = Planted::find(World::at(Clock::real()), By::Member).await else { return };
    let world = &planted.world;
    let key = world.github.app_key_pem();
    let app = json!({"app_id": APP_ID, "private_key": key, "installation_id": INSTALLATION_ID});
    let deployment = Deployment::with(world, aws, app, &planted.more()).await;
    world.slack.set_interactions_url(&deployment.function_url().await);
    let report = reported(world, &deployment, &world.sample.head_sha).await;
    carriers::all_met(&details(world, &report));
    click(world, &report, "post_comment", ALICE).await;
    answers(world, &deployment, 1).await;
    assert!(world.slack.command("/flux", "get kustomizations", DEPLOYS, ALICE).await.unwrap().is_ok());
    answers(world, &deployment, 3).await;
    click(world, &report, "approve", ALICE).await;
    deployment.aws.give_up(&deployment.stack).await;

    let mut sinks = Sinks::of(world);
    let (log, answers) = deployment.said();
    sinks.add("log", log.as_bytes());
    sinks.add("answers and metrics", answers.as_bytes());
    sinks.add("dead letters", deployment.aws.dead_bodies(&deployment.stack).await.as_bytes());
    sinks.add("table", deployment.aws.rows(&deployment.stack).await.as_bytes());
    sinks.add("reports", deployment.aws.objects(&deployment.stack).await.as_bytes());
    let expected = [
        ("Slack", MARKER),
        ("GitHub", MARKER),
        ("log", "acme/fleet"),
        ("log", LOUD),
        ("answers and metrics", "batchItemFailures"),
        ("dead letters", DEPLOYS),
        ("table", "acme/fleet"),
        ("reports", MARKER),
    ];
    sinks.check(&planted.secrets(), &expected);
}
