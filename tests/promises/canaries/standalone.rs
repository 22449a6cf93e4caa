//! The search on one machine: `preflux serve`, SQLite and files.

use std::path::Path;
use std::sync::Arc;

use backend_embedded::Sqlite;
use testkit::clock::Clock;
use testkit::faults::{Fault, FaultKind};
use testkit::sample;
use testkit::slack::{ALICE, DEPLOYS, Message, as_text};

use super::carriers::{self, MARKER};
use super::planted::{By, LOG, LOUD, Planted};
use super::sinks::Sinks;
use crate::journey::{LIMIT, World, answers, click, details, has_button, reported};
use crate::support::{Serve, eventually};

/// So often a job is tried.
const ATTEMPTS: u32 = 5;

async fn served(planted: &Planted) -> Serve {
    let serve = Serve::logging(&planted.config_file(), LOG).await;
    planted.world.slack.set_interactions_url(&serve.url("/slack/interactions"));
    serve
}

#[tokio::test]
async fn no_secret_leaves_the_process() {
    let Some(planted) = Planted::find(World::at(Clock::real()), By::Member).await else { return };
    let world = &planted.world;
    let serve = served(&planted).await;
    let report = reported(world, &serve, &world.sample.head_sha).await;
    carriers::all_met(&details(world, &report));
    for (count, action) in [(1, "post_comment"), (2, "approve")] {
        click(world, &report, action, ALICE).await;
        answers(world, &serve, count).await;
    }
    assert!(world.slack.command("/flux", "get kustomizations", DEPLOYS, ALICE).await.unwrap().is_ok());
    answers(world, &serve, 4).await;

    let mut sinks = Sinks::default();
    sinks.add("answers and metrics", answered(&serve).await.as_bytes());
    sinks.add("log", given_up(&planted, serve, &report).await.as_bytes());
    sinks.add("dead letters", dead(&world.dir.path().join("data/preflux.db")).await.as_bytes());
    stored(&mut sinks, &planted);
    let expected = [
        ("Slack", MARKER),
        ("GitHub", MARKER),
        ("store", MARKER),
        ("git cache", "ref: refs/heads/"),
        ("answers and metrics", "/healthz 200"),
        ("dead letters", DEPLOYS),
        ("log", "acme/fleet"),
        ("log", LOUD),
    ];
    sinks.check(&planted.secrets(), &expected);
}

#[tokio::test]
async fn an_outsiders_head_is_decrypted_and_rehearsed_once_somebody_asks_for_it() {
    let Some(planted) = Planted::find(World::at(Clock::real()), By::Outsider).await else { return };
    let world = &planted.world;
    let serve = served(&planted).await;
    // The thread is written after the message.
    let shown = async |button: bool, detail: &str| {
        eventually("one report", LIMIT, async || {
            serve.check();
            let message = world.slack.messages(DEPLOYS).into_iter().next().ok_or_else(String::new)?;
            let details = details(world, &message);
            let ready = has_button(&message, "run_full") == button && has_button(&message, "post_comment");
            let told = as_text(&message) + &details;
            if ready && details.contains(detail) { Ok((message, told)) } else { Err(told) }
        })
        .await
    };
    let (message, told) = shown(true, "nothing is decrypted").await;
    let front = world.front.as_ref().unwrap();
    assert_eq!(front.take(), [], "no cluster heard of it");
    assert!(told.contains("no cluster heard of it") && told.contains(carriers::TOUCHED), "{told}");

    click(world, &message, "run_full", ALICE).await;
    let (message, told) = shown(false, "it held ").await;
    carriers::all_met(&told);
    assert!(told.contains("asked for the full diff"), "{told}");
    assert!(front.take().iter().any(|request| request.method == "PATCH"), "it was rehearsed");
    assert_eq!(world.slack.messages(DEPLOYS).len(), 1);

    click(world, &message, "post_comment", ALICE).await;
    answers(world, &serve, 2).await;
    let mut sinks = Sinks::default();
    sinks.add("log", serve.log().as_bytes());
    drop(serve);
    stored(&mut sinks, &planted);
    let expected = [
        ("Slack", MARKER),
        ("GitHub", MARKER),
        ("store", MARKER),
        ("git cache", "ref: refs/heads/"),
        ("log", "acme/fleet"),
        ("log", LOUD),
    ];
    sinks.check(&planted.secrets(), &expected);
}

/// What the process answers whoever asks: it has no metrics of its own.
async fn answered(serve: &Serve) -> String {
    let mut said = String::new();
    for path in ["/healthz", "/metrics", "/"] {
        let answer = reqwest::get(serve.url(path)).await.unwrap();
        said.push_str(&format!("{path} {}: {}\n", answer.status(), answer.text().await.unwrap()));
    }
    said
}

fn stored(sinks: &mut Sinks, planted: &Planted) {
    sinks.world(&planted.world);
    let data = planted.world.dir.path().join("data");
    sinks.files("store", &data, &["secrets", "git"]);
    // Git packs what it fetched; beside that, nothing of a secret may be there.
    sinks.files("git cache", &data.join("git"), &[]);
}

/// Clicks once more, and ends the process each time it is at it, until the job is given up. Gives what the processes logged.
async fn given_up(planted: &Planted, mut serve: Serve, report: &Message) -> String {
    let world = &planted.world;
    let pull = format!("/repos/{}/pulls/{}", sample::REPO, world.sample.pull);
    world.github.fault(Fault::once("GET", &pull, FaultKind::Slow(LIMIT)).times(1000));
    click(world, report, "run_again", ALICE).await;
    let mut log = String::new();
    for attempt in 1..=ATTEMPTS {
        let tried = || world.github.requests().iter().filter(|seen| seen.path == pull).count();
        let before = tried();
        eventually("the job is tried", LIMIT, async || {
            serve.check();
            if tried() > before { Ok(()) } else { Err(serve.log()) }
        })
        .await;
        log.push_str(&serve.log());
        drop(serve);
        if attempt == ATTEMPTS {
            return log;
        }
        serve = served(planted).await;
    }
    log
}

/// What the queue gave up.
async fn dead(file: &Path) -> String {
    let queue = Sqlite::open(file, Arc::new(ports::SystemClock)).unwrap();
    queue.hand_back_all().await.unwrap();
    queue.dead().await.unwrap().into_iter().map(|letter| letter.body + "\n").collect()
}
