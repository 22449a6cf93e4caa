//! Who reads, and where: several identities in turn, one token for all processes, and repositories that moved.
#![expect(clippy::unwrap_used, reason = "a failed step is the test's failure")]

mod world;

use std::sync::Arc;

use domain::{PullKey, RepoName};
use github::{Auth, GitHub, Rotator};
use ports::ledger::Ledger;
use ports::{Clock, Conditional, Forge, ForgeError, Table};
use serde_json::json;
use testkit::faults::{Fault, FaultKind};
use testkit::github::{APP_ID, DEFAULT_TOKEN, FakeGitHub, INSTALLATION_ID, Permission, PullSpec};
use world::{Memory, SameClock, app, client, options};

fn fake() -> FakeGitHub {
    let fake = FakeGitHub::start(options()).unwrap();
    fake.repo("acme/fleet").commit("main", "Start", [("a.yaml", Some("a: 1\n"))]);
    fake
}

fn name(text: &str) -> RepoName {
    text.parse().unwrap()
}

fn token(text: &str) -> Auth {
    Auth::Token(text.to_owned().into())
}

/// Requests since the last look, as `METHOD /path status`, without the query.
fn requests(fake: &FakeGitHub) -> Vec<String> {
    let seen = fake.requests();
    fake.forget_requests();
    let path = |full: &str| full.split('?').next().unwrap_or_default().to_owned();
    seen.into_iter().map(|r| format!("{} {} {}", r.method, path(&r.path), r.status)).collect()
}

