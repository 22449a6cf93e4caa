//! Merges: of the reported head alone, by whom GitHub lets, and once.

use domain::interact::Action;
use domain::job::Job;
use flows::work::work;
use ports::ledger::{Phase, PullRecord};
use testkit::faults::{Fault, FaultKind};
use testkit::github::{Permission, PullState};

use crate::world::{World, person};

impl World {
    fn merge_path(&self) -> String {
        format!("/repos/acme/fleet/pulls/{}/merge", self.pull)
    }

    fn merges(&self) -> Vec<u16> {
        let seen = self.fake.requests();
        seen.iter().filter(|seen| seen.path == self.merge_path()).map(|seen| seen.status).collect()
    }

    async fn not_merged(&self, login: &str, why: &str) {
        let said = self.act(&person(&format!("U{login}")), Action::Merge).await;
        assert!(said.contains("Nothing was merged") && said.contains(why), "`{why}`: {said}");
        assert_ne!(self.repo.pull(self.pull).state, PullState::Merged, "{why}");
    }
}

#[tokio::test]
async fn a_merge_is_of_the_reported_head_by_whoever_clicked() {
    let world = World::new("A change").await;
    let (bob, carol) = (person("UBOB"), person("UCAROL"));
    world.not_merged("BOB", "is not linked").await;
    world.link(&bob, "bob").await;
    let base = world.repo.head("main").unwrap();
    let said = world.act(&bob, Action::Merge).await;
    assert!(said.contains("Merged as `bob`"), "{said}");
    let pull = world.repo.pull(world.pull);
    assert_eq!((pull.state, pull.merged_by.as_deref()), (PullState::Merged, Some("bob")));
    assert_ne!(world.repo.head("main"), Some(base), "the base branch moved");
    assert_eq!(world.merges(), [200]);
    let refresh = Job::Refresh { pull: format!("acme/fleet#{}", world.pull).parse().unwrap() };
    assert_eq!(world.queued().await, [refresh], "the message shows it without waiting for a poll");

    // A second click, and the same job once more, say the same and do nothing.
    assert!(world.act(&bob, Action::Merge).await.contains("Merged as `bob`"));
    assert_eq!(world.merges(), [200]);
    // Somebody else did not merge it.
    world.repo.allow("carol", Permission::Write);
    world.link(&carol, "carol").await;
    let said = world.act(&carol, Action::Merge).await;
    assert!(said.contains("Nothing was merged") && said.contains("is merged"), "{said}");
}

#[tokio::test]
async fn a_merge_that_landed_unheard_is_known_again() {
    // Its answer was lost; or the worker died with it, and the queue hands the job out again.
    for dies in [false, true] {
        let world = World::new("A change").await;
        let bob = person("UBOB");
        world.link(&bob, "bob").await;
        world.fake.fault(Fault::once("PUT", &world.merge_path(), FaultKind::StatusAfter(502)));
        if dies {
            world.fake.fault(Fault::once("GET", "/", FaultKind::Slow(std::time::Duration::ZERO)).times(6));
            world.fake.fault(Fault::once("GET", "/", FaultKind::Status(502)).times(3));
            let job = world.clicked(&bob, Action::Merge);
            assert!(work(&world.ctx, &job, false).await.is_err(), "it is handed out again");
            world.fake.forget_faults();
        }
        let said = world.act(&bob, Action::Merge).await;
        assert!(said.contains("Merged as `bob`"), "dies: {dies}: {said}");
        assert_eq!(world.merges(), [502], "dies: {dies}: once");
    }
    // Merged by somebody else in that very moment.
    let world = World::new("A change").await;
    let bob = person("UBOB");
    world.link(&bob, "bob").await;
    let (repo, pull) = (world.repo.clone(), world.pull);
    world.fake.before_request(5, move || drop(repo.merge(pull)));
    let said = world.act(&bob, Action::Merge).await;
    assert!(said.contains("Nothing was merged") && said.contains("merged already"), "{said}");
    assert_eq!(world.merges(), [405]);
    // One's own merge on GitHub itself is not told as one from here.
    let world = World::new("A change").await;
    world.link(&bob, "fleet-admin").await;
    world.repo.merge(world.pull);
    let said = world.act(&bob, Action::Merge).await;
    assert!(said.contains("Nothing was merged: the pull request is merged"), "{said}");
}

