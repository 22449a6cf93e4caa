//! Who may approve, and what an approval stands on.

use domain::interact::{Action, Person};
use flows::work::Approvals;
use testkit::faults::{Fault, FaultKind};
use testkit::github::Permission;

use crate::world::{World, person};

#[tokio::test]
async fn who_had_no_hand_in_it_approves_as_themselves() {
    let world = World::new("A change").await;
    let bob = person("UBOB");
    world.refuses(&bob, "is not linked").await;
    world.link(&bob, "bob").await;
    let said = world.act(&bob, Action::Approve).await;
    assert!(said.contains("Approved as `bob`"), "{said}");
    assert_eq!(world.approvals(), [("bob".to_owned(), world.head.clone())]);
    world.act(&bob, Action::Approve).await;
    assert_eq!(world.approvals().len(), 1, "once");
}

#[tokio::test]
async fn whoever_had_a_hand_in_it_is_refused() {
    let trailers = "A change\n\nCo-authored-by: Carol <carol@users.noreply.github.com>\nco-authored-by: D <dave@example.com>";
    let world = World::new(trailers).await;
    world.fake.set_emails("dave", &["Dave@example.com"]);
    world.repo.set_committer(&world.head, "erin");
    world.repo.set_pusher(&world.head, Some("frank"));
    for (login, why) in [
        ("alice", "you opened"),
        ("carol", "you are a co-author"),
        ("dave", "you are a co-author"),
        ("erin", "you committed"),
        ("frank", "you pushed"),
        ("reader", "cannot write"),
    ] {
        let right = if login == "reader" { Permission::Read } else { Permission::Write };
        world.repo.allow(login, right);
        let who = person(&format!("U{login}"));
        world.link(&who, login).await;
        world.refuses(&who, why).await;
    }
    let bob = person("UBOB");
    world.link(&bob, "bob").await;
    // The link is this person's, in this workspace.
    let elsewhere = Person { team: "T2".to_owned(), ..bob.clone() };
    world.refuses(&elsewhere, "is not linked").await;
    world.repo.set_pusher(&world.head, None);
    world.refuses(&bob, "does not tell who pushed").await;
    world.repo.set_pusher(&world.head, Some("frank"));
    world.fake.hide_emails();
    world.refuses(&bob, "Email addresses: read").await;
}

#[tokio::test]
async fn an_old_report_a_draft_and_another_base_are_no_ground() {
    let world = World::new("A change").await;
    let bob = person("UBOB");
    world.link(&bob, "bob").await;
    world.repo.set_draft(world.pull, true);
    world.refuses(&bob, "is a draft").await;
    world.repo.set_draft(world.pull, false);
    world.repo.commit("release", "release", [("apps/z.yaml", Some("z: 1\n"))]);
    world.repo.set_base(world.pull, "release");
    world.refuses(&bob, "goes into another branch").await;
    world.repo.set_base(world.pull, "main");
    world.fake.clock().advance(86_401);
    world.refuses(&bob, "older than 1440 minutes").await;
    world.report().await;
    // The token was eight hours' worth: it is renewed by itself.
    assert!(world.act(&bob, Action::Approve).await.contains("Approved as `bob`"));
}

#[tokio::test]
async fn the_shared_account_approves_where_that_is_said_and_says_so() {
    let mut world = World::new("A change").await;
    let ann = Person { name: "@acme/admins ![x](https://x.example)".to_owned(), ..person("UANN") };
    world.ctx.approvals = Approvals { shared_identity: true, ..Approvals::default() };
    let said = world.act(&ann, Action::Approve).await;
    assert!(said.contains("not as you"), "{said}");
    let body = world.repo.reviews(world.pull).remove(0).body;
    assert!(body.contains("account that Preflux uses"), "{body}");
    assert!(body.contains("for `@acme/admins ![x](https://x.example)`,"), "{body}");
    // What needs an account of one's own is not done with another one.
    for action in [Action::RequestChanges, Action::Merge] {
        let said = world.act(&ann, action).await;
        assert!(said.contains("it needs your own GitHub account"), "{said}");
    }
    assert_eq!((world.repo.reviews(world.pull).len(), world.is_open()), (1, true));
}

/// GitHub lists 250 commits: of one more, nobody knows who made it.
#[tokio::test]
async fn every_commit_is_looked_at_or_nobody_approves() {
    for (count, refused) in [(250, false), (251, true)] {
        let world = World::with_commits(count, "bob").await;
        let (bob, carol) = (person("UBOB"), person("UCAROL"));
        world.repo.allow("carol", Permission::Write);
        world.link(&bob, "bob").await;
        world.link(&carol, "carol").await;
        if refused {
            world.refuses(&bob, "GitHub lists 250 of them").await;
            world.refuses(&carol, "GitHub lists 250 of them").await;
        } else {
            // The first of them names him.
            world.refuses(&bob, "you are a co-author").await;
            assert!(world.act(&carol, Action::Approve).await.contains("Approved as `carol`"));
        }
    }
    // A list that is cut short is not taken for all there is.
    let world = World::new("A change").await;
    let bob = person("UBOB");
    world.link(&bob, "bob").await;
    let commits = format!("/repos/acme/fleet/pulls/{}/commits", world.pull);
    world.fake.fault(Fault::once("GET", &commits, FaultKind::Answer(200, serde_json::json!([]))));
    world.refuses(&bob, "so you could have written one").await;
}
