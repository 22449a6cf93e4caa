//! Real clients against the fake: git over HTTP, and octocrab, whose models must take every answer.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::path::Path;
use std::process::Command;

use serde_json::json;

use super::tests::world;
use super::*;

fn git(dir: &Path, args: &[&str]) -> (bool, String) {
    let output = Command::new("git")
        .current_dir(dir)
        .args(args)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_TERMINAL_PROMPT", "0")
        .env("NO_PROXY", "127.0.0.1")
        .output()
        .unwrap();
    (
        output.status.success(),
        String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).trim().to_owned(),
    )
}

#[test]
fn real_git_clones_fetches_by_commit_and_may_not_push() {
    let world = world(Options::default());
    let (dir, url) = (tempfile::tempdir().unwrap(), world.github.git_url("acme/fleet"));
    let run = |args: &[&str]| git(dir.path(), args);
    for version in ["0", "2"] {
        let protocol = format!("protocol.version={version}");
        let (ok, text) = run(&["-c", &protocol, "clone", "--quiet", &url, &format!("clone-{version}")]);
        assert!(ok, "{text}");
    }
    let clone = dir.path().join("clone-2");
    assert_eq!(git(&clone, &["rev-parse", "HEAD"]).1, world.repo.head("main").unwrap());
    let merge = world.repo.resolve("refs/pull/1/merge").unwrap();
    for wanted in [merge.as_str(), "refs/pull/1/head"] {
        let (ok, text) = git(&clone, &["fetch", "--quiet", "--depth=1", "origin", wanted]);
        assert!(ok, "{wanted}: {text}");
    }
    assert_eq!(git(&clone, &["rev-parse", "FETCH_HEAD"]).1, world.repo.pull(1).head_sha);
    assert!(git(&clone, &["clone", "--quiet", "--bare", "--filter=blob:none", &url, "partial"]).0);
    let (pushed, text) = git(&clone, &["push", &url, "HEAD:refs/heads/new"]);
    assert!(!pushed && text.contains("403"), "{text}");
}

#[test]
fn private_git_asks_for_a_token() {
    let world = world(Options::default());
    world.repo.set_private(true);
    let dir = tempfile::tempdir().unwrap();
    let with = |token: &str| {
        world.github.git_url("acme/fleet").replace("http://", &format!("http://x-access-token:{token}@"))
    };
    let read = |url: &str| git(dir.path(), &["ls-remote", url, "main"]).0;
    assert!(!read(&world.github.git_url("acme/fleet")) && !read(&with("wrong")));
    assert!(read(&with(DEFAULT_TOKEN)));
    assert!(!read(&with(&world.github.add_installation_token(&[("pull_requests", "read")], 60))));
    world.repo.set_private(false);
    world.github.set_require_git_auth(true);
    assert!(!read(&world.github.git_url("acme/fleet")) && read(&with(DEFAULT_TOKEN)));
}

#[test]
fn commits_are_the_same_each_time() {
    let build = || world(Options::default()).repo.resolve("refs/pull/1/merge").unwrap();
    assert_eq!(build(), build());
}

#[tokio::test]
async fn octocrab_understands_everything() {
    let world = world(Options::default());
    world.repo.label(1, "shop");
    let octocrab = octocrab::OctocrabBuilder::new()
        .base_uri(world.github.url())
        .unwrap()
        .personal_token(DEFAULT_TOKEN.to_owned())
        .build()
        .unwrap();
    let pulls = octocrab.pulls("acme", "fleet");
    let listed = pulls.list().state(octocrab::params::State::All).per_page(100).send().await.unwrap();
    let pull = pulls.get(1).await.unwrap();
    assert_eq!((listed.items[0].number, &listed.items[0].head.sha), (1, &pull.head.sha));
    assert_eq!(
        (pull.mergeable, pull.base.repo.unwrap().full_name.as_deref()),
        (Some(true), Some("acme/fleet"))
    );
    assert_eq!(pulls.list_files(1).await.unwrap().items.len(), 4);
    assert_eq!(pulls.pr_commits(1).send().await.unwrap().items[0].sha, pull.head.sha);
    let issues = octocrab.issues("acme", "fleet");
    let comment = issues.create_comment(1, "hello").await.unwrap();
    assert_eq!(issues.update_comment(comment.id, "changed").await.unwrap().body.as_deref(), Some("changed"));
    assert_eq!(issues.list_comments(1).send().await.unwrap().items[0].user.login, DEFAULT_LOGIN);
    let review: octocrab::models::pulls::Review = octocrab
        .post(
            "/repos/acme/fleet/pulls/1/reviews",
            Some(&json!({"event": "APPROVE", "commit_id": pull.head.sha})),
        )
        .await
        .unwrap();
    assert_eq!(review.state, Some(octocrab::models::pulls::ReviewState::Approved));
    assert_eq!(pulls.list_reviews(1).send().await.unwrap().items.len(), 1);
    let repo = octocrab.repos("acme", "fleet");
    assert_eq!(repo.get().await.unwrap().default_branch.as_deref(), Some("main"));
    repo.get_ref(&octocrab::params::repos::Reference::Branch("main".to_owned())).await.unwrap();
    assert_eq!(octocrab.current().user().await.unwrap().login, DEFAULT_LOGIN);
    octocrab.ratelimit().get().await.unwrap();
    let _: octocrab::models::repos::RepoCommit =
        octocrab.get("/repos/acme/fleet/commits/main", None::<&()>).await.unwrap();
    let _: octocrab::models::repos::Branch =
        octocrab.get("/repos/acme/fleet/branches/main", None::<&()>).await.unwrap();
    // GitHub takes POST for PATCH, and octocrab uses that; we do not.
    world.wrong_on_purpose(&["POST /repos/acme/fleet/issues/comments/"]);
}

#[tokio::test]
async fn octocrab_logs_in_as_the_app() {
    let world = world(Options::default());
    world.repo.set_private(true);
    let key = octocrab::models::AppId(APP_ID);
    let build = |pem: &str| {
        let encoding = jsonwebtoken_key(pem);
        octocrab::OctocrabBuilder::new()
            .base_uri(world.github.url())
            .unwrap()
            .app(key, encoding)
            .build()
            .unwrap()
    };
    let app = build(&world.github.app_key_pem());
    assert_eq!(app.current().app().await.unwrap().slug.as_deref(), Some(APP_SLUG));
    let installed = app.installation(octocrab::models::InstallationId(INSTALLATION_ID)).unwrap();
    assert_eq!(installed.pulls("acme", "fleet").get(1).await.unwrap().number, 1);
    let asked = json!({"repository_ids": [world.repo.id()], "permissions": {"contents": "read"}});
    let route = format!("/app/installations/{INSTALLATION_ID}/access_tokens");
    let narrow: Value = app.post(route, Some(&asked)).await.unwrap();
    assert_eq!(
        (&narrow["repository_selection"], &narrow["permissions"]),
        (&json!("selected"), &json!({"contents": "read"}))
    );
    assert_eq!(narrow["repositories"][0]["full_name"], "acme/fleet");
    let stranger = FakeGitHub::start(Options::default()).unwrap();
    assert!(build(&stranger.app_key_pem()).current().app().await.is_err(), "another key is refused");
}

fn jsonwebtoken_key(pem: &str) -> octocrab::auth::EncodingKey {
    octocrab::auth::EncodingKey::from_rsa_pem(pem.as_bytes()).unwrap()
}
