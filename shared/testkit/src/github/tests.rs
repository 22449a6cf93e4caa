//! That the fake refuses what GitHub refuses; `client_tests` has real git and octocrab against it.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use reqwest::header::HeaderMap;
use serde_json::{Value, json};

use super::*;
use crate::faults::FaultKind;

pub(crate) struct World {
    pub(crate) github: FakeGitHub,
    pub(crate) repo: RepoHandle,
    http: reqwest::Client,
}

/// What came back.
pub(crate) struct Got {
    pub(crate) status: u16,
    headers: HeaderMap,
    pub(crate) body: Value,
}

impl Got {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |v| v.to_str().unwrap())
    }

    fn errors(&self) -> String {
        self.body["errors"].to_string()
    }
}

/// `acme/fleet` with two files on main and pull request 1 of alice that changes, renames, adds and removes.
pub(crate) fn world(options: Options) -> World {
    let github = FakeGitHub::start(Options { watch: described::watch().into(), ..options }).unwrap();
    let repo = github.repo("acme/fleet");
    let long: String = (0..40).map(|n| format!("line {n}\n")).collect();
    repo.commit(
        "main",
        "start",
        [("a.yaml", Some("a: 1\n")), ("old.yaml", Some(&long)), ("gone.yaml", Some("x\n"))],
    );
    repo.open_pull(PullSpec::new(
        "Change things",
        "topic",
        [
            ("a.yaml", Some("a: 2\n")),
            ("old.yaml", None),
            ("dir/new name.yaml", Some(&long)),
            ("added.yaml", Some("n\n")),
            ("gone.yaml", None),
        ],
    ));
    World { github, repo, http: reqwest::Client::builder().no_proxy().user_agent("tests").build().unwrap() }
}

