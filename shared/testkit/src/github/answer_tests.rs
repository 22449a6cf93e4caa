//! What every answer carries, whichever endpoint gave it: budget, id, and errors in GitHub's form.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use serde_json::{Value, json};

use super::tests::world;
use super::*;
use crate::faults::FaultKind;

#[tokio::test]
async fn every_answer_says_what_is_left_and_who_it_is() {
    let world = world(Options::default());
    let first = world.get("/repos/acme/fleet").await;
    let etag = first.header("etag").to_owned();
    let unchanged = [("if-none-match", etag.as_str())];
    let again = world.send("GET", "/repos/acme/fleet", DEFAULT_TOKEN, Value::Null, &unchanged).await;
    let missing = world.get("/repos/acme/none").await;
    let refused = world.send("GET", "/user", "wrong", Value::Null, &[]).await;
    let made = world.post("/repos/acme/fleet/issues/1/comments", json!({"body": "x"})).await;
    let answers = [&first, &again, &missing, &refused, &made];
    assert_eq!(answers.map(|one| one.status), [200, 304, 404, 401, 201]);
    let left = answers.map(|one| one.header("x-ratelimit-remaining").to_owned());
    assert_eq!(
        left,
        ["4999", "4999", "4998", "59", "4997"],
        "a 304 costs nothing, a stranger has a budget of their own"
    );
    let ids: std::collections::BTreeSet<_> =
        answers.iter().map(|one| one.header("x-github-request-id")).collect();
    assert_eq!(ids.len(), answers.len());
    for name in ["limit", "used", "reset", "resource"] {
        let header = format!("x-ratelimit-{name}");
        assert!(answers.iter().all(|one| !one.header(&header).is_empty()), "{header}");
    }
    for error in [&missing, &refused] {
        assert_eq!(error.body["status"], error.status.to_string());
        assert!(error.body["documentation_url"].as_str().unwrap().starts_with("https://docs.github.com/"));
    }
}

#[tokio::test]
async fn limits_say_which_of_them_it_is() {
    let world = world(Options::default());
    world.github.set_remaining(DEFAULT_TOKEN, 0);
    let over = world.get("/user").await;
    assert!(over.body["message"].as_str().unwrap().starts_with("API rate limit exceeded for user ID "));
    assert!(over.body["documentation_url"].as_str().unwrap().ends_with("#about-primary-rate-limits"));
    world.github.clock().advance(3600);
    let caller = auth::caller(&world.github.inner, Some(&format!("Bearer {DEFAULT_TOKEN}"))).unwrap();
    for _ in 0..limits::POINTS_PER_MINUTE {
        world.github.inner.limits.count(&world.github.inner, "GET", &caller).unwrap();
    }
    let limited = world.get("/user").await;
    assert_eq!((limited.status, limited.header("retry-after")), (403, "60"));
    assert!(limited.body["documentation_url"].as_str().unwrap().ends_with("#about-secondary-rate-limits"));
}

#[tokio::test]
async fn creating_is_limited_for_who_creates() {
    let world = world(Options::default());
    world.github.add_token("alice-token", "alice");
    let comment = async |token: &str| {
        let made =
            world.send("POST", "/repos/acme/fleet/issues/1/comments", token, json!({"body": "x"}), &[]).await;
        (made.status, made.header("retry-after").parse::<i64>().unwrap_or_default())
    };
    world.github.count_creations(DEFAULT_TOKEN, 80);
    assert_eq!(comment(DEFAULT_TOKEN).await, (403, 60));
    assert_eq!(comment("alice-token").await, (201, 0), "others may");
    world.github.clock().advance(60);
    assert_eq!(comment(DEFAULT_TOKEN).await, (201, 0));
    world.github.count_creations(DEFAULT_TOKEN, 419);
    world.github.clock().advance(60);
    let (status, after) = comment(DEFAULT_TOKEN).await;
    assert!(status == 403 && (3_400..3_500).contains(&after), "{status} {after}: 500 within the hour");
    world.github.clock().advance(after);
    assert_eq!(comment(DEFAULT_TOKEN).await, (201, 0));
}

#[tokio::test]
async fn limits_come_as_429_too_and_connections_break() {
    let world = world(Options::default());
    world.github.fault(Fault::once("GET", "/user", FaultKind::TooMany(Some(7))));
    let limited = world.get("/user").await;
    assert_eq!((limited.status, limited.header("retry-after")), (429, "7"));
    assert!(limited.body["documentation_url"].as_str().unwrap().ends_with("#about-secondary-rate-limits"));

    let comments = "/repos/acme/fleet/issues/1/comments";
    world.github.fault(Fault::once("POST", comments, FaultKind::Cut));
    let client = reqwest::Client::builder().no_proxy().user_agent("tests").build().unwrap();
    let asked = client.post(format!("{}{comments}", world.github.url())).bearer_auth(DEFAULT_TOKEN);
    let answer = asked.json(&json!({"body": "landed"})).send().await.unwrap();
    assert_eq!(answer.status().as_u16(), 201, "its head arrives");
    assert!(answer.text().await.is_err(), "its body does not");
    assert_eq!(world.repo.comments(1).len(), 1, "the write landed");
}