#[tokio::test]
async fn what_github_does_not_merge_is_said() {
    let world = World::new("A change").await;
    for login in ["alice", "bob", "reader"] {
        world.link(&person(&format!("U{login}")), login).await;
    }
    world.not_merged("reader", "cannot write to the repository").await;
    world.repo.set_draft(world.pull, true);
    world.not_merged("bob", "is a draft").await;
    world.repo.set_draft(world.pull, false);
    world.repo.forbid_merging_by("squash");
    world.not_merged("bob", "Squash merges are not allowed on this repository").await;
    world.repo.close(world.pull);
    world.not_merged("bob", "the pull request is closed").await;
    world.repo.reopen(world.pull);
    world.fake.clock().advance(86_401);
    world.not_merged("bob", "older than 1440 minutes").await;
    world.report().await;
    world.repo.commit("main", "another change", [("apps/a.yaml", Some("a: 3\n"))]);
    world.not_merged("bob", "it conflicts with its base branch").await;
    let integration = serde_json::json!({"message": "Resource not accessible by integration"});
    world.fake.fault(Fault::once("PUT", &world.merge_path(), FaultKind::Answer(403, integration)));
    world.not_merged("bob", "`Contents: write`").await;
    world.repo.push_to_pull(world.pull, [("apps/b.yaml", Some("b: 1\n"))]);
    world.not_merged("bob", "newer commits than this report").await;
}

/// Who approves is ours to say, who merges is GitHub's: an author merges what somebody else approved.
#[tokio::test]
async fn an_author_merges_what_others_approved() {
    let world = World::new("A change").await;
    world.repo.require_approvals(1);
    for login in ["alice", "bob"] {
        world.link(&person(&format!("U{login}")), login).await;
    }
    world.not_merged("alice", "At least 1 approving review is required").await;
    world.refuses(&person("Ualice"), "you opened this pull request").await;
    assert!(world.act(&person("Ubob"), Action::Approve).await.contains("Approved as `bob`"));
    let said = world.act(&person("Ualice"), Action::Merge).await;
    assert!(said.contains("Merged as `alice`"), "{said}");
}

#[tokio::test]
async fn nobody_merges_where_the_configuration_does_not_say_how() {
    let mut world = World::new("A change").await;
    world.link(&person("Ubob"), "bob").await;
    world.ctx.rules[0].acts.merge = None;
    world.not_merged("bob", "`merge` is off").await;
    assert_eq!(world.merges(), [] as [u16; 0]);
}

/// An old report, a moved head: running again is what one does then.
#[tokio::test]
async fn an_old_report_of_an_old_head_can_be_run_again() {
    let world = World::new("A change").await;
    let pull = world.ctx.forge.pull(&format!("acme/fleet#{}", world.pull).parse().unwrap()).await;
    let pull = pull.unwrap().unwrap();
    let kept = PullRecord::new(pull.clone(), Phase::Reported, world.fake.clock().now());
    world.ledger.change_pull(&pull.key, |_| Some(kept.clone())).await.unwrap();
    let head = world.repo.push_to_pull(world.pull, [("apps/b.yaml", Some("b: 1\n"))]);
    world.fake.clock().advance(86_401);
    let said = world.act(&person("UBOB"), Action::RunAgain).await;
    assert!(said.contains("Diffing again"), "{said}");
    let jobs = world.queued().await;
    assert!(matches!(&jobs[..], [Job::Diff(job)] if job.head.as_str() == head), "{jobs:?}");
}