impl World {
    pub(crate) async fn send(
        &self,
        method: &str,
        path: &str,
        token: &str,
        body: Value,
        headers: &[(&str, &str)],
    ) -> Got {
        let url =
            if path.starts_with("http") { path.to_owned() } else { format!("{}{path}", self.github.url()) };
        let mut request = self.http.request(method.parse().unwrap(), url);
        if !token.is_empty() {
            request = request.bearer_auth(token);
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if !body.is_null() {
            request = request.json(&body);
        }
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Got {
            status,
            headers,
            body: serde_json::from_slice(&response.bytes().await.unwrap()).unwrap_or_default(),
        }
    }

    /// Requests that are not as GitHub describes them, because that is what is tried: each of them was found, and nothing else.
    pub(crate) fn wrong_on_purpose(&self, expected: &[&str]) {
        let found = self.github.misfits();
        let missing = expected.iter().filter(|part| !found.iter().any(|one| one.contains(**part)));
        let others = found.iter().filter(|one| !expected.iter().any(|part| one.contains(part)));
        let missing: Vec<_> = missing.filter(|_| described::description().is_some()).collect();
        assert_eq!((missing, others.collect::<Vec<_>>()), (vec![], vec![]));
    }

    pub(crate) async fn get(&self, path: &str) -> Got {
        self.send("GET", path, DEFAULT_TOKEN, Value::Null, &[]).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Got {
        self.send("POST", path, DEFAULT_TOKEN, body, &[]).await
    }
}

#[tokio::test]
async fn what_github_refuses() {
    let world = world(Options::default());
    world.github.repo("acme/secret").set_private(true).allow(DEFAULT_LOGIN, Permission::None);
    world.github.add_token("alice-token", "alice");
    let installation = world.github.add_installation_token(&[("pull_requests", "read")], 3600);
    let (pull, reviews, comments) = (
        "/repos/acme/fleet/pulls/1",
        "/repos/acme/fleet/pulls/1/reviews",
        "/repos/acme/fleet/issues/1/comments",
    );
    let sha = world.repo.pull(1).head_sha;
    let base = world.repo.head("main").unwrap();
    let cases: &[(&str, &str, &str, Value, u16, &str)] = &[
        ("GET", "/repos/acme/none", DEFAULT_TOKEN, Value::Null, 404, "Not Found"),
        ("GET", "/repos/acme/secret", DEFAULT_TOKEN, Value::Null, 404, "Not Found"),
        ("GET", "/repos/acme/secret", "", Value::Null, 404, "Not Found"),
        ("GET", "/repos/acme/fleet/pulls/9", DEFAULT_TOKEN, Value::Null, 404, "Not Found"),
        ("GET", "/repos/acme/fleet/pulls?state=odd", DEFAULT_TOKEN, Value::Null, 422, "Validation Failed"),
        ("PUT", pull, DEFAULT_TOKEN, Value::Null, 404, "Not Found"),
        ("GET", "/nothing", DEFAULT_TOKEN, Value::Null, 404, "Not Found"),
        ("GET", pull, "wrong", Value::Null, 401, "Bad credentials"),
        ("GET", "/app", DEFAULT_TOKEN, Value::Null, 401, "A JSON web token could not be decoded"),
        ("GET", "/user", &installation, Value::Null, 403, "Resource not accessible by integration"),
        (
            "POST",
            comments,
            &installation,
            json!({"body": "x"}),
            403,
            "Resource not accessible by integration",
        ),
        (
            "POST",
            reviews,
            &installation,
            json!({"event": "APPROVE"}),
            403,
            "Resource not accessible by integration",
        ),
        ("POST", comments, "", json!({"body": "x"}), 401, "Requires authentication"),
        ("POST", comments, DEFAULT_TOKEN, json!({"body": "é".repeat(65_537)}), 422, "Validation Failed"),
        ("POST", comments, DEFAULT_TOKEN, json!({"body": " "}), 422, "Validation Failed"),
        ("POST", comments, DEFAULT_TOKEN, json!({}), 422, "Validation Failed"),
        (
            "POST",
            reviews,
            DEFAULT_TOKEN,
            json!({"event": "APPROVE", "commit_id": base}),
            422,
            "Unprocessable Entity",
        ),
        ("POST", reviews, DEFAULT_TOKEN, json!({"event": "LIKE"}), 422, "Unprocessable Entity"),
        ("POST", reviews, DEFAULT_TOKEN, json!({"event": "REQUEST_CHANGES"}), 422, "Unprocessable Entity"),
        (
            "POST",
            reviews,
            "alice-token",
            json!({"event": "APPROVE", "commit_id": sha}),
            422,
            "Unprocessable Entity",
        ),
        ("GET", "/repos/acme/fleet/branches/none", DEFAULT_TOKEN, Value::Null, 404, "Branch not found"),
        (
            "GET",
            "/repos/acme/fleet/commits/none",
            DEFAULT_TOKEN,
            Value::Null,
            422,
            "No commit found for SHA: none",
        ),
    ];
    for (method, path, token, body, status, message) in cases {
        let got = world.send(method, path, token, body.clone(), &[]).await;
        assert_eq!(
            (got.status, got.body["message"].as_str()),
            (*status, Some(*message)),
            "{method} {path}: {}",
            got.body
        );
        assert!(!got.header("x-ratelimit-remaining").is_empty(), "{method} {path}");
    }
    assert!(
        world.repo.comments(1).is_empty() && world.repo.reviews(1).is_empty(),
        "a refusal changes nothing"
    );
    let own = world.send("POST", reviews, "alice-token", json!({"event": "APPROVE"}), &[]).await;
    assert!(own.errors().contains("Can not approve your own pull request"));
    let nameless = reqwest::Client::builder().no_proxy().build().unwrap();
    assert_eq!(nameless.get(format!("{}/user", world.github.url())).send().await.unwrap().status(), 403);
    world.wrong_on_purpose(&[
        "GET /nothing: ",
        "PUT /repos/acme/fleet/pulls/1: ",
        "/pulls -> 422: the parameter `state`",
        "/comments -> 422: sent: the body: \"body\" is a required property",
        "/reviews -> 422: sent: `/event`",
        "GET /user -> 403: no `User-Agent`",
    ]);
}

#[tokio::test]
async fn closed_and_merged_pull_requests_take_no_approval() {
    let world = world(Options::default());
    world.repo.close(1);
    assert_eq!(
        world.post("/repos/acme/fleet/pulls/1/reviews", json!({"event": "APPROVE"})).await.status,
        422
    );
    assert_eq!(world.repo.resolve("refs/pull/1/merge"), None);
    world.repo.reopen(1);
    let merge = world.repo.merge(1);
    let got = world.get("/repos/acme/fleet/pulls/1").await;
    assert_eq!(
        (&got.body["state"], &got.body["merged"], &got.body["merge_commit_sha"]),
        (&json!("closed"), &json!(true), &json!(merge))
    );
    assert_eq!(world.repo.head("main"), Some(merge));
    assert_eq!(
        world.post("/repos/acme/fleet/pulls/1/reviews", json!({"event": "APPROVE"})).await.status,
        422
    );
}

#[tokio::test]
async fn an_etag_is_free_and_bound_to_its_token() {
    let world = world(Options::default());
    world.github.add_token("other", DEFAULT_LOGIN);
    let list = "/repos/acme/fleet/pulls?state=all&sort=updated&direction=desc&per_page=100";
    let first = world.get(list).await;
    let etag = first.header("etag").to_owned();
    assert!(etag.starts_with("W/\"") && etag.ends_with('"'));
    let again = world.send("GET", list, DEFAULT_TOKEN, Value::Null, &[("if-none-match", &etag)]).await;
    assert_eq!((again.status, again.header("x-ratelimit-used")), (304, first.header("x-ratelimit-used")));
    assert_eq!(world.send("GET", list, "other", Value::Null, &[("if-none-match", &etag)]).await.status, 200);
    world.repo.label(1, "shop");
    assert_eq!(
        world.send("GET", list, DEFAULT_TOKEN, Value::Null, &[("if-none-match", &etag)]).await.status,
        200
    );
    let charged: Vec<bool> = world.github.requests().iter().map(|r| r.charged).collect();
    assert_eq!(charged, [true, false, true, true]);
}

#[tokio::test]
async fn lists_come_in_pages_newest_first() {
    let world = world(Options::default());
    for n in 2..=5 {
        world.repo.open_pull(PullSpec::new(
            &format!("PR {n}"),
            &format!("topic-{n}"),
            [("n.yaml", Some(n.to_string().as_str()))],
        ));
    }
    world.repo.close(3);
    let mut next =
        Some("/repos/acme/fleet/pulls?state=all&sort=updated&direction=desc&per_page=2".to_owned());
    let mut pages = Vec::new();
    while let Some(path) = next {
        let got = world.get(&path).await;
        pages.push(
            got.body.as_array().unwrap().iter().map(|p| p["number"].as_u64().unwrap()).collect::<Vec<_>>(),
        );
        next = got
            .header("link")
            .split(", ")
            .find(|l| l.contains("rel=\"next\""))
            .map(|l| l[1..l.find('>').unwrap()].to_owned());
    }
    assert_eq!(pages, [vec![3, 5], vec![4, 2], vec![1]]);
    let middle = world.get("/repos/acme/fleet/pulls?state=all&per_page=2&page=2").await;
    let rels: Vec<&str> =
        middle.header("link").split("rel=").skip(1).map(|l| l.trim_end_matches(", ")).collect();
    assert!(middle.header("link").contains("/repositories/"), "lists name the repository by its number");
    assert!(
        rels.iter().zip(["prev", "next", "last", "first"]).all(|(found, rel)| found.contains(rel)),
        "{rels:?}"
    );
    let open = world.get("/repos/acme/fleet/pulls").await;
    assert_eq!(open.body.as_array().unwrap().len(), 4);
}

#[tokio::test]
async fn files_are_those_of_a_real_diff() {
    let world = world(Options::default());
    let got = world.get("/repos/acme/fleet/pulls/1/files?per_page=100").await;
    let files: Vec<(&str, &str, &str)> = got
        .body
        .as_array()
        .unwrap()
        .iter()
        .map(|f| {
            (
                f["filename"].as_str().unwrap(),
                f["status"].as_str().unwrap(),
                f["previous_filename"].as_str().unwrap_or_default(),
            )
        })
        .collect();
    assert_eq!(
        files,
        [
            ("a.yaml", "modified", ""),
            ("added.yaml", "added", ""),
            ("dir/new name.yaml", "renamed", "old.yaml"),
            ("gone.yaml", "removed", "")
        ]
    );
    assert_eq!((&got.body[0]["additions"], &got.body[0]["deletions"]), (&json!(1), &json!(1)));
    let one = world.get("/repos/acme/fleet/pulls/1").await.body;
    assert_eq!(
        (&one["changed_files"], &one["commits"], &one["mergeable"]),
        (&json!(4), &json!(1), &json!(true))
    );
}

#[tokio::test]
async fn the_merge_result_follows_base_and_head() {
    let world = world(Options::default());
    let parents = || {
        let (pull, merge) = (world.repo.pull(1), world.repo.resolve("refs/pull/1/merge").unwrap());
        assert_eq!(pull.merge_commit_sha.as_ref(), Some(&merge));
        let ends = [world.repo.resolve("refs/pull/1/merge^1"), world.repo.resolve("refs/pull/1/merge^2")];
        assert_eq!(ends, [world.repo.head("main"), Some(pull.head_sha)]);
        merge
    };
    let first = parents();
    world.repo.commit("main", "base moves", [("b.yaml", Some("b"))]);
    let second = parents();
    world.repo.push_to_pull(1, [("c.yaml", Some("c"))]);
    assert!(first != second && second != parents());
    world.repo.commit("main", "conflict", [("a.yaml", Some("a: 3\n"))]);
    assert_eq!((world.repo.pull(1).mergeable, world.repo.resolve("refs/pull/1/merge")), (Some(false), None));
    world.repo.hold_merge(1, true);
    assert_eq!(world.get("/repos/acme/fleet/pulls/1").await.body["mergeable"], Value::Null);
}

#[tokio::test]
async fn comments_belong_to_their_author() {
    let world = world(Options::default());
    world.github.add_token("reader-token", "mallory");
    let made = world.post("/repos/acme/fleet/issues/1/comments", json!({"body": "hello"})).await;
    assert_eq!(
        (made.status, &made.body["user"]["login"], &made.body["user"]["type"]),
        (201, &json!(DEFAULT_LOGIN), &json!("User"))
    );
    let one = format!("/repos/acme/fleet/issues/comments/{}", made.body["id"]);
    assert_eq!(world.send("PATCH", &one, "reader-token", json!({"body": "mine"}), &[]).await.status, 403);
    let edited = world.send("PATCH", &one, DEFAULT_TOKEN, json!({"body": "new"}), &[]).await;
    assert_eq!((edited.status, &edited.body["body"]), (200, &json!("new")));
    assert!(edited.body["updated_at"].as_str() > edited.body["created_at"].as_str());
    assert_eq!(world.repo.comments(1)[0].body, "new");
    assert_eq!(world.send("DELETE", &one, DEFAULT_TOKEN, Value::Null, &[]).await.status, 204);
    assert_eq!(world.get(&one).await.status, 404);
    let app = world.github.add_installation_token(&[], 3600);
    let by_app =
        world.send("POST", "/repos/acme/fleet/issues/1/comments", &app, json!({"body": "x"}), &[]).await;
    assert_eq!(
        (&by_app.body["user"]["login"], &by_app.body["user"]["type"]),
        (&json!("preflux[bot]"), &json!("Bot"))
    );
}

#[tokio::test]
async fn limits_and_faults_answer_as_github() {
    let world = world(Options { rate_limit: 3, ..Options::default() });
    let comments = "/repos/acme/fleet/issues/1/comments";
    world.github.fault(Fault::once("POST", comments, FaultKind::StatusAfter(502)));
    assert_eq!(world.post(comments, json!({"body": "landed"})).await.status, 502);
    assert_eq!(world.repo.comments(1).len(), 1, "the write landed");
    world.github.fault(Fault::once("GET", "/repos/acme", FaultKind::RateLimited(Some(7))));
    let limited = world.get("/repos/acme/fleet").await;
    assert_eq!((limited.status, limited.header("retry-after")), (403, "7"));
    let last = world.get("/repos/acme/fleet").await;
    assert_eq!((last.status, last.header("x-ratelimit-remaining")), (200, "0"));
    let over = world.get("/repos/acme/fleet").await;
    assert_eq!(
        (over.status, over.header("x-ratelimit-remaining"), over.header("retry-after")),
        (403, "0", "")
    );
    world.github.clock().advance(3600);
    assert_eq!(world.get("/repos/acme/fleet").await.status, 200);
}

#[tokio::test]
async fn an_expired_token_is_a_401() {
    let world = world(Options::default());
    let token = world.github.add_installation_token(&[], 10);
    assert_eq!(world.send("GET", "/repos/acme/fleet", &token, Value::Null, &[]).await.status, 200);
    world.github.clock().advance(10);
    assert_eq!(world.send("GET", "/repos/acme/fleet", &token, Value::Null, &[]).await.status, 401);
    world.github.revoke_token(DEFAULT_TOKEN);
    assert_eq!(world.get("/repos/acme/fleet").await.status, 401);
}