#[tokio::test]
async fn a_token_of_the_app_is_refused_in_githubs_words() {
    let world = world(Options::default());
    let got = world.send("GET", "/app", "a.b.c", Value::Null, &[]).await;
    assert_eq!((got.status, &got.body["message"]), (401, &json!("A JSON web token could not be decoded")));
}

#[tokio::test]
async fn an_old_name_leads_to_the_new_one() {
    let world = world(Options::default());
    let id = world.repo.id();
    let listing = "/repos/acme/fleet/pulls?page=1&state=all";
    let direct = |method: &'static str, path: &'static str, token: &'static str| {
        let request = reqwest::Client::builder().no_proxy().user_agent("tests");
        let client = request.redirect(reqwest::redirect::Policy::none()).build().unwrap();
        let url = format!("{}{path}", world.github.url());
        let request = client.request(method.parse().unwrap(), url).bearer_auth(token);
        let request = if method == "POST" { request.json(&json!({"body": "x"})) } else { request };
        async {
            let answer = request.send().await.unwrap();
            let place = answer.headers().get("location").map(|place| place.to_str().unwrap().to_owned());
            (answer.status().as_u16(), place.unwrap_or_default())
        }
    };
    let renamed = world.repo.rename("globex/flotilla");
    let by_number = format!("{}/repositories/{id}", world.github.url());
    let moved = direct("GET", listing, DEFAULT_TOKEN).await;
    assert_eq!(moved, (301, format!("{by_number}/pulls?page=1&state=all")));
    let comments = "/repos/acme/fleet/issues/1/comments";
    assert_eq!(
        direct("POST", comments, DEFAULT_TOKEN).await,
        (307, format!("{by_number}/issues/1/comments"))
    );
    let followed = world.get(listing).await;
    assert_eq!(
        (followed.status, &followed.body[0]["base"]["repo"]["full_name"]),
        (200, &json!("globex/flotilla"))
    );
    let other = world.get("/repos/globex/flotilla/pulls?state=all&per_page=1").await;
    assert_eq!((other.status, other.header("link")), (200, ""), "one page has no links");

    renamed.set_private(true).allow("mallory", Permission::None);
    world.github.add_token("mallory-token", "mallory");
    assert_eq!(direct("GET", listing, "mallory-token").await.0, 404, "a stranger learns of no move");
    world.github.repo("acme/fleet");
    assert_eq!(world.get(listing).await.body, json!([]), "the name is somebody else's now");
}

#[test]
fn git_follows_a_renamed_repository() {
    let world = world(Options::default());
    let old = world.github.git_url("acme/fleet");
    world.repo.rename("acme/flotilla");
    let listed = std::process::Command::new("git")
        .args(["ls-remote", &old, "main"])
        .env("NO_PROXY", "127.0.0.1")
        .output();
    assert!(listed.unwrap().status.success());
}

#[tokio::test]
async fn a_merge_can_be_computed_when_it_is_first_asked_for() {
    let world = world(Options::default());
    let mergeable = async || {
        let one = world.get("/repos/acme/fleet/pulls/1").await.body;
        (one["mergeable"].clone(), one["mergeable_state"].as_str().unwrap().to_owned())
    };
    assert_eq!(mergeable().await, (json!(true), "clean".to_owned()));
    world.repo.merge_when_asked();
    let before = world.repo.resolve("refs/pull/1/merge");
    world.repo.push_to_pull(1, [("c.yaml", Some("c"))]);
    assert_eq!(world.repo.resolve("refs/pull/1/merge"), before, "the old one is still there");
    assert_eq!(mergeable().await, (Value::Null, "unknown".to_owned()));
    assert_eq!(mergeable().await, (json!(true), "clean".to_owned()));
    assert_ne!(world.repo.resolve("refs/pull/1/merge"), before);
}

#[tokio::test]
#[should_panic(expected = "not as GitHub describes its API:\n  GET /user is odd")]
async fn what_a_watcher_finds_fails_the_test_at_its_end() {
    let judge = |request: &http::Request<bytes::Bytes>, _: Option<&http::Response<bytes::Bytes>>| {
        vec![format!("{} {} is odd", request.method(), request.uri())]
    };
    let odd: described::Watch = Arc::new(judge);
    let github = FakeGitHub::start(Options { watch: Some(odd).into(), ..Options::default() }).unwrap();
    let asked = reqwest::Client::builder().no_proxy().user_agent("tests").build().unwrap();
    asked.get(format!("{}/user", github.url())).send().await.unwrap();
    drop(github.clone());
    drop(github);
}
