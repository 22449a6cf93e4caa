//! People as themselves, as they see it: Slack shows an address, GitHub asks for consent, the browser shows a code; from then on what they
//! click is done by their own account. The same in both forms.

use std::time::Duration;

use serde_json::{Value, json};
use testkit::github::{CLIENT_ID, Permission, PullState};
use testkit::sample;
use testkit::slack::{BOB, DEPLOYS, Message, as_text};

use super::lambda::Deployment;
use super::lambda::aws::Aws;
use super::{App, LIMIT, World, answers, click, has_button, reported};
use crate::support::{Serve, eventually, seen};

/// Where browsers come back to; a proxy that ends TLS stands before it.
const PUBLIC: &str = "https://preflux.example";

/// A world in which people can link accounts, and merge.
fn world(client_secret: &str) -> World {
    let mut world = World::without_cluster();
    world.github.set_callback(&format!("{PUBLIC}/github/callback"));
    world.people =
        format!("client_id: {CLIENT_ID}, client_secret: '{client_secret}', public_url: '{PUBLIC}'");
    world.rules = format!("repositories: [{{name: {}, channel: {DEPLOYS}, merge: squash}}]\n", sample::REPO);
    world.sample.repo.require_approvals(1);
    world
}

/// From the first click of somebody who is nobody yet to the merge.
async fn as_oneself(world: &World, app: &impl App, to: &str) {
    let report = reported(world, app, &world.sample.head_sha).await;
    assert!(["approve", "request_changes", "merge"].iter().all(|action| has_button(&report, action)));
    let said = clicked(world, app, &report, "approve").await;
    assert!(said.contains("Nothing was approved: your GitHub account is not linked"), "{said}");

    link(world, app, to).await;
    request_changes(world, app, &report).await;
    let said = clicked(world, app, &report, "merge").await;
    assert!(said.contains("Nothing was merged") && said.contains("Changes have been requested"), "{said}");
    let said = clicked(world, app, &report, "approve").await;
    assert!(said.contains("Approved as `bob`"), "{said}");
    let states: Vec<_> = reviews(world).into_iter().map(|(by, state, _)| format!("{by} {state}")).collect();
    assert_eq!(states, ["bob CHANGES_REQUESTED", "bob APPROVED"]);

    let said = clicked(world, app, &report, "merge").await;
    assert!(said.contains("Merged as `bob`"), "{said}");
    let pull = world.sample.repo.pull(world.sample.pull);
    let merged = (pull.state, pull.merged_by.as_deref(), pull.head_sha.as_str());
    assert_eq!(merged, (PullState::Merged, Some("bob"), world.sample.head_sha.as_str()));
    eventually("the message says merged, and by whom", LIMIT, async || {
        app.turn().await;
        let now = world.slack.messages(DEPLOYS).remove(0);
        let by_whom = "by bob, as bob on GitHub";
        seen(as_text(&now), |text| {
            text.contains("*Merged*") && text.contains(by_whom) && !has_button(&now, "merge")
        })
    })
    .await;
    assert_eq!(world.slack.messages(DEPLOYS).len(), 1, "one message from beginning to end");
    assert_eq!(world.slack.toasts().len(), 0, "nobody saw an error: {:?}", world.slack.toasts());
}

fn reviews(world: &World) -> Vec<(String, String, String)> {
    let all = world.sample.repo.reviews(world.sample.pull).into_iter();
    all.map(|review| (review.author, review.state, review.body)).collect()
}

/// What BOB is told next, after `act`.
async fn told(world: &World, app: &impl App, act: impl AsyncFnOnce()) -> String {
    let before = world.slack.ephemerals().len();
    act().await;
    answers(world, app, before + 1).await;
    as_text(world.slack.ephemerals().last().unwrap())
}

async fn clicked(world: &World, app: &impl App, report: &Message, action: &str) -> String {
    told(world, app, async || click(world, report, action, BOB).await).await
}

async fn typed(world: &World, app: &impl App, text: &str) -> String {
    let before = world.slack.ephemerals().len();
    assert!(world.slack.command("/flux", text, DEPLOYS, BOB).await.unwrap().is_ok());
    // One at once, one with what GitHub says.
    answers(world, app, before + 2).await;
    as_text(world.slack.ephemerals().last().unwrap())
}

