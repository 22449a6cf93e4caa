//! What people do is accepted once, durably, and only from the home workspace.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use backend_embedded::Sqlite;
use domain::interact::{Action, Click, Command, Interaction, Person};
use flows::interact::{InteractCtx, interact};
use ports::ledger::Ledger;
use ports::{ChatError, FixedClock, Form, Forms, Queue, QueueError};
use serde_json::{Value, json};

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

/// Forms that were shown, by trigger.
#[derive(Default)]
struct Shown {
    triggers: Mutex<Vec<String>>,
    broken: Mutex<bool>,
}

#[async_trait]
impl Forms for Shown {
    async fn ask(&self, click: &Click, form: &Form) -> Result<(), ChatError> {
        assert!(
            form.title.len() <= 24 && form.submit.len() <= 24 && form.most <= 3_000,
            "Slack takes no more"
        );
        if *self.broken.lock().unwrap() {
            return Err(ChatError::Unavailable {
                method: "views.open".to_owned(),
                reason: "late".to_owned(),
            });
        }
        self.triggers.lock().unwrap().push(click.trigger.clone());
        Ok(())
    }

    fn correction(&self, what: &str) -> Value {
        json!(what)
    }
}

fn world() -> (Arc<Line>, InteractCtx) {
    let (line, _, ctx) = world_with_forms();
    (line, ctx)
}

fn world_with_forms() -> (Arc<Line>, Arc<Shown>, InteractCtx) {
    let line = Arc::new(Line::default());
    let forms = Arc::new(Shown::default());
    let clock = Arc::new(FixedClock::at(1_000_000));
    let ledger = Ledger::new(Arc::new(Sqlite::in_memory(clock.clone()).unwrap()), clock);
    let team = Some("T1".to_owned());
    (line.clone(), forms.clone(), InteractCtx { queue: line, ledger, team, forms })
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
        reason: None,
    })
}

/// The button that opens a form, or the form filled in.
fn changes(team: &str, trigger: &str, reason: Option<&str>) -> Interaction {
    let Interaction::Click(click) = click(team, trigger) else { unreachable!("it is a click") };
    let click = Click { action: Action::RequestChanges, reason: reason.map(str::to_owned), ..click };
    if reason.is_some() { Interaction::Submitted(click) } else { Interaction::Click(click) }
}

fn command(text: &str, trigger: &str) -> Interaction {
    Interaction::Command(Command {
        text: text.to_owned(),
        by: person("T1"),
        channel: "C1".to_owned(),
        trigger: trigger.to_owned(),
        answer_url: "https://hooks.slack.com/x".to_owned(),
        replaces: false,
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
async fn a_form_is_shown_once_and_what_is_written_is_queued_once() {
    let (line, forms, ctx) = world_with_forms();
    interact(&ctx, changes("T2", "t0", None)).await.unwrap();
    *forms.broken.lock().unwrap() = true;
    assert!(interact(&ctx, changes("T1", "t1", None)).await.is_err(), "whoever clicked sees that it failed");
    *forms.broken.lock().unwrap() = false;
    for _ in 0..3 {
        assert_eq!(interact(&ctx, changes("T1", "t1", None)).await.unwrap(), None);
    }
    assert_eq!(*forms.triggers.lock().unwrap(), ["t1"]);
    assert!(line.bodies.lock().unwrap().is_empty(), "nothing is done before the form is sent");

    let kept_open = async |reason: &str| interact(&ctx, changes("T1", "V1", Some(reason))).await.unwrap();
    assert!(
        kept_open(" \n ").await.is_some_and(|said| said.to_string().contains("Write what has to change"))
    );
    let long = "x".repeat(2_001);
    assert!(kept_open(&long).await.is_some_and(|said| said.to_string().contains("at most 2000")));
    interact(&ctx, changes("T2", "V1", Some("from elsewhere"))).await.unwrap();
    assert!(line.bodies.lock().unwrap().is_empty());
    for _ in 0..3 {
        assert_eq!(kept_open("too small").await, None);
    }
    let bodies = line.bodies.lock().unwrap().clone();
    assert!(bodies.len() == 1 && bodies[0].contains("too small"), "{bodies:?}");
}

#[tokio::test]
async fn commands_are_answered_at_once_and_only_what_needs_a_cluster_is_queued() {
    let (line, ctx) = world();
    for (text, says, queued) in [
        ("get kustomizations", "Asking", 1),
        ("", "Usage: /flux", 1),
        ("delete all", "`flux delete` is not done from Slack", 1),
        ("gett ks", "not understood", 1),
        (&"x".repeat(3_000), "too long", 1),
    ] {
        let answer = interact(&ctx, command(text, "t1")).await.unwrap().unwrap();
        assert_eq!(answer["response_type"], "ephemeral");
        assert!(answer["text"].as_str().unwrap().contains(says), "{answer}");
        assert_eq!(line.bodies.lock().unwrap().len(), queued);
    }
}
