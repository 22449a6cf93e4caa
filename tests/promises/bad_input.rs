//! Bad input, and what people see of it: each a clear sentence, in the place where they look, and never a dead process.

use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

use testkit::faults::{Fault, FaultKind};
use testkit::slack::{ALICE, DEPLOYS, as_text};
use testkit::{github, sample};

use crate::journey::{App as _, LIMIT, World, details, reported};
use crate::support::{Serve, eventually, program, seen};

/// A command that ends by itself, with its exit code and all that it says.
fn run(args: &[&str], config: &Path) -> (Option<i32>, String) {
    let mut command = Command::new(program("preflux"));
    let Output { status, stdout, stderr } = command.args(args).arg("--config").arg(config).output().unwrap();
    (status.code(), String::from_utf8([stdout, stderr].concat()).unwrap())
}

/// A world whose configuration was changed, and `preflux serve` on it.
async fn serve(world: &World, change: impl FnOnce(String) -> String) -> Serve {
    let file = world.config_file();
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, change(text)).unwrap();
    let serve = Serve::start(&file).await;
    world.slack.set_interactions_url(&serve.url("/slack/interactions"));
    serve
}

/// Waits until the one message shows this.
async fn shows(world: &World, app: &Serve, text: &str) -> String {
    eventually(&format!("the message shows `{text}`"), LIMIT, async || {
        app.turn().await;
        let shown = world.slack.messages(DEPLOYS).first().map(as_text).unwrap_or_default();
        seen(shown, |shown| shown.contains(text))
    })
    .await
}

#[test]
fn the_example_passes_and_editors_get_its_schema() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let (code, said) = run(&["config", "check"], &root.join("preflux.example.yaml"));
    assert!(code == Some(0) && said.contains("preflux.example.yaml: rules: 1, clusters: 1"), "{said}");
    let printed = Command::new(program("preflux")).args(["config", "schema"]).output().unwrap();
    let file = std::fs::read(root.join("infra/preflux.schema.json")).unwrap();
    assert!(printed.stdout == file, "not the schema of infra/");
}

#[test]
fn a_wrong_configuration_names_all_its_problems_and_exits_with_2() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("preflux.yaml");
    std::fs::write(
        &file,
        "github: {tokn: x}\nslack: {bot_token: 'env:A'}\nrepositories: [{name: nonsense}]\npoll_every_s: 1\n",
    )
    .unwrap();
    for command in [&["serve"][..], &["doctor"], &["config", "check"]] {
        let (code, said) = run(command, &file);
        assert_eq!(code, Some(2), "{said}");
        for problem in [
            "`github` says nothing of who we are",
            "`github.tokn` is not known",
            "`slack.signing_secret` is missing",
            "`repositories[0].name` `nonsense`",
            "`repositories[0].channel` is missing",
            "`poll_every_s` must be at least 5",
        ] {
            assert!(said.contains(problem), "{problem}\n{said}");
        }
    }
}

#[test]
fn a_missing_configuration_or_secret_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let (code, said) = run(&["serve"], &dir.path().join("nowhere.yaml"));
    assert!(code == Some(2) && said.contains("nowhere.yaml") && said.contains("README.md"), "{said}");

    let world = World::without_cluster();
    let file = world.config_file();
    std::fs::remove_file(world.dir.path().join("data/secrets/github-token")).unwrap();
    let (code, said) = run(&["serve"], &file);
    assert!(code == Some(2) && said.contains("secret `github-token` does not exist"), "{said}");
}

#[tokio::test]
async fn an_unknown_repository_is_named_and_the_others_go_on() {
    let world = World::without_cluster();
    let serve = serve(&world, |text| {
        text.replace("repositories: [", "repositories: [{name: acme/nowhere, channel: C0DEPLOYS}, ")
    })
    .await;
    reported(&world, &serve, &world.sample.head_sha).await;
    let log = serve.log();
    assert!(log.contains("acme/nowhere does not exist on GitHub") && log.contains("404"), "{log}");
    let (code, said) = run(&["doctor"], &world.dir.path().join("preflux.yaml"));
    assert!(code == Some(1) && said.contains("WRONG GitHub") && said.contains("acme/nowhere"), "{said}");
}