/// Three people read, of whom the first writes.
fn three(fake: &FakeGitHub) -> (Rotator, [&'static str; 3]) {
    let tokens = [DEFAULT_TOKEN, "ghp_second", "ghp_third"];
    for (login, token) in [("second", tokens[1]), ("third", tokens[2])] {
        fake.add_user(login, Permission::Write);
        fake.add_token(token, login);
    }
    let table = Arc::new(Memory::default());
    let member = |text: &str| (text.to_owned(), Arc::new(client(fake, &table, token(text))));
    let clock: Arc<dyn Clock> = Arc::new(SameClock(fake.clock()));
    (Rotator::new(member(tokens[0]), vec![member(tokens[1]), member(tokens[2])], clock), tokens)
}

async fn list(forge: &dyn Forge, repo: &RepoName, etag: Option<&str>) -> Result<Option<String>, ForgeError> {
    Ok(match forge.pulls(repo, 1, etag).await? {
        Conditional::NotModified => None,
        Conditional::Fresh { etag, .. } => etag,
    })
}

#[tokio::test]
async fn repositories_are_spread_over_the_identities_and_stay_with_theirs() {
    let fake = fake();
    let (rotator, tokens) = three(&fake);
    let mut shares = Vec::new();
    for number in 0..60 {
        let repo = name(&format!("acme/r{number}"));
        fake.repo(&repo.to_string());
        let etag = list(&rotator, &repo, None).await.unwrap();
        assert_eq!(list(&rotator, &repo, etag.as_deref()).await.unwrap(), None, "{repo}: 304");
        shares.push(rotator.token_fingerprint_for(&repo).await.unwrap());
    }
    shares.sort();
    for share in shares.chunk_by(|a, b| a == b) {
        assert!((8..=35).contains(&share.len()), "{}", share.len());
    }
    shares.dedup();
    assert_eq!(shares.len(), tokens.len());
}

#[tokio::test]
async fn others_stand_in_for_who_is_limited_or_refused() {
    let fake = fake();
    let (rotator, tokens) = three(&fake);
    let repo = name("acme/fleet");
    let mut asked = vec![rotator.token_fingerprint_for(&repo).await.unwrap()];
    fake.fault(Fault::once("GET", "/repos/acme/fleet/pulls", FaultKind::RateLimited(Some(30))));
    list(&rotator, &repo, None).await.unwrap();
    asked.push(rotator.token_fingerprint_for(&repo).await.unwrap());
    assert_ne!(asked[0], asked[1], "another has taken over");
    fake.fault(Fault::once("GET", "/repos/acme/fleet/pulls", FaultKind::Status(401)));
    list(&rotator, &repo, None).await.unwrap();
    asked.push(rotator.token_fingerprint_for(&repo).await.unwrap());
    requests(&fake);
    list(&rotator, &repo, None).await.unwrap();
    assert_eq!(requests(&fake), ["GET /repos/acme/fleet/pulls 200"], "the others are left alone");

    fake.clock().advance(30);
    assert_eq!(rotator.token_fingerprint_for(&repo).await.unwrap(), asked[0], "the limit is over");
    fake.fault(Fault::once("GET", "/repos/acme/fleet/pulls", FaultKind::RateLimited(Some(30))).times(2));
    for token in tokens {
        fake.revoke_token(token);
    }
    let error = list(&rotator, &repo, None).await.unwrap_err();
    assert!(matches!(error, ForgeError::RateLimited { .. }), "{error}");
}

#[tokio::test]
async fn others_take_over_before_a_limit_is_hit() {
    let fake = fake();
    let (rotator, tokens) = three(&fake);
    let repo = name("acme/fleet");
    let own = rotator.token_fingerprint_for(&repo).await.unwrap();
    let mut left = Vec::new();
    for round in 0..3 {
        for token in tokens {
            fake.set_remaining(token, 1_003);
        }
        list(&rotator, &repo, None).await.unwrap();
        left.push(rotator.budget(&repo).await.unwrap().unwrap().remaining);
        assert_eq!(rotator.token_fingerprint_for(&repo).await.unwrap(), own, "round {round}: there is room");
    }
    assert_eq!(left, [1_002; 3]);
    for _ in 0..2 {
        list(&rotator, &repo, None).await.unwrap();
    }
    assert_ne!(
        rotator.token_fingerprint_for(&repo).await.unwrap(),
        own,
        "a fifth is left, and another goes on"
    );
    for _ in 0..10 {
        list(&rotator, &repo, None).await.unwrap();
    }
    assert!(rotator.budget(&repo).await.unwrap().unwrap().is_used_up(fake.clock().now()), "nobody has room");
    fake.clock().advance(3_601);
    assert_eq!(rotator.token_fingerprint_for(&repo).await.unwrap(), own, "the hour is over");
}

#[tokio::test]
async fn a_repository_is_gone_only_when_nobody_sees_it() {
    let fake = fake();
    let (rotator, tokens) = three(&fake);
    let repo = name("acme/fleet");
    fake.repo("acme/fleet")
        .set_private(true)
        .allow("second", Permission::None)
        .allow("third", Permission::None);
    list(&rotator, &repo, None).await.unwrap();
    requests(&fake);
    list(&rotator, &repo, None).await.unwrap();
    assert_eq!(requests(&fake).len(), 1, "who does not see it is not asked again");
    let missing = list(&rotator, &name("acme/none"), None).await.unwrap_err();
    assert!(matches!(missing, ForgeError::NotFound(_)), "{missing}");
    fake.revoke_token(tokens[0]);
    let error = list(&rotator, &repo, None).await.unwrap_err();
    assert!(matches!(error, ForgeError::Unauthorized), "it may still be there: {error}");
}

#[tokio::test]
async fn a_renamed_repository_answers_under_its_old_name() {
    let fake = fake();
    let repo = fake.repo("acme/fleet");
    let number = repo.open_pull(PullSpec::new("One", "one", [("a.yaml", Some("a: 2\n"))]));
    let key = PullKey { repo: name("acme/fleet"), number };
    let table = Arc::new(Memory::default());
    let identities: [fn(&FakeGitHub) -> Auth; 2] = [|_| token(DEFAULT_TOKEN), |fake| app(fake, None)];
    let clients: Vec<GitHub> = identities.iter().map(|auth| client(&fake, &table, auth(&fake))).collect();
    for github in &clients {
        list(github, &key.repo, None).await.unwrap();
    }
    let renamed = repo.rename("globex/flotilla");
    let head = renamed.pull(number).head_sha.parse().unwrap();
    for github in clients {
        let etag = list(&github, &key.repo, None).await.unwrap();
        assert_eq!(list(&github, &key.repo, etag.as_deref()).await.unwrap(), None, "304 after the redirect");
        let found = github.pull(&key).await.unwrap().unwrap();
        assert_eq!(found.key, key, "it keeps the name that is watched");
        for _ in 0..2 {
            github.sticky_comment(&key, "preflux", &["<!-- preflux -->".to_owned()]).await.unwrap();
        }
        github.approve(&key, &head, "").await.unwrap();
    }
    assert_eq!(renamed.comments(number).len(), 1, "both are us");
    assert_eq!(renamed.reviews(number).len(), 2);
}

#[tokio::test]
async fn cold_starts_at_the_same_time_ask_for_one_token() {
    let fake = fake();
    let table = Arc::new(Memory::default());
    let clients: Vec<GitHub> =
        (0..3).map(|_| client(&fake, &table, app(&fake, Some(INSTALLATION_ID)))).collect();
    let repo = name("acme/fleet");
    let [a, b, c] = &clients[..] else { panic!("three were made") };
    let all = tokio::join!(list(a, &repo, None), list(b, &repo, None), list(c, &repo, None));
    assert!(all.0.is_ok() && all.1.is_ok() && all.2.is_ok(), "{all:?}");
    let made = requests(&fake).into_iter().filter(|request| request.starts_with("POST")).count();
    assert_eq!(made, 1);
}

#[tokio::test]
async fn the_installation_of_a_repository_that_went_to_another_owner_is_found_again() {
    let fake = fake();
    let table = Arc::new(Memory::default());
    let clock: Arc<dyn Clock> = Arc::new(SameClock(fake.clock()));
    let ledger = Ledger::new(Arc::<Memory>::clone(&table) as Arc<dyn Table>, clock);
    let note = format!("github-app-{APP_ID}-installations");
    ledger.save_note(&note, &json!({"acme": 7})).await.unwrap();
    let github = client(&fake, &table, app(&fake, None));
    list(&github, &name("acme/fleet"), None).await.unwrap();
    let kept = ledger.note(&note).await.unwrap();
    assert_eq!(kept, Some(json!({"acme": 7, "acme/fleet": INSTALLATION_ID})));
    let gone = list(&github, &name("acme/none"), None).await.unwrap_err();
    assert!(matches!(gone, ForgeError::NotFound(_)), "{gone}");
}
