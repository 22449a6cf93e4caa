//! Another account than before writes in our name: it goes on with the comments that are there, as far as GitHub lets it. And several
//! that write at the same time keep their limits apart.

use domain::PullKey;
use github::Auth;
use ports::ForgeError;
use serde_json::json;
use testkit::faults::{Fault, FaultKind};
use testkit::github::{DEFAULT_LOGIN, DEFAULT_TOKEN, Permission};

use super::comments::say;
use super::world::{As, World};

/// All comments, as the author and the last line.
fn shown(world: &World, key: &PullKey) -> Vec<String> {
    let last = |body: &str| body.lines().last().unwrap_or_default().to_owned();
    let comments = world.repo.comments(key.number);
    comments.iter().map(|comment| format!("{}: {}", comment.author, last(&comment.body))).collect()
}

#[tokio::test]
async fn another_account_goes_on_with_the_comments_of_the_one_before() {
    for (before, now) in [(As::Person, As::App), (As::App, As::Person)] {
        let world = World::new(before);
        let (key, us) = (world.open("one"), world.us());
        let url = say(&world.process(), &key, &["first", "2"]).await.unwrap();
        assert_eq!(say(&world.process_as(now), &key, &["second", "3"]).await.unwrap(), url);
        assert_eq!(shown(&world, &key), [format!("{us}: second"), format!("{us}: 3")]);
        // A worker that has not stopped yet, and the one that comes after it.
        assert_eq!(say(&world.process(), &key, &["third"]).await.unwrap(), url);
        assert_eq!(say(&world.process_as(now), &key, &["fourth"]).await.unwrap(), url);
        assert_eq!(shown(&world, &key), [format!("{us}: fourth")]);
    }
}

#[tokio::test]
async fn two_accounts_at_the_same_time_agree_on_one_comment() {
    let world = World::new(As::App);
    let (app, person) = (world.process(), world.process_as(As::Person));
    // This table takes any write: that none of those who are remembered at the same time is lost is the ledger's to show.
    let known = world.open("known");
    say(&app, &known, &["a"]).await.unwrap();
    say(&person, &known, &["a"]).await.unwrap();
    for n in 0..6 {
        let key = world.open(&format!("branch-{n}"));
        let (one, other) = tokio::join!(say(&app, &key, &["a", "2"]), say(&person, &key, &["a", "2"]));
        assert_eq!(one.unwrap(), other.unwrap());
        assert_eq!(shown(&world, &key).len(), 2, "{:?}", shown(&world, &key));
        world.fake.clock().advance(60);
    }
}

#[tokio::test]
async fn what_the_next_account_may_not_change_stays_beside_its_own() {
    let world = World::new(As::App);
    let key = world.open("one");
    say(&world.process(), &key, &["first"]).await.unwrap();
    world.fake.add_user("reader", Permission::Read);
    world.fake.add_token("ghp_reader", "reader");
    let reader = world.signed_in(Auth::Token("ghp_reader".to_owned().into()));
    world.writes();
    for (text, writes) in [("second", ["PATCH 403", "POST 201"]), ("third", ["PATCH 403", "PATCH 200"])] {
        say(&reader, &key, &[text]).await.unwrap();
        assert_eq!(world.writes(), writes);
        let own = format!("reader: {text}");
        assert_eq!(shown(&world, &key), ["preflux[bot]: first".to_owned(), own]);
    }
    // It may by now.
    world.repo.allow("reader", Permission::Write);
    say(&reader, &key, &["fourth"]).await.unwrap();
    assert_eq!(shown(&world, &key), ["preflux[bot]: fourth"]);
}

#[tokio::test]
async fn our_own_comment_that_may_not_be_changed_is_an_error() {
    let world = World::new(As::Person);
    let (key, github) = (world.open("one"), world.process());
    say(&github, &key, &["first"]).await.unwrap();
    let refusal = FaultKind::Answer(403, json!({"message": "Must have admin rights to Repository."}));
    world.fake.fault(Fault::once("PATCH", "/repos/acme/fleet/issues/comments/", refusal));
    let error = say(&github, &key, &["second"]).await.unwrap_err();
    assert!(matches!(error, ForgeError::Refused { .. }), "{error}");
    assert_eq!(shown(&world, &key), [format!("{DEFAULT_LOGIN}: first")], "and none is posted beside it");
}

#[tokio::test]
async fn who_created_too_much_waits_and_another_account_goes_on() {
    let world = World::new(As::Person);
    let (person, app) = (world.process(), world.process_as(As::App));
    let (one, other) = (world.open("one"), world.open("two"));
    world.fake.count_creations(DEFAULT_TOKEN, 80);
    let now = world.fake.clock().now();
    let error = say(&person, &one, &["report"]).await.unwrap_err();
    assert!(matches!(error, ForgeError::RateLimited { until } if until == now + 60), "{error}");
    world.fake.forget_requests();
    say(&person, &one, &["report"]).await.unwrap_err();
    assert!(world.fake.requests().is_empty(), "nothing is asked before the time");
    say(&app, &other, &["report"]).await.unwrap();
    world.fake.clock().advance(60);
    say(&person, &one, &["report"]).await.unwrap();
    assert_eq!(shown(&world, &one), [format!("{DEFAULT_LOGIN}: report")]);
}