#[tokio::test]
async fn an_unreachable_cluster_is_said_and_the_render_is_shown() {
    let world = World::without_cluster();
    // A port that nobody listens on.
    world.secret_file(
        "kubeconfig",
        "apiVersion: v1\nkind: Config\ncurrent-context: c\nclusters: [{name: c, cluster: {server: 'https://127.0.0.1:9'}}]\n\
         users: [{name: u, user: {token: t}}]\ncontexts: [{name: c, context: {cluster: c, user: u}}]\n",
    );
    let serve = serve(&world, |text| text + "cluster: {name: production, kubeconfig: kubeconfig}\n").await;
    let message = reported(&world, &serve, &world.sample.head_sha).await;
    let said = format!("{}\n{}", as_text(&message), details(&world, &message));
    for expected in ["No cluster was asked", "`production` is not reachable", "storefront"] {
        assert!(said.contains(expected), "{expected}\n{said}");
    }
}

#[tokio::test]
async fn a_wrong_token_is_said_in_the_log_and_by_the_doctor() {
    let world = World::without_cluster();
    world.github.revoke_token(github::DEFAULT_TOKEN);
    let serve = serve(&world, |text| text).await;
    eventually("the log says 401", LIMIT, async || {
        serve.check();
        seen(serve.log(), |log| log.contains("GitHub refused the token (401)"))
    })
    .await;
    assert!(!serve.log().contains(github::DEFAULT_TOKEN), "and not which token");
    let (code, said) = run(&["doctor"], &world.dir.path().join("preflux.yaml"));
    assert!(code == Some(1) && said.contains("(401): renew it"), "{said}");
}

/// Holds the diff up right after it began, so that the world can change under it.
fn hold_up(world: &World) {
    let git = format!("/{}.git", sample::REPO);
    world.github.fault(Fault::once("", &git, FaultKind::Slow(Duration::from_secs(4))));
}

/// Waits until a diff is under way.
async fn under_way(world: &World, serve: &Serve) {
    shows(world, serve, "Being diffed").await;
}

#[tokio::test]
async fn a_pull_request_that_closes_in_mid_run_gets_no_report() {
    let world = World::without_cluster();
    hold_up(&world);
    let serve = serve(&world, |text| text).await;
    under_way(&world, &serve).await;
    world.sample.repo.close(world.sample.pull);
    shows(&world, &serve, "Closed without a merge").await;
    let message = world.slack.messages(DEPLOYS).remove(0);
    assert_eq!(world.slack.thread(DEPLOYS, &message.ts).len(), 1, "nothing in the thread");
    assert!(!message.blocks.iter().any(|b| b.to_string().contains("\"approve\"")), "nothing to approve");
}

#[tokio::test]
async fn a_head_that_moves_in_mid_run_is_superseded_and_then_reported_once() {
    let world = World::without_cluster();
    hold_up(&world);
    let serve = serve(&world, |text| text).await;
    under_way(&world, &serve).await;
    let file = ("apps/production/storefront-size.yaml", Some(include_str!("journey/more-pods.yaml")));
    let head = world.sample.repo.push_to_pull(world.sample.pull, [file]);
    let message = reported(&world, &serve, &head).await;
    let shown = message.history.iter().filter(|(_, blocks)| {
        let text = serde_json::Value::from(blocks.clone()).to_string();
        text.contains("\"approve\"") && text.contains(&world.sample.head_sha[..7])
    });
    assert_eq!(shown.count(), 0, "the old head's report was never shown");
    assert_eq!(world.slack.thread(DEPLOYS, &message.ts).len(), 2, "one reply with the details");
}

#[tokio::test]
async fn a_kustomization_that_does_not_build_is_reported_with_its_file() {
    let world = World::without_cluster();
    let broken = ("apps/production/kustomization.yaml", Some("resources:\n  - not-there.yaml\n"));
    let head = world.sample.repo.push_to_pull(world.sample.pull, [broken]);
    let serve = serve(&world, |text| text).await;
    let message = reported(&world, &serve, &head).await;
    let said = format!("{}\n{}", as_text(&message), details(&world, &message));
    for expected in ["not rendered", "not-there.yaml", "apps/production"] {
        assert!(said.contains(expected), "{expected}\n{said}");
    }
    assert!(!said.contains("deleted"), "what does not render is not called deleted: {said}");
}

