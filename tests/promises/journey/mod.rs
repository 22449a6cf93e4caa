//! The whole journey of a pull request, told once: whatever form Preflux runs in, people see the same things in the same order.
//!
//! The forms are [`standalone`] (one process) and [`lambda`] (three functions, and all that AWS does around them).

mod held_back;
pub(crate) mod lambda;
mod marks;
mod own;
mod rules;
mod standalone;
mod webhook;
mod whole;
mod world;

use std::time::Duration;

use testkit::slack::{ALICE, BOB, DEPLOYS, Message, as_text};

use crate::support::{eventually, seen};
pub(crate) use world::{ON_THE_CLUSTER, World, grant_as};

/// A step takes seconds; a machine that compiles beside it may need a minute.
pub(crate) const LIMIT: Duration = Duration::from_secs(90);

/// One form of Preflux at work on a [`World`].
pub(crate) trait App {
    /// Does what happens by itself in the meantime: for a process that runs, nothing has to be done.
    async fn turn(&self);
}

/// From the first poll to the merge.
pub(crate) async fn journey(world: &World, app: &impl App) {
    let report = reported(world, app, &world.sample.head_sha).await;
    says_what_changes(world, &report);
    comment_once(world, app, &report).await;
    approve_once(world, app, &report).await;
    let second = push(world, app, &report).await;
    assert_eq!(second.ts, report.ts, "the message is edited, not posted again");
    commands(world, app).await;
    merge(world, app, &second).await;
    assert_eq!(world.slack.messages(DEPLOYS).len(), 1, "one message from beginning to end");
    assert_eq!(world.slack.toasts().len(), 0, "nobody saw an error: {:?}", world.slack.toasts());
}

/// Waits for the one message to show the report of this head, and its details in the thread.
pub(crate) async fn reported(world: &World, app: &impl App, head: &str) -> Message {
    eventually("one message with a report and its details", LIMIT, async || {
        app.turn().await;
        let messages = world.slack.messages(DEPLOYS);
        assert!(messages.len() <= 1, "more than one message: {messages:#?}");
        let shown = messages.first().map(as_text).unwrap_or_default();
        let message = messages.into_iter().next().ok_or_else(|| shown.clone())?;
        let ready = has_button(&message, "approve")
            && shown.contains(&head[..7])
            && !details(world, &message).is_empty();
        if ready { Ok(message) } else { Err(shown) }
    })
    .await
}

pub(crate) fn has_button(message: &Message, action: &str) -> bool {
    let elements = message.blocks.iter().filter_map(|block| block["elements"].as_array()).flatten();
    elements.into_iter().any(|element| element["action_id"] == action)
}

/// All that the thread says, files included.
pub(crate) fn details(world: &World, message: &Message) -> String {
    let replies = world.slack.thread(DEPLOYS, &message.ts).into_iter().filter(|reply| reply.ts != message.ts);
    let mut text: String = replies.map(|reply| as_text(&reply)).collect();
    text.extend(world.slack.files().iter().map(|file| String::from_utf8_lossy(&file.content).into_owned()));
    text
}

fn says_what_changes(world: &World, message: &Message) {
    let (summary, details) = (as_text(message), details(world, message));
    for name in ["storefront", "shop-catalog", "legacy-redirect"] {
        assert!(details.contains(name), "the details name `{name}`:\n{details}");
    }
    // The sample's pull request changes a token in a Secret.
    assert!(!details.contains("Z2lmdC") && !summary.contains("Z2lmdC"), "no Secret's data is shown");
    let expected = if world.has_cluster { "Checked on cluster" } else { "No cluster was asked" };
    assert!(summary.contains(expected) || details.contains(expected), "`{expected}`:\n{summary}\n{details}");
}

pub(crate) async fn click(world: &World, message: &Message, action: &str, user: &str) {
    let answer = world.slack.click(DEPLOYS, &message.ts, action, user).await.unwrap();
    assert!(answer.is_ok(), "{action}: {answer:?}");
}

/// Waits until this many private answers have come in all.
pub(crate) async fn answers(world: &World, app: &impl App, count: usize) {
    eventually("a private answer", LIMIT, async || {
        app.turn().await;
        seen(world.slack.ephemerals(), |answers| answers.len() >= count)
    })
    .await;
}

