//! Checks and labels: one of each name whatever fails, and never something that nobody wanted.

use domain::CommitSha;
use domain::mark::{CheckKind, CheckMark, Conclusion, Progress};
use ports::{Forge as _, ForgeError};
use testkit::faults::{Fault, FaultKind};

use crate::world::{As, World};

const RUNS: &str = "/repos/acme/fleet/check-runs";
const STATUSES: &str = "/repos/acme/fleet/statuses";

fn mark(progress: Progress, title: &str) -> CheckMark {
    let name = "preflux / production".to_owned();
    CheckMark { name, progress, title: title.to_owned(), summary: format!("- {title}") }
}

fn done(conclusion: Conclusion, title: &str) -> CheckMark {
    mark(Progress::Done(conclusion), title)
}

async fn head(world: &World, branch: &str) -> CommitSha {
    let key = world.open(branch);
    world.process().pull(&key).await.unwrap().unwrap().head
}

/// Every check run of a head, as `status conclusion title`.
fn runs(world: &World, head: &CommitSha) -> Vec<String> {
    let said = |text: &Option<String>| text.clone().unwrap_or_default();
    let runs = world.repo.check_runs(head.as_str());
    runs.iter().map(|run| format!("{} {} {}", run.status, said(&run.conclusion), said(&run.title))).collect()
}

fn statuses(world: &World, head: &CommitSha) -> Vec<String> {
    let said = |text: &Option<String>| text.clone().unwrap_or_default();
    let all = world.repo.statuses(head.as_str());
    all.iter().map(|status| format!("{} {}", status.state, said(&status.description))).collect()
}

async fn set(world: &World, head: &CommitSha, kind: CheckKind, mark: CheckMark) -> Result<(), ForgeError> {
    world.process().set_checks(&world.name(), head, kind, &[mark]).await
}

#[tokio::test]
async fn a_check_run_goes_from_running_to_its_end_and_stays_one() {
    let world = World::new(As::App);
    let head = head(&world, "one").await;
    let run = CheckKind::Run;
    set(&world, &head, run, mark(Progress::Abandoned, "nobody began")).await.unwrap();
    assert!(runs(&world, &head).is_empty());
    set(&world, &head, run, mark(Progress::Running, "Being diffed")).await.unwrap();
    assert_eq!(runs(&world, &head), ["in_progress  Being diffed"]);
    set(&world, &head, run, done(Conclusion::Failure, "1 refused")).await.unwrap();
    assert_eq!(runs(&world, &head), ["completed failure 1 refused"]);
    // What ended is not run anew, nor abandoned, and only another end is written.
    set(&world, &head, run, mark(Progress::Running, "Being diffed")).await.unwrap();
    set(&world, &head, run, mark(Progress::Abandoned, "moved on")).await.unwrap();
    world.writes();
    set(&world, &head, run, done(Conclusion::Failure, "1 refused")).await.unwrap();
    assert_eq!(world.writes(), Vec::<String>::new());
    assert_eq!(runs(&world, &head), ["completed failure 1 refused"]);
    set(&world, &head, run, done(Conclusion::Success, "2 changed")).await.unwrap();
    assert_eq!(runs(&world, &head), ["completed success 2 changed"]);
}

#[tokio::test]
async fn what_runs_when_the_head_moves_ends() {
    for (kind, who) in
        [(CheckKind::Run, As::App), (CheckKind::Status, As::App), (CheckKind::Status, As::Person)]
    {
        let world = World::new(who);
        let head = head(&world, "one").await;
        set(&world, &head, kind, mark(Progress::Running, "Being diffed")).await.unwrap();
        set(&world, &head, kind, mark(Progress::Abandoned, "moved on")).await.unwrap();
        match kind {
            CheckKind::Run => assert_eq!(runs(&world, &head), ["completed neutral moved on"]),
            CheckKind::Status => {
                assert_eq!(statuses(&world, &head), ["pending Being diffed", "error moved on"]);
            }
        }
    }
}

#[tokio::test]
async fn a_status_is_written_once_and_knows_no_neutral() {
    let world = World::new(As::Person);
    let head = head(&world, "one").await;
    for _ in 0..2 {
        set(&world, &head, CheckKind::Status, done(Conclusion::Neutral, "not all is known")).await.unwrap();
    }
    assert_eq!(statuses(&world, &head), ["success not all is known"]);
    set(&world, &head, CheckKind::Status, done(Conclusion::Failure, "1 refused")).await.unwrap();
    assert_eq!(statuses(&world, &head), ["success not all is known", "failure 1 refused"]);
}

#[tokio::test]
async fn an_answer_that_got_lost_leaves_one_check() {
    for (kind, path) in [(CheckKind::Run, RUNS), (CheckKind::Status, STATUSES)] {
        let world = World::new(As::App);
        let head = head(&world, "one").await;
        let written = |world: &World| match kind {
            CheckKind::Run => runs(world, &head).len(),
            CheckKind::Status => statuses(world, &head).len(),
        };
        let good = done(Conclusion::Success, "2 changed");
        // It landed, and the answer got lost.
        world.fake.fault(Fault::once("POST", path, FaultKind::StatusAfter(502)));
        set(&world, &head, kind, good.clone()).await.unwrap();
        assert_eq!(written(&world), 1);
        // It did not land: nothing is written blindly, and the next try writes it.
        let other = done(Conclusion::Failure, "1 refused");
        let method = if kind == CheckKind::Run { "PATCH" } else { "POST" };
        world.fake.fault(Fault::once(method, path, FaultKind::Status(502)));
        let error = set(&world, &head, kind, other.clone()).await.unwrap_err();
        assert!(error.heals() && written(&world) == 1, "{error}");
        set(&world, &head, kind, other).await.unwrap();
        assert_eq!(written(&world), if kind == CheckKind::Run { 1 } else { 2 });
    }
}

#[tokio::test]
async fn a_person_s_token_is_told_of_commit_statuses() {
    let world = World::new(As::Person);
    let head = head(&world, "one").await;
    let error = set(&world, &head, CheckKind::Run, done(Conclusion::Success, "x")).await.unwrap_err();
    assert!(!error.heals() && error.to_string().contains("`check: status`"), "{error}");
    assert!(world.writes().is_empty());
}

#[tokio::test]
async fn labels_are_put_on_and_taken_off() {
    let world = World::new(As::App);
    let key = world.open("one");
    world.repo.label(key.number, "team/web");
    let github = world.process();
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    github.change_labels(&key, &names(&["flux: deletes", "flux/changes"]), &[]).await.unwrap();
    assert_eq!(world.repo.pull(key.number).labels, ["team/web", "flux: deletes", "flux/changes"]);
    github.change_labels(&key, &[], &names(&["flux: deletes", "never there"])).await.unwrap();
    assert_eq!(world.repo.pull(key.number).labels, ["team/web", "flux/changes"]);
    let long = github.change_labels(&key, &["x".repeat(51)], &[]).await.unwrap_err();
    assert!(!long.heals(), "{long}");
}