#[tokio::test]
async fn payloads_that_slack_did_not_sign_or_signed_long_ago_do_nothing() {
    let world = World::without_cluster();
    let serve = serve(&world, |text| text).await;
    let message = reported(&world, &serve, &world.sample.head_sha).await;
    let body = world.slack.click_body(DEPLOYS, &message.ts, "approve", ALICE).unwrap();
    let now = testkit::clock::Clock::real().now();
    let signed_at = |at: i64| (at.to_string(), world.slack.sign(&at.to_string(), &body));
    let (fresh, good) = signed_at(now);
    let (old, old_signature) = signed_at(now - 600);
    let (future, future_signature) = signed_at(now + 600);
    for (what, timestamp, signature) in [
        ("unsigned", "", ""),
        ("a wrong signature", fresh.as_str(), "v0=00"),
        ("another version", fresh.as_str(), &good.replacen("v0", "v1", 1)),
        ("an old one", &old, &old_signature),
        ("one from the future", &future, &future_signature),
        ("no number", "soon", &good),
    ] {
        let answer = world.slack.send_raw(&body, timestamp, signature).await.unwrap();
        assert_eq!((answer.status, answer.body.as_str()), (401, ""), "{what}");
    }
    let bent = body.replace("approve", "post_comment");
    assert_eq!(world.slack.send_raw(&bent, &fresh, &good).await.unwrap().status, 401, "another body");
    let nonsense = "payload=%7Bnot+JSON";
    let signature = world.slack.sign(&fresh, nonsense);
    assert_eq!(
        world.slack.send_raw(nonsense, &fresh, &signature).await.unwrap().status,
        400,
        "signed nonsense"
    );

    // The one that counts, and its replays.
    assert!(world.slack.click(DEPLOYS, &message.ts, "post_comment", ALICE).await.unwrap().is_ok());
    for _ in 0..2 {
        assert!(world.slack.replay_last().await.unwrap().is_ok());
    }
    eventually("the comment", LIMIT, async || {
        serve.check();
        seen(world.slack.ephemerals(), |answers| !answers.is_empty())
    })
    .await;
    shows(&world, &serve, "Posted as a comment").await;
    assert_eq!(world.sample.repo.comments(world.sample.pull).len(), 1);
    assert_eq!(world.sample.repo.reviews(world.sample.pull).len(), 0);
    assert_eq!(world.slack.ephemerals().len(), 1, "one answer for one click");
}

#[tokio::test]
async fn an_outsiders_pull_request_is_rendered_and_reaches_no_cluster() {
    let world = World::with_cluster().await;
    let spec = github::PullSpec {
        author: "mallory".to_owned(),
        fork: true,
        ..github::PullSpec::new("Hello", "evil", [("infrastructure/quota.yaml", None::<&str>)])
    };
    world.sample.repo.close(world.sample.pull);
    world.sample.repo.open_pull(spec);
    let serve = serve(&world, |text| text).await;
    let shown = shows(&world, &serve, "Post as comment").await;
    assert!(shown.contains("cannot write to") && !shown.contains("Checked on cluster"), "{shown}");
}

#[tokio::test]
async fn a_post_that_slack_took_and_did_not_confirm_is_not_repeated() {
    let world = World::without_cluster();
    world.slack.fault(Fault::once("", "/api/chat.postMessage", FaultKind::StatusAfter(500)));
    let serve = serve(&world, |text| text).await;
    let message = reported(&world, &serve, &world.sample.head_sha).await;
    assert_eq!(world.slack.thread(DEPLOYS, &message.ts).len(), 2, "the message and its details, once each");
}

#[tokio::test]
async fn a_comment_that_github_took_and_did_not_confirm_is_not_repeated() {
    let world = World::without_cluster();
    let serve = serve(&world, |text| text).await;
    let message = reported(&world, &serve, &world.sample.head_sha).await;
    let comments = format!("/repos/{}/issues/{}/comments", sample::REPO, world.sample.pull);
    world.github.fault(Fault::once("POST", &comments, FaultKind::StatusAfter(502)));
    let reviews = format!("/repos/{}/pulls/{}/reviews", sample::REPO, world.sample.pull);
    world.github.fault(Fault::once("POST", &reviews, FaultKind::StatusAfter(502)));
    for action in ["post_comment", "approve"] {
        assert!(world.slack.click(DEPLOYS, &message.ts, action, ALICE).await.unwrap().is_ok());
    }
    eventually("both clicks are answered", LIMIT, async || {
        serve.check();
        seen(world.slack.ephemerals(), |answers| answers.len() == 2)
    })
    .await;
    assert_eq!(world.sample.repo.comments(world.sample.pull).len(), 1);
    assert_eq!(world.sample.repo.reviews(world.sample.pull).len(), 1);
}

#[tokio::test]
async fn a_restart_in_mid_run_loses_nothing() {
    let world = World::without_cluster();
    hold_up(&world);
    let first = serve(&world, |text| text).await;
    under_way(&world, &first).await;
    drop(first);
    let second = Serve::start(&world.dir.path().join("preflux.yaml")).await;
    reported(&world, &second, &world.sample.head_sha).await;
}