/// Slack, the browser on GitHub, the browser back at ours, Slack.
async fn link(world: &World, app: &impl App, to: &str) {
    let said = typed(world, app, "link").await;
    let address = said.split_whitespace().find(|word| word.contains("/login/oauth/authorize")).unwrap();
    let back = world.github.authorize(&address.replace("&amp;", "&"), "bob").unwrap();
    let back = back.strip_prefix(PUBLIC).unwrap();
    let page = browse(to, back).await;
    assert!(page.starts_with("200 ") && page.contains("<b>bob</b> began this in Slack"), "{page}");
    let code = page.split("/flux link ").nth(1).and_then(|rest| rest.split('<').next()).unwrap();
    let again = browse(to, back).await;
    assert!(again.starts_with("400 ") && !again.contains(code), "an address is good once: {again}");
    let said = typed(world, app, &format!("link {code}")).await;
    assert!(said.contains("You are `bob` on GitHub"), "{said}");
}

/// What a browser shows, and that nobody may keep, frame or feed it.
async fn browse(to: &str, path: &str) -> String {
    let client = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(60)).build().unwrap();
    let answer = client.get(format!("{to}{path}")).send().await.unwrap();
    let header = |name: &str| answer.headers().get(name).unwrap().to_str().unwrap().to_owned();
    assert_eq!((header("cache-control").as_str(), header("x-frame-options").as_str()), ("no-store", "DENY"));
    assert!(header("content-security-policy").starts_with("default-src 'none'"));
    assert!(header("content-type").starts_with("text/html"));
    format!("{} {}", answer.status().as_u16(), answer.text().await.unwrap())
}

async fn request_changes(world: &World, app: &impl App, report: &Message) {
    click(world, report, "request_changes", BOB).await;
    let form = world.slack.views().pop().unwrap();
    let written = |text: &str| json!({"reason": {"reason": {"type": "plain_text_input", "value": text}}});
    let submit = async |values: Value| world.slack.submit(&form.id, values).await;
    let blank = submit(written("  ")).await.unwrap();
    assert!(blank.is_ok() && blank.body.contains("Write what has to change"), "{blank:?}");
    assert_eq!(world.slack.toasts().pop().map(|toast| toast.user).as_deref(), Some(BOB), "the form says so");
    world.slack.forget_toasts();
    assert!(submit(written(&"x".repeat(3_000))).await.is_err(), "Slack sends no more than the form takes");
    let said = told(world, app, async || {
        assert!(submit(written("Too small: ask @acme/admins")).await.unwrap().is_ok());
    })
    .await;
    assert!(said.contains("Changes asked for as `bob`"), "{said}");
    assert!(world.slack.views().is_empty(), "the form is closed");
    let (_, _, body) = reviews(world).remove(0);
    assert!(body.starts_with("`Too small: ask @acme/admins`\n\nAsked for from Slack by `bob`"), "{body}");
    let message = as_text(&world.slack.messages(DEPLOYS)[0]);
    assert!(message.contains("Changes asked for at"), "{message}");
}

#[tokio::test]
async fn people_act_as_themselves_on_one_machine() {
    let world = world("github-client-secret");
    let serve = Serve::start(&world.config_file()).await;
    world.slack.set_interactions_url(&serve.url("/slack/interactions"));
    as_oneself(&world, &serve, &serve.url("")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn people_act_as_themselves_on_lambda() {
    let Some(aws) = Aws::find() else { return };
    let secret = aws.secret(&Aws::fresh("client-secret"), testkit::github::CLIENT_SECRET).await;
    let world = world(&secret);
    world.sample.repo.allow("bob", Permission::Write);
    let deployment = Deployment::of(&world, aws).await;
    let url = deployment.function_url().await;
    world.slack.set_interactions_url(&url);
    as_oneself(&world, &deployment, url.trim_end_matches('/')).await;
    assert_eq!(deployment.aws.dead_letters(&deployment.stack).await, 0);
    let rows = deployment.aws.rows(&deployment.stack).await;
    assert!(rows.contains("link") && !rows.contains("ghu_") && !rows.contains("ghr_"), "tokens are sealed");
}
