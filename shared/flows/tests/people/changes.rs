//! Requests for changes: whose they are, what they say, and what comes of them when nothing does.

use std::sync::atomic::Ordering;

use domain::interact::{Action, Person};
use testkit::faults::{Fault, FaultKind};

use crate::world::{World, person};

const WROTE: &str = "You wrote:\nask @acme/admins";

#[tokio::test]
async fn changes_are_asked_for_as_oneself_and_mention_nobody() {
    let world = World::new("A change").await;
    let bob = Person { name: "<!-- @bob".to_owned(), ..person("UBOB") };
    let said = world.act(&bob, Action::RequestChanges).await;
    assert!(said.contains("No changes were asked for") && said.contains("is not linked"), "{said}");
    assert!(said.contains(WROTE), "what was written is not lost: {said}");
    world.link(&bob, "bob").await;
    let said = world.act(&bob, Action::RequestChanges).await;
    assert!(said.contains("Changes asked for as `bob`"), "{said}");
    assert_eq!(world.reviews("CHANGES_REQUESTED"), [("bob".to_owned(), world.head.clone())]);
    let body = world.repo.reviews(world.pull).remove(0).body;
    let start = "`ask @acme/admins`\n\nAsked for from Slack by `<!-- @bob`, after reading the report on `";
    assert!(body.starts_with(start), "{body}");

    // The same once more, by a repeated job or a second click, is the same.
    let said = world.act(&bob, Action::RequestChanges).await;
    assert!(said.contains("were asked for before"), "{said}");
    assert_eq!(world.reviews("CHANGES_REQUESTED").len(), 1);
    // An approval ends it; after that it is news again.
    assert!(world.act(&bob, Action::Approve).await.contains("Approved as `bob`"));
    assert!(world.act(&bob, Action::RequestChanges).await.contains("Changes asked for as"));
    assert_eq!(world.reviews("CHANGES_REQUESTED").len(), 2);
}

#[tokio::test]
async fn a_request_that_landed_unheard_is_not_made_twice() {
    let world = World::new("A change").await;
    let bob = person("UBOB");
    world.link(&bob, "bob").await;
    let reviews = format!("/repos/acme/fleet/pulls/{}/reviews", world.pull);
    world.fake.fault(Fault::once("POST", &reviews, FaultKind::StatusAfter(502)));
    let said = world.act(&bob, Action::RequestChanges).await;
    assert!(said.contains("Changes asked for as `bob`"), "{said}");
    assert_eq!(world.reviews("CHANGES_REQUESTED").len(), 1);
}

#[tokio::test]
async fn what_a_request_cannot_stand_on_is_said_and_what_was_written_kept() {
    let world = World::new("A change").await;
    let refuses = async |login: &str, why: &str| {
        let said = world.act(&person(&format!("U{login}")), Action::RequestChanges).await;
        assert!(said.contains(why) && said.contains(WROTE), "`{why}`: {said}");
        assert_eq!(world.reviews("CHANGES_REQUESTED"), [], "{why}");
    };
    for login in ["alice", "bob"] {
        world.link(&person(&format!("U{login}")), login).await;
    }
    refuses("alice", "you opened this pull request").await;
    world.fake.clock().advance(86_401);
    refuses("bob", "older than 1440 minutes").await;
    world.report().await;
    world.repo.commit("release", "release", [("apps/z.yaml", Some("z: 1\n"))]);
    world.repo.set_base(world.pull, "release");
    refuses("bob", "goes into another branch").await;
    world.repo.set_base(world.pull, "main");
    world.repo.close(world.pull);
    refuses("bob", "the pull request is closed").await;
    world.repo.reopen(world.pull);
    world.repo.push_to_pull(world.pull, [("apps/b.yaml", Some("b: 1\n"))]);
    refuses("bob", "newer commits than this report").await;
}

/// Whoever had a hand in it may say that it is not ready, and a draft may be said so of.
#[tokio::test]
async fn a_draft_and_ones_own_commits_may_be_asked_to_change() {
    let world = World::new("A change\n\nCo-authored-by: Bob <bob@users.noreply.github.com>").await;
    let bob = person("UBOB");
    world.link(&bob, "bob").await;
    world.repo.set_draft(world.pull, true);
    assert!(world.act(&bob, Action::RequestChanges).await.contains("Changes asked for as `bob`"));
    world.repo.set_draft(world.pull, false);
    let said = world.act(&bob, Action::Approve).await;
    assert!(said.contains("you are a co-author"), "{said}");
}

/// Whoever writes for longer than an answer is taken hears of it all the same.
#[tokio::test]
async fn who_wrote_for_an_hour_is_told_too() {
    let world = World::new("A change").await;
    let bob = person("UBOB");
    world.link(&bob, "bob").await;
    world.slack.late.store(true, Ordering::SeqCst);
    world.act(&bob, Action::RequestChanges).await;
    let whispers = world.slack.whispers.lock().unwrap().clone();
    let [(who, said)] = &whispers[..] else { panic!("{whispers:?}") };
    assert!(who == "UBOB" && said.contains("Changes asked for as `bob`"), "{said}");
}
