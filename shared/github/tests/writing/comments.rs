//! The comments of a pull request: one for each part, ours alone, whatever happens.

use std::time::Duration;

use domain::{PullKey, marker};
use github::GitHub;
use ports::{Forge as _, ForgeError};
use testkit::faults::{Fault, FaultKind};
use testkit::github::DEFAULT_LOGIN;

use super::world::{As, BOTH, TROUBLES, Trouble, World};

const NAME: &str = "preflux:report";

/// What is to be said, as the bodies of its parts.
fn parts(texts: &[&str]) -> Vec<String> {
    (1..).zip(texts).map(|(part, text)| format!("{}\n{text}", marker::line(NAME, part))).collect()
}

pub(crate) async fn say(github: &GitHub, key: &PullKey, texts: &[&str]) -> Result<String, ForgeError> {
    github.sticky_comment(key, NAME, &parts(texts)).await
}

/// What we are seen to say, in the order of the parts; a part that is there twice is there twice.
fn said(world: &World, key: &PullKey) -> Vec<String> {
    let ours = world.repo.comments(key.number).into_iter().filter(|c| c.author == world.us());
    let mut found: Vec<(usize, String)> = ours
        .filter_map(|c| Some((marker::part_of(NAME, &c.body)?, c.body.lines().last()?.to_owned())))
        .collect();
    found.sort();
    found.into_iter().map(|(_, text)| text).collect()
}

#[tokio::test]
async fn there_is_one_comment() {
    let world = World::new(As::Person);
    let (key, github) = (world.open("one"), world.process());
    let url = say(&github, &key, &["first"]).await.unwrap();
    assert!(url.contains("#issuecomment-"), "{url}");
    assert_eq!(say(&github, &key, &["second"]).await.unwrap(), url);
    world.writes();
    assert_eq!(say(&github, &key, &["second"]).await.unwrap(), url);
    assert!(world.writes().is_empty(), "nothing to change");
    assert_eq!(said(&world, &key), ["second"]);
}

#[tokio::test]
async fn more_parts_come_and_go() {
    for who in BOTH {
        let world = World::new(who);
        let (key, github) = (world.open("one"), world.process());
        for texts in [&["a"][..], &["b", "2", "3"], &["b", "2"], &["c", "2", "3", "4"], &["d"]] {
            say(&github, &key, texts).await.unwrap();
            assert_eq!(said(&world, &key), texts);
        }
        assert_eq!(world.repo.comments(key.number).len(), 1);
    }
}

/// What stands on the pull request before we write, and what is to stand there.
struct Case {
    before: &'static [&'static [&'static str]],
    after: &'static [&'static str],
}

const CASES: [Case; 5] = [
    Case { before: &[], after: &["new"] },
    Case { before: &[&["old"]], after: &["new"] },
    // Two of ours: an earlier process posted and died, another posted again.
    Case { before: &[&["old"], &["older"]], after: &["new"] },
    Case { before: &[&["old"]], after: &["new", "2", "3"] },
    Case { before: &[&["old", "2", "3"]], after: &["new"] },
];

/// Trouble at every request in turn, then calm, and a process that starts afresh.
#[tokio::test]
async fn trouble_at_any_step_leaves_each_part_once() {
    let mut tasks = tokio::task::JoinSet::new();
    for (n, case) in CASES.iter().enumerate() {
        for trouble in TROUBLES {
            tasks.spawn(trouble_at_every_step(World::new(BOTH[n % 2]), case, trouble));
        }
    }
    while let Some(done) = tasks.join_next().await {
        done.unwrap();
    }
}

async fn trouble_at_every_step(world: World, case: &Case, trouble: Trouble) {
    let (key, us, planted) = (world.open("one"), world.us(), parts(&["planted"]));
    let ours: Vec<String> = case.before.iter().flat_map(|texts| parts(texts)).collect();
    let mut before = vec![("mallory", planted[0].as_str())];
    before.extend(ours.iter().map(|body| (us.as_str(), body.as_str())));
    let mut troubled = 0;
    for step in 0..12 {
        world.repo.set_comments(key.number, &before);
        world.trouble(step, trouble);
        let first = say(&world.process(), &key, case.after).await;
        world.calm();
        if let Err(error) = first {
            troubled += 1;
            assert!(error.heals(), "{trouble:?} at request {step}: {error}");
        }
        say(&world.process(), &key, case.after).await.unwrap();
        assert_eq!(
            said(&world, &key),
            case.after,
            "{trouble:?} at request {step}, before: {:?}",
            case.before
        );
        let comments = world.repo.comments(key.number);
        assert_eq!(comments.iter().filter(|c| c.author == "mallory").count(), 1);
    }
    assert!(
        troubled > 0 || matches!(trouble, Trouble::Lost | Trouble::Unheard | Trouble::Cut),
        "{trouble:?} troubled nobody"
    );
}

