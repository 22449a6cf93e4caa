//! GitHub's webhook on the function URL: what it says is looked at by the worker, and no poll comes in between.

use axum::http::HeaderMap;
use serde_json::{Value, json};
use testkit::sample;
use testkit::slack::DEPLOYS;

use super::aws::Aws;
use super::{Deployment, More, request, section};
use crate::journey::webhook::{SECRET, sign};
use crate::journey::{LIMIT, World, reported};
use crate::support::{eventually, root};

/// A delivery as the function URL hands it on.
fn delivery(id: &str, signature: &str, body: &str, encoded: bool) -> Value {
    let mut headers = HeaderMap::new();
    for (name, value) in
        [("x-hub-signature-256", signature), ("x-github-delivery", id), ("x-github-event", "push")]
    {
        headers.insert(name, value.parse().unwrap());
    }
    let mut event = request(&headers, body.as_bytes(), encoded);
    event["rawPath"] = json!("/github/webhook");
    event["requestContext"]["http"]["path"] = json!("/github/webhook");
    event
}

async fn status(deployment: &Deployment, event: Value) -> u64 {
    let answer = deployment.interactions.invoke(event).await.unwrap();
    answer["statusCode"].as_u64().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_webhook_on_the_function_url_is_verified_queued_once_and_looked_at() {
    let Some(aws) = Aws::find() else { return };
    let world = World::without_cluster();
    let more = More { webhook: Some(SECRET), ..More::default() };
    let identity = json!({"token": testkit::github::DEFAULT_TOKEN});
    let deployment = Deployment::with(&world, aws, identity, &more).await;
    let (stack, first) = (&deployment.stack, &world.sample.head_sha);
    reported(&world, &deployment, first).await;

    let pushed = ("apps/production/storefront-size.yaml", Some(include_str!("../more-pods.yaml")));
    let head = world.sample.repo.push_to_pull(world.sample.pull, [pushed]);
    let body = json!({"ref": "refs/heads/x", "repository": {"full_name": sample::REPO}}).to_string();
    let (right, wrong) = (sign(SECRET, &body), sign("another-secret-of-somebody-else", &body));
    let mut got = delivery("a", &right, &body, false);
    got["requestContext"]["http"]["method"] = json!("GET");
    let mut broken = delivery("a", &right, &body, true);
    broken["body"] = json!("not base64!");
    for (event, expected) in [(delivery("a", &wrong, &body, true), 401), (got, 405), (broken, 400)] {
        assert_eq!(status(&deployment, event).await, expected);
    }
    assert!(deployment.aws.receive(stack, 10).await.is_none(), "nothing is queued of what is refused");

    for encoded in [false, true] {
        assert_eq!(status(&deployment, delivery("b", &right, &body, encoded)).await, 202);
    }
    // The look waits some seconds for the events that come with this one.
    let event = eventually("a look", LIMIT, async || {
        deployment.aws.receive(stack, 10).await.ok_or("nothing is queued")
    })
    .await;
    assert_eq!(event["Records"].as_array().unwrap().len(), 1, "one look for both: {event}");
    assert!(deployment.work(&event).await.is_empty());
    deployment.drain().await;
    let message = testkit::slack::as_text(&world.slack.messages(DEPLOYS)[0]);
    assert!(message.contains(&head[..7]), "{message}");
    assert!(!deployment.interactions.log().contains(SECRET));
}

#[test]
fn only_the_interactions_function_may_read_what_webhooks_are_signed_with() {
    let template = std::fs::read_to_string(root().join("template.yaml")).unwrap();
    let may = |role: &str| section(&template, role).contains("!Ref GithubWebhookSecretArn");
    let roles = ["  PollerRole", "  DiffWorkerRole", "  InteractionsRole"];
    assert_eq!(roles.map(may), [false, false, true]);
}
