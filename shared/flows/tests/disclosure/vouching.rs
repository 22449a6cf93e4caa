//! An outsider's head reaches the cluster when somebody asked for it, and no other head does.

use domain::Permission;
use domain::interact::Action;

use crate::canaries::files;
use crate::world::{World, sha};

fn outsider() -> World {
    World::new(&files("1"), &files("2"), Permission::Read, "l1ve-value")
}

fn asked(world: &World) -> usize {
    world.cluster.asked.lock().unwrap().len()
}

#[tokio::test]
async fn nothing_is_asked_before_and_everything_after() {
    let world = outsider();
    world.diff().await;
    assert_eq!(asked(&world), 0);
    assert!(world.slack().contains("run_full") && world.slack().contains("no cluster heard of it"));
    world.click(Action::RunFull).await;
    assert_eq!(asked(&world), 0, "a click is a job");
    world.queued().await;
    assert!(asked(&world) > 0);
    let report = world.report().await;
    assert!(report.contains(r#""trust":"vouched","by":"mia""#), "{report}");
    let last = world
        .outside
        .slack
        .lock()
        .unwrap()
        .iter()
        .rev()
        .find(|m| m.contains("asked for the full diff"))
        .cloned();
    assert!(last.is_some_and(|m| m.contains("mia asked for the full diff of aaaaaaaa") && !m.contains("run_full")));
}

#[tokio::test]
async fn a_head_that_moved_is_refused() {
    let world = outsider();
    world.diff().await;
    *world.outside.head.lock().unwrap() = sha('c');
    world.click(Action::RunFull).await;
    assert!(world.slack().contains("Nothing was started: the pull request has newer commits"));
    world.queued().await;
    world.diff().await;
    assert_eq!(asked(&world), 0);
}

#[tokio::test]
async fn a_later_head_is_an_outsiders_again() {
    let world = outsider();
    world.diff().await;
    world.click(Action::RunFull).await;
    // It moves before the job is carried out.
    *world.outside.head.lock().unwrap() = sha('c');
    world.queued().await;
    world.diff().await;
    assert_eq!(asked(&world), 0);
    assert!(world.report().await.contains(r#""trust":"untrusted""#));
}

#[tokio::test]
async fn a_fork_is_as_trusted_as_whoever_pushes_to_it() {
    for (fork, trusted) in [
        (None, true),
        (Some(Some("eve")), true),
        (Some(Some("EVE")), true),
        (Some(Some("colleague")), true),
        (Some(Some("stranger")), false),
        (Some(None), false),
    ] {
        let world = World::new(&files("1"), &files("2"), Permission::Write, "l1ve-value");
        *world.outside.fork.lock().unwrap() = fork;
        world.diff().await;
        assert_eq!(asked(&world) > 0, trusted, "{fork:?}");
    }
}
