//! What people do is accepted once, durably, and only from the home workspace.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use backend_embedded::Sqlite;
use domain::interact::{Action, Click, Command, Interaction, Person};
use flows::interact::{InteractCtx, interact};
use ports::ledger::Ledger;
use ports::{FixedClock, Queue, QueueError};

#[derive(Default)]
struct Line {
    bodies: Mutex<Vec<String>>,
    broken: Mutex<bool>,
}

#[async_trait]
impl Queue for Line {
    async fn send(&self, body: &str, _: Duration) -> Result<(), QueueError> {
        if *self.broken.lock().unwrap() {
            return Err(QueueError("broken".to_owned()));
        }
        self.bodies.lock().unwrap().push(body.to_owned());
        Ok(())
    }
}

fn world() -> (Arc<Line>, InteractCtx) {
    let line = Arc::new(Line::default());
    let clock = Arc::new(FixedClock::at(1_000_000));
    let ledger = Ledger::new(Arc::new(Sqlite::in_memory(clock.clone()).unwrap()), clock);
    (line.clone(), InteractCtx { queue: line, ledger, team: Some("T1".to_owned()) })
}

fn person(team: &str) -> Person {
    Person { team: team.to_owned(), id: "U1".to_owned(), name: "ann".to_owned() }
}

fn click(team: &str, trigger: &str) -> Interaction {
    Interaction::Click(Click {
        action: Action::Approve,
        report: "report-1".parse().unwrap(),
        by: person(team),
        channel: "C1".to_owned(),
        message: "1.2".to_owned(),
        trigger: trigger.to_owned(),
        answer_url: "https://hooks.slack.com/x".to_owned(),
    })
}

fn command(text: &str, trigger: &str) -> Interaction {
    Interaction::Command(Command {
        text: text.to_owned(),
        by: person("T1"),
        channel: "C1".to_owned(),
        trigger: trigger.to_owned(),
        answer_url: "https://hooks.slack.com/x".to_owned(),
    })
}

#[tokio::test]
async fn a_replayed_click_is_queued_once() {
    let (line, ctx) = world();
    for _ in 0..3 {
        assert_eq!(interact(&ctx, click("T1", "t1")).await.unwrap(), None);
    }
    interact(&ctx, click("T1", "t2")).await.unwrap();
    assert_eq!(line.bodies.lock().unwrap().len(), 2);
}

#[tokio::test]
async fn a_click_that_could_not_be_queued_can_be_made_again() {
    let (line, ctx) = world();
    *line.broken.lock().unwrap() = true;
    assert!(interact(&ctx, click("T1", "t1")).await.is_err());
    *line.broken.lock().unwrap() = false;
    interact(&ctx, click("T1", "t1")).await.unwrap();
    assert_eq!(line.bodies.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn people_of_other_workspaces_do_nothing() {
    let (line, ctx) = world();
    interact(&ctx, click("T2", "t1")).await.unwrap();
    assert!(line.bodies.lock().unwrap().is_empty());
}

#[tokio::test]
async fn commands_are_answered_at_once_and_only_what_needs_a_cluster_is_queued() {
    let (line, ctx) = world();
    for (text, says, queued) in [
        ("get kustomizations", "Asking", 1),
        ("", "lists", 1),
        ("delete all", "`delete` is not known", 1),
        (&"x".repeat(3_000), "too long", 1),
    ] {
        let answer = interact(&ctx, command(text, "t1")).await.unwrap().unwrap();
        assert_eq!(answer["response_type"], "ephemeral");
        assert!(answer["text"].as_str().unwrap().contains(says), "{answer}");
        assert_eq!(line.bodies.lock().unwrap().len(), queued);
    }
}