/// Two people post the report: GitHub shows one comment.
async fn comment_once(world: &World, app: &impl App, message: &Message) {
    for (count, user) in [(1, ALICE), (2, BOB)] {
        click(world, message, "post_comment", user).await;
        answers(world, app, count).await;
    }
    let comments = world.sample.repo.comments(world.sample.pull);
    assert_eq!(comments.len(), 1, "{comments:#?}");
    assert!(comments[0].body.contains("<!-- preflux:report -->") && comments[0].body.contains("storefront"));
}

/// An approval stands on the very commit that was reported, and a second one changes nothing.
async fn approve_once(world: &World, app: &impl App, message: &Message) {
    for (count, user) in [(3, ALICE), (4, BOB)] {
        click(world, message, "approve", user).await;
        answers(world, app, count).await;
    }
    let reviews = world.sample.repo.reviews(world.sample.pull);
    assert_eq!(reviews.len(), 1, "{reviews:#?}");
    assert_eq!((reviews[0].state.as_str(), &reviews[0].commit_id), ("APPROVED", &world.sample.head_sha));
    let message = world.slack.messages(DEPLOYS).remove(0);
    assert!(as_text(&message).contains("Approved"), "the message says so: {}", as_text(&message));
}

/// New commits: the same message, a new report.
async fn push(world: &World, app: &impl App, first: &Message) -> Message {
    let file = ("apps/production/storefront-size.yaml", Some(include_str!("more-pods.yaml")));
    let head = world.sample.repo.push_to_pull(world.sample.pull, [file]);
    let second = reported(world, app, &head).await;
    assert_ne!(report_id(first), report_id(&second), "a report of its own");
    second
}

fn report_id(message: &Message) -> Option<String> {
    let elements = message.blocks.iter().filter_map(|block| block["elements"].as_array()).flatten();
    elements.into_iter().find(|e| e["action_id"] == "approve")?["value"].as_str().map(str::to_owned)
}

async fn commands(world: &World, app: &impl App) {
    let before = world.slack.ephemerals().len();
    let answer = world.slack.command("/flux", "get kustomizations", DEPLOYS, ALICE).await.unwrap();
    assert!(answer.is_ok(), "{answer:?}");
    // One at once, one with what the cluster says.
    answers(world, app, before + 2).await;
    let said = as_text(world.slack.ephemerals().last().unwrap());
    let expected = if world.has_cluster { "infrastructure" } else { "There is no cluster to ask" };
    assert!(said.contains(expected), "{said}");
    if world.has_cluster {
        choose(world, app).await;
    }
}

/// Below the table is a menu of what is in it; what is chosen is shown by itself.
async fn choose(world: &World, app: &impl App) {
    let table = world.slack.ephemerals().pop().unwrap();
    let before = world.slack.ephemerals().len();
    let chosen =
        world.slack.choose(DEPLOYS, &table.ts, "command_choose", "flux-system/infrastructure", ALICE).await;
    assert!(chosen.unwrap().is_ok());
    answers(world, app, before + 1).await;
    let said = as_text(world.slack.ephemerals().last().unwrap());
    assert!(said.contains("1 Kustomization in cluster") && said.contains("NAMESPACE"), "{said}");
    assert!(!said.contains("storefront"), "{said}");
    let answer = world.slack.command("/flux", "get all --status-selector ready=true", DEPLOYS, ALICE).await;
    assert!(answer.unwrap().is_ok());
    answers(world, app, before + 3).await;
    let said = as_text(world.slack.ephemerals().last().unwrap());
    assert!(said.contains("gitrepository/flux-system") && said.contains("kustomization/apps"), "{said}");
}

async fn merge(world: &World, app: &impl App, message: &Message) {
    world.sample.repo.merge(world.sample.pull);
    eventually("the message says merged", LIMIT, async || {
        app.turn().await;
        let now = world.slack.messages(DEPLOYS).remove(0);
        seen(as_text(&now), |text| text.contains("Merged") && !has_button(&now, "approve"))
    })
    .await;
    // A click on what somebody still has on the screen does nothing.
    let reviews = world.sample.repo.reviews(world.sample.pull).len();
    let late = world.slack.click(DEPLOYS, &message.ts, "approve", ALICE).await;
    assert!(late.is_err() || late.is_ok_and(|answer| answer.is_ok()));
    app.turn().await;
    assert_eq!(world.sample.repo.reviews(world.sample.pull).len(), reviews);
}