#[tokio::test]
async fn a_post_that_landed_unheard_is_heard_of_by_looking() {
    let world = World::new(As::Person);
    let (key, github) = (world.open("one"), world.process());
    world.fake.fault(Fault::once("POST", "/repos/acme/fleet/issues", FaultKind::StatusAfter(502)));
    say(&github, &key, &["report"]).await.unwrap();
    assert_eq!(world.writes(), ["POST 502"]);
    let key = world.open("cut");
    world.fake.fault(Fault::once("POST", "/repos/acme/fleet/issues", FaultKind::Cut));
    say(&github, &key, &["report"]).await.unwrap();
    assert_eq!(
        (world.writes(), said(&world, &key)),
        (vec!["POST 201".to_owned()], vec!["report".to_owned()])
    );

    // It did not land: nothing is posted blindly, and the next try posts it.
    let key = world.open("two");
    world.fake.fault(Fault::once("POST", "/repos/acme/fleet/issues", FaultKind::Status(502)));
    let error = say(&github, &key, &["report"]).await.unwrap_err();
    assert!(error.heals() && said(&world, &key).is_empty(), "{error}");
    say(&github, &key, &["report"]).await.unwrap();
    assert_eq!(said(&world, &key), ["report"]);
}

#[tokio::test]
async fn workers_that_see_nothing_at_the_same_time_agree_on_one() {
    for (who, texts) in [(As::Person, &["a"][..]), (As::App, &["a", "2", "3"])] {
        let world = World::new(who);
        let workers = [world.process(), world.process(), world.process()];
        for n in 0..6 {
            let key = world.open(&format!("branch-{n}"));
            // Each has its empty listing before any of them posts.
            let listing = format!("/repos/acme/fleet/issues/{}/comments", key.number);
            let late = FaultKind::Slow(Duration::from_millis(150));
            world.fake.fault(Fault::once("GET", &listing, late).times(3));
            let all = tokio::join!(
                say(&workers[0], &key, texts),
                say(&workers[1], &key, texts),
                say(&workers[2], &key, texts),
            );
            assert_eq!(
                (all.0.unwrap(), said(&world, &key)),
                (all.1.unwrap(), texts.iter().map(|t| (*t).to_owned()).collect())
            );
            world.fake.clock().advance(60);
        }
    }
}

#[tokio::test]
async fn a_comment_that_somebody_deletes_is_posted_again() {
    for who in BOTH {
        let world = World::new(who);
        let (key, github) = (world.open("one"), world.process());
        say(&github, &key, &["a", "2"]).await.unwrap();
        for part in 0..2 {
            let gone = world.repo.comments(key.number)[part].id;
            world.repo.delete_comment(key.number, gone);
            say(&github, &key, &["a", "2"]).await.unwrap();
            assert_eq!(said(&world, &key), ["a", "2"]);
            // And after it was listed: the edit hears that it is gone.
            let edit = "/repos/acme/fleet/issues/comments/";
            world.fake.fault(Fault::once("PATCH", edit, FaultKind::Status(404)));
            let gone = world.repo.comments(key.number)[part].id;
            let github = &github;
            let (_, told) = tokio::join!(
                async { world.repo.delete_comment(key.number, gone) },
                say(github, &key, &["b", "3"])
            );
            told.unwrap();
            assert_eq!(said(&world, &key), ["b", "3"]);
            say(github, &key, &["a", "2"]).await.unwrap();
        }
    }
}

#[tokio::test]
async fn an_app_that_is_renamed_finds_its_comment() {
    let world = World::new(As::App);
    let (key, running) = (world.open("one"), world.process());
    say(&running, &key, &["first"]).await.unwrap();
    world.fake.rename_app("preflux-eu");
    // One process asked for the name before, the other after.
    for (text, github) in [("second", &running), ("third", &world.process())] {
        say(github, &key, &[text]).await.unwrap();
        let comments = world.repo.comments(key.number);
        let all: Vec<String> = comments.iter().map(|c| format!("{}: {}", c.author, c.body)).collect();
        assert_eq!(all, [format!("preflux-eu[bot]: {}", parts(&[text])[0])]);
    }
}

#[tokio::test]
async fn strangers_markers_and_quoted_ones_are_left_alone() {
    for who in BOTH {
        let world = World::new(who);
        let (key, github) = (world.open("one"), world.process());
        let planted = parts(&["click here"]).remove(0);
        for login in ["mallory", "preflux", "other-app[bot]"] {
            world.repo.comment_as(login, key.number, &planted);
        }
        say(&github, &key, &["ours"]).await.unwrap();
        // Whoever owns our token answers our own comment, quoting it.
        let quoted = format!("> {}\n\nthanks", parts(&["ours"])[0]);
        world.repo.comment_as(&world.us(), key.number, &quoted);
        say(&github, &key, &["newer"]).await.unwrap();
        let bodies: Vec<String> = world.repo.comments(key.number).into_iter().map(|c| c.body).collect();
        assert_eq!(bodies, [planted.clone(), planted.clone(), planted, parts(&["newer"]).remove(0), quoted]);
    }
}

#[tokio::test]
async fn our_comment_is_found_behind_hundreds_of_others() {
    let world = World::new(As::Person);
    let (key, github) = (world.open("one"), world.process());
    let mut all = vec![("alice", "text"); 250];
    let ours = parts(&["first"]).remove(0);
    all.extend([(DEFAULT_LOGIN, ours.as_str()); 3]);
    world.repo.set_comments(key.number, &all);
    say(&github, &key, &["newest"]).await.unwrap();
    assert_eq!(said(&world, &key), ["newest"]);
    assert_eq!(world.repo.comments(key.number).len(), 251);
}
